"""What was watched and what was not: spans, lost events, namespaces that cannot be looked into. Pure."""

from collections.abc import Callable, Iterable

from tui.collector.alerts import (
    LOST,
    LOST_LINES,
    LOST_PACKETS,
    log_fault,
    lost_events,
    lost_lines,
    lost_packets,
    unseen_namespace,
)
from tui.collector.coverage import Coverage
from tui.collector.logs import LogRead
from tui.collector.watches import Watches
from tui.history.batch import Batch, CoverageSpan, KeptLoss
from tui.model.alert import Alert, Finding
from tui.model.connection import Origin
from tui.model.log_state import FOLLOWING, ROTATED, UNREADABLE
from tui.model.observation import Loss, Sighting, WireSight
from tui.model.source import LOG
from tui.model.text import clean
from tui.model.times import HOUR_US
from tui.proxylog.notices import Notice

SOCKETS = "sockets"
WIRE = "wire"
"""Packets, off which names are read."""
BEHIND = 1 << 20
"""Bytes of a log that wait, from which on the record says so."""
_MENDABLE = frozenset({"deleted", "unlistable"})
"""What is wrong with a log that is read to its end still."""
_TOLD = _MENDABLE | {"truncated"}
"""What is kept in the record also where nothing is known to be lost."""
UNKNOWN_LINES = 10
"""So many lines in no known format, and none in one, are told: a log may begin with a few words of its writer's."""
_OF_NAMESPACE = "coverage|net:"


