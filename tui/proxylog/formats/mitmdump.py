"""mitmdump's output: events with a time of day and no date, and flows of two lines without any.

What it reached is named by ``server connect``, in the moment it begins. A tunnel that it denies or cannot open leaves
no name. A plain request that it answers itself is named by its flow, by the target unless ``showhost`` is set.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice

import msgspec

from tui.model.connection import Endpoint, Outcome
from tui.model.request import Request
from tui.model.text import clean
from tui.proxylog.format import Clock, Format, Reader
from tui.proxylog.formats.instant import without_date_us
from tui.proxylog.formats.log_fields import address_of, place_of
from tui.proxylog.target import Target, host_of, target_of

REMEMBERED_MAX = 1_024
"""Of each kind: connections to servers, clients with one, and errors."""
WAIT_US = 10_000_000
"""For the flow that names what an error is about; it is written in the same moment."""
_PLACE = rb"(?:\[[0-9A-Fa-f.:]{2,45}\]|[0-9.]{7,15}):[0-9]{1,5}"
_EVENT = re.compile(rb"\[([0-9]{2}):([0-9]{2}):([0-9]{2})\.([0-9]{3})\](?:\[(%b)\])? (.*)" % _PLACE, re.DOTALL)
_SERVER = re.compile(rb"server (connect|disconnect) (\S{1,1024})(?: \((%b)\))?" % _PLACE)
_ERROR = b"error establishing server connection: "
_CALL_FAILED = re.compile(rb"\[Errno ([0-9]{1,3})\] Connect call failed \('([0-9A-Fa-f.:]{2,45})', ([0-9]{1,5})")
_FLOW = re.compile(rb"(%b): ([A-Z]{1,32}) (\S+)(?: HTTP/[0-9.]+)?" % _PLACE)
_ANSWER = re.compile(rb" +<< (?:([0-9]{3}) )?.*", re.DOTALL)
_REFUSED, _TIMED_OUT = b"111", b"110"
_CUT = "…".encode()


class _Server(msgspec.Struct):
    """A connection that mitmdump made for a client."""

    started_us: int | None
    client: str
    named: str
    """As it was written, host, port and address, in Latin-1."""


class _Failed(msgspec.Struct):
    """One that it could not make."""

    at_us: int | None
    read_us: int
    client: str
    outcome: Outcome
    address: str | None
    port: int | None
    reason: str


class _State(msgspec.Struct):
    servers: list[_Server]
    reached: dict[str, str]
    failed: list[_Failed]
    flow: tuple[str, str, int] | None
    last_us: int | None


class _MitmdumpReader:
    """Tells a connection when it is made, and again at its end."""

    def __init__(self, saved: bytes) -> None:
        state = _State([], {}, [], None, None)
        if saved:
            try:
                state = msgspec.json.decode(saved, type=_State)
            except ValueError as error:
                raise ValueError("no saved state of a reader of mitmdump's output") from error
        self._servers = {(one.client, one.named): one for one in state.servers}
        self._reached = state.reached
        self._failed = {one.client: one for one in state.failed}
        self._flow = state.flow
        self._last_us = state.last_us

    def read(self, line: bytes, clock: Clock) -> Sequence[Request] | None:
        """What a line completes; None if it is not in this format."""
        event = _EVENT.fullmatch(line)
        if event is not None:
            return list(self._event(event, clock))
        flow = _FLOW.fullmatch(line)
        if flow is not None:
            return list(self._begins_flow(flow))
        answer = _ANSWER.fullmatch(line)
        if answer is not None:
            return list(self._answered(answer[1]))
        return () if line.startswith(b"    ") or not line else None

    def settle(self, now_us: int) -> Sequence[Request]:
        """Errors that no flow names."""
        late = [client for client, one in self._failed.items() if now_us - one.read_us > WAIT_US]
        return [_unreached(self._failed.pop(client)) for client in late]

    def save(self) -> bytes:
        """The connections that are open, and what a flow may still name."""
        if not (self._servers or self._failed or self._flow):
            return b""
        state = _State(
            list(self._servers.values()), self._reached, list(self._failed.values()), self._flow, self._last_us
        )
        return msgspec.json.encode(state)

    def _event(self, event: re.Match[bytes], clock: Clock) -> Iterator[Request]:
        hour, minute, second, ms = (int(event[at]) for at in (1, 2, 3, 4))
        at_us = without_date_us(hour, minute, second, ms * 1_000, clock, self._last_us)
        self._last_us = at_us if at_us is not None else self._last_us
        if event[5] is None:
            return
        client, message = event[5].decode("ascii"), event[6]
        if message in {b"client connect", b"client disconnect"}:
            failed = self._failed.pop(client, None)
            if failed is not None:
                yield _unreached(failed)
            if message == b"client connect":
                self._reached.pop(client, None)
                for key in [key for key in self._servers if key[0] == client]:
                    yield _told(self._servers.pop(key), Outcome.CLOSED, again=True)
        elif message.startswith(_ERROR):
            self._failed[client] = _failure(at_us, clock.now_us, client, message.removeprefix(_ERROR))
            for old in list(islice(self._failed, max(0, len(self._failed) - REMEMBERED_MAX))):
                yield _unreached(self._failed.pop(old))
        else:
            server = _SERVER.fullmatch(message)
            if server is not None:
                yield from self._server(server, client, at_us)

    def _server(self, server: re.Match[bytes], client: str, at_us: int | None) -> Iterator[Request]:
        named = (server[2] + b" " + (server[3] or server[2])).decode("latin-1")
        if server[1] == b"disconnect":
            one = self._servers.pop((client, named), None)
            yield _told(one or _Server(None, client, named), Outcome.CLOSED, at_us, again=one is not None)
            return
        one = _Server(at_us, client, named)
        again = self._servers.pop((client, named), None)
        if again is not None:
            yield _told(again, Outcome.CLOSED, again=True)
        self._servers[(client, named)] = one
        self._reached[client] = named
        for key in list(islice(self._servers, max(0, len(self._servers) - REMEMBERED_MAX))):
            del self._servers[key]
        for old in list(islice(self._reached, max(0, len(self._reached) - REMEMBERED_MAX))):
            del self._reached[old]
        yield _told(one, Outcome.OPEN)

    def _begins_flow(self, flow: re.Match[bytes]) -> Iterator[Request]:
        """Of what was reached the flow tells nothing new, and of what was not, the name."""
        self._flow = None
        client = flow[1].decode("ascii")
        target = _target(flow[3])
        failed = self._failed.pop(client, None)
        if failed is not None:
            yield _unreached(failed, target)
        elif target is not None and target != _named(self._reached.get(client, ""))[0]:
            self._flow = (client, *target)

    def _answered(self, status: bytes | None) -> Iterator[Request]:
        """mitmdump's own answer: an error is a denial."""
        if self._flow is not None and status is not None and status >= b"400":
            client, host, port = self._flow
            denied = _Failed(self._last_us, 0, client, Outcome.DENIED, None, None, status.decode())
            yield _unreached(denied, Target(host, port))
        self._flow = None


