"""Notice that a name which Retool needs does not resolve in a namespace. Pure; has no clock.

Look-ups that fail are counted in a row for each role and name. The A and the AAAA of one attempt fail together and
count once, and one of them that fails where the other gives an address is no failure: some resolvers have trouble with
AAAA, and of several resolvers one may be dead.
"""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from tui.catalog import Catalogue, Service
from tui.collector.alerts import News
from tui.collector.failing import FAILURES, KEPT_MAX, STANDS_US, is_regular, summary, untold, urgency
from tui.collector.label import OWN_RESOURCES
from tui.collector.reach import is_watched
from tui.model.alert import Alert, AlertKind, Finding, Urgency
from tui.model.host import host_of
from tui.model.lookup_failure import NO_ADDRESS
from tui.model.times import SECOND_US, short_utc
from tui.model.wire import Lookup
from tui.model.workload import VISITOR

ATTEMPT_US = 10 * SECOND_US
"""So long after an address came, or the other family failed, a failure belongs to the same attempt: a resolver that
does not answer is given up after some seconds (resolv.conf(5), ``timeout``)."""
TOLD_MAX = 50
"""Names of one role that are told at a time: names below a wildcard are as many as somebody makes up."""

_CAUSE = "blocked|"
_END = "|dns"
_IS_OURS = re.compile(r"blocked\|.+\|[^|]+\|dns", re.DOTALL)
_KINDS = frozenset({"A", "AAAA"})
_PORT = 443
"""Chooses between services of one host; each label stays as it is whatever the port."""

_Key = tuple[str, str]
"""Who, host."""


@dataclass(frozen=True, slots=True)
class _Streak:
    """Attempts in a row that have failed."""

    service: Service | None
    allowed: bool
    role: str | None
    why: str
    failures: int
    told: int
    """How many of them the book has counted."""
    first_us: int
    attempt_us: int
    """When the latest attempt was first seen to fail."""
    kinds: frozenset[str] = _KINDS
    """What of it has failed."""
    due_us: int | None = None
    """When it is to be told, once there are enough of them."""

    @property
    def services(self) -> tuple[Service, ...]:
        """None where the name is only allowed."""
        return (self.service,) if self.service is not None else ()

    def has(self, lookup: Lookup) -> bool:
        """True if a look-up that has failed is of the latest attempt."""
        since_us = lookup.at_us - self.attempt_us
        return since_us < (STANDS_US if lookup.kind in self.kinds else ATTEMPT_US)


class ResolvingWatch:
    """The look-ups that fail in a row, of every name that is catalogued or allowed."""

    def __init__(self, catalogue: Catalogue, open_alerts: Iterable[Alert] = ()) -> None:
        """``open_alerts`` are those that an earlier collector left open, of any kind."""
        self._catalogue = catalogue
        self._streaks = OrderedDict[_Key, _Streak]()
        self._due = dict[_Key, None]()
        """What waits to be told, in the order of its failures."""
        self._answered = OrderedDict[_Key, int]()
        self._told = Counter[str]()
        self._resolved: dict[str, str] = {}
        for alert in open_alerts:
            if alert.kind is AlertKind.BLOCKED and _IS_OURS.fullmatch(alert.cause):
                self._resume(alert)

    def _resume(self, alert: Alert) -> None:
        whose, host = alert.cause.removeprefix(_CAUSE).removesuffix(_END).rsplit("|", 1)
        told = _Streak(None, False, alert.role, "", alert.count, alert.count, alert.first_us, alert.last_us)
        self._told[whose] += 1
        self._streaks[whose, host] = told

    def looked_up(self, lookup: Lookup, who: str, role: str | None, *, allowed: bool, now_us: int) -> None:
        """Take in a look-up; ``allowed`` says whether an allow rule names its host.

        Looks at names of services that Retool uses and at allowed ones, and not at visitors.
        """
        if role == VISITOR or lookup.kind not in _KINDS:
            return
        key = (who, lookup.host)
        if lookup.addresses:
            self._succeeded(key, lookup.at_us, now_us)
            return
        why = lookup.failure or (NO_ADDRESS if lookup.kind == "A" else None)
        if why is None or host_of(lookup.host) != lookup.host:
            return
        service = self._catalogue.by_host(lookup.host, _PORT)
        if service is not None and not allowed and not is_watched(service):
            return
        if service is not None or allowed:
            known = self._streaks.get(key)
            told = known or _Streak(service, allowed, role, why, 0, 0, lookup.at_us, lookup.at_us, frozenset())
            self._failed(key, replace(told, service=service, allowed=allowed, role=role), why, lookup, now_us)

    def _succeeded(self, key: _Key, at_us: int, now_us: int) -> None:
        self._answered[key] = max(at_us, self._answered.pop(key, 0))
        if len(self._answered) > KEPT_MAX:
            self._answered.popitem(last=False)
        streak = self._streaks.get(key)
        if streak is not None and at_us >= streak.attempt_us:
            if streak.told:
                self._resolved[_cause(key)] = f"{key[0]} resolves {key[1]} again at {short_utc(at_us, now_us)}"
            self._forget(key)

    def _failed(self, key: _Key, streak: _Streak, why: str, lookup: Lookup, now_us: int) -> None:
        answered_us = self._answered.get(key)
        if answered_us is not None and lookup.at_us - answered_us < ATTEMPT_US:
            return
        if streak.failures and streak.has(lookup):
            self._streaks[key] = replace(streak, kinds=streak.kinds | {lookup.kind})
            return
        streak = replace(
            streak, why=why, failures=streak.failures + 1, attempt_us=lookup.at_us, kinds=frozenset({lookup.kind})
        )
        due = streak.told or is_regular(streak.services) or streak.failures >= FAILURES
        if due and streak.due_us is None:
            streak = replace(streak, due_us=now_us + (0 if streak.told else STANDS_US))
        self._streaks[key] = streak
        if streak.due_us is not None:
            self._due[key] = None
        if len(self._streaks) > KEPT_MAX:
            self._forget(next(iter(self._streaks)))

    def settle(self, now_us: int) -> News:
        """What is over and what has to be told since the last call."""
        resolved, self._resolved = self._resolved, {}
        findings = list[Finding]()
        for key in list(self._due):
            streak = self._streaks[key]
            if streak.due_us is None or now_us < streak.due_us:
                continue
            self._due.pop(key, None)
            if not streak.told and self._told[key[0]] >= TOLD_MAX:
                self._streaks[key] = replace(streak, due_us=None)
                continue
            self._told[key[0]] += not streak.told
            findings += untold(_finding(key, streak, now_us), streak.failures, streak.told, streak.first_us)
            self._streaks[key] = replace(streak, told=streak.failures, due_us=None)
        return News(resolved, tuple(findings))

    def _forget(self, key: _Key) -> None:
        if self._streaks.pop(key).told:
            self._told[key[0]] -= 1
            self._told += Counter()  # drops those of whom none is told
        self._due.pop(key, None)


def _cause(key: _Key) -> str:
    return f"{_CAUSE}{key[0]}|{key[1]}{_END}"


def _finding(key: _Key, streak: _Streak, now_us: int) -> Finding:
    whose, host = key
    what = streak.service.category if streak.service is not None else OWN_RESOURCES
    how = f"{host} does not resolve in {whose} ({streak.why})"
    return Finding(
        AlertKind.BLOCKED,
        _cause(key),
        urgency(streak.services) if streak.allowed else Urgency.REVIEW,
        summary(what, how, streak.failures, streak.first_us, now_us),
        streak.attempt_us,
        streak.role,
        host,
        streak.service.ports[0] if streak.service is not None else None,
    )
