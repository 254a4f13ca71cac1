"""Observations in, changes of the record out. Owns the state between them; does no input or output and has no clock."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from tui.allowlist.judge import Allowlist
from tui.allowlist.rules import Subject
from tui.allowlist.target import UNNAMED_ADDRESS
from tui.catalog import Catalogue
from tui.collector.alerts import AlertBook, broken_allowlist, off_allowlist, stopped_source
from tui.collector.coverage import Coverage
from tui.collector.label import Finding, find, name_of
from tui.collector.track import Changes, Tracked, Tracker
from tui.config.errors import ConfigError
from tui.history.batch import Batch, CoverageSpan, KeptAllowlist, Run
from tui.model.address import parse_address
from tui.model.alert import Alert, AlertKind
from tui.model.answer import Answer
from tui.model.connection import Connection, Judgement, Outcome, Verdict
from tui.model.observation import Dump
from tui.model.text import clean
from tui.names.forward import Found, Missed, Result
from tui.names.table import NameTable

PENDING_US = 3_000_000
"""A verdict waits no longer than this for a name."""
SOCKETS = "sockets"
NAMES = "names"


@dataclass(frozen=True, slots=True)
class _Held:
    connection: Connection
    loud: str | None


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
        self._held: dict[int, _Held] = {}
        self._missing: dict[str, str] = {}
        self._found = False
        self._stopped: set[str] = set()
        self._pending: set[int] = set()

    def take(self) -> Batch:
        """What has changed since the last call."""
        taken, self.batch = self.batch, Batch()
        return taken

    def resume(self, tracked: list[Tracked], connections: dict[int, Connection]) -> None:
        """Take over the connections that an earlier collector left open or just ended."""
        self._tracker.resume(tracked)
        self._held = {t.id: _Held(connections[t.id], None) for t in tracked if t.is_open and t.id in connections}

    def observe(self, dump: Dump, note: str) -> None:
        """Take in one look at the sockets of one namespace; ``note`` says what the source cannot see."""
        self._write_span(self._coverage.watched(SOCKETS, dump.namespace, dump.at_us, note))
        changes = self._tracker.observe(dump)
        for tracked in changes.opened:
            self._open(tracked, dump.at_us)
        self._alter(changes, dump.at_us)
        self.settle(dump.at_us)

    def _open(self, tracked: Tracked, now_us: int) -> None:
        _, protocol, local, remote = tracked.key
        finding, waits = self._find(tracked, now_us)
        connection = Connection(
            tracked.id, tracked.opened_us, False, tracked.closed_us, tracked.last_seen_us, SOCKETS, protocol, local,
            remote, tracked.origin, tracked.process, finding.name, finding.label, finding.judgement, tracked.outcome,
            None, None, None, tracked.recorded,
        )  # fmt: skip
        self._put(connection, finding.loud)
        if waits:
            self._pending.add(connection.id)
        else:
            self._alert(connection, finding.loud)

    def _find(self, tracked: Tracked, now_us: int) -> tuple[Finding, bool]:
        remote = tracked.key[3]
        name = name_of(self._table, self._catalogue, remote.ip, tracked.opened_us)
        finding = find(name, remote.ip, remote.port, tracked.origin.role, self.allowlist, self._catalogue, now_us)
        nameless = name.host is None and not name.candidates
        young = now_us < tracked.opened_us + PENDING_US
        if finding.judgement.verdict is Verdict.OFF_ALLOWLIST and nameless and young and not self._settled():
            pending = Judgement(Verdict.PENDING, None, self.allowlist.revision, "a name may still arrive")
            return replace(finding, judgement=pending, loud=None), True
        return finding, False

    def _alter(self, changes: Changes, now_us: int) -> None:
        for tracked in changes.altered:
            held = self._held.get(tracked.id)
            if held is None:
                continue
            new_owner = held.connection.process != tracked.process or held.connection.origin != tracked.origin
            connection = replace(
                held.connection,
                closed_us=tracked.closed_us,
                last_seen_us=tracked.last_seen_us,
                outcome=tracked.outcome,
                process=tracked.process,
                origin=tracked.origin,
            )
            self._put(connection, held.loud)
            if new_owner and connection.judgement.verdict is not Verdict.PENDING:
                self._judge_again(connection, now_us)
        for id in changes.forgotten:
            if id in self._held and id not in self._pending:
                self._finish(id)

    def _finish(self, id: int) -> None:
        held = self._held.pop(id)
        self.batch.connections[id] = (held.connection, True)

    def settle(self, now_us: int) -> None:
        """Give the connections that waited for a name their verdict, once it is known or the wait is over."""
        for id in list(self._pending):
            connection = self._held[id].connection
            name = name_of(self._table, self._catalogue, connection.remote.ip, connection.opened_us)
            named = name.host is not None or bool(name.candidates)
            if named or self._settled() or now_us >= connection.opened_us + PENDING_US:
                self._pending.discard(id)
                self._judge_again(replace(connection, name=name), now_us)
                if connection.outcome is not Outcome.OPEN:
                    self._finish(id)

    def _judge_again(self, connection: Connection, now_us: int) -> None:
        before = connection.judgement
        remote = connection.remote
        finding = find(
            connection.name, remote.ip, remote.port, connection.origin.role, self.allowlist, self._catalogue, now_us
        )
        same = (finding.judgement.verdict, finding.judgement.rule) == (before.verdict, before.rule)
        if same and finding.label == connection.label:
            return
        connection = replace(connection, label=finding.label, judgement=finding.judgement)
        self._put(connection, finding.loud)
        if before.verdict is not Verdict.OFF_ALLOWLIST:
            self._alert(connection, finding.loud)

    def _put(self, connection: Connection, loud: str | None) -> None:
        self._held[connection.id] = _Held(connection, loud)
        self.batch.connections[connection.id] = (connection, False)

    def _alert(self, connection: Connection, loud: str | None) -> None:
        if connection.judgement.verdict is Verdict.OFF_ALLOWLIST:
            self._write_alert(self._book.raise_(off_allowlist(connection, loud)))

    def _write_alert(self, alert: Alert) -> None:
        self.batch.alerts[alert.id] = alert

    def _write_span(self, span: CoverageSpan | None) -> None:
        if span is not None:
            self.batch.coverage[span.id] = span

    def learn(self, result: Result, namespace: str) -> None:
        """Take in the result of one look-up."""
        if isinstance(result, Missed):
            self._missing[result.host] = clean(result.reason)
        else:
            self._missing.pop(result.host, None)
            self._found = True
            self._learn_found(result)
        if self._settled():
            self._write_span(self._coverage.watched(NAMES, namespace, result.at_us, self._names_note()))
        self.settle(result.at_us)

    def _learn_found(self, found: Found) -> None:
        until_us = found.at_us + round(found.ttl_s * 1_000_000)
        for ip in found.addresses:
            answer = self._table.learn(Answer(found.host, str(parse_address(ip)), found.at_us, until_us))
            self.batch.answers[answer.host, answer.ip, answer.from_us] = answer
        self._table.forget_before(found.at_us)

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
        """Judge what is open, and what comes, by a new list; alerts whose destination it allows are resolved."""
        self.allowlist = allowlist
        for held in list(self._held.values()):
            if held.connection.judgement.verdict is not Verdict.PENDING:
                self._judge_again(held.connection, now_us)
        for alert in self._book.resolve(lambda a: self._allowed_now(a, now_us), now_us):
            self._write_alert(alert)

    def _allowed_now(self, alert: Alert, now_us: int) -> str | None:
        if alert.cause == "coverage|allowlist":
            return "the allowlist was mended"
        if alert.kind is not AlertKind.OFF_ALLOWLIST or alert.destination is None or alert.port is None:
            return None
        subject = self._subject(alert.destination, alert.port, alert.role)
        judgement = self.allowlist.judge(subject, now_us)
        if judgement.verdict is Verdict.OFF_ALLOWLIST or alert.cause.startswith("predates-record"):
            return None
        return f"the allowlist (revision {self.allowlist.revision}) has it: {judgement.why}"

    def _subject(self, destination: str, port: int, role: str | None) -> Subject:
        try:
            return Subject(None, str(parse_address(destination)), port, role)
        except ValueError:
            return Subject(destination, UNNAMED_ADDRESS, port, role)

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
        for alert in self._book.resolve(
            lambda a: "it works again" if a.cause == f"coverage|{source}" else None, now_us
        ):
            self._write_alert(alert)

    def looked_away(self, source: str) -> None:
        """Nobody looked for longer than a look may take: a hole without a fault, such as a sleeping machine."""
        for span in self._coverage.stopped(source):
            self._write_span(span)

    def beat(self, run: Run) -> None:
        """Say how far everything that is watched reaches; look-ups watch between two answers too."""
        self.batch.run = run
        for span in self._coverage.open:
            if span.source == NAMES:
                self._coverage.watched(NAMES, span.namespace, run.seen_us, span.note)
        for span in self._coverage.open:
            self._write_span(span)
