"""Several lines of one request, put together: Squid writes two or more where it looks into TLS or asks for a password.

The first line of a request that ``ssl_bump`` ends is the same as that of one that it lets through; only what follows
tells them apart, and of a tunnel it follows when the tunnel closes. So a first line alone is a denial, unless this
client was let through to this destination before: then it may well be a tunnel that is open.
"""

from collections.abc import Iterator, Sequence

import msgspec

from tui.model.connection import Endpoint, Outcome
from tui.model.remembered import remembered
from tui.model.request import Request
from tui.model.times import SECOND_US
from tui.proxylog.formats.log_fields import address_of
from tui.proxylog.formats.squid_outcome import Part

ALONE_US = 5 * SECOND_US
"""How long a first line waits for another, where its client was never let through to its destination."""
OPEN_US = 120 * SECOND_US
"""The same where it was: longer than most clients keep an idle tunnel."""
LONE_MAX = 3
"""First lines of one client and destination that end alone, one after the other, until they are denials again."""
KEPT_MAX = 1_024
"""First lines that wait, and pairs of client and destination that were let through; the oldest go first."""

Key = tuple[Endpoint | None, str | None, int | None]


class _First(msgspec.Struct, frozen=True, array_like=True):
    request: Request
    part: Part
    seen_us: int


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    waiting: list[_First]
    through: list[tuple[Key, int]]


class Pairs:
    """First lines that wait for another, and who was let through to what."""

    def __init__(self, saved: bytes) -> None:
        """Goes on from what ``save`` gave.

        :raises ValueError: if these bytes are nothing that it gave
        """
        self._waiting: dict[Key, list[_First]] = {}
        self._count = 0
        self._through: dict[Key, int] = {}
        """How many first lines of theirs ended alone since they were last let through."""
        self._looked_us = 0
        if not saved:
            return
        try:
            kept = msgspec.json.decode(saved, type=_Kept)
        except msgspec.MsgspecError as error:
            raise ValueError(f"this is no memory of a Squid log: {error}") from error
        self._through = dict(kept.through[-KEPT_MAX:])
        for first in kept.waiting[-KEPT_MAX:]:
            self._waiting.setdefault(_key(first.request), []).append(first)
            self._count += 1

    def __bool__(self) -> bool:
        """True once a line was one of several."""
        return bool(self._count or self._through)

    def save(self) -> bytes:
        """All that it remembers; empty for nothing."""
        if not self:
            return b""
        waiting = [first for firsts in self._waiting.values() for first in firsts]
        return msgspec.json.encode(_Kept(waiting, list(self._through.items())))

    def take(self, request: Request, part: Part, tunnel: bool, now_us: int) -> list[Request]:
        """What is complete with this line, and what has waited too long for one by the log's own time."""
        done: list[Request] = []
        if part is Part.WHOLE:
            done.append(request)
        elif part is Part.MAYBE_LAST:
            done.extend(self._completed(request, tunnel))
        else:
            if part is Part.SAID:
                done.append(request)
            self._waiting.setdefault(_key(request), []).append(_First(request, part, now_us))
            self._count += 1
            if self._count > KEPT_MAX:
                key = next(iter(self._waiting))
                done.extend(self._alone(key, self._drop(key, self._waiting[key][0])))
        ended_us = request.ended_us or 0
        if self._count and abs(ended_us - self._looked_us) >= SECOND_US:
            self._looked_us = ended_us
            due = [(key, first) for key, first, wait_us in self._all() if ended_us - _ended(first) >= wait_us]
            for key, first in due:
                done.extend(self._alone(key, self._drop(key, first)))
        return done

    def settle(self, now_us: int) -> list[Request]:
        """What has waited too long by the clock."""
        due = [(key, first) for key, first, wait_us in self._all() if now_us - first.seen_us >= wait_us]
        return [request for key, first in due for request in self._alone(key, self._drop(key, first))]

    def _all(self) -> Iterator[tuple[Key, _First, int]]:
        for key, firsts in self._waiting.items():
            wait_us = OPEN_US if key in self._through else ALONE_US
            for first in firsts:
                yield key, first, ALONE_US if first.part is Part.SAID else wait_us

    def _completed(self, request: Request, tunnel: bool) -> Iterator[Request]:
        key = self._match(request)
        denied = request.outcome is Outcome.DENIED
        if key is None:
            if not denied and tunnel:
                self._let_through(_key(request))
            yield request
            return
        start_us = request.started_us if request.started_us is not None else request.ended_us or 0
        first = min(self._waiting[key], key=lambda first: abs(_ended(first) - start_us))
        self._drop(key, first)
        if not denied:
            self._let_through(key)
        if first.part is Part.SAID and denied:
            return
        if first.part is Part.FIRST and tunnel and first.request.started_us is not None:
            request = request._replace(started_us=first.request.started_us)
        yield request

    def _match(self, request: Request) -> Key | None:
        """The first line's client and destination: where the connection was intercepted, it had the address alone."""
        key = _key(request)
        if key in self._waiting:
            return key
        key = (request.client, request.address, request.port)
        if key in self._waiting:
            return key
        if request.outcome is not Outcome.DENIED or not request.reason.endswith("/409"):
            return None
        ended_us = request.ended_us or 0  # a name that does not have the address: it is refused, the address not told
        for key, firsts in reversed(self._waiting.items()):
            if key[::2] == (request.client, request.port) and abs(_ended(firsts[-1]) - ended_us) < SECOND_US:
                return key
        return None

    def _alone(self, key: Key, first: _First) -> Iterator[Request]:
        if first.part is Part.SAID:
            return
        lone = self._through.get(key, LONE_MAX) + 1
        if first.part is Part.ASKED or lone > LONE_MAX:
            self._through.pop(key, None)
            yield first.request._replace(outcome=Outcome.DENIED)
        else:
            self._through[key] = lone
            yield first.request._replace(outcome=Outcome.UNKNOWN)

    def _let_through(self, key: Key) -> None:
        self._through.pop(key, None)
        self._through[key] = 0
        if len(self._through) > KEPT_MAX:
            del self._through[next(iter(self._through))]

    def _drop(self, key: Key, first: _First) -> _First:
        firsts = self._waiting[key]
        firsts.remove(first)
        self._count -= 1
        if not firsts:
            del self._waiting[key]
        return first


def _key(request: Request) -> Key:
    return request.client, request.host, request.port


def _ended(first: _First) -> int:
    return first.request.ended_us or 0


class Together:
    """The part of a reader that all formats of Squid have in common."""

    def __init__(self, saved: bytes = b"") -> None:
        """Goes on from what another saved.

        :raises ValueError: if these bytes are nothing that it saved
        """
        self._pairs = Pairs(saved)
        self.several = bool(self._pairs)
        """True once a line was one of several of its request."""

    def together(self, request: Request, part: Part, tunnel: bool, now_us: int) -> list[Request]:
        """What is complete with this line."""
        done = self._pairs.take(request, part, tunnel, now_us)
        self.several = bool(self._pairs)
        return done

    def settle(self, now_us: int) -> Sequence[Request]:
        """First lines that no other followed."""
        return self._pairs.settle(now_us) if self.several else ()

    def save(self) -> bytes:
        """First lines that wait, and who was let through to what."""
        return self._pairs.save()


@remembered
def client_of(raw: bytes) -> Endpoint | None:
    """The client, whose port the format does not have; None if this is no address."""
    address = address_of(raw)
    return Endpoint(address, 0) if address is not None else None
