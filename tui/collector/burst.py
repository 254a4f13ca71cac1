"""Make one alert of many new destinations of one role. Pure; has no clock."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from tui.collector.alerts import PREDATES, News
from tui.model.alert import Alert, AlertKind, Finding, Urgency
from tui.model.connection import Endpoint
from tui.model.times import MINUTE_US, short_utc

WITHIN_US = 10 * MINUTE_US
SINGLE_MAX = 20
"""So many new destinations in that time are alerts of their own."""
MEMBERS_MAX = 1_000
ROLES_MAX = 1_000

_CAUSE = "burst|"
_ORDER = list(Urgency)


@dataclass(slots=True)
class _Open:
    """A burst whose alert is open."""

    urgency: Urgency
    first_us: int
    latest_us: int
    """When the latest new destination came."""
    members: set[tuple[str, int]] = field(default_factory=set)
    overflow: int = 0
    """How many findings came from destinations that could not be kept any more."""

    def add(self, member: tuple[str, int]) -> None:
        """Keep a new destination, or count that it could not be kept."""
        if len(self.members) < MEMBERS_MAX:
            self.members.add(member)
        elif member not in self.members:
            self.overflow += 1

    def admit(self, singles: Iterable[Finding], now_us: int) -> None:
        """Take in destinations that had alerts of their own."""
        self.latest_us = now_us
        for each in singles:
            self.urgency = _higher(each, self.urgency)
            self.add((each.destination or "", each.port or 0))


class Burst:
    """The new off-allowlist destinations of every role in the last ten minutes, and the bursts that are open."""

    def __init__(self, open_bursts: Iterable[tuple[Alert, Iterable[tuple[str, int]]]] = ()) -> None:
        """``open_bursts`` are the open alerts of bursts with their destinations and ports, from the record."""
        self._new: dict[str, dict[str, tuple[int, Finding]]] = {}
        self._open: dict[str, _Open] = {}
        for alert, members in open_bursts:
            if is_burst(alert.cause):
                burst = _Open(alert.urgency, alert.first_us, alert.last_us)
                for member in members:
                    burst.add(member)
                self._open[alert.role or ""] = burst

    def fold(self, finding: Finding, now_us: int, *, is_open: bool, is_denied: bool = False) -> News:
        """The finding as it is to be raised: itself, or the burst that it belongs to with the alerts that end in it.

        ``is_open`` says whether an alert of the finding's own cause is open, ``is_denied`` whether a deny rule gave
        the verdict: such a finding, metadata and what predates the record are never folded.
        """
        role = finding.role or ""
        if is_denied:
            self._new.get(role, {}).pop(finding.cause, None)
        single = is_denied or finding.kind is not AlertKind.OFF_ALLOWLIST or finding.cause.startswith(PREDATES)
        if single or finding.destination is None or finding.port is None:
            return News(findings=(finding,))
        if not is_open and self.joins(finding.role, finding.destination, finding.port, now_us):
            return News(findings=(self.raised(finding),))
        return self._begun(finding, role, now_us, is_open=is_open)

    def joins(self, role: str | None, destination: str, port: int, now_us: int) -> bool:
        """Take a destination into the open burst of its role; False if there is none, or the latest is too long ago."""
        burst, member = self._open.get(role or ""), (destination, port)
        if burst is None:
            return False
        if member in burst.members:
            return True
        if now_us - burst.latest_us > WITHIN_US:
            return False
        burst.latest_us = max(burst.latest_us, now_us)
        burst.add(member)
        return True

    def _begun(self, finding: Finding, role: str, now_us: int, *, is_open: bool) -> News:
        """The finding on its own, or the beginning of a burst with it."""
        new = {cause: each for cause, each in self._new.get(role, {}).items() if now_us - each[0] <= WITHIN_US}
        if finding.cause in new:
            since_us, known = new[finding.cause]
            new[finding.cause] = (since_us, replace(known, urgency=_higher(finding, known.urgency)))
        elif not is_open:
            new[finding.cause] = (now_us, finding)
        self._remember(role, new)
        if len(new) <= SINGLE_MAX:
            return News(findings=(finding,))
        del self._new[role]
        singles = [each for _, each in new.values()]
        first_us = min(each.at_us for each in singles)
        burst = self._open.setdefault(role, _Open(finding.urgency, first_us, now_us))
        burst.admit(singles, now_us)
        last = self.raised(finding)
        resolution = f"one of many: see the burst of {role or 'processes of no role'}"
        ended = {cause: resolution for cause in new if cause != finding.cause}
        return News(ended, (replace(last, at_us=first_us), replace(last, times=len(singles) - 1)))

    def _remember(self, role: str, new: dict[str, tuple[int, Finding]]) -> None:
        self._new.pop(role, None)
        self._new[role] = new
        if len(self._new) > ROLES_MAX:
            del self._new[next(iter(self._new))]

    def raised(self, finding: Finding) -> Finding:
        """What the open burst of a role says once this finding has joined it."""
        burst = self._open[finding.role or ""]
        burst.urgency = _higher(finding, burst.urgency)
        return Finding(
            AlertKind.OFF_ALLOWLIST,
            f"{_CAUSE}{finding.role or ''}",
            burst.urgency,
            _summary(finding, burst),
            finding.at_us,
            finding.role,
            times=finding.times,
        )

    def members(self, role: str | None) -> tuple[tuple[str, int], ...] | None:
        """The destinations and ports of a role's burst; None if there is none, or more of them than are kept."""
        burst = self._open.get(role or "")
        return None if burst is None or burst.overflow else tuple(sorted(burst.members))

    def ended(self, role: str | None) -> None:
        """The alert of a role's burst is not open any more."""
        self._open.pop(role or "", None)


def is_burst(cause: str) -> bool:
    """True if the cause is that of a burst."""
    return cause.startswith(_CAUSE)


def _higher(finding: Finding, urgency: Urgency) -> Urgency:
    return min(finding.urgency, urgency, key=_ORDER.index)


def _summary(finding: Finding, burst: _Open) -> str:
    whose = f"{finding.role} connects" if finding.role else "processes of no role connect"
    number = f"more than {MEMBERS_MAX:,}" if burst.overflow else str(len(burst.members))
    short = burst.latest_us - burst.first_us <= WITHIN_US
    span = "within 10 min" if short else f"since {short_utc(burst.first_us, burst.latest_us)}"
    latest = Endpoint(finding.destination or "?", finding.port or 0)
    query = f"role:{finding.role} verdict:off-allowlist" if finding.role else "verdict:off-allowlist"
    return (
        f"{whose} to {number} new destinations {span}, none on the allowlist; the latest: {latest}; "
        f"see: retool-egress export '{query}'"
    )
