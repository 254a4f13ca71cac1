"""Label and judge connections, hold those that go on or wait for a name or an owner, and tell the watches. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from tui.collector.judging import Judge
from tui.collector.label import Finding
from tui.collector.naming import Naming
from tui.collector.proxied import Proxied
from tui.collector.resolve import Resolver
from tui.collector.tracked import SOURCE, Tracked
from tui.collector.watches import Watches
from tui.history.batch import Batch
from tui.model.connection import FALSE_NAME, Claim, Connection, Evidence, Judgement, Label, Name, Outcome, Verdict
from tui.model.times import DAY_US

PENDING_US = 3_000_000
"""A verdict waits no longer than this for a name or an owner."""
AGAIN_US = 200_000
"""How often what waits is looked at again before its time is over: in a storm thousands wait at each look."""
_WAITING = "a name may still arrive"


class Verdicts:
    """The connections that are followed, each as it now stands; what changes stands in ``batch``."""

    def __init__(
        self, judge: Judge, watches: Watches, naming: Naming, proxied: Proxied, settled: Callable[[], bool], *,
        looks_up: bool,
    ) -> None:  # fmt: skip
        """``settled`` tells whether every name has been looked up once, so that no more names are to be awaited, and
        ``looks_up`` whether names are looked up at all.
        """
        self.batch = Batch()
        self.reads_hosts = False
        """True if hosts files are read."""
        self._judge = judge
        self._watches = watches
        self._naming = naming
        self._proxied = proxied
        self._settled = settled
        self._looks_up = looks_up
        self._held: dict[int, Connection] = {}
        self._pending: set[int] = set()
        self._over: set[int] = set()
        """Of those that wait, the ones of which nothing more can come."""
        self._mute: set[int] = set()
        """Open connections whose packets are read, and have not told yet how the client names the other side."""
        self._nameless: set[str] = set()
        """Addresses that nothing names."""
        self._again_us = 0
        self._day: int | None = None

    def resume(self, connections: Iterable[Connection]) -> None:
        """Take over what an earlier collector left open or undecided."""
        for connection in connections:
            is_pending = connection.judgement.verdict is Verdict.PENDING
            if connection.outcome.is_open or is_pending:
                self._held[connection.id] = connection
            if is_pending:
                self._pending.add(connection.id)
                if not connection.outcome.is_open:
                    self._over.add(connection.id)

    def get(self, id: int) -> Connection | None:
        """A connection that is held, as it now stands."""
        return self._held.get(id)

    def waits(self, id: int) -> bool:
        """True if a connection waits for its verdict."""
        return id in self._pending

    def hold(self, connection: Connection) -> None:
        """Hold a connection as it now stands."""
        self._held[connection.id] = connection
        self.batch.connections[connection.id] = (connection, False)
        self._proxied.judged(connection)

    def withdraw(self, id: int) -> None:
        """Another connection stands for it from now on."""
        for known in (self._held, self.batch.connections):
            known.pop(id, None)
        self._pending.discard(id)
        self._over.discard(id)
        self.batch.withdrawn[id] = None

    def silent(self, id: int) -> None:
        """What the client says first, by which it names the other side, is yet to be read off the wire."""
        self._mute.add(id)

    def spoke(self, id: int) -> None:
        """It is read, or will never be."""
        self._mute.discard(id)

    def over(self, id: int) -> None:
        """Nothing more comes of a connection."""
        if id in self._pending:
            self._over.add(id)
        elif id in self._held:
            self._finish(id)

    def whole(self, connection: Connection, now_us: int, tracked: Tracked) -> None:
        """One that is over when it is first heard of: most of them, and nothing of it is held."""
        finding = self._judge.find(connection, now_us)
        before, judgement = connection.judgement, finding.judgement  # a line of a proxy's log may have told already
        connection = judged(connection, finding.label, judgement)
        off = judgement.verdict is Verdict.OFF_ALLOWLIST and before.verdict is not judgement.verdict
        if off and self._must_wait(connection, finding, now_us):
            self._over.add(tracked.id)
            self.judge(connection, now_us)
            return
        self.batch.connections[tracked.id] = (connection, True)
        self._proxied.judged(connection)
        if off:
            may_be_empty = tracked.protocol == "udp" and judgement.rule is None and tracked.flow is None
            inner = tracked.flow.inner if tracked.flow is not None else None
            self._tell_off_list(connection, None if may_be_empty else finding.loud, now_us, inner)
        self._watches.tried(connection, now_us)

    def judge(self, connection: Connection, now_us: int, *, renamed: bool = False, inner: str | None = None) -> None:
        """Label and judge a connection as it now stands; it waits while a name or an owner may still come.

        :param inner: the name within its tunnel, which may not be the one that the proxy was asked for
        """
        finding = self._judge.find(connection, now_us)
        if self._must_wait(connection, finding, now_us):
            self._wait(connection, finding)
            return
        self._pending.discard(connection.id)
        before, connection = connection.judgement, judged(connection, finding.label, finding.judgement)
        self.hold(connection)
        self._tell(connection, before, finding, now_us, renamed=renamed, inner=inner)

    def logged(self, connection: Connection, now_us: int) -> Connection:
        """The same, of what a line of a proxy's log tells of; it waits for nothing but to know who asked."""
        followed = connection.source == SOURCE and connection.id in self._held and connection.id not in self._over
        if connection.name.evidence is not Evidence.PROXY:  # the client's own claim
            connection = replace(connection, name=self._judge.renamed(connection))
        finding = self._judge.find(connection, now_us)
        if self._must_wait(connection, finding, now_us):
            connection = self._wait(connection, finding)
            if not connection.outcome.is_open:
                self._over.add(connection.id)
            return connection
        before, was_false = connection.judgement, connection.label.category == FALSE_NAME
        connection = judged(connection, finding.label, finding.judgement)
        self._pending.discard(connection.id)
        self.hold(connection)
        if not followed and not connection.outcome.is_open:
            self._finish(connection.id)
        self._tell(connection, before, finding, now_us, renamed=not was_false)
        return connection

    def counted(self, id: int, sent: int | None, received: int | None, now_us: int) -> None:
        """Take in the bytes that an open connection has sent and received by now."""
        held = self._held.get(id)
        if held is None:
            return
        connection = self._held[id] = replace(held, bytes_sent=sent, bytes_received=received)
        self.batch.counters[id] = (sent, received)
        if id not in self._pending:
            self._watches.tried(connection, now_us)

    def settle(self, now_us: int, *, force: bool = False) -> None:
        """Decide what waited and need wait no longer; with ``force``, all that waits. Each new day, judge again."""
        self._decide_pending(now_us + (PENDING_US if force else 0))
        day, self._day = self._day, now_us // DAY_US
        if day is not None and day != self._day:
            self.judge_open(now_us)

    def judge_open(self, now_us: int) -> None:
        """Judge again what is open: the list, the scope or the day has changed."""
        for connection in list(self._held.values()):
            if connection.outcome.is_open and connection.id not in self._pending:
                self._judge_if_changed(connection, now_us)
        self.resolve(now_us)

    def name_open(self, addresses: set[str], now_us: int) -> None:
        """What is open without a name has one from now on, when a look-up gives its address."""
        nameless = [c for c in self._held.values() if c.remote.ip in addresses and _is_nameless(c.name)]
        for connection in nameless:
            if connection.outcome.is_open and connection.id not in self._pending:
                name = self._judge.name(connection.origin.namespace, connection.remote.ip, now_us)
                self.judge(replace(connection, name=name), now_us)
        if nameless:
            self.resolve(now_us)

    def resolve(self, now_us: int) -> None:
        """End the alerts whose destination, under the name that is known for it now, is allowed."""
        self._watches.settle(now_us)
        resolver = Resolver(self._judge, self._held.values(), self._watches.burst, now_us)
        self._watches.write(self._watches.book.resolve(resolver.gone, now_us))

    def take_nameless(self) -> set[str]:
        """The addresses off the list that nothing names, since the last call."""
        taken, self._nameless = self._nameless, set()
        return taken

    def _wait(self, connection: Connection, finding: Finding) -> Connection:
        revision = self._judge.allowlist.revision
        connection = judged(connection, finding.label, Judgement(Verdict.PENDING, None, revision, _WAITING))
        self.hold(connection)
        self._pending.add(connection.id)
        return connection

    def _must_wait(self, connection: Connection, finding: Finding, now_us: int) -> bool:
        if finding.judgement.verdict is not Verdict.OFF_ALLOWLIST:
            return False
        if connection.name.evidence is Evidence.PROXY:
            unknown = self._proxied.knows_addresses and not connection.origin.namespace
            return unknown and abs(now_us - connection.last_seen_us) < PENDING_US
        if abs(now_us - connection.opened_us) >= PENDING_US:  # also when the clock was set back
            return False
        if connection.process is None and connection.outcome is Outcome.OPEN:
            return True
        if connection.name.host is None:
            if connection.id in self._mute:
                return True
            read = not self.reads_hosts or self._naming.has_read(connection.origin.namespace)
            return _is_nameless(connection.name) and not (read and self._settled())
        return self._looks_up and self._judge.may_be_confirmed(connection, now_us)

    def _tell(
        self, connection: Connection, before: Judgement, finding: Finding, now_us: int, *, renamed: bool = False,
        inner: str | None = None,
    ) -> None:  # fmt: skip
        """Have the watches take in a connection that is decided; ``before`` is what they were told of it."""
        judgement = finding.judgement
        newly_denied = judgement.rule is not None and judgement.rule != before.rule
        newly_false = connection.name.claim is Claim.MISMATCH and renamed
        if judgement.verdict is Verdict.OFF_ALLOWLIST and (
            before.verdict is not judgement.verdict or newly_denied or newly_false
        ):
            self._tell_off_list(connection, finding.loud, now_us, inner)
        self._watches.tried(connection, now_us)

    def _tell_off_list(self, connection: Connection, loud: str | None, now_us: int, inner: str | None = None) -> None:
        if self._judge.is_false(connection, now_us):
            self._watches.false_name(connection, inner, now_us)
            return
        self._watches.off_list(connection, loud)
        if _is_nameless(connection.name) and connection.name.evidence is None:
            self._nameless.add(connection.remote.ip)

    def _finish(self, id: int) -> None:
        self._mute.discard(id)
        self._over.discard(id)
        self.batch.connections[id] = (self._held.pop(id), True)

    def _decide_pending(self, now_us: int) -> None:
        again = abs(now_us - self._again_us) >= AGAIN_US
        if again:
            self._again_us = now_us
        for id, connection in [(id, self._held[id]) for id in self._pending]:
            if not again and abs(now_us - connection.opened_us) < PENDING_US:
                continue
            self.judge(replace(connection, name=self._judge.renamed(connection)), now_us)
            if id not in self._pending and id in self._over:
                self._finish(id)

    def _judge_if_changed(self, connection: Connection, now_us: int) -> None:
        finding = self._judge.find(connection, now_us)
        before = (connection.judgement.verdict, connection.judgement.rule, connection.label)
        if (finding.judgement.verdict, finding.judgement.rule, finding.label) != before:
            self.judge(connection, now_us)


def judged(connection: Connection, label: Label, judgement: Judgement) -> Connection:
    """A connection with what was found of it."""
    return replace(connection, label=label, judgement=judgement)


def _is_nameless(name: Name) -> bool:
    return name.host is None and not name.candidates
