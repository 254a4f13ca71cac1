"""Notice that a destination which is allowed, and which Retool needs, cannot be reached. Pure; has no clock.

Failures are counted in a row for each role, host and port. Attempts are ordered by when they were opened, so that
a long-lived connection that ends after a firewall has closed the way is not taken for a success.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from tui.catalog import Catalogue, Service
from tui.collector.alerts import News, who
from tui.collector.failing import FAILURES, KEPT_MAX, STANDS_US, is_regular, summary, untold, urgency
from tui.collector.reach import reached, services_of
from tui.model.alert import Alert, AlertKind, Finding
from tui.model.connection import Connection, Endpoint, Outcome, Verdict
from tui.model.text import clean
from tui.model.times import short_utc
from tui.model.workload import VISITOR

_CAUSE = "blocked|"
_IS_OURS = re.compile(r"blocked\|.+\|[^|]+\|[0-9]+", re.DOTALL)
_HOW = {
    Outcome.REFUSED: "is refused by {}",
    Outcome.TIMED_OUT: "gets no answer from {}",
    Outcome.UNANSWERED: "gets no answer from {}",
    Outcome.UNREACHABLE: "cannot reach {} (unreachable)",
    Outcome.NO_REPLY: "gets no reply from {}",
    Outcome.RESET: "is cut off by {} before its first byte",
    Outcome.DENIED: "is denied {} by its proxy",
    Outcome.FAILED: "does not get through its proxy to {}",
}

_Key = tuple[str, str, int]
"""Who, host (several: joined by "or"; none: address), port."""


@dataclass(frozen=True, slots=True)
class _Streak:
    """Failures in a row."""

    latest: Connection | None
    """None where an earlier collector saw it."""
    services: tuple[Service, ...]
    failures: int
    told: int
    """How many of them the book has counted."""
    first_us: int
    latest_us: int
    opened_us: int
    """When the latest failed attempt was opened."""
    due_us: int | None = None
    """When it is to be told, once there are enough of them."""


class BlockedWatch:
    """The failures in a row of every allowed destination that Retool needs."""

    def __init__(self, catalogue: Catalogue, open_alerts: Iterable[Alert] = ()) -> None:
        """``open_alerts`` are those that an earlier collector left open, of any kind."""
        self._catalogue = catalogue
        self._streaks = OrderedDict[_Key, _Streak]()
        self._unsure = set[_Key]()
        self._due = set[_Key]()
        self._counted = OrderedDict[int, None]()
        self._reached = OrderedDict[_Key, int]()
        self._resolved: dict[str, str] = {}
        for alert in open_alerts:
            if alert.kind is AlertKind.BLOCKED and _IS_OURS.fullmatch(alert.cause):
                self._resume(alert)

    def _resume(self, alert: Alert) -> None:
        whose, place, port = alert.cause.removeprefix(_CAUSE).rsplit("|", 2)
        key = (whose, place, int(port))
        self._keep(key, _Streak(None, (), alert.count, alert.count, alert.first_us, alert.last_us, alert.last_us))

    def tried(self, connection: Connection, now_us: int) -> None:
        """Take in a connection whose outcome or verdict has changed, or of which the first bytes were seen.

        Looks at what is allowed, and not at visitors in a container's namespace.
        """
        if connection.judgement.verdict is not Verdict.ALLOWED:
            return
        answer = reached(connection)
        services = services_of(connection, self._catalogue) if answer is not None else ()
        if not services or connection.origin.role == VISITOR:
            return
        key = (who(connection), _host(connection), connection.remote.port or services[0].ports[0])
        if answer:
            self._succeeded(connection, key, now_us)
        else:
            self._failed(connection, services, key, now_us)

    def _succeeded(self, connection: Connection, key: _Key, now_us: int) -> None:
        late = connection.id in self._counted
        at_us = now_us if late else min(now_us, connection.opened_us + STANDS_US)
        self._reached[key] = max(at_us, self._reached.get(key, 0))
        _bound(self._reached)
        alike = [key] if key in self._streaks else []
        alike += [each for each in self._unsure if each != key and _may_be(each, key, connection, self._streaks[each])]
        for each in alike:
            if at_us >= self._streaks[each].opened_us:
                self._end(each, now_us)

    def _end(self, key: _Key, now_us: int) -> None:
        if self._streaks[key].told:
            self._resolved[_cause(key)] = f"{key[0]} reached {Endpoint(*key[1:])} again at {short_utc(now_us, now_us)}"
        self._forget(key)

    def _failed(self, connection: Connection, services: tuple[Service, ...], key: _Key, now_us: int) -> None:
        if connection.id in self._counted or connection.opened_us <= self._last_reached(connection, key):
            return
        self._counted[connection.id] = None
        _bound(self._counted)
        known = self._streaks.get(key) or _Streak(None, services, 0, 0, now_us, now_us, connection.opened_us)
        streak = replace(
            known,
            latest=connection,
            services=services,
            failures=known.failures + 1,
            latest_us=now_us,
            opened_us=max(known.opened_us, connection.opened_us),
        )
        if streak.due_us is None and (streak.told or is_regular(services) or streak.failures >= FAILURES):
            streak = replace(streak, due_us=now_us + (0 if streak.told else STANDS_US))
        self._keep(key, streak)
        if streak.due_us is not None:
            self._due.add(key)

    def _last_reached(self, connection: Connection, key: _Key) -> int:
        """When the place, or of several names any, was last seen to answer."""
        hosts = {key[1], *connection.name.candidates}
        return max(self._reached.get((key[0], host, key[2]), -1) for host in hosts)

    def same(self, line: int, socket: int) -> None:
        """What was counted under one number has another now."""
        if line in self._counted:
            self._counted[socket] = None

    def settle(self, now_us: int) -> News:
        """What is over and what has to be told since the last call."""
        resolved, self._resolved = self._resolved, {}
        findings = list[Finding]()
        for key in list(self._due):
            streak = self._streaks[key]
            if streak.due_us is None or now_us < streak.due_us:
                continue
            findings += _findings(key, streak, now_us)
            self._streaks[key] = replace(streak, told=streak.failures, due_us=None)
            self._due.discard(key)
        return News(resolved, tuple(findings))

    def _keep(self, key: _Key, streak: _Streak) -> None:
        self._streaks[key] = streak
        if streak.latest is None or streak.latest.name.host is None or "+" in key[0]:
            self._unsure.add(key)
        else:
            self._unsure.discard(key)
        if len(self._streaks) > KEPT_MAX:
            self._forget(next(iter(self._streaks)))

    def _forget(self, key: _Key) -> None:
        del self._streaks[key]
        self._unsure.discard(key)
        self._due.discard(key)


def _host(connection: Connection) -> str:
    return connection.name.host or " or ".join(connection.name.candidates) or connection.remote.ip


def _may_be(unsure: _Key, key: _Key, connection: Connection, streak: _Streak) -> bool:
    """True if a success shows that a place is reached of which the failures had no certain name, or no certain role."""
    if key[0] != unsure[0] and key[0] not in unsure[0].split("+"):
        return False
    if unsure[2] != key[2]:
        return False
    ip = connection.remote.ip
    return key[1] in unsure[1].split(" or ") or ip == (streak.latest.remote.ip if streak.latest else unsure[1])


def _cause(key: _Key) -> str:
    return f"{_CAUSE}{key[0]}|{key[1]}|{key[2]}"


def _findings(key: _Key, streak: _Streak, now_us: int) -> list[Finding]:
    """What the book has not counted yet."""
    latest = streak.latest
    if latest is None:
        return []
    found = Finding(
        AlertKind.BLOCKED,
        _cause(key),
        urgency(streak.services),
        _summary(key, streak, latest, now_us),
        streak.latest_us,
        latest.origin.role,
        key[1],
        key[2],
    )
    return untold(found, streak.failures, streak.told, streak.first_us)


def _summary(key: _Key, streak: _Streak, latest: Connection, now_us: int) -> str:
    whose, host, port = key
    what = " or ".join(dict.fromkeys(service.category for service in streak.services))
    proxied = latest.via is not None or latest.outcome in (Outcome.DENIED, Outcome.FAILED)
    address = "" if proxied or host == latest.remote.ip else f" ({latest.remote.ip})"
    how = _HOW[latest.outcome].format(f"{Endpoint(host, port)}{address}")
    said = ": ".join(each for each in (latest.via, latest.reason) if each)
    via = f" ({clean(said, 160)})" if said else ""
    return summary(what, f"{whose} {how}{via}", streak.failures, streak.first_us, now_us)


def _bound(kept: OrderedDict[_Key, int] | OrderedDict[int, None]) -> None:
    while len(kept) > KEPT_MAX:
        kept.popitem(last=False)
