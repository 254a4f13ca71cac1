"""The sums that screens show, from the roll-ups where they can answer and from the rows where a filter needs them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tui.history.filter_sql import HOUR_COLUMNS, sums_answer, where
from tui.history.read import Reader
from tui.history.rows import DestinationRow
from tui.history.schema import HOUR_US, MINUTE_US, OPEN
from tui.model.connection import FALSE_NAME, Outcome, Verdict, is_failed, is_reached
from tui.model.filter import Filter

_HOURS = """
SELECT h.destination, d.name, d.named, d.port, f.role, f.category, f.verdict, f.outcome, sum(h.connections),
    sum(h.bytes_sent), sum(h.bytes_received), min(h.first_us), max(h.last_us), sum(h.failed), max(h.failed_us),
    max(h.reached_us)
FROM hour h JOIN facet f ON f.id = h.facet JOIN destination d ON d.id = h.destination
WHERE h.hour BETWEEN ? AND ? AND h.connections > 0 {only} AND {condition} GROUP BY h.destination, h.facet
"""
_UNHEARD = "coalesce(bytes_received, 0) = 0"
_OF_ROWS = f"""
SELECT destination_id, destination, host IS NOT NULL, port, role, category, verdict, outcome, count(*),
    sum(bytes_sent), sum(bytes_received), min(opened_us), max(last_seen_us), sum({_UNHEARD}),
    max(CASE WHEN {_UNHEARD} THEN last_seen_us END), max(CASE WHEN NOT ({_UNHEARD}) THEN last_seen_us END),
    max(CASE WHEN bytes_received IS NULL THEN last_seen_us END)
"""
_ROWS = f"""
{_OF_ROWS}
FROM recorded WHERE opened_us >= ? AND opened_us < ? {{only}} AND {{condition}}
GROUP BY destination_id, role, category, verdict, outcome
"""
_OPEN_BEFORE = f"""
{_OF_ROWS}
FROM recorded WHERE id IN (SELECT id FROM connection WHERE outcome IN ({OPEN})) AND opened_us < ?
    {{only}} AND {{condition}}
