"""What the services panel says: one line a category, with its state in words. Pure.

Green is only what was seen to work. What was not seen is said with since when, and what could not be seen with why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tui.catalog import CATEGORY_ORDER, CLOUD_METADATA, Catalogue
from tui.history.rows import DestinationRow
from tui.model.alert import Alert, AlertKind, Urgency, is_proxy_down
from tui.model.connection import FALSE_NAME, INTERNAL_CATEGORY, UNRECOGNISED, Verdict
from tui.model.times import ago
from tui.viewer.activity import steps_by_line
from tui.viewer.concerns import is_unresolved, loud_rows, rows_of
from tui.viewer.seen import is_blind, unseen_now
from tui.viewer.snapshot import Snapshot
from tui.viewer.view import RowKey, blocked
from tui.viewer.words import UNICODE, Glyphs, how, joined, plural, size, when

OTHER_RETOOL = "Other Retool"
OWN_RESOURCES = "Your resources"
PROXY = "Your proxy"
"""The line of what cannot be reached because a proxy cannot."""
_SEVERAL = ("Retool service (one of", "One of (")


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


@dataclass(frozen=True, slots=True)
class _Scene:
    """What all lines of one panel are told from."""

    snapshot: Snapshot
    catalogue: Catalogue
    glyphs: Glyphs
    loud: frozenset[RowKey]
    steps: Mapping[str, list[int | None]]
    alerts: Mapping[str, Sequence[Alert]]
    """The open ones of blocked, overdue and upload, by line."""
    unseen: Sequence[str]
    """Who cannot be seen now although others can."""


def group_of(category: str, catalogue: Catalogue) -> str:
    """The line of the panel on which a category stands."""
    if category in (*CATEGORY_ORDER, OWN_RESOURCES, UNRECOGNISED, INTERNAL_CATEGORY, CLOUD_METADATA):
        return category
    if category in catalogue.categories() or category.startswith(_SEVERAL[0]):
        return OTHER_RETOOL
    return UNRECOGNISED if category == FALSE_NAME or category.startswith(_SEVERAL[1]) else category


def service_lines(snapshot: Snapshot, catalogue: Catalogue, glyphs: Glyphs = UNICODE) -> list[ServiceLine]:
    """The panel: Retool's own four services always, the others once they were seen."""
    groups: dict[str, list[DestinationRow]] = {name: [] for name in CATEGORY_ORDER}
    seen: dict[str, int] = {}
    for category, last_us in snapshot.last_seen_us.items():
        group = group_of(category, catalogue)
        seen[group] = max(seen.get(group, 0), last_us)
        groups.setdefault(group, [])
    for row in snapshot.everything:
        if row.verdict is not Verdict.NOT_JUDGED:
            groups.setdefault(group_of(row.category, catalogue), []).append(row)
    groups.pop(INTERNAL_CATEGORY, None)
    loud = loud_rows(snapshot.everything, snapshot.alerts)
    alerts = _alerts(snapshot, catalogue)
    for name in alerts:
        groups.setdefault(name, [])
    steps = steps_by_line(snapshot, lambda category: group_of(category, catalogue))
    scene = _Scene(snapshot, catalogue, glyphs, loud, steps, alerts, unseen_now(snapshot))
    return [_line(name, groups[name], seen.get(name), scene) for name in sorted(groups, key=_rank)]


def _alerts(snapshot: Snapshot, catalogue: Catalogue) -> Mapping[str, Sequence[Alert]]:
    found: dict[str, list[Alert]] = {}
    for alert in snapshot.alerts:
        if alert.kind in (AlertKind.BLOCKED, AlertKind.OVERDUE, AlertKind.UPLOAD):
            category = _category(alert, snapshot, catalogue)
            if category is not None:
                found.setdefault(group_of(category, catalogue), []).append(alert)
    return found


def _category(alert: Alert, snapshot: Snapshot, catalogue: Catalogue) -> str | None:
    if is_proxy_down(alert):
        return PROXY
    rows = rows_of(alert, snapshot.everything, snapshot.candidates)
    if rows:
        return rows[0].category
    host, port = (alert.destination or "").partition(" or ")[0], alert.port or 443
    service = catalogue.by_host(host, port)
    return service.category if service else None


