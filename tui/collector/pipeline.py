"""Observations in, changes of the record out. Owns the state between them; does no input or output and has no clock."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import repeat

from tui.allowlist.judge import Allowlist
from tui.collector.alerts import broken_allowlist, stopped_source
from tui.collector.judging import Judge
from tui.collector.logs import LogRead
from tui.collector.naming import Naming
from tui.collector.past import tracked_again
from tui.collector.proxied import Proxied, alone, kept, name_of, remote_of
from tui.collector.seen import Seen
from tui.collector.track import Tracker
from tui.collector.tracked import Changes, Tracked, as_connection, renewed
from tui.collector.verdicts import Verdicts
from tui.collector.watches import Watches
from tui.collector.workloads import WorkloadBook
from tui.config.errors import ConfigError
from tui.history.batch import Batch, KeptAllowlist, Run
from tui.model.answer import Answer
from tui.model.connection import (
    UNRECOGNISED,
    Claim,
    Connection,
    Evidence,
    Judgement,
    Label,
    Name,
    Origin,
    Outcome,
    Recorded,
    Verdict,
)
from tui.model.observation import Sighting
from tui.model.request import Request
from tui.model.text import clean
from tui.model.wire import Flow
from tui.names.forward import Found, Result
from tui.names.reverse import Pointed

SOCKETS = "sockets"
NAMES = "names"
_MENDED = "coverage|allowlist"


class Pipeline:
    """Track, name, label, judge: what comes out stands in ``batch`` until it is taken."""

    def __init__(
        self, tracker: Tracker, judge: Judge, watches: Watches, seen: Seen, workloads: WorkloadBook,
        settled: Callable[[], bool], *, looks_up: bool,
    ) -> None:  # fmt: skip
        """``settled`` tells whether every name has been looked up once, so that no more names are to be awaited, and
        ``looks_up`` whether names are looked up at all.
        """
        self._tracker = tracker
        self._judge = judge
        self._watches = watches
        self._seen = seen
        self._workloads = workloads
        self._settled = settled
        self._naming = Naming(judge.table)
        self._proxied = Proxied(judge.hop_of, tracker.take_id, seen.resident)
        self._verdicts = Verdicts(judge, watches, self._naming, self._proxied, settled, looks_up=looks_up)

    @property
    def batch(self) -> Batch:
        """What has changed since it was taken."""
        return self._verdicts.batch

    @property
    def allowlist(self) -> Allowlist:
        """The list in force."""
        return self._judge.allowlist

    def take(self) -> Batch:
        """What has changed since the last call."""
        self.batch.alerts |= self._watches.take()
        self._seen.add_to(self.batch)
        taken, self._verdicts.batch = self.batch, Batch()
        return taken

    def resume(self, connections: Iterable[Connection], now_us: int) -> None:
        """Take over what an earlier collector left open, undecided or just ended."""
        followed = list(connections)
        self._verdicts.resume(followed)
        self._watches.resume(followed)
        self._proxied.resume(followed, now_us)
        self._tracker.resume(tracked_again(c for c in followed if c.source == SOCKETS))

    def observe(self, sighting: Sighting) -> None:
        """Take in what a source has seen."""
        now_us = sighting.at_us
        self._learn_workloads(sighting)
        self._seen.take(sighting, self._watches)
        if sighting.addresses is not None:
            for connection, request in self._proxied.learn(sighting.addresses, self._tracker.host):
                self._proxied.decided(self._verdicts.logged(connection, now_us), request, now_us)
        self._learn_names(sighting)
        if any(flow.target is not None for flow in sighting.flows):
            sighting = replace(sighting, flows=tuple(map(self._believed, sighting.flows, repeat(now_us))))
        changes = self._tracker.see(sighting)
        for tracked in changes.whole:
            self._verdicts.whole(self._joined(self._connection(tracked), now_us), now_us, tracked)
        for tracked in changes.opened:
            if tracked.protocol == "tcp" and tracked.flow is not None and tracked.flow.evidence is None:
                self._verdicts.silent(tracked.id)
            inner = tracked.flow.inner if tracked.flow is not None else None
            self._verdicts.judge(self._joined(self._connection(tracked), now_us), now_us, inner=inner)
        self._alter(changes, now_us)
        if sighting.dumps:
            self._watches.overdue.covered_since(self._seen.covered_since_us)
        if any(dump.counters for dump in sighting.dumps):
            self.count(now_us)
        self.settle(now_us)
        self._take_leave(sighting)

    def _joined(self, connection: Connection, now_us: int) -> Connection:
        """A socket's connection with what a proxy's log tells of it; what stood there alone is withdrawn."""
        connection, line = self._proxied.socket(connection, now_us)
        if line is not None:
            self._verdicts.withdraw(line.id)
            self._watches.same(line, connection)
        return connection

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
            self._watches.learn(sighting.workloads, sighting.at_us)
            for kept in self._workloads.learn(sighting.workloads, sighting.at_us):
                self.batch.workloads[kept.id] = kept
            began = not scope.retool_seen
            changed = scope.learn(sighting.workloads) or changed
            if began and scope.retool_seen:
                self._watches.forget_unjudged(sighting.at_us)
        if changed:
            self._judge.forget()
            self._verdicts.judge_open(sighting.at_us)

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
        self._verdicts.reads_hosts = self._verdicts.reads_hosts or sighting.hosts is not None
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

    def take_nameless(self) -> set[str]:
        """The addresses off the list that nothing names, since the last call: a PTR record may tell a person more."""
        return self._verdicts.take_nameless()

    def take_wanted(self, now_us: int) -> set[str]:
        """The allowed names that are to be looked up, because a client gave them for an address not known for them.

        Others are never asked for: the question itself would carry out what somebody wrote into the name.
        """
        return {host for host in self._judge.claims.take_wanted() if self.allowlist.allows_host(host, now_us)}

    def _alter(self, changes: Changes, now_us: int) -> None:
        for tracked in changes.altered:
            held = self._verdicts.get(tracked.id)
            if held is None:
                continue
            flow = tracked.flow
            connection = kept(renewed(held, tracked), held)
            if flow is not None and (flow.evidence is not None or not tracked.is_open):
                self._verdicts.spoke(tracked.id)
                name = self._judge.name(tracked.namespace, tracked.remote.ip, tracked.opened_us, flow)
                if held.name.evidence is Evidence.PROXY:
                    name = replace(held.name, claim=name.claim if name.claim is Claim.MISMATCH else held.name.claim)
                connection = replace(connection, name=name)
            connection = self._joined(connection, now_us)
            self._verdicts.hold(connection)
            if self._verdicts.waits(held.id):
                continue
            renamed = held.name != connection.name
            if renamed or (held.process, held.origin) != (tracked.process, tracked.origin):
                self._verdicts.judge(
                    connection, now_us, renamed=renamed, inner=flow.inner if flow is not None else None
                )
                if renamed:
                    self._verdicts.resolve(now_us)
            else:
                self._watches.tried(connection, now_us)
        for id in changes.forgotten:
            self._verdicts.over(id)

    def logged(self, read: LogRead) -> None:
        """Take in what the lines of a proxy's log tell, and how far it was read: both are committed together."""
        self.batch.logs[read.path] = read.kept
        self.batch.requests |= dict.fromkeys(read.keys)
        self._seen.take_log(read, self._watches)
        for request in read.requests:
            connection = self._proxied.line(request, read.path, read.at_us, self._verdicts.get)
            if connection is not None:
                self._proxied.decided(self._verdicts.logged(connection, read.at_us), request, read.at_us)
        for connection in self._proxied.take_given_up():
            self._verdicts.logged(connection, read.at_us)

    def imported(
        self, path: str, requests: Sequence[Request], now_us: int, again: Mapping[int, int] | None = None
    ) -> list[int]:
        """Take in what a past log tells: each request is a connection of its own, judged by the list of today.

        :param again: by place, the ids of connections of which an earlier import has told that they were open
        :returns: the ids of all of them
        """
        ids, origins = list[int](), dict[str, Origin]()
        for place, request in enumerate(requests):
            known = again.get(place) if again else None
            id = known if known is not None else self._tracker.take_id()
            ids.append(id)
            if request.outcome.is_open:  # nothing follows that would tell its end
                request = request._replace(outcome=Outcome.UNKNOWN)
            ip = request.client.ip if request.client is not None else ""
            origin = origins.get(ip)
            if origin is None:
                origin = origins[ip] = self._proxied.origin_of(ip)
            name, via_proxy = name_of(request.host, request.is_claimed), not request.is_claimed
            finding = self._judge.find_at(origin, name, remote_of(request), now_us, via_proxy=via_proxy)
            connection = alone(
                id, request, path, origin, finding.label, finding.judgement, now_us, recorded=Recorded.IMPORTED
            )
            self.batch.connections[id] = (connection, True)
            if known is None and finding.judgement.verdict is Verdict.OFF_ALLOWLIST:
                self._watches.off_list(connection, finding.loud)
            elif known is None:
                self._watches.tried_before(connection)
        self._watches.tell_past(now_us)
        return ids

    def settle(self, now_us: int, *, force: bool = False) -> None:
        """Decide what waited and need wait no longer; with ``force``, all that waits. Each new day, judge again."""
        self._verdicts.settle(now_us, force=force)
        self._proxied.forget_old(now_us)
        self._watches.settle(now_us)

    def learn(self, result: Result, namespace: str) -> None:
        """Take in the result of one look-up."""
        answers = self._naming.learn(result)
        self._judge.claims.looked_up(result.host, result.at_us, found=isinstance(result, Found))
        self._keep_answers(answers)
        if answers:
            self._verdicts.name_open({answer.ip for answer in answers}, result.at_us)
        if self._settled():
            self._seen.watched(NAMES, namespace, result.at_us, self._naming.note(self.allowlist))
        self.settle(result.at_us)

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
        self._verdicts.judge_open(now_us)
        book = self._watches.book
        self._watches.write(book.resolve(lambda a: "the allowlist was mended" if a.cause == _MENDED else None, now_us))

    def keep_allowlist(self, error: ConfigError, now_us: int) -> None:
        """Say that the files cannot be used and the list in force stays."""
        finding = broken_allowlist(clean(str(error), 400), error.hint, now_us)
        self._watches.write([self._watches.book.raise_(finding)])

    def count(self, now_us: int) -> None:
        """Hand on the bytes that open connections have sent and received since the last call."""
        for tracked in self._tracker.counted():
            self._verdicts.counted(tracked.id, *tracked.told, now_us)

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
            self._verdicts.whole(self._joined(self._connection(tracked), run.seen_us), run.seen_us, tracked)
        self.settle(run.seen_us, force=True)
        self.beat(run)
        for source in (SOCKETS, NAMES):
            self._seen.looked_away(source)
