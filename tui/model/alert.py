"""What an alert is: its kinds, its urgency, its life. Decides nothing."""

from dataclasses import dataclass
from enum import StrEnum


class AlertKind(StrEnum):
    """Why somebody should look."""

    OFF_ALLOWLIST = "off-allowlist"
    UPLOAD = "upload"
    BLOCKED = "blocked"
    OVERDUE = "overdue"
    BYPASS = "bypass"
    NAME_MISMATCH = "name-mismatch"
    METADATA = "metadata"
    COVERAGE = "coverage"


PROXY_CAUSE = "blocked-proxy|"
"""How the cause of a proxy that cannot be reached begins; its address and port follow."""


class Urgency(StrEnum):
    """How soon somebody should look; declared most urgent first."""

    ACT_NOW = "act now"
    TODAY = "today"
    REVIEW = "review"


@dataclass(frozen=True, slots=True)
class Finding:
    """One occurrence of an alert's cause; the alert book counts those of one cause together."""

    kind: AlertKind
    cause: str
    """Identity: findings of one cause are one alert while it is open."""
    urgency: Urgency
    summary: str
    at_us: int
    role: str | None = None
    destination: str | None = None
    port: int | None = None
    times: int = 1
    """How many occurrences it stands for; ``at_us`` is the latest of them."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One cause with how often and when it was found."""

    id: int
    kind: AlertKind
    cause: str
    urgency: Urgency
    summary: str
    role: str | None
    destination: str | None
    port: int | None
    count: int
    first_us: int
    last_us: int
    resolved_us: int | None = None
    resolution: str | None = None

    @property
    def is_open(self) -> bool:
        """True until its cause has gone or somebody decided it away."""
        return self.resolved_us is None


def is_proxy_down(alert: Alert) -> bool:
    """Whether an alert says that a proxy itself cannot be reached, and so everything that it carries."""
    return alert.kind is AlertKind.BLOCKED and alert.cause.startswith(PROXY_CAUSE)


def proxy_address(alert: Alert) -> str:
    """The address of the proxy that an alert says cannot be reached."""
    return alert.cause.removeprefix(PROXY_CAUSE).partition("|")[0]
