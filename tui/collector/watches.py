"""Turn what connections show into alerts: what each watch says goes into the one book. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from tui.catalog import CLOUD_METADATA, Catalogue
from tui.collector.alerts import AlertBook, News, cause_of, metadata, name_mismatch, off_allowlist, who, with_change
from tui.collector.blocked import BlockedWatch
from tui.collector.burst import Burst, is_burst
from tui.collector.bypass import BypassWatch
from tui.collector.hops import Hops
from tui.collector.overdue import OverdueWatch
from tui.collector.proxy_down import ProxyDownWatch
from tui.collector.resolving import ResolvingWatch
from tui.collector.upload import UploadWatch
from tui.collector.workloads import WorkloadBook
from tui.model.alert import Alert, AlertKind, Finding
from tui.model.connection import Connection, Origin, Recorded, Verdict
from tui.model.times import MINUTE_US
from tui.model.wire import Lookup
from tui.model.workload import Workload

Bytes = tuple[int | None, int | None]


@dataclass(slots=True)
class _Found:
    """Connections off the allowlist to one destination, since the last telling."""

    latest: Connection
    loud: str | None
    times: int


class Watches:
    """Everything that raises alerts about connections. What changes in the book is handed over by ``take``."""

    def __init__(
        self, book: AlertBook, catalogue: Catalogue, workloads: WorkloadBook, overdue: OverdueWatch,
        upload: UploadWatch, burst: Burst, hops: Hops, *, proxy_required: bool = False,
    ) -> None:  # fmt: skip
        """``proxy_required``: each role of Retool is to use a proxy."""
        self.book = book
        self.burst = burst
        self.overdue = overdue
        self._workloads = workloads
        self._blocked = BlockedWatch(catalogue, book.open)
        self._resolving = ResolvingWatch(catalogue, book.open)
        self._proxy_down = ProxyDownWatch(hops, book.open)
        self._bypass = BypassWatch(hops, required=proxy_required, open_alerts=book.open)
        self._upload = upload
        self._counted: dict[int, Bytes] = {}
        self._found: dict[tuple[object, ...], _Found] = {}
        self._changed: dict[int, Alert] = {}
        self._checked_us = 0

    def resume(self, connections: Iterable[Connection]) -> None:
        """Take over what an earlier collector left open: what the record has told of it is not told again."""
        for connection in connections:
            if connection.outcome.is_open:
                self._bypass.resume(connection)
                self._counted[connection.id] = (connection.bytes_sent, connection.bytes_received)

    def take(self) -> dict[int, Alert]:
        """The alerts that have changed since the last call."""
        taken, self._changed = self._changed, {}
        return taken

    def write(self, alerts: Iterable[Alert]) -> None:
        """Hand these on with the next ``take``."""
        for alert in alerts:
            self._changed[alert.id] = alert
            if is_burst(alert.cause) and not alert.is_open:
                self.burst.ended(alert.role)

    def forget_unjudged(self, now_us: int) -> None:
        """End what was told of everybody before a Retool role was seen; who is judged still is told again."""

        def over(alert: Alert) -> str | None:
            told = alert.kind in (AlertKind.OFF_ALLOWLIST, AlertKind.BYPASS) and alert.role is None
            return "Retool's services are known now, and only they are judged" if told else None

        self.write(self.book.resolve(over, now_us))

    def learn(self, workloads: Iterable[Workload], now_us: int) -> None:
        """Take in what runs now, with the proxies that it is told to use."""
        if self._bypass.learn(workloads):
            self.write(self.book.resolve(self._bypass.over, now_us))

    def tried(self, connection: Connection, now_us: int) -> None:
        """Take in a connection as it now stands: its outcome, its verdict or its bytes have changed."""
        verdict = connection.judgement.verdict
        self._proxy_down.tried(connection, now_us)
        self._bypass.tried(connection, now_us)
        if verdict is Verdict.ALLOWED and (connection.label.service is not None or connection.name.candidates):
            self._blocked.tried(connection, now_us)
            self.overdue.tried(connection)
        if connection.bytes_sent and verdict is not Verdict.INTERNAL and verdict is not Verdict.PENDING:
            self._add_bytes(connection, now_us)
        elif not connection.outcome.is_open:
            self._counted.pop(connection.id, None)

    def _add_bytes(self, connection: Connection, now_us: int) -> None:
        sent, received = connection.bytes_sent or 0, connection.bytes_received or 0
        sent_before, received_before = self._counted.pop(connection.id, (0, 0))
        if connection.outcome.is_open:
            self._counted[connection.id] = (sent, received)
        more = sent - (sent_before or 0), received - (received_before or 0)
        if connection.recorded is Recorded.PREDATES_RECORD and not sent_before:
            return  # what it sent before the record began is not of the last day
        if more[0] <= 0 and more[1] <= 0:
            return
        finding = self._upload.add(
            who(connection), connection.origin.role, connection.destination, connection.remote.port, *more, now_us
        )
        if finding is not None:
            self._raise(finding, connection, now_us)

    def same(self, line: Connection, socket: Connection) -> None:
        """A line of a proxy's log has turned out to be of a socket that is recorded too: it counts once."""
        for watch in (self._blocked, self._proxy_down):
            watch.same(line.id, socket.id)
        told = line.judgement.verdict not in (Verdict.INTERNAL, Verdict.PENDING)
        if told and line.bytes_sent:
            self._counted[socket.id] = (line.bytes_sent, line.bytes_received)

    def looked_up(self, lookup: Lookup, origin: Origin, *, allowed: bool, now_us: int) -> None:
        """Take in a look-up of a namespace that is judged."""
        whose = origin.role or origin.container
        if whose is not None:
            self._resolving.looked_up(lookup, whose, origin.role, allowed=allowed, now_us=now_us)

    def false_name(self, connection: Connection, inner: str | None, now_us: int) -> None:
        """Take in a connection whose client gave an allowed name for an address that is not its own."""
        self._raise(name_mismatch(connection, inner), connection, now_us)

    def off_list(self, connection: Connection, loud: str | None) -> None:
        """Take in a connection that is off the allowlist; told by ``settle``, so that a thousand cost little more."""
        key = (connection.origin, connection.destination, connection.name.candidates, connection.remote.port,
               connection.recorded, connection.judgement.rule)  # fmt: skip
        known = self._found.get(key)
        if known is None:
            self._found[key] = _Found(connection, loud, 1)
        else:
            known.latest, known.times = connection, known.times + 1

    def tried_before(self, connection: Connection) -> None:
        """Take in what a log of the past tells of a connection that is on the list."""
        if connection.judgement.verdict is Verdict.ALLOWED and connection.label.service is not None:
            self._blocked.tried(connection, connection.last_seen_us)
            self.overdue.tried(connection)

    def tell_past(self, now_us: int) -> None:
        """Tell what was found in logs of the past, and nothing else."""
        self._tell_off_lists(now_us)
        self._tell_of(self._blocked, now_us)

    def _tell_off_lists(self, now_us: int) -> None:
        found, self._found = self._found, {}
        joined = dict[str | None, _Found]()
        for each in found.values():
            if not self._joins_burst(each, joined, now_us):
                self._tell_off_list(each, now_us)
        for each in joined.values():
            single = replace(off_allowlist(each.latest, each.loud), times=each.times)
            self._tell(News(findings=(self.burst.raised(single),)), now_us)

    def settle(self, now_us: int) -> None:
        """Tell what has been found, and look at what time alone brings about."""
        self._tell_off_lists(now_us)
        for watch in (self._blocked, self._resolving, self._proxy_down, self._bypass):
            self._tell_of(watch, now_us)
        if now_us - self._checked_us >= MINUTE_US or now_us < self._checked_us:
            self._checked_us = now_us
            self.overdue.roles_running(self._workloads.retool_since())
            self._tell(self.overdue.check(now_us), now_us)

    def _tell_of(self, watch: BlockedWatch | ResolvingWatch | ProxyDownWatch | BypassWatch, now_us: int) -> None:
        news = watch.settle(now_us)
        if news:
            self._tell(replace(news, findings=tuple(map(self._with_change, news.findings))), now_us)

    def _joins_burst(self, found: _Found, joined: dict[str | None, _Found], now_us: int) -> bool:
        """Count a destination in the open burst of its role, which is then told once for all of them."""
        c = found.latest
        single = c.judgement.rule is not None or c.label.category == CLOUD_METADATA
        if single or c.recorded is not Recorded.LIVE or self.book.is_open(cause_of(c)):
            return False
        role = c.origin.role
        if not self.burst.joins(role, c.destination, c.remote.port, now_us):
            return False
        known = joined.get(role)
        loud, times = (known.loud, known.times) if known is not None else (None, 0)
        joined[role] = _Found(c, found.loud or loud, found.times + times)
        return True

    def _tell_off_list(self, found: _Found, now_us: int) -> None:
        connection = found.latest
        if connection.label.category == CLOUD_METADATA:
            self._raise(replace(metadata(connection), times=found.times), connection, now_us)
            return
        finding = self._with_change(off_allowlist(connection, found.loud), connection.origin.container)
        denied = connection.judgement.rule is not None
        news = self.burst.fold(finding, now_us, is_open=self.book.is_open(finding.cause), is_denied=denied)
        if len(news.findings) == 1:
            news = replace(news, findings=(replace(news.findings[0], times=found.times),))
        self._tell(news, now_us)

    def _raise(self, finding: Finding, connection: Connection, now_us: int) -> None:
        self._tell(News(findings=(self._with_change(finding, connection.origin.container),)), now_us)

    def _with_change(self, finding: Finding, container: str | None = None) -> Finding:
        """Quote what changed before the alert began, which is what one looks for first."""
        since_us = self.book.since(finding.cause) or finding.at_us
        return with_change(finding, self._workloads.change_before(finding.role, container, since_us))

    def _tell(self, news: News, now_us: int) -> None:
        self.write(self.book.take(news, now_us))
