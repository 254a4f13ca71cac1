"""Netlink messages as the kernel makes them, put together field by field from its headers. Asserts nothing.

From linux/netlink.h, linux/inet_diag.h, linux/tcp.h and linux/net_namespace.h.
"""

import socket
import struct
import sys

TCP, UDP = 6, 17
ESTABLISHED, SYN_SENT, SYN_RECV, CLOSE, CLOSE_WAIT, LISTEN = 1, 2, 3, 7, 8, 10
DONE = 3
TCPDIAG_GETSOCK, SOCK_DIAG_BY_FAMILY = 18, 20
RTM_NEWNSID, RTM_DELNSID = 88, 89
COOKIE = 0x0000_0001_0000_2001


def message(kind: int, payload: bytes, flags: int = 2) -> bytes:
    """struct nlmsghdr and what follows it, with the padding to the next message."""
    whole = struct.pack("=IHHII", 16 + len(payload), kind, flags, 1, 4711) + payload
    return whole + bytes(-len(whole) % 4)


def attribute(kind: int, value: bytes) -> bytes:
    """struct nlattr and its value, padded."""
    whole = struct.pack("=HH", 4 + len(value), kind) + value
    return whole + bytes(-len(whole) % 4)


def error(number: int) -> bytes:
    """struct nlmsgerr: the negative errno and the head of the request that it is about."""
    return message(2, struct.pack("=i", -number) + struct.pack("=IHHII", 72, SOCK_DIAG_BY_FAMILY, 0x301, 1, 0))


def tcp_info(
    *, retransmits: int = 0, probes: int = 0, total_retrans: int = 0, acked: int = 0, received: int = 0,
    segs_out: int = 0, segs_in: int = 0, sent: int = 0, resent: int = 0, total_rto: int = 0, state: int = ESTABLISHED,
    size: int = 248,
) -> bytes:  # fmt: skip
    """struct tcp_info as far as Linux 6.7 has it, cut or lengthened to ``size``."""
    eight = bytes([state, 0, retransmits, probes, 0, 7, 0x77, 0])
    thirty_two = (
        [200_000, 40_000, 1448, 1448] + [0] * 8 + [1, 1500, 64_000, 300, 150, 2**31 - 1, 10, 1448, 3, 0, 14_600]
    )
    whole = eight + struct.pack("=24I", *thirty_two, total_retrans)
    whole += struct.pack("=QQQQII", 2**64 - 1, 2**64 - 1, acked, received, segs_out, segs_in)
    whole += struct.pack("=IIII", 0, 120, 3, 4) + struct.pack("=QQQQ", 10_000, 900, 0, 0) + struct.pack("=II", 4, 0)
    whole += struct.pack("=QQ", sent, resent) + struct.pack("=IIIIII", 0, 0, 0, 64_000, 64_000, 0)
    whole += struct.pack("=HHI", total_rto, 1, 900)
    return (whole + b"\xaa" * 64)[:size]


def socket_id(
    local: str, lport: int, remote: str, rport: int, *, family: int = socket.AF_INET, cookie: int = COOKIE
) -> bytes:
    """struct inet_diag_sockid: ports and addresses in the network's order, the cookie in two halves."""
    addresses = (socket.inet_pton(family, text).ljust(16, b"\0") for text in (local, remote))
    halves = (cookie & 0xFFFFFFFF, cookie >> 32) if sys.byteorder == "little" else (cookie >> 32, cookie & 0xFFFFFFFF)
    return struct.pack("!HH", lport, rport) + b"".join(addresses) + struct.pack("=I", 2) + struct.pack("=II", *halves)


def socket_message(
    id: bytes, *attributes: bytes, family: int = socket.AF_INET, state: int = ESTABLISHED, rqueue: int = 0,
    wqueue: int = 0, inode: int = 31_337,
) -> bytes:  # fmt: skip
    """struct inet_diag_msg with its attributes."""
    head = struct.pack("=BBBB", family, state, 0, 0) + id + struct.pack("=IIIII", 0, rqueue, wqueue, 1000, inode)
    return head + b"".join(attributes)


V4 = socket_id("10.0.0.5", 40_000, "203.0.113.10", 443)
V6 = socket_id("2001:db8::5", 40_001, "2001:db8::10", 443, family=socket.AF_INET6)
MAPPED = socket_id("::ffff:10.0.0.5", 40_002, "::ffff:203.0.113.10", 443, family=socket.AF_INET6)
NO_PEER = socket_id("0.0.0.0", 3000, "0.0.0.0", 0)
RESOLVER = socket_id("10.0.0.5", 40_003, "203.0.113.53", 53)

INFO = attribute(2, tcp_info(acked=302, received=501, segs_out=6, segs_in=5, sent=300))
MARKS = attribute(5, b"\0") + attribute(8, b"\0") + attribute(15, struct.pack("=I", 0))
"""INET_DIAG_TOS, _SHUTDOWN and _MARK, which nobody asked for."""
OF_TCP, OF_UDP = attribute(10, bytes([TCP])), attribute(10, bytes([UDP]))

ROW = message(TCPDIAG_GETSOCK, socket_message(V4, MARKS, INFO))
LISTENER = message(TCPDIAG_GETSOCK, socket_message(NO_PEER, MARKS, attribute(2, tcp_info()), state=LISTEN))
DUMP_END = message(DONE, struct.pack("=i", 0))
END_OF_TCP = message(SOCK_DIAG_BY_FAMILY, socket_message(V4, INFO, OF_TCP, state=CLOSE, wqueue=3, inode=0))
END_OF_UDP = message(SOCK_DIAG_BY_FAMILY, socket_message(RESOLVER, OF_UDP, state=CLOSE, inode=0))


def nsid_message(kind: int, number: int) -> bytes:
    """struct rtgenmsg, then NETNSA_NSID."""
    return message(kind, struct.pack("=Bxxx", 0) + attribute(1, struct.pack("=i", number)))
