"""Who waits for an answer of tinyproxy, who has a tunnel, and who was answered: whose line it is that names no client.

It is given to the one that has waited longest for the host. Of several at once that may be the wrong one: then a later
line fits none that it may be of, and both change places. What was told wrongly is told again.
"""

from collections.abc import Callable, Iterator
from itertools import islice

import msgspec

from tui.model.connection import Endpoint, Outcome
from tui.model.request import Request
from tui.model.text import clean
from tui.model.times import MINUTE_US

REMEMBERED_MAX = 1_024
"""Clients, and as many tunnels; tinyproxy's own bound (MaxClients) is 100 by default."""
WAIT_US = 15 * MINUTE_US
"""For an answer; tinyproxy gives up after ten minutes by default (Timeout)."""
_STATISTICS = "tinyproxy.stats"
"""The name under which tinyproxy itself answers (StatHost)."""
_MILLISECOND_US = 1_000
_LATE_MAX = 64
"""Milliseconds that are remembered: threads write their lines in no strict order."""

Key = tuple[int, int]
"""A process and the descriptor of its client."""


class Client(msgspec.Struct):
    """A client that tinyproxy took in, and what it asked for."""

    pid: int
    fd: int
    started_us: int | None
    read_us: int
    client: str | None
    is_asked: bool = False
    is_tunnel: bool = False
    host: str | None = None
    port: int | None = None
    server_fd: int = -1
    is_broken: bool = False
    is_told: bool = False

    @property
    def key(self) -> Key:
        return self.pid, self.fd

    def told(self, outcome: Outcome, ended_us: int | None = None, reason: str = "") -> Request:
        """As it is to be told, for the first time or again."""
        client = Endpoint(self.client, 0) if self.client is not None else None
        again, self.is_told = self.is_told, True
        return Request(
            self.host, self.port, outcome, self.started_us, ended_us, client, reason=clean(reason, 120), again=again
        )


class _Answer(msgspec.Struct):
    """What was told of a client by a line that named none."""

    pid: int
    host: str | None
    port: int | None
    outcome: Outcome
    ended_us: int | None
    reason: str
    is_moved: bool = False
    """It was another's, which is gone: the client's own line is yet to come, and says the same."""


class _State(msgspec.Struct):
    waiting: list[Client]
    open: list[Client]
    answers: list[tuple[Key, _Answer]]
    starts: list[tuple[int, int]]


