"""Smokescreen's log: one JSON object a line (logrus), of which a decision, an error and a close tell one request.

All three name the request's id, its start, its client and what it asked for (github.com/stripe/smokescreen,
pkg/smokescreen/smokescreen.go, conntrack/instrumented_conn.go). ``requested_host`` is the request target: Go puts an
absolute target's host over the Host header's.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import islice

import msgspec

from tui.model.connection import Endpoint, Outcome
from tui.model.request import Request
from tui.model.text import clean
from tui.model.times import MINUTE_US
from tui.proxylog.format import Clock, Format, Reader
from tui.proxylog.formats.instant import iso_us
from tui.proxylog.formats.json_line import json_object
from tui.proxylog.formats.log_fields import place_of
from tui.proxylog.target import host_of, target_of

REMEMBERED_MAX = 1_024
"""Requests of which one line was read and another is to come."""
WAIT_US = MINUTE_US
"""For the decision, which comes in the same moment as the error before it."""
_DECISION = "CANONICAL-PROXY-DECISION"
_CLOSE = "CANONICAL-PROXY-CN-CLOSE"
_FAILURES = ("Failed to ", "Timed out ", "An unexpected error")
_GOPROXY = re.compile(rb"[0-9]{4}/[0-9]{2}/[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} (?:\[[0-9]+\] )?[A-Z]+: ")
_URL = re.compile(r"\S*://\S*")
_ID_MAX = 64


class _Held(msgspec.Struct, array_like=True):
    """An error whose decision has not been read."""

    id: str
    read_us: int
    request: Request


class _State(msgspec.Struct):
    held: list[_Held]
    decided: list[str]


class _SmokescreenReader:
    """Tells a tunnel when it was let through, and again at its end; all else once."""

    def __init__(self, saved: bytes) -> None:
        state = _State([], [])
        if saved:
            try:
                state = msgspec.json.decode(saved, type=_State)
            except ValueError as error:
                raise ValueError("no saved state of a reader of Smokescreen's log") from error
        self._held = {one.id: one for one in state.held}
        self._decided = dict.fromkeys(state.decided)

    def read(self, line: bytes, clock: Clock) -> Sequence[Request] | None:
        """What a line completes; None if it is not in this format."""
        told = json_object(line.strip())
        if told is None:
            return () if _GOPROXY.match(line) else None
        message = told.get("msg")
        if not isinstance(message, str) or not {"level", "time"} <= told.keys():
            return None
        key = told.get("id")
        if not isinstance(key, str) or len(key) > _ID_MAX or not isinstance(told.get("requested_host"), str):
            return ()
        if message == _DECISION:
            self._held.pop(key, None)
            request = _decision(told, clock)
            if request.outcome is Outcome.OPEN:
                self._decided[key] = None
                _keep(self._decided)
            return (request,)
        if message == _CLOSE:
            again = key in self._decided
            self._decided.pop(key, None)
            return (_close(told, clock)._replace(again=again),)
        return self._error(key, message, told, clock) if message.startswith(_FAILURES) else ()

    def settle(self, now_us: int) -> Sequence[Request]:
        """Errors whose decision did not come."""
        late = [key for key, one in self._held.items() if now_us - one.read_us > WAIT_US]
        return [self._held.pop(key).request for key in late]

    def save(self) -> bytes:
        """The errors that wait for a decision, and the tunnels that are open."""
        if not self._held and not self._decided:
            return b""
        return msgspec.json.encode(_State(list(self._held.values()), list(self._decided)))

    def _error(self, key: str, message: str, told: Mapping[str, object], clock: Clock) -> Sequence[Request]:
        """A tunnel's connect fails after the decision; look-ups, and plain requests, before it."""
        request = _request(
            told, clock, _failure(_text(told, "error") or message, told.get("status_code")), "time", message
        )
        if key in self._decided:
            del self._decided[key]
            return (request._replace(again=True),)
        self._held[key] = _Held(key, clock.now_us, request)
        return [
            self._held.pop(old).request for old in list(islice(self._held, max(0, len(self._held) - REMEMBERED_MAX)))
        ]


def _keep(decided: dict[str, None]) -> None:
    """Forget the oldest: an error that comes late is told when it has waited."""
    while len(decided) > REMEMBERED_MAX:
        del decided[next(iter(decided))]


def _decision(told: Mapping[str, object], clock: Clock) -> Request:
    """``allow`` is false for a denial and absent for a target that cannot be read (407). Where a rule is only reported
    on, ``allow`` is true beside ``enforce_would_deny``, and the request went through.
    """
    error, reason = _text(told, "error"), _text(told, "decision_reason")
    status = told.get("status_code")
    if told.get("allow") is not True:
        return _request(told, clock, Outcome.DENIED, "time", reason or error)
    if told.get("enforce_would_deny") is True:
        reason = f"would be denied: {reason}"
    if error or isinstance(status, int):
        return _request(told, clock, _failure(error, status), "time", error or reason)
    if told.get("proxy_type") == "connect":
        return _request(told, clock, Outcome.OPEN, "", reason)
    return _request(told, clock, Outcome.CLOSED, "time", reason)


def _close(told: Mapping[str, object], clock: Clock) -> Request:
    error = _text(told, "error")
    request = _request(told, clock, Outcome.RESET if error else Outcome.CLOSED, "end_time", error)
    return request._replace(bytes_sent=_count(told, "bytes_out"), bytes_received=_count(told, "bytes_in"))


def _failure(error: str, status: object) -> Outcome:
    """A look-up that times out is a failure of DNS, though Smokescreen answers 504 as to a connect that does."""
    if "context canceled" in error:
        return Outcome.RESET
    if "lookup " in error:
        return Outcome.FAILED
    if "refused" in error:
        return Outcome.REFUSED
    return Outcome.TIMED_OUT if status == 504 or "timeout" in error else Outcome.FAILED


def _request(told: Mapping[str, object], clock: Clock, outcome: Outcome, end: str, reason: str) -> Request:
    asked = _text(told, "requested_host").encode("utf-8", "replace")
    target = target_of(asked, 443 if told.get("proxy_type") == "connect" else 80)
    started = iso_us(_text(told, "start_time"), clock.zone)
    ended = iso_us(_text(told, end), clock.zone) if end else None
    return Request(
        host=target.host if target is not None else host_of(asked),
        port=target.port if target is not None else None,
        outcome=outcome,
        started_us=started,
        ended_us=ended if ended is None or started is None else max(started, ended),
        client=_place(told, "inbound_remote_addr"),
        address=to.ip if (to := _place(told, "outbound_remote_addr")) is not None else None,
        reason=clean(_URL.sub("…", reason).strip(), 120),
    )


def _place(told: Mapping[str, object], key: str) -> Endpoint | None:
    return place_of(_text(told, key).encode("utf-8", "replace"))


def _text(told: Mapping[str, object], key: str) -> str:
    value = told.get(key)
    return value if isinstance(value, str) else ""


def _count(told: Mapping[str, object], key: str) -> int | None:
    value = told.get(key)
    return value if type(value) is int and 0 <= value < 1 << 62 else None


def _begin(saved: bytes) -> Reader:
    return _SmokescreenReader(saved)


FORMATS: tuple[Format, ...] = (Format("smokescreen", _begin),)
