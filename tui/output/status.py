"""What ``status`` says: one mapping for JSON, and lines for a person made from it."""

from collections import Counter
from collections.abc import Mapping
from typing import TypedDict

from tui.history.changes import Change, changes
from tui.history.place import holder_of
from tui.history.read import HEARTBEAT_US, Reader
from tui.history.rows import Hole
from tui.history.schema import schema_version
from tui.model.alert import Urgency
from tui.model.diagnosis import Seen
from tui.model.source import log_of
from tui.model.text import clean
from tui.model.times import iso_utc
from tui.output.holes import lost_words, names_of
from tui.output.log_sight import LogSight, log_sights
from tui.output.name_sight import NameSight, name_sight_now
from tui.output.sight import sight

SILENT_US = 4 * HEARTBEAT_US
"""A collector that has said nothing for so long is stuck, or cannot write."""
LOOK_BACK_US = 24 * 3600 * 1_000_000
"""How far back holes are told."""


CHANGES_SHOWN = 5
LINE_MAX = 1_000


class Status(TypedDict):
    """The answer of ``status --json``."""

    history: str
    history_id: str
    schema: int
    node: str
    recording: bool
    recorder: dict[str, str | int | None] | None
    silent_since: str | None
    recorded_since: str | None
    connections: int
    coverage: list[str]
    notes: list[str]
    names: dict[str, int | bool | str] | None
    """In how many namespaces packets are read, and whether known names are looked up; null if nobody records."""
    containers: dict[str, int | list[str]]
    """How many run, in how many all is seen, and which are not."""
    host_seen: bool | None
    proxy_logs: list[dict[str, str | int | list[str] | None]]
    """Those that are followed, or were by the last collector."""
    holes_24h: list[dict[str, str | int | list[str] | None]]
    """Of the sockets, in the namespaces that are named or in all; with ``lost_events`` only so many ends of sockets
    were missed. Of the log of a proxy, whose source is ``proxy:PATH``; with ``lost_bytes`` so many bytes of it may be
    lost, 0 if nobody knows how many."""
    lost_events_24h: int
    changes_7d: list[dict[str, str | None]]
    """Retool's containers that started, stopped or got another image, the latest first."""
    allowlist_revision: int
    open_alerts: dict[str, int]
    baseline_reviewed: bool
    baseline_waiting: int
    now: str


def read_status(reader: Reader, now_us: int) -> Status:
    """Ask a history what ``status`` says of it."""
    recording = reader.recording()
    holder = holder_of(reader.path)
    alerts = reader.alerts(open_only=True, limit=-1)
    counts = Counter(alert.urgency for alert in alerts)
    first_us = recording.first_us
    lately_us = max(first_us or now_us, now_us - LOOK_BACK_US)
    holes = reader.holes("sockets", lately_us, now_us) if first_us is not None else []
    run = recording.run
    silent_us = run.seen_us if run and reader.is_live(run) and now_us - run.seen_us > SILENT_US else None
    workloads = reader.workloads()
    found = sight(workloads if holder is not None else (), reader.watched("sockets"))
    names = names_of(workloads)
    followed = log_sights(reader, lately_us, now_us, holes)
    recorder: dict[str, str | int | None] | None = None
    if holder is not None:
        until = iso_utc(holder.until_us) if holder.until_us else None
        recorder = {"pid": holder.pid, "kind": holder.kind, "user": holder.user, "version": holder.version,
                    "since": iso_utc(holder.since_us), "until": until}  # fmt: skip
    return Status(
        history=str(reader.path),
        history_id=recording.history_id,
        schema=schema_version(),
        node=recording.node,
        recording=holder is not None,
        recorder=recorder,
        silent_since=iso_utc(silent_us) if silent_us is not None else None,
        recorded_since=iso_utc(first_us) if first_us is not None else None,
        connections=reader.count_connections(),
        coverage=list(recording.sources) if holder is not None else [],
        notes=list(recording.notes) if holder is not None else [],
        names=_names(name_sight_now(reader, lately_us, now_us)) if holder is not None else None,
        containers={"running": found.containers, "seen": found.seen, "unseen": list(found.unseen)},
        host_seen=found.host,
        proxy_logs=[_log(each) for each in followed],
        holes_24h=[_hole(hole, names) for hole in (*holes, *(hole for each in followed for hole in each.holes))],
        lost_events_24h=sum(hole.lost or 0 for hole in holes),
        changes_7d=[_change(each) for each in changes(workloads) if now_us - each.at_us <= 7 * LOOK_BACK_US][:20],
        allowlist_revision=reader.allowlist_revision(),
        open_alerts={urgency.value: counts[urgency] for urgency in Urgency},
        baseline_reviewed=False,
        baseline_waiting=counts[Urgency.REVIEW],
        now=iso_utc(now_us),
    )


