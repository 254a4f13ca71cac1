"""The life of a collector: its clock, its threads, its signals, its end. Decides nothing about connections.

Capture and SQLite each have a thread of their own, so that a slow disk does not delay a look, nor a look a commit.
"""

import asyncio
import contextlib
import gc
import os
import signal
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from tui import __version__
from tui.capture.own import OwnSockets
from tui.collector.assemble import CollectOptions, allow_descriptors, logs_of, pipeline_of, source_of
from tui.collector.commits import Commits
from tui.collector.gaps import LONGEST_S, Gaps, booted_us
from tui.collector.importing import Importing
from tui.collector.intake import ImportIntake, LogIntake
from tui.collector.narration import now_us, say
from tui.collector.past import cadence_hosts
from tui.collector.pipeline import SOCKETS
from tui.collector.rules_in_force import RulesInForce
from tui.collector.waiting import heard_or_due, pause
from tui.config.errors import ConfigError
from tui.history.batch import Run
from tui.history.errors import HistoryUnwritable
from tui.history.place import Holder, hold, identity, prepare
from tui.history.read import HEARTBEAT_US
from tui.history.resume import read_past
from tui.history.write import open_for_writing
from tui.model.host import is_host
from tui.model.observation import Sighting
from tui.model.person import who
from tui.names.forward import Lookups, Result
from tui.names.reverse import Pointed, Reverse

TICK_S = 0.02
"""How long events gather before they are read: being woken for each costs ten times as much."""
COMMIT_EVERY_S = 0.4
GARBAGE = (100_000, 20, 100)
"""How many new objects there may be before cycles are looked for (gc.set_threshold): a storm makes no cycles."""
IDLE_S = 1.0
RETRY_EVERY_S = 1.0
LAST_LOOK_S = 3.0
"""How long an end waits for a look that is under way: what it reads may be made never to answer."""


def collect(options: CollectOptions) -> None:
    """Record until told to stop (SIGTERM, SIGINT, SIGHUP) or until the time is over.

    :raises HistoryError: if the history cannot be written or another collector holds it
    """
    allow_descriptors()
    began_us = now_us()
    until_us = began_us + round(options.for_s * 1_000_000) if options.for_s is not None else None
    user = who(os.environ)
    prepare(options.history)
    with hold(options.history, Holder(os.getpid(), options.kind, user, began_us, until_us, __version__)):
        db = open_for_writing(options.history)
        try:
            run = Run(0, began_us, began_us, None, until_us, options.kind, os.getpid(), user, __version__)
            collector = Collector(options, db, run)
            asyncio.run(collector.run())
        finally:
            db.close()
    if collector.is_stuck:
        os._exit(0)  # the end of the interpreter would wait for the thread