class Clients:
    """All of one log. Those that are forgotten are told as far as they are known."""

    def __init__(self, saved: bytes = b"") -> None:
        """:raises ValueError: if these bytes are none that ``save`` gave"""
        state = msgspec.json.decode(saved, type=_State) if saved else _State([], [], [], [])
        self.waiting = {one.key: one for one in state.waiting}
        self.open = {one.key: one for one in state.open}
        self._answers = dict(state.answers)
        self._starts = dict(state.starts)

    def save(self) -> bytes:
        """All of them; empty for none."""
        if not self.waiting and not self.open:
            return b""
        lists = list(self.waiting.values()), list(self.open.values())
        return msgspec.json.encode(_State(*lists, list(self._answers.items()), list(self._starts.items())))

    def add(self, key: Key, at_us: int | None, read_us: int, client: str | None) -> Iterator[Request]:
        """A client was taken in: whoever had its descriptor is gone."""
        answer = self._answers.pop(key, None)
        if answer is not None and answer.is_moved:  # then its own line was taken for that of yet another
            self._moved(answer.pid, answer.host, answer.port)
        yield from self.over(key)
        self.waiting[key] = Client(*key, self._distinct(at_us), read_us, client)
        yield from self._bounded()

    def unknown(self, pid: int, at_us: int | None) -> Client:
        """One whose beginning was not read."""
        return Client(pid, -1, self._distinct(at_us), 0, None)

    def oldest(self, pid: int, fits: Callable[[Client], bool], *, is_asked: bool = True) -> Client | None:
        """Take out the one of those that fit that has waited longest."""
        for key, one in self.waiting.items():
            if one.pid == pid and one.is_asked is is_asked and fits(one):
                return self.waiting.pop(key)
        return None

    def reached(self, one: Client, server_fd: int) -> Iterator[Request]:
        """It has a tunnel from now on."""
        one.server_fd = server_fd
        self.open[one.key] = one
        yield one.told(Outcome.OPEN)
        yield from self._bounded()

    def answered(self, one: Client, outcome: Outcome, at_us: int | None, reason: str) -> Request:
        """What is told of one by a line that named none."""
        if one.fd >= 0:
            self._answers[one.key] = _Answer(one.pid, one.host, one.port, outcome, at_us, reason)
            for key in list(islice(self._answers, max(0, len(self._answers) - REMEMBERED_MAX))):
                del self._answers[key]
        return one.told(outcome, at_us, reason)

    def was_answered(self, pid: int, host: str | None, port: int | None) -> bool:
        """True for a line that says again what was told of its client already."""
        for key, answer in self._answers.items():
            if answer.is_moved and (answer.pid, answer.host) == (pid, host) and port in {answer.port, None}:
                del self._answers[key]
                return True
        return False

    def at_end(self, key: Key, server_fd: int) -> Client | None:
        """Take out the client of this end. Another that was taken to have reached this far side changes places."""
        one = self.open.pop(key, None)
        if one is not None and one.server_fd == server_fd:
            return one
        taken = self._at(key[0], server_fd)
        if one is not None:
            if taken is not None:
                taken.server_fd = one.server_fd
            return one
        one = self.waiting.get(key)
        if one is None or taken is None or taken.host != one.host:
            return None
        self.waiting[taken.key] = self.open.pop(taken.key)
        return self.waiting.pop(key)

    def unreached(self, pid: int, host: str | None, port: int | None) -> Iterator[Request]:
        """A far side was not reached. If nobody waits for it, one that was taken to have reached it changes places with
        one that waits."""
        if any(_asks_for(one, pid, host, port) for one in self.waiting.values()):
            return
        taken = next((one for one in self.open.values() if _asks_for(one, pid, host, port)), None)
        other = self.oldest(pid, lambda one: one.host == host) if taken is not None else None
        if taken is not None and other is not None:
            self.waiting[taken.key] = self.open.pop(taken.key)
            yield from self.reached(other, taken.server_fd)

    def ended(self, pid: int, server_fd: int) -> Client | None:
        """Take out the one whose far side this is."""
        one = self._at(pid, server_fd)
        return self.open.pop(one.key) if one is not None else None

    def over(self, key: Key) -> Iterator[Request]:
        """A descriptor that is given to another, or whose process is gone: its end was not written, or was taken for
        that of another."""
        one = self.open.pop(key, None)
        if one is not None:
            yield one.told(Outcome.RESET if one.is_broken else Outcome.CLOSED)
        one = self.waiting.pop(key, None)
        if one is None:
            return
        answer = self._moved(one.pid, one.host, one.port)
        if answer is not None:
            yield one.told(answer.outcome, answer.ended_us, answer.reason)
        else:
            yield from _given_up(one)

    def all_over(self) -> Iterator[Request]:
        """tinyproxy has begun anew."""
        self._answers.clear()
        for key in [*self.waiting, *self.open]:
            yield from self.over(key)

    def settle(self, now_us: int) -> list[Request]:
        """Requests of which nothing was said any more."""
        late = [key for key, one in self.waiting.items() if now_us - one.read_us > WAIT_US]
        return [told for key in late for told in _given_up(self.waiting.pop(key))]

    def _moved(self, pid: int, host: str | None, port: int | None) -> _Answer | None:
        """The latest answer to such a request, which was not the one's that it was told of."""
        for answer in reversed(self._answers.values()):
            if not answer.is_moved and (answer.pid, answer.host, answer.port) == (pid, host, port):
                answer.is_moved = True
                return answer
        return None

    def _at(self, pid: int, server_fd: int) -> Client | None:
        return next((one for one in self.open.values() if (one.pid, one.server_fd) == (pid, server_fd)), None)

    def _bounded(self) -> Iterator[Request]:
        for clients in (self.waiting, self.open):
            for key in list(islice(clients, max(0, len(clients) - REMEMBERED_MAX))):
                yield from self.over(key)

    def _distinct(self, at_us: int | None) -> int | None:
        """A client has no port here: those of one millisecond are told apart by a microsecond that nobody wrote."""
        if at_us is None:
            return None
        alike = self._starts.get(at_us, -1) + 1
        self._starts[at_us] = alike
        if len(self._starts) > _LATE_MAX:
            del self._starts[next(iter(self._starts))]
        return at_us + min(alike, _MILLISECOND_US - 1)


def _asks_for(one: Client, pid: int, host: str | None, port: int | None) -> bool:
    return one.pid == pid and one.is_asked and one.host == host and port in {one.port, None}


def _given_up(one: Client) -> Iterator[Request]:
    """A client that never asked was no request, and one that asked for the statistics is no egress."""
    if one.is_asked and one.host is not None and one.host != _STATISTICS:
        yield one.told(Outcome.UNKNOWN)
