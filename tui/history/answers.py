"""Which address had which name, in the history: written within a bound, so that no client's look-ups fill the disk."""

import sqlite3
from collections.abc import Collection

from tui.model.address import pack
from tui.model.answer import Answer

ANSWERS_MAX = 500_000
"""Answers that are kept; of more than these, those that ended longest ago go."""
CHECKED_EVERY = 10_000
"""How many may be written beyond the bound before that is enforced."""

_ANSWER = """
INSERT INTO answer (ip, namespace, host, evidence, from_us, until_us) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET until_us = excluded.until_us
"""
_DELETE = """
DELETE FROM answer WHERE (ip, namespace, host, evidence, from_us) IN
    (SELECT ip, namespace, host, evidence, from_us FROM answer ORDER BY until_us LIMIT ?)
"""


class Answers:
    """Writes answers within the caller's transaction."""

    def __init__(self, db: sqlite3.Connection, most: int = ANSWERS_MAX, every: int = CHECKED_EVERY) -> None:
        self._db = db
        self._most = most
        self._every = every
        self._at_most: int | None = None

    def write(self, answers: Collection[Answer]) -> None:
        """Write answers, and delete those that are too many."""
        rows = [(pack(a.ip), a.namespace, a.host, a.evidence, a.from_us, a.until_us) for a in answers]
        self._db.executemany(_ANSWER, rows)
        self._at_most = self._count() if self._at_most is None else self._at_most + len(rows)
        if self._at_most >= self._most + self._every:
            self._db.execute(_DELETE, (max(0, self._count() - self._most),))
            self._at_most = self._count()

    def forget(self) -> None:
        """Count anew, as after a rolled-back transaction."""
        self._at_most = None

    def _count(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM answer").fetchone()[0])
