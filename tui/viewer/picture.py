"""What every part of the main screen is given to show: a snapshot, the moment it is shown at, and the person's view."""

from __future__ import annotations

from dataclasses import dataclass, field

from tui.history.rows import DestinationRow
from tui.model.filter import Filter
from tui.viewer.addresses import Places
from tui.viewer.concerns import direct_rows, false_rows, first_rows, loud_rows, unresolved_rows
from tui.viewer.snapshot import Snapshot
from tui.viewer.view import RowKey, Sort, View, changes_between, shown


@dataclass(frozen=True, slots=True)
class Picture:
    """One state of the main screen."""

    snapshot: Snapshot
    now_us: int
    filter: Filter = field(default_factory=Filter)
    filter_text: str = ""
    view: View = field(default_factory=View)
    frozen: bool = False
    changes: int = 0
    """Since it was frozen: destinations and alerts that are new or have changed."""
    places: Places | None = None
    """Where the destinations of rows are, as far as is known, while addresses stand in the place of names; None: names
    do."""

    @property
    def loud(self) -> frozenset[RowKey]:
        """The rows for which somebody must act now or today."""
        return loud_rows(self.snapshot.everything, self.snapshot.alerts)

    @property
    def false(self) -> frozenset[RowKey]:
        """The rows whose name a client gave for an address that never had it."""
        return false_rows(self.snapshot.everything, self.snapshot.alerts)

    @property
    def direct(self) -> frozenset[RowKey]:
        """The rows that are reached past a proxy."""
        return direct_rows(self.snapshot.everything, self.snapshot.alerts)

    @property
    def unresolved(self) -> frozenset[RowKey]:
        """The rows whose name does not resolve now."""
        return unresolved_rows(self.snapshot.everything, self.snapshot.alerts)

    @property
    def first(self) -> frozenset[RowKey]:
        """The rows that come first where attention orders."""
        return _first(self.snapshot)

    @property
    def rows(self) -> tuple[DestinationRow, ...]:
        """The rows of the table, in their order."""
        return self.view.rows

    def row(self, key: RowKey) -> DestinationRow | None:
        """The latest values of a row, also of one that the filter hides."""
        return next((row for row in self.snapshot.everything if row.key == key), None)


def view_of(snapshot: Snapshot, before: View, *, restart: bool) -> View:
    """The table's rows for a snapshot; another filter begins with a fresh order."""
    rows = shown(snapshot.matching, snapshot.filter)
    return (View(before.sort) if restart else before).following(rows, _first(snapshot))


def _first(snapshot: Snapshot) -> frozenset[RowKey]:
    return first_rows(snapshot.everything, snapshot.alerts, snapshot.candidates)


def resorted(picture: Picture, sort: Sort) -> View:
    """The table in another order."""
    return picture.view.sorted(sort, picture.first)


def changes_since(before: Snapshot, after: Snapshot) -> int:
    """How much differs between two snapshots."""
    known = {alert.id: alert for alert in before.alerts}
    alerts = sum(known.get(alert.id) != alert for alert in after.alerts) + len(
        known.keys() - {alert.id for alert in after.alerts}
    )
    return changes_between(before.everything, after.everything) + alerts
