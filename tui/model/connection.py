"""The values that travel from a socket to a screen. Knows no kernel, no database and no widget.

Times are integer microseconds since the epoch, UTC (``_us``). Bytes are payload bytes. ``None`` is "not known".
"""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What the allowlist says of a connection."""

    ALLOWED = "allowed"
    OFF_ALLOWLIST = "off-allowlist"
    INTERNAL = "internal"
    PENDING = "pending"


class Outcome(StrEnum):
    """How an attempt to reach a destination went, as far as its source can tell."""

    OPEN = "open"
    CLOSED = "closed"
    REFUSED = "refused"
    TIMED_OUT = "timed-out"
    UNREACHABLE = "unreachable"
    NO_REPLY = "no-reply"
    RESET = "reset"
    DENIED = "denied"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Evidence(StrEnum):
    """How a host is known, strongest first."""

    PROXY = "proxy"
    SNI = "sni"
    DNS = "dns"
    FORWARD = "forward"
    RANGE = "range"
    REVERSE = "reverse"


class Recorded(StrEnum):
    """How a connection came into the record."""

    LIVE = "live"
    IMPORTED = "imported"
    PREDATES_RECORD = "predates-record"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One end of a connection: an address in its usual text form (v4-mapped ones as IPv4) and a port."""

    ip: str
    port: int

    def __str__(self) -> str:
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


@dataclass(frozen=True, slots=True)
class Process:
    """The process that owns a socket; ``started_us`` tells a reused pid from the first."""

    pid: int
    name: str
    user: str | None
    started_us: int

    def is_same(self, other: "Process") -> bool:
        """True if both are one process; its start is told from the boot time, which two readers may round apart."""
        return self.pid == other.pid and abs(self.started_us - other.started_us) < 1_000_000


@dataclass(frozen=True, slots=True)
class Origin:
    """Where on this host a connection comes from."""

    namespace: str
    role: str | None = None
    container: str | None = None
    image: str | None = None


@dataclass(frozen=True, slots=True)
class Name:
    """What is known of the host behind an address, and how."""

    host: str | None = None
    evidence: Evidence | None = None
    candidates: tuple[str, ...] = ()
    """Several names that fit equally well; ``host`` is then None: never a guess."""


NO_NAME = Name()


@dataclass(frozen=True, slots=True)
class Label:
    """The service category of a destination, and the catalogue entry that gave it."""

    category: str
    service: str | None = None


UNRECOGNISED = "Not recognised"
INTERNAL_CATEGORY = "Internal"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with what gave it: the rule's text and the allowlist's revision."""

    verdict: Verdict
    rule: str | None
    allowlist_revision: int
    why: str
    """One sentence for a person; not kept in the history."""


@dataclass(frozen=True, slots=True)
class Connection:
    """One attempt to reach a destination, as it is to be recorded."""

    id: int
    opened_us: int
    opened_exact: bool
    """False where the start fell between two looks: ``opened_us`` is then the first sighting."""
    closed_us: int | None
    last_seen_us: int
    source: str
    protocol: str
    local: Endpoint
    remote: Endpoint
    origin: Origin
    process: Process | None
    name: Name
    label: Label
    judgement: Judgement
    outcome: Outcome
    bytes_sent: int | None
    bytes_received: int | None
    via: str | None
    recorded: Recorded

    @property
    def destination(self) -> str:
        """The host, or the address where no host is known."""
        return self.name.host or self.remote.ip
