"""A history as version 2 of the schema has it: made by its two migrations and by the statements of that time."""

import sqlite3
from pathlib import Path

from sqlite_utils import Database

from tests.history.sample import HOUR_US, SECOND_US, START_US
from tui.history import place
from tui.history.migrations import migrations
from tui.model.address import pack

API = "net:[1]"
LICENSING, ALONE = "203.0.113.10", "203.0.113.77"
LAST_US = START_US + HOUR_US
ANSWERS = (
    ("licensing.tryretool.com", LICENSING, START_US, LAST_US),
    ("licensing.tryretool.com", "2001:db8::10", START_US + SECOND_US, LAST_US),
    ("p.tryretool.com", LICENSING, START_US, START_US + SECOND_US),
)
"""Host, address, from, until: our own look-ups, which were all that was kept."""


def make(path: Path) -> None:
    """A history of one hour: an open connection to a name, and one that was refused by an address alone."""
    place.prepare(path)
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    migrations.apply(Database(db), stop_before="m003_names")
    first = {"history_id": "5f0f", "created_us": START_US, "revision": 41, "node": "prod-1"}
    db.executemany("INSERT INTO meta (key, value) VALUES (?, ?)", first.items())
    db.execute("INSERT INTO run VALUES (1, 41, ?, ?, NULL, NULL, 'service', 99, 'ana', '0.1.0')", (START_US, LAST_US))
    db.execute("INSERT INTO coverage VALUES (1, 41, 'sockets', ?, ?, ?, 1, '', 0)", (API, START_US, LAST_US))
    db.executemany(
        "INSERT INTO answer (host, ip, from_us, until_us) VALUES (?, ?, ?, ?)",
        [(host, pack(ip), from_us, until_us) for host, ip, from_us, until_us in ANSWERS],
    )
    db.executemany("INSERT INTO destination VALUES (?, ?, 443, ?)", [(1, "licensing.tryretool.com", 1), (2, ALONE, 0)])
    db.execute("INSERT INTO origin VALUES (1, ?, 'api', NULL, NULL)", (API,))
    db.execute("INSERT INTO process VALUES (1, 4711, 'node', 'retool', ?)", (START_US,))
    db.executemany(
        "INSERT INTO judgement VALUES (?, ?, ?, ?, NULL, ?, NULL, 1)",
        [(1, "License checks", "licensing", "forward", "allowed"), (2, "Not recognised", None, None, "off-allowlist")],
    )
    db.execute("INSERT INTO route VALUES (1, 'sockets', 'tcp', NULL, 'live')")
    db.executemany(
        "INSERT INTO connection VALUES (?, 40, ?, 1, ?, ?, ?, 1, 1, ?, 1, ?, ?, ?, ?, 7, 9)",
        [
            (1, START_US, None, START_US, 1, 1, 0, pack("172.18.0.5"), 40_001, pack(LICENSING)),
            (2, START_US, LAST_US, LAST_US, 2, 2, 2, pack("172.18.0.5"), 40_002, pack(ALONE)),
        ],
    )
    db.execute("INSERT INTO counter VALUES (1, 70, 90)")
    db.close()