class Seen:
    """Owns the coverage of one collector. What changes is handed over by ``add_to``."""

    def __init__(self, coverage: Coverage, next_loss: int, past: Iterable[CoverageSpan] = ()) -> None:
        """``past`` are the last spans of earlier collectors."""
        self._coverage = coverage
        self._next_loss = next_loss
        self._past: tuple[CoverageSpan, ...] | None = tuple(past)
        self._spans: dict[int, CoverageSpan] = {}
        self._losses: dict[int, KeptLoss] = {}
        self._faults: dict[str, str] = {}
        self._unread: set[str] = set()
        self._stopped: set[str] = set()
        self._working: set[str] = set()
        self._residents: dict[str, Origin] = {}
        self._lost_us: int | None = None
        self._log_faults: dict[str, str] = {}
        """By path: what is wrong with the log of a proxy; empty where nothing is."""
        self.covered_since_us: int | None = None
        """Since when everything was seen; None while that is not so."""

    def add_to(self, batch: Batch) -> None:
        """Hand over what has changed since the last call."""
        batch.coverage |= self._spans
        batch.losses |= self._losses
        self._spans, self._losses = {}, {}

    def take(self, sighting: Sighting, watches: Watches) -> None:
        """Take in what a source could see and what not."""
        if sighting.residents is not None:
            self._residents = sighting.residents
        for dump in sighting.dumps:
            self._write(self._coverage.watched(SOCKETS, dump.namespace, dump.at_us, dump.note))
        for namespace in sighting.gone:
            self._write(self._coverage.gone(namespace, sighting.at_us))
        if self._past is not None and sighting.dumps:
            if not sighting.has_hidden:
                self._write(self._coverage.left_behind(self._past, sighting.faults or {}))
            self._past = None
            self._take_faults(sighting.faults or {}, sighting, watches)
        elif sighting.faults is not None:
            self._take_faults(sighting.faults, sighting, watches)
        for loss in sighting.losses:
            self._take_loss(SOCKETS, loss, watches)
        if sighting.wire is not None:
            self._take_wire(sighting.wire, sighting)
        for loss in sighting.packet_losses:
            self._take_loss(WIRE, loss, watches)
        self._forget_loss(sighting.at_us, watches)
        if self._faults or sighting.has_hidden:
            self.covered_since_us = None
        elif self.covered_since_us is None and sighting.dumps:
            self.covered_since_us = sighting.at_us

    def _take_faults(self, faults: dict[str, str], sighting: Sighting, watches: Watches) -> None:
        at_us, seen = sighting.at_us, {dump.namespace for dump in sighting.dumps}
        for namespace in self._faults.keys() - faults.keys() - seen:
            self._write(self._coverage.marked(SOCKETS, namespace, at_us, gone=True))
        for namespace in faults.keys() - self._faults.keys():
            ended = self._coverage.stopped(SOCKETS, namespace)
            self._write(ended or self._coverage.marked(SOCKETS, namespace, at_us, gone=False))
            finding = unseen_namespace(namespace, self._whose(namespace), clean(faults[namespace]), at_us)
            watches.write([watches.book.raise_(finding)])

        def over(alert: Alert) -> str | None:
            gone = alert.cause.startswith(_OF_NAMESPACE) and alert.cause.removeprefix("coverage|") not in faults
            return "it is seen again, or has ended" if gone else None

        watches.write(watches.book.resolve(over, at_us))
        self._faults = dict(faults)

    def _take_wire(self, sight: WireSight, sighting: Sighting) -> None:
        """A namespace whose packets cannot be read is marked, so that it is known to have been there."""
        for namespace in sight.read:
            self._write(self._coverage.watched(WIRE, namespace, sighting.at_us, ""))
        for namespace in sight.refused.keys() - self._unread:
            self._write(self._coverage.stopped(WIRE, namespace))
            why = clean(sight.refused[namespace])
            self._write(self._coverage.marked(WIRE, namespace, sighting.at_us, gone=False, note=why))
        for namespace in self._unread & set(sighting.gone):
            self._write(self._coverage.marked(WIRE, namespace, sighting.at_us, gone=True))
        self._unread = set(sight.refused)

    def _take_loss(self, source: str, loss: Loss, watches: Watches) -> None:
        self._losses[self._next_loss] = KeptLoss(
            self._next_loss, source, loss.namespaces, loss.from_us, loss.to_us, loss.events
        )
        self._next_loss += 1
        whose = " or ".join(dict.fromkeys(map(self._whose, loss.namespaces)))
        if source == SOCKETS:
            self._lost_us = self.covered_since_us = loss.to_us
            finding = lost_events(whose, loss.events, loss.to_us)
        else:
            self._lost_us = loss.to_us
            finding = lost_packets(whose, loss.events, loss.to_us)
        watches.write([watches.book.raise_(finding)])

    def _forget_loss(self, now_us: int, watches: Watches) -> None:
        """An hour without another loss ends its alert; the hole stays in the record."""

        def over(alert: Alert) -> str | None:
            lost = alert.cause in (LOST, LOST_PACKETS) or alert.cause.startswith(LOST_LINES)
            quiet = lost and now_us - alert.last_us > HOUR_US
            return "nothing more was lost for an hour" if quiet else None

        if self._lost_us is None or now_us - self._lost_us > HOUR_US:
            watches.write(watches.book.resolve(over, now_us))
            self._lost_us = now_us

    def take_log(self, read: LogRead, watches: Watches) -> None:
        """Take in how a proxy's log could be read: where it cannot be, or names nothing, an alert says so."""
        source, cause = f"{LOG}{read.path}", f"coverage|{LOG}{read.path}"
        lacks = read.kept.lacks
        if not read.kept.formats and read.kept.unparsed >= UNKNOWN_LINES:
            lacks = "none of its lines is in a known format"
        if read.state in (FOLLOWING, ROTATED):  # what was rotated is read until another log is there
            behind = "more was written to it than has been read" if read.lag >= BEHIND else ""
            self._write(self._coverage.watched(source, "", read.at_us, clean(lacks) or behind))
        else:
            self._write(self._coverage.stopped(source, ""))
        for notice in read.notices:
            self._take_notice(notice, source, read, watches)
        why = ""
        if read.state.startswith(UNREADABLE):
            why = f"cannot be read: {read.state.removeprefix(UNREADABLE)}"
        elif lacks:
            why = f"cannot name destinations: {lacks}"
        known = self._log_faults.get(read.path)
        self._log_faults[read.path] = why
        if why and why != known:
            watches.write([watches.book.raise_(log_fault(cause, read.path, clean(why), read.at_us))])
        elif not why and known != "":
            gone = watches.book.resolve(lambda a: "it can be read" if a.cause == cause else None, read.at_us)
            watches.write(gone)

    def _take_notice(self, notice: Notice, source: str, read: LogRead, watches: Watches) -> None:
        """What may be missing is a hole of that log, in bytes: how many lines it was nobody can know."""
        said, lost = clean(notice.text), notice.lost_bytes
        if lost == 0 and notice.kind not in _TOLD:
            return
        id, self._next_loss = self._next_loss, self._next_loss + 1
        self._losses[id] = KeptLoss(id, source, (), read.since_us, read.at_us, lost or 0, said)
        if lost == 0 and notice.kind not in _MENDABLE:
            return
        self._lost_us = read.at_us
        watches.write([watches.book.raise_(lost_lines(source, read.path, said, read.at_us))])

    def resident(self, namespace: str) -> Origin:
        """What lives in a namespace, as far as it is known."""
        return self._residents.get(namespace) or Origin(namespace)

    def _whose(self, namespace: str) -> str:
        origin = self._residents.get(namespace)
        return (origin and (origin.role or origin.container)) or "the host or an unknown namespace"

    def _write(self, spans: Iterable[CoverageSpan]) -> None:
        self._spans |= {span.id: span for span in spans}

    def watched(self, source: str, namespace: str, at_us: int, note: str) -> None:
        """Say that a source works, with what it cannot see."""
        self._write(self._coverage.watched(source, namespace, at_us, note))

    def beat(self, at_us: int) -> None:
        """Say that everything that is watched is watched still."""
        self._write(self._coverage.beat(at_us))

    def looked_away(self, source: str) -> None:
        """Nobody looked: all spans of a source end where it was last known to work."""
        self._write(self._coverage.stopped(source))
        if source == SOCKETS:
            self.covered_since_us = None

    def stopped_source(self, source: str, finding: Callable[[], Finding]) -> Finding | None:
        """What to say of a source that does not work; None if it was said."""
        if source in self._stopped:
            return None
        self._stopped.add(source)
        return finding()

    def works(self, source: str) -> bool:
        """Say that a source works; True if it is to be told."""
        told = source in self._working and source not in self._stopped
        self._stopped.discard(source)
        self._working.add(source)
        return not told
