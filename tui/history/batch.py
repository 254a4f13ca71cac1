"""What one commit writes. Holds values only; knows no SQL."""

from dataclasses import dataclass, field, fields

from tui.model.alert import Alert
from tui.model.answer import Answer, AnswerKey
from tui.model.connection import Connection
from tui.model.workload import Workload


@dataclass(frozen=True, slots=True)
class CoverageSpan:
    """A time in which ``source`` watched ``namespace``; the time between two spans is a hole."""

    id: int
    source: str
    namespace: str
    from_us: int
    to_us: int
    note: str
    """What this source could not see while it watched; empty where nothing is missing."""
    growing: bool = True
    """False once it has ended: ``to_us`` is then its end, and not only how far it had come at the last commit."""
    gone: bool = False
    """True if it ended because the namespace did: what follows is no hole."""


@dataclass(frozen=True, slots=True)
class KeptLoss:
    """Events, or bytes of a log, that a source lost in a time; which connections they were of is not known."""

    id: int
    source: str
    namespaces: tuple[str, ...]
    """Those that they may have come from."""
    from_us: int
    to_us: int
    events: int
    """Of the log of a proxy: bytes, 0 where nobody can know."""
    note: str = ""
    """What happened; empty where the kernel dropped what it had no room for."""


@dataclass(frozen=True, slots=True)
class KeptWorkload:
    """Something that runs, or ran, in a namespace."""

    id: int
    workload: Workload
    gone_us: int | None
    """When it was no longer there; None while it is."""


@dataclass(frozen=True, slots=True)
class KeptLog:
    """How far the log of a proxy was read, to be committed with what its lines gave; and what became of it."""

    path: str
    marks: bytes | None
    """Where its files are to be read on, as ``tui.proxylog`` has it; None before anything was opened."""
    reader: bytes
    """What its reader remembers."""
    read_us: int
    state: str
    """One of ``tui.model.log_state``."""
    formats: str
    """The formats that its lines are in, by spaces."""
    lacks: str
    """Why it cannot name destinations, if it cannot."""
    lines: int
    """Since the collector began, as the numbers that follow."""
    requests: int
    unparsed: int
    last_unparsed: str
    """The last line that is in no known format; inert."""
    lag: int
    """Bytes that wait."""


@dataclass(frozen=True, slots=True)
class Run:
    """One life of a collector."""

    id: int
    started_us: int
    seen_us: int
    """When it was last known to live."""
    ended_us: int | None
    until_us: int | None
    kind: str
    pid: int
    user: str
    version: str


@dataclass(frozen=True, slots=True)
class KeptAllowlist:
    """An allowlist that was in force from ``at_us`` on, under the revision that verdicts name."""

    revision: int
    at_us: int
    fingerprint: str
    rules: bytes
    """As JSON."""


@dataclass(slots=True)
class Batch:
    """Everything that changed since the last commit; the latest value of each thing wins."""

    connections: dict[int, tuple[Connection, bool]] = field(default_factory=dict)
    """By id; the flag says that it is over, and that nothing but a line of a proxy's log may change it still."""
    alerts: dict[int, Alert] = field(default_factory=dict)
    coverage: dict[int, CoverageSpan] = field(default_factory=dict)
    answers: dict[AnswerKey, Answer] = field(default_factory=dict)
    allowlists: dict[int, KeptAllowlist] = field(default_factory=dict)
    losses: dict[int, KeptLoss] = field(default_factory=dict)
    workloads: dict[int, KeptWorkload] = field(default_factory=dict)
    counters: dict[int, tuple[int | None, int | None]] = field(default_factory=dict)
    """Bytes sent and received so far of open connections, by id."""
    logs: dict[str, KeptLog] = field(default_factory=dict)
    """By path."""
    withdrawn: dict[int, None] = field(default_factory=dict)
    """Connections, by id, that have turned out to be others that are recorded too."""
    requests: dict[tuple[int, int], int | None] = field(default_factory=dict)
    """The requests of proxies' logs that are recorded with this, by hour and hash (``tui.proxylog.keys``); with the id
    of the connection where an import tells it, so that another can tell its end, and a collector does not tell it
    again."""
    run: Run | None = None

    def __bool__(self) -> bool:
        return any(getattr(self, each.name) for each in fields(self))

    def under(self, newer: "Batch") -> "Batch":
        """This batch with a newer one laid over it: what a failed commit leaves to be tried again."""
        merged = {e.name: getattr(self, e.name) | getattr(newer, e.name) for e in fields(self) if e.name != "run"}
        return Batch(**merged, run=newer.run or self.run)
