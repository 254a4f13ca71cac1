"""How far this process may see, from the texts of /proc; and which command would let it see more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.capture.reach import (
    CAPABILITIES,
    UNIT,
    Reach,
    capabilities_of,
    hidepid_of,
    is_whole,
    read_reach,
    unseen_others,
)
from tui.capture.remedies import Remedies

ALL = frozenset(CAPABILITIES)
ROOT = Reach(ALL, False, False, None)
NOBODY = Reach(frozenset(), False, False, None)
MOUNT = "22 27 0:21 / /proc rw,relatime shared:5 - proc proc rw{}\n23 27 0:22 / /sys rw - sysfs sysfs rw"


def remedies(reach: Reach, uid: int = 1000, is_service: bool = False) -> Remedies:
    return Remedies("/opt/retool-egress", uid, "ana", is_service, reach)


def test_capabilities_are_the_bits_in_effect() -> None:
    assert capabilities_of("Name:\tx\nCapPrm:\tffffffffffffffff\nCapEff:\t0000000000080004\n") == {
        "CAP_SYS_PTRACE",
        "CAP_DAC_READ_SEARCH",
    }
    assert capabilities_of("Name:\tx\n") == frozenset()


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("         0          0 4294967295\n", True),
        ("0 1000 1\n", False),
        ("0 0 1\n1 1 4294967294\n", False),
        ("", False),
    ],
)
def test_only_the_whole_range_of_users_is_the_machine_s_own_user_namespace(text: str, whole: bool) -> None:
    assert is_whole(text) is whole


@pytest.mark.parametrize(
    ("options", "hidepid"),
    [("", None), (",hidepid=0", None), (",hidepid=off", None), (",gid=4,hidepid=invisible", "invisible"),
     (",hidepid=2", "2")],
)  # fmt: skip
def test_hidepid_is_read_off_the_mount_of_proc(options: str, hidepid: str | None) -> None:
    assert hidepid_of(MOUNT.format(options)) == hidepid


def test_the_proc_that_was_mounted_last_counts() -> None:
    later = "80 22 0:40 / /proc rw - proc proc rw,hidepid=1"
    assert hidepid_of(f"{MOUNT.format('')}\n{later}") == "1"
    assert hidepid_of(f"{later}\n{MOUNT.format('')}") is None


@given(st.text())
def test_any_text_of_mounts_at_all_is_read(text: str) -> None:
    hidepid_of(text)
    is_whole(text)


def test_this_process_s_own_can_be_read() -> None:
    assert isinstance(read_reach(), Reach)


def test_in_a_user_namespace_capabilities_count_for_nothing_outside() -> None:
    reach = Reach(ALL, True, False, None)
    assert not reach.can("CAP_SYS_ADMIN")
    assert not reach.reads_owners
    assert "on the host itself" in str(remedies(reach, uid=0).privileges)


def test_hidepid_does_not_hold_for_one_who_may_trace_every_process() -> None:
    assert not Reach(ALL, False, False, "2").is_hidden_from
    assert Reach(frozenset(), False, False, "2").is_hidden_from


@pytest.mark.parametrize(
    ("unreadable", "reach", "words"),
    [
        (0, ROOT, ""),
        (1, ROOT, ""),
        (0, NOBODY, ""),
        (7, NOBODY, "other users' processes may not be read"),
        (0, Reach(frozenset(), False, False, "2"), "/proc does not list other users' processes"),
        (0, Reach(ALL, False, False, "2"), ""),
        (0, Reach(ALL, False, True, None), "a container lists its own processes only"),
    ],
)
def test_namespaces_that_cannot_even_be_found_are_told(unreadable: int, reach: Reach, words: str) -> None:
    told = unseen_others(unreadable, reach)
    assert told.endswith(words)
    assert bool(told) == bool(words)


def test_a_user_is_told_sudo_a_service_its_unit_and_root_nothing() -> None:
    assert remedies(NOBODY).privileges == "sudo /opt/retool-egress"
    assert str(remedies(NOBODY, is_service=True).privileges).startswith(UNIT)
    assert remedies(ROOT, uid=0).privileges is None


def test_a_root_without_a_capability_is_told_the_line_that_takes_it_away() -> None:
    reach = Reach(ALL - {"CAP_SYS_PTRACE"}, False, False, None)
    assert str(remedies(reach, uid=0).privileges).startswith("CapabilityBoundingSet=CAP_NET_ADMIN ")


def test_root_is_not_told_sudo() -> None:
    assert remedies(ROOT, uid=0).module("udp_diag") == "modprobe udp_diag"
    assert remedies(NOBODY).module("udp_diag") == "sudo modprobe udp_diag"
    assert str(remedies(NOBODY).buffer).startswith("sudo sysctl -w net.core.rmem_max=")
