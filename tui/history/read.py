"""Ask a history. Every method is one query or few, holds no transaction between them, and returns frozen values."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from tui.history.batch import CoverageSpan, KeptWorkload, Run
from tui.history.columns import (
    ALERT_COLUMNS,
    ANSWER_COLUMNS,
    CONNECTION_COLUMNS,
    WORKLOAD_COLUMNS,
    alert_from,
    answer_from,
    connection_from,
    workload_from,
)
from tui.history.filter_sql import where
from tui.history.open import open_for_reading
from tui.history.place import holder_of
from tui.history.rows import AddressRow, ConnectionRow, Hole, Recording
from tui.history.spans import JOIN_US, Watched, holes
from tui.model.address import pack, unpack
from tui.model.alert import Alert
from tui.model.answer import Answer
from tui.model.connection import Evidence, Outcome
from tui.model.filter import Filter
from tui.model.source import log_of

HEARTBEAT_US = 5_000_000
"""How often a collector says in the history that it lives, and how far its spans reach."""
PAGE_ROWS = 1000
ADDRESSES_MAX = 50
NAMES_MAX = 500
_ID_MAX = 2**63 - 1

OPEN_WORDS = ", ".join(f"'{outcome.value}'" for outcome in Outcome if outcome.is_open)


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
            tuple(dict.fromkeys(s.note for s in spans if s.note and log_of(s.source) is None)),
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

    def coverage(self, from_us: int, to_us: int) -> list[CoverageSpan]:
        """The spans of every source and namespace that reach into a time; what is watched now, to the next sign of
        life."""
        rows = self.db.execute(
            f"SELECT id, source, namespace, from_us, {_REACHES}, note, growing, gone FROM coverage "  # noqa: S608
            "WHERE to_us >= ? AND from_us <= ?",
            (*self._growing(to_us), from_us - 2 * HEARTBEAT_US, to_us),
        )
        return [span for span in (CoverageSpan(*row) for row in rows) if span.to_us >= from_us]

    def notes(self, source: str, from_us: int, to_us: int) -> list[str]:
        """What the collectors of a time have noted of a source, most often what it could not do; the commonest first.

        What a collector has noted holds until the next one begins.
        """
        began = "coalesce((SELECT max(started_us) FROM run WHERE started_us <= ?), 0)"
        rows = self.db.execute(
            "SELECT note FROM coverage WHERE source = ? AND note <> '' "  # noqa: S608
            f"AND from_us BETWEEN min({began}, ?) AND ? GROUP BY note ORDER BY count(*) DESC, note",
            (source, from_us, from_us, to_us),
        )
        return [note for (note,) in rows]

    def _growing(self, to_us: int) -> tuple[int, int]:
        """Since when spans are those of a collector that lives, and how much further than it has said they reach."""
        run = self.last_run()
        return (run.started_us if run is not None and self.is_live(run) else to_us + 1), 2 * HEARTBEAT_US

    def holes(self, source: str, from_us: int, to_us: int) -> list[Hole]:
        """When ``source`` did not see everything between two times: nothing at all, not all namespaces, or not all
        events."""
        rows = self.db.execute(
            f"SELECT namespace, from_us, {_REACHES}, gone "  # noqa: S608
            "FROM coverage WHERE source = ? AND from_us <= ? AND (to_us >= ? OR id IN "
            "(SELECT max(id) FROM coverage WHERE source = ? AND namespace IN "
            "(SELECT namespace FROM coverage WHERE source = ? AND NOT gone) GROUP BY namespace))",
            (*self._growing(to_us), source, to_us + JOIN_US, from_us - JOIN_US - 2 * HEARTBEAT_US, source,
             source),
        )  # fmt: skip
        return [*holes(source, map(Watched._make, rows), from_us, to_us), *self._losses(source, from_us, to_us)]

    def _losses(self, source: str, from_us: int, to_us: int) -> list[Hole]:
        rows = self.db.execute(
            "SELECT namespaces, from_us, to_us, events, note FROM loss "
            "WHERE source = ? AND to_us >= ? AND from_us <= ? ORDER BY from_us",
            (source, from_us, to_us),
        )
        return [Hole(source, start, end, tuple(names.split()), *rest) for names, start, end, *rest in rows]

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
        to: tuple[int, str | None] | None = None,
        newest_first: bool = False,
        limit: int = -1,
    ) -> Iterator[ConnectionRow]:
        """Stream the connections that lived at some time between two times and match; in the order of their ids.

        ``to`` limits them to one destination, by its id, as one role uses it. Read in pages, so that whoever takes them
        slowly holds no transaction meanwhile.
        """
        condition, values = where(filter)
        beyond, order = ("<", "DESC") if newest_first else (">", "ASC")
        only = "" if to is None else "AND destination_id = ? AND role IS ? "
        sql = (
            f"SELECT {CONNECTION_COLUMNS} FROM recorded WHERE opened_us <= ? "  # noqa: S608
            f"AND last_seen_us >= CASE WHEN outcome IN ({OPEN_WORDS}) THEN ? ELSE ? END "
            f"{only}AND {condition} AND id {beyond} ? ORDER BY id {order} LIMIT ?"
        )
        given = [
            to_us,
            self._open_from(from_us),
            from_us,
            *(to or ()),
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
            f"SELECT {CONNECTION_COLUMNS} FROM recorded WHERE {_TO} ORDER BY opened_us DESC, id DESC LIMIT ?",  # noqa: S608
            [*self._to(ip, host, from_us, to_us), limit],
        )
        return list(map(connection_from, cursor))

    def count_connections_to(self, ip: str | None, host: str | None, from_us: int, to_us: int) -> int:
        """How many there are."""
        given = self._to(ip, host, from_us, to_us)
        return int(self.db.execute(f"SELECT count(*) FROM recorded WHERE {_TO}", given).fetchone()[0])  # noqa: S608

    def earliest_us(self) -> int | None:
        """When the first of all connections was opened, imported ones too; None if there is none."""
        found: int | None = self.db.execute("SELECT min(opened_us) FROM connection").fetchone()[0]
        return found

    def count_unnamed(self, from_us: int, to_us: int) -> int:
        """How many connections between two times stand under an address alone, whose name is not known."""
        given = self._to(None, None, from_us, to_us)[:3]
        sql = f"SELECT count(*) FROM recorded WHERE {_LIVED} AND host IS NULL AND candidates IS NULL"  # noqa: S608
        return int(self.db.execute(sql, given).fetchone()[0])

    def count_veiled(self, from_us: int, to_us: int) -> int:
        """How many connections between two times went through a proxy of which nothing has told where to."""
        given = [*self._to(None, None, from_us, to_us)[:3], Evidence.CONNECT, Evidence.PROXY]
        veiled = "via IS NOT NULL AND coalesce(evidence, '') NOT IN (?, ?)"
        return int(
            self.db.execute(f"SELECT count(*) FROM recorded WHERE {_LIVED} AND {veiled}", given).fetchone()[0]  # noqa: S608
        )

    def _to(self, ip: str | None, host: str | None, from_us: int, to_us: int) -> list[object]:
        return [to_us, self._open_from(from_us), from_us, pack(ip) if ip else None, host, host]

    def _open_from(self, from_us: int) -> int:
        """Since when an open connection must have been seen to live still at a time, since signs of life come late."""
        return from_us - 2 * HEARTBEAT_US if self.is_live(self.last_run()) else from_us

    def addresses(
        self, destination_id: int, role: str | None = None, *, of_role: bool = False
    ) -> list[AddressRow]:  # fmt: skip
        """The addresses under which a destination was seen, the latest first; with ``of_role`` by that role alone."""
        rows = self.db.execute(
            "SELECT ip, evidence, candidates, claim, is_outer, count(*), min(opened_us), max(last_seen_us), source, "
            "via FROM recorded WHERE destination_id = ? AND (NOT ? OR role IS ?) "
            "GROUP BY ip, evidence, candidates, claim, is_outer, source, via ORDER BY max(last_seen_us) DESC LIMIT ?",
            (destination_id, of_role, role, ADDRESSES_MAX),
        )
        return [
            AddressRow(unpack(r[0]), r[1], tuple((r[2] or "").split()), r[3], bool(r[4]), *r[5:]) for r in rows
        ]  # fmt: skip

    def count_connections(self) -> int:
        """How many connections the roll-ups hold."""
        return int(self.db.execute("SELECT coalesce(sum(connections), 0) FROM minute").fetchone()[0])

    def allowlist_revision(self) -> int:
        """The number of the allowlist that was last in force; 0 before the first."""
        return int(self.db.execute("SELECT coalesce(max(id), 0) FROM allowlist_revision").fetchone()[0])

    def answers(self, *, host: str | None = None, ip: str | None = None, limit: int = 200) -> list[Answer]:
        """What our own look-ups gave for a name, or which names they gave for an address; the latest first."""
        asked = {"host": host, "ip": None if ip is None else pack(ip)}
        given = {column: value for column, value in asked.items() if value is not None}
        condition = "".join(f" AND {column} = :{column}" for column in given)
        rows = self.db.execute(
            f"SELECT {ANSWER_COLUMNS} FROM answer WHERE evidence = :evidence{condition} "  # noqa: S608
            "ORDER BY until_us DESC, ip LIMIT :limit",
            {**given, "evidence": Evidence.FORWARD, "limit": limit},
        )
        return list(map(answer_from, rows))

    def names_of(self, ips: Sequence[str], from_us: int, until_us: int) -> list[Answer]:
        """The names that at most ``ADDRESSES_MAX`` addresses had at some time between two times, whoever was told so
        and however it is known; the latest first, and at most ``NAMES_MAX``."""
        packed = [pack(ip) for ip in ips[:ADDRESSES_MAX]]
        marks = ",".join("?" * len(packed))
        rows = self.db.execute(
            f"SELECT {ANSWER_COLUMNS} FROM answer WHERE ip IN ({marks}) AND from_us <= ? AND until_us >= ? "  # noqa: S608
            "ORDER BY until_us DESC, host, ip LIMIT ?",
            [*packed, until_us, from_us, NAMES_MAX],
        )
        return list(map(answer_from, rows))

    def is_looked_up(self, host: str) -> bool:
        """True if an address of this name is known from a look-up, by us or by a namespace."""
        row = self.db.execute("SELECT 1 FROM answer WHERE host = ? AND evidence <> ? LIMIT 1", (host, Evidence.REVERSE))
        return row.fetchone() is not None


_REACHES = "to_us + CASE WHEN growing AND from_us >= ? THEN ? ELSE 0 END"
_LIVED = f"opened_us <= ? AND last_seen_us >= CASE WHEN outcome IN ({OPEN_WORDS}) THEN ? ELSE ? END"
_TO = f"{_LIVED} AND (ip = ? OR host = ? OR instr(' ' || candidates || ' ', ' ' || ? || ' ') > 0)"


def _identity(path: Path) -> tuple[object, ...]:
    """Without a write-ahead log the file may be open as immutable, so a later change of it counts too."""
    try:
        found = path.stat()
    except OSError:
        return (None,)
    if path.with_name(path.name + "-wal").exists():
        return (found.st_dev, found.st_ino)
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
