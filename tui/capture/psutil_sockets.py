"""Sockets of the namespace that this process runs in, by psutil, one look at a time.

psutil cannot look into other namespaces (its issue 1611), and a connection that opens and ends between two looks shows
only where the kernel still holds its TIME-WAIT row; the note of its coverage says both.
"""

import os
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

import psutil

from tui.capture.netns import own_namespace
from tui.capture.processes import Processes
from tui.model.address import normal
from tui.model.connection import Endpoint
from tui.model.observation import Dump, Sighting, Socket, SocketState

_STATES = {
    psutil.CONN_SYN_SENT: SocketState.ATTEMPT,
    psutil.CONN_ESTABLISHED: SocketState.ESTABLISHED,
    psutil.CONN_FIN_WAIT1: SocketState.CLOSING,
    psutil.CONN_FIN_WAIT2: SocketState.CLOSING,
    psutil.CONN_CLOSE_WAIT: SocketState.CLOSING,
    psutil.CONN_LAST_ACK: SocketState.CLOSING,
    psutil.CONN_CLOSING: SocketState.CLOSING,
    psutil.CONN_TIME_WAIT: SocketState.ENDED,
    psutil.CONN_NONE: SocketState.ESTABLISHED,
}
"""SYN-RECEIVED is left out: only an inbound connection is ever in it."""

Row = tuple[str, Endpoint, Endpoint | None, str, int | None]
_Address = tuple[str, int] | tuple[()]


def read_rows() -> list[Row]:
    """All TCP and UDP sockets of this namespace as (protocol, local, remote, status, pid); raises as psutil does."""
    found = psutil.net_connections("inet")
    return [row for c in found if (row := _row(c.type, c.laddr, c.raddr, c.status, c.pid)) is not None]


def read_own_rows() -> list[Row]:
    """The sockets of this process: a look at all may have caught one before it knew whose it is."""
    pid, found = os.getpid(), psutil.Process().net_connections("inet")
    return [row for c in found if (row := _row(c.type, c.laddr, c.raddr, c.status, pid)) is not None]


def _row(type: int, local: _Address, remote: _Address, status: str, pid: int | None) -> Row | None:
    if not local:
        return None
    protocol = "udp" if type == socket.SOCK_DGRAM else "tcp"
    return protocol, _endpoint(local), _endpoint(remote) if remote else None, status, pid


def _endpoint(address: tuple[str, int]) -> Endpoint:
    return Endpoint(normal(address[0]), address[1])


class PsutilSockets:
    """A source of dumps; give it to one thread at a time."""

    def __init__(
        self,
        interval_s: float,
        why: str = "",
        read: Callable[[], Iterable[Row]] = read_rows,
        read_own: Callable[[], Iterable[Row]] = read_own_rows,
    ) -> None:
        """``why`` says why this source and not a better one, for the record of coverage."""
        self._interval_s = interval_s
        self._why = why
        self._read = read
        self._read_own = read_own
        self._due = 0.0
        self.namespace = own_namespace()
        """The one namespace that is watched."""
        self._processes = Processes(self.namespace)
        self._hidden = False

    def fileno(self) -> int | None:
        """None: nothing tells it that there is something to look at."""
        return None

    def wait_s(self) -> float:
        """Seconds until the next look is due."""
        return max(0.0, self._due - time.monotonic())

    def look(self) -> Sighting:
        """One look, as what a source sees.

        :raises OSError: if /proc cannot be read
        """
        self._due = time.monotonic() + self._interval_s
        dump = self.dump()
        return Sighting(dump.at_us, dumps=(replace(dump, note=self._note(dump)),), has_hidden=True)

    def close(self) -> None:
        """Nothing is held open."""

    def dump(self) -> Dump:
        """The sockets now.

        :raises OSError: if /proc cannot be read
        """
        try:
            rows = list(self._read())
            at_us = time.time_ns() // 1000
            sockets = distinct([*rows, *self._read_own()])
        except psutil.Error as error:
            raise OSError(f"psutil cannot read the sockets: {error}") from error
        pids = {s.pid for s in sockets if s.pid is not None}
        listening = frozenset(
            (protocol, local.port)
            for protocol, local, remote, status, _ in rows
            if remote is None and (status == psutil.CONN_LISTEN or protocol == "udp")
        )
        unowned = sum(s.pid is None and s.state is not SocketState.ENDED for s in sockets)
        return Dump(at_us, self.namespace, sockets, listening, self._processes.look(pids, at_us), unowned)

    def _note(self, dump: Dump) -> str:
        """What this source cannot see, for the record of coverage; once owners were hidden, that stays said."""
        self._hidden = self._hidden or (dump.unowned > 0 and os.geteuid() != 0)
        looks = f"psutil looks every {self._interval_s:g} s into one namespace"
        note = f"{self._why}{looks}: shorter connections, bytes and other containers are missed"
        return f"{note}; the owners of other users' sockets cannot be read: use sudo" if self._hidden else note


def distinct(rows: Iterable[Row]) -> tuple[Socket, ...]:
    """One socket for each pair of endpoints; of processes that share one, the oldest pid (the lowest) owns it."""
    found: dict[tuple[str, Endpoint, Endpoint], Socket] = {}
    for protocol, local, remote, status, pid in rows:
        state = _STATES.get(status)
        if remote is None or state is None:
            continue
        key = (protocol, local, remote)
        other = found.get(key)
        if other is None or (pid is not None and (other.pid is None or pid < other.pid)):
            found[key] = Socket(protocol, local, remote, state, pid)
    return tuple(found.values())
