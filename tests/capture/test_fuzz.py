"""Hostile bytes in what reads packets: a share of ``tests.bench.fuzz``, and the dearest inputs that are known."""

import struct
import time
import tracemalloc
from collections.abc import Callable

import pytest

from tests.capture.packets import SYN, TCP, Packet
from tests.capture.wire_corpus import HELLOS, HOST, answer, hello, in_records
from tests.capture.wire_targets import TIME_MAX_S, check_cut_hello, check_dns, check_hello, check_http, fuzz
from tui.capture.dns_message import read_message
from tui.capture.flows import Flows

INPUTS = 40_000
SEED = 4


def test_hostile_inputs_give_nothing_that_may_not_be_shown_and_take_no_time() -> None:
    assert sum(count for _, count, _ in fuzz(INPUTS, SEED)) > 0.99 * INPUTS


@pytest.mark.parametrize("whole", HELLOS)
def test_a_hello_that_is_cut_anywhere_is_never_read_as_one_with_another_name(whole: bytes) -> None:
    for at in range(1, len(whole) + 1):
        check_cut_hello(whole[:at])


def many_records(record: bytes, count: int) -> bytes:
    """An answer for the address of a.a.a… with so many records."""
    question = b"\1a" * 126 + b"\0" + struct.pack("!HH", 1, 1)
    return struct.pack("!6H", 1, 0x8180, 1, count, 0, 0) + question + record * count


def extensions(count: int) -> bytes:
    """A hello with so many empty extensions."""
    body = hello(None)[9:-4] + struct.pack("!HH", 0x1234, 0) * count
    return in_records(b"\x01" + len(body).to_bytes(3) + body, 1 << 14)


ALIAS = b"\xc0\x0c" + struct.pack("!HHIH", 5, 1, 60, 4) + b"\1b\xc0\x0e"
DEAR: list[tuple[Callable[[bytes], None], bytes]] = [
    (check_dns, many_records(ALIAS, 4_000)),
    (check_dns, many_records(b"\0" + struct.pack("!HHIH", 1, 1, 60, 4) + bytes(4), 4_300)),
    (check_hello, in_records(b"\x01\x00\xff\x00" + bytes(0xFF00), 1)),
    (check_hello, extensions(15_000)),
    (check_http, b"GET / HTTP/1.1\r\nHost:" + b" " * 16_000 + b"\ra\r\n\r\n"),
    (check_http, b"GET / HTTP/1.1\r\n" + b"Host: a\n" * 2_000 + b"\n"),
    (check_http, b"GET http://" + b"@" * 8_000 + b" HTTP/1.1\r\n\r\n"),
    (check_http, b"CONNECT " + b"0" * 8_000 + b":0000 HTTP/1.1\r\n\r\n"),
]


@pytest.mark.parametrize(("check", "data"), DEAR, ids=lambda given: getattr(given, "__name__", ""))
def test_an_input_made_to_be_dear_takes_no_time(check: Callable[[bytes], None], data: bytes) -> None:
    times = []
    for _ in range(3):
        began = time.thread_time()
        check(data)
        times.append(time.thread_time() - began)
    assert min(times) < TIME_MAX_S


def test_records_beyond_the_first_ones_are_not_seen_and_the_answer_still_counts() -> None:
    found = read_message(answer(HOST, "A", *(f"{HOST}. 60 A 10.0.{at // 250}.{at % 250}" for at in range(500))))
    assert found is not None
    assert found.addresses[:2] == (("10.0.0.0", 60.0), ("10.0.0.1", 60.0))
    assert len(found.addresses) < 500


def test_an_answer_that_is_cut_short_is_an_answer_without_addresses() -> None:
    whole = bytearray(answer(HOST, "A", f"{HOST}. 60 A 203.0.113.10"))
    whole[2] |= 0x02  # TC, RFC 1035 §4.1.1
    found = read_message(bytes(whole))
    assert found is not None
    assert (found.is_answer, found.addresses, found.failure) == (True, (), None)


UNFINISHED = {443: hello(HOST, padding=12_000)[:8_000], 53: struct.pack("!H", 0xFFFF) + bytes(8_000)}
"""By port: what begins a long message that never ends."""


@pytest.mark.parametrize("port", UNFINISHED)
def test_a_flood_of_messages_that_never_end_does_not_fill_the_memory(port: int) -> None:
    flows, count = Flows("net:[1]", lambda _: False), 4_000
    tracemalloc.start()
    try:
        for number in range(count):
            near_port = 1_024 + number
            flows.take(Packet(TCP, flags=SYN, far_port=port, near_port=near_port).data, number, outgoing=True)
            flows.take(Packet(TCP, UNFINISHED[port], port, near_port).data, number, outgoing=True)
        flows.tell(count)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 8_000 * count / 4
