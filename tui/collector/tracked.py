"""A connection as the looks show it, and what one more look or the kernel's word makes of it. Keeps nothing."""

from dataclasses import dataclass, field, replace

from tui.collector.outcome import NEVER_CONNECTED, bytes_received, bytes_sent, outcome_of
from tui.model.connection import Connection, Endpoint, Judgement, Label, Name, Origin, Outcome, Process, Recorded
from tui.model.observation import Counters, Dump, Socket, SocketEnd, SocketState

HANGING_US = 3_000_000
"""An attempt seen this long without an answer hangs; when it then ends it has timed out, whoever gave up."""


@dataclass(slots=True)
class Tracked:
    """A connection as the looks show it. It changes from look to look."""

    id: int
    namespace: str
    protocol: str
    local: Endpoint
    remote: Endpoint
    opened_us: int
    last_seen_us: int
    closed_us: int | None
    process: Process | None
    origin: Origin
    outcome: Outcome
    recorded: Recorded
    state: SocketState
    socket: Socket | None = None
    """As it was seen last; the same object again means that nothing but counters has changed."""
    counters: Counters | None = None
    told: tuple[int | None, int | None] = (None, None)
    """The bytes as they were last handed on."""
    look: int = 0
    """The number of the look that saw it last."""

    @property
    def is_open(self) -> bool:
        """True until an end was seen."""
        return self.outcome.is_open

    @property
    def bytes(self) -> tuple[int | None, int | None]:
        """Payload bytes sent and received so far; None where they are not known."""
        if self.counters is None:
            return (None, None)
        return bytes_sent(self.counters), bytes_received(self.counters, ended=not self.is_open)


@dataclass(frozen=True, slots=True)
class Changes:
    """What one sighting changed."""

    opened: list[Tracked] = field(default_factory=list)
    """New, and not known to be over for good."""
    whole: list[Tracked] = field(default_factory=list)
    """New and over: seen by their end alone. Nothing more can come of them."""
    altered: list[Tracked] = field(default_factory=list)
    """Answered, hanging, ended, or their owner became known."""
    forgotten: list[int] = field(default_factory=list)
    """Ids of which nothing more can come."""


def continues(before: Tracked, socket: Socket) -> bool:
    """True if a socket may be the connection that was seen before, by its endpoints and the order of states."""
    if (before.local, before.remote) != (socket.local, socket.remote):
        return False
    if before.state in (SocketState.CLOSING, SocketState.ENDED):
        return socket.state not in (SocketState.ATTEMPT, SocketState.ESTABLISHED)
    return before.state is SocketState.ATTEMPT or socket.state is not SocketState.ATTEMPT


def same_owner(before: Tracked, socket: Socket, dump: Dump, followed: bool) -> bool:
    """True if it may be. Across two collectors endpoints alone may mislead; while one looks on, hands may change."""
    owner = dump.owners.get(socket.pid) if socket.pid is not None else None
    if before.process is None or owner is None or followed:
        return True
    return before.process.is_same(owner.process)


def seen_again(tracked: Tracked, socket: Socket, dump: Dump) -> bool:
    """True if something of it has changed that the record holds."""
    before = (tracked.outcome, tracked.process)
    owner = dump.owners.get(socket.pid) if socket.pid is not None else None
    if tracked.process is None and owner is not None and tracked.is_open:
        tracked.process, tracked.origin = owner.process, owner.origin
    if tracked.outcome is Outcome.UNANSWERED and socket.state is not SocketState.ATTEMPT:
        tracked.outcome = Outcome.OPEN
    if tracked.is_open and socket.state is SocketState.ENDED:
        tracked.outcome = Outcome.CLOSED
        tracked.closed_us = max(dump.at_us, tracked.last_seen_us)
    return (tracked.outcome, tracked.process) != before


def is_end_of(end: SocketEnd, tracked: Tracked) -> bool:
    """A failed attempt's end has lost the source and the far port; what is left must agree."""
    if end.remote.port == 0:
        return True
    return (tracked.local, tracked.remote) == (end.local, end.remote)


def end_unheard(tracked: Tracked, at_us: int | None) -> None:
    """It is gone and nobody said how. ``at_us`` is None where it ended while nobody looked."""
    hung = tracked.outcome is Outcome.UNANSWERED or tracked.last_seen_us - tracked.opened_us >= HANGING_US
    if at_us is None:
        tracked.outcome = Outcome.UNKNOWN
    elif tracked.state is SocketState.CLOSING:
        tracked.outcome = Outcome.CLOSED
    elif tracked.state is SocketState.ATTEMPT and hung:
        tracked.outcome = Outcome.TIMED_OUT
    else:
        tracked.outcome = Outcome.UNKNOWN
    tracked.closed_us = None if at_us is None else max(at_us, tracked.last_seen_us)


def settle(tracked: Tracked, end: SocketEnd) -> None:
    """Take in the kernel's word: how it ended and its bytes. A wiped socket's counters tell nothing."""
    outcome = outcome_of(end)
    hung = tracked.outcome is Outcome.UNANSWERED
    tracked.outcome = Outcome.TIMED_OUT if hung and outcome is Outcome.UNKNOWN else outcome
    tracked.counters = counters_of(end) or tracked.counters
    tracked.state = SocketState.ENDED


def counters_of(end: SocketEnd) -> Counters | None:
    """The counters that came with an end; those of a connection that we aborted are wiped and tell nothing."""
    aborted = end.protocol == "tcp" and end.remote.port == 0 and end.wqueue != NEVER_CONNECTED
    return None if aborted else end.counters


SOURCE = "sockets"
"""What the record calls the source of all that is tracked."""


def as_connection(tracked: Tracked, name: Name, label: Label, judgement: Judgement) -> Connection:
    """What is to be recorded of it."""
    sent, received = tracked.bytes
    return Connection(
        tracked.id, tracked.opened_us, False, tracked.closed_us, tracked.last_seen_us, SOURCE, tracked.protocol,
        tracked.local, tracked.remote, tracked.origin, tracked.process, name, label, judgement, tracked.outcome,
        sent, received, None, tracked.recorded,
    )  # fmt: skip


def renewed(connection: Connection, tracked: Tracked) -> Connection:
    """A recorded connection as it is now; bytes that are not known now stay as they were."""
    sent, received = tracked.bytes
    return replace(
        connection,
        closed_us=tracked.closed_us,
        last_seen_us=tracked.last_seen_us,
        outcome=tracked.outcome,
        process=tracked.process,
        origin=tracked.origin,
        bytes_sent=sent if sent is not None else connection.bytes_sent,
        bytes_received=received if received is not None else connection.bytes_received,
    )
