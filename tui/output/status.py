"""What ``status`` says: one mapping for JSON, and lines for a person made from it."""

from collections import Counter
from typing import TypedDict

from tui.history.place import holder_of
from tui.history.read import HEARTBEAT_US, Reader
from tui.history.schema import schema_version
from tui.model.alert import Urgency
from tui.model.text import clean
from tui.model.times import iso_utc

SILENT_US = 4 * HEARTBEAT_US
"""A collector that has said nothing for so long is stuck, or cannot write."""
LOOK_BACK_US = 24 * 3600 * 1_000_000
"""How far back holes are told."""


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
    holes_24h: list[dict[str, str]]
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
    holes = reader.holes("sockets", max(first_us or now_us, now_us - LOOK_BACK_US), now_us)
    run = recording.run
    silent_us = run.seen_us if run and reader.is_live(run) and now_us - run.seen_us > SILENT_US else None
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
        holes_24h=[{"source": h.source, "from": iso_utc(h.from_us), "to": iso_utc(h.to_us)} for h in holes],
        allowlist_revision=reader.allowlist_revision(),
        open_alerts={urgency.value: counts[urgency] for urgency in Urgency},
        baseline_reviewed=False,
        baseline_waiting=counts[Urgency.REVIEW],
        now=iso_utc(now_us),
    )


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
        f"Coverage    {', '.join(status['coverage']) or 'nothing is watched now'}",
        *(f"            {note}" for note in status["notes"]),
        *(f"Hole        {h['source']}: {h['from']} to {h['to']}" for h in status["holes_24h"]),
        f"Allowlist   revision {status['allowlist_revision']}",
        f"Alerts      {alerts}",
    ]
    if status["baseline_waiting"]:
        count = status["baseline_waiting"]
        lines.append(f"Baseline    not reviewed: {count} {'entry waits' if count == 1 else 'entries wait'}")
    return [clean(line, 500) for line in lines]