def _names(seen: NameSight) -> dict[str, int | bool | str]:
    return {
        "namespaces": seen.namespaces,
        "read": seen.read,
        "look_ups": seen.look_ups is Seen.YES,
        "lost_packets_24h": seen.lost_packets,
        "in_words": seen.words,
    }


def _log(sight: LogSight) -> dict[str, str | int | list[str] | None]:
    log = sight.log
    return {
        "path": log.path,
        "state": log.state,
        "formats": list(log.formats),
        "lacks": log.lacks or None,
        "lines": log.lines,
        "requests": log.requests,
        "unparsed": log.unparsed,
        "last_unparsed": log.last_unparsed or None,
        "lag_bytes": log.lag,
        "last_read": iso_utc(log.read_us),
        "in_words": sight.words,
    }


def _hole(hole: Hole, names: Mapping[str, str]) -> dict[str, str | int | list[str] | None]:
    return {
        "source": hole.source,
        "from": iso_utc(hole.from_us),
        "to": iso_utc(hole.to_us),
        "namespaces": [names.get(namespace, namespace) for namespace in hole.namespaces],
        "lost_events": hole.lost if log_of(hole.source) is None else None,
        "lost_bytes": None if log_of(hole.source) is None else hole.lost,
        "note": hole.note or None,
        "in_words": lost_words(hole),
    }


def _change(change: Change) -> dict[str, str | None]:
    return {
        "at": iso_utc(change.at_us),
        "kind": change.kind.value,
        "role": change.role,
        "container": change.container,
        "image": change.image,
        "image_before": change.before,
        "what": change.what,
    }


def _coverage(status: Status) -> str:
    """The sources, and how much of what runs they see."""
    sources = ", ".join(source for source in status["coverage"] if log_of(source) is None)
    if not sources:
        return "nothing is watched now"
    counts = status["containers"]
    host = {True: ", the host", False: ", NOT the host", None: ""}[status["host_seen"]]
    seen = f"{counts['seen']} of {counts['running']} containers{host}" if counts["running"] else host.removeprefix(", ")
    unseen = counts["unseen"]
    missing = f"; NOT {', '.join(unseen)}" if isinstance(unseen, list) and unseen else ""
    return f"{sources}: {seen}{missing}" if seen else sources


def _hole_line(hole: Mapping[str, str | int | list[str] | None]) -> str:
    namespaces, path = hole["namespaces"], log_of(str(hole["source"]))
    what = str(hole["source"]) if path is None else f"proxy log {path}"
    lost = f"{hole['in_words']}, " if hole["in_words"] else "" if path is None else "not read, "
    where = f" in {', '.join(namespaces)}" if isinstance(namespaces, list) and any(namespaces) else ""
    return f"Hole        {what}: {lost}{hole['from']} to {hole['to']}{where}"


def _log_lines(log: Mapping[str, str | int | list[str] | None], *, recording: bool) -> list[str]:
    """A log, with what it lacks below it."""
    before = "" if recording else "NOT FOLLOWED NOW; it was: "
    lines = [f"Proxy log   {log['path']}: {before}{log['in_words']}; last news {log['last_read']}"]
    if log["lacks"]:
        lines.append(f"            This log cannot name destinations: {log['lacks']}")
    return lines


def status_lines(status: Status) -> list[str]:
    """The same for a person, most important first."""
    recorder = status["recorder"]
    if recorder:
        until = f", until {recorder['until']}" if recorder["until"] else ""
        recording = (
            f"yes, process {recorder['pid']} ({recorder['kind']}, {recorder['user']}) since {recorder['since']}{until}"
        )
        if status["silent_since"]:
            recording += f". NOTHING WRITTEN since {status['silent_since']}: it hangs, or the disk is full"
    else:
        recording = "NO. Nobody records now; start with: retool-egress collect"
    alerts = ", ".join(f"{count} {word}" for word, count in status["open_alerts"].items())
    lines = [
        f"Host        {status['node']}",
        f"History     {status['history']} (schema {status['schema']}, id {status['history_id']})",
        f"Recording   {recording}",
        f"Record      since {status['recorded_since'] or 'never'}, {status['connections']} connections",
        f"Coverage    {_coverage(status)}",
        *(f"            {note}" for note in status["notes"]),
        *([f"Names       {status['names']['in_words']}"] if status["names"] else []),
        *(line for log in status["proxy_logs"] for line in _log_lines(log, recording=recorder is not None)),
        *map(_hole_line, status["holes_24h"]),
        f"Allowlist   revision {status['allowlist_revision']}",
        f"Alerts      {alerts}",
        *(f"Change      {c['at']} {c['role']}: {c['what']}" for c in status["changes_7d"][:CHANGES_SHOWN]),
    ]
    if status["baseline_waiting"]:
        count = status["baseline_waiting"]
        lines.append(f"Baseline    not reviewed: {count} {'entry waits' if count == 1 else 'entries wait'}")
    return [clean(line, LINE_MAX) for line in lines]
