"""IP packets as a tap hands them over, read as far as names need it (RFC 791, 8200, 9293, 768, 792, 4443). Pure."""

from typing import NamedTuple

TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58
FIN, SYN, RST, ACK = 1, 2, 4, 16


class Packet(NamedTuple):
    """The ends and the place of the payload of one packet; addresses are packed."""

    protocol: int
    source: bytes
    target: bytes
    start: int
    """Where the header of TCP, UDP or ICMP stands."""
    end: int
    """Where the packet ends, which may be beyond what was captured."""


def read_packet(data: bytes) -> Packet | None:
    """The outermost header; None if it is no whole IPv4 or IPv6 header, or a fragment that is not the first.

    The length is 0 in a packet beyond 64 KiB that the network card is left to cut (BIG TCP): then all of it counts.
    """
    if len(data) < 20:
        return None
    version = data[0] >> 4
    if version == 4:
        if data[6] & 0x1F or data[7]:
            return None
        start = (data[0] & 15) * 4
        end = data[2] << 8 | data[3] or len(data)
        if start < 20 or end < start + 4 or len(data) < start + 4:
            return None
        return _make(Packet, (data[9], data[12:16], data[16:20], start, end))
    if version == 6 and len(data) >= 44:
        length = data[4] << 8 | data[5]
        end = 40 + length if length else len(data)
        if end < 44:
            return None
        return _make(Packet, (data[6], data[8:24], data[24:40], 40, end))
    return None


_make = tuple.__new__
"""Makes a named tuple of a tuple; the class called by its name takes three times as long."""
