"""Hand over what an import has read, a little ahead of whoever records it, and hear what became of it."""

import os
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import NamedTuple, Self

from tui import __version__
from tui.collector.assemble import CollectOptions
from tui.collector.chunks import Told
from tui.collector.narration import now_us, say
from tui.collector.spool import AHEAD, Spool, spool_path
from tui.history.errors import HistoryInUse, HistoryUnwritable
from tui.history.place import IMPORT, Holder, holder_of, prepare
from tui.model.person import who

POLL_S = 0.02
HOLDER_EVERY_S = 0.25
"""How often it is looked whether a collector holds the history."""
PATIENCE_S = 30.0
"""How long a collector may take nothing."""


class _Waiting(NamedTuple):
    number: int
    done: int
    """Bytes of the logs that are read and recorded once it is."""


class Handing:
    """One import. A collector that holds the history records it; where none does, this process holds it and records."""

    def __init__(self, options: CollectOptions, progress: Callable[[int], object]) -> None:
        """:param progress: told how many bytes of the logs are recorded"""
        self.new = 0
        self.known = 0
        self._options = options
        self._progress = progress
        self._waiting: deque[_Waiting] = deque()
        self._stack = ExitStack()
        self._record: Callable[[], bool] | None = None
        self._looked_s = 0.0
        self._moved_s = 0.0

    def __enter__(self) -> Self:
        """Begin.

        :raises HistoryError: if the history cannot be written, or another import runs
        :raises ConfigError: if nobody holds the history, and the allowlist cannot be used
        """
        history = self._options.history
        prepare(history)
        try:
            self._spool = Spool.begin(history)
        except BlockingIOError as error:
            raise HistoryInUse(
                f"another import into {history} runs", "Wait until it ends, or end it; an import may be repeated."
            ) from error
        except OSError as error:
            raise HistoryUnwritable(
                f"cannot write the folder {spool_path(history)}: {error.strerror}",
                f"See what it is: ls -ld {spool_path(history)}. Import with sudo, or into another --history FILE.",
            ) from error
        with ExitStack() as stack:
            stack.callback(self._spool.end)
            stack.callback(self._take_back)
            self._stack = stack
            self._take_over()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def put(self, path: str, told: list[Told], done: int) -> None:
        """Hand over requests of a log, after which so many bytes of all logs are done.

        :raises HistoryError: if nobody can record them
        """
        try:
            number = self._spool.put(path, told)
        except OSError as error:
            raise HistoryUnwritable(
                f"cannot write into {self._spool.path}: {error.strerror}",
                "Free the disk, and import again: nothing is doubled.",
            ) from error
        if not self._waiting:
            self._moved_s = time.monotonic()
        self._waiting.append(_Waiting(number, done))
        self._wait_for(AHEAD - 1)

    def finish(self) -> None:
        """Wait until all of it is recorded.

        :raises HistoryError: if nobody can record it
        """
        self._wait_for(0)

    def _wait_for(self, most: int) -> None:
        while len(self._waiting) > most:
            now_s = time.monotonic()
            if self._record is None and now_s - self._looked_s >= HOLDER_EVERY_S:
                self._looked_s = now_s
                self._take_over()
            if self._record is None or not self._record():
                time.sleep(POLL_S)
            self._hear()
            if self._waiting and now_s - self._moved_s >= PATIENCE_S:
                self._give_up()

    def _take_over(self) -> None:
        """Hold the history, if nobody does."""
        from tui.collector.importing import recorder

        if holder_of(self._options.history) is not None:
            return
        me = Holder(os.getpid(), IMPORT, who(os.environ), now_us(), None, __version__)
        try:
            self._record = self._stack.enter_context(recorder(self._options, me))
        except HistoryInUse:
            return
        if self._waiting:
            say("the collector has ended; this import goes on and records by itself")

    def _give_up(self) -> None:
        holder = holder_of(self._options.history)
        whose = f"process {holder.pid} ({holder.kind}, version {holder.version})" if holder else "nobody"
        raise HistoryInUse(
            f"{whose} holds {self._options.history} and records nothing of the import",
            "What is recorded stays. If it is of another version, end it, and import again: nothing is doubled.",
        )

    def _hear(self) -> None:
        while self._waiting:
            waiting = self._waiting[0]
            answer = self._spool.take_answer(waiting.number)
            if answer is None:
                return
            self._waiting.popleft()
            self._moved_s = time.monotonic()
            self.new += answer.new
            self.known += answer.known
            self._progress(waiting.done)
            if answer.fault:
                raise HistoryInUse(
                    f"whoever holds {self._options.history} refuses the import: {answer.fault}",
                    "If it is of another version, end it, and import again: nothing is doubled.",
                )

    def _take_back(self) -> None:
        for waiting in self._waiting:
            self._spool.take_back(waiting.number)
