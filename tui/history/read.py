"""Ask a history. Every method is one query or few, holds no transaction between them, and returns frozen values."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tui.history.batch import CoverageSpan, KeptWorkload, Run
from tui.history.filter_sql import where
from tui.history.open import open_for_reading
from tui.history.place import holder_of
from tui.history.rows import AddressRow, ConnectionRow, Hole, Recording
from tui.history.spans import JOIN_US, Watched, holes
from tui.model.address import pack, unpack
from tui.model.alert import Alert, AlertKind, Urgency
from tui.model.answer import Answer
from tui.model.connection import Outcome
from tui.model.filter import Filter
from tui.model.workload import Workload, WorkloadKind

HEARTBEAT_US = 5_000_000
"""How often a collector says in the history that it lives, and how far its spans reach."""
PAGE_ROWS = 1000
_ID_MAX = 2**63 - 1

ALERT_COLUMNS = (
    "id, kind, cause, urgency, summary, role, destination, port, count, first_us, last_us, resolved_us, resolution"
)
CONNECTION_COLUMNS = (
    "id, opened_us, opened_exact, closed_us, last_seen_us, source, protocol, local_ip, local_port, ip, port, host, "
    "evidence, candidates, category, service, verdict, rule, allowlist_revision, outcome, bytes_sent, bytes_received, "
    "pid, process, user, started_us, container, role, namespace, via, image, recorded, destination_id"
)

WORKLOAD_COLUMNS = (
    "id, namespace, kind, container_id, container, role, image, project, described, pid, proxy, started_us, gone_us"
)
OPEN_WORDS = ", ".join(f"'{outcome.value}'" for outcome in Outcome if outcome.is_open)

_NAMES = CONNECTION_COLUMNS.split(", ")
_EXACT, _CANDIDATES = _NAMES.index("opened_exact"), _NAMES.index("candidates")
_ADDRESSES = (_NAMES.index("local_ip"), _NAMES.index("ip"))


class Reader:
    """A history opened for reading; use one in one thread at a time."""

    def __init__(self, path: Path) -> None:
        """Open the history at ``path``.

        :raises HistoryError: if there is none, or it cannot be read
        """
        self.path = path
        self._identity = _identity(path)
        self.db = open_for_reading(path)

    def refresh(self) -> bool:
        """Open the file again when another file, or a write-ahead log, has come in its place; True if so.

        :raises HistoryError: if what is there now cannot be read
        """
        now = _identity(self.path)
        if now == self._identity:
            return False
        fresh = open_for_reading(self.path)
        self.db.close()
        self.db, self._identity = fresh, now
        return True

    def close(self) -> None:
        """Close the file."""
        self.db.close()

    def revision(self) -> int:
        """The number of the last commit; it rises with every one."""
        row = self.db.execute("SELECT value FROM meta WHERE key = 'revision'").fetchone()
        return int(row[0]) if row else 0

    def recording(self) -> Recording:
        """Who records, since when, and what cannot be seen."""
        meta = dict(self.db.execute("SELECT key, value FROM meta").fetchall())
        first = self.db.execute("SELECT min(started_us) FROM run").fetchone()[0]
        run = self.last_run()
        spans = self._present_spans(run) if run else []
        live = holder_of(self.path) is not None
        return Recording(
            str(meta.get("node", "?")),
            str(meta.get("history_id", "?")),
            first,
            run,
            live,
            tuple(dict.fromkeys(s.note for s in spans if s.note)),
            tuple(dict.fromkeys(s.source for s in spans)),
        )

    def last_run(self) -> Run | None:
        """The present collector, or the last one."""
        row = self.db.execute(
            "SELECT id, started_us, seen_us, ended_us, until_us, kind, pid, user, version FROM run "
            "ORDER BY id DESC LIMIT 1"
        ).fetchone()
        return Run(*row) if row else None

    def is_live(self, run: Run | None) -> bool:
        """True while the collector of this run holds the history."""
        holder = holder_of(self.path)
        return holder is not None and run is not None and run.ended_us is None and holder.since_us == run.started_us

    def _present_spans(self, run: Run) -> list[CoverageSpan]:
        rows = self.db.execute(
            "SELECT id, source, namespace, from_us, to_us, note, growing FROM coverage WHERE to_us >= ? ORDER BY id",
            (run.seen_us - 2 * HEARTBEAT_US,),
        )
        latest = {(row[1], row[2]): CoverageSpan(*row) for row in rows}
        return [span for span in latest.values() if span.growing]

    def watched(self, source: str) -> frozenset[str]:
        """The namespaces in which the present collector, or the last one, watches a source."""
        run = self.last_run()
        return frozenset(s.namespace for s in self._present_spans(run) if s.source == source) if run else frozenset()

    def holes(self, source: str, from_us: int, to_us: int) -> list[Hole]:
        """When ``source`` did not see everything between two times: nothing at all, not all namespaces, or not all
        events."""
        run = self.last_run()
        alive_from_us = run.started_us if run is not None and self.is_live(run) else to_us + 1
        rows = self.db.execute(
            "SELECT namespace, from_us, to_us + CASE WHEN growing AND from_us >= ? THEN ? ELSE 0 END, gone "
            "FROM coverage WHERE source = ? AND from_us <= ? AND (to_us >= ? OR id IN "
            "(SELECT max(id) FROM coverage WHERE source = ? AND namespace IN "
            "(SELECT namespace FROM coverage WHERE source = ? AND NOT gone) GROUP BY namespace))",
            (alive_from_us, 2 * HEARTBEAT_US, source, to_us + JOIN_US, from_us - JOIN_US - 2 * HEARTBEAT_US, source,
             source),
        )  # fmt: skip
        return [*holes(source, map(Watched._make, rows), from_us, to_us), *self._losses(source, from_us, to_us)]

    def _losses(self, source: str, from_us: int, to_us: int) -> list[Hole]:
        rows = self.db.execute(
            "SELECT namespaces, from_us, to_us, events FROM loss WHERE source = ? AND to_us >= ? AND from_us <= ? "
            "ORDER BY from_us",
            (source, from_us, to_us),
        )
        return [Hole(source, start, end, tuple(names.split()), events) for names, start, end, events in rows]

    def workloads(self, *, limit: int = 1000) -> list[KeptWorkload]:
        """What runs, and what ran, in the namespaces; the latest that began first."""
        rows = self.db.execute(f"SELECT {WORKLOAD_COLUMNS} FROM workload ORDER BY id DESC LIMIT ?", (limit,))  # noqa: S608
        return [workload_from(row) for row in rows]

    def alerts(self, *, open_only: bool = False, limit: int = -1) -> list[Alert]:
        """Alerts, open ones first, the most urgent and the latest on top."""
        rows = self.db.execute(
            f"SELECT {ALERT_COLUMNS} FROM alert WHERE NOT ? OR resolved_us IS NULL "  # noqa: S608
            "ORDER BY resolved_us IS NOT NULL, CASE urgency WHEN 'act now' THEN 0 WHEN 'today' THEN 1 ELSE 2 END, "
            "last_us DESC LIMIT ?",
            (open_only, limit),
        )
        return [alert_from(row) for row in rows]

    def connections(
        self,
        filter: Filter,
        from_us: int,
        to_us: int,
        *,
        destination_id: int | None = None,
        newest_first: bool = False,
        limit: int = -1,
    ) -> Iterator[ConnectionRow]:
        """Stream the connections that lived at some time between two times and match; in the order of their ids.

        Read in pages, so that whoever takes them slowly holds no transaction meanwhile.
        """
        condition, values = where(filter)
        beyond, order = ("<", "DESC") if newest_first else (">", "ASC")
        only = "" if destination_id is None else "AND destination_id = ? "
        sql = (
            f"SELECT {CONNECTION_COLUMNS} FROM recorded WHERE opened_us <= ? "  # noqa: S608
            f"AND last_seen_us >= CASE WHEN outcome IN ({OPEN_WORDS}) THEN ? ELSE ? END "
            f"{only}AND {condition} AND id {beyond} ? ORDER BY id {order} LIMIT ?"
        )
        given = [
            to_us,
            self._open_from(from_us),
            from_us,
            *([] if destination_id is None else [destination_id]),
            *values,
        ]
        reached, left = (_ID_MAX if newest_first else -1), (_ID_MAX if limit < 0 else limit)
        while left > 0:
            page = self.db.execute(sql, [*given, reached, min(left, PAGE_ROWS)]).fetchall()
            yield from map(connection_from, page)
            if len(page) < min(left, PAGE_ROWS):
                return
            reached, left = page[-1][0], left - len(page)

    def connections_to(
        self, ip: str | None, host: str | None, from_us: int, to_us: int, limit: int
    ) -> list[ConnectionRow]:
        """The latest connections to an address or a host (also as one of several candidates) between two times."""
        cursor = self.db.execute(
            f"SELECT {CONNECTION_COLUMNS} FROM recorded WHERE {_TO} ORDER BY id DESC LIMIT ?",  # noqa: S608
            [*self._to(ip, host, from_us, to_us), limit],
        )
        return list(map(connection_from, cursor))

    def count_connections_to(self, ip: str | None, host: str | None, from_us: int, to_us: int) -> int:
        """How many there are."""
        given = self._to(ip, host, from_us, to_us)
        return int(self.db.execute(f"SELECT count(*) FROM recorded WHERE {_TO}", given).fetchone()[0])  # noqa: S608

    def count_unnamed(self, from_us: int, to_us: int) -> int:
        """How many connections between two times stand under an address alone, whose name is not known."""
        given = self._to(None, None, from_us, to_us)[:3]
        sql = f"SELECT count(*) FROM recorded WHERE {_LIVED} AND host IS NULL AND candidates IS NULL"  # noqa: S608
        return int(self.db.execute(sql, given).fetchone()[0])

    def _to(self, ip: str | None, host: str | None, from_us: int, to_us: int) -> list[object]:
        return [to_us, self._open_from(from_us), from_us, pack(ip) if ip else None, host, host]

    def _open_from(self, from_us: int) -> int:
        """Since when an open connection must have been seen to live still at a time, since signs of life come late."""
        return from_us - 2 * HEARTBEAT_US if self.is_live(self.last_run()) else from_us

    def addresses(self, destination_id: int) -> list[AddressRow]:
        """The addresses under which a destination was seen, the latest first."""
        rows = self.db.execute(
            "SELECT ip, evidence, candidates, count(*), min(opened_us), max(last_seen_us) FROM recorded "
            "WHERE destination_id = ? GROUP BY ip, evidence, candidates ORDER BY max(last_seen_us) DESC LIMIT 50",
            (destination_id,),
        )
        return [AddressRow(unpack(r[0]), r[1], tuple((r[2] or "").split()), *r[3:]) for r in rows]

    def count_connections(self) -> int:
        """How many connections the roll-ups hold."""
        return int(self.db.execute("SELECT coalesce(sum(connections), 0) FROM minute").fetchone()[0])

    def allowlist_revision(self) -> int:
        """The number of the allowlist that was last in force; 0 before the first."""
        return int(self.db.execute("SELECT coalesce(max(id), 0) FROM allowlist_revision").fetchone()[0])

    def answers(self, *, host: str | None = None, ip: str | None = None, limit: int = 200) -> list[Answer]:
        """What our own look-ups gave for a name, or which names they gave for an address; the latest first."""
        rows = self.db.execute(
            "SELECT host, ip, from_us, until_us FROM answer WHERE (host = :host OR :host IS NULL) "
            "AND (ip = :ip OR :ip IS NULL) ORDER BY until_us DESC, ip LIMIT :limit",
            {"host": host, "ip": None if ip is None else pack(ip), "limit": limit},
        )
        return [Answer(r[0], unpack(r[1]), r[2], r[3]) for r in rows]


_LIVED = f"opened_us <= ? AND last_seen_us >= CASE WHEN outcome IN ({OPEN_WORDS}) THEN ? ELSE ? END"
_TO = f"{_LIVED} AND (ip = ? OR host = ? OR instr(' ' || candidates || ' ', ' ' || ? || ' ') > 0)"


def alert_from(row: Sequence[Any]) -> Alert:
    """An alert from its ``ALERT_COLUMNS``."""
    id, kind, cause, urgency, *rest = row
    return Alert(id, AlertKind(kind), cause, Urgency(urgency), *rest)


def workload_from(row: Sequence[Any]) -> KeptWorkload:
    """A workload from its ``WORKLOAD_COLUMNS``."""
    id, namespace, kind, container_id, container, role, image, project, described, pid, proxy, started, gone = row
    variables = tuple(msgspec.json.decode(proxy, type=list[tuple[str, str]]))
    told = Workload(namespace, WorkloadKind(kind), container_id, container, role, image, project, bool(described), pid,
                    variables, started)  # fmt: skip
    return KeptWorkload(id, told, gone)


def connection_from(row: Sequence[Any]) -> ConnectionRow:
    """A connection from its ``CONNECTION_COLUMNS``."""
    values = list(row)
    for place in _ADDRESSES:
        values[place] = unpack(values[place])
    values[_EXACT] = bool(values[_EXACT])
    values[_CANDIDATES] = tuple((values[_CANDIDATES] or "").split())
    return ConnectionRow(*values)


def _identity(path: Path) -> tuple[object, ...]:
    """Without a write-ahead log the file may be open as immutable, so a later change of it counts too."""
    try:
        found = path.stat()
    except OSError:
        return (None,)
    if path.with_name(path.name + "-wal").exists():
        return (found.st_dev, found.st_ino)
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
