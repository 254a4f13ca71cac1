"""Which segments of TCP the filter passes, and how much of them: its program is run as the kernel would."""

from dataclasses import replace

import pytest

from tests.capture.filtered import CLIENT_HELLO, TIMESTAMPS, VERSIONS, both, passes, segment, whole
from tests.capture.packets import ACK, FIN, PSH, RST, SYN, TCP, Packet, handshake, record


@VERSIONS
@pytest.mark.parametrize("flags", [SYN, SYN | 0xC0])
def test_our_syn_passes_also_when_it_negotiates_congestion_marks(v6: bool, flags: int) -> None:
    assert whole(both(Packet(TCP, flags=flags, tcp_options=bytes(20)), v6))


@VERSIONS
@pytest.mark.parametrize("flags", [SYN | ACK, FIN | ACK, FIN | ACK | PSH, RST, RST | ACK])
def test_the_far_sides_answer_and_its_end_pass_and_ours_do_not(v6: bool, flags: int) -> None:
    packet = both(Packet(TCP, flags=flags), v6)
    assert whole(packet.incoming())
    assert not passes(packet)


@VERSIONS
def test_a_call_from_outside_does_not_pass(v6: bool) -> None:
    assert not passes(both(Packet(TCP, flags=SYN), v6).incoming())


@VERSIONS
@pytest.mark.parametrize("tcp_options", [b"", TIMESTAMPS])
@pytest.mark.parametrize("flags", [FIN | ACK, RST, SYN | ACK])
def test_of_a_far_sides_end_nothing_passes_but_the_headers(v6: bool, flags: int, tcp_options: bytes) -> None:
    packet = both(Packet(TCP, b"secret " * 20, flags=flags, tcp_options=tcp_options), v6).incoming()
    assert passes(packet) == packet.header_size


def test_of_a_syn_with_data_nothing_passes_but_the_headers() -> None:
    packet = Packet(TCP, CLIENT_HELLO, flags=SYN)
    assert passes(packet) == packet.header_size


@VERSIONS
@pytest.mark.parametrize("ports", [(443, 40_000), (40_000, 443), (5432, 40_000)])
def test_a_mere_acknowledgement_does_not_pass(v6: bool, ports: tuple[int, int]) -> None:
    packet = both(Packet(TCP, far_port=ports[0], near_port=ports[1]), v6)
    assert not passes(packet)
    assert not passes(packet.incoming())


@VERSIONS
@pytest.mark.parametrize("port", [443, 5432, 9999])
@pytest.mark.parametrize("tcp_options", [b"", TIMESTAMPS])
def test_a_client_hello_passes_whole_on_any_port(v6: bool, port: int, tcp_options: bytes) -> None:
    for flags in (ACK, ACK | PSH):
        packet = both(replace(segment(CLIENT_HELLO, port, flags), tcp_options=tcp_options), v6)
        assert whole(packet)
        assert not passes(packet.incoming())


@pytest.mark.parametrize("size", [1, 2, 5, 6, 40, 1448, 1460])
def test_so_does_the_head_of_one_that_is_cut_anywhere(size: int) -> None:
    assert whole(segment(handshake(1, 2000)[:size], 9999, ACK))


def test_a_client_hello_passes_whole_when_the_card_cuts_it_into_segments() -> None:
    assert whole(segment(handshake(1, 16_000)))


def test_other_records_of_a_connection_do_not_pass() -> None:
    key, certificate, change = handshake(16, 66), handshake(11, 900), record(0x14, b"\x01")
    application = record(0x17, bytes(200))
    for payload in (key, certificate, change + application, application, record(0x15, bytes(26))):
        assert not passes(segment(payload)), payload[:8]