class Collector:
    """One run of recording."""

    def __init__(self, options: CollectOptions, db: sqlite3.Connection, run: Run) -> None:
        past = read_past(db, run.started_us, cadence_hosts(options.catalogue), booted_us=booted_us())
        self._options = options
        self._run = replace(run, id=past.next_run)
        self._rules = RulesInForce(options.policy, past.allowlist)
        self._own = OwnSockets()
        self._source = source_of(options, self._own)
        self._namespace = self._source.namespace
        allowlist, error = self._rules.first()
        self._lookups = Lookups(options.settings.names.nameservers, self._learn, self._made)
        self._reverse = Reverse(options.settings.names.nameservers, self._point, self._made)
        self._pipeline = pipeline_of(past, options, allowlist, run.started_us, lambda: self._lookups.settled)
        self._pipeline.keep(self._rules.take_new())
        self._pipeline.resume(past.connections, run.started_us)
        if error is not None:
            self._keep_list(error)
        else:
            self._pipeline.use_allowlist(allowlist, run.started_us)
        self._identity = identity(options.history)
        self._gaps = Gaps(options.settings.sockets.interval_s)
        self._beaten = 0.0
        self._stuck = False
        """True if a look at the sockets did not come back."""
        self._looking: float | None = None
        """Since when a look is under way, on the monotonic clock."""
        self._stop = asyncio.Event()
        self._changed = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "capture")
        self._commits = Commits(db, options.history, self._pipeline)
        logs = logs_of(options, past.logs)
        self._logs = LogIntake(logs, self._pipeline, self._commits, self._stop, self._changed)
        self._imports = ImportIntake(Importing(options.history), self._pipeline, self._commits, self._stop)

    @property
    def is_stuck(self) -> bool:
        """True if a look did not come back: its thread cannot be waited for."""
        return self._stuck or self._logs.is_stuck

    async def run(self) -> None:
        """Record until the end."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
                loop.add_signal_handler(number, self._end)
        if self._options.for_s is not None:
            loop.call_later(self._options.for_s, self._end)
        self._follow_names()
        gc.freeze()
        gc.set_threshold(*GARBAGE)
        await self._logs.open()
        say(f"recording into {self._options.history}; Ctrl+C ends it")
        logs = asyncio.create_task(self._logs.run())
        logs.add_done_callback(lambda _: self._end())
        imports = asyncio.create_task(self._imports.run())
        imports.add_done_callback(lambda _: self._end())
        commits = asyncio.create_task(self._commit_regularly())
        commits.add_done_callback(lambda _: self._end())
        try:
            await self._look_regularly()
        finally:
            self._end()
            await logs
            await self._lookups.close()
            await self._reverse.close()
            try:
                await imports
                await commits
                await self._finish()
            finally:
                self._thread.shutdown(wait=not self._stuck, cancel_futures=True)
                for each in (self._commits, self._logs, self._imports):
                    each.close(wait=not self._stuck)
                if not self._stuck:
                    self._source.close()

    def _end(self) -> None:
        self._stop.set()
        self._changed.set()

    async def _finish(self) -> None:
        ended_us = now_us()
        self._pipeline.end(replace(self._run, seen_us=ended_us, ended_us=ended_us))
        await self._commits.commit()
        if self._commits.failing:
            raise HistoryUnwritable(
                f"the end of the record could not be written into {self._options.history}",
                "Free the disk or end the program that locks the file; what had been written before is safe.",
            )

    async def _look_regularly(self) -> None:
        while not self._stop.is_set():
            self._mind_the_gap()
            await self._look()
            self._gaps.looked()
            self._reload_rules()
            await self._await_work()

    async def _await_work(self) -> None:
        """Until a look is due or something was heard; then a moment more, so that one look takes in many events."""
        descriptor, wait_s = self._source.fileno(), self._source.wait_s()
        if descriptor is None or self._stop.is_set():
            await pause(wait_s, self._stop)
            return
        if await heard_or_due(descriptor, wait_s, self._stop):
            await pause(TICK_S, self._stop)

    def _mind_the_gap(self) -> None:
        if self._gaps.jumped():
            self._pipeline.looked_away(SOCKETS, now_us())

    async def _look(self) -> None:
        try:
            sighting = await self._one_look()
        except OSError as error:
            self._pipeline.source_stopped(SOCKETS, str(error), now_us())
            await pause(RETRY_EVERY_S, self._stop)
            return
        if sighting is None:
            return
        if sighting.dumps:
            self._pipeline.source_works(SOCKETS, sighting.at_us)
        self._pipeline.observe(sighting)
        if self._source.fileno() is None or _knows_all_addresses(sighting):
            self._logs.placed.set()
        self._ask()
        if self._pipeline.batch:
            self._changed.set()

    async def _one_look(self) -> Sighting | None:
        """What is seen; None where a look does not come back although it is time to end."""
        self._looking = time.monotonic()
        with self._lookups.quiet(), self._reverse.quiet():
            look = asyncio.get_running_loop().run_in_executor(self._thread, self._source.look)
            stopped = asyncio.ensure_future(self._stop.wait())
            await asyncio.wait((look, stopped), return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            if not look.done():
                await asyncio.wait((look,), timeout=LAST_LOOK_S)
            self._stuck = not look.done()
            if self._stuck:
                return None
            self._looking = None
            return await look

    def _made(self, descriptor: int) -> None:
        if self._source.fileno() is not None:
            self._own.add(descriptor)

    def _learn(self, result: Result) -> None:
        self._pipeline.learn(result, self._namespace)

    def _point(self, found: Pointed) -> None:
        self._pipeline.pointed(found)

    def _ask(self) -> None:
        """Look up what would tell more of what was seen."""
        wanted, nameless, names = (
            self._pipeline.take_wanted(now_us()),
            self._pipeline.take_nameless(),
            self._options.settings.names,
        )
        for host in wanted if names.forward else ():
            self._lookups.ask(host)
        for ip in nameless if names.reverse else ():
            self._reverse.ask(ip)

    def _follow_names(self) -> None:
        if not self._options.settings.names.forward:
            return
        allowed = (rule.host for rule in self._pipeline.allowlist.rules if rule.host and "*" not in rule.host)
        proxies = (place.host for place in self._options.settings.proxy.places if is_host(place.host))
        self._lookups.follow({*self._options.catalogue.exact_hosts(), *allowed, *proxies})

    def _reload_rules(self) -> None:
        try:
            allowlist = self._rules.changed()
        except ConfigError as error:
            self._keep_list(error)
            return
        if allowlist is not None:
            self._pipeline.keep(self._rules.take_new())
            self._pipeline.use_allowlist(allowlist, now_us())
            self._follow_names()
            say(f"allowlist revision {allowlist.revision} is in force ({len(allowlist.rules)} rules)")

    def _keep_list(self, error: ConfigError) -> None:
        say(f"{error}. The last good allowlist stays in force. {error.hint}")
        self._pipeline.keep_allowlist(error, now_us())

    async def _commit_regularly(self) -> None:
        while not self._stop.is_set():
            await self._await_change()
            self._pipeline.settle(now_us())
            if time.monotonic() - self._beaten >= HEARTBEAT_US / 1_000_000:
                self._beat()
            await self._commits.commit()
            self._refuse_a_lost_history()

    async def _await_change(self) -> None:
        """Until there is something to write, and a moment more; at most a second, for what time alone brings about."""
        await pause(RETRY_EVERY_S if self._commits.failing else COMMIT_EVERY_S, self._stop)
        if not self._pipeline.batch and not self._stop.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(IDLE_S - COMMIT_EVERY_S):
                    await self._changed.wait()
        self._changed.clear()

    def _refuse_a_lost_history(self) -> None:
        if identity(self._options.history) != self._identity:
            raise HistoryUnwritable(
                f"{self._options.history} or its lock was moved, replaced or removed while recording",
                "What was recorded went with that file. Start again: retool-egress collect",
            )

    def _beat(self) -> None:
        self._beaten = time.monotonic()
        self._mind_the_gap()
        if self._looking is not None and time.monotonic() - self._looking > LONGEST_S:
            self._pipeline.source_stopped(SOCKETS, "a look does not come back", now_us())
        self._run = replace(self._run, seen_us=now_us())
        self._pipeline.beat(self._run)


def _knows_all_addresses(sighting: Sighting) -> bool:
    """True if the addresses of each namespace are known by now."""
    return bool(sighting.residents) and (sighting.residents or {}).keys() <= (sighting.addresses or {}).keys()
