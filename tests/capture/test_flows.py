"""What the packets of a namespace tell of its TCP connections."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.capture.filtered import VERSIONS, both
from tests.capture.fuzzed import mutations
from tests.capture.packets import ICMP, ICMPV6, SYN, TCP, UDP, Packet, handshake, record
from tests.capture.test_names_in_packets import HOST, hello, in_records
from tests.capture.wire import BEGUN_US, NAMESPACE, STEP_US, Connection, Wire
from tui.capture.flows import FLOWS_MAX, WAITING_MAX
from tui.capture.followed import READ_MAX, STREAM_MAX
from tui.capture.lookups import SILENCE_US
from tui.model.connection import Endpoint, Evidence, Phase
from tui.model.wire import Flow

HELLO = hello(HOST)
OTHER = "api.openai.com"
NAME_ENDS = HELLO.index(HOST.encode()) + len(HOST)
ALERT = record(0x15, b"\x02\x28")
"""Fatal: handshake failure."""
PROXY = Packet(TCP, far_port=3128)
CONNECT = f"CONNECT {HOST}:8443 HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
AGREED = b"HTTP/1.1 200 Connection established\r\n\r\n"
LARGEST = 1 << 32


def opened(ends: Packet | None = None) -> Connection:
    """A connection that is answered, and told already."""
    connection = Connection(Wire(), ends or Packet(TCP)).open()
    connection.wire.told()
    return connection


def name(connection: Connection) -> tuple[str | None, Evidence | None]:
    """The name that has just become known of it."""
    flow = connection.wire.flow()
    return flow.host, flow.evidence


# the beginning and the end


@VERSIONS
def test_from_our_syn_to_the_answer_is_the_time_to_connect(v6: bool) -> None:
    connection = Connection(Wire(), both(Packet(TCP), v6)).begin()
    begun = connection.wire.flow()
    local, remote = Endpoint(connection.ends.near, 40_000), Endpoint(connection.ends.far, 443)
    assert begun == Flow(NAMESPACE, "tcp", local, remote, BEGUN_US)
    connection.wire.now_us = BEGUN_US + 40_000
    assert connection.answer().wire.flow() == begun._replace(connect_us=40_000, again=True)


def test_a_syn_that_is_sent_again_is_the_same_attempt_and_its_time_counts_from_the_first() -> None:
    connection = Connection(Wire()).begin()
    connection.wire.told()
    connection.wire.now_us += 1_000_000
    connection.wire.take(connection.packet(b"", SYN, connection.ours - 1, outgoing=True))
    assert connection.wire.told() == []
    flow = connection.answer().wire.flow()
    assert (flow.started_us, flow.connect_us) == (BEGUN_US, 1_000_000 + 2 * STEP_US)


def test_the_time_to_connect_is_told_once_however_often_the_answer_comes() -> None:
    connection = opened()
    connection.theirs -= 1
    assert connection.answer().wire.told() == []


def test_a_reset_in_the_place_of_an_answer_is_an_end_without_a_beginning() -> None:
    flow = Connection(Wire()).begin().reset().wire.flow()
    assert (flow.connect_us, flow.ended_us) == (None, BEGUN_US + STEP_US)


@pytest.mark.parametrize("size", [0, 5, 295, 296, 100_000, LARGEST - 1])
def test_the_far_sides_end_tells_how_many_bytes_it_sent_also_past_the_largest_number(size: int) -> None:
    flow = opened().unseen(size).finish().wire.flow()
    assert (flow.received, flow.ended_us) == (size, BEGUN_US + 2 * STEP_US)


def test_an_end_that_carries_the_last_bytes_counts_them() -> None:
    connection = opened().unseen(100)
    assert connection.hear(b"HTTP/1.1 400 Bad Request\r\n", 1 | 16).wire.flow().received == 126


def test_an_end_that_is_sent_again_changes_nothing() -> None:
    connection = opened().finish()
    connection.wire.told()
    assert connection.finish().reset().wire.told() == []


def test_what_the_far_side_began_is_left_out() -> None:
    connection = Connection(Wire(), Packet(TCP, near_port=3000, far_port=50_000))
    connection.wire.take(connection.packet(b"", SYN, 1, outgoing=False))
    assert connection.answer().finish().wire.told() == []


def test_a_connection_that_was_there_before_has_its_name_and_no_beginning() -> None:
    flow = Connection(Wire()).send(HELLO).wire.flow()
    assert (flow.started_us, flow.connect_us, flow.host) == (0, None, HOST)


def test_the_same_ends_with_another_syn_are_another_connection_and_both_are_told() -> None:
    connection = Connection(Wire()).open().send(HELLO).finish()
    connection.ours += 5_000_000
    again = connection.begin().send(hello(OTHER))
    first, second = again.wire.told()
    assert [(first.host, first.ended_us is None), (second.host, second.connect_us)] == [(HOST, False), (OTHER, None)]
    assert first.started_us < second.started_us
    assert first.key == second.key


# the name in TLS


@VERSIONS
@pytest.mark.parametrize("far_port", [443, 5432])
def test_a_client_hello_tells_the_name(v6: bool, far_port: int) -> None:
    connection = opened(both(Packet(TCP, far_port=far_port), v6))
    assert name(connection.send(HELLO)) == (HOST, Evidence.SNI)


def test_a_hello_without_a_name_is_seen_to_have_none() -> None:
    assert name(opened().send(hello(None))) == (None, Evidence.SNI)


@pytest.mark.parametrize("cuts", [(1,), (4,), (5, 6), (60, 100, 101), (NAME_ENDS - 3,), (len(HELLO) - 1,)])
def test_a_hello_in_several_segments_is_put_together(cuts: tuple[int, ...]) -> None:
    connection = opened()
    edges = [0, *cuts, len(HELLO)]
    parts = [HELLO[a:b] for a, b in pairwise(edges)]
    assert connection.send(*parts[:-1]).wire.told() == []
    assert name(connection.send(parts[-1])) == (HOST, Evidence.SNI)


def test_a_hello_byte_by_byte_is_put_together() -> None:
    assert name(opened().send(*(bytes([each]) for each in HELLO))) == (HOST, Evidence.SNI)


def test_a_hello_across_the_largest_number_is_put_together() -> None:
    connection = Connection(Wire(), ours=LARGEST - 100).open()
    assert connection.send(HELLO[:200], HELLO[200:]).wire.flow().host == HOST


def test_segments_that_overlap_or_are_sent_again_do_no_harm() -> None:
    connection = opened()
    connection.wire.take(
        connection.part(HELLO[:100]), connection.part(HELLO[:100]), connection.part(HELLO[:60]),
        connection.part(HELLO[50:200], 50), connection.part(HELLO[10:20], 10), connection.part(HELLO[150:], 150),
    )  # fmt: skip
    assert name(connection) == (HOST, Evidence.SNI)


def test_of_bytes_that_differ_when_they_are_sent_again_the_first_count() -> None:
    connection = opened()
    forged = HELLO.replace(HOST.encode(), b"p" * len(HOST))
    connection.wire.take(connection.part(HELLO[:NAME_ENDS]), connection.part(forged[10:], 10))
    assert name(connection) == (HOST, Evidence.SNI)


def test_a_part_that_comes_too_early_is_read_when_it_is_sent_again() -> None:
    connection = opened()
    connection.wire.take(connection.part(HELLO[200:], 200), connection.part(HELLO[:200]))
    assert connection.wire.told() == []
    assert name(connection.send(HELLO[:200], HELLO[200:])) == (HOST, Evidence.SNI)


@pytest.mark.parametrize(("cut", "found"), [(NAME_ENDS, [HOST]), (60, [])])
def test_without_its_middle_a_hello_tells_the_name_where_that_came_before(cut: int, found: list[str]) -> None:
    connection = opened()
    connection.wire.take(connection.part(HELLO[:cut]), connection.part(HELLO[cut + 20 :], cut + 20))
    assert [flow.host for flow in connection.wire.told()] == found


@pytest.mark.parametrize("end", ["finish", "reset"])
def test_a_hello_that_is_never_finished_tells_its_name_at_the_end(end: str) -> None:
    connection = opened().send(HELLO[:NAME_ENDS])
    assert connection.wire.told() == []
    assert name(getattr(connection, end)()) == (HOST, Evidence.SNI)


@pytest.mark.parametrize(
    "before",
    [
        b"\x00\x00\x00\x08\x04\xd2\x16\x2f",
        b"EHLO me\r\n",
        b"a1 STARTTLS\r\n",
        b"STARTT",
        b"\x16\x00\x00\x01" + bytes(22),
    ],
)
def test_tls_may_begin_after_other_words(before: bytes) -> None:
    assert name(opened(Packet(TCP, far_port=5432)).send(before, HELLO[:100], HELLO[100:])) == (HOST, Evidence.SNI)


def test_later_hellos_of_a_connection_change_nothing() -> None:
    connection = opened().send(HELLO)
    assert connection.wire.flow().host == HOST
    assert connection.send(hello(OTHER)).wire.told() == []


def test_other_records_of_tls_tell_nothing() -> None:
    connection = opened().send(handshake(16, 60), record(0x17, bytes(100)))
    assert connection.wire.told() == []


def test_a_fatal_alert_is_a_failure_of_tls_and_an_orderly_one_is_none() -> None:
    assert opened().send(HELLO).hear(ALERT).wire.flow().phase is Phase.TLS
    assert opened().send(HELLO).hear(record(0x15, b"\x01\x00")).wire.flow().phase is None
    assert opened().hear(ALERT).wire.told() == []


# requests


@pytest.mark.parametrize("cut", [None, 3, 20, 40])
def test_a_plain_request_tells_the_host_that_it_is_for(cut: int | None) -> None:
    request = f"GET /secret?token=1 HTTP/1.1\r\nHost: {HOST}\r\nCookie: secret\r\n\r\n".encode()
    connection = opened(Packet(TCP, far_port=80)).send(*((request,) if cut is None else (request[:cut], request[cut:])))
    flow = connection.wire.flow()
    assert (flow.host, flow.evidence, flow.target) == (HOST, Evidence.HTTP, None)
    assert "secret" not in repr(connection.wire.flows)


def test_a_request_to_a_proxy_tells_whom_it_is_for() -> None:
    flow = opened(PROXY).send(f"GET http://{HOST}/x HTTP/1.1\r\nHost: {OTHER}\r\n\r\n".encode()).wire.flow()
    assert (flow.host, flow.evidence, flow.target) == (HOST, Evidence.CONNECT, Endpoint(HOST, 80))


def test_connect_tells_the_target_and_the_proxys_answer_its_status() -> None:
    connection = opened(PROXY).send(CONNECT)
    flow = connection.wire.flow()
    assert (flow.host, flow.evidence, flow.target, flow.status) == (
        HOST, Evidence.CONNECT, Endpoint(HOST, 8443), None,
    )  # fmt: skip
    assert connection.hear(b"HTTP/1.1 100 Continue\r\n\r\n").wire.told() == []
    flow = connection.hear(AGREED).wire.flow()
    assert (flow.status, flow.phase) == (200, None)


def test_connect_to_an_address_tells_it_as_the_target() -> None:
    flow = opened(PROXY).send(b"CONNECT [2001:db8::7]:443 HTTP/1.1\r\n\r\n").wire.flow()
    assert flow.target == Endpoint("2001:db8::7", 443)


@pytest.mark.parametrize("status", [403, 407, 502, 301])
def test_a_proxy_that_says_no_is_where_it_failed(status: int) -> None:
    flow = opened(PROXY).send(CONNECT).hear(f"HTTP/1.1 {status} No\r\n\r\n".encode()).wire.flow()
    assert (flow.status, flow.phase) == (status, Phase.PROXY)


@pytest.mark.parametrize("inner", [HOST, OTHER])
@pytest.mark.parametrize("waits", [True, False])
def test_the_hello_inside_a_tunnel_tells_the_name_that_must_agree(inner: str, waits: bool) -> None:
    connection = opened(PROXY)
    if waits:
        connection.send(CONNECT).hear(AGREED).send(hello(inner))
    else:
        connection.send(CONNECT + hello(inner)).hear(AGREED)
    flow = connection.wire.flow()
    assert (flow.host, flow.evidence, flow.inner, flow.status) == (HOST, Evidence.CONNECT, inner, 200)


def test_a_hello_inside_a_tunnel_may_come_in_parts_and_may_never_be_finished() -> None:
    flow = opened(PROXY).send(CONNECT + HELLO[:100], HELLO[100:]).wire.flow()
    assert (flow.target, flow.inner) == (Endpoint(HOST, 8443), HOST)
    flow = opened(PROXY).send(CONNECT + HELLO[:NAME_ENDS]).finish().wire.flow()
    assert (flow.target, flow.inner) == (Endpoint(HOST, 8443), HOST)


def test_a_request_that_is_sent_again_does_not_hinder_the_hello_after_it() -> None:
    connection = opened(PROXY)
    again = connection.part(CONNECT)
    connection.send(CONNECT + HELLO[:100]).wire.take(again)
    assert connection.send(HELLO[100:]).wire.flow().inner == HOST


def test_a_hello_inside_a_tunnel_that_the_server_refuses_is_a_failure_of_tls() -> None:
    connection = opened(PROXY).send(CONNECT).hear(AGREED).send(HELLO).hear(ALERT)
    assert connection.wire.flow().phase is Phase.TLS


@pytest.mark.parametrize("answered", [True, False])
def test_what_is_said_inside_a_tunnel_is_no_request_to_the_proxy(answered: bool) -> None:
    connection = opened(PROXY).send(f"CONNECT {OTHER}:443 HTTP/1.1\r\n\r\n".encode())
    if answered:
        connection.hear(AGREED)
    flow = connection.send(CONNECT, f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()).wire.flow()
    assert (flow.host, flow.target) == (OTHER, Endpoint(OTHER, 443))


def test_a_request_that_is_repeated_with_credentials_is_what_counts() -> None:
    connection = opened(PROXY).send(CONNECT).hear(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
    assert connection.wire.flow().phase is Phase.PROXY
    flow = connection.send(CONNECT).hear(AGREED).send(HELLO).wire.flow()
    assert (flow.target, flow.status, flow.phase, flow.inner) == (Endpoint(HOST, 8443), 200, None, HOST)


def test_the_answer_of_a_server_that_is_no_proxy_has_no_status() -> None:
    connection = opened(Packet(TCP, far_port=80)).send(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    flow = connection.hear(b"HTTP/1.1 403 Forbidden\r\n\r\n").wire.flow()
    assert (flow.status, flow.phase) == (None, None)


# routers


def quoting(packet: Packet, code: int = 1, size: int = 28) -> Packet:
    """A router's word that it cannot be delivered."""
    v6 = ":" in packet.near
    head = bytes([1 if v6 else 3, code]) + bytes(6)
    router = "2001:db8::1" if v6 else "10.0.0.1"
    return Packet(ICMPV6 if v6 else ICMP, head + packet.data[: size + 20 * v6], near=packet.near, far=router,
                  outgoing=False)  # fmt: skip


