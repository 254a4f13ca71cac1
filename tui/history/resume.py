"""What a collector needs of its own past: the next ids, what was open, and which allowlist was in force.

The collector alone uses it, on the connection that it writes with.
"""

import sqlite3
from dataclasses import dataclass

from tui.history.batch import KeptAllowlist
from tui.history.read import ALERT_COLUMNS, CONNECTION_COLUMNS, alert_from, connection_from
from tui.history.rows import ConnectionRow
from tui.history.schema import OPEN
from tui.model.address import unpack
from tui.model.alert import Alert
from tui.model.answer import Answer
from tui.model.connection import (
    Connection,
    Endpoint,
    Evidence,
    Judgement,
    Label,
    Name,
    Origin,
    Outcome,
    Process,
    Recorded,
    Verdict,
)

JUST_ENDED_US = 120_000_000
"""Connections that ended this long before may still show as TIME-WAIT and must not be recorded twice."""

_CONNECTIONS = f"""
SELECT {CONNECTION_COLUMNS} FROM recorded WHERE id IN (SELECT id FROM connection WHERE outcome = {OPEN})
    OR id IN (SELECT id FROM connection
        WHERE revision > (SELECT value FROM meta WHERE key = 'revision') - 2000
            AND (closed_us > ? OR judgement IN (SELECT id FROM judgement WHERE verdict = 'pending')))
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Past:
    """The end of the record so far."""

    next_connection: int
    next_alert: int
    next_coverage: int
    next_run: int
    connections: tuple[Connection, ...]
    """Still open when the last collector ended, or ended shortly before."""
    alerts: tuple[Alert, ...]
    """The open ones."""
    answers: tuple[Answer, ...]
    namespaces: tuple[str, ...]
    """Those whose sockets were ever watched."""
    allowlist: KeptAllowlist | None
    """The one that was last in force."""


def read_past(db: sqlite3.Connection, now_us: int) -> Past:
    """The end of the record, for a collector that starts now."""
    rows = db.execute(_CONNECTIONS, (now_us - JUST_ENDED_US,))
    alerts = db.execute(f"SELECT {ALERT_COLUMNS} FROM alert WHERE resolved_us IS NULL")  # noqa: S608
    answers = db.execute(
        "SELECT host, ip, from_us, until_us FROM answer WHERE until_us > ?", (now_us - 86_400_000_000,)
    )
    return Past(
        _next(db, "connection"),
        _next(db, "alert"),
        _next(db, "coverage"),
        _next(db, "run"),
        tuple(_connection(connection_from(row)) for row in rows),
        tuple(alert_from(row) for row in alerts),
        tuple(Answer(host, unpack(ip), start, end) for host, ip, start, end in answers),
        tuple(row[0] for row in db.execute("SELECT DISTINCT namespace FROM coverage WHERE source = 'sockets'")),
        _last_allowlist(db),
    )


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
        name=Name(row.host, Evidence(row.host_evidence) if row.host_evidence else None, row.host_candidates),
        label=Label(row.category, row.service),
        judgement=Judgement(Verdict(row.verdict), row.rule, row.allowlist_revision, ""),
        outcome=Outcome(row.outcome),
        bytes_sent=row.bytes_sent,
        bytes_received=row.bytes_received,
        via=row.via,
        recorded=Recorded(row.recorded),
    )


def _last_allowlist(db: sqlite3.Connection) -> KeptAllowlist | None:
    """The allowlist that was last in force."""
    row = db.execute("SELECT id, at_us, fingerprint, rules FROM allowlist_revision ORDER BY id DESC LIMIT 1").fetchone()
    return KeptAllowlist(int(row[0]), int(row[1]), str(row[2]), str(row[3]).encode()) if row else None
