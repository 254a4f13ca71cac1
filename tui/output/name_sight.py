"""By what destinations could be named: packets that were read, and our own look-ups; in a span, or now."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from tui.history.read import HEARTBEAT_US, Reader
from tui.history.rows import Hole
from tui.history.spans import Span, watched_us
from tui.model.diagnosis import Seen

SLACK_US = 2 * HEARTBEAT_US
"""What is missing at the edges of a span does not count: sources begin one after another, and tell their end late."""


@dataclass(frozen=True, slots=True)
class NameSight:
    """How much could be named."""

    namespaces: int
    """Those whose sockets were watched, or would have been."""
    read: int
    """Of them, those in which packets were read while their sockets were watched."""
    partly: int
    """Of them, those in which packets were read for a part of that."""
    look_ups: Seen
    """Whether known and allowed names were looked up ahead of time."""
    lost_packets: int
    why: str = ""
    """Why packets could not be read where they were not, where that is known."""

    @property
    def words(self) -> str:
        """`SNI and DNS read in 3 of 4 namespaces; own look-ups`."""
        own = {Seen.YES: "own look-ups", Seen.PARTLY: "own look-ups for a part of the time", Seen.NO: ""}[self.look_ups]
        if not self.read and not self.partly:
            why = f" ({self.why})" if self.why else ""
            return f"SNI and DNS not read{why}; {own + ' and ' if own else ''}ranges only"
        some = f" ({self.partly} of them for a part of the time)" if self.partly else ""
        lost = f", {self.lost_packets} {'packet' if self.lost_packets == 1 else 'packets'} lost"
        places = f"{self.read + self.partly} of {self.namespaces} namespace{'' if self.namespaces == 1 else 's'}"
        return (
            f"SNI and DNS read in {places}{some}{lost if self.lost_packets else ''}; {own or 'no look-ups of our own'}"
        )


def name_sight_now(reader: Reader, since_us: int, now_us: int) -> NameSight:
    """By what destinations can be named now; packets lost are those since ``since_us``."""
    sockets, wire = reader.watched("sockets"), reader.watched("wire")
    look_ups = Seen.YES if reader.watched("names") else Seen.NO
    lost, why = _lost(reader, since_us, now_us), _why(reader, now_us, now_us)
    return NameSight(len(sockets | wire), len(wire), 0, look_ups, lost, why)


def name_sight(reader: Reader, from_us: int, to_us: int) -> NameSight:
    """By what destinations could be named between two times."""
    watched: dict[str, dict[str, list[Span]]] = {}
    for span in reader.coverage(from_us, to_us):
        part = (max(span.from_us, from_us), min(span.to_us, to_us))
        watched.setdefault(span.source, {}).setdefault(span.namespace, []).append(part)
    sockets, wire, names = (watched.get(source, {}) for source in ("sockets", "wire", "names"))
    read = [_seen(sockets.get(each, []), wire.get(each, [])) for each in sockets.keys() | wire.keys()]
    look_ups = _seen(chain.from_iterable(sockets.values()), chain.from_iterable(names.values()))
    lost, why = _lost(reader, from_us, to_us), _why(reader, from_us, to_us)
    return NameSight(len(read), read.count(Seen.YES), read.count(Seen.PARTLY), look_ups, lost, why)


def unread_holes(wire: Iterable[Hole], sockets: Sequence[Hole], now_us: int) -> tuple[Hole, ...]:
    """Of the holes in which packets were not read, those that are over, and no holes of the ``sockets`` as well.

    Those that last, and packets that were lost, are part of what ``name_sight_now`` says.
    """
    over = (h for h in wire if h.lost is None and h.to_us - h.from_us > SLACK_US and h.to_us < now_us - SLACK_US)
    return tuple(hole for hole in over if not any(_covers(each, hole) for each in sockets))


def _covers(sockets: Hole, wire: Hole) -> bool:
    if sockets.lost is not None:
        return False
    where = not sockets.namespaces or (bool(wire.namespaces) and set(wire.namespaces) <= set(sockets.namespaces))
    return where and sockets.from_us - SLACK_US <= wire.from_us and wire.to_us <= sockets.to_us + SLACK_US


def _seen(watched: Iterable[Span], named: Iterable[Span]) -> Seen:
    """Whether names could be told for as long as there was something to name."""
    sockets, names = list(watched), list(named)
    named_us = watched_us(names)
    if not named_us:
        return Seen.NO
    missing_us = watched_us([*sockets, *names]) - named_us
    return Seen.YES if missing_us <= min(SLACK_US, watched_us(sockets) // 4) else Seen.PARTLY


def _why(reader: Reader, from_us: int, to_us: int) -> str:
    return next(iter(reader.notes("wire", from_us, to_us)), "")


def _lost(reader: Reader, from_us: int, to_us: int) -> int:
    return sum(hole.lost or 0 for hole in reader.holes("wire", from_us, to_us))
