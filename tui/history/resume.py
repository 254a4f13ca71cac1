"""What a collector needs of its own past: the next ids, what was open, and which allowlist was in force.

The collector alone uses it, on the connection that it writes with.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from tui.history.batch import CoverageSpan, KeptAllowlist, KeptLog, KeptWorkload
from tui.history.columns import (
    ALERT_COLUMNS,
    ANSWER_COLUMNS,
    CONNECTION_COLUMNS,
    LOG_COLUMNS,
    WORKLOAD_COLUMNS,
    alert_from,
    answer_from,
    connection_from,
    workload_from,
)
from tui.history.rows import ConnectionRow
from tui.history.schema import HOUR_US, OPEN
from tui.history.spans import Watched, holes
from tui.model.alert import Alert, AlertKind
from tui.model.answer import Answer
from tui.model.connection import (
    Claim,
    Connection,
    Endpoint,
    Evidence,
    Judgement,
    Label,
    Name,
    Origin,
    Outcome,
    Phase,
    Process,
    Recorded,
    Verdict,
)
from tui.model.times import DAY_US
from tui.model.workload import VISITOR

WORKLOADS_MAX = 2_000
ANSWERS_MAX = 100_000
"""Of those that namespaces got."""
BURST_US = 600_000_000
"""How long before its alert a burst may have begun."""
JUST_ENDED_US = 120_000_000
"""Connections that ended this long before may still show as TIME-WAIT and must not be recorded twice."""

_CONNECTIONS = f"""
SELECT {CONNECTION_COLUMNS} FROM recorded WHERE id IN (SELECT id FROM connection WHERE outcome IN ({OPEN}))
    OR id IN (SELECT id FROM connection
        WHERE revision > (SELECT value FROM meta WHERE key = 'revision') - 2000
            AND (closed_us > ? OR judgement IN (SELECT id FROM judgement WHERE verdict = 'pending')))
"""  # noqa: S608


class Sent(NamedTuple):
    """Payload bytes of one role to one destination in one hour since the epoch."""

    role: str
    destination: str
    port: int
    hour: int
    sent: int
    received: int


@dataclass(frozen=True, slots=True)
class Past:
    """The end of the record so far."""

    next_connection: int
    next_alert: int
    next_coverage: int
    next_run: int
    next_loss: int
    next_workload: int
    connections: tuple[Connection, ...]
    """Still open when the last collector ended, or ended shortly before."""
    alerts: tuple[Alert, ...]
    """The open ones."""
    uploads: tuple[Alert, ...]
    """Of the last day, ended ones too."""
    bursts: tuple[tuple[Alert, tuple[tuple[str, int], ...]], ...]
    """The open ones with their destinations and ports."""
    sent: tuple[Sent, ...]
    """What each role has sent and received in the last day."""
    reached: dict[str, int]
    """When each of the hosts that were asked for was last heard."""
    spans: tuple[CoverageSpan, ...]
    """The last span of every source and namespace that had not ended with its namespace."""
    workloads: tuple[KeptWorkload, ...]
    """Oldest first."""
    roles_seen: bool
    """True if a connection of one of Retool's roles was ever recorded."""
    recorded_since_us: int | None
    covered_since_us: int | None
    """Since when the record has had no hole until now; None where it has one now."""
    answers: tuple[Answer, ...]
    """Those that held within a day: good everywhere, or got by a namespace that is there still."""
    namespaces: tuple[str, ...]
    """Those whose sockets were ever watched."""
    allowlist: KeptAllowlist | None
    """The one that was last in force."""
    logs: dict[str, KeptLog]
    """How far the logs of proxies were read, by path."""


