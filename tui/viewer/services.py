"""What the services panel says: one line a category, with its state in words. Pure.

Green is only what was seen to work. What was not seen is said with since when, and what could not be seen with why.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tui.catalog import CATEGORY_ORDER, CLOUD_METADATA, Catalogue
from tui.history.rows import DestinationRow, Hole
from tui.model.alert import Alert, AlertKind, Urgency
from tui.model.connection import INTERNAL_CATEGORY, UNRECOGNISED, Verdict
from tui.model.times import HOUR_US, MINUTE_US, ago
from tui.viewer.snapshot import STEP_MINUTES, STEPS, Snapshot
from tui.viewer.view import RowKey
from tui.viewer.words import UNICODE, Glyphs, joined, plural, size, when

OTHER_RETOOL = "Other Retool"
OWN_RESOURCES = "Your resources"
_SEVERAL = ("Retool service (one of", "One of (")
_LATE_US = 3 * MINUTE_US
"""A hole that ended this recently still covers now."""


@dataclass(frozen=True, slots=True)
class ServiceLine:
    """One line of the panel."""

    name: str
    style: str
    state: str
    """Sign and word."""
    details: tuple[str, ...]
    """The same in fewer and fewer words: the first that fits is shown."""
    spark: tuple[int | None, ...]
    """Connections opened in the last hour, None where nothing was recorded."""


@dataclass(frozen=True, slots=True)
class _Total:
    """Several destinations together."""

    connections: int
    failed: int
    bytes_sent: int | None


def group_of(category: str, catalogue: Catalogue) -> str:
    """The line of the panel on which a category stands."""
    if category in (*CATEGORY_ORDER, OWN_RESOURCES, UNRECOGNISED, INTERNAL_CATEGORY, CLOUD_METADATA):
        return category
    if category in catalogue.categories() or category.startswith(_SEVERAL[0]):
        return OTHER_RETOOL
    return UNRECOGNISED if category.startswith(_SEVERAL[1]) else category


def service_lines(snapshot: Snapshot, catalogue: Catalogue, glyphs: Glyphs = UNICODE) -> list[ServiceLine]:
    """The panel: Retool's own four services always, the others once they were seen."""
    groups: dict[str, list[DestinationRow]] = {name: [] for name in CATEGORY_ORDER}
    seen: dict[str, int] = {}
    for category, last_us in snapshot.last_seen_us.items():
        group = group_of(category, catalogue)
        seen[group] = max(seen.get(group, 0), last_us)
        groups.setdefault(group, [])
    for row in snapshot.everything:
        groups.setdefault(group_of(row.category, catalogue), []).append(row)
    groups.pop(INTERNAL_CATEGORY, None)
    names = sorted(groups, key=_rank)
    loud = loud_rows(snapshot.everything, snapshot.alerts)
    steps = _steps(snapshot, catalogue)
    return [_line(name, groups[name], seen.get(name), snapshot, catalogue, loud, steps, glyphs) for name in names]


def _rank(name: str) -> tuple[int, str]:
    if name in CATEGORY_ORDER:
        return CATEGORY_ORDER.index(name), ""
    last = {OTHER_RETOOL: 10, OWN_RESOURCES: 12, CLOUD_METADATA: 20, UNRECOGNISED: 21}
    return last.get(name, 11), name


def loud_rows(rows: Iterable[DestinationRow], alerts: Sequence[Alert]) -> frozenset[RowKey]:
    """The rows for which somebody must act now or today."""
    causes = {
        (alert.destination, alert.port, alert.role)
        for alert in alerts
        if alert.is_open and alert.kind is AlertKind.OFF_ALLOWLIST and alert.urgency is not Urgency.REVIEW
    }
    off = (row for row in rows if row.verdict is Verdict.OFF_ALLOWLIST)
    return frozenset(row.key for row in off if (row.name, row.port, row.role) in causes)


def failing(row: DestinationRow, snapshot: Snapshot) -> bool:
    """Whether the latest that is known of a destination is that it was not reached."""
    failed = snapshot.failed_us.get(row.key)
    return failed is not None and failed > snapshot.reached_us.get(row.key, 0)


def _line(
    name: str, rows: Sequence[DestinationRow], seen_us: int | None, snapshot: Snapshot, catalogue: Catalogue,
    loud: frozenset[RowKey], steps: Mapping[str, list[int | None]], glyphs: Glyphs,
) -> ServiceLine:  # fmt: skip
    row = _sum(rows)
    style, state, details = _state(name, rows, row, seen_us, snapshot, catalogue, loud, glyphs)
    spark = tuple(steps.get(name) or steps[""])
    return ServiceLine(name, style, state, details, spark)


def _sum(rows: Sequence[DestinationRow]) -> _Total:
    known = [row.bytes_sent for row in rows if row.bytes_sent is not None]
    return _Total(sum(row.connections for row in rows), sum(row.failed for row in rows), sum(known) if known else None)


