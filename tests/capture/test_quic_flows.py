"""What a namespace's QUIC packets tell of its connections."""

from dataclasses import replace

import pytest

from tests.capture.filtered import VERSIONS, both
from tests.capture.packets import ICMP, UDP, Packet
from tests.capture.quic_packets import ACK, Client, crypto, cut
from tests.capture.test_quic import CALLED, HOST, NAMED, ONE, OTHER, WHOLE, extended, hello
from tests.capture.wire import BEGUN_US, NAMESPACE, STEP_US, Wire
from tui.capture.flows import AGAIN_US, FLOWS_MAX, UNREACHABLE_US, WAITING_MAX
from tui.model.connection import Endpoint, Evidence
from tui.model.wire import Flow

INITIAL = Packet(UDP, ONE)


def send(wire: Wire, *payloads: bytes, by: Packet = INITIAL, apart_us: int = STEP_US) -> list[Flow]:
    """Send datagrams one after the other; what is told then."""
    return wire.take(*(replace(by, payload=payload) for payload in payloads), apart_us=apart_us).told()


@VERSIONS
def test_a_clients_first_packet_begins_a_connection_that_has_its_name(v6: bool) -> None:
    by = both(INITIAL, v6)
    (flow,) = send(Wire(), ONE, by=by)
    assert flow == Flow(
        NAMESPACE, "udp", Endpoint(by.near, by.near_port), Endpoint(by.far, 443), BEGUN_US, host=HOST,
        evidence=Evidence.SNI,
    )  # fmt: skip


def test_the_connection_begins_with_its_first_packet_and_gets_its_name_with_its_last() -> None:
    first, second = cut(WHOLE, 200)
    wire = Wire()
    (begun,) = send(wire, Client().sealed(first))
    assert (begun.started_us, begun.host, begun.evidence) == (BEGUN_US, None, None)
    (named,) = send(wire, Client().sealed(second, packet=1))
    assert (named.started_us, named.host, named.evidence) == (BEGUN_US, HOST, Evidence.SNI)


def test_a_client_that_names_no_server_is_seen_to_name_none() -> None:
    (flow,) = send(Wire(), Client().sealed(crypto(hello(None))))
    assert (flow.host, flow.evidence) == (None, Evidence.SNI)


def test_the_name_outside_an_encrypted_hello_is_marked() -> None:
    (flow,) = send(Wire(), Client().sealed(crypto(extended(WHOLE, b"\xfe\x0d\x00\x01\x00"))))
    assert (flow.host, flow.is_outer) == (HOST, True)


def test_another_version_begins_a_connection_without_a_name() -> None:
    (flow,) = send(Wire(), ONE[:1] + b"\xff\x00\x00\x1d" + ONE[5:])
    assert (flow.remote.port, flow.host, flow.evidence) == (443, None, None)


@pytest.mark.parametrize("payload", [b"\xc0" + bytes(60), b"\x17\xfe\xfd" + bytes(40), b"\xc0\x00\x00\x00\x01\xff" * 3])
def test_what_is_no_quic_begins_nothing(payload: bytes) -> None:
    assert send(Wire(), payload) == []


def test_what_comes_in_or_goes_to_another_port_begins_nothing() -> None:
    assert send(Wire(), ONE, by=INITIAL.incoming()) == []
    assert send(Wire(), ONE, by=replace(INITIAL, far_port=4433)) == []


def test_later_packets_of_a_connection_tell_nothing_new() -> None:
    wire = Wire()
    assert len(send(wire, ONE)) == 1
    assert send(wire, ONE, Client().sealed(ACK, to=CALLED, packet=1)) == []


def test_after_a_retry_it_is_the_same_connection() -> None:
    wire = Wire()
    again = Client(keys_of=CALLED).sealed(crypto(WHOLE), token=b"t")
    assert len(send(wire, ONE, again)) == 1
    assert send(wire, again) == []


def test_another_name_between_the_same_ends_is_another_connection() -> None:
    wire = Wire()
    one, two = send(wire, ONE, Client(keys_of=CALLED).sealed(crypto(hello(OTHER))))
    assert [(one.host, two.host), one.key] == [(HOST, OTHER), two.key]
    assert one.started_us < two.started_us
    assert send(wire, ONE) == []


def test_the_same_name_again_is_another_connection_once_no_retry_can_be_meant() -> None:
    wire = Wire()
    told = send(wire, ONE, Client(keys_of=CALLED).sealed(crypto(WHOLE)), apart_us=AGAIN_US)
    assert [(flow.host, flow.started_us) for flow in told] == [(HOST, BEGUN_US), (HOST, BEGUN_US + AGAIN_US)]


@pytest.mark.parametrize(("after_us", "code", "unreachable"), [
    (0, 3, True), (UNREACHABLE_US - 2 * STEP_US, 3, True), (UNREACHABLE_US, 3, False), (0, 4, False),
])  # fmt: skip
def test_a_routers_word_counts_soon_after_the_first_packet_and_not_of_one_that_was_too_big(
    after_us: int, code: int, unreachable: bool
) -> None:
    wire = Wire()
    assert len(send(wire, ONE)) == 1
    wire.now_us += after_us
    word = Packet(ICMP, bytes([3, code]) + bytes(6) + INITIAL.data[:28], far="10.0.0.1", outgoing=False)
    assert [flow.unreachable for flow in wire.take(word).told()] == [True] * unreachable


def test_our_own_sockets_are_left_out() -> None:
    ours = frozenset({Endpoint(INITIAL.near, INITIAL.near_port)})
    assert send(Wire(ours), ONE) == []
    assert len(send(Wire(ours), ONE, by=replace(INITIAL, near_port=40_001))) == 1


def from_port(number: int) -> Packet:
    return replace(INITIAL, near=f"10.1.{number >> 8}.5", near_port=40_000 + (number & 255))


def test_of_too_many_unfinished_hellos_the_oldest_must_do_with_what_has_come() -> None:
    wire = Wire()
    parts = cut(WHOLE, WHOLE.index(HOST.encode()) + len(HOST))
    for number in range(WAITING_MAX):
        (flow,) = send(wire, Client().sealed(parts[0]), by=from_port(number))
        assert flow.host is None
    told = send(wire, Client().sealed(parts[0]), by=from_port(WAITING_MAX))
    assert sorted((flow.local, flow.host) for flow in told) == [
        (Endpoint("10.1.0.5", 40_000), HOST), (Endpoint("10.1.1.5", 40_000), None),
    ]  # fmt: skip


def test_a_flood_of_first_packets_is_bounded() -> None:
    wire = Wire()
    version = ONE[:1] + b"\xff\x00\x00\x1d" + ONE[5:60]
    for number in range(FLOWS_MAX + 100):
        wire.flows.take(replace(from_port(number), payload=version).data, wire.now_us, outgoing=True)
    assert len(wire.flows._flows) == FLOWS_MAX
    assert len(wire.flows._initials) <= WAITING_MAX
    assert NAMED.host == send(wire, ONE)[-1].host
