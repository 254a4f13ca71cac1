"""Keep the hourly and minutely sums in step with the rows, by differences. Owns no transaction.

A connection counts in the hour and the minute in which it was first seen, under its present outcome; when the outcome
changes, it moves. So counts and bytes are exact in every commit and never need the rows again; ``first_us`` and
``last_us`` only widen, so that they may still tell of a connection that has moved away.
"""

import sqlite3
from collections import defaultdict
from dataclasses import dataclass
from typing import NamedTuple

from tui.history.schema import HOUR_US, MINUTE_US


class Counted(NamedTuple):
    """Where one connection stands in the sums."""

    destination: int
    facet: int
    opened_us: int
    last_us: int
    bytes_sent: int | None
    bytes_received: int | None
    failed: bool
    reached: bool


@dataclass(slots=True)
class _Sum:
    connections: int = 0
    bytes_sent: int | None = None
    bytes_received: int | None = None
    first_us: int = 2**62
    last_us: int = 0
    failed: int = 0
    failed_us: int | None = None
    reached_us: int | None = None

    def add(self, counted: Counted, sign: int) -> None:
        self.connections += sign
        self.bytes_sent = _plus(self.bytes_sent, counted.bytes_sent, sign)
        self.bytes_received = _plus(self.bytes_received, counted.bytes_received, sign)
        self.failed += sign * counted.failed
        if sign > 0:
            last_us = counted.last_us
            if counted.opened_us < self.first_us:
                self.first_us = counted.opened_us
            if last_us > self.last_us:
                self.last_us = last_us
            if counted.failed and last_us > (self.failed_us or 0):
                self.failed_us = last_us
            if counted.reached and last_us > (self.reached_us or 0):
                self.reached_us = last_us


def _plus(total: int | None, part: int | None, sign: int) -> int | None:
    return total if part is None else (total or 0) + sign * part


_HOUR = """
INSERT INTO hour (hour, destination, facet, connections, bytes_sent, bytes_received, first_us, last_us, failed,
    failed_us, reached_us, revision)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET connections = connections + excluded.connections,
    bytes_sent = coalesce(bytes_sent + excluded.bytes_sent, bytes_sent, excluded.bytes_sent),
    bytes_received = coalesce(bytes_received + excluded.bytes_received, bytes_received, excluded.bytes_received),
    first_us = min(first_us, excluded.first_us), last_us = max(last_us, excluded.last_us),
    failed = failed + excluded.failed,
    failed_us = nullif(max(coalesce(failed_us, 0), coalesce(excluded.failed_us, 0)), 0),
    reached_us = nullif(max(coalesce(reached_us, 0), coalesce(excluded.reached_us, 0)), 0),
    revision = excluded.revision
"""
_MINUTE = """
INSERT INTO minute (minute, facet, connections, bytes_sent, bytes_received) VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET connections = connections + excluded.connections,
    bytes_sent = coalesce(bytes_sent + excluded.bytes_sent, bytes_sent, excluded.bytes_sent),
    bytes_received = coalesce(bytes_received + excluded.bytes_received, bytes_received, excluded.bytes_received)
"""


class Differences:
    """The changes of one commit, summed before they are written."""

    def __init__(self) -> None:
        self._hours: defaultdict[tuple[int, int, int], _Sum] = defaultdict(_Sum)
        self._minutes: defaultdict[tuple[int, int], _Sum] = defaultdict(_Sum)

    def move(self, before: Counted | None, after: Counted | None) -> None:
        """Count ``after`` in the place of ``before``; None is nothing."""
        for counted, sign in ((before, -1), (after, 1)):
            if counted is not None:
                hour = counted.opened_us // HOUR_US
                self._hours[hour, counted.destination, counted.facet].add(counted, sign)
                self._minutes[counted.opened_us // MINUTE_US, counted.facet].add(counted, sign)

    def write(self, db: sqlite3.Connection, revision: int) -> None:
        """Add the differences to the stored sums, within the caller's transaction."""
        db.executemany(
            _HOUR,
            [
                (*key, s.connections, s.bytes_sent, s.bytes_received, s.first_us, s.last_us, s.failed, s.failed_us,
                 s.reached_us, revision)
                for key, s in self._hours.items()
            ],
        )  # fmt: skip
        db.executemany(
            _MINUTE,
            [(*key, s.connections, s.bytes_sent, s.bytes_received) for key, s in self._minutes.items()],
        )
