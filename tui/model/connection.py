"""The values that travel from a socket to a screen. Knows no kernel, no database and no widget.

Times are integer microseconds since the epoch, UTC (``_us``). Bytes are payload bytes. ``None`` is "not known".
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Verdict(StrEnum):
    """What the allowlist says of a connection."""

    ALLOWED = "allowed"
    OFF_ALLOWLIST = "off-allowlist"
    INTERNAL = "internal"
    PENDING = "pending"
    NOT_JUDGED = "not-judged"
    """Made by something that is no part of Retool, while only Retool is judged (``[scope]``)."""


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
    UNANSWERED = "unanswered"
    """An attempt that hangs: no answer for three seconds, and not given up yet."""

    @property
    def is_open(self) -> bool:
        """True until an end was seen."""
        return self is Outcome.OPEN or self is Outcome.UNANSWERED


FAILING = frozenset(
    {
        Outcome.REFUSED, Outcome.TIMED_OUT, Outcome.UNREACHABLE, Outcome.NO_REPLY, Outcome.DENIED, Outcome.FAILED,
        Outcome.UNANSWERED,
    }
)  # fmt: skip
"""Outcomes that mean the destination was not reached, whatever was sent."""


_PROXY_SAYS_NO = frozenset({Outcome.DENIED, Outcome.FAILED})


def is_failed(outcome: Outcome, bytes_received: int | None) -> bool:
    """True if the destination was not reached; a reset before the far side's first byte is what a filter looks like.

    A byte that came is an answer, whatever happened then, but for one that a proxy says was its own.
    """
    if outcome in _PROXY_SAYS_NO:
        return True
    return not bytes_received and (outcome in FAILING or outcome is Outcome.RESET)


def is_reached(outcome: Outcome, bytes_received: int | None) -> bool:
    """True if the far side was heard: it sent something or, where bytes are not known, ended in order."""
    if outcome in _PROXY_SAYS_NO:
        return False
    return bool(bytes_received) or (outcome is Outcome.CLOSED and bytes_received is None)


class Evidence(StrEnum):
    """How a host is known, strongest first."""

    PROXY = "proxy"
    """A proxy's log names what it was asked for."""
    CONNECT = "connect"
    """What the client was seen to ask a proxy for."""
    SNI = "sni"
    """The server name of a TLS or QUIC ClientHello (RFC 6066 §3)."""
    HTTP = "http"
    """The Host header of a plain HTTP request (RFC 9110 §7.2)."""
    DNS = "dns"
    """An answer that this namespace got before it connected."""
    HOSTS = "hosts"
    """The container's own hosts(5)."""
    FORWARD = "forward"
    """Our own look-up of the name, ahead of time."""
    RANGE = "range"
    REVERSE = "reverse"
    """A PTR record: shown, never believed."""


class Claim(StrEnum):
    """Whether a name that the client itself used is known to have the address to which it went."""

    CONFIRMED = "confirmed"
    UNCONFIRMED = "unconfirmed"
    """The name's addresses could not be seen, so that nothing can be said."""
    MISMATCH = "mismatch"
    """The name is known, and was never known to have this address."""


class Phase(StrEnum):
    """How far an attempt that failed had come."""

    CONNECT = "connect"
    TLS = "tls"
    PROXY = "proxy"


class Recorded(StrEnum):
    """How a connection came into the record."""

    LIVE = "live"
    IMPORTED = "imported"
    PREDATES_RECORD = "predates-record"


class Endpoint(NamedTuple):
    """One end of a connection: an address in its usual text form (v4-mapped ones as IPv4) and a port.

    Port 0 is one that is not known: the kernel forgets it when a blocking attempt fails.
    """

    ip: str
    port: int

    def __str__(self) -> str:
        port = self.port or "?"
        return f"[{self.ip}]:{port}" if ":" in self.ip else f"{self.ip}:{port}"


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
    claim: Claim | None = None
    """Of a host that the client named, and went to without a proxy; None of every other."""
    is_outer: bool = False
    """True if the ClientHello had an encrypted one inside (ECH), or pretended to (GREASE), so that the host
    may only be that of a provider in front."""


NO_NAME = Name()


@dataclass(frozen=True, slots=True)
class Label:
    """The service category of a destination, and the catalogue entry that gave it."""

    category: str
    service: str | None = None


UNRECOGNISED = "Not recognised"
FALSE_NAME = "False name"
"""The category of what bears an allowed name on an address that is not its own: it is not what it says."""
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
    connect_us: int | None = None
    """From the first packet to the far side's answer (TCP's handshake); None where that was not seen."""
    phase: Phase | None = None
    """Where it failed; None where it did not, or where that was not seen."""
    reason: str | None = None
    """The proxy's own word for how it went, from its log: short, printable."""

    @property
    def destination(self) -> str:
        """The host, or the address where no host is known."""
        return self.name.host or self.remote.ip

    @property
    def is_proxied(self) -> bool:
        """True if it is known what a proxy was asked for; where it is not, the destination is the proxy itself."""
        return self.via is not None and self.name.evidence in (Evidence.CONNECT, Evidence.PROXY)

    @property
    def failed(self) -> bool:
        """True if the destination was not reached."""
        return is_failed(self.outcome, self.bytes_received)

    @property
    def reached(self) -> bool:
        """True if the far side was heard."""
        return is_reached(self.outcome, self.bytes_received)
