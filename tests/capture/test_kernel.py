"""What is said of kernels that lack something, by sockets that answer as those do."""

import errno
import os
from collections.abc import Callable
from typing import cast

import pytest

from tests.capture.test_reach import NOBODY, remedies
from tui.capture.diag_socket import Asker, EndListener
from tui.capture.kernel import check_kernel, own_info
from tui.capture.netlink import Malformed, Refused
from tui.model.diagnosis import Check, Seen, What


class Answers:
    """A socket to a kernel: what it is asked ends as a test says."""

    def __init__(self, tcp: Exception | None = None, udp: Exception | None = None) -> None:
        self._faults = (tcp, udp)
        self.closed = False

    def tcp(self, *, counters: bool) -> list[object]:
        return self._answer(0)

    def udp(self) -> list[object]:
        return self._answer(1)

    def _answer(self, place: int) -> list[object]:
        fault = self._faults[place]
        if fault is not None:
            raise fault
        return []

    def close(self) -> None:
        self.closed = True


class Hears:
    """A listener for ends with a buffer as a test says."""

    def __init__(self, holds: int, buffer_forced: bool) -> None:
        self.holds = holds
        self.buffer_forced = buffer_forced

    def close(self) -> None:
        pass


def refuse(number: int) -> Callable[[], EndListener]:
    def listen() -> EndListener:
        raise OSError(number, os.strerror(number))

    return listen


def checks(
    asker: Answers | None = None,
    listen: Callable[[], EndListener] | None = None,
    info: Callable[[], bytes] = lambda: bytes(256),
) -> dict[What, Check]:
    made = asker or Answers()
    hears = listen or (lambda: cast(EndListener, Hears(52_428, True)))
    return {check.what: check for check in check_kernel(remedies(NOBODY), lambda: cast(Asker, made), hears, info)}


def test_a_kernel_that_has_everything_is_seen_whole() -> None:
    assert {check.seen for check in checks().values()} == {Seen.YES}


@pytest.mark.parametrize("number", [errno.ENOENT, errno.EOPNOTSUPP, errno.EPROTONOSUPPORT])
def test_a_kernel_without_udp_diag_is_told_the_module(number: int) -> None:
    found = checks(Answers(udp=Refused(number, "the kernel refused a netlink request")))
    assert (found[What.UDP].seen, found[What.UDP].remedy) == (Seen.NO, "sudo modprobe udp_diag")
    assert found[What.UDP].reason == "the kernel has no udp_diag"
    assert found[What.TCP].seen is Seen.YES


def test_a_kernel_that_tells_no_ends_misses_what_lives_between_two_looks() -> None:
    found = checks(listen=refuse(errno.ENOENT))
    assert (found[What.ENDS].seen, found[What.ENDS].remedy) == (Seen.NO, "sudo modprobe inet_diag")
    assert "between two looks" in found[What.ENDS].reason
    assert What.BUFFER not in found


def test_what_is_forbidden_is_not_called_absent() -> None:
    found = checks(Answers(tcp=PermissionError(errno.EPERM, "Operation not permitted")))
    assert "forbids" in found[What.TCP].reason
    assert found[What.TCP].remedy is None


def test_an_answer_that_cannot_be_read_is_a_finding_and_no_crash() -> None:
    asker = Answers(tcp=Malformed("an attribute of 3 bytes"))
    found = checks(asker)
    assert "an attribute of 3 bytes" in found[What.TCP].reason
    assert asker.closed


def test_a_small_buffer_is_told_with_what_it_holds_and_what_enlarges_it() -> None:
    found = checks(listen=lambda: cast(EndListener, Hears(332, False)))
    assert found[What.BUFFER].seen is Seen.PARTLY
    assert "332" in found[What.BUFFER].reason
    assert found[What.BUFFER].remedy == "sudo sysctl -w net.core.rmem_max=33554432"


def test_a_buffer_that_the_machine_allows_anyway_needs_no_privilege() -> None:
    assert checks(listen=lambda: cast(EndListener, Hears(52_428, False)))[What.BUFFER].seen is Seen.YES


@pytest.mark.parametrize(("length", "seen"), [(256, Seen.YES), (200, Seen.PARTLY), (104, Seen.NO)])
def test_bytes_are_known_as_far_as_the_kernel_counts_them(length: int, seen: Seen) -> None:
    assert checks(info=lambda: bytes(length))[What.BYTES].seen is seen


def test_this_kernel_s_own_counters_can_be_had() -> None:
    assert len(own_info()) >= 104
