"""A history as version 1 of the schema has it: made by the first migration alone and by the statements of that time."""

import sqlite3
from pathlib import Path

from sqlite_utils import Database

from tests.history.sample import HOUR_US, MINUTE_US, SECOND_US, START_US
from tui.history import place
from tui.history.migrations import migrations
from tui.model.address import pack

OPEN, CLOSED, REFUSED, UNKNOWN = 0, 1, 2, 9
WORDS = {OPEN: "open", CLOSED: "closed", REFUSED: "refused", UNKNOWN: "unknown"}
API, WORKER = "net:[1]", "net:[2]"
HOLE = (START_US + 20 * MINUTE_US, START_US + 30 * MINUTE_US)
CONNECTIONS = (
    (1, START_US + SECOND_US, OPEN, 1),
    (2, START_US + 2 * SECOND_US, CLOSED, 1),
    (3, START_US + 3 * SECOND_US, CLOSED, 1),
    (4, START_US + MINUTE_US, REFUSED, 1),
    (5, START_US + HOUR_US, UNKNOWN, 2),
)
"""Id, opened, outcome, destination."""
LAST_US = START_US + HOUR_US + MINUTE_US


def make(path: Path) -> None:
    """A history of one hour and a minute with a hole, five connections to two destinations, and an open alert."""
    place.prepare(path)
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    migrations.apply(Database(db), stop_before="m002_every_namespace")
    db.execute("DELETE FROM outcome WHERE word = 'unanswered'")
    first = {"history_id": "5f0f", "created_us": START_US, "revision": 41, "node": "prod-1"}
    db.executemany("INSERT INTO meta (key, value) VALUES (?, ?)", first.items())
    db.execute(
        "INSERT INTO run VALUES (1, 41, ?, ?, NULL, NULL, 'service', 99, 'ana', '0.1.0')",
        (START_US, LAST_US),
    )
    db.executemany(
        "INSERT INTO coverage VALUES (?, 41, 'sockets', ?, ?, ?, ?, '')",
        [(1, API, START_US, HOLE[0], 0), (2, API, HOLE[1], LAST_US, 1)],
    )
    db.execute("INSERT INTO allowlist_revision VALUES (1, ?, 'print', '[]')", (START_US,))
    db.executemany(
        "INSERT INTO destination VALUES (?, ?, 443, ?)",
        [(1, "licensing.tryretool.com", 1), (2, "203.0.113.77", 0)],
    )
    db.executemany("INSERT INTO origin VALUES (?, ?, ?, NULL, NULL)", [(1, API, "api"), (2, WORKER, None)])
    db.execute("INSERT INTO process VALUES (1, 4711, 'node', 'retool', ?)", (START_US - HOUR_US,))
    db.executemany(
        "INSERT INTO judgement VALUES (?, ?, ?, ?, NULL, ?, NULL, 1)",
        [(1, "License checks", "licensing", "forward", "allowed"), (2, "Not recognised", None, None, "off-allowlist")],
    )
    db.execute("INSERT INTO route VALUES (1, 'sockets', 'tcp', NULL, 'live')")
    _connect(db)
    db.execute(
        "INSERT INTO alert VALUES (1, 40, 'off-allowlist', 'cause', 'act now', 'summary', NULL, '203.0.113.77', 443, "
        "1, ?, ?, NULL, NULL)",
        (START_US + HOUR_US, START_US + HOUR_US),
    )
    db.close()


def _connect(db: sqlite3.Connection) -> None:
    facets: dict[tuple[int, int], int] = {}
    for id, at_us, outcome, destination in CONNECTIONS:
        closed_us = at_us + SECOND_US if outcome in (CLOSED, REFUSED) else None
        db.execute(
            "INSERT INTO connection VALUES (?, 40, ?, 0, ?, ?, ?, ?, 1, ?, 1, ?, ?, ?, ?, NULL, NULL)",
            (id, at_us, closed_us, closed_us or at_us, destination, destination, destination, outcome,
             pack("172.18.0.5"), 40_000 + id, pack("203.0.113.77")),
        )  # fmt: skip
        key = (destination, outcome)
        if key not in facets:
            facets[key] = len(facets) + 1
            role, category, verdict = (("api", "License checks", "allowed"), (None, "Not recognised", "off-allowlist"))[
                destination - 1
            ]
            db.execute(
                "INSERT INTO facet VALUES (?, ?, ?, ?, ?)", (facets[key], role, category, verdict, WORDS[outcome])
            )
        last_us = closed_us or at_us
        db.execute(
            "INSERT INTO hour VALUES (?, ?, ?, 1, NULL, NULL, ?, ?, 40) ON CONFLICT DO UPDATE SET "
            "connections = connections + 1, last_us = max(last_us, excluded.last_us)",
            (at_us // HOUR_US, destination, facets[key], at_us, last_us),
        )
        db.execute(
            "INSERT INTO minute VALUES (?, ?, 1, NULL, NULL) ON CONFLICT DO UPDATE SET connections = connections + 1",
            (at_us // MINUTE_US, facets[key]),
        )
