"""Which packets the filter passes, and how much of them: its program is run as the kernel would."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.capture.bpf_machine import passed
from tests.capture.filtered import CLIENT_HELLO, PROGRAM, VERSIONS, both, passes, segment, whole
from tests.capture.packets import ACK, FIN, ICMP, ICMPV6, OUTGOING, SYN, TCP, TO_OTHERS, TO_US, UDP, Packet, record


@VERSIONS
def test_a_query_and_its_answer_pass_whole_over_udp_and_tcp(v6: bool) -> None:
    for packet in (Packet(UDP, bytes(40), 53), segment(bytes(42), 53, ACK), segment(bytes(1448), 53, ACK)):
        assert whole(both(packet, v6))
        assert whole(both(packet, v6).incoming())


@VERSIONS
def test_what_a_nameserver_gets_and_answers_does_not_pass_there(v6: bool) -> None:
    for packet in (Packet(UDP, bytes(40), 40_000, 53), Packet(TCP, bytes(40), 40_000, 53)):
        assert not passes(both(packet, v6))
        assert not passes(both(packet, v6).incoming())


def test_the_query_to_dockers_resolver_passes_on_any_port() -> None:
    query = Packet(UDP, bytes(40), 35_353, near="127.0.0.1", far="127.0.0.11")
    assert whole(query)
    assert not passes(query.incoming())
    assert not passes(replace(query, far="127.0.0.12"))
    assert not passes(Packet(UDP, bytes(40), 35_353))


QUIC_1, QUIC_2, QUIC_DRAFT, NEGOTIATION = b"\0\0\0\1", b"\x6b\x33\x43\xcf", b"\xff\0\0\x1d", bytes(4)


@VERSIONS
@pytest.mark.parametrize(("first", "version", "passing"), [
    (0xC0, QUIC_1, True), (0xC3, QUIC_1, True), (0xCF, QUIC_DRAFT, True), (0xD3, QUIC_2, True),
    (0xD0, QUIC_1, False), (0xE0, QUIC_1, False), (0xF0, QUIC_1, False), (0xC0, QUIC_2, False),
    (0xC0, NEGOTIATION, False), (0xD0, NEGOTIATION, False), (0x40, QUIC_1, False), (0x80, QUIC_1, False),
])  # fmt: skip
def test_of_quic_only_our_initial_packets_pass(v6: bool, first: int, version: bytes, passing: bool) -> None:
    packet = both(Packet(UDP, bytes([first]) + version + bytes(1195)), v6)
    assert passes(packet) == (len(packet.data) if passing else 0)
    assert not passes(packet.incoming())
    assert not passes(replace(packet, far_port=4433))


@pytest.mark.parametrize(("protocol", "unreachable", "others", "v6"), [
    (ICMP, 3, (0, 5, 8, 11), False), (ICMPV6, 1, (2, 3, 128, 135), True),
])  # fmt: skip
def test_that_a_destination_cannot_be_reached_passes(
    protocol: int, unreachable: int, others: tuple[int, ...], v6: bool
) -> None:
    told = both(Packet(protocol, bytes([unreachable]) + bytes(600), outgoing=False), v6)
    assert passes(told) == 256
    assert not passes(replace(told, outgoing=True))
    for other in others:
        assert not passes(replace(told, payload=bytes([other]) + bytes(60)))


PASSING = [
    Packet(TCP, flags=SYN), segment(CLIENT_HELLO), segment(b"GET / HTTP/1.1\r\n\r\n", 80), Packet(UDP, bytes(40), 53),
    Packet(UDP, b"\xc0\0\0\0\1" + bytes(1195)), segment(record(0x15, b"\x02\x28")).incoming(),
    Packet(TCP, flags=FIN | ACK).incoming(), Packet(ICMP, b"\x03" + bytes(60), outgoing=False),
]  # fmt: skip


@pytest.mark.parametrize("packet", PASSING)
@pytest.mark.parametrize("ip_options", [bytes(4), bytes(40)])
def test_options_of_ip_hide_nothing(packet: Packet, ip_options: bytes) -> None:
    assert whole(replace(packet, ip_options=ip_options))


@pytest.mark.parametrize("packet", PASSING)
def test_a_first_fragment_passes_and_no_other_one(packet: Packet) -> None:
    more, dont = 0x2000, 0x4000
    assert whole(replace(packet, fragment=more))
    assert whole(replace(packet, fragment=dont))
    assert not passes(replace(packet, fragment=1))
    assert not passes(replace(packet, fragment=more | 185))


@pytest.mark.parametrize("kind", [0, 43, 44, 60])
def test_extension_headers_of_ipv6_do_not_pass(kind: int) -> None:
    extra = bytes([kind, TCP]) + bytes(7)
    assert not passes(replace(Packet(TCP, flags=SYN).over_ipv6(), extra=extra))


@pytest.mark.parametrize("packet", PASSING)
def test_what_is_for_others_and_what_is_no_ip_does_not_pass(packet: Packet) -> None:
    for kind in (1, 2, TO_OTHERS):
        assert not passed(PROGRAM, packet.data, packet.ethertype, kind)
    for ethertype in (0x0806, 0x8100, 0x88CC):
        assert not passed(PROGRAM, packet.data, ethertype, OUTGOING)


def test_the_padding_of_a_short_frame_is_no_payload() -> None:
    acknowledged = Packet(TCP, far_port=53, padding=bytes(6)).incoming()
    assert not passes(acknowledged)
    fin = Packet(TCP, flags=FIN | ACK, padding=bytes(6)).incoming()
    assert passes(fin) == fin.header_size


@given(st.binary(max_size=120), st.booleans(), st.booleans())
def test_any_bytes_come_to_an_end(data: bytes, v6: bool, outgoing: bool) -> None:
    head = b"\x60" if v6 else b"\x45"
    size = passed(PROGRAM, head + data, 0x86DD if v6 else 0x0800, OUTGOING if outgoing else TO_US)
    assert 0 <= size <= len(data) + 1


@pytest.mark.parametrize(
    "packet", [one for packet in PASSING for one in (packet, packet.over_ipv6()) if one.protocol != ICMP]
)
def test_a_packet_that_is_cut_anywhere_passes_with_no_byte_more_than_it_has(packet: Packet) -> None:
    for size in range(20, len(packet.data)):
        kind = OUTGOING if packet.outgoing else TO_US
        assert passed(PROGRAM, packet.data[:size], packet.ethertype, kind) <= size