@VERSIONS
@pytest.mark.parametrize("size", [1, 7, 300, 1399, 1461, 1700, 4096])
@pytest.mark.parametrize("first", [0x00, 0x14, 0x16, 0x17, 0x41, 0x47, 0x50, 0x51, 0xFF])
def test_what_may_continue_a_client_hello_passes_on_tls_ports_whatever_it_begins_with(
    v6: bool, size: int, first: int
) -> None:
    payload = bytes([first, 0xAB]).ljust(size, b"\xcd")[:size]
    for port in (443, 8443, 465):
        assert whole(both(segment(payload, port), v6))
    assert not passes(both(segment(payload), v6).incoming())


def test_so_does_a_further_record_of_one_that_is_cut_into_records() -> None:
    assert whole(segment(record(0x16, b"\x00\x1dlicensing.tryretool.com")))


def test_nothing_may_continue_one_elsewhere_nor_without_push_nor_in_full_segments() -> None:
    assert not passes(segment(b"\xcd" * 300, 5432))
    assert not passes(segment(b"\xcd" * 300, 3128))
    assert not passes(segment(b"\xcd" * 300, flags=ACK))
    for size in (1400, 1428, 1448, 1460, 4097, 65_000):
        assert not passes(segment(b"\xcd" * size)), size


METHODS = ["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"]


@VERSIONS
@pytest.mark.parametrize("port", [80, 443, 3128, 8080])
def test_connect_passes_on_any_port(v6: bool, port: int) -> None:
    packet = both(segment(b"CONNECT api.openai.com:443 HTTP/1.1\r\n\r\n", port), v6)
    assert whole(packet)
    assert not passes(packet.incoming())


@VERSIONS
@pytest.mark.parametrize("method", METHODS)
def test_a_request_passes_on_port_80_and_on_others_if_it_is_to_a_proxy(v6: bool, method: str) -> None:
    plain = f"{method} /v1 HTTP/1.1\r\nHost: a.example\r\n\r\n".encode()
    to_proxy = f"{method} http://a.example/v1 HTTP/1.1\r\n\r\n".encode()
    assert whole(both(segment(plain, 80), v6))
    assert not passes(both(segment(plain, 8080), v6))
    assert not passes(both(segment(plain, 80), v6).incoming())
    if method != "OPTIONS":
        assert whole(both(segment(to_proxy, 8080), v6))


def test_of_a_long_request_16_kib_pass() -> None:
    assert passes(segment(b"POST /upload HTTP/1.1\r\n" + bytes(60_000), 80)) == 16_384


@pytest.mark.parametrize(
    "payload", [b"G", b"GET /", b"CONNECT", b"CONNMAN x", b"Get /abcdef", b"QUIT\r\n\r\n\r\n", b"BREW /a\r\n"]
)
def test_what_is_no_request_does_not_pass_on_other_ports(payload: bytes) -> None:
    assert not passes(segment(payload, 8080))


@VERSIONS
@pytest.mark.parametrize("flags", [ACK, ACK | PSH, ACK | FIN])
def test_of_a_proxys_answer_the_status_line_passes_and_not_the_rest_also_where_it_ends(v6: bool, flags: int) -> None:
    packet = both(Packet(TCP, b"HTTP/1.1 403 Forbidden\r\n" + bytes(900), 3128, flags=flags), v6).incoming()
    assert passes(packet) == packet.header_size + 64


@VERSIONS
@pytest.mark.parametrize("flags", [ACK, ACK | FIN, ACK | RST])
def test_an_alert_of_the_far_side_passes(v6: bool, flags: int) -> None:
    packet = both(Packet(TCP, record(0x15, b"\x02\x28"), flags=flags), v6)
    assert whole(packet.incoming())
    assert not passes(replace(packet, flags=ACK))


@pytest.mark.parametrize("payload", [
    record(0x15, bytes(26)), record(0x17, bytes(2)), handshake(2, 90), b"HTTP/2.0 200 OK\r\n", b"HTML/1.1 200\r\n",
    b"HTTP/1", b"\x15\x03\x03\x00",
])  # fmt: skip
def test_what_else_the_far_side_sends_does_not_pass(payload: bytes) -> None:
    assert not passes(segment(payload).incoming())
