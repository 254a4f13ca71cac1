"""Reads the packets of a network namespace that tell names, beginnings and ends (packet(7)).

A batch of packets is taken with one call, recvmmsg(2), which Python has not: 0.8 µs a packet, where ``recvmsg`` takes
2.0. A ring that is shared with the kernel (TPACKET_V3) takes 0.4 and does not do: it hands a packet over up to 10 ms
late, when the end of its connection has been told already; its timer runs in every namespace, idle or not; and 2 MiB of
it hold 1,100 ClientHellos.
"""

import ctypes
import errno
import functools
import mmap
import os
import socket
import struct
from collections.abc import Iterator
from typing import NoReturn

from tui.capture.packet_filter import attach, build

Packet = tuple[bytes, int, bool]
"""The bytes from the network header on, as many as the filter lets pass; when the kernel saw it, in µs since the epoch;
True if this namespace sent it."""

WANTED_BUFFER = 8 << 20
"""Bytes; the kernel doubles it."""
_SO_RCVBUFFORCE, _SO_TIMESTAMPNS = 33, 35
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
_ETH_P_ALL = 3
_STATISTICS = struct.Struct("=II")
"""struct tpacket_stats: packets, and drops."""
_ADDRESS = struct.Struct("=HHiHBB8s")
"""struct sockaddr_ll, of which the packet's type is the fifth."""
_DRAIN_MAX = 50_000
"""Packets taken at once at the most, so that a flood does not keep what was read from being handed on."""

_libc = ctypes.CDLL(None, use_errno=True)


class Tap:
    """What the filter passes in the namespace in which it is made; in use by one thread at a time.

    An open one keeps its namespace alive.
    """

    def __init__(self) -> None:
        """No packet comes before the filter is there, for a socket of protocol 0 gets none.

        :raises PermissionError: without CAP_NET_RAW
        :raises OSError: if the kernel refuses otherwise
        """
        kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        self.socket = socket.socket(socket.AF_PACKET, kind, 0)
        try:
            attach(self.socket, build())
            self._enlarge()
            self.socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            _begin(self.socket)
        except OSError:
            self.socket.close()
            raise

    def _enlarge(self) -> None:
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, WANTED_BUFFER)
        except PermissionError:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WANTED_BUFFER)

    def fileno(self) -> int:
        """A descriptor that can be read once a packet waits."""
        return self.socket.fileno()

    def drain(self, limit: int = _DRAIN_MAX) -> Iterator[Packet]:
        """The packets that wait, oldest first; after about ``limit`` of them the rest waits on.

        :raises OSError: if the kernel refuses
        """
        batch = _batch()
        for _ in range(0, limit, batch.SIZE):
            packets = batch.receive(self.socket.fileno())
            yield from packets
            if len(packets) < batch.SIZE:
                return

    def lost(self) -> int:
        """How many packets that pass the filter were dropped since the last call, for want of room."""
        _, drops = _STATISTICS.unpack(self.socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, _STATISTICS.size))
        return int(drops)

    def close(self) -> None:
        """Close it, so that it keeps no namespace alive."""
        self.socket.close()


def _begin(held: socket.socket) -> None:
    """Bind to all interfaces, which cannot be said to ``bind`` of Python 3.11."""
    everything = _ADDRESS.pack(socket.AF_PACKET, socket.htons(_ETH_P_ALL), 0, 0, 0, 0, b"")
    if _libc.bind(held.fileno(), everything, len(everything)) != 0:
        _fail()


def _fail() -> NoReturn:
    number = ctypes.get_errno()
    raise OSError(number, os.strerror(number))


class _Batch:
    """Room for so many packets, and the headers (struct mmsghdr) that lead the kernel to it."""

    SIZE = 64
    _BYTES = 1 << 16
    """More than the filter lets pass of any packet; pages that are never written to take no memory."""
    _HEADER = struct.Struct("@PIPNPNi0PI0P")
    """struct mmsghdr: address, room and control message, each with its length; flags; how many bytes came."""
    _CAME = struct.Struct(f"@{struct.calcsize('@PIPNPNi0P')}xI0P")
    _PLACE = struct.Struct("@PN")
    """struct iovec."""
    _TYPE = struct.Struct("=10xB9x")
    _TIME = struct.Struct(f"@{struct.calcsize('@Nii')}xll")
    """struct cmsghdr, then struct timespec."""

    def __init__(self) -> None:
        self._room = mmap.mmap(-1, self.SIZE * self._BYTES)
        self._headers, self._places, self._types, self._times = (
            bytearray(self.SIZE * each.size) for each in (self._HEADER, self._PLACE, self._TYPE, self._TIME)
        )
        room, places = _address(self._room), _address(self._places)
        types, times = _address(self._types), _address(self._times)
        for at in range(self.SIZE):
            self._PLACE.pack_into(self._places, at * self._PLACE.size, room + at * self._BYTES, self._BYTES)
            self._HEADER.pack_into(
                self._headers, at * self._HEADER.size,
                types + at * self._TYPE.size, self._TYPE.size,
                places + at * self._PLACE.size, 1,
                times + at * self._TIME.size, self._TIME.size, 0, 0,
            )  # fmt: skip
        self._fresh = bytes(self._headers)
        self._at = ctypes.c_void_p(_address(self._headers))

    def receive(self, descriptor: int) -> list[Packet]:
        """As many packets as wait and have room.

        :raises OSError: if the kernel refuses
        """
        self._headers[:] = self._fresh
        count = _libc.recvmmsg(descriptor, self._at, self.SIZE, socket.MSG_DONTWAIT, None)
        if count < 0:
            if ctypes.get_errno() != errno.EAGAIN:
                _fail()
            return []
        room, packets, start = self._room, list[Packet](), 0
        for (size,), (kind,), (seconds, nanoseconds) in zip(
            self._CAME.iter_unpack(memoryview(self._headers)[: count * self._HEADER.size]),
            self._TYPE.iter_unpack(self._types),
            self._TIME.iter_unpack(self._times),
            strict=False,
        ):
            packets.append(
                (room[start : start + size], seconds * 1_000_000 + nanoseconds // 1000, kind == socket.PACKET_OUTGOING)
            )
            start += self._BYTES
        return packets


@functools.cache
def _batch() -> _Batch:
    return _Batch()


def _address(room: bytearray | mmap.mmap) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(room))
