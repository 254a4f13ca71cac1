"""Which rows an alert is about, and which of them are loud. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tui.history.rows import DestinationRow
from tui.model.alert import Alert, AlertKind, Urgency
from tui.model.connection import Verdict
from tui.viewer.view import RowKey

_OFF_LIST = (AlertKind.OFF_ALLOWLIST, AlertKind.NAME_MISMATCH, AlertKind.METADATA)


def is_burst(alert: Alert) -> bool:
    """Whether an alert stands for many destinations of one role, and so names none."""
    return alert.kind in (AlertKind.OFF_ALLOWLIST, AlertKind.BYPASS) and alert.destination is None


def is_unresolved(alert: Alert) -> bool:
    """Whether an alert says that a name does not resolve, so that there may be no connection to show."""
    return alert.kind is AlertKind.BLOCKED and alert.cause.endswith("|dns")


def burst_filter(alert: Alert) -> str:
    """The filter that shows what a burst stands for."""
    role = f'role:"{alert.role}" ' if alert.role and '"' not in alert.role and "\\" not in alert.role else ""
    if alert.kind is AlertKind.BYPASS:
        return f"{role}-via:/./ verdict:{Verdict.OFF_ALLOWLIST},{Verdict.ALLOWED}"
    return f"{role}verdict:{Verdict.OFF_ALLOWLIST}"


def rows_of(
    alert: Alert, rows: Iterable[DestinationRow], candidates: Mapping[int, Sequence[str]]
) -> list[DestinationRow]:
    """The rows of an alert's destination, those of its own role if there are any; without a port those of every one."""
    if alert.destination is None:
        return []
    named = [r for r in rows if alert.port in (None, r.port) and _is_called(r, alert.destination, candidates)]
    own = [row for row in named if row.role == alert.role] or named
    fit = [row for row in own if row.is_false == (alert.kind is AlertKind.NAME_MISMATCH)]
    return fit or own


def _is_called(row: DestinationRow, name: str, candidates: Mapping[int, Sequence[str]]) -> bool:
    return row.name == name or (not row.named and " or ".join(candidates.get(row.destination_id, ())) == name)


def loud_rows(rows: Iterable[DestinationRow], alerts: Sequence[Alert]) -> frozenset[RowKey]:
    """The rows for which somebody must act now or today: off the list, past a proxy or sending too much."""
    loud = [alert for alert in alerts if alert.is_open and alert.urgency is not Urgency.REVIEW]
    off = {
        (alert.destination, alert.port, alert.role) for alert in loud if alert.kind in (*_OFF_LIST, AlertKind.BYPASS)
    }
    bursts = {alert.role for alert in loud if alert.kind is AlertKind.OFF_ALLOWLIST and is_burst(alert)}
    sending = {(alert.destination, alert.port, alert.role) for alert in loud if alert.kind is AlertKind.UPLOAD}
    return frozenset(row.key for row in rows if _is_loud(row, off, bursts, sending))


def false_rows(rows: Iterable[DestinationRow], alerts: Iterable[Alert]) -> frozenset[RowKey]:
    """The rows whose name a client gave for an address that never had it."""
    told = {(a.destination, a.port, a.role) for a in alerts if a.is_open and a.kind is AlertKind.NAME_MISMATCH}
    return frozenset(row.key for row in rows if row.is_false or (row.name, row.port, row.role) in told)


def direct_rows(rows: Iterable[DestinationRow], alerts: Iterable[Alert]) -> frozenset[RowKey]:
    """The rows that are reached past a proxy; not those of which that is only to be reviewed."""
    found = [a for a in alerts if a.is_open and a.kind is AlertKind.BYPASS and a.urgency is not Urgency.REVIEW]
    told = {(a.destination, a.port, a.role) for a in found}
    return frozenset(row.key for row in rows if (row.name, row.port, row.role) in told) if told else frozenset()


def unresolved_rows(rows: Iterable[DestinationRow], alerts: Iterable[Alert]) -> frozenset[RowKey]:
    """The rows whose name does not resolve now where they are made."""
    told = {(a.destination, a.role): a.port for a in alerts if a.is_open and is_unresolved(a)}
    found = (row for row in rows if told and (row.name, row.role) in told)
    return frozenset(row.key for row in found if told[row.name, row.role] in (None, row.port))


_Cause = tuple[str | None, int | None, str | None]


def _is_loud(row: DestinationRow, off: set[_Cause], bursts: set[str | None], sending: set[_Cause]) -> bool:
    cause = (row.name, row.port, row.role)
    if row.verdict is Verdict.OFF_ALLOWLIST:
        return cause in off or cause in sending or row.role in bursts
    return row.verdict is Verdict.ALLOWED and cause in sending


def first_rows(
    rows: Sequence[DestinationRow], alerts: Sequence[Alert], candidates: Mapping[int, Sequence[str]]
) -> frozenset[RowKey]:
    """The rows that come first where attention orders: the loud ones, those reached past a proxy, and those of services
    that are blocked.
    """
    stopped = [alert for alert in alerts if alert.is_open and alert.kind is AlertKind.BLOCKED]
    found = {row.key for alert in stopped for row in rows_of(alert, rows, candidates) if row.role == alert.role}
    return loud_rows(rows, alerts) | direct_rows(rows, alerts) | found
