"""Good packets and what is in them, always the same bytes: where fuzzing begins. Asserts nothing."""

import struct
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import dns.message
import dns.rcode
import dns.rrset

from tests.capture.packets import ACK, FIN, ICMP, PSH, RST, SYN, TCP, UDP, Packet
from tests.capture.quic_packets import ACK as QUIC_ACK
from tests.capture.quic_packets import PING, V1, V2, Client, cut

HOST, OTHER = "licensing.tryretool.com", "api.stripe.com"


def extension(kind: int, body: bytes) -> bytes:
    """One of a ClientHello (RFC 8446 §4.2)."""
    return struct.pack("!HH", kind, len(body)) + body


def hello(host: str | None, *, encrypted: bool = False, padding: int = 0) -> bytes:
    """A ClientHello in one record, with GREASE (RFC 8701), a key share, and an inner hello if ``encrypted``."""
    parts = [extension(0x0A0A, b""), extension(43, b"\x04\x03\x04\x03\x03"), extension(51, b"\x00\x22" + bytes(34))]
    if host is not None:
        name = b"\x00" + struct.pack("!H", len(host)) + host.encode()
        parts.insert(1, extension(0, struct.pack("!H", len(name)) + name))
    if encrypted:
        parts.append(extension(0xFE0D, bytes(40)))
    parts.append(extension(21, bytes(padding)))
    extensions = b"".join(parts)
    body = b"\x03\x03" + bytes(range(32)) + b"\x20" + bytes(range(32)) + b"\x00\x04\x13\x01\x13\x02" + b"\x01\x00"
    body += struct.pack("!H", len(extensions)) + extensions
    return in_records(b"\x01" + len(body).to_bytes(3) + body, 1 << 14)


def in_records(handshake: bytes, size: int) -> bytes:
    """A handshake in records of so many bytes."""
    cuts = [handshake[at : at + size] for at in range(0, len(handshake), size)]
    return b"".join(b"\x16\x03\x01" + struct.pack("!H", len(cut)) + cut for cut in cuts)


HELLOS = {
    hello(HOST): HOST,
    hello(OTHER, encrypted=True): OTHER,
    hello(HOST, padding=2_000): HOST,
    in_records(hello(OTHER)[5:], 40): OTHER,
    hello(None): None,
}
"""With the name in each."""

QUIC_FRAMES = tuple(
    frames
    for host in (HOST, OTHER)
    for parts in (cut(hello(host)[5:]), cut(hello(host, encrypted=True)[5:], 60, 61, 200))
    for frames in (b"".join(parts), QUIC_ACK + PING + b"".join(reversed(parts)), parts[0])
)
"""What Initial packets carry."""
QUIC = tuple(Client(version).sealed(frames, size=1_200) for version in (V1, V2) for frames in QUIC_FRAMES)

REQUESTS = (
    b"CONNECT api.stripe.com:443 HTTP/1.1\r\nHost: api.stripe.com\r\nProxy-Authorization: Basic eDp5\r\n\r\n",
    b"CONNECT [2001:db8::1]:8443 HTTP/1.1\r\n\r\n",
    b"GET http://user@updates.example:8080/a?b#c HTTP/1.1\r\nHost: other.example\r\n\r\n",
    b"POST /path HTTP/1.1\r\nAccept: */*\r\nhost: \t Licensing.TryRetool.com:80 \r\nContent-Length: 2\r\n\r\nhi",
)
STATUSES = (b"HTTP/1.1 200 Connection established\r\n\r\n", b"HTTP/1.0 407 Proxy Authentication Required\r\n")


def query(host: str, kind: str) -> dns.message.Message:
    """A question, always with the same number."""
    return dns.message.make_query(f"{host}.", kind, id=7)


def answer(host: str, kind: str, *records: str, rcode: dns.rcode.Rcode = dns.rcode.NOERROR) -> bytes:
    """An answer with these records, each "name ttl kind value"."""
    reply = dns.message.make_response(query(host, kind))
    reply.set_rcode(rcode)
    for record in records:
        name, ttl, of_kind, value = record.split()
        reply.answer.append(dns.rrset.from_text(name, int(ttl), "IN", of_kind, value))
    return reply.to_wire()


