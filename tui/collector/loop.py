"""The life of a collector: its clock, its threads, its signals, its end. Decides nothing about connections.

Capture and SQLite each have a thread of their own, so that a slow disk does not delay a look, nor a look a commit.
"""

import asyncio
import os
import signal
import sqlite3
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from tui import __version__
from tui.allowlist.policy import Policy
from tui.capture.psutil_sockets import PsutilSockets
from tui.catalog import Catalogue
from tui.collector.alerts import AlertBook
from tui.collector.coverage import Coverage
from tui.collector.gaps import Gaps
from tui.collector.pipeline import SOCKETS, Pipeline
from tui.collector.rules_in_force import RulesInForce
from tui.collector.track import Tracker
from tui.config.errors import ConfigError
from tui.config.settings import Settings
from tui.history.batch import Batch, Run
from tui.history.errors import HistoryCorrupt, HistoryUnwritable
from tui.history.place import Holder, hold, identity, prepare
from tui.history.read import HEARTBEAT_US
from tui.history.resume import read_past
from tui.history.write import Writer, open_for_writing
from tui.model.person import who
from tui.names.forward import Lookups, Result
from tui.names.table import NameTable

COMMIT_EVERY_S = 0.2
RETRY_EVERY_S = 1.0
HISTORY = "history"


@dataclass(frozen=True, slots=True)
class CollectOptions:
    """What a collector is told."""

    history: Path
    settings: Settings
    catalogue: Catalogue
    policy: Policy
    kind: str
    for_s: float | None
    """Ends by itself after this many seconds; None: when it is told to."""


def collect(options: CollectOptions) -> None:
    """Record until told to stop (SIGTERM, SIGINT, SIGHUP) or until the time is over.

    :raises HistoryError: if the history cannot be written or another collector holds it
    """
    now_us = _now_us()
    until_us = now_us + round(options.for_s * 1_000_000) if options.for_s is not None else None
    user = who(os.environ)
    prepare(options.history)
    with hold(options.history, Holder(os.getpid(), options.kind, user, now_us, until_us, __version__)):
        db = open_for_writing(options.history)
        try:
            run = Run(0, now_us, now_us, None, until_us, options.kind, os.getpid(), user, __version__)
            asyncio.run(Collector(options, db, run).run())
        finally:
            db.close()


def _now_us() -> int:
    return time.time_ns() // 1000


def _say(text: str) -> None:
    print(f"retool-egress: {text}", file=sys.stderr, flush=True)  # noqa: T201


