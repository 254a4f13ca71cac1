"""Observations in, changes of the record out. Owns the state between them; does no input or output and has no clock."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from tui.allowlist.judge import Allowlist
from tui.catalog import Catalogue
from tui.collector.alerts import AlertBook, broken_allowlist, off_allowlist, stopped_source
from tui.collector.coverage import Coverage
from tui.collector.label import Finding, find, name_of
from tui.collector.past import tracked_again
from tui.collector.resolve import resolution
from tui.collector.track import Changes, Tracked, Tracker
from tui.config.errors import ConfigError
from tui.history.batch import Batch, CoverageSpan, KeptAllowlist, Run
from tui.model.address import parse_address
from tui.model.alert import Alert, AlertKind
from tui.model.answer import Answer
from tui.model.connection import UNRECOGNISED, Connection, Judgement, Label, Name, Outcome, Recorded, Verdict
from tui.model.observation import Dump
from tui.model.text import clean
from tui.names.forward import Found, Missed, Result
from tui.names.table import NameTable

PENDING_US = 3_000_000
"""A verdict waits no longer than this for a name or an owner."""
DAY_US = 86_400_000_000
SOCKETS = "sockets"
NAMES = "names"
_MENDED = "coverage|allowlist"


class Pipeline:
    """Track, name, label, judge: what comes out stands in ``batch`` until it is taken."""

    def __init__(
        self,
        tracker: Tracker,
        table: NameTable,
        catalogue: Catalogue,
        allowlist: Allowlist,
        book: AlertBook,
        coverage: Coverage,
        settled: Callable[[], bool],
    ) -> None:
        """``settled`` tells whether every name has been looked up once, so that no more names are to be awaited."""
        self.allowlist = allowlist
        self.batch = Batch()
        self._tracker = tracker
        self._table = table
        self._catalogue = catalogue
        self._book = book
        self._coverage = coverage
        self._settled = settled
        self._held: dict[int, Connection] = {}
        self._pending: set[int] = set()
        self._missing: dict[str, str] = {}
        self._found = False
        self._stopped: set[str] = set()
        self._day: int | None = None

    def take(self) -> Batch:
        """What has changed since the last call."""
        taken, self.batch = self.batch, Batch()
        return taken

    def resume(self, connections: Iterable[Connection], namespace: str) -> None:
        """Take over what an earlier collector left open, undecided or just ended.

        What is open in another namespace than the one that is watched now cannot be followed: how it ends is unknown.
        """
        followed = []
        for connection in connections:
            if connection.origin.namespace == namespace:
                followed.append(connection)
            elif connection.outcome is Outcome.OPEN:
                connection = replace(connection, outcome=Outcome.UNKNOWN)
                self.batch.connections[connection.id] = (connection, True)
            if connection.outcome is Outcome.OPEN or connection.judgement.verdict is Verdict.PENDING:
                self._held[connection.id] = connection
            if connection.judgement.verdict is Verdict.PENDING:
                self._pending.add(connection.id)
        self._tracker.resume(tracked_again(followed))

    def observe(self, dump: Dump, note: str) -> None:
        """Take in one look at the sockets of one namespace; ``note`` says what the source cannot see."""
        self._write_spans(self._coverage.watched(SOCKETS, dump.namespace, dump.at_us, note))
        changes = self._tracker.observe(dump)
        for tracked in changes.opened:
            self._judge(self._opened(tracked), dump.at_us)
        self._alter(changes, dump.at_us)
        self.settle(dump.at_us)

    def _opened(self, tracked: Tracked) -> Connection:
        _, protocol, local, remote = tracked.key
        name = name_of(self._table, self._catalogue, remote.ip, tracked.opened_us)
        undecided = Judgement(Verdict.PENDING, None, self.allowlist.revision, "")
        return Connection(
            tracked.id, tracked.opened_us, False, tracked.closed_us, tracked.last_seen_us, SOCKETS, protocol, local,
            remote, tracked.origin, tracked.process, name, Label(UNRECOGNISED), undecided, tracked.outcome,
            None, None, None, tracked.recorded,
        )  # fmt: skip

    def _judge(self, connection: Connection, now_us: int) -> None:
        """Label and judge a connection as it now stands; it waits while a name or an owner may still come."""
        before, remote = connection.judgement, connection.remote
        finding = find(
            connection.name, remote.ip, remote.port, connection.origin.role, self.allowlist, self._catalogue, now_us
        )
        if self._waits(connection, finding, now_us):
            pending = Judgement(Verdict.PENDING, None, self.allowlist.revision, "a name may still arrive")
            self._put(replace(connection, label=finding.label, judgement=pending))
            self._pending.add(connection.id)
            return
        self._pending.discard(connection.id)
        judgement = finding.judgement
        self._put(replace(connection, label=finding.label, judgement=judgement))
        newly_denied = judgement.rule is not None and judgement.rule != before.rule
        if judgement.verdict is Verdict.OFF_ALLOWLIST and (before.verdict is not judgement.verdict or newly_denied):
            self._write_alert(self._book.raise_(off_allowlist(self._held[connection.id], finding.loud)))

    def _waits(self, connection: Connection, finding: Finding, now_us: int) -> bool:
        if finding.judgement.verdict is not Verdict.OFF_ALLOWLIST or now_us >= connection.opened_us + PENDING_US:
            return False
        no_owner = connection.process is None and connection.outcome is Outcome.OPEN
        return no_owner or (_is_nameless(connection.name) and not self._settled())

    def _alter(self, changes: Changes, now_us: int) -> None:
        for tracked in changes.altered:
            held = self._held.get(tracked.id)
            if held is None:
                continue
            connection = replace(
                held,
                closed_us=tracked.closed_us,
                last_seen_us=tracked.last_seen_us,
                outcome=tracked.outcome,
                process=tracked.process,
                origin=tracked.origin,
            )
            self._put(connection)
            if held.process != tracked.process and held.id not in self._pending:
                self._judge(connection, now_us)
        for id in changes.forgotten:
            if id in self._held and id not in self._pending:
                self._finish(id)

    def _finish(self, id: int) -> None:
        self.batch.connections[id] = (self._held.pop(id), True)

    def settle(self, now_us: int, *, force: bool = False) -> None:
        """Decide what waited and need wait no longer; with ``force``, all that waits. Each new day, judge again."""
        for id in list(self._pending):
            connection = self._held[id]
            name = name_of(self._table, self._catalogue, connection.remote.ip, connection.opened_us)
            self._judge(replace(connection, name=name), now_us + (PENDING_US if force else 0))
            if id not in self._pending and connection.outcome is not Outcome.OPEN:
                self._finish(id)
        day, self._day = self._day, now_us // DAY_US
        if day is not None and day != self._day:
            self._judge_open(now_us)

    def _judge_open(self, now_us: int) -> None:
        for connection in list(self._held.values()):
            if connection.outcome is Outcome.OPEN and connection.id not in self._pending:
                self._judge_if_changed(connection, now_us)
        self._resolve(now_us)

    def _judge_if_changed(self, connection: Connection, now_us: int) -> None:
        remote, role = connection.remote, connection.origin.role
        finding = find(connection.name, remote.ip, remote.port, role, self.allowlist, self._catalogue, now_us)
        before = (connection.judgement.verdict, connection.judgement.rule, connection.label)
        if (finding.judgement.verdict, finding.judgement.rule, finding.label) != before:
            self._judge(connection, now_us)

    def _put(self, connection: Connection) -> None:
        self._held[connection.id] = connection
        self.batch.connections[connection.id] = (connection, False)

    def _write_alert(self, alert: Alert) -> None:
        self.batch.alerts[alert.id] = alert

    def _write_spans(self, spans: Iterable[CoverageSpan]) -> None:
        self.batch.coverage |= {span.id: span for span in spans}

    def learn(self, result: Result, namespace: str) -> None:
        """Take in the result of one look-up."""
        if isinstance(result, Missed):
            self._missing[result.host] = clean(result.reason)
        else:
            self._missing.pop(result.host, None)
            self._found = True
            self._learn_found(result)
        if self._settled():
            self._write_spans(self._coverage.watched(NAMES, namespace, result.at_us, self._names_note()))
        self.settle(result.at_us)

    def _learn_found(self, found: Found) -> None:
        until_us = found.at_us + round(found.ttl_s * 1_000_000)
        addresses = {str(parse_address(ip)) for ip in found.addresses}
        for ip in addresses:
            answer = self._table.learn(Answer(found.host, ip, found.at_us, until_us))
            self.batch.answers[answer.host, answer.ip, answer.from_us] = answer
        self._table.forget_before(found.at_us)
        self._name_open(addresses, found.at_us)

    def _name_open(self, addresses: set[str], now_us: int) -> None:
        """What is open without a name has one from now on, when a look-up gives its address."""
        nameless = [c for c in self._held.values() if c.remote.ip in addresses and _is_nameless(c.name)]
        for connection in nameless:
            if connection.outcome is Outcome.OPEN and connection.id not in self._pending:
                name = name_of(self._table, self._catalogue, connection.remote.ip, now_us)
                self._judge(replace(connection, name=name), now_us)
        if nameless:
            self._resolve(now_us)

    def _names_note(self) -> str:
        """What cannot be named: every name, or the allowed ones that do not resolve. Others need not exist here."""
        if self._missing and not self._found:
            return f"no name can be looked up: {next(iter(self._missing.values()))}"
        allowed = {rule.host for rule in self.allowlist.rules if rule.action == "allow"}
        hosts = sorted(host for host in self._missing if host in allowed)
        return f"look-ups of {', '.join(hosts)} fail: {self._missing[hosts[0]]}" if hosts else ""

    def keep(self, allowlists: Iterable[KeptAllowlist]) -> None:
        """Record the lists that verdicts will name."""
        self.batch.allowlists |= {kept.revision: kept for kept in allowlists}

    def use_allowlist(self, allowlist: Allowlist, now_us: int) -> None:
        """Judge what is open, and what comes, by a new list; what has ended keeps the verdict as of then."""
        self.allowlist = allowlist
        self._judge_open(now_us)
        for alert in self._book.resolve(lambda a: "the allowlist was mended" if a.cause == _MENDED else None, now_us):
            self._write_alert(alert)

    def _resolve(self, now_us: int) -> None:
        """End the alerts whose destination, under the name that is known for it now, is allowed."""
        waiting = {
            c.origin.role
            for c in self._held.values()
            if c.recorded is Recorded.PREDATES_RECORD
            and c.outcome is Outcome.OPEN
            and c.judgement.verdict is Verdict.OFF_ALLOWLIST
            and _is_nameless(c.name)
        }

        def gone(alert: Alert) -> str | None:
            if alert.kind is not AlertKind.OFF_ALLOWLIST:
                return None
            return resolution(alert, self.allowlist, self._table, self._catalogue, alert.role in waiting, now_us)

        for alert in self._book.resolve(gone, now_us):
            self._write_alert(alert)

    def keep_allowlist(self, error: ConfigError, now_us: int) -> None:
        """Say that the files cannot be used and the list in force stays."""
        self._write_alert(self._book.raise_(broken_allowlist(clean(str(error), 400), error.hint, now_us)))

    def source_stopped(self, source: str, message: str, now_us: int) -> None:
        """A source does not work: its coverage ends, and an alert says so."""
        self.looked_away(source)
        if source not in self._stopped:
            self._stopped.add(source)
            self._write_alert(self._book.raise_(stopped_source(source, clean(message), now_us)))

    def source_works(self, source: str, now_us: int) -> None:
        """A source works: an alert that said otherwise is resolved."""
        self._stopped.discard(source)
        cause = f"coverage|{source}"
        for alert in self._book.resolve(lambda a: "it works again" if a.cause == cause else None, now_us):
            self._write_alert(alert)

    def looked_away(self, source: str) -> None:
        """Nobody looked for longer than a look may take: a hole, and what ends in it ends at an unknown time."""
        self._write_spans(self._coverage.stopped(source))
        if source == SOCKETS:
            self._tracker.looked_away()

    def beat(self, run: Run) -> None:
        """Say how far everything that is watched reaches."""
        self.batch.run = run
        self._write_spans(self._coverage.beat(run.seen_us))

    def end(self, run: Run) -> None:
        """Decide what waits, and let everything that is watched end here."""
        self.settle(run.seen_us, force=True)
        self.beat(run)
        for source in (SOCKETS, NAMES):
            self._write_spans(self._coverage.stopped(source))


def _is_nameless(name: Name) -> bool:
    return name.host is None and not name.candidates
