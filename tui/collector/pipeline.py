"""Observations in, changes of the record out. Owns the state between them; does no input or output and has no clock."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from tui.allowlist.judge import Allowlist
from tui.collector.alerts import broken_allowlist, stopped_source
from tui.collector.judging import Judge
from tui.collector.label import Finding
from tui.collector.naming import Naming
from tui.collector.past import tracked_again
from tui.collector.resolve import Resolver
from tui.collector.seen import Seen
from tui.collector.track import Tracker
from tui.collector.tracked import Changes, Tracked, as_connection, renewed
from tui.collector.watches import Watches
from tui.collector.workloads import WorkloadBook
from tui.config.errors import ConfigError
from tui.history.batch import Batch, KeptAllowlist, Run
from tui.model.connection import UNRECOGNISED, Connection, Judgement, Label, Name, Outcome, Verdict
from tui.model.observation import Sighting
from tui.model.text import clean
from tui.names.forward import Result

PENDING_US = 3_000_000
"""A verdict waits no longer than this for a name or an owner."""
DAY_US = 86_400_000_000
SOCKETS = "sockets"
NAMES = "names"
_MENDED = "coverage|allowlist"
_WAITING = "a name may still arrive"


class Pipeline:
    """Track, name, label, judge: what comes out stands in ``batch`` until it is taken."""

    def __init__(
        self, tracker: Tracker, judge: Judge, watches: Watches, seen: Seen, workloads: WorkloadBook,
        settled: Callable[[], bool],
    ) -> None:  # fmt: skip
        """``settled`` tells whether every name has been looked up once, so that no more names are to be awaited."""
        self.batch = Batch()
        self._tracker = tracker
        self._judge = judge
        self._watches = watches
        self._seen = seen
        self._workloads = workloads
        self._settled = settled
        self._held: dict[int, Connection] = {}
        self._pending: set[int] = set()
        self._naming = Naming(judge.table)
        self._day: int | None = None

    @property
    def allowlist(self) -> Allowlist:
        """The list in force."""
        return self._judge.allowlist

    def take(self) -> Batch:
        """What has changed since the last call."""
        self.batch.alerts |= self._watches.take()
        self._seen.add_to(self.batch)
        taken, self.batch = self.batch, Batch()
        return taken

    def resume(self, connections: Iterable[Connection]) -> None:
        """Take over what an earlier collector left open, undecided or just ended."""
        followed = list(connections)
        for connection in followed:
            if connection.outcome.is_open or connection.judgement.verdict is Verdict.PENDING:
                self._held[connection.id] = connection
            if connection.judgement.verdict is Verdict.PENDING:
                self._pending.add(connection.id)
        self._watches.resume(followed)
        self._tracker.resume(tracked_again(followed))

    def observe(self, sighting: Sighting) -> None:
        """Take in what a source has seen."""
        now_us = sighting.at_us
        self._learn_workloads(sighting)
        self._seen.take(sighting, self._watches)
        changes = self._tracker.see(sighting)
        for tracked in changes.whole:
            self._whole(tracked, now_us)
        for tracked in changes.opened:
            self._judge_anew(self._connection(tracked), now_us)
        self._alter(changes, now_us)
        if sighting.dumps:
            self._watches.overdue.covered_since(self._seen.covered_since_us)
        if any(dump.counters for dump in sighting.dumps):
            self.count(now_us)
        self.settle(now_us)

    def _learn_workloads(self, sighting: Sighting) -> None:
        scope, changed = self._judge.scope, False
        if sighting.resolvers is not None:
            changed = scope.learn_resolvers(sighting.resolvers)
        if sighting.workloads is not None:
            for kept in self._workloads.learn(sighting.workloads, sighting.at_us):
                self.batch.workloads[kept.id] = kept
            began = not scope.retool_seen
            changed = scope.learn(sighting.workloads) or changed
            if began and scope.retool_seen:
                self._watches.forget_unjudged(sighting.at_us)
        if changed:
            self._judge.forget()
            self._judge_open(sighting.at_us)

    def _connection(self, tracked: Tracked) -> Connection:
        name = self._judge.name(tracked.remote.ip, tracked.opened_us)
        undecided = Judgement(Verdict.PENDING, None, self.allowlist.revision, "")
        return as_connection(tracked, name, Label(UNRECOGNISED), undecided)

    def _whole(self, tracked: Tracked, now_us: int) -> None:
        """One that is over when it is first heard of: most of them, and nothing of it is held."""
        remote = tracked.remote
        name = self._judge.name(remote.ip, tracked.opened_us)
        finding = self._judge.find(name, remote.ip, remote.port, tracked.origin, now_us)
        judgement = finding.judgement
        if judgement.verdict is Verdict.OFF_ALLOWLIST and _is_nameless(name) and not self._settled():
            self._judge_anew(self._connection(tracked), now_us)
            if tracked.id not in self._pending:
                self._finish(tracked.id)
            return
        connection = as_connection(tracked, name, finding.label, judgement)
        self.batch.connections[tracked.id] = (connection, True)
        if judgement.verdict is Verdict.OFF_ALLOWLIST:
            may_be_empty = tracked.protocol == "udp" and judgement.rule is None
            self._watches.off_list(connection, None if may_be_empty else finding.loud)
        self._watches.tried(connection, now_us)

    def _judge_anew(self, connection: Connection, now_us: int) -> None:
        """Label and judge a connection as it now stands; it waits while a name or an owner may still come."""
        before = connection.judgement
        finding = self._judge.of(connection, now_us)
        if self._waits(connection, finding, now_us):
            pending = Judgement(Verdict.PENDING, None, self.allowlist.revision, _WAITING)
            self._put(replace(connection, label=finding.label, judgement=pending))
            self._pending.add(connection.id)
            return
        self._pending.discard(connection.id)
        judgement = finding.judgement
        judged = replace(connection, label=finding.label, judgement=judgement)
        self._put(judged)
        newly_denied = judgement.rule is not None and judgement.rule != before.rule
        if judgement.verdict is Verdict.OFF_ALLOWLIST and (before.verdict is not judgement.verdict or newly_denied):
            self._watches.off_list(judged, finding.loud)
        self._watches.tried(judged, now_us)

    def _waits(self, connection: Connection, finding: Finding, now_us: int) -> bool:
        if finding.judgement.verdict is not Verdict.OFF_ALLOWLIST:
            return False
        if abs(now_us - connection.opened_us) >= PENDING_US:  # also when the clock was set back
            return False
        no_owner = connection.process is None and connection.outcome is Outcome.OPEN
        return no_owner or (_is_nameless(connection.name) and not self._settled())

    def _alter(self, changes: Changes, now_us: int) -> None:
        for tracked in changes.altered:
            held = self._held.get(tracked.id)
            if held is None:
                continue
            connection = renewed(held, tracked)
            self._put(connection)
            if held.id in self._pending:
                continue
            if (held.process, held.origin) != (tracked.process, tracked.origin):
                self._judge_anew(connection, now_us)
            else:
                self._watches.tried(connection, now_us)
        for id in changes.forgotten:
            if id in self._held and id not in self._pending:
                self._finish(id)

    def _finish(self, id: int) -> None:
        self.batch.connections[id] = (self._held.pop(id), True)

    def settle(self, now_us: int, *, force: bool = False) -> None:
        """Decide what waited and need wait no longer; with ``force``, all that waits. Each new day, judge again."""
        for id in list(self._pending):
            connection = self._held[id]
            name = self._judge.name(connection.remote.ip, connection.opened_us)
            self._judge_anew(replace(connection, name=name), now_us + (PENDING_US if force else 0))
            if id not in self._pending and not connection.outcome.is_open:
                self._finish(id)
        day, self._day = self._day, now_us // DAY_US
        if day is not None and day != self._day:
            self._judge_open(now_us)
        self._watches.settle(now_us)

    def _judge_open(self, now_us: int) -> None:
        for connection in list(self._held.values()):
            if connection.outcome.is_open and connection.id not in self._pending:
                self._judge_if_changed(connection, now_us)
        self._resolve(now_us)

    def _judge_if_changed(self, connection: Connection, now_us: int) -> None:
        finding = self._judge.of(connection, now_us)
        before = (connection.judgement.verdict, connection.judgement.rule, connection.label)
        if (finding.judgement.verdict, finding.judgement.rule, finding.label) != before:
            self._judge_anew(connection, now_us)

    def _put(self, connection: Connection) -> None:
        self._held[connection.id] = connection
        self.batch.connections[connection.id] = (connection, False)

    def learn(self, result: Result, namespace: str) -> None:
        """Take in the result of one look-up."""
        answers = self._naming.learn(result)
        self.batch.answers |= {(answer.host, answer.ip, answer.from_us): answer for answer in answers}
        if answers:
            self._judge.forget()
            self._name_open({answer.ip for answer in answers}, result.at_us)
        if self._settled():
            self._seen.watched(NAMES, namespace, result.at_us, self._naming.note(self.allowlist))
        self.settle(result.at_us)

    def _name_open(self, addresses: set[str], now_us: int) -> None:
        """What is open without a name has one from now on, when a look-up gives its address."""
        nameless = [c for c in self._held.values() if c.remote.ip in addresses and _is_nameless(c.name)]
        for connection in nameless:
            if connection.outcome.is_open and connection.id not in self._pending:
                self._judge_anew(replace(connection, name=self._judge.name(connection.remote.ip, now_us)), now_us)
        if nameless:
            self._resolve(now_us)

    def keep(self, allowlists: Iterable[KeptAllowlist]) -> None:
        """Record the lists that verdicts will name."""
        self.batch.allowlists |= {kept.revision: kept for kept in allowlists}

    def use_allowlist(self, allowlist: Allowlist, now_us: int) -> None:
        """Judge what is open, and what comes, by a new list; what has ended keeps the verdict as of then."""
        self._judge.allowlist = allowlist
        self._judge.forget()
        self._judge_open(now_us)
        book = self._watches.book
        self._watches.write(book.resolve(lambda a: "the allowlist was mended" if a.cause == _MENDED else None, now_us))

    def _resolve(self, now_us: int) -> None:
        """End the alerts whose destination, under the name that is known for it now, is allowed."""
        self._watches.settle(now_us)
        resolver = Resolver(self._judge, self._held.values(), self._watches.burst, now_us)
        self._watches.write(self._watches.book.resolve(resolver.gone, now_us))

    def keep_allowlist(self, error: ConfigError, now_us: int) -> None:
        """Say that the files cannot be used and the list in force stays."""
        finding = broken_allowlist(clean(str(error), 400), error.hint, now_us)
        self._watches.write([self._watches.book.raise_(finding)])

    def count(self, now_us: int) -> None:
        """Hand on the bytes that open connections have sent and received since the last call."""
        for tracked in self._tracker.counted():
            held = self._held.get(tracked.id)
            if held is not None:
                sent, received = tracked.told
                counted = replace(held, bytes_sent=sent, bytes_received=received)
                self._held[tracked.id] = counted
                self.batch.counters[tracked.id] = (sent, received)
                if tracked.id not in self._pending:
                    self._watches.tried(counted, now_us)

    def source_stopped(self, source: str, message: str, now_us: int) -> None:
        """A source does not work: its coverage ends, and an alert says so."""
        self.looked_away(source)
        finding = self._seen.stopped_source(source, lambda: stopped_source(source, clean(message), now_us))
        if finding is not None:
            self._watches.write([self._watches.book.raise_(finding)])

    def source_works(self, source: str, now_us: int) -> None:
        """A source works: an alert that said otherwise is resolved."""
        if self._seen.works(source):
            cause = f"coverage|{source}"
            gone = self._watches.book.resolve(lambda a: "it works again" if a.cause == cause else None, now_us)
            self._watches.write(gone)

    def looked_away(self, source: str) -> None:
        """Nobody looked for longer than a look may take: a hole, and what ends in it ends at an unknown time."""
        self._seen.looked_away(source)
        if source == SOCKETS:
            self._tracker.looked_away()

    def beat(self, run: Run) -> None:
        """Say how far everything that is watched reaches."""
        self.batch.run = run
        self._seen.beat(run.seen_us)

    def end(self, run: Run) -> None:
        """Decide what waits, and let everything that is watched end here."""
        for tracked in self._tracker.flush().whole:
            self._whole(tracked, run.seen_us)
        self.settle(run.seen_us, force=True)
        self.beat(run)
        for source in (SOCKETS, NAMES):
            self._seen.looked_away(source)


def _is_nameless(name: Name) -> bool:
    return name.host is None and not name.candidates