@VERSIONS
def test_that_the_destination_cannot_be_reached_is_told_of_the_attempt(v6: bool) -> None:
    connection = Connection(Wire(), both(Packet(TCP), v6)).begin()
    syn = connection.packet(b"", SYN, 1_000, outgoing=True)
    assert connection.wire.take(quoting(syn)).flow().unreachable


def test_a_router_may_say_so_of_an_attempt_that_has_hung_for_long() -> None:
    connection = Connection(Wire()).begin()
    connection.wire.now_us += 60_000_000
    assert connection.wire.take(quoting(connection.packet(b"", SYN, 1_000, outgoing=True))).flow().unreachable


def test_of_what_was_answered_is_quoted_in_part_or_is_not_ours_a_routers_word_tells_nothing() -> None:
    connection = opened()
    syn = connection.packet(b"", SYN, 1_000, outgoing=True)
    assert connection.wire.take(quoting(syn), quoting(replace(syn, near_port=1))).told() == []
    wire = Wire().take(syn)
    assert not wire.flow().unreachable
    for size in (0, 8, 20, 23):
        assert wire.take(quoting(syn, size=size)).told() == []
    assert wire.take(replace(quoting(syn), outgoing=True)).told() == []


# bounds


def test_our_own_sockets_are_left_out() -> None:
    ends = Packet(TCP)
    ours = frozenset({Endpoint(ends.near, ends.near_port)})
    assert Connection(Wire(ours), ends).open().send(HELLO).finish().wire.told() == []
    assert len(Connection(Wire(ours), replace(ends, near_port=40_001)).open().wire.told()) == 1


