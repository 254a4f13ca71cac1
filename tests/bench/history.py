"""What the record costs: ``python -m tests.bench.history [ROWS]`` (1,000,000 unless told, about a minute).

Rows go in as a busy collector commits them, and the screens' questions are asked of the result, beside a plain table
with the same columns as text and an index on the time, asked the same with GROUP BY, in the same run.
"""

import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from tests.bench.table import Measured, print_table
from tui.history.batch import Batch
from tui.history.read import Reader
from tui.history.sums import activity, destinations, last_seen
from tui.history.write import Writer, open_for_writing
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
from tui.model.filter import Filter
from tui.output.export import export_rows

START_US = 1_790_000_000_000_000
STEP_US = 40_000
BATCH = 2000
OURS, PLAIN = "retool-egress", "one plain table"
ROLES = ("api", "jobs-runner", "workflows-worker", "code-executor")


def made_up(count: int) -> Iterator[Connection]:
    """Connections of four roles to 500 destinations, 40 ms apart."""
    chance = random.Random(1)
    for id in range(1, count + 1):
        place = chance.randrange(500)
        role = ROLES[place % 4]
        opened_us = START_US + id * STEP_US
        allowed = Verdict.ALLOWED if place % 5 else Verdict.OFF_ALLOWLIST
        yield Connection(
            id, opened_us, True, opened_us + 9_000, opened_us + 9_000, "sockets", "tcp",
            Endpoint("10.0.0.5", 32768 + id % 28000), Endpoint(f"203.0.{place // 250}.{place % 250}", 443),
            Origin("net:[1]", role), Process(100 + place % 4, "node", "retool", START_US),
            Name(f"host{place}.example.net", Evidence.SNI), Label("Your resources"),
            Judgement(allowed, f"allow host{place}.example.net:443", 1, ""), Outcome.CLOSED, 900, 5000, None,
            Recorded.LIVE,
        )  # fmt: skip


def write_ours(path: Path, count: int) -> float:
    """Seconds that the writer takes."""
    batch, spent = Batch(), 0.0
    writer = Writer(open_for_writing(path))
    for connection in made_up(count):
        batch.connections[connection.id] = (connection, True)
        if len(batch.connections) == BATCH or connection.id == count:
            began = time.perf_counter()
            writer.commit(batch)
            spent += time.perf_counter() - began
            batch = Batch()
    writer.close()
    return spent


def write_plain(path: Path, rows: Iterator[Mapping[str, object]]) -> float:
    """Seconds that a plain table takes for the same rows, batch by batch."""
    db, spent, batch, columns = sqlite3.connect(path, isolation_level=None), 0.0, [], ""
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    for row in rows:
        if not columns:
            columns = ", ".join(row)
            db.execute(f"CREATE TABLE connection ({columns})")
            db.execute("CREATE INDEX opened ON connection (opened_at)")
        batch.append(tuple(str(v) if isinstance(v, tuple) else v for v in row.values()))
        if len(batch) == BATCH:
            began = time.perf_counter()
            db.execute("BEGIN")
            db.executemany(f"INSERT INTO connection VALUES ({', '.join('?' * len(row))})", batch)
            db.execute("COMMIT")
            spent += time.perf_counter() - began
            batch = []
    db.close()
    return spent


def fetch(db: sqlite3.Connection, sql: str) -> list[object]:
    """All rows of a question."""
    return db.execute(sql).fetchall()


def median_ms(work: Callable[[], object]) -> float:
    """The median of five runs, in milliseconds."""
    times = []
    for _ in range(5):
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) * 1000)
    return sorted(times)[2]


def main(count: int) -> None:
    """Write, ask, print."""
    with tempfile.TemporaryDirectory() as directory:
        ours, plain = Path(directory) / "history.db", Path(directory) / "plain.db"
        our_s = write_ours(ours, count)
        reader = Reader(ours)
        exported = export_rows(reader.connections(Filter.parse(""), 0, 2**62), "node", "id")
        plain_s = write_plain(plain, exported)
        db = sqlite3.connect(plain)
        until_us = START_US + count * STEP_US
        from_us = until_us - 24 * 3600 * 1_000_000
        nothing, some = Filter.parse(""), Filter.parse("process:node ip:203.0.1.0/24")
        by_destination = (
            "SELECT host, port, role, count(*), sum(bytes_sent), max(last_seen_at) FROM connection GROUP BY 1, 2, 3"
        )
        by_minute = "SELECT substr(opened_at, 1, 16), category, count(*) FROM connection GROUP BY 1, 2"
        filtered = by_destination.replace("GROUP", "WHERE process = 'node' AND ip LIKE '203.0.1.%' GROUP")
        asked = {
            "destinations": (by_destination, lambda: destinations(reader, nothing, from_us, until_us)),
            "destinations, filtered": (filtered, lambda: destinations(reader, some, from_us, until_us)),
            "sparkline": (by_minute, lambda: activity(reader, until_us - 3_600_000_000, until_us, 2)),
        }
        rows = [
            Measured(PLAIN, "rows written a second", count / plain_s, "rows/s"),
            Measured(OURS, "rows written a second", count / our_s, "rows/s"),
            Measured(PLAIN, "file, indexes included", plain.stat().st_size / count, "bytes/row"),
            Measured(OURS, "file, indexes included", ours.stat().st_size / count, "bytes/row"),
        ]
        for what, (sql, ask) in asked.items():
            rows.append(Measured(PLAIN, what, median_ms(partial(fetch, db, sql)), "ms"))
            rows.append(Measured(OURS, what, median_ms(ask), "ms"))
        rows.append(Measured(OURS, "last seen of every category", median_ms(lambda: last_seen(reader)), "ms"))
        print_table(rows, PLAIN)
        reader.close()
        db.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
