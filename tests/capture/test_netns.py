"""The numbers of namespaces, from the bytes of rtnetlink; and that no way leads into a wrong namespace."""

import os
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.capture.fuzzed import mutations, survives
from tests.capture.messages import RTM_DELNSID, RTM_NEWNSID, attribute, error, message, nsid_message
from tui.capture.netlink import Malformed, Refused
from tui.capture.netns import inside, open_namespace, own_namespace, parse_nsid, parse_numbers

GOOD = [nsid_message(RTM_NEWNSID, 7), nsid_message(RTM_DELNSID, 7), error(2)]


def deaths(data: bytes) -> list[int]:
    return [nsid for given, nsid in parse_numbers(data) if not given]


@pytest.mark.parametrize("number", [0, 1, 7, 2**31 - 1])
def test_the_answer_has_the_number_also_when_it_is_the_first_one(number: int) -> None:
    assert parse_nsid(nsid_message(RTM_NEWNSID, number)) == number


def test_a_namespace_without_a_number_has_none() -> None:
    assert parse_nsid(nsid_message(RTM_NEWNSID, -1)) is None


def test_an_answer_without_a_number_in_it_is_malformed() -> None:
    for data in (b"", nsid_message(RTM_DELNSID, 7), message(RTM_NEWNSID, bytes(4)),
                 message(RTM_NEWNSID, bytes(4) + attribute(1, b"\x07"))):  # fmt: skip
        with pytest.raises(Malformed):
            parse_nsid(data)


def test_a_refusal_says_why() -> None:
    with pytest.raises(Refused) as refused:
        parse_nsid(error(95))
    assert refused.value.errno == 95


def test_numbers_that_are_taken_back_are_told_and_new_ones_are_not() -> None:
    data = nsid_message(RTM_DELNSID, 0) + nsid_message(RTM_NEWNSID, 3) + nsid_message(RTM_DELNSID, 9)
    assert deaths(data) == [0, 9]


def test_an_answer_that_is_cut_anywhere_is_malformed() -> None:
    data = nsid_message(RTM_NEWNSID, 7)
    for size in range(len(data)):
        with pytest.raises(Malformed):
            parse_nsid(data[:size])


@pytest.mark.parametrize("length", [0, 1, 2, 3])
def test_an_attribute_without_length_is_malformed_and_no_endless_loop(length: int) -> None:
    empty = bytes(4) + struct.pack("=HH", length, 1) + bytes(8)
    with pytest.raises(Malformed):
        parse_nsid(message(RTM_NEWNSID, empty))
    with pytest.raises(Malformed):
        deaths(message(RTM_DELNSID, empty))


@given(st.binary(max_size=100) | mutations(GOOD))
def test_any_bytes_are_numbers_or_malformed(data: bytes) -> None:
    survives(parse_nsid, data)
    survives(deaths, data)


def test_a_process_that_is_now_in_another_namespace_leads_nowhere() -> None:
    with pytest.raises(ProcessLookupError, match=r"no longer in net:\[1\]"):
        open_namespace("net:[1]", os.getpid())


def test_a_process_that_has_gone_leads_nowhere(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_namespace(own_namespace(), 4711, tmp_path)


def test_a_refused_namespace_leaves_no_descriptor_behind() -> None:
    def refused() -> int:
        """How many descriptors there are after both kinds of refusal."""
        with pytest.raises(ProcessLookupError):
            open_namespace("net:[1]", os.getpid())
        with (
            open("/proc/self/stat", "rb") as no_namespace,
            pytest.raises(OSError, match=r"."),
            inside(no_namespace.fileno()),
        ):
            raise AssertionError("it was entered")
        return len(os.listdir("/proc/self/fd"))

    first = refused()
    assert [refused() for _ in range(3)] == [first] * 3
