"""The clauses of the packet filter for TCP: which segments pass, and how much of each. Pure.

``tui.capture.packet_filter`` has the whole, and says what passes.
"""

from collections.abc import Sequence

from tui.capture.bpf import (
    Step,
    at_least,
    byte_from_x,
    equals,
    go,
    half_from_x,
    has_any,
    masked,
    minus_x,
    passes,
    passes_a,
    plus,
    plus_x,
    recall,
    shifted_right,
    store,
    word_from_x,
    x_recall,
)

Lines = Sequence[Step | str]

DIRECTION, END, _PAYLOAD, _SIZE, _PORT, _FLAGS = range(6)
"""Cells. Set before: the direction of the packet, and where it ends by its IP header. Here: where the payload begins,
the size of it, the far port, and the flags."""
OUTGOING = 4
"""PACKET_OUTGOING of packet(7)."""
TLS_PORTS = (443, 465, 636, 853, 6443, 8443)
"""Where TLS begins with the first byte: HTTPS, mail (RFC 8314), LDAP, DNS (RFC 7858), Kubernetes, and HTTPS where 443
is taken. In a tunnel through a proxy the host is known by CONNECT."""
CONTINUATION_MAX = 4096
"""A ClientHello with a post-quantum key share and an encrypted one inside has less than 3 kB."""
FULL_SEGMENTS = range(1400, 1461)
"""Payload of a full segment where the MTU is 1,500, whatever the options: uploads consist of them."""
ALL, REQUEST, ANSWER = 65_535, 16_384, 64
"""Bytes that pass at the most; of an answer, after the headers."""
DNS, HTTP = 53, 80
_FIN, _SYN, _RST, _PSH, _ACK = 1, 2, 4, 8, 16
_ALERT, _HANDSHAKE = 0x15, 0x16
_CLIENT_HELLO, _CERTIFICATE, _CLIENT_KEY = 1, 11, 16
_METHODS = {
    b"GET ": b"http", b"PUT ": b"http", b"POST": b" htt", b"HEAD": b" htt", b"DELE": b"TE h", b"PATC": b"H ht",
    b"CONN": b"ECT ",
}  # fmt: skip
"""How a request begins, and how it goes on if it is one to a proxy (RFC 9112 §3.2)."""


def tcp() -> Lines:
    """From the step ``TCP`` on, where X is where the segment begins (RFC 9293 §3.1)."""
    return [
        "TCP",
        byte_from_x(12),
        masked(0xF0),
        shifted_right(2),
        plus_x(),
        store(_PAYLOAD),
        recall(DIRECTION),
        equals(OUTGOING, no="TCP in"),
        *_outgoing(),
        "TCP in",
        *_incoming(),
    ]


def _payload(port_at: int) -> Lines:
    """X = where the payload begins, A = its size; huge where the IP header gives less than there is."""
    return [half_from_x(port_at), store(_PORT), recall(END), x_recall(_PAYLOAD), minus_x(), store(_SIZE)]


def _outgoing() -> Lines:
    """Every segment of an upload comes here, so it leaves soon."""
    return [
        byte_from_x(13),
        store(_FLAGS),
        masked(_SYN | _ACK),
        equals(_SYN, "headers"),
        *_payload(2),
        equals(0, "nothing"),
        recall(_PORT),
        equals(DNS, "all"),
        byte_from_x(0),
        at_least(ord("Q"), "continuation"),
        at_least(ord("C"), "request"),
        equals(_HANDSHAKE, "handshake"),
        masked(0xFC),
        equals(_HANDSHAKE & 0xFC, no="continuation"),
        *_tls_record(),
        *_request(),
        *_continuation(),
    ]


def _tls_record() -> Lines:
    """RFC 8446 §5.1. A record of another kind is no part of a ClientHello, nor is one that holds what we send next. A
    handshake record that begins otherwise is: a ClientHello may be cut into records."""
    return [
        recall(_SIZE),
        at_least(2, no="continuation"),
        byte_from_x(1),
        equals(3, "nothing", "continuation"),
        "handshake",
        recall(_SIZE),
        at_least(6, no="all"),
        byte_from_x(1),
        equals(3, no="continuation"),
        byte_from_x(5),
        equals(_CLIENT_HELLO, "all"),
        equals(_CERTIFICATE, "nothing"),
        equals(_CLIENT_KEY, "nothing", "continuation"),
    ]


def _continuation() -> Lines:
    return [
        "continuation",
        recall(_SIZE),
        at_least(CONTINUATION_MAX + 1, "nothing"),
        at_least(FULL_SEGMENTS.stop, "may continue"),
        at_least(FULL_SEGMENTS.start, "nothing"),
        "may continue",
        recall(_FLAGS),
        has_any(_PSH, no="nothing"),
        recall(_PORT),
        *(equals(port, "all") for port in TLS_PORTS),
        "nothing",
        passes(0),
    ]


def _request() -> Lines:
    """The method, and then what can only be a request to a proxy, or the port."""
    methods = {int.from_bytes(start): int.from_bytes(rest) for start, rest in _METHODS.items()}
    lines: list[Step | str] = ["request", recall(_SIZE), at_least(8, no="continuation"), word_from_x(0)]
    lines += [equals(start, f"method {start}") for start in methods]
    lines.append(equals(int.from_bytes(b"OPTI"), "by its port", "continuation"))
    for start, rest in methods.items():
        lines += [f"method {start}", word_from_x(4), equals(rest, "to a proxy"), go("by its port")]
    return [
        *lines,
        "by its port",
        recall(_PORT),
        equals(HTTP, no="nothing"),
        "to a proxy",
        passes(REQUEST),
        "nothing",
        passes(0),
    ]


def _incoming() -> Lines:
    """An answer that comes with the far side's FIN passes as an answer."""
    return [
        byte_from_x(13),
        store(_FLAGS),
        *_payload(0),
        equals(0, "no answer"),
        recall(_PORT),
        equals(DNS, "all"),
        recall(_SIZE),
        at_least(7, no="no answer"),
        word_from_x(0),
        equals(int.from_bytes(b"HTTP"), "HTTP"),
        masked(0xFFFF00FF),
        equals(_ALERT << 24 | 3 << 16, no="no answer"),
        byte_from_x(4),
        equals(2, "answer", "no answer"),
        "HTTP",
        half_from_x(4),
        equals(int.from_bytes(b"/1"), no="no answer"),
        "answer",
        recall(_PAYLOAD),
        plus(ANSWER),
        passes_a(),
        "no answer",
        recall(_FLAGS),
        has_any(_FIN | _RST, "headers"),
        masked(_SYN | _ACK),
        equals(_SYN | _ACK, no="nothing"),
        "headers",
        recall(_PAYLOAD),
        passes_a(),
        "nothing",
        passes(0),
        "all",
        passes(ALL),
    ]