def _rank(name: str) -> tuple[int, str]:
    if name in CATEGORY_ORDER:
        return CATEGORY_ORDER.index(name), ""
    last = {OTHER_RETOOL: 10, OWN_RESOURCES: 12, CLOUD_METADATA: 20, UNRECOGNISED: 21}
    return last.get(name, 11), name


def _line(name: str, rows: Sequence[DestinationRow], seen_us: int | None, scene: _Scene) -> ServiceLine:
    style, state, details = _state(name, rows, seen_us, scene)
    spark = tuple(scene.steps.get(name) or scene.steps[""])
    return ServiceLine(name, style, state, details, spark)


def _sum(rows: Sequence[DestinationRow]) -> _Total:
    known = [row.bytes_sent for row in rows if row.bytes_sent is not None]
    return _Total(sum(row.connections for row in rows), sum(row.failed for row in rows), sum(known) if known else None)


_Told = tuple[str, str, tuple[str, ...]]
"""Style, state, and the details in fewer and fewer words."""


def _state(name: str, rows: Sequence[DestinationRow], seen_us: int | None, scene: _Scene) -> _Told:
    """What is worst of a line."""
    snapshot, glyphs, now_us = scene.snapshot, scene.glyphs, scene.snapshot.at_us
    off = [r for r in rows if r.verdict is Verdict.OFF_ALLOWLIST]
    open_alerts = scene.alerts.get(name, ())
    stopped = [alert for alert in open_alerts if alert.kind is AlertKind.BLOCKED]
    sending = [alert for alert in open_alerts if alert.kind is AlertKind.UPLOAD]
    if any(r.key in scene.loud for r in off):
        loud = [r for r in off if r.key in scene.loud]
        since = _since(min(r.first_us for r in loud), now_us)
        return "alarm", f"{glyphs.off_list} OFF LIST", _told(since, _who(off), _sum(off), glyphs)
    if stopped:
        return "alarm", f"{glyphs.failing} BLOCKED", _blocked(stopped, scene)
    if sending:
        return "alarm", f"{glyphs.off_list} UPLOAD", _uploaded(sending, rows, scene)
    failed = [r for r in rows if blocked(r)]
    if failed:
        return "alarm", f"{glyphs.failing} failing", _failed(failed, now_us, glyphs)
    if off:
        what = f"off list, {'not reviewed' if _in_review(snapshot) else 'no alert is open'}"
        brief = "not reviewed" if _in_review(snapshot) else "no alert"
        return "review", f"{glyphs.review} review", (
            *_told(what, _who(off), _sum(off), glyphs)[:1], *_told(brief, _who(off), _sum(off), glyphs)
        )  # fmt: skip
    cannot = _cannot_tell(snapshot)
    if cannot:
        seen = f"last seen {when(seen_us, now_us)}" if seen_us else ""
        return "review", f"{glyphs.review} cannot tell", (joined([cannot, seen], glyphs),)
    overdue = [alert for alert in open_alerts if alert.kind is AlertKind.OVERDUE]
    if overdue:
        return _overdue(overdue[0], scene)
    return _quiet(name, rows, seen_us, scene)


def _quiet(name: str, rows: Sequence[DestinationRow], seen_us: int | None, scene: _Scene) -> _Told:
    """What nothing is wrong with, or was not seen."""
    glyphs, now_us = scene.glyphs, scene.snapshot.at_us
    if not rows:
        absent = _absent(name, seen_us, scene.snapshot, scene.catalogue)
        if scene.unseen:
            who = (
                f"{scene.unseen[0]} cannot be seen" if len(scene.unseen) == 1 else f"{len(scene.unseen)} cannot be seen"
            )
            return "review", f"{glyphs.review} cannot tell", (joined([who, absent[0]], glyphs), who)
        return "quiet", f"{glyphs.unseen} not seen", absent
    if all(r.verdict is Verdict.PENDING for r in rows):
        return "quiet", f"{glyphs.waiting} pending", ("a name may still arrive",)
    detail = _told(when(max(r.last_us for r in rows), now_us), _who(rows), _sum(rows), glyphs)
    if any(r.reached_us is not None for r in rows):
        return "ok", f"{glyphs.ok} ok", detail
    return "text", f"{glyphs.ok} seen", detail


def _since(us: int, now_us: int) -> str:
    first = when(us, now_us)
    return "just now" if first == "now" else f"since {first}"


