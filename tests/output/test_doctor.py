"""`doctor` for people and programs, from values alone."""

import json
from dataclasses import replace

import pytest
from rich.cells import cell_len

from tui.model.diagnosis import Check, Diagnosis, Seen, What
from tui.output.doctor import NEVER, STATES, TITLES, doctor_lines, doctor_report

SOURCE = Check(What.SOURCE, "", Seen.YES, "sock_diag: every connection")
OTHERS = Check(What.OTHER_NAMESPACES, "", Seen.NO, "an unknown number is not seen", "sudo retool-egress")
ALL_AT_ONCE = Check(What.ALL_AT_ONCE, "", Seen.PARTLY, "CAP_NET_BROADCAST is missing", "sudo retool-egress")
BUFFER = Check(What.BUFFER, "", Seen.PARTLY, "room for 332 ends", "sudo sysctl -w net.core.rmem_max=33554432")
CONTAINERS = Check(What.CONTAINERS, "/run/docker.sock", Seen.PARTLY, "no socket")
API = Check(What.NAMESPACE, "net:[4026532318]", Seen.YES, "2 processes", None, ("retool-api-1 (api)", "visitor"))
UNIT = "AmbientCapabilities=CAP_SYS_ADMIN"
MISSING = Diagnosis(
    "retool-prod-1", "ana", 1000, "netlink", (SOURCE, BUFFER, CONTAINERS, API, ALL_AT_ONCE, OTHERS), UNIT
)
WHOLE = Diagnosis("retool-prod-1", "root", 0, "netlink", (SOURCE, API), UNIT)


def test_what_is_not_seen_stands_above_what_is_partly_seen_above_what_is_seen() -> None:
    lines = doctor_lines(MISSING)
    states = [line[:10].strip() for line in lines if line[:10].strip() in STATES.values()]
    assert states == ["✕ not seen", "? partly", "? partly", "? partly", "● seen", "● seen"]
    assert "NOT EVERYTHING IS SEEN: 1 not seen, 3 partly, 2 seen" in lines


def test_one_remedy_stands_once_below_all_that_it_mends() -> None:
    lines = doctor_lines(MISSING)
    assert lines.count("    sudo retool-egress") == 1
    at = lines.index("    sudo retool-egress")
    assert lines[at - 2].startswith("✕ not seen  other namespaces")
    assert lines[at - 1].startswith("? partly    all ends at once")
    assert lines[at + 1] == ""


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_no_line_is_wider_than_the_terminal_but_one_to_copy(width: int) -> None:
    wide = replace(API, workloads=("ретул-ап-" * 9, "例え" * 30), reason="很长" * 60)
    lines = doctor_lines(replace(MISSING, checks=(*MISSING.checks, wide)), width)
    assert max(cell_len(line) for line in lines if not line.startswith("    ") or line.startswith(" " * 10)) <= max(
        width, 48
    )
    assert "    sudo sysctl -w net.core.rmem_max=33554432" in lines


def test_a_pipe_gets_one_line_for_each_check() -> None:
    reason = "word " * 200
    lines = doctor_lines(replace(WHOLE, checks=(replace(SOURCE, reason=reason),)))
    assert [line for line in lines if line.endswith(reason.strip()) or reason in line]


def test_all_seen_is_said_in_words_and_still_names_what_is_never_seen() -> None:
    lines = doctor_lines(WHOLE)
    assert "Everything that this version can see is seen (2 checks)." in lines
    assert "\n".join(lines).count("NOT") == 0
    for never in NEVER:
        assert never in "\n".join(lines)


def test_a_namespace_is_told_by_what_lives_in_it() -> None:
    row = next(line for line in doctor_lines(WHOLE) if "net:[4026532318]" in line)
    assert "retool-api-1 (api)," in row


def test_the_line_for_a_systemd_unit_is_for_those_who_lack_privileges_and_are_not_root() -> None:
    assert f"    {UNIT}" in doctor_lines(MISSING)
    assert f"    {UNIT}" not in doctor_lines(replace(MISSING, uid=0))
    assert f"    {UNIT}" not in doctor_lines(replace(MISSING, checks=(SOURCE, CONTAINERS)))


def test_outside_text_reaches_neither_terminal_nor_program() -> None:
    evil = "\x1b[2J\u202e"
    check = Check(What.NAMESPACE, evil, Seen.NO, evil, evil, (evil,))
    diagnosis = Diagnosis(evil, evil, 7, "netlink", (check,), UNIT)
    for text in ("\n".join(doctor_lines(diagnosis, 80)), json.dumps(doctor_report(diagnosis), ensure_ascii=False)):
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "�[2J�" in text


def test_the_keys_for_programs_stay_still() -> None:
    report = doctor_report(MISSING)
    assert list(report) == ["node", "user", "uid", "source", "complete", "checks", "never_seen", "systemd_unit"]
    assert report["complete"] is False
    assert report["checks"][3] == {
        "what": "namespace",
        "where": "net:[4026532318]",
        "seen": "yes",
        "reason": "2 processes",
        "remedy": None,
        "workloads": ["retool-api-1 (api)", "visitor"],
    }


def test_everything_that_can_be_checked_has_a_title() -> None:
    assert set(TITLES) == set(What)
    assert set(STATES) == set(Seen)
