"""What every reader must know of a history's schema: its version, and the numbers that stand for words.

The tables themselves are made in ``migrations``, which only the collector loads.
"""

import sqlite3
from pathlib import Path

from tui.history.errors import HistoryCorrupt, HistoryNewer
from tui.model.connection import Outcome
from tui.model.text import clean

MIGRATION_SET = "retool-egress"
MIGRATIONS = ("m001_first", "m002_every_namespace", "m003_names", "m004_proxy_logs")
"""The names of this version's migrations, oldest first."""

OUTCOMES = tuple(Outcome)
"""Outcomes are kept as their place in this tuple; only ever append."""

OPEN = ", ".join(str(place) for place, outcome in enumerate(OUTCOMES) if outcome.is_open)
"""The numbers of what has not ended, as an SQL list."""
MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US

_APPLIED = "_sqlite_migrations"
"""Where sqlite-utils notes the migrations that were applied."""


def schema_version() -> int:
    """How many migrations this version knows: the number that status and reports quote."""
    return len(MIGRATIONS)


def applied(db: sqlite3.Connection) -> set[str]:
    """The names of the migrations that a file has seen; none if it is no history."""
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (_APPLIED,)).fetchone():
        return set()
    rows = db.execute(f"SELECT name FROM {_APPLIED} WHERE migration_set = ?", (MIGRATION_SET,))  # noqa: S608
    return {str(row[0]) for row in rows}


def refuse_strange(db: sqlite3.Connection, path: Path) -> None:
    """Check that a file is empty or a history of a version that is known here. Writes nothing.

    :raises HistoryCorrupt: if it is a database of another program
    :raises HistoryNewer: if a later version of the program has written it
    """
    seen = applied(db)
    ahead = seen - set(MIGRATIONS)
    if ahead:
        raise HistoryNewer(
            f"this history was written by a later version of retool-egress (its schema has {max(ahead)})",
            "Upgrade retool-egress on this host, or name another file with --history.",
        )
    other = db.execute("SELECT min(name) FROM sqlite_master WHERE type = 'table' AND name <> ?", (_APPLIED,)).fetchone()
    if other[0] is not None and not seen:
        raise HistoryCorrupt(
            f"{path} is a database of another program (it has a table {clean(str(other[0]), 40)})",
            "Nothing was changed in it. Name another file with --history FILE.",
        )
