"""Read past logs, and tell their requests in the order of their lines, each once. Records nothing."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple

from tui.collector.chunks import Told
from tui.model.request import Request
from tui.model.text import clean
from tui.model.times import DAY_US
from tui.proxylog.format import Clock, Format
from tui.proxylog.keys import RequestKey, RequestKeys
from tui.proxylog.past import CutShort, lines_of
from tui.proxylog.reading import Reading

CHUNK = 1_000
"""Requests that are handed over at a time: so many keep a collector busy for no longer than a look at its sockets."""
OPEN_MAX = 4_096
"""Requests that have begun, of which the log has yet to tell the end."""
PATH_MAX = 4_096

_Request = tuple[object, ...]
"""What a request has in common with itself when it is told again."""


class PastLog(NamedTuple):
    """A file, or standard input."""

    source: Path | Literal["-"]
    path: str
    """Of the log that it was rotated from, as the record names it; inert."""
    written_us: int
    """When the latest of its lines can have been written."""


class Family(NamedTuple):
    """Files that were one log once, the oldest first: what one begins, another may end."""

    logs: tuple[PastLog, ...]
    formats: tuple[Format, ...]


@dataclass(slots=True)
class Read:
    """What was found so far."""

    lines: int = 0
    unparsed: int = 0
    last_unparsed: str = ""
    """Inert."""
    first_us: int | None = None
    last_us: int | None = None
    """The time that the requests span."""
    lacking: list[str] = field(default_factory=list)
    """Logs that cannot name destinations, each with what would."""
    faults: list[str] = field(default_factory=list)
    """Logs that could not be read to their end, each with how far they were read."""
    strange: list[str] = field(default_factory=list)
    """Logs of which no line is in a known format."""


class _Open:
    """Requests that are told as open are held back until their end is told."""

    def __init__(self) -> None:
        self._held: dict[_Request, deque[tuple[Request, RequestKey]]] = {}
        self._count = 0

    def take(self, request: Request, key: RequestKey) -> Iterable[Told]:
        """What is complete with this."""
        is_open = request.outcome.is_open
        if not (is_open or self._held):
            return (Told(request, key, None),)
        what = (request.client, request.started_us, request.host)
        if is_open:
            self._held.setdefault(what, deque()).append((request, key))
            self._count += 1
            return self._oldest(1) if self._count > OPEN_MAX else ()
        if what not in self._held:
            return (Told(request, key, None),)
        begun, opened = self._drop(what)
        return (Told(_with(request, begun), key, opened),)

    def rest(self) -> Iterator[Told]:
        """What has no end in the log."""
        return self._oldest(self._count)

    def _oldest(self, count: int) -> Iterator[Told]:
        for what in list(islice(self._held, count)):
            while what in self._held:
                yield Told(*self._drop(what), None)

    def _drop(self, what: _Request) -> tuple[Request, RequestKey]:
        held = self._held[what]
        found = held.popleft()
        self._count -= 1
        if not held:
            del self._held[what]
        return found


def _with(request: Request, begun: Request) -> Request:
    """A request as it was told last, with what only its beginning told."""
    port = request.port if request.port is not None else begun.port
    sent = request.bytes_sent if request.bytes_sent is not None else begun.bytes_sent
    received = request.bytes_received if request.bytes_received is not None else begun.bytes_received
    return request._replace(
        port=port,
        address=request.address or begun.address,
        bytes_sent=sent,
        bytes_received=received,
        reason=request.reason or begun.reason,
    )


def told_of(families: Iterable[Family], zone: tzinfo, read: Read) -> Iterator[tuple[str, list[Told], int]]:
    """The requests of past logs, up to ``CHUNK`` at a time, with their log's path and the bytes read of all logs.

    :param zone: of times that bear none
    :param read: is brought up to date with each
    """
    done = 0

    def progress(more: int) -> None:
        nonlocal done
        done += more

    for family in families:
        gathered, path = list[Told](), ""
        for its_path, told in _family(family, zone, read, progress):
            if its_path != path and gathered:
                yield path, gathered, done
                gathered = []
            path = its_path
            gathered += told
            while len(gathered) >= CHUNK:
                yield path, gathered[:CHUNK], done
                gathered = gathered[CHUNK:]
        if gathered:
            yield path, gathered, done


def _family(
    family: Family, zone: tzinfo, read: Read, progress: Callable[[int], object]
) -> Iterator[tuple[str, list[Told]]]:
    reading, begun = Reading(family.formats), _Open()
    lines, unparsed = read.lines, read.unparsed
    for log in family.logs:
        keys, clock = RequestKeys(), Clock(log.written_us, zone)  # Another file may have the same lines.
        for some in _lines(log, read, progress):
            yield log.path, _told(reading.read(some, clock), keys, begun, read)
            counts = reading.counts
            read.lines, read.unparsed = lines + counts.lines, unparsed + counts.unparsed
            read.last_unparsed = counts.last_unparsed or read.last_unparsed
    waiting = _told(reading.settle(clock.now_us + DAY_US), keys, begun, read)
    yield log.path, [*waiting, *begun.rest()]
    read.lacking += [f"{log.path}: {why}" for why in reading.lacks]
    if reading.counts.unparsed and not reading.formats:
        read.strange.append(log.path)


def _lines(log: PastLog, read: Read, progress: Callable[[int], object]) -> Iterator[list[bytes]]:
    name = "standard input" if log.source == "-" else clean(str(log.source), PATH_MAX)
    try:
        yield from lines_of(log.source, progress)
    except CutShort as cut:
        read.faults.append(f"{name} is {cut}")
    except OSError as error:
        read.faults.append(f"{name} cannot be read any further: {error.strerror or error}")


def _told(requests: Sequence[Request], keys: RequestKeys, begun: _Open, read: Read) -> list[Told]:
    told = [each for request in requests for each in begun.take(request, keys.of(request))]
    times = [us for us in (each for r in requests for each in (r.started_us, r.ended_us)) if us is not None]
    if times:
        earliest, latest = min(times), max(times)
        read.first_us = earliest if read.first_us is None else min(read.first_us, earliest)
        read.last_us = latest if read.last_us is None else max(read.last_us, latest)
    return told
