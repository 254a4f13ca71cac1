"""Order and filter destinations for the table. Knows no widget, no clock and no history.

Order holds still between explicit sorts: a row keeps its place while its numbers change, and what is new comes last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from tui.history.rows import DestinationRow
from tui.model.connection import Verdict
from tui.model.filter import Filter

RowKey = tuple[int, str | None, bool]


class Sort(StrEnum):
    """What the table is ordered by; the words stand in its header."""

    ATTENTION = "off list first"
    LAST_SEEN = "last seen"
    NAME = "name"
    CONNECTIONS = "connections"
    BYTES = "bytes sent"

    def next(self) -> Sort:
        """The order that the key changes to."""
        orders = list(Sort)
        return orders[(orders.index(self) + 1) % len(orders)]


_VERDICTS = {
    Verdict.OFF_ALLOWLIST: 0,
    Verdict.PENDING: 1,
    Verdict.ALLOWED: 2,
    Verdict.NOT_JUDGED: 3,
    Verdict.INTERNAL: 4,
}
UNJUDGED = frozenset({Verdict.NOT_JUDGED, Verdict.INTERNAL})
"""The verdicts that are counted and not shown unless somebody asks for them."""


def failing(row: DestinationRow) -> bool:
    """Whether the latest that is known of a destination is that it was not reached."""
    return row.failed_us is not None and row.failed_us > (row.reached_us or 0)


def blocked(row: DestinationRow) -> bool:
    """Whether something that is allowed is not reached now."""
    return row.verdict is Verdict.ALLOWED and failing(row)


def _name(row: DestinationRow) -> tuple[object, ...]:
    return (not row.named, row.name, row.port, row.role or "")


_ORDERS: Mapping[Sort, Callable[[DestinationRow], tuple[object, ...]]] = {
    Sort.ATTENTION: lambda row: (_VERDICTS[row.verdict], -row.last_us, *_name(row)),
    Sort.LAST_SEEN: lambda row: (-row.last_us, *_name(row)),
    Sort.NAME: _name,
    Sort.CONNECTIONS: lambda row: (-row.connections, *_name(row)),
    Sort.BYTES: lambda row: (row.bytes_sent is None, -(row.bytes_sent or 0), *_name(row)),
}


@dataclass(frozen=True, slots=True)
class View:
    """Rows in the order in which they stand on the screen."""

    sort: Sort = Sort.ATTENTION
    rows: tuple[DestinationRow, ...] = ()
    new: frozenset[RowKey] = frozenset()
    """Rows that came after the last sort."""

    def sorted(self, sort: Sort, loud: frozenset[RowKey] = frozenset()) -> View:
        """These rows in another order, none of them new any more; the ``loud`` ones first where attention orders."""
        return View(sort, tuple(sorted(self.rows, key=_order(sort, loud))))

    def following(self, rows: Iterable[DestinationRow], loud: frozenset[RowKey] = frozenset()) -> View:
        """The latest values of the rows: known ones in their places, new ones last, gone ones left out."""
        latest = {row.key: row for row in rows}
        if not self.rows:
            return replace(self, rows=tuple(latest.values())).sorted(self.sort, loud)
        kept = [latest.pop(row.key) for row in self.rows if row.key in latest]
        added = sorted(latest.values(), key=_order(self.sort, loud))
        present = {row.key for row in kept} | latest.keys()
        return replace(self, rows=(*kept, *added), new=frozenset((self.new & present) | latest.keys()))

    def place(self, key: RowKey | None) -> int | None:
        """The row's number from the top, None where it is not there."""
        return next((place for place, row in enumerate(self.rows) if row.key == key), None)


def _order(sort: Sort, loud: frozenset[RowKey]) -> Callable[[DestinationRow], tuple[object, ...]]:
    by = _ORDERS[sort]
    if sort is not Sort.ATTENTION:
        return by
    return lambda row: (_rank(row, loud), *by(row))


def _rank(row: DestinationRow, loud: frozenset[RowKey]) -> int:
    """What is loud comes first, then what fails although it is allowed."""
    return 0 if row.key in loud else 1 if blocked(row) else 2


def asked_for(filter: Filter) -> frozenset[Verdict]:
    """What is not judged and yet shown, because a filter asks for it by its verdict; the empty filter does not."""
    asked = [term for term in filter.terms if term.key == "verdict" and not term.negated]
    return frozenset(v for v in UNJUDGED if asked and all(term.matches({"verdict": v.value}) for term in asked))


def shown(rows: Iterable[DestinationRow], filter: Filter) -> list[DestinationRow]:
    """The rows that the table shows of those that match: what is not judged only where the filter asks for it."""
    hidden = UNJUDGED - asked_for(filter)
    return [row for row in rows if row.verdict not in hidden]


def changes_between(before: Iterable[DestinationRow], after: Iterable[DestinationRow]) -> int:
    """How many rows are new or have other values than before."""
    known = {row.key: _counted(row) for row in before}
    return sum(known.get(row.key) != _counted(row) for row in after)


def _counted(row: DestinationRow) -> DestinationRow:
    """Without what moves by itself: an open connection is seen anew with each sign of life of the collector."""
    return replace(row, last_us=0) if row.open else row


def seen_at(rows: Iterable[DestinationRow], alive_us: int | None) -> tuple[DestinationRow, ...]:
    """The rows, in which what is open was last seen when its collector was; None: no collector has lived."""
    if alive_us is None:
        return tuple(rows)
    return tuple(replace(row, last_us=max(row.last_us, alive_us)) if row.open else row for row in rows)


def heard_at(rows: Iterable[DestinationRow], held_us: Mapping[RowKey, int]) -> tuple[DestinationRow, ...]:
    """The rows, in which what was seen to be held open at these times was heard then."""
    heard = ((row, held_us.get(row.key)) for row in rows)
    return tuple(row if us is None else replace(row, reached_us=max(row.reached_us or 0, us)) for row, us in heard)
