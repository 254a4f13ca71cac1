"""Packets from the network header on, put together by their RFCs (791, 8200, 9293, 768). Asserts nothing.

A packet has a near and a far side, and ``outgoing`` tells which of them is the source. Checksums are 0.
"""

import struct
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Self

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
IPV4, IPV6 = 0x0800, 0x86DD
TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58
TO_US, TO_OTHERS, OUTGOING = 0, 3, 4


@dataclass(frozen=True)
class Packet:
    """One that a namespace sends or gets."""

    protocol: int
    payload: bytes = b""
    far_port: int = 443
    near_port: int = 40_000
    flags: int = ACK
    outgoing: bool = True
    near: str = "10.0.0.5"
    far: str = "203.0.113.10"
    ip_options: bytes = b""
    tcp_options: bytes = b""
    sequence: int = 1
    """The number of the payload's first byte, or of the SYN, as TCP counts."""
    fragment: int = 0
    """The second 16-bit word of flags and offset."""
    padding: bytes = b""
    """What Ethernet adds to a short frame."""
    extra: bytes = field(default=b"", repr=False)
    """An extension header of IPv6, with its own number in front."""

    def over_ipv6(self) -> Self:
        """The same, between two IPv6 addresses."""
        return replace(self, near="2001:db8::5", far="2001:db8::10")

    def incoming(self) -> Self:
        """The same, from the far side to us."""
        return replace(self, outgoing=False)

    @property
    def ethertype(self) -> int:
        return IPV4 if ip_address(self.far).version == 4 else IPV6

    @property
    def header_size(self) -> int:
        """Bytes before the payload."""
        return len(self.data) - len(self.payload) - len(self.padding)

    @property
    def data(self) -> bytes:
        ends = [ip_address(self.near).packed, ip_address(self.far).packed]
        ports = [self.near_port, self.far_port]
        if not self.outgoing:
            ends.reverse()
            ports.reverse()
        segment = self._segment(*ports)
        if self.ethertype == IPV6:
            kind, extra = (self.extra[0], self.extra[1:]) if self.extra else (self.protocol, b"")
            head = struct.pack("!IHBB", 6 << 28, len(extra + segment) & 0xFFFF, kind, 64) + b"".join(ends) + extra
        else:
            size = 20 + len(self.ip_options)
            total = (size + len(segment)) & 0xFFFF
            head = struct.pack("!BBHHHBBH", 0x40 | size // 4, 0, total, 7, self.fragment, 64, self.protocol, 0)
            head += b"".join(ends) + self.ip_options
        return head + segment + self.padding

    def _segment(self, source: int, destination: int) -> bytes:
        if self.protocol == TCP:
            offset = (20 + len(self.tcp_options)) // 4 << 4
            head = struct.pack("!HHIIBBHHH", source, destination, self.sequence, 1, offset, self.flags, 64_000, 0, 0)
            return head + self.tcp_options + self.payload
        if self.protocol == UDP:
            return struct.pack("!HHHH", source, destination, (8 + len(self.payload)) & 0xFFFF, 0) + self.payload
        return self.payload


def record(kind: int, body: bytes) -> bytes:
    """A TLS record (RFC 8446 §5.1)."""
    return struct.pack("!BHH", kind, 0x0303, len(body)) + body


def handshake(kind: int, size: int) -> bytes:
    """A record with a handshake message of one kind (RFC 8446 §4)."""
    return record(0x16, bytes([kind]) + size.to_bytes(3) + bytes(size))
