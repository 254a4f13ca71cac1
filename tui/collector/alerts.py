"""The book of alerts: one for each cause, counted while it is open. Pure; who reads it does not matter."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from tui.model.alert import Alert, AlertKind, Finding, Urgency
from tui.model.connection import Connection, Recorded

_ORDER = list(Urgency)
PREDATES = "predates-record|"
"""How the cause of a role's one entry for connections that predate the record begins."""


class AlertBook:
    """Open alerts by cause."""

    def __init__(self, open_alerts: Iterable[Alert], next_id: int) -> None:
        self._open = {alert.cause: alert for alert in open_alerts}
        self._next_id = next_id

    @property
    def open(self) -> tuple[Alert, ...]:
        """The alerts whose cause has not gone."""
        return tuple(self._open.values())

    def raise_(self, finding: Finding) -> Alert:
        """Count a finding; the first of its cause opens the alert, and the urgency never sinks while it is open."""
        known = self._open.get(finding.cause)
        if known is None:
            alert = Alert(self._next_id, finding.kind, finding.cause, finding.urgency, finding.summary, finding.role,
                          finding.destination, finding.port, 1, finding.at_us, finding.at_us)  # fmt: skip
            self._next_id += 1
        else:
            urgency = min(known.urgency, finding.urgency, key=_ORDER.index)
            last_us = max(known.last_us, finding.at_us)
            alert = replace(known, count=known.count + 1, last_us=last_us, urgency=urgency, summary=finding.summary)
        self._open[finding.cause] = alert
        return alert

    def resolve(self, gone: Callable[[Alert], str | None], at_us: int) -> list[Alert]:
        """End the open alerts for which ``gone`` gives a reason."""
        ended = []
        for cause, alert in list(self._open.items()):
            reason = gone(alert)
            if reason is not None:
                ended.append(replace(alert, resolved_us=at_us, resolution=reason))
                del self._open[cause]
        return ended


def off_allowlist(connection: Connection, loud: str | None) -> Finding:
    """What a connection off the allowlist adds to the book.

    One that was open before recording began, and that no name explains, could not have been named: all such of one
    role are one entry for the review.
    """
    who = connection.origin.role or (connection.process.name if connection.process else "an unknown process")
    port = connection.remote.port
    name = connection.name.host or " or ".join(connection.name.candidates)
    place = f"{name or connection.remote.ip}:{port}"
    unnamed_before = connection.recorded is Recorded.PREDATES_RECORD and not name and connection.judgement.rule is None
    if unnamed_before:
        return Finding(
            AlertKind.OFF_ALLOWLIST,
            f"{PREDATES}{who}",
            Urgency.REVIEW,
            f"{who} had connections open before recording began, so no name could be seen; the latest: {place}",
            connection.opened_us,
            connection.origin.role,
            connection.destination,
            port,
        )
    why = f"; {loud}" if loud else ""
    return Finding(
        AlertKind.OFF_ALLOWLIST,
        f"off-allowlist|{connection.origin.role or ''}|{connection.destination}|{port}",
        Urgency.ACT_NOW if loud else Urgency.REVIEW,
        f"{who} connects to {place} ({connection.label.category}), which is not on the allowlist{why}",
        connection.opened_us,
        connection.origin.role,
        connection.destination,
        port,
    )


def broken_allowlist(message: str, hint: str, at_us: int) -> Finding:
    """The allowlist files cannot be used, so the last good list stays in force."""
    return Finding(
        AlertKind.COVERAGE,
        "coverage|allowlist",
        Urgency.TODAY,
        f"the allowlist cannot be used, the last good one stays in force: {message} {hint}",
        at_us,
    )


def stopped_source(source: str, message: str, at_us: int) -> Finding:
    """A source of observations does not work."""
    return Finding(
        AlertKind.COVERAGE, f"coverage|{source}", Urgency.TODAY, f"{source} cannot be seen: {message}", at_us
    )
