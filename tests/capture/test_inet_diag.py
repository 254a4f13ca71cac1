"""What sock_diag says of sockets, from the bytes that the kernel sends: rows of dumps and ends.

``python -m tests.capture.test_inet_diag`` mutates good messages a million times (a minute).
"""

import socket
import struct
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.capture import fuzzed
from tests.capture.messages import (
    CLOSE,
    CLOSE_WAIT,
    COOKIE,
    DUMP_END,
    END_OF_TCP,
    END_OF_UDP,
    INFO,
    LISTEN,
    LISTENER,
    MAPPED,
    MARKS,
    NO_PEER,
    OF_TCP,
    RESOLVER,
    ROW,
    SOCK_DIAG_BY_FAMILY,
    SYN_RECV,
    SYN_SENT,
    TCPDIAG_GETSOCK,
    V4,
    V6,
    attribute,
    error,
    message,
    nsid_message,
    socket_id,
    socket_message,
    tcp_info,
)
from tui.capture.inet_diag import (
    Row,
    ends_of,
    listens,
    parse_end,
    parse_info,
    parse_rows,
    state_of,
    tcp_dump_request,
    udp_dump_request,
)
from tui.capture.netlink import Malformed, Refused
from tui.capture.netns import parse_nsid, parse_numbers
from tui.model.connection import Endpoint
from tui.model.observation import Counters, SocketEnd, SocketState

AT_US = 1_700_000_000_000_000
NAMESPACE = "net:[4026532288]"
HERE, THERE = Endpoint("10.0.0.5", 40_000), Endpoint("203.0.113.10", 443)
COUNTED = Counters(0, 0, 0, 302, 501, 6, 5, 300, 0, 0, 1)
GOOD = [ROW, LISTENER, DUMP_END, END_OF_TCP, END_OF_UDP, error(2),
        message(TCPDIAG_GETSOCK, socket_message(V6, INFO, family=socket.AF_INET6))]  # fmt: skip


def rows_in(data: bytes) -> list[Row]:
    rows = list[Row]()
    parse_rows(data, rows, counters=True)
    return rows


def row(data: bytes) -> Row:
    (only,) = rows_in(data)
    return only


def end_in(data: bytes) -> SocketEnd | None:
    return parse_end(data, AT_US, NAMESPACE)


@pytest.mark.parametrize(
    ("family", "id", "ends"),
    [
        (socket.AF_INET, V4, (HERE, THERE)),
        (socket.AF_INET6, V6, (Endpoint("2001:db8::5", 40_001), Endpoint("2001:db8::10", 443))),
        (socket.AF_INET6, MAPPED, (Endpoint("10.0.0.5", 40_002), THERE)),
    ],
)
def test_a_row_has_its_endpoints_its_cookie_its_inode_and_its_counters(
    family: int, id: bytes, ends: tuple[Endpoint, Endpoint]
) -> None:
    found = row(message(TCPDIAG_GETSOCK, socket_message(id, MARKS, INFO, family=family)))
    assert ends_of(found.family, found.id) == (*ends, COOKIE)
    assert (found.inode, found.counters) == (31_337, COUNTED)


def test_rows_of_several_messages_gather_until_the_dump_is_done() -> None:
    rows = list[Row]()
    assert parse_rows(ROW + ROW, rows, counters=True) is False
    assert parse_rows(LISTENER + DUMP_END, rows, counters=True) is True
    assert [each.state for each in rows] == [1, 1, LISTEN]


def test_an_answer_of_a_strange_kind_is_passed_over() -> None:
    assert rows_in(message(99, b"?") + ROW) == rows_in(ROW)


def test_a_refused_dump_says_why() -> None:
    with pytest.raises(Refused) as refused:
        rows_in(error(2))
    assert refused.value.errno == 2


@pytest.mark.parametrize(
    ("number", "state"),
    [
        (1, SocketState.ESTABLISHED),
        (SYN_SENT, SocketState.ATTEMPT),
        (4, SocketState.CLOSING),
        (5, SocketState.CLOSING),
        (CLOSE_WAIT, SocketState.CLOSING),
        (9, SocketState.CLOSING),
        (11, SocketState.CLOSING),
        (SYN_RECV, None),
        (6, None),
        (CLOSE, None),
        (LISTEN, None),
        (12, None),
    ],
)
def test_tcp_states_are_those_that_recording_tells_apart(number: int, state: SocketState | None) -> None:
    assert state_of(row(message(TCPDIAG_GETSOCK, socket_message(V4, INFO, state=number))), "tcp") is state


