"""The frame of netlink messages: lengths are believed only as far as the bytes go."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.capture.fuzzed import mutations, survives
from tests.capture.messages import DUMP_END, END_OF_TCP, ROW, attribute, error, message
from tui.capture.netlink import Malformed, Refused, attributes, messages, request


def listed(data: bytes) -> list[tuple[int, int, bytes]]:
    return [(kind, flags, data[start:end]) for kind, flags, start, end in messages(data)]


def values(data: bytes) -> list[tuple[int, bytes]]:
    return [(kind, data[start:end]) for kind, start, end in attributes(data, 0, len(data))]


def test_a_request_is_its_header_and_its_payload() -> None:
    assert request(20, 0x300, b"payload!") == struct.pack("=IHHII", 24, 20, 0x301, 1, 0) + b"payload!"


def test_several_messages_in_one_datagram_come_one_by_one_without_their_padding() -> None:
    assert listed(message(20, b"first") + message(18, b"12345678", flags=0x10)) == [
        (20, 2, b"first"),
        (18, 0x10, b"12345678"),
    ]


def test_the_last_message_need_not_be_padded() -> None:
    assert listed(message(20, b"first")[:-3]) == [(20, 2, b"first")]


def test_an_empty_datagram_has_no_message() -> None:
    assert listed(b"") == []


def test_an_error_has_the_kernels_number() -> None:
    with pytest.raises(Refused) as refused:
        listed(error(1))
    assert refused.value.errno == 1


def test_an_acknowledgement_is_no_error() -> None:
    assert [kind for kind, _, _ in listed(error(0))] == [2]


@pytest.mark.parametrize("length", [0, 1, 15, 17, 2**31, 2**32 - 1])
def test_a_length_that_the_datagram_does_not_have_is_malformed(length: int) -> None:
    with pytest.raises(Malformed):
        listed(struct.pack("=IHHII", length, 20, 0, 0, 0))


@pytest.mark.parametrize("size", range(1, 16))
def test_a_header_that_is_cut_is_malformed(size: int) -> None:
    with pytest.raises(Malformed):
        listed(message(20, b"")[:size])


@pytest.mark.parametrize("size", range(16, 20))
def test_an_error_without_its_number_is_malformed(size: int) -> None:
    with pytest.raises(Malformed):
        listed(struct.pack("=IHHII", size, 2, 0, 0, 0) + bytes(size - 16))


def test_attributes_come_with_their_values_without_padding_and_without_the_flags_in_their_type() -> None:
    data = attribute(2, b"value") + attribute(0x8000 | 10, b"\x06") + attribute(3, b"")
    assert values(data) == [(2, b"value"), (10, b"\x06"), (3, b"")]


@pytest.mark.parametrize("length", [0, 1, 2, 3])
def test_an_attribute_that_is_shorter_than_its_head_is_malformed_and_no_endless_loop(length: int) -> None:
    with pytest.raises(Malformed):
        values(struct.pack("=HH", length, 2) + bytes(8))


def test_an_attribute_that_is_longer_than_what_is_left_is_malformed() -> None:
    with pytest.raises(Malformed):
        values(struct.pack("=HH", 9, 2) + bytes(4))


def test_less_than_a_head_at_the_end_is_padding() -> None:
    assert values(attribute(2, b"1234") + bytes(3)) == [(2, b"1234")]


@given(st.binary(max_size=200))
def test_any_bytes_are_messages_or_malformed(data: bytes) -> None:
    survives(listed, data)
    survives(values, data)


@given(mutations([ROW, DUMP_END, END_OF_TCP, error(1), error(0)]))
def test_any_change_to_good_messages_gives_messages_or_malformed(data: bytes) -> None:
    survives(listed, data)
    survives(values, data[16:])
