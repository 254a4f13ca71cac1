"""Observations in, changes of the record out. Owns the state between them; does no input or output and has no clock."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import repeat

from tui.allowlist.judge import Allowlist
from tui.collector.alerts import broken_allowlist, stopped_source
from tui.collector.judging import Judge
from tui.collector.label import Finding
from tui.collector.naming import Naming
from tui.collector.past import tracked_again
from tui.collector.resolve import Resolver
from tui.collector.seen import Seen
from tui.collector.track import Tracker
from tui.collector.tracked import Changes, Tracked, as_connection, renewed, way_of
from tui.collector.watches import Watches
from tui.collector.workloads import WorkloadBook
from tui.config.errors import ConfigError
from tui.history.batch import Batch, KeptAllowlist, Run
from tui.model.answer import Answer
from tui.model.connection import UNRECOGNISED, Claim, Connection, Evidence, Judgement, Label, Name, Outcome, Verdict
from tui.model.observation import Sighting
from tui.model.text import clean
from tui.model.times import DAY_US
from tui.model.wire import Flow
from tui.names.forward import Found, Result
from tui.names.reverse import Pointed

PENDING_US = 3_000_000
"""A verdict waits no longer than this for a name or an owner."""
AGAIN_US = 200_000
"""How often what waits is looked at again before its time is over: in a storm thousands wait at each look."""
SOCKETS = "sockets"
NAMES = "names"
_MENDED = "coverage|allowlist"
_WAITING = "a name may still arrive"


class Pipeline:
    """Track, name, label, judge: what comes out stands in ``batch`` until it is taken."""

    def __init__(
        self, tracker: Tracker, judge: Judge, watches: Watches, seen: Seen, workloads: WorkloadBook,
        settled: Callable[[], bool], *, looks_up: bool,
    ) -> None:  # fmt: skip
        """``settled`` tells whether every name has been looked up once, so that no more names are to be awaited, and
        ``looks_up`` whether names are looked up at all.
        """
        self.batch = Batch()
        self._tracker = tracker
        self._judge = judge
        self._watches = watches
        self._seen = seen
        self._workloads = workloads
        self._settled = settled
        self._looks_up = looks_up
        self._held: dict[int, Connection] = {}
        self._pending: set[int] = set()
        self._over: set[int] = set()
        """Of those that wait, the ones of which nothing more can come."""
        self._naming = Naming(judge.table)
        self._mute: set[int] = set()
        """Open connections whose packets are read, and have not told yet how the client names the other side."""
        self._nameless: set[str] = set()
        """Addresses that nothing names."""
        self._reads_hosts = False
        self._again_us = 0
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
                if not connection.outcome.is_open:
                    self._over.add(connection.id)
        self._watches.resume(followed)
        self._tracker.resume(tracked_again(followed))

    def observe(self, sighting: Sighting) -> None:
        """Take in what a source has seen."""
        now_us = sighting.at_us
        self._learn_workloads(sighting)
        self._seen.take(sighting, self._watches)
        self._learn_names(sighting)
        if any(flow.target is not None for flow in sighting.flows):
            sighting = replace(sighting, flows=tuple(map(self._believed, sighting.flows, repeat(now_us))))
        changes = self._tracker.see(sighting)
        for tracked in changes.whole:
            self._whole(tracked, now_us)
        for tracked in changes.opened:
            if tracked.protocol == "tcp" and tracked.flow is not None and tracked.flow.evidence is None:
                self._mute.add(tracked.id)
            inner = tracked.flow.inner if tracked.flow is not None else None
            self._judge_anew(self._connection(tracked), now_us, inner=inner)
        self._alter(changes, now_us)
        if sighting.dumps:
            self._watches.overdue.covered_since(self._seen.covered_since_us)
        if any(dump.counters for dump in sighting.dumps):
            self.count(now_us)
        self.settle(now_us)
        self._take_leave(sighting)

    def _take_leave(self, sighting: Sighting) -> None:
        """Forget what is too old, and what a namespace that has ended was told: its last connections have names now."""
        for namespace in sighting.gone:
            self._naming.forget(namespace)
        self._naming.tidy(sighting.at_us)
        if sighting.wire is not None:
            self._judge.claims.learn(sighting.wire, sighting.at_us)

    def _believed(self, flow: Flow, now_us: int) -> Flow:
        return self._judge.believed(flow, self._seen.resident(flow.namespace), now_us)

    def _learn_workloads(self, sighting: Sighting) -> None:
        scope, changed = self._judge.scope, False
        if sighting.resolvers is not None:
            changed = scope.learn_resolvers(sighting.resolvers)
        if sighting.workloads is not None:
            self._judge.hops.learn(sighting.workloads)
            for kept in self._workloads.learn(sighting.workloads, sighting.at_us):
                self.batch.workloads[kept.id] = kept
            began = not scope.retool_seen
            changed = scope.learn(sighting.workloads) or changed
            if began and scope.retool_seen:
                self._watches.forget_unjudged(sighting.at_us)
        if changed:
            self._judge.forget()
            self._judge_open(sighting.at_us)

    def _learn_names(self, sighting: Sighting) -> None:
        """Take in what the namespaces were told, before what they did with it."""
        now_us = sighting.at_us
        for loss in sighting.packet_losses:
            self._judge.claims.missed(loss.to_us, loss.namespaces)
        answers = list[Answer]()
        for lookup in sighting.lookups:
            if self._judge.scope.trusts(lookup.namespace, lookup.resolver.ip):
                answers += self._naming.told(lookup)
            origin = self._seen.resident(lookup.namespace)
            if self._judge.scope.judges(origin):
                allowed = self.allowlist.allows_host(lookup.host, now_us)
                self._watches.looked_up(lookup, origin, allowed=allowed, now_us=now_us)
        self._reads_hosts = self._reads_hosts or sighting.hosts is not None
        for namespace, file in (sighting.hosts or {}).items():
            answers += self._naming.hosts(namespace, file, now_us)
        self._keep_answers(answers)

    def _keep_answers(self, answers: Iterable[Answer]) -> None:
        for answer in answers:
            self.batch.answers[answer.key] = answer

    def _name(self, tracked: Tracked) -> Name:
        return self._judge.name(tracked.namespace, tracked.remote.ip, tracked.opened_us, tracked.flow)

    def _connection(self, tracked: Tracked) -> Connection:
        undecided = Judgement(Verdict.PENDING, None, self.allowlist.revision, "")
        return as_connection(tracked, self._name(tracked), Label(UNRECOGNISED), undecided)

    def _whole(self, tracked: Tracked, now_us: int) -> None:
        """One that is over when it is first heard of: most of them, and nothing of it is held."""
        name, (via, remote) = self._name(tracked), way_of(tracked)
        finding = self._judge.find_at(tracked.origin, name, remote, via, now_us)
        judgement = finding.judgement
        connection = as_connection(tracked, name, finding.label, judgement)
        off = judgement.verdict is Verdict.OFF_ALLOWLIST
        if off and self._waits(connection, finding, now_us):
            self._over.add(tracked.id)
            self._judge_anew(connection, now_us)
            return
        self.batch.connections[tracked.id] = (connection, True)
        if off:
            may_be_empty = tracked.protocol == "udp" and judgement.rule is None and tracked.flow is None
            inner = tracked.flow.inner if tracked.flow is not None else None
            self._tell_off_list(connection, None if may_be_empty else finding.loud, now_us, inner)
        self._watches.tried(connection, now_us)

    def _tell_off_list(self, connection: Connection, loud: str | None, now_us: int, inner: str | None = None) -> None:
        if self._judge.is_false(connection, now_us):
            self._watches.false_name(connection, inner, now_us)
            return
        self._watches.off_list(connection, loud)
        if _is_nameless(connection.name) and connection.name.evidence is None:
            self._nameless.add(connection.remote.ip)

    def take_nameless(self) -> set[str]:
        """The addresses off the list that nothing names, since the last call: a PTR record may tell a person more."""
        taken, self._nameless = self._nameless, set()
        return taken

    def take_wanted(self, now_us: int) -> set[str]:
        """The allowed names that are to be looked up, because a client gave them for an address not known for them.

        Others are never asked for: the question itself would carry out what somebody wrote into the name.
        """
        return {host for host in self._judge.claims.take_wanted() if self.allowlist.allows_host(host, now_us)}

    def _judge_anew(
        self, connection: Connection, now_us: int, *, renamed: bool = False, inner: str | None = None
    ) -> None:
        """Label and judge a connection as it now stands; it waits while a name or an owner may still come."""
        before = connection.judgement
        finding = self._judge.find(connection, now_us)
        if self._waits(connection, finding, now_us):
            pending = Judgement(Verdict.PENDING, None, self.allowlist.revision, _WAITING)
            self._put(replace(connection, label=finding.label, judgement=pending))
            self._pending.add(connection.id)
            return
        self._pending.discard(connection.id)
        judgement = finding.judgement
        connection = judged(connection, finding.label, judgement)
        self._put(connection)
        newly_denied = judgement.rule is not None and judgement.rule != before.rule
        newly_false = connection.name.claim is Claim.MISMATCH and renamed
        if judgement.verdict is Verdict.OFF_ALLOWLIST and (
            before.verdict is not judgement.verdict or newly_denied or newly_false
        ):
            self._tell_off_list(connection, finding.loud, now_us, inner)
        self._watches.tried(connection, now_us)

    def _waits(self, connection: Connection, finding: Finding, now_us: int) -> bool:
        if finding.judgement.verdict is not Verdict.OFF_ALLOWLIST:
            return False
        if abs(now_us - connection.opened_us) >= PENDING_US:  # also when the clock was set back
            return False
        if connection.process is None and connection.outcome is Outcome.OPEN:
            return True
        if connection.name.host is None:
            if connection.id in self._mute:
                return True
            read = not self._reads_hosts or self._naming.has_read(connection.origin.namespace)
            return _is_nameless(connection.name) and not (read and self._settled())
        return self._looks_up and self._judge.may_be_confirmed(connection, now_us)

    def _alter(self, changes: Changes, now_us: int) -> None:
        for tracked in changes.altered:
            held = self._held.get(tracked.id)
            if held is None:
                continue
            connection = renewed(held, tracked)
            flow = tracked.flow
            if flow is not None and (flow.evidence is not None or not tracked.is_open):
                self._mute.discard(tracked.id)
                connection = replace(
                    connection, name=self._judge.name(tracked.namespace, tracked.remote.ip, tracked.opened_us, flow)
                )
            self._put(connection)
            if held.id in self._pending:
                continue
            renamed = held.name != connection.name
            if renamed or (held.process, held.origin) != (tracked.process, tracked.origin):
                self._judge_anew(connection, now_us, renamed=renamed, inner=flow.inner if flow is not None else None)
                if renamed:
                    self._resolve(now_us)
            else:
                self._watches.tried(connection, now_us)
        for id in changes.forgotten:
            if id in self._pending:
                self._over.add(id)
            elif id in self._held:
                self._finish(id)

    def _finish(self, id: int) -> None:
        self._mute.discard(id)
        self._over.discard(id)
        self.batch.connections[id] = (self._held.pop(id), True)

    def settle(self, now_us: int, *, force: bool = False) -> None:
        """Decide what waited and need wait no longer; with ``force``, all that waits. Each new day, judge again."""
        self._decide_pending(now_us + (PENDING_US if force else 0))
        day, self._day = self._day, now_us // DAY_US
        if day is not None and day != self._day:
            self._judge_open(now_us)
        self._watches.settle(now_us)

    def _decide_pending(self, now_us: int) -> None:
        again = abs(now_us - self._again_us) >= AGAIN_US
        if again:
            self._again_us = now_us
        for id, connection in [(id, self._held[id]) for id in self._pending]:
            if not again and abs(now_us - connection.opened_us) < PENDING_US:
                continue
            connection = replace(connection, name=self._judge.renamed(connection))
            self._judge_anew(connection, now_us)
            if id not in self._pending and id in self._over:
                self._finish(id)

    def _judge_open(self, now_us: int) -> None:
        for connection in list(self._held.values()):
            if connection.outcome.is_open and connection.id not in self._pending:
                self._judge_if_changed(connection, now_us)
        self._resolve(now_us)

    def _judge_if_changed(self, connection: Connection, now_us: int) -> None:
        finding = self._judge.find(connection, now_us)
        before = (connection.judgement.verdict, connection.judgement.rule, connection.label)
        if (finding.judgement.verdict, finding.judgement.rule, finding.label) != before:
            self._judge_anew(connection, now_us)

    def _put(self, connection: Connection) -> None:
        self._held[connection.id] = connection
        self.batch.connections[connection.id] = (connection, False)

    def learn(self, result: Result, namespace: str) -> None:
        """Take in the result of one look-up."""
        answers = self._naming.learn(result)
        self._judge.claims.looked_up(result.host, result.at_us, found=isinstance(result, Found))
        self._keep_answers(answers)
        if answers:
            self._name_open({answer.ip for answer in answers}, result.at_us)
        if self._settled():
            self._seen.watched(NAMES, namespace, result.at_us, self._naming.note(self.allowlist))
        self.settle(result.at_us)

    def _name_open(self, addresses: set[str], now_us: int) -> None:
        """What is open without a name has one from now on, when a look-up gives its address."""
        nameless = [c for c in self._held.values() if c.remote.ip in addresses and _is_nameless(c.name)]
        for connection in nameless:
            if connection.outcome.is_open and connection.id not in self._pending:
                name = self._judge.name(connection.origin.namespace, connection.remote.ip, now_us)
                self._judge_anew(replace(connection, name=name), now_us)
        if nameless:
            self._resolve(now_us)

    def pointed(self, found: Pointed) -> None:
        """Take in what a PTR record says of an address: for persons alone, it is never judged by."""
        if found.host is not None:
            answer = Answer(found.host, found.ip, found.at_us, found.until_us, evidence=Evidence.REVERSE)
            self.batch.answers[answer.key] = answer

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
        self.looked_away(source, now_us)
        finding = self._seen.stopped_source(source, lambda: stopped_source(source, clean(message), now_us))
        if finding is not None:
            self._watches.write([self._watches.book.raise_(finding)])

    def source_works(self, source: str, now_us: int) -> None:
        """A source works: an alert that said otherwise is resolved."""
        if self._seen.works(source):
            cause = f"coverage|{source}"
            gone = self._watches.book.resolve(lambda a: "it works again" if a.cause == cause else None, now_us)
            self._watches.write(gone)

    def looked_away(self, source: str, now_us: int) -> None:
        """Nobody looked for longer than a look may take: a hole, and what ends in it ends at an unknown time."""
        self._seen.looked_away(source)
        if source == SOCKETS:
            self._tracker.looked_away()
            self._judge.claims.missed(now_us)

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


def judged(connection: Connection, label: Label, judgement: Judgement) -> Connection:
    """A connection with what was found of it."""
    return replace(connection, label=label, judgement=judgement)


def _is_nameless(name: Name) -> bool:
    return name.host is None and not name.candidates
