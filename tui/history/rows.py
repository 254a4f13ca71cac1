"""What a reader gets out of a history. Frozen values; no SQL, no formatting."""

from dataclasses import dataclass

from tui.history.batch import Run
from tui.model.connection import FALSE_NAME, Outcome, Verdict


@dataclass(frozen=True, slots=True)
class Hole:
    """A time in which not all of ``source`` was recorded."""

    source: str
    from_us: int
    to_us: int
    namespaces: tuple[str, ...] = ()
    """Those that were not seen; empty: none was."""
    lost: int | None = None
    """How many events were lost, where the rest was seen; of the log of a proxy, bytes that may be, 0 if nobody can
    know how many. None: nothing was seen."""
    note: str = ""
    """What happened to a log; inert."""


@dataclass(frozen=True, slots=True)
class Recording:
    """Who records, since when, and which file this is."""

    node: str
    history_id: str
    first_us: int | None
    """When the first collector began; None before that."""
    run: Run | None
    """The present collector, or the last one."""
    live: bool
    """True while a collector holds the history."""
    notes: tuple[str, ...]
    """What the sources that work cannot see, in words."""
    sources: tuple[str, ...]
    """The sources of the present collector that watch."""


@dataclass(frozen=True, slots=True)
class DestinationRow:
    """A destination as one role uses it, summed over a span."""

    destination_id: int
    name: str
    named: bool
    """True if ``name`` is a host, False if it is an address whose host is not known."""
    port: int
    role: str | None
    category: str
    verdict: Verdict
    """The latest one; earlier ones stay with their connections."""
    connections: int
    open: int
    failed: int
    bytes_sent: int | None
    bytes_received: int | None
    first_us: int
    last_us: int
    """When last seen; for one with open connections, as late as the collector was seen."""
    failed_us: int | None
    """When it was last tried in vain."""
    reached_us: int | None
    """When it was last heard: it had sent something, or ended in order."""
    failures: tuple[tuple[Outcome, int], ...] = ()
    """How attempts failed, the latest way first, with how many did."""

    @property
    def is_false(self) -> bool:
        """True of what bears a name that is not its own, and so stands apart from what bears it rightly."""
        return self.category == FALSE_NAME

    @property
    def key(self) -> tuple[int, str | None, bool]:
        """What tells this row from every other."""
        return (self.destination_id, self.role, self.is_false)


@dataclass(frozen=True, slots=True)
class AddressRow:
    """An address under which a destination was seen, and how its name was known there."""

    ip: str
    evidence: str | None
    candidates: tuple[str, ...]
    claim: str | None
    is_outer: bool
    connections: int
    first_us: int
    last_us: int
    source: str
    via: str | None
    """The proxy that went there, or was asked to."""


@dataclass(frozen=True, slots=True)
class LogRow:
    """The log of a proxy, and how it was read by the collector that last followed it."""

    path: str
    read_us: int
    """When the last line was taken in, or its state changed."""
    state: str
    """One of ``tui.model.log_state``."""
    formats: tuple[str, ...]
    """Those of its lines, that of the latest first."""
    lacks: str
    """Why it cannot name destinations, with what would; empty where it can."""
    lines: int
    """Since that collector began, as the numbers that follow."""
    requests: int
    unparsed: int
    last_unparsed: str
    """The last line that is in no known format; inert."""
    lag: int
    """Bytes that wait."""


@dataclass(frozen=True, slots=True)
class ConnectionRow:
    """One recorded connection with everything kept of it."""

    id: int
    opened_us: int
    opened_exact: bool
    closed_us: int | None
    last_seen_us: int
    connect_us: int | None
    phase: str | None
    source: str
    protocol: str
    local_ip: str
    local_port: int
    ip: str
    port: int
    host: str | None
    host_evidence: str | None
    host_candidates: tuple[str, ...]
    claim: str | None
    is_outer: bool
    reverse: str | None
    """The latest PTR name of an address of which nothing else is known: shown, never believed."""
    category: str
    service: str | None
    verdict: str
    rule: str | None
    allowlist_revision: int
    outcome: str
    bytes_sent: int | None
    bytes_received: int | None
    pid: int | None
    process: str | None
    user: str | None
    started_us: int | None
    container: str | None
    role: str | None
    namespace: str
    via: str | None
    reason: str | None
    image: str | None
    recorded: str
    destination_id: int
