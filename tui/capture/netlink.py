"""The frame of netlink messages (netlink(7)). Pure: bytes to values; opens nothing."""

import os
import struct
from collections.abc import Iterator

HEADER = struct.Struct("=IHHII")
"""struct nlmsghdr: length, type, flags, sequence, port."""
NLMSG_ERROR = 2
NLMSG_DONE = 3
NLM_F_REQUEST = 0x001
NLM_F_DUMP = 0x300
_ERRNO = struct.Struct("=i")
_ATTRIBUTE = struct.Struct("=HH")


class Malformed(OSError):
    """Bytes that are no netlink message of the kind that was asked for: the kernel cannot be understood."""


class Refused(OSError):
    """The kernel's own answer to a request was an error."""


def request(kind: int, flags: int, payload: bytes) -> bytes:
    """A message to the kernel."""
    return HEADER.pack(HEADER.size + len(payload), kind, NLM_F_REQUEST | flags, 1, 0) + payload


def messages(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Each message in a datagram, as (type, flags, start of its payload, end).

    :raises Malformed: if a length leads out of the datagram
    :raises Refused: if one of them is an error
    """
    at, size = 0, len(data)
    while at < size:
        if size - at < HEADER.size:
            raise Malformed(f"{size - at} bytes are left, a message header has {HEADER.size}")
        length, kind, flags, _, _ = HEADER.unpack_from(data, at)
        if length < HEADER.size or at + length > size:
            raise Malformed(f"a message of {length} bytes in a datagram of {size}, at {at}")
        if kind == NLMSG_ERROR:
            _raise_error(data, at + HEADER.size, at + length)
        yield kind, flags, at + HEADER.size, at + length
        at += (length + 3) & ~3


def _raise_error(data: bytes, start: int, end: int) -> None:
    """An error of number 0 is an acknowledgement (netlink(7), struct nlmsgerr)."""
    if end - start < _ERRNO.size:
        raise Malformed("an error message without its number")
    number = -_ERRNO.unpack_from(data, start)[0]
    if number:
        raise Refused(number, os.strerror(number))


def attributes(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Each attribute (struct nlattr) between two places, as (type, start of its value, end of its value).

    :raises Malformed: if a length leads out of the message
    """
    while start + _ATTRIBUTE.size <= end:
        length, kind = _ATTRIBUTE.unpack_from(data, start)
        if length < _ATTRIBUTE.size or start + length > end:
            raise Malformed(f"an attribute of {length} bytes where {end - start} are left")
        yield kind & 0x3FFF, start + _ATTRIBUTE.size, start + length
        start += (length + 3) & ~3
