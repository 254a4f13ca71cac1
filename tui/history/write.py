"""Write observations: one transaction a batch, one revision a transaction. The collector alone uses it.

A batch that fails leaves nothing behind in the file or in memory, so it can be given again.
"""

import os
import sqlite3
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from uuid import uuid4

import msgspec

from tui.history import place
from tui.history.answers import Answers
from tui.history.batch import Batch
from tui.history.errors import HistoryCorrupt, HistoryUnwritable
from tui.history.interned import Interned
from tui.history.migrations import migrate
from tui.history.rollup import Counted, Differences
from tui.history.schema import OUTCOMES, refuse_strange
from tui.history.stored import log_row, loss_row, run_row, workload_row
from tui.model.address import pack
from tui.model.connection import Connection, Outcome, is_failed, is_reached

Bytes = tuple[int | None, int | None]
"""Sent and received."""

_PLACE = {outcome: number for number, outcome in enumerate(OUTCOMES)}

_NEXT_REVISION = "UPDATE meta SET value = value + 1 WHERE key = 'revision' RETURNING value"
_FRESH = """
INSERT INTO connection (id, revision, opened_us, opened_exact, closed_us, last_seen_us, destination, origin, process,
    judgement, route, outcome, local_ip, local_port, ip, bytes_sent, bytes_received, connect_us, phase)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_CONNECTION = f"""{_FRESH}
ON CONFLICT DO UPDATE SET revision = excluded.revision, opened_us = excluded.opened_us,
    opened_exact = excluded.opened_exact, closed_us = excluded.closed_us, last_seen_us = excluded.last_seen_us,
    destination = excluded.destination, origin = excluded.origin, process = excluded.process,
    judgement = excluded.judgement, route = excluded.route, outcome = excluded.outcome, local_ip = excluded.local_ip,
    local_port = excluded.local_port, ip = excluded.ip, bytes_sent = excluded.bytes_sent,
    bytes_received = excluded.bytes_received, connect_us = excluded.connect_us, phase = excluded.phase
"""
_ALERT = """
INSERT INTO alert (id, revision, kind, cause, urgency, summary, role, destination, port, count, first_us, last_us,
    resolved_us, resolution)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, urgency = excluded.urgency, summary = excluded.summary,
    destination = excluded.destination, port = excluded.port, count = excluded.count, last_us = excluded.last_us,
    resolved_us = excluded.resolved_us, resolution = excluded.resolution
"""
_COVERAGE = """
INSERT INTO coverage (id, revision, source, namespace, from_us, to_us, note, growing, gone)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, to_us = excluded.to_us, note = excluded.note,
    growing = excluded.growing, gone = excluded.gone
"""
_COUNTER = "INSERT OR REPLACE INTO counter (id, bytes_sent, bytes_received) VALUES (?, ?, ?)"
_LOSS = """
INSERT OR REPLACE INTO loss (id, revision, source, namespaces, from_us, to_us, events, note)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_WORKLOAD = """
INSERT OR REPLACE INTO workload (id, revision, namespace, kind, container_id, container, role, image, project,
    described, pid, proxy, started_us, gone_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_LOG = "INSERT OR REPLACE INTO proxy_log VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_REQUEST = "INSERT OR IGNORE INTO request (hour, hash, connection) VALUES (?, ?, ?)"
_KNOWN = "SELECT hash, connection FROM request WHERE hour = ? AND hash IN (SELECT value FROM json_each(?))"
_RUN = """
INSERT INTO run (id, revision, started_us, seen_us, ended_us, until_us, kind, pid, user, version)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, seen_us = excluded.seen_us, ended_us = excluded.ended_us
"""


BUSY_S = 0.5
"""How long a commit waits for another program's lock before it is tried again later; nothing is lost by that."""


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Open, or begin, the history at ``path`` for its one collector, with the newest schema.

    :raises HistoryUnwritable: if the place cannot be written
    :raises HistoryCorrupt: if the file is no sound history
    :raises HistoryNewer: if a later version wrote it
    """
    place.prepare(path)
    try:
        return _open(path)
    except sqlite3.OperationalError as error:
        raise HistoryUnwritable(
            f"cannot write the history {path}: {error}",
            "Free the disk, end the program that locks the file, or name another file with --history FILE.",
        ) from error
    except sqlite3.DatabaseError as error:
        raise HistoryCorrupt(
            f"{path} is not a sound history: {error}",
            f"It is kept as it is. To record again, move it away: mv {path} {path}.damaged",
        ) from error


def _open(path: Path) -> sqlite3.Connection:
    """SQLite gives the files that it makes beside a database the database's own permissions."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_S)
    try:
        refuse_strange(db, path)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA journal_size_limit = 67108864")
        migrate(db)
        _begin(db)
    except BaseException:
        db.close()
        raise
    return db