def test_what_is_left_in_fin_wait_two_of_a_socket_whose_end_was_told_is_of_no_interest() -> None:
    left = row(message(TCPDIAG_GETSOCK, socket_message(V4, state=5, inode=0)))
    assert state_of(left, "tcp") is None


def test_a_listener_waits_for_peers_and_an_established_socket_does_not() -> None:
    assert listens(row(LISTENER), "tcp")
    assert not listens(row(ROW), "tcp")


@pytest.mark.parametrize(
    ("id", "state", "waits"),
    [
        (RESOLVER, SocketState.ESTABLISHED, False),
        (NO_PEER, None, True),
        (socket_id("0.0.0.0", 0, "0.0.0.0", 0), None, False),
    ],
)
def test_a_udp_socket_is_connected_or_waits_on_its_port(id: bytes, state: SocketState | None, waits: bool) -> None:
    found = row(message(SOCK_DIAG_BY_FAMILY, socket_message(id, state=CLOSE)))
    assert (state_of(found, "udp"), listens(found, "udp"), found.counters) == (state, waits, None)


def test_time_wait_is_not_asked_for() -> None:
    states, _ = struct.unpack("=II", tcp_dump_request(counters=True)[-8:])
    assert not states & (1 << 6)
    assert [states >> number & 1 for number in (1, 2, 8, 10)] == [1, 1, 1, 1]


def test_a_request_for_tcp_asks_for_counters_and_one_for_udp_for_its_family() -> None:
    length, kind, flags, _, _ = struct.unpack("=IHHII", tcp_dump_request(counters=True)[:16])
    assert (length, kind, flags, tcp_dump_request(counters=True)[19]) == (
        len(tcp_dump_request(counters=True)),
        TCPDIAG_GETSOCK,
        0x301,
        2,
    )
    asked = udp_dump_request(socket.AF_INET6)
    assert (len(asked), asked[16:18]) == (72, bytes([socket.AF_INET6, 17]))


def test_the_end_of_a_tcp_socket_comes_with_queue_and_counters() -> None:
    assert end_in(END_OF_TCP) == SocketEnd(AT_US, NAMESPACE, "tcp", HERE, THERE, COOKIE, 3, COUNTED)


def test_the_end_of_a_udp_socket_comes_without_counters() -> None:
    ended = end_in(END_OF_UDP)
    assert ended is not None
    assert (ended.protocol, ended.remote, ended.counters) == ("udp", Endpoint("203.0.113.53", 53), None)


def test_the_end_of_a_mapped_socket_is_one_of_ipv4() -> None:
    ended = end_in(
        message(SOCK_DIAG_BY_FAMILY, socket_message(MAPPED, INFO, OF_TCP, family=socket.AF_INET6, state=CLOSE))
    )
    assert ended is not None
    assert (ended.local.ip, ended.remote) == ("10.0.0.5", THERE)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        nsid_message(88, 1),
        message(SOCK_DIAG_BY_FAMILY, socket_message(V4, INFO, family=socket.AF_UNIX)),
        message(SOCK_DIAG_BY_FAMILY, socket_message(V4, INFO, attribute(10, b"\x84"))),
        message(SOCK_DIAG_BY_FAMILY, socket_message(V4, INFO)),
        message(SOCK_DIAG_BY_FAMILY, socket_message(V4, attribute(10, b""))),
    ],
)
def test_the_end_of_what_is_no_tcp_or_udp_socket_is_none(data: bytes) -> None:
    assert end_in(data) is None


LATEST = {"retransmits": 3, "probes": 2, "total_retrans": 5, "acked": 2**40 + 2, "received": 2**41, "segs_out": 70_000,
          "segs_in": 80_000, "sent": 2**40 + 700, "resent": 700, "total_rto": 4, "state": 8}  # fmt: skip


@pytest.mark.parametrize("size", [242, 244, 248, 280, 304])
def test_the_counters_of_this_kernel_and_of_later_ones_are_all_there(size: int) -> None:
    assert parse_info(tcp_info(**LATEST, size=size), 0, size) == Counters(**LATEST)


