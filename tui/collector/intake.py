"""Have the pipeline take in what no source sees: lines of the logs that are followed, and what imports hand over.

Each reads on a thread of its own, so that a slow file system delays neither a look nor a commit.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from tui.collector.chunks import Answer, Chunk
from tui.collector.commits import Commits
from tui.collector.importing import Importing, keys_of, take
from tui.collector.logs import POLL_S, FollowedLog, LogRead
from tui.collector.narration import now_us
from tui.collector.pipeline import Pipeline
from tui.collector.waiting import pause

FIRST_LOOK_S = 2.0
"""How long the first lines wait for it to be known who lives where."""
IMPORT_EVERY_S = 0.5
"""How often it is looked whether something is imported."""
NEXT_CHUNK_S = 0.02
"""How soon the next chunk is looked for after one; then ever later."""
RETRY_EVERY_S = 1.0
LOOK_S = 3.0
"""How long a look at one log is waited for, and holds up the others: its file system may never answer."""


class _Threaded:
    """One log with the thread that reads it: what hangs holds up nothing else."""

    def __init__(self, log: FollowedLog) -> None:
        self.log = log
        self._thread = ThreadPoolExecutor(1, "log")
        self._look: asyncio.Future[LogRead | None] | None = None
        """A look that took too long."""

    @property
    def is_stuck(self) -> bool:
        """True while a look does not come back."""
        return self._look is not None and not self._look.done()

    async def look(self) -> LogRead | None:
        """What is new; None for nothing, and while a look does not come back after that was told."""
        if self.is_stuck:
            return None
        late, self._look = self._look, None
        if late is not None:
            self.log.tell_again()
            read = late.result()
            if read is not None:
                return read
        look = asyncio.get_running_loop().run_in_executor(self._thread, self.log.look)
        await asyncio.wait((look,), timeout=LOOK_S)
        if look.done():
            return look.result()
        self._look = look
        return self.log.stuck()

    def close(self, *, wait: bool) -> None:
        """Let go of the files and end the thread, unless it hangs."""
        if not self.is_stuck:
            self.log.close()
        self._thread.shutdown(wait=wait and not self.is_stuck, cancel_futures=True)


class LogIntake:
    """Follows the logs of proxies, one after the other."""

    def __init__(
        self, logs: Iterable[FollowedLog], pipeline: Pipeline, commits: Commits, stop: asyncio.Event,
        changed: asyncio.Event,
    ) -> None:  # fmt: skip
        """``changed`` is set when there is something to commit."""
        self.placed = asyncio.Event()
        """To be set when the addresses of the namespaces are known, as far as the source tells them."""
        self._logs = [_Threaded(log) for log in logs]
        self._pipeline = pipeline
        self._commits = commits
        self._stop = stop
        self._changed = changed
        self._early: list[LogRead] = []

    @property
    def is_stuck(self) -> bool:
        """True if a look at a log does not come back: its thread cannot be waited for."""
        return any(each.is_stuck for each in self._logs)

    async def open(self) -> None:
        """Where the logs begin to be followed is on disk with this; lines that are there already wait for ``run``."""
        looks = await asyncio.gather(*(each.look() for each in self._logs))
        reads = [read for read in looks if read is not None]
        await self._tell(read for read in reads if not read.requests)
        await self._commits.commit()
        self._early = [read for read in reads if read.requests]

    async def run(self) -> None:
        """Tell lines as they come, until it is time to stop; more than one look takes in wait for the next one.

        While the history cannot be written the logs themselves keep their lines, so that they need no memory.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FIRST_LOOK_S if self._logs else 0):
                await self.placed.wait()
        reads = self._early
        while self._logs and not self._stop.is_set():
            await self._tell(reads)
            if self._pipeline.batch:
                self._changed.set()
            if not any(read.lag for read in reads):
                await pause(POLL_S, self._stop)
            while self._commits.failing and not self._stop.is_set():
                await pause(POLL_S, self._stop)
            reads = await self._look()
        await self._stop.wait()

    def close(self, *, wait: bool) -> None:
        """Let go of the logs and end the threads."""
        for each in self._logs:
            each.close(wait=wait)

    async def _look(self) -> list[LogRead]:
        reads = [await each.look() for each in self._logs]
        return [read for read in reads if read is not None]

    async def _tell(self, reads: Iterable[LogRead]) -> None:
        """What an import has told already is left out. What could not be told is read again by the next collector."""
        for read in reads:
            while not await self._is_told(read):
                await pause(RETRY_EVERY_S, self._stop)
                if self._stop.is_set():
                    return

    async def _is_told(self, read: LogRead) -> bool:
        try:
            async with self._commits.knowing(read.keys) as known:
                self._pipeline.logged(read.without(known))
        except sqlite3.Error:  # what a commit makes of it is the answer
            return False
        return True


class ImportIntake:
    """Takes what an import hands over, a chunk at a time; each is committed before the next is looked for."""

    def __init__(self, importing: Importing, pipeline: Pipeline, commits: Commits, stop: asyncio.Event) -> None:
        self._importing = importing
        self._pipeline = pipeline
        self._commits = commits
        self._stop = stop
        self._thread = ThreadPoolExecutor(1, "import")

    async def run(self) -> None:
        """Do so until it is time to stop."""
        loop, wait_s = asyncio.get_running_loop(), IMPORT_EVERY_S
        while not self._stop.is_set():
            chunk = await loop.run_in_executor(self._thread, self._importing.next)
            if chunk is None:
                await pause(wait_s, self._stop)
                wait_s = min(2 * wait_s, IMPORT_EVERY_S)
            else:
                await self._import(chunk)
                wait_s = NEXT_CHUNK_S

    def close(self, *, wait: bool) -> None:
        """End the thread."""
        self._thread.shutdown(wait=wait, cancel_futures=True)

    async def _import(self, chunk: Chunk) -> None:
        answer = await self._take(chunk)
        if answer is None:
            await pause(RETRY_EVERY_S, self._stop)
            return
        await self._commits.commit()
        while self._commits.failing and not self._stop.is_set():
            await pause(RETRY_EVERY_S, self._stop)
        if not self._commits.failing:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._thread, self._importing.done, chunk, answer)

    async def _take(self, chunk: Chunk) -> Answer | None:
        try:
            async with self._commits.knowing(keys_of(chunk)) as known:
                return take(chunk, known, self._pipeline, now_us())
        except sqlite3.Error:  # what a commit makes of it is the answer
            return None