def test_nothing_is_told_twice_and_there_is_news_only_where_something_is_new() -> None:
    connection = Connection(Wire())
    assert not connection.wire.flows.has_news
    connection.open()
    assert connection.wire.flows.has_news
    assert len(connection.wire.told()) == 1
    assert not connection.wire.flows.has_news
    assert connection.wire.told() == []


def from_port(number: int) -> Packet:
    return Packet(TCP, near=f"10.1.{number >> 8}.5", near_port=40_000 + (number & 255))


def test_of_too_many_connections_the_oldest_are_told_and_followed_no_longer() -> None:
    wire = Wire()
    connections = [Connection(wire, from_port(number)).begin() for number in range(FLOWS_MAX + 9)]
    assert len(wire.told()) == FLOWS_MAX + 9
    assert len(wire.flows._flows) == FLOWS_MAX
    assert connections[8].answer().wire.told() == []
    assert connections[9].answer().wire.flow().connect_us is not None


def test_of_too_many_unfinished_hellos_the_oldest_must_do_with_what_has_come() -> None:
    wire = Wire()
    for number in range(WAITING_MAX):
        Connection(wire, from_port(number)).send(HELLO[:NAME_ENDS])
    assert {flow.host for flow in wire.told()} == {None}
    Connection(wire, from_port(WAITING_MAX)).send(HELLO[:NAME_ENDS])
    assert {(flow.local.ip, flow.host) for flow in wire.told()} == {("10.1.0.5", HOST), ("10.1.1.5", None)}
    assert len(wire.flows._waiting) == WAITING_MAX


