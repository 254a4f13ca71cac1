"""Sockets as the kernel's sock_diag tells them (sock_diag(7), linux/inet_diag.h). Pure: bytes to values and back."""

import struct
import sys
from typing import NamedTuple

from tui.capture.netlink import HEADER, NLM_F_DUMP, NLMSG_DONE, Malformed, attributes, messages, request
from tui.model.address import unpack
from tui.model.connection import Endpoint
from tui.model.observation import Counters, SocketEnd, SocketState

SOCK_DIAG_BY_FAMILY = 20
TCPDIAG_GETSOCK = 18
"""The older request: IPv4 and IPv6 in one walk of the machine's table, and it honours the mask of states."""
DESTROY_GROUPS = (1, 2, 3, 4)
"""SKNLGRP_INET_TCP_DESTROY, _UDP_, _INET6_TCP_, _INET6_UDP_ (linux/sock_diag.h)."""

AF_INET, AF_INET6 = 2, 10
_TCP, _UDP = 6, 17
_PROTOCOLS = {_TCP: "tcp", _UDP: "udp"}
_INET_DIAG_INFO = 2
_INET_DIAG_PROTOCOL = 10
_WANT_INFO = 1 << (_INET_DIAG_INFO - 1)

_FIN_WAIT_2, _TIME_WAIT, _LISTEN = 5, 6, 10
_STATES = {
    1: SocketState.ESTABLISHED,
    2: SocketState.ATTEMPT,
    4: SocketState.CLOSING,
    5: SocketState.CLOSING,
    8: SocketState.CLOSING,
    9: SocketState.CLOSING,
    11: SocketState.CLOSING,
}
"""TCP's states (net/tcp_states.h) but those of no interest: SYN-RECEIVED is inbound, TIME-WAIT has another cookie."""
_ALL_BUT_TIME_WAIT = 0xFFF & ~(1 << _TIME_WAIT)

_MESSAGE = struct.Struct("=BB2x48sIIIII")
"""struct inet_diag_msg: family, state, socket id, expires, queues, uid, inode."""
_DUMPED = struct.Struct("=BB2x48s16xI")
"""The same, as far as a dump needs it: family, state, socket id, inode."""
_SOCKET_ID = struct.Struct("!HH16s16s4x8s")
"""struct inet_diag_sockid: ports (in the network's byte order), addresses, interface, cookie."""
_INFO = struct.Struct("=BxBB96xI16xQQII")
"""struct tcp_info up to tcpi_segs_in: state, retransmits, probes, total_retrans, acked, received, segments."""
_SENT = struct.Struct("=QQ")
_SENT_AT, _RTO_AT = 200, 240
_RTO = struct.Struct("=H")
_ATTRIBUTE = struct.Struct("=HH")
_PROTOCOL_FIRST = _ATTRIBUTE.pack(5, _INET_DIAG_PROTOCOL)
_make = tuple.__new__
"""Makes a named tuple of a tuple; the class called by its name takes three times as long."""
_MAPPED = bytes(10) + b"\xff\xff"


class Row(NamedTuple):
    """One socket of a dump; what stands in its id is read by ``ends_of`` when it is needed."""

    family: int
    state: int
    id: bytes
    """struct inet_diag_sockid: endpoints and cookie, the same as long as the connection lives."""
    inode: int
    """0: no process holds it any more."""
    counters: Counters | None


def tcp_dump_request(*, counters: bool) -> bytes:
    """Ask for the TCP sockets of this namespace, those in TIME-WAIT left out."""
    head = struct.pack("=BBBB", 0, 0, 0, _WANT_INFO if counters else 0) + bytes(48)
    return request(TCPDIAG_GETSOCK, NLM_F_DUMP, head + struct.pack("=II", _ALL_BUT_TIME_WAIT, 0))


def udp_dump_request(family: int) -> bytes:
    """Ask for the UDP sockets of one family in this namespace (struct inet_diag_req_v2)."""
    return request(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, struct.pack("=BBBBI", family, _UDP, 0, 0, 0xFFFFFFFF) + bytes(48))


def parse_rows(data: bytes, rows: list[Row], *, counters: bool) -> bool:
    """Add the sockets in one datagram of a dump to ``rows``; True once the dump is over.

    :raises Malformed: if it is no answer to a dump
    :raises Refused: if the kernel answered with an error
    """
    unpack_from, add, make = _DUMPED.unpack_from, rows.append, _make
    for kind, _, start, end in messages(data):
        if kind == NLMSG_DONE:
            return True
        if kind not in (TCPDIAG_GETSOCK, SOCK_DIAG_BY_FAMILY):
            continue
        if end - start < _MESSAGE.size:
            raise Malformed(f"a socket's message of {end - start} bytes")
        family, state, id, inode = unpack_from(data, start)
        if family != AF_INET and family != AF_INET6:
            raise Malformed(f"a socket of the address family {family}")
        told = _counters(data, family, start, end) if counters and state != _LISTEN else None
        add(make(Row, (family, state, id, inode, told)))
    return False


_PORT_AT = HEADER.size + 4
"""Where the local port stands in an event."""


