"""Which packets the kernel hands over: those that tell names, beginnings and ends, and of each no more than that takes.

The program is for a packet socket of kind SOCK_DGRAM (packet(7)), which shows packets from the network header on.
Outgoing is what this namespace sends, incoming what is addressed to it: so loopback, which shows each packet twice, is
told apart, and what a bridge carries for others is neither. What is routed for others is outgoing: masqueraded, it
bears an address of this namespace and cannot be told apart. Nothing passes that is not listed here:

====================================================  ==========================
outgoing SYN; incoming SYN+ACK, FIN, RST              the headers
outgoing head of a TLS ClientHello, on any port       all
outgoing, what may continue one, on TLS ports         all
outgoing HTTP/1 request: CONNECT, to a proxy, port 80 16 KiB
incoming head of an HTTP/1 answer, or a TLS alert     the headers and 64 bytes
DNS, outgoing to port 53, incoming from it            all
outgoing QUIC Initial packet to port 443              all
incoming ICMP, ICMPv6 "destination unreachable"       256 bytes
====================================================  ==========================

It remembers nothing from packet to packet, so this is lost: of a ClientHello, where segmentation offload is off, middle
segments, and a last one that is as long as a full one; what continues one on a port that is not a TLS port, or begins
by chance as a TLS record does (1 in 16,384); a request with less than 8 bytes in its first segment; data in a SYN (RFC
7413); later IP fragments; IPv6 with extension headers.
"""

import ctypes
import socket
import struct

from tui.capture.bpf import (
    PACKET_TYPE,
    PROTOCOL,
    SOCK_FILTER,
    assemble,
    byte,
    byte_from_x,
    equals,
    go,
    half,
    half_from_x,
    has_any,
    masked,
    passes,
    plus,
    recall,
    store,
    word,
    word_from_x,
    x_is,
    x_is_ipv4_header,
)
from tui.capture.segment_filter import ALL, DIRECTION, DNS, END, OUTGOING, Lines, tcp

_SO_ATTACH_FILTER = 26
_TO_US = 0
_IPV4, _IPV6 = 0x0800, 0x86DD
_ICMP, _TCP, _UDP, _ICMPV6 = 1, 6, 17, 58
_HTTPS = 443
_UNREACHABLE = 256
_DOCKERS_RESOLVER = 0x7F00000B
"""127.0.0.11: a query is sent to a port of it that was chosen by chance; the answer comes from port 53."""
_QUIC_V2 = 0x6B3343CF


def build() -> bytes:
    """The program, as an array of struct sock_filter."""
    return assemble([*_start(), "IPv6", *_ipv6(), "IPv4", *_ipv4(), *tcp(), *_udp()])


def attach(held: socket.socket, program: bytes) -> None:
    """Let only what the program passes into a socket (SO_ATTACH_FILTER of socket(7), struct sock_fprog).

    :raises OSError: if the kernel refuses
    """
    kept = ctypes.create_string_buffer(program, len(program))
    count = len(program) // SOCK_FILTER.size
    held.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", count, ctypes.addressof(kept)))


def _start() -> Lines:
    return [
        word(PACKET_TYPE),
        store(DIRECTION),
        equals(OUTGOING, "which"),
        equals(_TO_US, "which", "nothing"),
        "which",
        word(PROTOCOL),
        equals(_IPV6, "IPv6"),
        equals(_IPV4, no="nothing"),
        go("IPv4"),
        "nothing",
        passes(0),
    ]


def _ipv6() -> Lines:
    """X = the length of the header (RFC 8200 §3, RFC 4443 §3.1)."""
    return [
        half(4),
        plus(40),
        store(END),
        x_is(40),
        byte(6),
        equals(_TCP, "TCP"),
        equals(_UDP, "to UDP"),
        equals(_ICMPV6, no="nothing"),
        recall(DIRECTION),
        equals(OUTGOING, "nothing"),
        byte_from_x(0),
        equals(1, "unreachable"),
        "nothing",
        passes(0),
        "unreachable",
        passes(_UNREACHABLE),
        "to UDP",
        go("UDP"),
    ]


def _ipv4() -> Lines:
    """X = the length of the header (RFC 791 §3.1)."""
    return [
        half(6),
        has_any(0x1FFF, "nothing"),
        half(2),
        store(END),
        x_is_ipv4_header(),
        byte(9),
        equals(_TCP, "TCP"),
        equals(_UDP, "UDP over IPv4"),
        equals(_ICMP, no="nothing"),
        recall(DIRECTION),
        equals(OUTGOING, "nothing"),
        byte_from_x(0),
        equals(3, "unreachable"),
        "nothing",
        passes(0),
        "UDP over IPv4",
        recall(DIRECTION),
        equals(OUTGOING, no="to UDP"),
        word(16),
        equals(_DOCKERS_RESOLVER, no="to UDP"),
        "all",
        passes(ALL),
        "unreachable",
        passes(_UNREACHABLE),
        "to UDP",
        go("UDP"),
    ]


def _udp() -> Lines:
    """RFC 768; RFC 9000 §17.2 and RFC 9369 §3.2 for the first byte of an Initial packet."""
    return [
        "UDP",
        recall(DIRECTION),
        equals(OUTGOING, "UDP out"),
        half_from_x(0),
        equals(DNS, "all", "nothing"),
        "UDP out",
        half_from_x(2),
        equals(DNS, "all"),
        equals(_HTTPS, no="nothing"),
        byte_from_x(8),
        masked(0xF0),
        equals(0xC0, "Initial"),
        equals(0xD0, no="nothing"),
        word_from_x(9),
        equals(_QUIC_V2, "all", "nothing"),
        "Initial",
        word_from_x(9),
        equals(0, "nothing"),
        equals(_QUIC_V2, "nothing"),
        "all",
        passes(ALL),
        "nothing",
        passes(0),
    ]