def test_what_is_followed_no_longer_leaves_nothing_that_waits() -> None:
    wire = Wire()
    for number in range(WAITING_MAX):
        Connection(wire, from_port(number)).send(HELLO[:NAME_ENDS])
    for number in range(FLOWS_MAX):
        Connection(wire, from_port(WAITING_MAX + number)).begin()
    assert not wire.flows._waiting
    for number in range(WAITING_MAX + 1):
        Connection(wire, from_port(number)).send(HELLO[:NAME_ENDS])
    assert len(wire.flows._waiting) == WAITING_MAX


@pytest.mark.parametrize("begin", [
    b"\x16\x03\x01\x40\x00\x01\x00\xff\xff" + bytes(16_379), b"GET /" + b"x" * 16_000, b"CONNECT " + b"a" * 300,
])  # fmt: skip
def test_of_a_connection_without_end_no_more_is_kept_than_a_name_may_need(begin: bytes) -> None:
    connection = opened().send(begin)
    (flow,) = connection.wire.flows._flows.values()
    for _ in range(60):
        connection.send(b"\x16\x03\x01\x04\x00" + b"x" * 1024)
        assert len(flow.stream or b"") <= STREAM_MAX
    assert flow.stream is None
    assert flow.read <= READ_MAX + 2 * STREAM_MAX
    assert not connection.wire.flows._waiting