def _state(
    name: str, rows: Sequence[DestinationRow], total: _Total, seen_us: int | None, snapshot: Snapshot,
    catalogue: Catalogue, loud: frozenset[RowKey], glyphs: Glyphs,
) -> tuple[str, str, tuple[str, ...]]:  # fmt: skip
    now_us = snapshot.at_us
    off = [r for r in rows if r.verdict is Verdict.OFF_ALLOWLIST]
    blocked = [r for r in rows if r.verdict is Verdict.ALLOWED and failing(r, snapshot)]
    if any(r.key in loud for r in off):
        first = when(min(r.first_us for r in off if r.key in loud), now_us)
        since = "just now" if first == "now" else f"since {first}"
        return "alarm", f"{glyphs.off_list} OFF LIST", _told(since, _who(off), _sum(off), glyphs)
    if blocked:
        tries = f"{_sum(blocked).failed} of {_sum(blocked).connections} timed out"
        answered = [snapshot.reached_us[r.key] for r in blocked if r.key in snapshot.reached_us]
        since = f"no answer since {when(max(answered), now_us)}" if answered else "never answered"
        return "alarm", f"{glyphs.failing} failing", (joined([since, _who(blocked), tries], glyphs),)
    if off:
        what = f"off list, {'not reviewed' if _in_review(snapshot) else 'no alert is open'}"
        return "review", f"{glyphs.review} review", _told(what, _who(off), _sum(off), glyphs)
    cannot = _cannot_tell(snapshot)
    if cannot:
        seen = f"last seen {when(seen_us, now_us)}" if seen_us else ""
        return "review", f"{glyphs.review} cannot tell", (joined([cannot, seen], glyphs),)
    if not rows:
        return "quiet", f"{glyphs.unseen} not seen", _absent(name, seen_us, snapshot, catalogue)
    if all(r.verdict is Verdict.PENDING for r in rows):
        return "quiet", f"{glyphs.waiting} pending", ("a name may still arrive",)
    detail = _told(when(max(r.last_us for r in rows), now_us), _who(rows), total, glyphs)
    if any(r.key in snapshot.reached_us for r in rows):
        return "ok", f"{glyphs.ok} ok", detail
    return "text", f"{glyphs.ok} seen", detail


def _in_review(snapshot: Snapshot) -> bool:
    return any(a.kind is AlertKind.OFF_ALLOWLIST and a.urgency is Urgency.REVIEW for a in snapshot.alerts)


def _who(rows: Sequence[DestinationRow]) -> str:
    roles = sorted({row.role or "no role" for row in rows})
    return roles[0] if len(roles) == 1 else f"{len(roles)} roles"


def _told(when_: str, who: str, total: _Total, glyphs: Glyphs) -> tuple[str, ...]:
    conns = plural(total.connections, "conn")
    known = total.bytes_sent is not None
    sent = [f"{size(total.bytes_sent)} out"] if known else ["bytes not known", f"bytes {glyphs.dash}"]
    longest_first = [[when_, who, conns, words] for words in sent] + [[when_, who, conns], [when_, who]]
    return tuple(joined(parts, glyphs) for parts in longest_first)


def _cannot_tell(snapshot: Snapshot) -> str:
    if snapshot.trouble is not None:
        return "the history cannot be read"
    if snapshot.silent_since_us is not None:
        return "nothing is written"
    if not snapshot.live:
        return "nobody records"
    if _covers_now(snapshot.holes, snapshot.at_us):
        return "nothing is seen now"
    return ""


def _covers_now(holes: Iterable[Hole], now_us: int) -> bool:
    return any(hole.to_us >= now_us - 1 and hole.to_us - hole.from_us > _LATE_US // 12 for hole in holes)


def _absent(name: str, seen_us: int | None, snapshot: Snapshot, catalogue: Catalogue) -> tuple[str, ...]:
    services = [service for service in catalogue.services if service.category == name]
    cadence = min((s.cadence_s for s in services if s.cadence_s is not None), default=None)
    hint = f"due within {cadence // 3600} h" if cadence else _expected(name, services[0].cadence if services else "")
    if seen_us:
        return (f"since {when(seen_us, snapshot.at_us)}; {hint}",)
    first_us = snapshot.recording.first_us if snapshot.recording else None
    if first_us is None:
        return ("nothing has been recorded yet",)
    began = ago(first_us, snapshot.at_us)
    if began == "now":
        return (f"since recording began just now; {hint}", f"recording has just begun; {hint}")
    return (f"since recording began {began} ago; {hint}", f"in {began} of record; {hint}", f"in {began}; {hint}")


def _expected(name: str, cadence: str) -> str:
    return f"expected {cadence}" if cadence.startswith(("when", "per")) else "no cadence is known"


def _steps(snapshot: Snapshot, catalogue: Catalogue) -> Mapping[str, list[int | None]]:
    """Counts by line of the panel; the entry for "" is that of a line without any."""
    step_us = STEP_MINUTES * MINUTE_US
    end_us = (snapshot.at_us // MINUTE_US + 1) * MINUTE_US
    first_us = snapshot.recording.first_us if snapshot.recording else None
    unseen = [(hole.from_us, hole.to_us) for hole in snapshot.holes if hole.to_us > end_us - HOUR_US]
    unseen.append((0, end_us if first_us is None else first_us))
    empty: list[int | None] = []
    for step in range(STEPS):
        start = end_us - (STEPS - step) * step_us
        covered = any(a <= start and start + step_us <= b for a, b in unseen)
        empty.append(None if covered else 0)
    found: dict[str, list[int | None]] = {"": empty}
    for category, counts in snapshot.activity.items():
        line = found.setdefault(group_of(category, catalogue), list(empty))
        for step, number in enumerate(counts):
            if number:
                line[step] = (line[step] or 0) + number
    return found