QUERIES = tuple(query(host, kind).to_wire() for host in (HOST, OTHER) for kind in ("A", "AAAA", "HTTPS"))
ANSWERS = (
    answer(HOST, "A", f"{HOST}. 60 CNAME a.cdn.example.", "a.cdn.example. 300 A 203.0.113.10"),
    answer(OTHER, "AAAA", *(f"{OTHER}. 60 AAAA 2001:db8::{at}" for at in range(1, 9))),
    answer(HOST, "A", *(f"c{at}.example. 60 CNAME c{at + 1}.example." for at in range(20))),
    answer(OTHER, "A", rcode=dns.rcode.NXDOMAIN),
    answer("10.113.0.203.in-addr.arpa", "PTR", "10.113.0.203.in-addr.arpa. 5 PTR a.example."),
)


class Sent(NamedTuple):
    """A packet as a tap hands it over."""

    data: bytes
    outgoing: bool


def sent(packet: Packet, sequence: int = 1) -> Sent:
    """One packet, its payload at this place of its side's stream (TCP)."""
    data = bytearray(packet.data)
    if packet.protocol == TCP:
        start = 40 if data[0] >> 4 == 6 else (data[0] & 15) * 4
        data[start + 4 : start + 8] = struct.pack("!I", sequence)
    return Sent(bytes(data), packet.outgoing)


def conversation(port: int, *ours: bytes, theirs: bytes = b"", last: int = FIN | ACK) -> list[Sent]:
    """A TCP connection in which we send these segments, and get an answer and an end."""
    near = Packet(TCP, far_port=port)
    packets = [sent(replace(near, flags=SYN), 99), sent(replace(near, flags=SYN | ACK).incoming(), 499)]
    place = 100
    for payload in ours:
        packets.append(sent(replace(near, flags=ACK | PSH, payload=payload), place))
        place += len(payload)
    if theirs:
        packets.append(sent(replace(near, flags=ACK | PSH, payload=theirs).incoming(), 500))
    return [*packets, sent(replace(near, flags=last).incoming(), 500 + len(theirs))]


def _split(data: bytes, *places: int) -> list[bytes]:
    return [data[start:end] for start, end in zip((0, *places), (*places, len(data)), strict=True)]


def _in_stream(message: bytes) -> bytes:
    return struct.pack("!H", len(message)) + message


def _dns(asked: bytes, told: bytes) -> list[Sent]:
    packet = Packet(UDP, asked, far_port=53)
    return [sent(packet), sent(replace(packet, payload=told).incoming())]


_TLS = hello(HOST, padding=1_500)
_ALERT = b"\x15\x03\x03\x00\x02\x02\x28"
_UNDELIVERED = Packet(TCP, flags=SYN).data
CONVERSATIONS: Sequence[Sequence[Sent]] = (
    *(conversation(443, whole, theirs=_ALERT) for whole in HELLOS),
    conversation(443, *_split(_TLS, 700, 1_400)),
    conversation(3128, REQUESTS[0], _TLS, theirs=STATUSES[0]),
    conversation(3128, REQUESTS[0] + _TLS, theirs=STATUSES[1], last=RST | ACK),
    conversation(80, *_split(REQUESTS[3], 20)),
    conversation(53, _in_stream(QUERIES[0]), theirs=_in_stream(ANSWERS[0])),
    _dns(QUERIES[0], ANSWERS[0]),
    _dns(QUERIES[4], ANSWERS[1]),
    [sent(Packet(UDP, datagram)) for datagram in QUIC[2:4]],
    [sent(Packet(TCP, flags=SYN)), sent(Packet(ICMP, b"\x03\x01" + bytes(6) + _UNDELIVERED).incoming())],
    [sent(Packet(TCP, flags=SYN).over_ipv6()), sent(Packet(TCP, _TLS).over_ipv6(), 2)],
)