def read_past(db: sqlite3.Connection, now_us: int, hosts: Iterable[str] = (), *, booted_us: int = 0) -> Past:
    """The end of the record, for a collector that starts now and wants to know when ``hosts`` were last heard."""
    rows = db.execute(_CONNECTIONS, (now_us - JUST_ENDED_US,))
    alerts = [alert_from(r) for r in db.execute(f"SELECT {ALERT_COLUMNS} FROM alert WHERE resolved_us IS NULL")]  # noqa: S608
    uploads = db.execute(
        f"SELECT {ALERT_COLUMNS} FROM alert WHERE kind = 'upload' AND last_us > ?",  # noqa: S608
        (now_us - DAY_US,),
    )
    workloads = db.execute(f"SELECT {WORKLOAD_COLUMNS} FROM workload ORDER BY id DESC LIMIT ?", (WORKLOADS_MAX,))  # noqa: S608
    return Past(
        _next(db, "connection"),
        _next(db, "alert"),
        _next(db, "coverage"),
        _next(db, "run"),
        _next(db, "loss"),
        _next(db, "workload"),
        tuple(_connection(connection_from(row)) for row in rows),
        tuple(alerts),
        tuple(alert_from(row) for row in uploads),
        tuple((a, _members(db, a)) for a in alerts if a.kind is AlertKind.OFF_ALLOWLIST and a.destination is None),
        tuple(Sent._make(row) for row in db.execute(_SENT, (now_us // HOUR_US - 23,))),
        {host: us for host in hosts if (us := _last_reached(db, host)) is not None},
        tuple(CoverageSpan(*row) for row in db.execute(_THERE)),
        tuple(workload_from(row) for row in workloads)[::-1],
        db.execute("SELECT 1 FROM origin WHERE role IS NOT NULL AND role <> ?", (VISITOR,)).fetchone() is not None,
        db.execute("SELECT min(started_us) FROM run").fetchone()[0],
        _covered_since(db, now_us),
        _answers(db, now_us - DAY_US, booted_us),
        tuple(row[0] for row in db.execute("SELECT DISTINCT namespace FROM coverage WHERE source = 'sockets'")),
        _last_allowlist(db),
        {row[0]: KeptLog(*row) for row in db.execute(f"SELECT {LOG_COLUMNS} FROM proxy_log")},  # noqa: S608
    )


_SENT = """
SELECT f.role, d.name, d.port, h.hour, sum(h.bytes_sent), coalesce(sum(h.bytes_received), 0)
FROM hour h JOIN facet f ON f.id = h.facet JOIN destination d ON d.id = h.destination
WHERE h.hour >= ? AND h.bytes_sent > 0 AND f.role IS NOT NULL AND f.verdict <> 'internal'
GROUP BY f.role, h.destination, h.hour ORDER BY h.hour
"""
_THERE = """
SELECT id, source, namespace, from_us, to_us, note, growing FROM coverage
WHERE id IN (SELECT max(id) FROM coverage GROUP BY source, namespace) AND NOT gone
"""


def _members(db: sqlite3.Connection, burst: Alert) -> tuple[tuple[str, int], ...]:
    """The destinations off the list that a role has met since its burst began, and shortly before."""
    rows = db.execute(
        "SELECT DISTINCT d.name, d.port FROM hour h JOIN facet f ON f.id = h.facet "
        "JOIN destination d ON d.id = h.destination "
        "WHERE f.role IS ? AND f.verdict = 'off-allowlist' AND h.hour >= ? AND h.last_us >= ?",
        (burst.role, burst.first_us // HOUR_US - 1, burst.first_us - BURST_US),
    )
    return tuple((str(name), int(port)) for name, port in rows)


def _last_reached(db: sqlite3.Connection, host: str) -> int | None:
    row = db.execute(
        "SELECT max(h.reached_us) FROM destination d JOIN hour h ON h.destination = d.id WHERE d.name = ? AND d.named",
        (host,),
    ).fetchone()
    return None if row[0] is None else int(row[0])


def _covered_since(db: sqlite3.Connection, now_us: int) -> int | None:
    """The end of the last time in which not everything was seen, as far as a week back."""
    from_us = max(now_us - 7 * DAY_US, int(db.execute("SELECT coalesce(min(started_us), 0) FROM run").fetchone()[0]))
    rows = db.execute(
        "SELECT namespace, from_us, to_us, gone FROM coverage WHERE source = 'sockets' AND to_us >= ?", (from_us,)
    )
    ends = [hole.to_us for hole in holes("sockets", map(Watched._make, rows), from_us, now_us)]
    lost = db.execute("SELECT max(to_us) FROM loss WHERE source = 'sockets'").fetchone()[0]
    latest = max([*ends, lost or 0, from_us])
    return None if latest >= now_us else latest


def _next(db: sqlite3.Connection, table: str) -> int:
    return int(db.execute(f"SELECT coalesce(max(id), 0) + 1 FROM {table}").fetchone()[0])  # noqa: S608


def _connection(row: ConnectionRow) -> Connection:
    process = None
    if row.pid is not None and row.process is not None and row.started_us is not None:
        process = Process(row.pid, row.process, row.user, row.started_us)
    return Connection(
        id=row.id,
        opened_us=row.opened_us,
        opened_exact=row.opened_exact,
        closed_us=row.closed_us,
        last_seen_us=row.last_seen_us,
        source=row.source,
        protocol=row.protocol,
        local=Endpoint(row.local_ip, row.local_port),
        remote=Endpoint(row.ip, row.port),
        origin=Origin(row.namespace, row.role, row.container, row.image),
        process=process,
        name=Name(
            row.host,
            Evidence(row.host_evidence) if row.host_evidence else None,
            row.host_candidates,
            Claim(row.claim) if row.claim else None,
            row.is_outer,
        ),
        label=Label(row.category, row.service),
        judgement=Judgement(Verdict(row.verdict), row.rule, row.allowlist_revision, ""),
        outcome=Outcome(row.outcome),
        bytes_sent=row.bytes_sent,
        bytes_received=row.bytes_received,
        via=row.via,
        recorded=Recorded(row.recorded),
        connect_us=row.connect_us,
        phase=Phase(row.phase) if row.phase else None,
        reason=row.reason,
    )


def _answers(db: sqlite3.Connection, since_us: int, booted_us: int) -> tuple[Answer, ...]:
    """Our own look-ups of names, and the latest of what the namespaces got that are there; the kernel gives their
    numbers again, after the machine has booted all of them."""
    ours = f"SELECT {ANSWER_COLUMNS} FROM answer WHERE until_us > ? AND evidence = ?"  # noqa: S608
    theirs = f"""
        WITH ended AS (SELECT namespace, max(to_us) AS at_us FROM coverage
                WHERE source IN ('sockets', 'wire') AND gone GROUP BY namespace),
            there AS (SELECT c.namespace, max(coalesce(e.at_us, 0)) AS began_us
                FROM coverage c LEFT JOIN ended e ON e.namespace = c.namespace
                WHERE c.source IN ('sockets', 'wire') AND NOT c.gone AND c.from_us >= coalesce(e.at_us, 0)
                GROUP BY c.namespace)
        SELECT {ANSWER_COLUMNS} FROM answer JOIN there USING (namespace)
        WHERE until_us > ? AND from_us >= max(began_us, ?) ORDER BY until_us DESC LIMIT ?
    """  # noqa: S608
    rows = [*db.execute(ours, (since_us, Evidence.FORWARD)), *db.execute(theirs, (since_us, booted_us, ANSWERS_MAX))]
    return tuple(map(answer_from, rows))


def _last_allowlist(db: sqlite3.Connection) -> KeptAllowlist | None:
    """The allowlist that was last in force."""
    row = db.execute("SELECT id, at_us, fingerprint, rules FROM allowlist_revision ORDER BY id DESC LIMIT 1").fetchone()
    return KeptAllowlist(int(row[0]), int(row[1]), str(row[2]), str(row[3]).encode()) if row else None
