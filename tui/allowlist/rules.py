"""What a rule is, and whether it fits a destination. Knows no file and no history."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

from tui.allowlist.hosts import matches
from tui.model.address import Network, parse_address

DEFAULT_SOURCE = "Retool default"


@dataclass(frozen=True, slots=True)
class Subject:
    """What is judged: one destination as one role reaches it."""

    host: str | None
    ip: str
    port: int
    role: str | None = None
    candidates: tuple[str, ...] = ()
    is_believed: bool = True
    """False of a host that the client claims and that is not known to have this address: it makes nothing allowed."""
    via_proxy: bool = False
    """True if the address is that of a proxy, which says nothing of where the connection goes."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Allow or deny one host pattern or one network."""

    action: Literal["allow", "deny"]
    host: str | None
    network: Network | None
    ports: tuple[int, ...]
    """Empty in a deny rule: every port."""
    roles: tuple[str, ...]
    """Empty: every role."""
    expires: date | None
    """The last day, in UTC, on which the rule holds."""
    reason: str
    source: str
    """``Retool default`` or the name of the file it stands in."""
    line: int | None = None

    @property
    def target(self) -> str:
        """The host pattern or network with its ports."""
        ports = ",".join(map(str, self.ports)) or "any"
        name = self.host or str(self.network)
        return f"[{name}]:{ports}" if ":" in name else f"{name}:{ports}"

    def __str__(self) -> str:
        roles = f" for {','.join(self.roles)}" if self.roles else ""
        return f"{self.action} {self.target}{roles} ({self.source})"

    def in_force(self, now_us: int) -> bool:
        """False once the day after ``expires`` has begun, UTC."""
        return self.expires is None or datetime.fromtimestamp(now_us // 1_000_000, UTC).date() <= self.expires

    def fits(self, subject: Subject, host: str | None) -> bool:
        """True if the rule speaks of this destination under this host; expiry is not looked at.

        A port that is not known (0, of a blocking attempt that failed) fits every allow rule, and no deny rule with
        ports.
        """
        unknown_fits = subject.port == 0 and self.action == "allow"
        if self.ports and subject.port not in self.ports and not unknown_fits:
            return False
        if self.roles and not self._speaks_of(subject.role):
            return False
        if self.host is not None:
            return host is not None and matches(self.host, host)
        return self.network is not None and not subject.via_proxy and parse_address(subject.ip) in self.network

    def _speaks_of(self, role: str | None) -> bool:
        """Of a process that has several roles, all must be allowed, and one that is denied is enough."""
        roles = set(role.split("+")) if role else set[str]()
        if self.action == "deny":
            return bool(roles & set(self.roles))
        return bool(roles) and roles <= set(self.roles)
