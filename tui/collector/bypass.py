"""Notice what goes to a public place directly although a proxy is configured. Pure; has no clock.

What an open connection asks of a proxy may be read a moment after it is first seen, so each is told once that cannot
come any more. Where a connection may be of several workloads, each of them must have a proxy for it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tui.catalog import CLOUD_METADATA
from tui.collector.alerts import PREDATES, News, place, who
from tui.collector.failing import KEPT_MAX
from tui.collector.hops import Hops
from tui.collector.scope import is_retool
from tui.model.address import normal
from tui.model.alert import Alert, AlertKind, Finding, Urgency
from tui.model.connection import Claim, Connection, Evidence, Origin, Recorded, Verdict
from tui.model.proxy_variables import ProxyVariables, variables_of
from tui.model.times import MINUTE_US, SECOND_US
from tui.model.workload import HOST, VISITOR, Workload

WAIT_US = 3 * SECOND_US
"""So long an open connection may yet turn out to go through a proxy."""
SINGLE_MAX = 20
WITHIN_US = 10 * MINUTE_US
"""More new destinations of one than that, in that time, are one alert."""
NAMESPACES_MAX = 5_000
"""Those that ended last are remembered, for their last connections may be told late."""
WHO_MAX = 1_000

_CAUSE = "bypass|"
_MANY = "bypass|many|"
_PUBLIC = (Verdict.ALLOWED, Verdict.OFF_ALLOWLIST)
_SAID = (Evidence.SNI, Evidence.HTTP)
"""What a client says first where it goes directly."""
_REQUIRED = "every service of Retool must use a proxy ([proxy] required)"


@dataclass(frozen=True, slots=True)
class _Resident:
    """A workload with what its environment says."""

    role: str | None
    container: str | None
    variables: ProxyVariables


@dataclass(frozen=True, slots=True)
class _Direct:
    """Direct connections of one, to one destination, since the last telling."""

    latest: Connection
    why: str
    times: int


class BypassWatch:
    """Who has a proxy, and who goes past it."""

    def __init__(self, hops: Hops, *, required: bool = False, open_alerts: Iterable[Alert] = ()) -> None:
        """``required``: each role of Retool is to use a proxy, whatever its environment says. ``open_alerts`` are those
        that an earlier collector left open, of any kind.
        """
        self._hops = hops
        self._required = required
        self._residents = OrderedDict[str, tuple[_Resident, ...]]()
        self._waiting: dict[int, Connection] = {}
        self._told = OrderedDict[int, None]()
        self._found = OrderedDict[str, _Direct]()
        self._new = OrderedDict[str, dict[str, int]]()
        """By who: the causes that are new, with when they came."""
        known = [alert for alert in open_alerts if alert.kind is AlertKind.BYPASS]
        self._many = {_whose(alert) for alert in known if _is_many(alert)}
        self._left = frozenset(alert.cause for alert in known)

    def resume(self, connection: Connection) -> None:
        """Take over what an earlier collector left open, and may have told."""
        if _cause(connection) in self._left or who(connection) in self._many:
            self._told[connection.id] = None

    def learn(self, workloads: Iterable[Workload]) -> bool:
        """Take in what runs now; True if somebody's proxy has changed."""
        found = dict[str, tuple[_Resident, ...]]()
        for each in workloads:
            known = found.get(each.namespace, ())
            own = (_Resident(each.role, each.container, variables_of(each.proxy)),) if each.is_its_own else ()
            found[each.namespace] = known + own
        changed = any(self._residents.get(namespace) != residents for namespace, residents in found.items())
        for namespace, residents in found.items():
            self._residents[namespace] = residents
            self._residents.move_to_end(namespace)
        while len(self._residents) > max(NAMESPACES_MAX, len(found)):
            self._residents.popitem(last=False)
        return changed

    def tried(self, connection: Connection, now_us: int) -> None:
        """Take in a connection as it now stands."""
        self._waiting.pop(connection.id, None)
        if connection.id in self._told or not _is_direct(connection):
            return
        why = self._why(connection)
        if why is None or self._hops.named(connection) is not None:
            return
        silent = connection.outcome.is_open and connection.name.evidence not in _SAID
        if silent and now_us - connection.opened_us < WAIT_US:
            self._waiting[connection.id] = connection
        else:
            self._find(connection, why)

    def _why(self, connection: Connection) -> str | None:
        """Why it should have gone through a proxy, in words; None if it need not."""
        origin, name = connection.origin, connection.name
        words = (origin.role or "").split("+")
        if VISITOR in words or HOST in words:
            return None
        hosts = () if name.claim is Claim.MISMATCH else (name.host,) if name.host else name.candidates
        return self._reason(self._living(origin), words, hosts, connection.remote.ip, connection.remote.port)

    def _living(self, origin: Origin) -> Sequence[_Resident]:
        every = self._residents.get(origin.namespace, ())
        return [each for each in every if (each.role, each.container) == (origin.role, origin.container)] or every

    def _reason(
        self, residents: Sequence[_Resident], roles: Iterable[str], hosts: Sequence[str], ip: str | None, port: int
    ) -> str | None:
        if any(each.variables.excepts(hosts, ip, port) for each in residents):
            return None
        holding = [each.variables.holding(port) for each in residents]
        if holding and holding[0] is not None and None not in holding:
            variable, proxy = holding[0]
            return f"its {variable} names {proxy}"
        return _REQUIRED if self._required and all(is_retool(role or None) for role in roles) else None

    def _find(self, connection: Connection, why: str) -> None:
        self._told[connection.id] = None
        while len(self._told) > KEPT_MAX:
            self._told.popitem(last=False)
        cause = _cause(connection)
        known = self._found.get(cause)
        self._found[cause] = _Direct(connection, why, known.times + 1 if known is not None else 1)

    def settle(self, now_us: int) -> News:
        """What has to be told since the last call."""
        for connection in [c for c in self._waiting.values() if abs(now_us - c.opened_us) >= WAIT_US]:
            self.tried(connection, now_us)
        found, self._found = self._found, OrderedDict()
        resolved, findings = dict[str, str](), list[Finding]()
        for cause, direct in found.items():
            ended, told = self._folded(cause, direct, now_us)
            resolved |= ended
            findings.append(told)
        return News(resolved, tuple(findings))

    def _folded(self, cause: str, direct: _Direct, now_us: int) -> tuple[dict[str, str], Finding]:
        """The finding as it is to be raised, with the alerts that end in it: many new destinations of one are one."""
        whose, found = who(direct.latest), _finding(cause, direct)
        if cause.startswith(_CAUSE + PREDATES):
            return {}, found
        if whose in self._many:
            return {}, _as_many(found, whose, direct)
        new = {each: us for each, us in self._new.pop(whose, {}).items() if abs(now_us - us) <= WITHIN_US}
        new.setdefault(cause, now_us)
        if len(new) <= SINGLE_MAX:
            self._new[whose] = new
            while len(self._new) > WHO_MAX:
                self._new.popitem(last=False)
            return {}, found
        self._many.add(whose)
        resolution = f"one of many: see the alert about all that {whose} reaches directly"
        return {each: resolution for each in new}, _as_many(found, whose, direct)

    def over(self, alert: Alert) -> str | None:
        """Why an alert about what goes past a proxy is over, by what runs now; None while it is not, or of another."""
        if alert.kind is not AlertKind.BYPASS:
            return None
        names = {alert.role, _whose(alert)} - {None}
        living = [each for every in self._residents.values() for each in every if names & {each.role, each.container}]
        if not living:
            return None
        roles = (alert.role or "").split("+")
        hosts, ip = _destination(alert)
        if any(self._reason([each], roles, hosts, ip, alert.port or 0) is not None for each in living):
            return None
        self._many.discard(_whose(alert))
        return "no proxy is configured for it any more"


