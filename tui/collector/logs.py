"""Reads the logs of proxies on, from where the record says that they were read. Owns the files; judges nothing."""

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import tzinfo
from pathlib import Path
from typing import NamedTuple

import msgspec

from tui.history.batch import KeptLog
from tui.model.log_state import UNREADABLE
from tui.model.request import Request
from tui.model.text import clean
from tui.proxylog.follow import Follower, Got
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
STUCK = "a look at it does not come back: see whether its file system answers"


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


class FollowedLog:
    """One log that is followed. Give it to one thread at a time; ``stuck`` is for another, while a look goes on."""

    def __init__(
        self, path: str, formats: tuple[Format, ...], kept: KeptLog | None, zone: tzinfo, since_us: int | None = None
    ) -> None:
        """:param formats: those that its lines may be in
        :param kept: how far it was read, if it ever was
        :param zone: of the times that bear none
        :param since_us: if it was never read it is read from its start, for what ended since then
        """
        marks = None
        if kept is not None and kept.marks is not None:
            marks = msgspec.msgpack.decode(kept.marks, type=tuple[Mark, ...])
        self.path = path
        self._zone = zone
        self._since_us = since_us if marks is None and since_us is not None else 0
        """What ended before that is left out."""
        self._follower = Follower(Path(path), marks, from_start=bool(self._since_us))
        self._reading = Reading(formats, kept.reader if kept is not None else b"")
        self._keys = RequestKeys()
        self._kept = (
            KeptLog(path, None, b"", 0, "", "", "", 0, 0, 0, "", 0)
            if kept is None
            else replace(kept, lines=0, requests=0, unparsed=0, last_unparsed="", lag=0)
        )
        """What the record has, or is to have with what was handed on last."""
        self._is_told = False
        """True once that was handed on, so that the record knows that it is followed."""
        self._looked_us = time.time_ns() // 1000

    def look(self) -> LogRead | None:
        """What has come since the last look; None if there is no news."""
        now_us = time.time_ns() // 1000
        since_us, self._looked_us = self._looked_us, now_us
        got = self._follower.read(time.monotonic(), READ_MAX)
        requests = self._reading.read(got.lines, Clock(now_us, self._zone))
        requests += self._reading.settle(now_us)
        if self._since_us:
            requests = [each for each in requests if _is_since(each, self._since_us)]
        before, self._kept = self._kept, self._kept_at(got, now_us)
        if not requests and not got.notices and self._is_told and _is_same(self._kept, before):
            return None
        self._is_told = True
        keys = tuple(map(self._keys.of, requests))
        return LogRead(
            self.path, since_us, now_us, tuple(requests), keys, self._kept, got.state, got.notices, got.lag
        )  # fmt: skip

    def stuck(self) -> LogRead:
        """What is to be said while a look does not come back."""
        state, now_us = f"{UNREADABLE}{STUCK}", time.time_ns() // 1000
        kept = replace(self._kept, state=state, read_us=now_us)
        return LogRead(self.path, self._looked_us, now_us, (), (), kept, state, (), 0)

    def tell_again(self) -> None:
        """Have the next look tell how it is read, also where that is no news to it."""
        self._is_told = False

    def close(self) -> None:
        """Let go of all files."""
        self._follower.close()

    def _kept_at(self, got: Got, now_us: int) -> KeptLog:
        reading, counts = self._reading, self._reading.counts
        encoded = None if got.marks is None else msgspec.msgpack.encode(got.marks)
        return KeptLog(
            self.path, encoded, reading.save(), now_us, clean(got.state, STATE_MAX),
            " ".join(each.name for each in reading.formats), " ".join(reading.lacks),
            counts.lines, counts.requests, counts.unparsed, counts.last_unparsed, got.lag,
        )  # fmt: skip


def _is_since(request: Request, since_us: int) -> bool:
    """False if it ended before, or began before and is told as open: its end will tell."""
    at_us = request.ended_us if request.ended_us is not None else request.started_us
    return at_us is None or at_us >= since_us


def _is_same(one: KeptLog, other: KeptLog) -> bool:
    return replace(one, read_us=other.read_us) == other
