"""One namespace, looked at again and again: which sockets live in it, in which state, and whose they are."""

import contextlib
import errno
import os
import time
from collections.abc import Iterator

from tui.capture.diag_socket import Asker
from tui.capture.inet_diag import Row, ends_of, listens, state_of
from tui.capture.netlink import Refused
from tui.capture.netns import cookie_of, inside, open_namespace, own_namespace
from tui.capture.own import OwnSockets
from tui.capture.owners import holders
from tui.capture.population import Population
from tui.model.observation import Counters, Dump, Owner, Socket

TRIES = 3
"""How many looks a socket's process is searched for: one that is new may not be in the list of processes yet."""
COUNTED_EVERY = 5
"""Bytes are asked for in every so many looks only: they cost more than all the rest of a look."""
COUNTED_AT_ONCE = 1000
"""Where there are fewer sockets, the bytes of a new one are asked for in the next look."""
FIRST_CLIENT_PORT = 32768
"""Where the ports begin that the kernel gives to clients (ip(7), ip_local_port_range)."""
NO_PEER = "UDP sent without a connected peer is not seen (where to is not told by the kernel)"

NO_UDP = "open UDP sockets are not seen: the kernel has no udp_diag (modprobe udp_diag)"


class Replaced(ProcessLookupError):
    """The kernel has given the name of a namespace to the next one."""


class Look:
    """Remembers the last look, so that a socket that has not changed costs little."""

    def __init__(self, namespace: str, pid: int, population: Population, own: OwnSockets) -> None:
        self.namespace = namespace
        self._at_home = namespace == own_namespace()
        self.pid = pid
        """A process through which the namespace is entered."""
        self.served: set[int] = set()
        """Ports on which TCP listens, and UDP does not: what ends there came in."""
        self._pids: tuple[int, ...] = (pid,)
        self._population = population
        self._own = own
        self._seen: dict[str, dict[bytes, tuple[int, Socket, int, int]]] = {"tcp": {}, "udp": {}}
        """By protocol and id: the kernel's state, the socket, its inode, and how often its process was searched for."""
        self._looks = 0
        self._has_new = False
        self._cookie: int | None = None
        self._sends_unseen = False
        self._no_udp = False

    def moved(self, pid: int, pids: tuple[int, ...]) -> None:
        """Say which processes are in it now."""
        self.pid, self._pids = pid, pids

    def probe(self) -> None:
        """Look once and keep nothing.

        :raises OSError: if that is refused
        """
        self._ask(counters=True)

    def dump(self) -> Dump:
        """One look.

        :raises OSError: if the namespace cannot be entered or asked, also when it has just ended
        :raises Malformed: if the kernel's answer cannot be read
        """
        at_us = time.time_ns() // 1000
        counted = self._looks % COUNTED_EVERY == 0 or self._has_new
        self._has_new = False
        self._looks += 1
        tcp, udp = self._ask(counters=counted)
        sockets, counters = list[Socket](), list[Counters | None]()
        for protocol, rows in (("tcp", tcp), ("udp", udp)):
            self._take(protocol, rows, sockets, counters)
        owners, sockets = self._with_owners(sockets, at_us)
        listening = frozenset(
            (protocol, int.from_bytes(row.id[:2]))
            for protocol, rows in (("tcp", tcp), ("udp", udp))
            for row in rows
            if listens(row, protocol)
        )
        self.served = {port for protocol, port in listening if protocol == "tcp"} - {
            port for protocol, port in listening if protocol == "udp"
        }
        unowned = sum(s.pid is None and self._held(s) for s in sockets)
        return Dump(
            at_us,
            self.namespace,
            tuple(sockets),
            listening,
            owners,
            unowned,
            tuple(counters) if counted else (),
            self._note(listening),
        )

    def _ask(self, *, counters: bool) -> tuple[list[Row], list[Row]]:
        with self._entered():
            asker = Asker()
        try:
            self._same_namespace(cookie_of(asker.socket))
            return asker.tcp(counters=counters), self._udp(asker)
        finally:
            asker.close()

    def _udp(self, asker: Asker) -> list[Row]:
        """None where the kernel is without ``udp_diag``; TCP is seen all the same."""
        try:
            return asker.udp()
        except Refused as error:
            if error.errno != errno.ENOENT:
                raise
            self._no_udp = True
            return []

    @contextlib.contextmanager
    def _entered(self) -> Iterator[None]:
        if self._at_home:
            yield
            return
        descriptor = open_namespace(self.namespace, self.pid)
        try:
            with inside(descriptor):
                yield
        finally:
            os.close(descriptor)

    def _same_namespace(self, cookie: int | None) -> None:
        """The kernel gives an inode again as soon as its namespace has ended."""
        if self._cookie is not None and cookie != self._cookie:
            raise Replaced(f"{self.namespace} is another namespace now")
        self._cookie = cookie

    def _take(self, protocol: str, rows: list[Row], sockets: list[Socket], counters: list[Counters | None]) -> None:
        before, now = self._seen[protocol], dict[bytes, tuple[int, Socket, int, int]]()
        for row in rows:
            known = before.get(row.id)
            if known is None or known[0] != row.state:
                state = state_of(row, protocol)
                if state is None:
                    continue
                if known is None:
                    local, remote, cookie = ends_of(row.family, row.id)
                    if cookie in self._own:
                        continue
                    self._has_new = len(before) < COUNTED_AT_ONCE
                    known = (row.state, Socket(protocol, local, remote, state, None, cookie), row.inode, 0)
                else:
                    held = known[1]
                    moved = Socket(protocol, held.local, held.remote, state, held.pid, held.cookie)
                    known = (row.state, moved, row.inode, known[3])
            now[row.id] = known
            sockets.append(known[1])
            counters.append(row.counters)
        self._seen[protocol] = now

    def _with_owners(self, sockets: list[Socket], at_us: int) -> tuple[dict[int, Owner], list[Socket]]:
        """Search for the processes of sockets that have none yet; each is told with its own owner only while new."""
        searched = {
            inode: (protocol, id)
            for protocol, seen in self._seen.items()
            for id, (_, socket, inode, tries) in seen.items()
            if socket.pid is None and inode and tries < TRIES
        }
        if not searched:
            return {}, sockets
        found = holders(set(searched), self._pids)
        owners, replaced = dict[int, Owner](), dict[int | None, Socket]()
        for inode, (protocol, id) in searched.items():
            state, socket, _, tries = self._seen[protocol][id]
            owner = self._owner(found.get(inode), owners, at_us)
            if owner is not None:
                mine = Socket(protocol, socket.local, socket.remote, socket.state, owner.process.pid, socket.cookie)
                replaced[socket.cookie] = mine
                socket = mine
            self._seen[protocol][id] = (state, socket, inode, tries + 1)
        return owners, [replaced.get(socket.cookie, socket) for socket in sockets] if replaced else sockets

    def _owner(self, pid: int | None, owners: dict[int, Owner], at_us: int) -> Owner | None:
        if pid is None:
            return None
        owner = owners.get(pid) or self._population.owner(pid, at_us)
        if owner is not None:
            owners[pid] = owner
        return owner

    def _held(self, socket: Socket) -> bool:
        return socket.state.value in ("attempt", "established")

    def _note(self, listening: frozenset[tuple[str, int]]) -> str:
        clients = any(protocol == "udp" and port >= FIRST_CLIENT_PORT for protocol, port in listening)
        if self._no_udp:
            return NO_UDP
        self._sends_unseen = self._sends_unseen or clients
        return NO_PEER if self._sends_unseen else ""