def _blocked(alerts: Sequence[Alert], scene: _Scene) -> tuple[str, ...]:
    """`since 02:58Z · api · 4 of 4 connects, no reply`: the alert counts failures in a row."""
    snapshot, glyphs = scene.snapshot, scene.glyphs
    rows = [row for alert in alerts for row in rows_of(alert, snapshot.everything, snapshot.candidates)]
    latest = max((row for row in rows if row.failures), key=lambda row: row.failed_us or 0, default=None)
    since = _since(min(alert.first_us for alert in alerts), snapshot.at_us)
    roles = sorted({alert.role or "no role" for alert in alerts})
    who = roles[0] if len(roles) == 1 else f"{len(roles)} roles"
    tried = [alert for alert in alerts if not is_unresolved(alert)]
    number = sum(alert.count for alert in tried or alerts)
    if not tried:
        vain = f"{plural(number, 'look-up')} in vain"
        brief = "name does not resolve"
        return (joined([since, who, brief, vain], glyphs), joined([since, who, brief], glyphs), brief)
    tries = f"{number} of {plural(number, 'connect')}"
    words = how(latest.failures) if latest else "not reached"
    said = (f"{tries}, {words}", f"{number} of {number}, {words}", words)
    return (*(joined([since, who, each], glyphs) for each in said), joined([since, words], glyphs))


def _uploaded(alerts: Sequence[Alert], rows: Sequence[DestinationRow], scene: _Scene) -> tuple[str, ...]:
    sending = [row for row in rows if row.key in scene.loud] or list(rows)
    since = _since(min(alert.first_us for alert in alerts), scene.snapshot.at_us)
    return _told(since, _who(sending), _sum(sending), scene.glyphs)


def _failed(rows: Sequence[DestinationRow], now_us: int, glyphs: Glyphs) -> tuple[str, ...]:
    """What fails and raises no alert of its own: your resources, or a first failure."""
    total = _sum(rows)
    latest = max(rows, key=lambda row: row.failed_us or 0)
    reached = [row.reached_us for row in rows if row.reached_us is not None]
    since = f"last reached {when(max(reached), now_us)}" if reached else "never reached"
    tries = f"{total.failed} of {plural(total.connections, 'connect')}, {how(latest.failures)}"
    who = _who(rows)
    return (
        joined([since, who, tries], glyphs),
        joined([who, tries], glyphs),
        joined([who, how(latest.failures)], glyphs),
    )


def _overdue(alert: Alert, scene: _Scene) -> _Told:
    """The alert's own words, without the category that stands before them; fewer of them where room is scarce."""
    glyphs = scene.glyphs
    if alert.urgency is Urgency.REVIEW:
        told = alert.summary.partition(" overdue: ")[2] or alert.summary
        return "review", f"{glyphs.review} cannot tell", (told, told.partition("; ")[0])
    told = alert.summary.partition(": ")[2] or alert.summary
    parts = told.split("; ")
    return "alarm", f"{glyphs.failing} overdue", tuple("; ".join(parts[:end]) for end in range(len(parts), 0, -1))


def _in_review(snapshot: Snapshot) -> bool:
    return any(a.kind is AlertKind.OFF_ALLOWLIST and a.urgency is Urgency.REVIEW for a in snapshot.alerts)


def _who(rows: Sequence[DestinationRow]) -> str:
    roles = sorted({row.role or "no role" for row in rows})
    return roles[0] if len(roles) == 1 else f"{len(roles)} roles"


def _told(when_: str, who: str, total: _Total, glyphs: Glyphs) -> tuple[str, ...]:
    conns = plural(total.connections, "conn")
    if total.bytes_sent is None:
        longest_first = [[when_, who, conns, "bytes not known"], [when_, who, conns, f"bytes {glyphs.dash}"]]
    else:
        sent = f"{size(total.bytes_sent)} out"
        longest_first = [[when_, who, conns, sent], [when_, who, sent]]
    longest_first += [[when_, who, conns], [when_, who], [when_]]
    return tuple(joined(parts, glyphs) for parts in longest_first)


def _cannot_tell(snapshot: Snapshot) -> str:
    if snapshot.trouble is not None:
        return "the history cannot be read"
    if snapshot.silent_since_us is not None:
        return "nothing is written"
    if not snapshot.live:
        return "nobody records"
    if is_blind(snapshot.holes, snapshot.at_us):
        return "nothing is seen now"
    return ""


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
