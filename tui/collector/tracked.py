"""A connection as the looks show it, and what one more look or the kernel's word makes of it. Keeps nothing."""

from dataclasses import dataclass, field, replace

from tui.collector.outcome import NEVER_CONNECTED, bytes_received, bytes_sent, outcome_of
from tui.model.address import normal
from tui.model.connection import (
    Connection,
    Endpoint,
    Evidence,
    Judgement,
    Label,
    Name,
    Origin,
    Outcome,
    Phase,
    Process,
    Recorded,
    is_failed,
)
from tui.model.observation import Counters, Dump, Socket, SocketEnd, SocketState
from tui.model.wire import Flow

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
    flow: Flow | None = None
    """What its packets have told."""

    @property
    def is_open(self) -> bool:
        """True until an end was seen."""
        return self.outcome.is_open

    @property
    def bytes(self) -> tuple[int | None, int | None]:
        """Payload bytes sent and received so far; None where they are not known."""
        told = self.flow.received if self.flow is not None and not self.is_open else None
        if self.counters is None:
            return (None, told)
        received = bytes_received(self.counters, ended=not self.is_open)
        return bytes_sent(self.counters), received if told is None else _nearest(told, received)

    def join(self, flow: Flow) -> None:
        """Take in what its packets have told: when it began, and what the kernel has forgotten of a failed attempt."""
        self.flow = flow
        if flow.started_us:
            self.opened_us = flow.started_us
            self.last_seen_us = max(self.last_seen_us, flow.started_us)
            if self.closed_us is not None:
                self.closed_us = max(self.closed_us, flow.started_us)
        if not self.remote.port:
            self.local, self.remote = flow.local, flow.remote


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


def _nearest(told: int, counted: int) -> int:
    """Bytes by the far side's FIN, whose number has 32 bits; the kernel's own count tells how often it went around."""
    return max(0, counted + (told - counted + _HALF) % (2 * _HALF) - _HALF)


_HALF = 1 << 31


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
    as_the_wire_says(tracked)


def settle(tracked: Tracked, end: SocketEnd) -> None:
    """Take in the kernel's word: how it ended and its bytes. A wiped socket's counters tell nothing."""
    outcome = outcome_of(end)
    hung = tracked.outcome is Outcome.UNANSWERED
    tracked.outcome = Outcome.TIMED_OUT if hung and outcome is Outcome.UNKNOWN else outcome
    tracked.counters = counters_of(end) or tracked.counters
    tracked.state = SocketState.ENDED
    as_the_wire_says(tracked)


def as_the_wire_says(tracked: Tracked) -> None:
    """What the kernel does not tell of an end: that a router or a proxy said no, and that nobody was reachable."""
    flow = tracked.flow
    if flow is None:
        return
    if flow.unreachable and flow.connect_us is None:
        tracked.outcome = Outcome.UNREACHABLE
    elif flow.status is not None and flow.status >= 300:
        tracked.outcome = Outcome.DENIED if flow.status in _DENIALS else Outcome.FAILED


_DENIALS = frozenset({401, 403, 405, 407, 451})
"""With these a proxy says that it will not (RFC 9110 §15.5); with others that it cannot."""


def counters_of(end: SocketEnd) -> Counters | None:
    """The counters that came with an end; those of a connection that we aborted are wiped and tell nothing."""
    aborted = end.protocol == "tcp" and end.remote.port == 0 and end.wqueue != NEVER_CONNECTED
    return None if aborted else end.counters


SOURCE = "sockets"
"""What the record calls the source of all that is tracked."""


def as_connection(tracked: Tracked, name: Name, label: Label, judgement: Judgement) -> Connection:
    """What is to be recorded of it."""
    sent, received = tracked.bytes
    flow = tracked.flow
    exact, connect_us = (False, None) if flow is None else (flow.started_us > 0, flow.connect_us)
    via, remote = way_of(tracked)
    return Connection(
        tracked.id, tracked.opened_us, exact, tracked.closed_us, tracked.last_seen_us, SOURCE, tracked.protocol,
        tracked.local, remote, tracked.origin, tracked.process, name, label, judgement, tracked.outcome,
        sent, received, via, tracked.recorded, connect_us, phase_of(tracked, received),
    )  # fmt: skip


def way_of(tracked: Tracked) -> tuple[str | None, Endpoint]:
    """The proxy that it goes through, if there is one, and its destination."""
    flow = tracked.flow
    if flow is None or flow.target is None:
        return None, tracked.remote
    return str(tracked.remote), destination_of(flow.target, tracked.remote)


def destination_of(target: Endpoint, proxy: Endpoint) -> Endpoint:
    """Where a connection through a proxy goes: the address it was asked for, else the proxy's; the port asked for."""
    try:
        return Endpoint(normal(target.ip), target.port)
    except ValueError:
        return Endpoint(proxy.ip, target.port)


def phase_of(tracked: Tracked, received: int | None) -> Phase | None:
    """Where it failed, as far as its packets were seen."""
    flow = tracked.flow
    if flow is None:
        return None
    if flow.phase is not None:
        return flow.phase
    if not is_failed(tracked.outcome, received):
        return None
    if flow.connect_us is None:
        return Phase.CONNECT
    return Phase.TLS if flow.evidence is Evidence.SNI else None


def renewed(connection: Connection, tracked: Tracked) -> Connection:
    """A recorded connection as it is now; what is not known now, and was, stays as it was."""
    now = as_connection(tracked, connection.name, connection.label, connection.judgement)
    known = tracked.flow is not None
    return replace(
        now,
        opened_exact=now.opened_exact or connection.opened_exact,
        remote=now.remote if known else connection.remote,
        via=now.via if known else connection.via,
        connect_us=now.connect_us if known else connection.connect_us,
        phase=now.phase if known else connection.phase,
        bytes_sent=now.bytes_sent if now.bytes_sent is not None else connection.bytes_sent,
        bytes_received=now.bytes_received if now.bytes_received is not None else connection.bytes_received,
    )
