"""nginx: its HTTP side as a forward proxy (with the connect module), and its stream side as a proxy by server name.

A line marks the end of a request. The destination is the request target or the server name; never ``$host``, which is
the Host header wherever the client wants it to be.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from tui.model.connection import Endpoint, Outcome
from tui.model.remembered import remembered
from tui.model.request import Request
from tui.proxylog.format import Clock, Format, Reader
from tui.proxylog.formats.http_answer import outcome_of_status
from tui.proxylog.formats.log_fields import SECOND_US, count_of, endpoint_of, iso_us, place_of, seconds_us, zoned_us
from tui.proxylog.formats.nginx_log_format import Layout, layout_of
from tui.proxylog.formats.stateless import Stateless, beginning
from tui.proxylog.target import Target, host_of, target_of

SLOW_US = SECOND_US
"""A stream session that failed after this time waited: for an answer to its look-up, or for the far side's."""
_MISSING = (None, b"", b"-")
_ESCAPED = {
    "default": re.compile(rb"\\x([0-9A-F]{2})"),
    "json": re.compile(rb'\\(?:u00([0-9A-Fa-f]{2})|(["\\/]))'),
    "none": re.compile(rb"(?!)"),
}
_ORIGINS_OWN = frozenset({400, 403, 407, 503})


class _HttpReader(Stateless):
    __slots__ = ("_layout",)

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def read(self, line: bytes, clock: Clock) -> Sequence[Request] | None:
        layout = self._layout
        found = layout.pattern.find(line)
        if found is None:
            return None
        (client, port, day, iso, msec, taken, status, received, sent, reached, resolved, method, raw, name, number) = (
            found
        )
        ended = _ended(day, iso, msec, clock)
        if ended is None:
            return None
        tunnel = method is None or method == b"CONNECT"
        target = None
        if raw is not None:
            if not tunnel and b"://" not in raw:
                return ()
            target = _target(raw, layout.escape)
        elif name is not None and name not in _MISSING:
            target = _target(name + b":" + (number or b""), layout.escape)
        elif method is None:
            return ()
        if target is None and status == b"400":
            return ()
        place = _last_place(resolved) or _last_place(reached)
        nowhere = layout.has_upstream and reached in _MISSING
        outcome = _answer(status, tunnel, layout.has_upstream and not nowhere, nowhere, place is not None)
        took = seconds_us(taken)
        return (
            Request(
                None if target is None else target.host,
                None if target is None else target.port,
                outcome,
                None if took is None else max(0, ended - took),
                ended,
                endpoint_of(client, port),
                None if place is None else place.ip,
                None if tunnel and layout.has_length else count_of(sent),
                count_of(received),
                _word(status),
            ),
        )


class _StreamReader(Stateless):
    __slots__ = ("_layout",)

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def read(self, line: bytes, clock: Clock) -> Sequence[Request] | None:
        layout = self._layout
        found = layout.pattern.find(line)
        if found is None:
            return None
        (client, port, day, iso, msec, taken, status, received, sent, reached, _, _, _, name, _) = found
        ended = _ended(day, iso, msec, clock)
        if ended is None:
            return None
        nowhere = reached in _MISSING
        down, up = count_of(received), count_of(sent)
        if name in _MISSING and nowhere and status == b"200" and not down and not up:
            return ()
        took = seconds_us(taken)
        place = _last_place(reached)
        slow = None if took is None else took >= SLOW_US
        outcome, reason = _session(status, slow, nowhere and layout.has_upstream, name in _MISSING)
        return (
            Request(
                None if name is None or name in _MISSING else host_of(_plain(name, layout.escape)),
                None if place is None else place.port,
                outcome,
                None if took is None else max(0, ended - took),
                ended,
                endpoint_of(client, port),
                None if place is None else place.ip,
                up,
                down,
                reason,
            ),
        )


def _ended(day: bytes | None, iso: bytes | None, msec: bytes | None, clock: Clock) -> int | None:
    if msec is not None:
        return seconds_us(msec)
    if day is not None:
        return zoned_us(day)
    return clock.now_us if iso is None else iso_us(iso)