GROUP BY destination_id, role, category, verdict, outcome
"""  # noqa: S608
_LOOK_FIRST = (Verdict.OFF_ALLOWLIST, Verdict.PENDING, Verdict.ALLOWED, Verdict.NOT_JUDGED, Verdict.INTERNAL)
"""Which verdict is shown of several that are equally new."""


@dataclass(frozen=True, slots=True)
class _Part:
    destination_id: int
    name: str
    named: int
    port: int
    role: str | None
    category: str
    verdict: str
    outcome: str
    connections: int
    bytes_sent: int | None
    bytes_received: int | None
    first_us: int
    last_us: int
    failed: int
    failed_us: int | None
    reached_us: int | None


def destinations(
    reader: Reader, filter: Filter, from_us: int, to_us: int, *, only: Sequence[int] | None = None
) -> list[DestinationRow]:
    """Destinations by role, summed over the whole hours that touch the span, with what is still open from before; those
    that bear a false name stand apart.

    ``only`` limits the answer to these destination ids.
    """
    parts = _parts(reader, filter, from_us, to_us, only)
    seen_us = _alive_us(reader)
    grouped: dict[tuple[int, str | None, bool], list[_Part]] = {}
    for part in parts:
        grouped.setdefault((part.destination_id, part.role, part.category == FALSE_NAME), []).append(part)
    return [_fold(group, seen_us) for group in grouped.values()]


def changed_destinations(reader: Reader, since_revision: int) -> list[int]:
    """The ids of the destinations whose sums changed after a revision."""
    # The sign keeps SQLite from walking the whole index of destinations to spare itself a sort.
    rows = reader.db.execute("SELECT DISTINCT +destination FROM hour WHERE revision > ?", (since_revision,))
    return [int(row[0]) for row in rows]


def _parts(reader: Reader, filter: Filter, from_us: int, to_us: int, only: Sequence[int] | None) -> list[_Part]:
    condition, values = where(filter)
    from_hour, to_hour = from_us // HOUR_US, to_us // HOUR_US
    ids = list[int](only or ())
    marks = ",".join("?" * len(ids))
    scope = "" if only is None else f"AND destination_id IN ({marks})"
    if sums_answer(filter):
        on_hours = "" if only is None else f"AND h.destination IN ({marks})"
        text, span = _HOURS.format(only=on_hours, condition=where(filter, HOUR_COLUMNS)[0]), [from_hour, to_hour]
    else:
        text, span = _ROWS.format(only=scope, condition=condition), [from_hour * HOUR_US, (to_hour + 1) * HOUR_US]
    rows = reader.db.execute(text, [*span, *ids, *values]).fetchall()
    parts = [_Part(*row) if sums_answer(filter) else _of_rows(*row) for row in rows]
    before = _OPEN_BEFORE.format(only=scope, condition=condition)
    return parts + [_of_rows(*row) for row in reader.db.execute(before, [from_hour * HOUR_US, *ids, *values])]


def _of_rows(*values: Any) -> _Part:
    """A part from the rows of one outcome; whether they failed depends on it and on whether the far side was heard."""
    *common, unheard, unheard_us, heard_us, unknown_us = values
    outcome, connections, last_us = Outcome(common[7]), common[8], common[12]
    failed_always, failed_unheard = is_failed(outcome, 1), is_failed(outcome, 0)
    failed = connections if failed_always else unheard if failed_unheard else 0
    failed_us = last_us if failed_always else unheard_us if failed_unheard else None
    reached = [us for us, received in ((heard_us, 1), (unknown_us, None)) if us and is_reached(outcome, received)]
    return _Part(*(*common, failed, failed_us, max(reached, default=None)))


def _fold(parts: Sequence[_Part], alive_us: int | None) -> DestinationRow:
    latest = max(parts, key=lambda part: (_last_us(part, alive_us), -_LOOK_FIRST.index(part.verdict)))
    return DestinationRow(
        latest.destination_id,
        latest.name,
        bool(latest.named),
        latest.port,
        latest.role,
        latest.category,
        Verdict(latest.verdict),
        sum(p.connections for p in parts),
        sum(p.connections for p in parts if Outcome(p.outcome).is_open),
        sum(p.failed for p in parts),
        _total(p.bytes_sent for p in parts),
        _total(p.bytes_received for p in parts),
        min(p.first_us for p in parts),
        _last_us(latest, alive_us),
        max((p.failed_us for p in parts if p.failed_us is not None), default=None),
        max((p.reached_us for p in parts if p.reached_us is not None), default=None),
        _failures(parts),
    )


def _failures(parts: Iterable[_Part]) -> tuple[tuple[Outcome, int], ...]:
    counts, latest = Counter[str](), dict[str, int]()
    for part in parts:
        if part.failed:
            counts[part.outcome] += part.failed
            latest[part.outcome] = max(latest.get(part.outcome, 0), part.failed_us or 0)
    return tuple((Outcome(word), counts[word]) for word in sorted(counts, key=lambda word: -latest[word]))


def _last_us(part: _Part, alive_us: int | None) -> int:
    return max(part.last_us, alive_us) if Outcome(part.outcome).is_open and alive_us is not None else part.last_us


def _total(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _alive_us(reader: Reader) -> int | None:
    row = reader.db.execute("SELECT max(to_us) FROM coverage WHERE source = 'sockets'").fetchone()
    return row[0] if row[0] is not None else None


def last_seen(reader: Reader) -> dict[str, int]:
    """When each category's latest connection opened, in the whole record, to the minute; of what may be judged."""
    rows = reader.db.execute(
        "SELECT category, max((SELECT max(minute) FROM minute m WHERE m.facet = f.id AND m.connections > 0)) "
        "FROM facet f WHERE f.verdict <> ? GROUP BY category",
        (Verdict.NOT_JUDGED.value,),
    )
    return {str(category): int(minute) * MINUTE_US for category, minute in rows if minute is not None}


def activity(reader: Reader, from_us: int, to_us: int, step_minutes: int) -> dict[str, list[int]]:
    """Connections opened by category, in steps of whole minutes that end with the one that holds ``to_us``; of what
    may be judged."""
    last = to_us // MINUTE_US
    steps = max(1, -(-(to_us - from_us) // (step_minutes * MINUTE_US)))
    first = last - steps * step_minutes + 1
    rows = reader.db.execute(
        "SELECT f.category, (m.minute - :first) / :step, sum(m.connections) "
        "FROM minute m JOIN facet f ON f.id = m.facet WHERE m.minute BETWEEN :first AND :last "
        "AND f.verdict <> :outside GROUP BY 1, 2",
        {"first": first, "step": step_minutes, "last": last, "outside": Verdict.NOT_JUDGED.value},
    )
    found: dict[str, list[int]] = {}
    for category, step, count in rows:
        found.setdefault(category, [0] * steps)[step] = count
    return found
