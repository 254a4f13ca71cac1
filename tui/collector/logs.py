"""Reads the logs of proxies on, from where the record says that they were read. Owns the files; judges nothing."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import tzinfo
from pathlib import Path
from typing import NamedTuple

import msgspec

from tui.history.batch import KeptLog
from tui.model.request import Request
from tui.model.text import clean
from tui.proxylog.follow import Follower
from tui.proxylog.format import Clock, Format
from tui.proxylog.identity import Mark
from tui.proxylog.keys import RequestKey, RequestKeys
from tui.proxylog.notices import Notice
from tui.proxylog.reading import Reading

READ_MAX = 262_144
"""Bytes of a log that are read at a time: what they tell keeps a collector from its sockets for less than 0.1 s."""
POLL_S = 0.2
"""How often the files are looked at."""
STATE_MAX = 500


class LogRead(NamedTuple):
    """What one look at one log gave."""

    path: str
    since_us: int
    """When it was looked at before that."""
    at_us: int
    requests: tuple[Request, ...]
    keys: tuple[RequestKey, ...]
    """Of these, by which an import knows them."""
    kept: KeptLog
    """How far it was read with that."""
    state: str
    notices: tuple[Notice, ...]
    lag: int

    def without(self, known: Mapping[RequestKey, int | None]) -> "LogRead":
        """The same, without the requests that an import has told already; ``known`` has their connections."""
        if not known:
            return self
        left = [(r, key) for r, key in zip(self.requests, self.keys, strict=True) if known.get(key) is None]
        return self._replace(requests=tuple(r for r, _ in left), keys=tuple(key for _, key in left))


@dataclass(slots=True)
class _Log:
    path: str
    follower: Follower
    reading: Reading
    keys: RequestKeys
    told: KeptLog | None = None
    """What was handed on last; None before the first look, so that the record knows that it is followed."""
    since_us: int = 0
    """What ended before that is left out."""


class Logs:
    """All logs that are followed. Give it to one thread at a time."""

    def __init__(
        self, wanted: Iterable[tuple[Path, tuple[Format, ...]]], kept: Mapping[str, KeptLog], zone: tzinfo,
        since_us: int | None = None,
    ) -> None:  # fmt: skip
        """:param wanted: paths, each with the formats that its lines may be in
        :param kept: how far they were read, by path
        :param zone: of the times that bear none
        :param since_us: a log that was never read is read from its start, for what ended since then
        """
        self._zone = zone
        self._looked_us = time.time_ns() // 1000
        self._logs = [_begin(str(path), formats, kept.get(str(path)), since_us) for path, formats in wanted]

    def __len__(self) -> int:
        return len(self._logs)

    def look(self) -> list[LogRead]:
        """What has come since the last look, of those logs that have news."""
        now_us = time.time_ns() // 1000
        since_us, self._looked_us = self._looked_us, now_us
        reads = [self._look(log, since_us, now_us) for log in self._logs]
        return [read for read in reads if read is not None]

    def _look(self, log: _Log, since_us: int, now_us: int) -> LogRead | None:
        got = log.follower.read(time.monotonic(), READ_MAX)
        requests = log.reading.read(got.lines, Clock(now_us, self._zone))
        requests += log.reading.settle(now_us)
        if log.since_us:
            requests = [each for each in requests if _is_since(each, log.since_us)]
        kept = _kept(log, got.marks, got.state, got.lag, now_us)
        has_news = requests or got.notices or not _is_same(kept, log.told)
        log.told = kept
        if not has_news:
            return None
        keys = tuple(map(log.keys.of, requests))
        return LogRead(log.path, since_us, now_us, tuple(requests), keys, kept, got.state, got.notices, got.lag)

    def close(self) -> None:
        """Let go of all files."""
        for log in self._logs:
            log.follower.close()


def _begin(path: str, formats: tuple[Format, ...], kept: KeptLog | None, since_us: int | None) -> _Log:
    marks = None if kept is None or kept.marks is None else msgspec.msgpack.decode(kept.marks, type=tuple[Mark, ...])
    reading = Reading(formats, kept.reader if kept is not None else b"")
    if marks is None and since_us is not None:
        return _Log(path, Follower(Path(path), None, from_start=True), reading, RequestKeys(), None, since_us)
    return _Log(path, Follower(Path(path), marks), reading, RequestKeys())


def _is_since(request: Request, since_us: int) -> bool:
    """False if it ended before, or began before and is told as open: its end will tell."""
    at_us = request.ended_us if request.ended_us is not None else request.started_us
    return at_us is None or at_us >= since_us


def _kept(log: _Log, marks: tuple[Mark, ...] | None, state: str, lag: int, now_us: int) -> KeptLog:
    reading, counts = log.reading, log.reading.counts
    encoded = None if marks is None else msgspec.msgpack.encode(marks)
    return KeptLog(
        log.path, encoded, reading.save(), now_us, clean(state, STATE_MAX),
        " ".join(each.name for each in reading.formats), " ".join(reading.lacks),
        counts.lines, counts.requests, counts.unparsed, counts.last_unparsed, lag,
    )  # fmt: skip


def _is_same(one: KeptLog, other: KeptLog | None) -> bool:
    return other is not None and replace(one, read_us=other.read_us) == other
