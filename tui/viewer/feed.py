"""Look at the history in a thread of its own and hand the latest snapshot over. Paints nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Protocol

from tui.model.filter import Filter
from tui.viewer.snapshot import Follower, Snapshot

INTERVAL_S = 0.25
Clock = Callable[[], int]


def wall_clock_us() -> int:
    """Now, in microseconds since the epoch."""
    return time.time_ns() // 1000


class Feed(Protocol):
    """Where an app gets its snapshots from."""

    def start(self, arrived: Callable[[], None]) -> None:
        """Begin; ``arrived`` is called, from any thread, when there is something to take."""

    def ask(self, filter: Filter) -> None:
        """Look through another filter from now on."""

    def take(self) -> Snapshot | None:
        """The latest snapshot that was not taken yet."""

    def stop(self) -> None:
        """End."""


class ThreadFeed:
    """A feed that looks every quarter of a second. A screen that cannot keep up skips snapshots; none are queued."""

    def __init__(self, history: Path, clock: Clock = wall_clock_us, interval_s: float = INTERVAL_S) -> None:
        self._history = history
        self._clock = clock
        self._interval_s = interval_s
        self._wake, self._stopped, self._lock = Event(), Event(), Lock()
        self._filter = Filter()
        self._latest: Snapshot | None = None
        self._thread: Thread | None = None

    def start(self, arrived: Callable[[], None]) -> None:
        self._thread = Thread(target=self._run, args=(arrived,), name="history", daemon=True)
        self._thread.start()

    def ask(self, filter: Filter) -> None:
        self._filter = filter
        self._wake.set()

    def take(self) -> Snapshot | None:
        with self._lock:
            latest, self._latest = self._latest, None
        return latest

    def stop(self) -> None:
        self._stopped.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(2)

    def _run(self, arrived: Callable[[], None]) -> None:
        follower = Follower(self._history)
        while not self._stopped.is_set():
            snapshot = follower.look(self._clock(), self._filter)
            if snapshot is not None:
                with self._lock:
                    waiting, self._latest = self._latest is not None, snapshot
                if not waiting:
                    arrived()
            self._wake.wait(self._interval_s)
            self._wake.clear()
        follower.close()
