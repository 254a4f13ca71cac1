"""The lines of one log, in whatever format each of them is. Remembers what the formats' readers do, and counts."""

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from tui.model.request import Request
from tui.model.text import clean
from tui.model.times import LAST_US
from tui.proxylog.envelope import Joiner, Message, message_of, part_of
from tui.proxylog.format import LINE_MAX, Clock, Format, Reader

SHOWN_MAX = 200
"""Characters of a line that are shown."""
RECENT_LINES = 1_000
"""For so many lines a format counts as one of the log's after its last line: a proxy may have been set up anew."""
BYTES_MAX = 1 << 44
"""Bytes of one request, 17 TB; half a million times as many can be added up before a history cannot hold the sum."""
_SECRET = re.compile(rb'(?i)(://)[^/@\s"]*@|(\?)[^\s"]+|(authorization["\']?[:=] ?)[^\]\r\n]*')


class Counts(NamedTuple):
    """What has come of the lines so far, without those before a restart."""

    lines: int = 0
    requests: int = 0
    unparsed: int = 0
    last_unparsed: str = ""
    """The last line that is in no known format: inert, cut, without queries and passwords."""


class _Way(NamedTuple):
    """How a line was read."""

    format: str
    is_message: bool
    """Behind a prefix of syslog."""


class _Saved(msgspec.Struct, array_like=True, frozen=True):
    """What goes on after a restart."""

    ways: list[tuple[_Way, int]]
    begun: dict[str, bytes]
    readers: dict[str, bytes]


