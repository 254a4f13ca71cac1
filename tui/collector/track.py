"""Tell connections from looks at sockets: which are new, which have ended, and how. Pure; names and judges nothing."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from tui.model.connection import Endpoint, Origin, Outcome, Process, Recorded
from tui.model.observation import Dump, Owner, Socket, SocketState

Key = tuple[str, str, Endpoint, Endpoint]
"""Namespace, protocol, local and remote endpoint."""

REMEMBER_US = 120_000_000
"""How long a listening port and a socket of our own are remembered after they have gone: twice a TIME-WAIT."""
HANGING_US = 3_000_000
"""An attempt seen this long without an answer that then ends has timed out, whoever gave up."""


@dataclass(frozen=True, slots=True)
class Tracked:
    """A connection as the looks show it."""

    id: int
    key: Key
    opened_us: int
    last_seen_us: int
    closed_us: int | None
    state: SocketState
    process: Process | None
    origin: Origin
    outcome: Outcome
    recorded: Recorded

    @property
    def is_open(self) -> bool:
        """True until an end was seen."""
        return self.outcome is Outcome.OPEN


@dataclass(frozen=True, slots=True)
class Changes:
    """What one look changed."""

    opened: tuple[Tracked, ...]
    altered: tuple[Tracked, ...]
    """Ended, or their owner became known."""
    forgotten: tuple[int, ...]
    """Ids of which nothing more can come."""


class Tracker:
    """Follows the sockets of any number of namespaces from dump to dump."""

    def __init__(self, next_id: int, own_pid: int, recorded: Iterable[str] = ()) -> None:
        """``recorded`` names the namespaces that an earlier collector has watched."""
        self._next_id = next_id
        self._recorded = set(recorded)
        self._own_pid = own_pid
        self._tracked: dict[Key, Tracked] = {}
        self._inbound: dict[Key, int] = {}
        self._listened: dict[tuple[str, str, int], int] = {}
        self._own: dict[Key, int] = {}
        self._started: set[str] = set()

    def resume(self, tracked: list[Tracked]) -> None:
        """Take over what an earlier collector followed, before the first dump."""
        self._tracked = {t.key: t for t in tracked}

    def looked_away(self) -> None:
        """Nobody looked for a while: when something ended meanwhile cannot be known."""
        self._started.clear()

    def observe(self, dump: Dump) -> Changes:
        """Take in one look at one namespace."""
        for protocol, port in dump.listening:
            if protocol == "tcp":
                self._listened[dump.namespace, protocol, port] = dump.at_us
        opened, altered, forgotten, present = list[Tracked](), list[Tracked](), list[int](), set[Key]()
        for socket in dump.sockets:
            key = (dump.namespace, socket.protocol, socket.local, socket.remote)
            if not self._is_ours_to_record(key, socket, dump):
                continue
            present.add(key)
            before = self._tracked.get(key)
            if before is not None and not (_continues(before, socket) and self._same_owner(before, socket, dump)):
                if before.is_open:
                    altered.append(_ended(before, dump.at_us))
                forgotten.append(before.id)
                before = None
            if before is None:
                self._tracked[key] = self._open(key, socket, dump)
                opened.append(self._tracked[key])
                continue
            after = _seen_again(before, socket, dump)
            self._tracked[key] = after
            if (after.outcome, after.process) != (before.outcome, before.process):
                altered.append(after)
        self._end_absent(dump, present, altered, forgotten)
        self._started.add(dump.namespace)
        self._recorded.add(dump.namespace)
        self._forget_old(dump.at_us)
        return Changes(tuple(opened), tuple(altered), tuple(forgotten))

    def _end_absent(self, dump: Dump, present: set[Key], altered: list[Tracked], forgotten: list[int]) -> None:
        for key in [k for k in self._tracked if k[0] == dump.namespace and k not in present]:
            gone = self._tracked.pop(key)
            if gone.is_open:
                altered.append(_ended(gone, dump.at_us if dump.namespace in self._started else None))
            forgotten.append(gone.id)

    def _is_ours_to_record(self, key: Key, socket: Socket, dump: Dump) -> bool:
        at_us = dump.at_us
        if socket.pid == self._own_pid:
            self._own[key] = at_us
            return False
        if key in self._own and socket.pid is None:
            self._own[key] = at_us
            return False
        if key in self._tracked:
            return True
        if key in self._inbound or self._is_served(socket, dump):
            self._inbound[key] = at_us
            return False
        return True

    def _is_served(self, socket: Socket, dump: Dump) -> bool:
        """True if its local port waits for peers; of UDP only now, since a client may bind before it connects."""
        here = (socket.protocol, socket.local.port)
        return here in dump.listening or (dump.namespace, *here) in self._listened

    def _same_owner(self, before: Tracked, socket: Socket, dump: Dump) -> bool:
        """Across two collectors the endpoints alone may mislead; while one looks on, a socket may change hands."""
        owner = dump.owners.get(socket.pid) if socket.pid is not None else None
        if before.process is None or owner is None or dump.namespace in self._started:
            return True
        return before.process.is_same(owner.process)

    def _open(self, key: Key, socket: Socket, dump: Dump) -> Tracked:
        owner = dump.owners.get(socket.pid) if socket.pid is not None else None
        ended = socket.state is SocketState.ENDED
        tracked = Tracked(
            self._next_id,
            key,
            dump.at_us,
            dump.at_us,
            dump.at_us if ended else None,
            socket.state,
            owner.process if owner else None,
            _origin(dump.namespace, owner),
            Outcome.CLOSED if ended else Outcome.OPEN,
            Recorded.LIVE if dump.namespace in self._recorded else Recorded.PREDATES_RECORD,
        )
        self._next_id += 1
        return tracked

    def _forget_old(self, at_us: int) -> None:
        oldest_us = at_us - REMEMBER_US
        self._listened = {key: seen_us for key, seen_us in self._listened.items() if seen_us >= oldest_us}
        self._own = {key: seen_us for key, seen_us in self._own.items() if seen_us >= oldest_us}
        self._inbound = {key: seen_us for key, seen_us in self._inbound.items() if seen_us >= oldest_us}


def _origin(namespace: str, owner: Owner | None) -> Origin:
    return Origin(namespace, owner.role if owner else None)


def _continues(before: Tracked, socket: Socket) -> bool:
    if before.state in (SocketState.CLOSING, SocketState.ENDED):
        return socket.state not in (SocketState.ATTEMPT, SocketState.ESTABLISHED)
    return before.state is SocketState.ATTEMPT or socket.state is not SocketState.ATTEMPT


def _seen_again(before: Tracked, socket: Socket, dump: Dump) -> Tracked:
    after = replace(before, last_seen_us=max(dump.at_us, before.last_seen_us), state=socket.state)
    owner = dump.owners.get(socket.pid) if socket.pid is not None else None
    if before.process is None and owner is not None and before.is_open:
        after = replace(after, process=owner.process, origin=_origin(dump.namespace, owner))
    if before.is_open and socket.state is SocketState.ENDED:
        after = replace(after, outcome=Outcome.CLOSED, closed_us=after.last_seen_us)
    return after


def _ended(before: Tracked, at_us: int | None) -> Tracked:
    """``at_us`` is None where it ended while nobody looked."""
    if at_us is None:
        return replace(before, outcome=Outcome.UNKNOWN)
    if before.state is SocketState.CLOSING:
        outcome = Outcome.CLOSED
    elif before.state is SocketState.ATTEMPT and before.last_seen_us - before.opened_us >= HANGING_US:
        outcome = Outcome.TIMED_OUT
    else:
        outcome = Outcome.UNKNOWN
    return replace(before, outcome=outcome, closed_us=max(at_us, before.last_seen_us))