class Collector:
    """One run of recording."""

    def __init__(self, options: CollectOptions, db: sqlite3.Connection, run: Run) -> None:
        past = read_past(db, run.started_us)
        self._options = options
        self._run = replace(run, id=past.next_run)
        self._writer = Writer(db)
        self._rules = RulesInForce(options.policy, past.allowlist)
        self._source = PsutilSockets()
        self._namespace = self._source.namespace
        allowlist, error = self._rules.first()
        table = NameTable()
        for answer in past.answers:
            table.learn(answer)
        tracker = Tracker(past.next_connection, os.getpid(), past.namespaces)
        self._lookups = Lookups(options.settings.names.nameservers, self._learn)
        self._pipeline = Pipeline(
            tracker,
            table,
            options.catalogue,
            allowlist,
            AlertBook(past.alerts, past.next_alert),
            Coverage(past.next_coverage),
            lambda: self._lookups.settled,
        )
        self._pipeline.keep(self._rules.take_new())
        self._pipeline.resume(past.connections, self._namespace)
        if error is not None:
            self._keep_list(error)
        else:
            self._pipeline.use_allowlist(allowlist, run.started_us)
        self._identity = identity(options.history)
        self._gaps = Gaps(options.settings.sockets.interval_s)
        self._failed = Batch()
        self._failing = False
        self._beaten = 0.0
        self._stop = asyncio.Event()
        self._threads = (ThreadPoolExecutor(1, "capture"), ThreadPoolExecutor(1, "write"))

    async def run(self) -> None:
        """Record until the end."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
                loop.add_signal_handler(number, self._stop.set)
        if self._options.for_s is not None:
            loop.call_later(self._options.for_s, self._stop.set)
        self._follow_names()
        _say(f"recording into {self._options.history}; Ctrl+C ends it")
        commits = asyncio.create_task(self._commit_regularly())
        commits.add_done_callback(lambda _: self._stop.set())
        try:
            await self._look_regularly()
        finally:
            self._stop.set()
            await self._lookups.close()
            try:
                await commits
                await self._finish()
            finally:
                for thread in self._threads:
                    thread.shutdown(wait=True, cancel_futures=True)

    async def _finish(self) -> None:
        now_us = _now_us()
        self._pipeline.end(replace(self._run, seen_us=now_us, ended_us=now_us))
        await self._commit()
        if self._failing:
            raise HistoryUnwritable(
                f"the end of the record could not be written into {self._options.history}",
                "Free the disk or end the program that locks the file; what had been written before is safe.",
            )

    async def _look_regularly(self) -> None:
        interval_s = self._options.settings.sockets.interval_s
        while not self._stop.is_set():
            began = time.monotonic()
            self._mind_the_gap()
            await self._look()
            self._gaps.looked()
            self._reload_rules()
            await self._pause(max(0.0, interval_s - (time.monotonic() - began)))

    def _mind_the_gap(self) -> None:
        if self._gaps.jumped():
            self._pipeline.looked_away(SOCKETS)

    async def _look(self) -> None:
        try:
            with self._lookups.quiet():
                dump = await asyncio.get_running_loop().run_in_executor(self._threads[0], self._source.dump)
        except OSError as error:
            self._pipeline.source_stopped(SOCKETS, str(error), _now_us())
            return
        self._pipeline.source_works(SOCKETS, dump.at_us)
        self._pipeline.observe(dump, self._source.note(self._options.settings.sockets.interval_s, dump))

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            return

    def _learn(self, result: Result) -> None:
        self._pipeline.learn(result, self._namespace)

    def _follow_names(self) -> None:
        if not self._options.settings.names.forward:
            return
        allowed = (rule.host for rule in self._pipeline.allowlist.rules if rule.host and "*" not in rule.host)
        self._lookups.follow({*self._options.catalogue.exact_hosts(), *allowed})

    def _reload_rules(self) -> None:
        try:
            allowlist = self._rules.changed()
        except ConfigError as error:
            self._keep_list(error)
            return
        if allowlist is not None:
            self._pipeline.keep(self._rules.take_new())
            self._pipeline.use_allowlist(allowlist, _now_us())
            self._follow_names()
            _say(f"allowlist revision {allowlist.revision} is in force ({len(allowlist.rules)} rules)")

    def _keep_list(self, error: ConfigError) -> None:
        _say(f"{error}. The last good allowlist stays in force. {error.hint}")
        self._pipeline.keep_allowlist(error, _now_us())

    async def _commit_regularly(self) -> None:
        while not self._stop.is_set():
            await self._pause(RETRY_EVERY_S if self._failing else COMMIT_EVERY_S)
            self._pipeline.settle(_now_us())
            if time.monotonic() - self._beaten >= HEARTBEAT_US / 1_000_000:
                self._beat()
            await self._commit()
            self._refuse_a_lost_history()

    def _refuse_a_lost_history(self) -> None:
        if identity(self._options.history) != self._identity:
            raise HistoryUnwritable(
                f"{self._options.history} or its lock was moved, replaced or removed while recording",
                "What was recorded went with that file. Start again: retool-egress collect",
            )

    def _beat(self) -> None:
        self._beaten = time.monotonic()
        self._mind_the_gap()
        self._run = replace(self._run, seen_us=_now_us())
        self._pipeline.beat(self._run)

    async def _commit(self) -> None:
        batch = self._failed.under(self._pipeline.take())
        if not batch:
            return
        try:
            await asyncio.get_running_loop().run_in_executor(self._threads[1], self._writer.commit, batch)
        except sqlite3.OperationalError as error:
            self._failed = batch
            self._keep_trying(error)
            return
        except sqlite3.DatabaseError as error:
            raise HistoryCorrupt(
                f"{self._options.history} has become unsound while recording: {error}",
                f"Move it away and start again: mv {self._options.history} {self._options.history}.damaged",
            ) from error
        self._failed = Batch()
        if self._failing:
            self._failing = False
            _say("the history can be written again; nothing was lost")
            self._pipeline.source_works(HISTORY, _now_us())

    def _keep_trying(self, error: sqlite3.Error) -> None:
        if not self._failing:
            self._failing = True
            _say(f"the history cannot be written ({error}); recording goes on in memory until it can")
            self._pipeline.source_stopped(HISTORY, f"it could not be written: {error}", _now_us())