def _told(one: _Server, outcome: Outcome, ended_us: int | None = None, *, again: bool = False) -> Request:
    target, address = _named(one.named)
    host, port = target if target is not None else (None, None)
    return Request(host, port, outcome, one.started_us, ended_us, _client(one.client), address, again=again)


def _unreached(one: _Failed, target: Target | None = None) -> Request:
    host, port = target if target is not None else (None, one.port)
    client = _client(one.client)
    return Request(host, port, one.outcome, one.at_us, one.at_us, client, one.address, reason=one.reason)


def _failure(at_us: int | None, read_us: int, client: str, why: bytes) -> _Failed:
    """Its reason names an address at most."""
    call = _CALL_FAILED.search(why)
    outcome = Outcome.FAILED
    if call is not None:
        outcome = {_REFUSED: Outcome.REFUSED, _TIMED_OUT: Outcome.TIMED_OUT}.get(call[1], Outcome.FAILED)
    address = address_of(call[2]) if call is not None else None
    port = int(call[3]) if call is not None and 0 < int(call[3]) < 65_536 else None
    return _Failed(at_us, read_us, client, outcome, address, port, clean(why.decode("utf-8", "backslashreplace"), 120))


def _named(text: str) -> tuple[Target | None, str | None]:
    asked, _, reached = text.encode("latin-1").partition(b" ")
    place = place_of(reached)
    return (target_of(asked, 443) if asked else None), (place.ip if place is not None else None)


def _target(url: bytes) -> Target | None:
    """Of a flow's URL, in which an IPv6 address has no brackets; one cut within the host names nothing."""
    scheme, mark, rest = url.partition(b"://")
    authority = re.split(rb"[/?#]", rest, maxsplit=1)[0]
    if not mark or (authority.endswith(_CUT) and len(authority) == len(rest)):
        return None
    address = host_of(authority) if authority.count(b":") > 1 and not authority.startswith(b"[") else None
    if address is not None and ":" in address and not address.startswith("\\"):
        return Target(address, 443 if scheme == b"https" else 80)
    return target_of(url, 80)


def _client(text: str) -> Endpoint | None:
    return place_of(text.encode("ascii"))


def _begin(saved: bytes) -> Reader:
    return _MitmdumpReader(saved)


FORMATS: tuple[Format, ...] = (Format("mitmdump", _begin),)
