"""Notice that a proxy itself cannot be reached: one alert for all that it carries. Pure; has no clock.

Failures are counted in a row for each proxy, whoever asks it; attempts are ordered by when they were opened.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tui.collector.alerts import News, who
from tui.collector.failing import FAILURES, KEPT_MAX, STANDS_US, attempts, untold
from tui.collector.hops import Hops
from tui.model.alert import PROXY_CAUSE, Alert, AlertKind, Finding, Urgency, is_proxy_down, proxy_address
from tui.model.connection import Connection, Endpoint, Outcome, Recorded, Verdict
from tui.model.times import short_utc
from tui.model.workload import VISITOR

PROXIES_MAX = 1_000
SERVICES_MAX = 1_000
"""Of the services that went through a proxy so many are counted."""
_HOW = {
    Outcome.REFUSED: "refuses",
    Outcome.TIMED_OUT: "does not answer",
    Outcome.UNANSWERED: "does not answer",
    Outcome.UNREACHABLE: "is unreachable for",
}


@dataclass(frozen=True, slots=True)
class _Streak:
    """Failures in a row."""

    latest: Connection | None
    """None where an earlier collector saw it."""
    asking: tuple[str, ...]
    """Who has failed, in that order."""
    failures: int
    told: int
    first_us: int
    latest_us: int
    opened_us: int
    due_us: int | None = None


class ProxyDownWatch:
    """The failures in a row of every known proxy, and what went through it before."""

    def __init__(self, hops: Hops, open_alerts: Iterable[Alert] = ()) -> None:
        """``open_alerts`` are those that an earlier collector left open, of any kind."""
        self._hops = hops
        self._streaks = OrderedDict[Endpoint, _Streak]()
        self._counted = OrderedDict[int, None]()
        self._reached = OrderedDict[str, int]()
        """When the latest attempt was opened that the proxy answered."""
        self._carried = OrderedDict[str, set[str]]()
        self._resolved: dict[str, str] = {}
        for alert in open_alerts:
            if is_proxy_down(alert) and alert.port is not None:
                known = _Streak(None, (), alert.count, alert.count, alert.first_us, alert.last_us, alert.last_us)
                self._streaks[Endpoint(proxy_address(alert), alert.port)] = known

    def tried(self, connection: Connection, now_us: int) -> None:
        """Take in a connection whose outcome has changed, or of which the first bytes were seen."""
        if connection.recorded is Recorded.IMPORTED:
            return
        if connection.via is not None and connection.is_proxied:
            self._went_through(connection, connection.via, now_us)
            return
        failing = connection.outcome in _HOW and not connection.bytes_received and connection.connect_us is None
        if not failing and not self._streaks:
            return
        unjudged = connection.judgement.verdict in (Verdict.NOT_JUDGED, Verdict.PENDING)
        proxy = None if unjudged or connection.origin.role == VISITOR else self._hops.named(connection)
        if proxy is None:
            return
        if failing:
            self._failed(connection, proxy, now_us)
        elif connection.connect_us is not None or connection.reached:
            self._answered(str(proxy), connection, now_us)

    def _went_through(self, connection: Connection, via: str, now_us: int) -> None:
        """A proxy that says no is there."""
        if connection.label.service is not None:
            carried = self._carried.setdefault(via, set())
            if len(carried) < SERVICES_MAX:
                carried.add(connection.label.service)
            _bound(self._carried, PROXIES_MAX)
        if connection.bytes_received or connection.outcome in (Outcome.DENIED, Outcome.FAILED):
            self._answered(via, connection, now_us)

    def _answered(self, via: str, connection: Connection, now_us: int) -> None:
        self._reached[via] = max(connection.opened_us, self._reached.get(via, 0))
        _bound(self._reached, PROXIES_MAX)
        for proxy, streak in list(self._streaks.items()):
            if str(proxy) == via and connection.opened_us >= streak.opened_us:
                if streak.told:
                    at = short_utc(now_us, now_us)
                    self._resolved[_cause(proxy)] = f"{who(connection)} reached proxy {proxy} again at {at}"
                del self._streaks[proxy]

    def _failed(self, connection: Connection, proxy: Endpoint, now_us: int) -> None:
        if connection.id in self._counted or connection.opened_us <= self._reached.get(str(proxy), -1):
            return
        self._counted[connection.id] = None
        _bound(self._counted, KEPT_MAX)
        known = self._streaks.get(proxy) or _Streak(None, (), 0, 0, now_us, now_us, connection.opened_us)
        streak = replace(
            known,
            latest=connection,
            asking=tuple(dict.fromkeys((*known.asking, who(connection)))),
            failures=known.failures + 1,
            latest_us=now_us,
            opened_us=max(known.opened_us, connection.opened_us),
        )
        if streak.due_us is None and (streak.told or streak.failures >= FAILURES):
            streak = replace(streak, due_us=now_us + (0 if streak.told else STANDS_US))
        self._streaks[proxy] = streak
        _bound(self._streaks, PROXIES_MAX)

    def same(self, line: int, socket: int) -> None:
        """What was counted under one number has another now."""
        if line in self._counted:
            self._counted[socket] = None

    def settle(self, now_us: int) -> News:
        """What is over and what has to be told since the last call."""
        resolved, self._resolved = self._resolved, {}
        findings = list[Finding]()
        for proxy, streak in list(self._streaks.items()):
            if streak.due_us is not None and now_us >= streak.due_us and streak.latest is not None:
                findings += self._findings(proxy, streak, streak.latest, now_us)
                self._streaks[proxy] = replace(streak, told=streak.failures, due_us=None)
        return News(resolved, tuple(findings))

    def _findings(self, proxy: Endpoint, streak: _Streak, latest: Connection, now_us: int) -> list[Finding]:
        """What the book has not counted yet."""
        host = f" ({latest.name.host})" if latest.name.host else ""
        number = len(self._carried.get(str(proxy), ()))
        affected = f": {number} service{'s' if number > 1 else ''} affected" if number else ""
        how = f"proxy {proxy}{host} {_HOW[latest.outcome]} {_listed(streak.asking)}{affected}"
        found = Finding(
            AlertKind.BLOCKED,
            _cause(proxy),
            Urgency.ACT_NOW,
            f"{how}, {attempts(streak.failures, streak.first_us, now_us)}",
            streak.latest_us,
            latest.origin.role,
            latest.destination,
            proxy.port,
        )
        return untold(found, streak.failures, streak.told, streak.first_us)


def _cause(proxy: Endpoint) -> str:
    return f"{PROXY_CAUSE}{proxy.ip}|{proxy.port}"


def _listed(asking: Sequence[str]) -> str:
    """``api``, ``api and jobs-runner``, ``api and 3 others``."""
    first, *others = asking
    if not others:
        return first
    return f"{first} and {others[0] if len(others) == 1 else f'{len(others)} others'}"


def _bound(kept: OrderedDict[Endpoint, _Streak] | OrderedDict[str, int] | OrderedDict[int, None]
           | OrderedDict[str, set[str]], most: int) -> None:  # fmt: skip
    while len(kept) > most:
        kept.popitem(last=False)