def local_port(data: bytes) -> int:
    """The local port that a destroy event speaks of; 0 where it is too short to tell."""
    return int.from_bytes(data[_PORT_AT : _PORT_AT + 2])


def parse_end(data: bytes, at_us: int, namespace: str) -> SocketEnd | None:
    """The end of a socket that a destroy event tells; None for what is no TCP or UDP socket.

    :raises Malformed: if it is no such event
    """
    for kind, _, start, end in messages(data):
        if kind == SOCK_DIAG_BY_FAMILY:
            return _end(data, start, end, at_us, namespace)
    return None


def ends_of(family: int, id: bytes) -> tuple[Endpoint, Endpoint, int]:
    """The local and the remote endpoint and the cookie in a socket's id."""
    sport, dport, source, peer, cookie = _SOCKET_ID.unpack(id)
    return _endpoint(family, source, sport), _endpoint(family, peer, dport), int.from_bytes(cookie, sys.byteorder)


def state_of(row: Row, protocol: str) -> SocketState | None:
    """The state as recording tells it; None for what has no peer or is of no interest.

    In FIN-WAIT-2 without an inode is what the kernel keeps of a connection whose end it has told: a TIME-WAIT by
    another name.
    """
    if protocol == "tcp":
        return None if row.state == _FIN_WAIT_2 and not row.inode else _STATES.get(row.state)
    return SocketState.ESTABLISHED if row.id[2:4] != b"\0\0" else None


def listens(row: Row, protocol: str) -> bool:
    """True if peers may come: a TCP listener, or a UDP socket without a peer."""
    return row.state == _LISTEN if protocol == "tcp" else row.id[2:4] == b"\0\0" and row.id[:2] != b"\0\0"


def _end(data: bytes, start: int, end: int, at_us: int, namespace: str) -> SocketEnd | None:
    if end - start < _MESSAGE.size:
        raise Malformed(f"a socket's message of {end - start} bytes")
    family, _, id, _, _, wqueue, _, _ = _MESSAGE.unpack_from(data, start)
    if family != AF_INET and family != AF_INET6:
        return None
    protocol = _protocol(data, start + _MESSAGE.size, end)
    if protocol is None:
        return None
    counters = _counters(data, family, start, end) if protocol == "tcp" else None
    local, remote, cookie = ends_of(family, id)
    return _make(SocketEnd, (at_us, namespace, protocol, local, remote, cookie, wqueue, counters))


def _protocol(data: bytes, start: int, end: int) -> str | None:
    """It nearly always stands in the first attribute."""
    if data[start : start + 4] == _PROTOCOL_FIRST and start + 4 < end:
        return _PROTOCOLS.get(data[start + 4])
    for kind, value, stop in attributes(data, start, end):
        if kind == _INET_DIAG_PROTOCOL and stop > value:
            return _PROTOCOLS.get(data[value])
    return None


def _counters(data: bytes, family: int, start: int, end: int) -> Counters | None:
    at = _info_at(data, family, start, end)
    return None if at is None else parse_info(data, *at)


_PLACES: dict[tuple[int, int], int] = {}
"""Where the counters stood in the last message of this family and length; they nearly always stand there again."""


def _info_at(data: bytes, family: int, start: int, end: int) -> tuple[int, int] | None:
    known = _PLACES.get((family, end - start))
    if known is not None:
        length, kind = _ATTRIBUTE.unpack_from(data, start + known)
        if kind == _INET_DIAG_INFO and start + known + length <= end:
            return start + known + _ATTRIBUTE.size, start + known + length
    for kind, value, stop in attributes(data, start + _MESSAGE.size, end):
        if kind == _INET_DIAG_INFO:
            if len(_PLACES) < 64:
                _PLACES[family, end - start] = value - _ATTRIBUTE.size - start
            return value, stop
    return None


def parse_info(data: bytes, start: int, end: int) -> Counters | None:
    """The counters in a struct tcp_info (linux/tcp.h), which grows at its end from kernel to kernel.

    None where it is so short that bytes were not counted yet (below Linux 4.2).
    """
    if end - start < _INFO.size:
        return None
    state, retransmits, probes, total, acked, received, segs_out, segs_in = _INFO.unpack_from(data, start)
    sent, resent, rto = None, 0, 0
    if end - start >= _SENT_AT + _SENT.size:
        sent, resent = _SENT.unpack_from(data, start + _SENT_AT)
        if end - start >= _RTO_AT + _RTO.size:
            rto = _RTO.unpack_from(data, start + _RTO_AT)[0]
    counted = (retransmits, probes, total, acked, received, segs_out, segs_in, sent, resent, rto, state)
    return _make(Counters, counted)


def _endpoint(family: int, address: bytes, port: int) -> Endpoint:
    text = _TEXTS.get((family, address))
    if text is None:
        text = _text(family, address)
    return _make(Endpoint, (text, port))


_TEXTS: dict[tuple[int, bytes], str] = {}
"""The texts of the addresses that were met; emptied when there are many."""


def _text(family: int, address: bytes) -> str:
    four = address[:4] if family == AF_INET else address[12:] if address[:12] == _MAPPED else None
    text = unpack(address if four is None else four)
    if len(_TEXTS) >= 65536:
        _TEXTS.clear()
    _TEXTS[family, address] = text
    return text
