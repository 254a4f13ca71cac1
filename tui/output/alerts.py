"""Alerts as rows of a table. Formats nothing."""

from collections.abc import Iterable, Iterator, Sequence

from tui.history.batch import KeptWorkload
from tui.model.alert import Alert
from tui.model.times import iso_utc
from tui.output.probe import test_of

ALERT_COLUMNS = (
    "id", "kind", "urgency", "state", "role", "destination", "port", "count", "first_at", "last_at", "resolved_at",
    "resolution", "summary", "test",
)  # fmt: skip
ALERT_TABLE_COLUMNS = ("id", "urgency", "kind", "state", "count", "last_at", "summary")


def alert_rows(
    alerts: Iterable[Alert], workloads: Sequence[KeptWorkload] = ()
) -> Iterator[dict[str, str | int | None]]:
    """Each alert as a mapping of ``ALERT_COLUMNS``; `test` is a command line where one can show what is wrong."""
    for alert in alerts:
        yield {
            "id": alert.id,
            "kind": alert.kind,
            "urgency": alert.urgency,
            "state": "open" if alert.is_open else "resolved",
            "role": alert.role,
            "destination": alert.destination,
            "port": alert.port,
            "count": alert.count,
            "first_at": iso_utc(alert.first_us),
            "last_at": iso_utc(alert.last_us),
            "resolved_at": iso_utc(alert.resolved_us) if alert.resolved_us is not None else None,
            "resolution": alert.resolution,
            "summary": alert.summary,
            "test": test_of(alert, workloads),
        }
