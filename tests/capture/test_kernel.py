"""What is said of kernels that lack something, by sockets that answer as those do."""

import errno
import os
import socket
from collections.abc import Callable
from typing import cast

import pytest

from tests.capture.test_reach import ALL, NOBODY, ROOT, remedies
from tui.capture.diag_socket import Asker, EndListener
from tui.capture.kernel import check_kernel, check_wire, own_info
from tui.capture.netlink import Malformed, Refused
from tui.capture.reach import Reach
from tui.capture.remedies import Remedies
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


# Packets


def wire(number: int | None, to: Remedies) -> Check:
    """What is said where the kernel answers with an error, or with a socket."""

    def open() -> socket.socket:
        if number is None:
            return socket.socket(socket.AF_UNIX)
        raise OSError(number, os.strerror(number))

    return check_wire(to, "own look-ups and ranges only", open)


def test_packets_that_may_be_read_are_seen() -> None:
    found = wire(None, remedies(ROOT, uid=0))
    assert (found.what, found.seen, found.remedy) == (What.WIRE, Seen.YES, None)


WITHOUT = Reach(ALL - {"CAP_NET_RAW"}, False, False, None)


@pytest.mark.parametrize(
    ("number", "to", "reason", "remedy"),
    [
        (errno.EPERM, remedies(NOBODY), "CAP_NET_RAW is missing", "sudo /opt/retool-egress"),
        (
            errno.EPERM,
            remedies(NOBODY, is_service=True),
            "CAP_NET_RAW is missing",
            "AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW ",
        ),
        (
            errno.EPERM,
            remedies(WITHOUT, uid=0),
            "CAP_NET_RAW is missing",
            "CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW ",
        ),
        (errno.EPERM, remedies(ROOT, uid=0), "seccomp", None),
        (errno.EAFNOSUPPORT, remedies(ROOT, uid=0), "the kernel has no packet sockets", "modprobe af_packet"),
        (errno.EMFILE, remedies(ROOT, uid=0), "Too many open files", None),
    ],
)
def test_packets_that_may_not_be_read_leave_less_evidence_and_the_reason_has_its_command(
    number: int, to: Remedies, reason: str, remedy: str | None
) -> None:
    found = wire(number, to)
    assert found.seen is Seen.NO
    assert reason in found.reason
    assert found.reason.endswith("what is left: own look-ups and ranges only")
    assert (found.remedy or "").startswith(remedy or "")
    assert (found.remedy is None) is (remedy is None)