def _is_direct(connection: Connection) -> bool:
    """True if it goes to a public place, as far as is known without a proxy. UDP of which no packet was read may be
    empty: a look-up connects a socket to each address of a name.
    """
    if connection.via is not None or connection.judgement.verdict not in _PUBLIC:
        return False
    if connection.recorded is Recorded.IMPORTED or connection.label.category == CLOUD_METADATA:
        return False
    return connection.protocol == "tcp" or connection.opened_exact


def _cause(connection: Connection) -> str:
    if connection.recorded is Recorded.PREDATES_RECORD:
        return f"{_CAUSE}{PREDATES}{who(connection)}"
    return f"{_CAUSE}{who(connection)}|{connection.destination}|{connection.remote.port}"


def _finding(cause: str, direct: _Direct) -> Finding:
    latest = direct.latest
    urgency, did = Urgency.TODAY, f"{who(latest)} reached {place(latest)} directly"
    if latest.recorded is Recorded.PREDATES_RECORD:
        urgency = Urgency.REVIEW
        did = f"{who(latest)} had {place(latest)} open directly, it seems, before recording began"
    elif latest.failed:
        did = f"{who(latest)} tried to reach {place(latest)} directly"
    return Finding(
        AlertKind.BYPASS,
        cause,
        urgency,
        f"{did}, although {direct.why}",
        latest.opened_us,
        latest.origin.role,
        latest.destination,
        latest.remote.port,
        direct.times,
    )


def _as_many(found: Finding, whose: str, direct: _Direct) -> Finding:
    said = f"{whose} reaches more than {SINGLE_MAX} destinations directly, although {direct.why}"
    said = f"{said}; the latest: {place(direct.latest)}"
    return replace(found, cause=f"{_MANY}{whose}", summary=said, destination=None, port=None)


def _is_many(alert: Alert) -> bool:
    return alert.destination is None


def _whose(alert: Alert) -> str:
    """Who is named in a cause: ``bypass|WHO|…``, ``bypass|many|WHO``, ``bypass|predates-record|WHO``."""
    if _is_many(alert):
        return alert.cause.removeprefix(_MANY)
    if alert.cause.startswith(_CAUSE + PREDATES):
        return alert.cause.removeprefix(_CAUSE + PREDATES)
    return alert.cause.removeprefix(_CAUSE).rsplit("|", 2)[0]


def _destination(alert: Alert) -> tuple[tuple[str, ...], str | None]:
    """The names, and the address, of what an alert is about."""
    if alert.destination is None:
        return (), None
    try:
        return (), normal(alert.destination)
    except ValueError:
        return (alert.destination,), None
