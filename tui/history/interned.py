"""The small tables of repeated parts: a tuple of values in, its row's id out."""

import sqlite3
from collections.abc import Sequence

Value = str | int | None
CACHED_ROWS = 50_000


class Interned:
    """One table whose rows are written once and then referred to by id."""

    def __init__(self, db: sqlite3.Connection, table: str, columns: Sequence[str]) -> None:
        """``table`` and ``columns`` are this program's own names, never outside text."""
        where = " AND ".join(f"{c} IS ?" for c in columns)
        marks = ", ".join("?" * len(columns))
        self._db = db
        self._select = f"SELECT id FROM {table} WHERE {where}"  # noqa: S608
        self._insert = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608
        self._ids: dict[tuple[Value, ...], int] = {}

    def id(self, *values: Value) -> int:
        """The id of the row with these values; it is inserted when there is none."""
        known = self._ids.get(values)
        if known is not None:
            return known
        row = self._db.execute(self._select, values).fetchone()
        number = int(row[0]) if row else self._db.execute(self._insert, values).lastrowid
        if number is None:
            raise sqlite3.DatabaseError("an inserted row has no id")
        if len(self._ids) >= CACHED_ROWS:
            self._ids.clear()
        self._ids[values] = number
        return number

    def forget(self) -> None:
        """Drop what is remembered, as after a rolled-back transaction."""
        self._ids.clear()