class Reading:
    """Reads lines in order. A line is read as those before it were; if that does not fit, in the other formats of the
    log, and then in all that there are. So a proxy may be set up to write in another way, or write in
    several, and a reader that remembers is given only the lines that are its own.
    """

    def __init__(self, formats: Sequence[Format], saved: bytes = b"") -> None:
        """``formats`` are those that may come, the most telling first; ``saved`` is what an earlier one gave.

        What cannot be understood of ``saved`` is begun anew.
        """
        self._formats: Mapping[str, Format] = {each.name: each for each in formats}
        self._readers: dict[str, Reader] = {}
        self._ways: dict[_Way, int] = {}
        """How lines were read, the latest way last, with the number of the last line of each but the latest."""
        self._seen: Sequence[_Way] = ()
        """The same, the most telling first."""
        self._unseen: Sequence[_Way] = ()
        """How else lines may be read."""
        self._joiner = Joiner({})
        self._as_it_is: Callable[[bytes, Clock], Sequence[Request] | None] = _unread
        """Reads a line around which nothing is wrapped, if the last was such a one."""
        self.counts = Counts()
        if saved:
            self._restore(saved)
        self._sort()

    def _restore(self, saved: bytes) -> None:
        try:
            state = msgspec.msgpack.decode(saved, type=_Saved)
        except msgspec.DecodeError:
            return
        self._joiner = Joiner(state.begun)
        self._ways = {way: number for way, number in state.ways if way.format in self._formats}
        for name, bytes_ in state.readers.items():
            try:
                self._readers[name] = self._formats[name].begin(bytes_)
            except (KeyError, ValueError):
                continue

    def save(self) -> bytes:
        """What another one needs to go on."""
        ways = [(way, number - self.counts.lines) for way, number in self._ways.items()]
        readers = {name: saved for name, reader in self._readers.items() if (saved := reader.save())}
        begun = {stream: _without_secrets(text) for stream, text in self._joiner.begun.items()}
        return msgspec.msgpack.encode(_Saved(ways, begun, readers))

    @property
    def formats(self) -> tuple[Format, ...]:
        """Those of the log as it is now, that of the latest line first."""
        latest = next(reversed(self._ways), None)
        since = self.counts.lines - RECENT_LINES
        names = {way.format: None for way, last in reversed(self._ways.items()) if way == latest or last >= since}
        return tuple(self._formats[name] for name in names)

    @property
    def lacks(self) -> tuple[str, ...]:
        """Why lines of the log name no destinations, with what would."""
        return tuple(dict.fromkeys(each.lacks for each in self.formats if each.lacks))

    def read(self, lines: Sequence[bytes], clock: Clock) -> list[Request]:
        """What lines tell, in their order.

        :param lines: without their line feeds, of any bytes; more than ``RAW_MAX`` of a line is of no use
        """
        known = self.counts
        found, unparsed, last = list[Request](), 0, b""
        read = self._as_it_is
        for number, line in enumerate(lines, known.lines):
            told = read(line, clock) if len(line) <= LINE_MAX else None
            if told is None:
                told = self._otherwise(line, clock, number)
                read = self._as_it_is
                if told is None:
                    unparsed, last = unparsed + 1, line
                    continue
            if told:
                found += told
        self.counts = Counts(
            known.lines + len(lines),
            known.requests + len(found),
            known.unparsed + unparsed,
            _shown(last) if unparsed else known.last_unparsed,
        )
        return list(map(_sound, found))

    def settle(self, now_us: int) -> list[Request]:
        """What has waited too long for another line."""
        found = [request for reader in self._readers.values() for request in reader.settle(now_us)]
        self.counts = self.counts._replace(requests=self.counts.requests + len(found))
        return list(map(_sound, found))

    def _otherwise(self, line: bytes, clock: Clock, number: int) -> Sequence[Request] | None:
        """What a line tells that is not as the last was, or that is wrapped."""
        part = part_of(line)
        whole = line if part is None else self._joiner.join(part)
        if whole is None:
            return ()
        whole = whole[:LINE_MAX].removesuffix(b"\r")
        plain = Message(whole, 1)
        message = message_of(whole) or plain
        if not message.text.strip():
            return ()
        for way in self._likely(message.text, is_message=message is not plain):
            told = self._told(way, message if way.is_message else plain, clock)
            if told is not None:
                self._note(way, number, is_wrapped=way.is_message or part is not None)
                return told
        return None

    def _likely(self, line: bytes, *, is_message: bool) -> Iterator[_Way]:
        """How a line may be read, the likeliest first. One that begins with a space goes on from another: it does not
        tell what format a log is in."""
        latest = next(reversed(self._ways), None)
        ways = itertools.chain(
            (latest,) if latest is not None else (), self._seen, () if line[:1].isspace() else self._unseen
        )
        return (way for way in ways if is_message or not way.is_message)

    def _told(self, way: _Way, message: Message, clock: Clock) -> Sequence[Request] | None:
        reader = self._readers.get(way.format)
        if reader is None:
            reader = self._readers[way.format] = self._formats[way.format].begin(b"")
        told = reader.read(message.text, clock)
        if told is None or message.times == 1:
            return told
        return [
            *told,
            *(request for _ in range(message.times - 1) for request in reader.read(message.text, clock) or ()),
        ]

    def _note(self, way: _Way, number: int, *, is_wrapped: bool) -> None:
        """This is how the line of this number was read, and how the next is likely to be."""
        latest = next(reversed(self._ways), None)
        if latest is not None:
            self._ways[latest] = max(self._ways[latest], number - 1)
        if way != latest:
            is_new = way not in self._ways
            self._ways.pop(way, None)
            self._ways[way] = number
            if is_new:
                self._sort()
        self._as_it_is = _unread if is_wrapped else self._readers[way.format].read

    def _sort(self) -> None:
        """Find out what may come. A format goes once one is seen that reads its lines too, and more."""
        names = {way.format for way in self._ways}
        known = [name for name, each in self._formats.items() if each.part_of not in names]
        self._ways = {way: number for way, number in self._ways.items() if way.format in known}
        every = [_Way(name, is_message) for is_message in (True, False) for name in known]
        self._seen = [way for way in every if way in self._ways]
        self._unseen = [way for way in every if way not in self._ways]


def _unread(_line: bytes, _clock: Clock) -> None:
    return None


def _sound(request: Request) -> Request:
    """A request without numbers that no proxy can have meant: a damaged line has no bytes, and no time, by them."""
    if (
        (request.bytes_sent or 0) <= BYTES_MAX
        and (request.bytes_received or 0) <= BYTES_MAX
        and (request.started_us or 0) < LAST_US
        and (request.ended_us or 0) < LAST_US
    ):
        return request
    return request._replace(
        bytes_sent=_up_to(request.bytes_sent, BYTES_MAX),
        bytes_received=_up_to(request.bytes_received, BYTES_MAX),
        started_us=_up_to(request.started_us, LAST_US - 1),
        ended_us=_up_to(request.ended_us, LAST_US - 1),
    )


def _up_to(number: int | None, most: int) -> int | None:
    return number if number is None or number <= most else None


def _shown(line: bytes) -> str:
    return clean(_without_secrets(line[: 4 * SHOWN_MAX]), SHOWN_MAX)


def _without_secrets(text: bytes) -> bytes:
    return _SECRET.sub(rb"\1\2\3...", text)