def _begin(db: sqlite3.Connection) -> None:
    first = {"history_id": str(uuid4()), "created_us": time.time_ns() // 1000, "revision": 0}
    with db:
        db.executemany("INSERT OR IGNORE INTO meta (key, value) VALUES (?, ?)", first.items())
        db.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('node', ?)", (os.uname().nodename,))


class Writer:
    """Commits batches; remembers only what the roll-ups need of connections that may still change."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._destinations = Interned(db, "destination", ("name", "port", "named"))
        self._origins = Interned(db, "origin", ("namespace", "role", "container", "image"))
        self._processes = Interned(db, "process", ("pid", "started_us", "name", "user"))
        self._judgements = Interned(
            db,
            "judgement",
            ("category", "service", "evidence", "candidates", "claim", "is_outer", "verdict", "rule",
             "allowlist_revision"),
        )  # fmt: skip
        self._routes = Interned(db, "route", ("source", "protocol", "via", "recorded", "reason"))
        self._facets = Interned(db, "facet", ("role", "category", "verdict", "outcome"))
        self._answers = Answers(db)
        self._tables = (
            self._destinations,
            self._origins,
            self._processes,
            self._judgements,
            self._routes,
            self._facets,
            self._answers,
        )
        self._counted: dict[int, Counted] = {}
        self._fresh_from = int(db.execute("SELECT coalesce(max(id), 0) FROM connection").fetchone()[0]) + 1

    def commit(self, batch: Batch) -> int:
        """Write a batch and return its revision.

        :raises sqlite3.Error: if it cannot be written; nothing of it is then
        """
        try:
            self._db.execute("BEGIN IMMEDIATE")
            revision = int(self._db.execute(_NEXT_REVISION).fetchone()[0])
            changed = [each for id, each in batch.connections.items() if id not in batch.withdrawn]
            counted = self._write_connections(changed, batch.counters, batch.withdrawn, revision)
            self._write_rest(batch, revision)
            self._db.execute("COMMIT")
        except BaseException:
            for table in self._tables:
                table.forget()
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        self._remember(batch, counted)
        return revision

    def known(self, requests: Iterable[tuple[int, int]]) -> dict[tuple[int, int], int | None]:
        """Those of the requests (hour and hash) that are recorded, with the connection of one that an import told.

        :raises sqlite3.Error: if they cannot be read
        """
        hours = defaultdict[int, list[int]](list)
        for hour, hash in requests:
            hours[hour].append(hash)
        found = dict[tuple[int, int], int | None]()
        for hour, hashes in hours.items():
            rows = self._db.execute(_KNOWN, (hour, msgspec.json.encode(hashes).decode()))
            found |= {(hour, hash): connection for hash, connection in rows}
        return found

    def _write_connections(
        self, changed: Collection[tuple[Connection, bool]], counters: Mapping[int, Bytes], withdrawn: Iterable[int],
        revision: int,
    ) -> dict[int, Counted]:  # fmt: skip
        rows, fresh, counted, differences = [], [], dict[int, Counted](), Differences()
        gone = [(id,) for id in withdrawn]
        for (id,) in gone:
            differences.move(self._before(id), None)
        self._db.executemany("DELETE FROM connection WHERE id = ?", gone)
        self._db.executemany("DELETE FROM counter WHERE id = ?", gone)
        for connection, final in changed:
            row, after = self._row(connection, revision)
            if final and connection.id >= self._fresh_from and connection.id not in self._counted:
                differences.move(None, after)
                fresh.append(row)
                continue
            differences.move(self._before(connection.id), after)
            counted[connection.id] = after
            rows.append(row)
        self._db.executemany(_FRESH, fresh)
        self._db.executemany(_CONNECTION, rows)
        ended = {c.id for c, _ in changed if not c.outcome.is_open}
        # of what is open the row has bytes as new as the counter's, or newer
        known = [(c.id,) for c, _ in changed if c.id in self._counted or c.id < self._fresh_from]
        self._db.executemany("DELETE FROM counter WHERE id = ?", known)
        self._write_counters({id: both for id, both in counters.items() if id not in ended}, counted, differences)
        differences.write(self._db, revision)
        return counted

    def _write_counters(
        self, counters: Mapping[int, Bytes], counted: dict[int, Counted], differences: Differences
    ) -> None:
        """The bytes of what is still open stand apart, so that they cost one narrow row each."""
        for id, (sent, received) in counters.items():
            before = counted.get(id) or self._before(id)
            if before is not None:
                heard = before.reached or bool(received)
                after = before._replace(bytes_sent=sent, bytes_received=received, reached=heard)
                differences.move(before, after)
                counted[id] = after
        self._db.executemany(_COUNTER, [(id, *both) for id, both in counters.items()])

    def _row(self, c: Connection, revision: int) -> tuple[tuple[object, ...], Counted]:
        destination = self._destinations.id(c.destination, c.remote.port, int(c.name.host is not None))
        origin = self._origins.id(c.origin.namespace, c.origin.role, c.origin.container, c.origin.image)
        p = c.process
        process = self._processes.id(p.pid, p.started_us, p.name, p.user) if p else None
        judgement = self._judgements.id(
            c.label.category,
            c.label.service,
            c.name.evidence,
            " ".join(c.name.candidates) or None,
            c.name.claim,
            int(c.name.is_outer),
            c.judgement.verdict,
            c.judgement.rule,
            c.judgement.allowlist_revision,
        )
        route = self._routes.id(c.source, c.protocol, c.via, c.recorded, c.reason)
        facet = self._facets.id(c.origin.role, c.label.category, c.judgement.verdict, c.outcome)
        row = (c.id, revision, c.opened_us, int(c.opened_exact), c.closed_us, c.last_seen_us, destination, origin,
               process, judgement, route, _PLACE[c.outcome], pack(c.local.ip), c.local.port, pack(c.remote.ip),
               c.bytes_sent, c.bytes_received, c.connect_us, c.phase)  # fmt: skip
        return row, Counted(
            destination, facet, c.opened_us, c.last_seen_us, c.bytes_sent, c.bytes_received, c.failed, c.reached
        )

    def _before(self, id: int) -> Counted | None:
        known = self._counted.get(id)
        if known is not None or id >= self._fresh_from:
            return known
        row = self._db.execute(
            "SELECT c.destination, f.id, c.opened_us, c.last_seen_us, r.bytes_sent, r.bytes_received, r.outcome "
            "FROM recorded r JOIN connection c ON c.id = r.id JOIN facet f ON f.role IS r.role "
            "AND f.category = r.category AND f.verdict = r.verdict AND f.outcome = r.outcome WHERE r.id = ?",
            (id,),
        ).fetchone()
        if row is None:
            return None
        outcome, received = Outcome(row[6]), row[5]
        return Counted(
            row[0],
            row[1],
            row[2],
            row[3],
            row[4],
            received,
            is_failed(outcome, received),
            is_reached(outcome, received),
        )

    def _write_rest(self, batch: Batch, revision: int) -> None:
        self._db.executemany(
            _ALERT,
            [
                (a.id, revision, a.kind, a.cause, a.urgency, a.summary, a.role, a.destination, a.port, a.count,
                 a.first_us, a.last_us, a.resolved_us, a.resolution)
                for a in sorted(batch.alerts.values(), key=lambda alert: alert.id)
            ],
        )  # fmt: skip
        self._db.executemany(
            _COVERAGE,
            [
                (s.id, revision, s.source, s.namespace, s.from_us, s.to_us, s.note, int(s.growing), int(s.gone))
                for s in batch.coverage.values()
            ],
        )
        self._answers.write(batch.answers.values())
        self._db.executemany(
            "INSERT INTO allowlist_revision (id, at_us, fingerprint, rules) VALUES (?, ?, ?, ?)",
            [(a.revision, a.at_us, a.fingerprint, a.rules.decode()) for a in batch.allowlists.values()],
        )
        self._db.executemany(_LOSS, [loss_row(loss, revision) for loss in batch.losses.values()])
        self._db.executemany(_WORKLOAD, [workload_row(kept, revision) for kept in batch.workloads.values()])
        self._db.executemany(_LOG, [log_row(kept, revision) for kept in batch.logs.values()])
        self._db.executemany(_REQUEST, [(*key, connection) for key, connection in batch.requests.items()])
        if batch.run is not None:
            self._db.execute(_RUN, run_row(batch.run, revision))

    def _remember(self, batch: Batch, counted: dict[int, Counted]) -> None:
        self._counted |= counted
        for id in batch.withdrawn:
            self._counted.pop(id, None)
        for connection, final in batch.connections.values():
            if final:
                self._counted.pop(connection.id, None)
        if batch.connections:
            self._fresh_from = max(self._fresh_from, max(batch.connections) + 1)

    def close(self) -> None:
        """Close the file; the write-ahead log is folded into it when nobody reads it."""
        self._db.close()