def test_a_hello_in_the_smallest_records_and_segments_is_given_up_before_it_takes_long() -> None:
    connection = opened().send(
        b"".join(b"\x16\x03\x01\x00\x01" + each for each in (b"\x01", b"\x00", b"\xff", b"\xff"))
    )
    (flow,) = connection.wire.flows._flows.values()
    connection.send(*(b"\x16\x03\x01\x00\x01\x00" for _ in range(3_000)))
    assert flow.read <= READ_MAX + STREAM_MAX
    assert flow.stream is None


def test_requests_in_requests_without_end_are_survived() -> None:
    nested = b"CONNECT a HTTP/1.1\n\n" * 3_000
    assert opened(PROXY).send(nested).wire.flow().target == Endpoint("a", 443)
    assert opened(PROXY).send(nested[:5], nested[5:40_000]).wire.flow().target == Endpoint("a", 443)


def test_a_hello_in_records_inside_a_tunnel_is_read_as_elsewhere() -> None:
    assert opened(PROXY).send(CONNECT, in_records(HELLO, 40)).wire.flow().inner == HOST


@pytest.mark.parametrize("packet", [
    Packet(TCP, HELLO), Packet(TCP, HELLO).over_ipv6(), Packet(TCP, HELLO).incoming(), Packet(TCP, flags=SYN),
    Packet(UDP, bytes(40), 53), Packet(UDP, b"\xc0" + bytes(60)), quoting(Packet(TCP)),
])  # fmt: skip
def test_a_packet_that_is_cut_anywhere_is_survived(packet: Packet) -> None:
    for size in range(len(packet.data)):
        Wire().flows.take(packet.data[:size], BEGUN_US, outgoing=packet.outgoing)


GOOD = [
    Packet(TCP, flags=SYN), Packet(TCP, flags=SYN | 16).incoming(), Packet(TCP, HELLO), Packet(TCP, CONNECT, 3128),
    Packet(TCP, AGREED, 3128).incoming(), Packet(TCP, ALERT).incoming(), Packet(TCP, flags=17).incoming(),
    Packet(UDP, bytes(40), 53), Packet(TCP, b"\x00\x28" + bytes(40), 53), Packet(UDP, b"\xc0\x00\x00\x00\x01\x00" * 9),
    quoting(Packet(TCP)),
]  # fmt: skip
BYTES = [packet.data for one in GOOD for packet in (one, one.over_ipv6())]


@given(st.lists(st.tuples(mutations(BYTES) | st.sampled_from(BYTES), st.booleans()), max_size=12))
def test_any_packets_are_survived(packets: list[tuple[bytes, bool]]) -> None:
    wire = Wire()
    for data, outgoing in packets:
        wire.flows.take(data, wire.now_us, outgoing=outgoing)
    wire.tell(SILENCE_US)