@pytest.mark.parametrize("size", [216, 224, 232, 240, 241])
def test_kernels_before_six_point_seven_count_no_timeouts(size: int) -> None:
    assert parse_info(tcp_info(**LATEST, size=size), 0, size) == Counters(**LATEST | {"total_rto": 0})


@pytest.mark.parametrize("size", [144, 160, 192, 200, 215])
def test_kernels_before_four_point_nineteen_do_not_count_what_was_sent(size: int) -> None:
    older = Counters(**LATEST | {"total_rto": 0, "resent": 0})._replace(sent=None)
    assert parse_info(tcp_info(**LATEST, size=size), 0, size) == older


@pytest.mark.parametrize("size", [0, 1, 104, 120, 136, 143])
def test_kernels_before_four_point_two_count_nothing_that_helps(size: int) -> None:
    assert parse_info(tcp_info(**LATEST, size=size), 0, size) is None


def test_counters_are_found_again_where_they_stood_and_where_they_do_not() -> None:
    info = attribute(2, tcp_info(acked=1, received=7))
    before = message(TCPDIAG_GETSOCK, socket_message(V4, MARKS, info))
    behind = message(TCPDIAG_GETSOCK, socket_message(V4, info, MARKS))
    assert len(before) == len(behind)
    for data in (before, behind, before):
        found = row(data).counters
        assert found is not None
        assert found.received == 7


def test_a_row_without_counters_is_one_all_the_same() -> None:
    assert row(message(TCPDIAG_GETSOCK, socket_message(V4, MARKS))).counters is None


def test_a_row_of_a_strange_family_is_malformed() -> None:
    with pytest.raises(Malformed):
        rows_in(message(TCPDIAG_GETSOCK, socket_message(V4, INFO, family=socket.AF_UNIX)))


@pytest.mark.parametrize("data", [ROW, LISTENER, END_OF_TCP])
def test_a_message_that_is_cut_anywhere_is_malformed(data: bytes) -> None:
    for size in range(1, len(data)):
        with pytest.raises(Malformed):
            rows_in(data[:size])


@pytest.mark.parametrize("size", range(72))
def test_a_message_too_short_for_a_socket_is_malformed(size: int) -> None:
    short = message(SOCK_DIAG_BY_FAMILY, socket_message(V4)[:size])
    with pytest.raises(Malformed):
        rows_in(short)
    with pytest.raises(Malformed):
        end_in(short)


@pytest.mark.parametrize("length", [0, 1, 2, 3])
def test_an_attribute_without_length_is_malformed_and_no_endless_loop(length: int) -> None:
    empty = message(SOCK_DIAG_BY_FAMILY, socket_message(V4, struct.pack("=HH", length, 9), INFO, OF_TCP))
    with pytest.raises(Malformed):
        rows_in(empty)
    with pytest.raises(Malformed):
        end_in(empty)


@given(st.binary(max_size=400))
def test_any_bytes_are_sockets_or_malformed(data: bytes) -> None:
    fuzzed.survives(rows_in, data)
    fuzzed.survives(end_in, data)


@given(st.binary(max_size=300))
def test_any_payload_of_a_sockets_message_is_a_socket_or_malformed(payload: bytes) -> None:
    fuzzed.survives(rows_in, message(TCPDIAG_GETSOCK, payload))
    fuzzed.survives(end_in, message(SOCK_DIAG_BY_FAMILY, payload))


@given(fuzzed.mutations(GOOD))
def test_any_change_to_good_messages_gives_sockets_or_malformed(data: bytes) -> None:
    fuzzed.survives(rows_in, data)
    fuzzed.survives(end_in, data)


@given(st.binary(max_size=300))
def test_any_bytes_are_counters_or_none(data: bytes) -> None:
    assert (parse_info(data, 0, len(data)) is None) is (len(data) < 144)


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    numbers = [nsid_message(88, 7), nsid_message(89, 7), error(2)]
    fuzzed.run(
        [(rows_in, GOOD), (end_in, GOOD), (parse_nsid, numbers), (lambda data: list(parse_numbers(data)), numbers)],
        count,
        seed=1,
    )
    print(f"{count} mutations: nothing but values, Malformed and Refused")
