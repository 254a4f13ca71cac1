"""The sockets on which sock_diag is asked and listened to (sock_diag(7), netlink(7)). Keeps nothing of what is said."""

import errno
import socket
import struct
import sys
from collections.abc import Iterator

from tui.capture.inet_diag import AF_INET, AF_INET6, DESTROY_GROUPS, Row, parse_rows, tcp_dump_request, udp_dump_request

NETLINK_SOCK_DIAG = 4
_SOL_NETLINK = 270
_ADD_MEMBERSHIP, _NO_ENOBUFS, _LISTEN_ALL_NSID = 1, 5, 8
_SO_RCVBUFFORCE, _SO_MEMINFO = 33, 55
_MEMINFO = struct.Struct("=9I")
_DROPS = 8
WANTED_BUFFER = 32 << 20
"""Bytes; the kernel doubles it."""
EVENT_BYTES = 1280
"""What one unread event takes of the buffer."""
_LARGEST = 1 << 20
_EVENT_MAX = 8192
_DRAIN_MAX = 50_000
"""Events taken at once at the most, so that a flood does not keep what was read from being handed on."""


def _open() -> socket.socket:
    return socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, NETLINK_SOCK_DIAG
    )


class Asker:
    """Asks for the sockets of the namespace in which it was made."""

    def __init__(self) -> None:
        """:raises OSError: if the kernel has no sock_diag or does not permit it"""
        self.socket = _open()
        self.socket.settimeout(5.0)

    def tcp(self, *, counters: bool) -> list[Row]:
        """All TCP sockets but those in TIME-WAIT.

        :raises OSError: if the kernel refuses, or is without ``inet_diag``
        """
        return self._ask(tcp_dump_request(counters=counters), counters=counters)

    def udp(self) -> list[Row]:
        """All UDP sockets.

        :raises OSError: if the kernel refuses, or is without ``udp_diag``
        """
        both = (udp_dump_request(AF_INET), udp_dump_request(AF_INET6))
        return [row for request in both for row in self._ask(request, counters=False)]

    def _ask(self, request: bytes, *, counters: bool) -> list[Row]:
        self.socket.send(request)
        rows = list[Row]()
        while not parse_rows(self.socket.recv(_LARGEST), rows, counters=counters):
            pass
        return rows

    def close(self) -> None:
        """Close it, so that it keeps no namespace alive."""
        self.socket.close()


class EndListener:
    """Hears when sockets are destroyed, of the namespace in which it was made or of all that the kernel has a number
    for."""

    def __init__(self, *, all_namespaces: bool = False) -> None:
        """``all_namespaces`` needs CAP_NET_BROADCAST.

        :raises OSError: if the kernel refuses
        """
        self.socket = _open()
        try:
            self.socket.bind((0, 0))
            self.buffer_forced = self._enlarge()
            self.socket.setsockopt(_SOL_NETLINK, _NO_ENOBUFS, 1)
            if all_namespaces:
                self.socket.setsockopt(_SOL_NETLINK, _LISTEN_ALL_NSID, 1)
            for group in DESTROY_GROUPS:
                self.socket.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, group)
        except OSError:
            self.socket.close()
            raise
        self._dropped = 0

    def _enlarge(self) -> bool:
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, WANTED_BUFFER)
        except PermissionError:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WANTED_BUFFER)
            return False
        return True

    @property
    def holds(self) -> int:
        """How many unread events its buffer has room for."""
        return self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // EVENT_BYTES

    def drain(self) -> Iterator[tuple[bytes, int | None]]:
        """All events that wait, each with the number of its namespace, None for that of the listener."""
        receive = self.socket.recvmsg
        for _ in range(_DRAIN_MAX):
            try:
                data, ancillary, _, _ = receive(_EVENT_MAX, 64)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno == errno.ENOBUFS:
                    continue
                raise
            yield data, (_NUMBERS.get(ancillary[0][2]) or _number(ancillary)) if ancillary else None

    def lost(self) -> int:
        """How many events the kernel has dropped since the last call, for want of room."""
        drops: int = _MEMINFO.unpack(self.socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size))[_DROPS]
        lost, self._dropped = (drops - self._dropped) & 0xFFFFFFFF, drops
        return lost

    def close(self) -> None:
        """Close it, so that it keeps no namespace alive."""
        self.socket.close()


_NUMBERS: dict[bytes, int] = {}
"""Numbers of namespaces as the kernel writes them."""


def _number(ancillary: list[tuple[int, int, bytes]]) -> int | None:
    for level, kind, data in ancillary:
        if level == _SOL_NETLINK and kind == _LISTEN_ALL_NSID and len(data) >= 4:
            if len(_NUMBERS) >= 4096:
                _NUMBERS.clear()
            return _NUMBERS.setdefault(data, int.from_bytes(data[:4], sys.byteorder, signed=True))
    return None