def _plain(raw: bytes, escape: str) -> bytes:
    if b"\\" not in raw:
        return raw
    return _ESCAPED[escape].sub(lambda found: bytes.fromhex(found[1].decode()) if found[1] else found[2], raw)


@remembered
def _target(raw: bytes, escape: str) -> Target | None:
    return target_of(_plain(raw, escape), 443 if b"://" not in raw else 80)


def _last_place(raw: bytes | None) -> Endpoint | None:
    """Where it went in the end, of all that were tried."""
    return None if raw is None else place_of(raw.rpartition(b" ")[2])


def _word(status: bytes | None) -> str:
    return "" if status in _MISSING else status.decode("ascii")


@lru_cache(maxsize=1024)
def _answer(status: bytes | None, tunnel: bool, passed_on: bool, nowhere: bool, resolved: bool) -> Outcome:
    """How a request went.

    :param passed_on: it is known that another server was asked
    :param nowhere: it is known that none was
    :param resolved: the host's address is known
    """
    if status in _MISSING:
        return Outcome.UNKNOWN
    number = int(status)
    outcome = outcome_of_status(number, tunnel)
    if tunnel:
        return Outcome.REFUSED if number == 502 and resolved else outcome
    if passed_on and number in _ORIGINS_OWN:
        return Outcome.CLOSED
    if nowhere and number >= 400 and outcome is not Outcome.RESET:
        return Outcome.DENIED if 400 < number < 500 or number == 503 else Outcome.FAILED
    return outcome


@lru_cache(maxsize=1024)
def _session(status: bytes | None, slow: bool | None, nowhere: bool, nameless: bool) -> tuple[Outcome, str]:
    """How a stream session went, and the word for it (ngx_stream_core_module, ``$status``).

    500 is what nginx says where ``proxy_pass`` comes out empty, which is how a list of names denies, and where a name
    has no address. A look-up takes its time when nobody answers it.
    """
    word = _word(status)
    if word == "500" and slow:
        return Outcome.FAILED, "500 (no answer to the look-up)"
    if word == "500":
        return Outcome.DENIED, "500 (no server name)" if nameless else "500 (denied, or no such name)"
    if word == "502" and not nowhere and slow is not None:
        return (Outcome.TIMED_OUT if slow else Outcome.REFUSED), word
    if word == "200" and nowhere:
        return Outcome.UNKNOWN, word
    return _OF_SESSION.get(word, Outcome.UNKNOWN), word


_OF_SESSION = {
    "200": Outcome.CLOSED, "400": Outcome.FAILED, "403": Outcome.DENIED, "502": Outcome.FAILED, "503": Outcome.DENIED,
}  # fmt: skip


def log_format_reader(spec: str, escape: str = "default", name: str = "nginx-log_format") -> Format:
    """Compile an operator's ``log_format``.

    :param spec: the string with its variables, its quotes taken off and its pieces put together
    :param escape: ``default``, ``json`` or ``none``, as the directive has it after ``escape=``
    :raises ValueError: with what is wrong in plain words
    """
    layout = layout_of(spec, escape)
    reader: Callable[[Layout], Reader] = _StreamReader if layout.is_stream else _HttpReader
    return Format(name, beginning(lambda: reader(layout)), layout.lacks)


_COMBINED = (
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"'
)
FORMATS: tuple[Format, ...] = (
    log_format_reader(_COMBINED, name="nginx-combined"),
    log_format_reader(_COMBINED + ' "$http_x_forwarded_for"', name="nginx-main"),
    log_format_reader(
        "$remote_addr:$remote_port [$time_iso8601] $status $bytes_sent/$bytes_received $session_time"
        ' sni="$ssl_preread_server_name" alpn="$ssl_preread_alpn_protocols" proto="$ssl_preread_protocol"'
        ' upstream="$upstream_addr"',
        name="nginx-stream-sni",
    ),
    log_format_reader(
        "$remote_addr [$time_local] $protocol $status $bytes_sent $bytes_received $session_time",
        name="nginx-stream-basic",
    ),
)
"""``combined`` is nginx's own, ``main`` its packages', ``basic`` its manual's for streams."""
