"""Notice that a service which is due at certain times was not seen. Pure; has no clock.

Says so only for a time in which Retool ran and the record has no hole; else it says that it cannot tell.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tui.catalog import Catalogue, Service
from tui.collector.alerts import News, who
from tui.collector.reach import is_or_are, reached, services_of
from tui.model.alert import Alert, AlertKind, Finding, Urgency
from tui.model.connection import Connection, Verdict
from tui.model.times import HOUR_US, MINUTE_US, SECOND_US, short_utc
from tui.model.workload import VISITOR

_CAUSE = "overdue|"


@dataclass(frozen=True, slots=True)
class _Told:
    """What the book was told last."""

    is_certain: bool
    at_us: int


class OverdueWatch:
    """When every service of the default allowlist that has a cadence was last reached."""

    def __init__(
        self,
        catalogue: Catalogue,
        recorded_since_us: int,
        last_us: Mapping[str, int] | None = None,
        open_alerts: Iterable[Alert] = (),
    ) -> None:
        """``last_us`` is the last success of each service by id; ``open_alerts`` may be of any kind."""
        self._catalogue = catalogue
        self._watched = {s.id: s for s in catalogue.default_hosts() if s.cadence_s is not None}
        self._recorded_since_us = recorded_since_us
        self._last = {id: (at_us, "") for id, at_us in (last_us or {}).items() if id in self._watched}
        self._running_since_us: int | None = None
        self._covered_since_us: int | None = None
        self._told = {
            alert.cause.removeprefix(_CAUSE): _Told(alert.urgency is not Urgency.REVIEW, alert.last_us)
            for alert in open_alerts
            if alert.kind is AlertKind.OVERDUE
        }

    def tried(self, connection: Connection) -> None:
        """Take in a connection whose outcome or verdict has changed, or of which the first bytes were seen.

        Of several names that it may have, each counts as reached. What a visitor in a container's namespace has made,
        or may have made, does not count: it would be somebody's test.
        """
        visited = VISITOR in (connection.origin.role or "").split("+")
        allowed = connection.judgement.verdict is Verdict.ALLOWED
        if allowed and not visited and reached(connection):
            for service in services_of(connection, self._catalogue):
                self.succeeded(service.id, connection.opened_us, who(connection))

    def succeeded(self, service_id: str, at_us: int, whose: str = "") -> None:
        """A service was reached at a time."""
        if service_id in self._watched and at_us > self._last.get(service_id, (-1, ""))[0]:
            self._last[service_id] = (at_us, whose)

    def roles_running(self, since_us: int | None) -> None:
        """Since when at least one of Retool's roles has run without a pause; None while none runs."""
        self._running_since_us = since_us

    def covered_since(self, us: int | None) -> None:
        """Since when the record has had no hole; None while there is one."""
        self._covered_since_us = us

    def check(self, now_us: int) -> News:
        """What is over and what is overdue since the last call; one cause is told again for each further cadence."""
        resolved, findings = dict[str, str](), list[Finding]()
        for id, service in self._watched.items():
            limit_us = _cadence_us(service) * 11 // 10
            last_us, whose = self._last.get(id, (None, ""))
            if id in self._told and last_us is not None and now_us - last_us <= limit_us:
                del self._told[id]
                resolved[f"{_CAUSE}{id}"] = f"{whose or 'Retool'} reached it at {short_utc(last_us, now_us)}"
            finding = self._finding(service, last_us, limit_us, now_us)
            if finding is not None and self._is_news(service, finding):
                self._told[id] = _Told(finding.urgency is not Urgency.REVIEW, now_us)
                findings.append(finding)
        return News(resolved, tuple(findings))

    def _is_news(self, service: Service, finding: Finding) -> bool:
        told = self._told.get(service.id)
        certain = finding.urgency is not Urgency.REVIEW
        if told is None or (certain and not told.is_certain):
            return True
        return certain == told.is_certain and finding.at_us - told.at_us >= _cadence_us(service)

    def _finding(self, service: Service, last_us: int | None, limit_us: int, now_us: int) -> Finding | None:
        if self._running_since_us is None:
            return None
        base_us = max(self._recorded_since_us if last_us is None else last_us, self._running_since_us)
        if now_us - base_us <= limit_us:
            return None
        covered_us = now_us if self._covered_since_us is None else self._covered_since_us
        due = f"due at least once in {_span(_cadence_us(service))}"
        if covered_us <= base_us:
            text = self._without_hole(service, last_us, base_us, due, now_us)
            return self._found(service, Urgency.TODAY, text, now_us)
        if now_us - covered_us > limit_us:
            text = self._after_hole(service, last_us, covered_us, due, now_us)
            return self._found(service, Urgency.TODAY, text, now_us)
        return self._found(service, Urgency.REVIEW, self._with_hole(service, last_us, due, now_us), now_us)

    def _without_hole(self, service: Service, last_us: int | None, base_us: int, due: str, now_us: int) -> str:
        spent = _span(now_us - base_us)
        if last_us == base_us:
            return f"{service.category}: not seen since {short_utc(last_us, now_us)} ({spent}); {due}; {_NO_HOLE}"
        if base_us == self._recorded_since_us:
            within = f"due within {_span(_cadence_us(service))}"
            return f"{service.category}: not seen since recording began {spent} ago; {within}; {_NO_HOLE}"
        before = f"last seen {short_utc(last_us, now_us)}; " if last_us is not None else ""
        return f"{service.category}: not seen since Retool started {spent} ago; {before}{due}; {_NO_HOLE}"

    def _after_hole(self, service: Service, last_us: int | None, covered_us: int, due: str, now_us: int) -> str:
        hole = f"the record's last hole ended {_span(now_us - covered_us)} ago"
        return f"{service.category}: not seen since {hole}; before that {self._seen(last_us, now_us)}; {due}"

    def _with_hole(self, service: Service, last_us: int | None, due: str, now_us: int) -> str:
        verb, until = is_or_are(service.category), self._covered_since_us
        hole = "a hole that lasts" if until is None else f"a hole until {short_utc(until, now_us)}"
        seen = self._seen(last_us, now_us)
        return f"cannot tell whether {service.category} {verb} overdue: {seen}, but the record has {hole}; {due}"

    def _seen(self, last_us: int | None, now_us: int) -> str:
        if last_us is not None:
            return f"last seen {short_utc(last_us, now_us)}"
        return f"not seen since recording began {_span(now_us - self._recorded_since_us)} ago"

    def _found(self, service: Service, urgency: Urgency, summary: str, now_us: int) -> Finding:
        host = service.hosts[0] if service.hosts else None
        return Finding(
            AlertKind.OVERDUE, f"{_CAUSE}{service.id}", urgency, summary, now_us, None, host, service.ports[0]
        )


_NO_HOLE = "the record has no hole in that time"


def _cadence_us(service: Service) -> int:
    return (service.cadence_s or 0) * SECOND_US


def _span(length_us: int) -> str:
    """A length in its largest unit that says it well: `27 h`, `40 min`, `30 s`."""
    for unit_us, unit in ((HOUR_US, "h"), (MINUTE_US, "min")):
        if length_us >= unit_us:
            return f"{length_us // unit_us} {unit}"
    return f"{length_us // SECOND_US} s"
