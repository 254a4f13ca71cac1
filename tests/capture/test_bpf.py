"""The assembler: where jumps lead, and what cannot be written."""

import pytest

from tests.capture.bpf_machine import passed
from tui.capture.bpf import Step, assemble, byte, equals, go, passes


def run(*lines: Step | str, packet: bytes = b"\x07") -> int:
    return passed(assemble(lines), packet.ljust(200, b"\0"), 0, 0)


def test_a_jump_leads_to_the_next_step_of_that_name() -> None:
    lines: list[Step | str] = [
        byte(0),
        equals(7, "end", "other"),
        "other",
        passes(1),
        "end",
        passes(2),
        "end",
        passes(3),
    ]
    assert run(*lines) == 2
    assert run(*lines, packet=b"\x08") == 1


def test_a_jump_without_a_name_goes_on() -> None:
    assert run(byte(0), equals(7, no="end"), passes(1), "end", passes(2)) == 1


def test_a_conditional_jump_is_refused_where_it_is_too_far_and_another_one_is_not() -> None:
    def far(jump: Step, steps: int) -> list[Step | str]:
        return [byte(0), jump, *[passes(1)] * steps, "end", passes(2)]

    assert run(*far(equals(7, "end"), 255)) == 2
    assert run(*far(go("end"), 3000)) == 2
    with pytest.raises(ValueError, match=r"256 steps"):
        assemble(far(equals(7, "end"), 256))


def test_a_jump_back_or_to_nowhere_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'start'"):
        assemble(["start", byte(0), equals(7, "start"), passes(1)])
