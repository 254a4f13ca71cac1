"""Write what a pipeline has into the history, on a thread of its own; what cannot be written yet waits in memory."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

from tui.collector.importing import Known
from tui.collector.narration import now_us, say
from tui.collector.pipeline import Pipeline
from tui.history.batch import Batch
from tui.history.errors import HistoryCorrupt
from tui.history.write import Writer
from tui.proxylog.keys import RequestKey

HISTORY = "history"


class Commits:
    """One at a time."""

    def __init__(self, db: sqlite3.Connection, history: Path, pipeline: Pipeline) -> None:
        self.failing = False
        """True while the history cannot be written."""
        self._writer = Writer(db)
        self._history = history
        self._pipeline = pipeline
        self._failed = Batch()
        self._lock = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "write")

    async def commit(self) -> None:
        """Write what has changed.

        :raises HistoryCorrupt: if the history is unsound
        """
        async with self._lock:
            await self._commit()

    @asynccontextmanager
    async def knowing(self, keys: Iterable[RequestKey]) -> AsyncIterator[Known]:
        """Which of some requests are recorded or about to be; none becomes so before the pipeline has taken the others.

        :raises sqlite3.Error: if the history cannot be read now
        """
        async with self._lock:
            loop = asyncio.get_running_loop()
            written = await loop.run_in_executor(self._thread, self._writer.known, list(keys))
            yield written | self._failed.requests | self._pipeline.batch.requests

    def close(self, *, wait: bool) -> None:
        """End the thread."""
        self._thread.shutdown(wait=wait, cancel_futures=True)

    async def _commit(self) -> None:
        batch = self._failed.under(self._pipeline.take())
        if not batch:
            return
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._writer.commit, batch)
        except sqlite3.OperationalError as error:
            self._failed = batch
            self._keep_trying(error)
            return
        except sqlite3.DatabaseError as error:
            raise HistoryCorrupt(
                f"{self._history} has become unsound while recording: {error}",
                f"Move it away and start again: mv {self._history} {self._history}.damaged",
            ) from error
        self._failed = Batch()
        if self.failing:
            self.failing = False
            say("the history can be written again; nothing was lost")
            self._pipeline.source_works(HISTORY, now_us())

    def _keep_trying(self, error: sqlite3.Error) -> None:
        if not self.failing:
            self.failing = True
            say(f"the history cannot be written ({error}); recording goes on in memory until it can")
            self._pipeline.source_stopped(HISTORY, f"it could not be written: {error}", now_us())
