"""How the logs of proxies are read now, and what of that is amiss; told in words for every screen and page."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tui.history.proxy_logs import log_holes, logs
from tui.history.read import Reader
from tui.history.rows import Hole, LogRow
from tui.model.log_state import ROTATED, UNREADABLE, WAITING
from tui.model.size import size_text
from tui.model.times import MINUTE_US, SECOND_US
from tui.output.holes import lost_words

LAG = 1_000_000
"""Bytes that wait from which on a log is behind; what came since the last look waits at all times."""
ROTATED_US = MINUTE_US
"""How long a rotated log may be away: some proxies open theirs late, when there is something to write."""
SLACK_US = 10 * SECOND_US
"""So late may signs of life come: what is no longer and reaches to now is no hole yet, unless the log is known to be
unreadable."""


@dataclass(frozen=True, slots=True)
class LogSight:
    """One log."""

    log: LogRow
    holes: tuple[Hole, ...] = ()
    """When it could not be read, and what may be lost of it."""

    @property
    def is_unreadable(self) -> bool:
        """True if it is there and may not be read."""
        return self.log.state.startswith(UNREADABLE)

    @property
    def is_missing(self) -> bool:
        """True if there was no such file yet."""
        return self.log.state == WAITING

    @property
    def is_nameless(self) -> bool:
        """True if it cannot name destinations."""
        return bool(self.log.lacks)

    @property
    def is_unknown(self) -> bool:
        """True if none of its lines is in a known format."""
        return self.log.unparsed > 0 and not self.log.formats

    @property
    def is_behind(self) -> bool:
        """True if much of it waits."""
        return self.log.lag >= LAG

    def is_away(self, now_us: int) -> bool:
        """True if it was rotated, and no other came in its place for longer than that takes."""
        return self.log.state == ROTATED and now_us - self.log.read_us > ROTATED_US

    @property
    def words(self) -> str:
        """`following; squid; 812 lines in this run, 640 requests; 3 unparsed, the last: …; 2.1 MB wait`."""
        log = self.log
        parts = [log.state]
        if log.formats:
            parts.append(" and ".join(log.formats))
        else:
            parts.append("no line is in a known format" if log.unparsed else "its format is not known yet")
        parts.append(f"{_counted(log.lines, 'line')} in this run, {_counted(log.requests, 'request')}")
        if log.unparsed:
            parts.append(f"{log.unparsed} unparsed, the last: {log.last_unparsed}")
        if log.lag:
            parts.append(f"{size_text(log.lag)} wait")
        return "; ".join(parts)

    @property
    def lacks_words(self) -> str:
        """`this log cannot name destinations: …, with what would`; empty where it can."""
        return f"this log cannot name destinations: {self.log.lacks}" if self.log.lacks else ""


def log_sights(reader: Reader, from_us: int, now_us: int, sockets: Sequence[Hole] = ()) -> tuple[LogSight, ...]:
    """The logs that are followed, with their holes between two times; without those of nobody having recorded at all.

    :param sockets: the holes of the sockets in that time
    """
    blind = [hole for hole in sockets if not hole.namespaces and hole.lost is None]
    sights = list[LogSight]()
    for log in logs(reader):
        late_us = 0 if log.state.startswith(UNREADABLE) else SLACK_US
        sights.append(LogSight(log, tuple(_own(log_holes(reader, log.path, from_us, now_us), blind, now_us, late_us))))
    return tuple(sights)


def _own(holes: Iterable[Hole], blind: Sequence[Hole], now_us: int, late_us: int) -> Iterable[Hole]:
    for hole in holes:
        is_late = hole.lost is None and hole.to_us >= now_us and hole.to_us - hole.from_us <= late_us
        if not is_late and not any(_covers(each, hole) for each in blind):
            yield hole


def _covers(blind: Hole, hole: Hole) -> bool:
    return hole.lost is None and blind.from_us - SLACK_US <= hole.from_us and hole.to_us <= blind.to_us + SLACK_US


def hole_sentence(hole: Hole, span: str) -> str:
    """`not read 02:10Z-02:12Z`, `up to 812 bytes may be lost 02:13Z`; ``span`` is the hole's time, written."""
    return f"{lost_words(hole) or 'not read'} {span}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what if number == 1 else what + 's'}"
