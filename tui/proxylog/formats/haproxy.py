"""HAProxy: in front of a forward proxy (``mode http``), and as a proxy by server name (``mode tcp``).

A line bears when its request was accepted, in the proxy's own zone and without saying which, and is written at its end.
The destination is the request target, or a server name that was captured; never a captured Host header.
"""

import re
from collections.abc import Callable, Sequence

from tui.model.address import unpack
from tui.model.connection import Endpoint, Outcome
from tui.model.request import Request
from tui.proxylog.format import Clock, Format, Reader
from tui.proxylog.formats.haproxy_log_format import ADD_SERVER_NAME, Layout, layout_of
from tui.proxylog.formats.haproxy_outcome import answer, session
from tui.proxylog.formats.log_fields import SECOND_US, address_of, count_of, endpoint_of, local_us, zoned_us
from tui.proxylog.formats.stateless import Stateless, beginning
from tui.proxylog.target import Target, host_of, target_of

_MISSING = (None, b"", b"-")
_NOTHING_ASKED = frozenset({Outcome.DENIED, Outcome.RESET})
"""How a connection ends on which the client sent nothing: the look of a health check."""
LONGEST_MS = 3_650 * 86_400_000
"""A line that claims to be of a longer connection is none: its end would be in a year that no calendar has."""
_ESCAPED = re.compile(rb"#([0-9A-F]{2})")
_CONNECT_FROM = re.compile(rb"Connect from \S+ to \S+ \(")
"""What a frontend without a log option writes of a connection: neither where to nor how it went."""
_OWN_WORDS = re.compile(
    rb"(?:[Bb]ackup )?[Ss]erver \S+/\S+ "
    rb"|Health check for (?:backup )?server \S+/\S+ "
    rb"|(?:backend|proxy|Proxy|frontend) \S+ (?:has no server available|started|stopped|failed|paused|resumed)"
    rb"|(?:Stopping|Stopped|Pausing|Paused|Resuming|Resumed|Enabling) "
    rb"|\[(?:NOTICE|WARNING|ALERT)\]"
    rb"|\S+:[0-9]+ \[[^\]]{20,32}\] [^ /]+/[^ :]+: "
)
"""What HAProxy says about itself and its servers, and of connections that failed before anything was asked."""


class _HttpReader(Stateless):
    __slots__ = ("_layout",)

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def read(self, line: bytes, clock: Clock) -> Sequence[Request] | None:
        layout = self._layout
        found = layout.pattern.find(line)
        if found is None:
            return () if _OWN_WORDS.match(line) else None
        (client, port, day, thousandth, zoned, second, taken, status, state, waited, server, received, sent) = found[
            :13
        ]
        method, raw, name = found[13:16]
        times = _times(layout, clock, (day, thousandth, zoned, second, taken))
        if times is None:
            return None
        asked = _asked(method, raw) if name is None else _named(name)
        if asked is None or layout.lacks:
            return ()
        tunnel, target = asked
        if target is None and status == b"400":
            return ()
        outcome, reason = answer(status, state, waited, server, tunnel)
        return (
            Request(
                None if target is None else target.host,
                None if target is None else target.port,
                _so_far(outcome) if _is_early(taken) else outcome,
                times[0],
                times[1],
                _client(layout, client, port),
                None,
                count_of(sent),
                count_of(received),
                reason,
            ),
        )


class _TcpReader(Stateless):
    __slots__ = ("_layout",)

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def read(self, line: bytes, clock: Clock) -> Sequence[Request] | None:
        layout = self._layout
        found = layout.pattern.find(line)
        if found is None:
            return () if _OWN_WORDS.match(line) else None
        (client, port, day, thousandth, zoned, second, taken, _, state, waited, server, received, sent) = found[:13]
        _, _, name, address, to_port = found[13:]
        times = _times(layout, clock, (day, thousandth, zoned, second, taken))
        if times is None:
            return None
        host = None if name is None or name in _MISSING else host_of(_plain(name) if layout.is_encoded else name)
        outcome, reason = session(state, waited, server)
        if host is None and sent == b"0" and received == b"0" and outcome in _NOTHING_ASKED:
            return ()
        return (
            Request(
                host,
                _port(to_port),
                _so_far(outcome) if _is_early(taken) else outcome,
                times[0],
                times[1],
                _client(layout, client, port),
                _reached(address),
                count_of(sent),
                count_of(received),
                reason,
            ),
        )


def _times(
    layout: Layout, clock: Clock, raw: tuple[bytes | None, bytes | None, bytes | None, bytes | None, bytes | None]
) -> tuple[int | None, int | None] | None:
    """When it began and ended; None if the line bears a time that is none."""
    day, thousandth, zoned, second, taken = raw
    took = count_of(taken)
    if took is not None and took > LONGEST_MS:
        return None
    if day is not None:
        started = local_us(day, clock.zone, clock.now_us)
    elif zoned is not None:
        started = zoned_us(zoned)
    elif second is not None:
        started = int(second, 16 if "second" in layout.in_hex else 10) * SECOND_US
    elif _is_early(taken):
        return clock.now_us, None
    else:
        return (None if took is None else max(0, clock.now_us - took * 1000)), clock.now_us
    if started is None:
        return None
    if thousandth is not None:
        started += int(thousandth) * 1000
    return started, None if took is None else started + took * 1000


def _is_early(taken: bytes | None) -> bool:
    """True if the line was written before the end (``option logasap``)."""
    return taken is not None and taken[:1] == b"+"


def _so_far(outcome: Outcome) -> Outcome:
    return Outcome.OPEN if outcome is Outcome.CLOSED else outcome


def _client(layout: Layout, address: bytes | None, port: bytes | None) -> Endpoint | None:
    if not layout.in_hex:
        return endpoint_of(address, port)
    try:
        if "client" in layout.in_hex:
            address = unpack(bytes.fromhex((address or b"").decode())).encode()
        if "port" in layout.in_hex:
            port = b"%d" % int(port or b"0", 16)
    except ValueError:
        return None
    return endpoint_of(address, port)


def _port(raw: bytes | None) -> int | None:
    number = count_of(raw) or 0
    return number if 0 < number < 65_536 else None


def _reached(raw: bytes | None) -> str | None:
    address = None if raw is None or raw in _MISSING else address_of(raw)
    return None if address in ("0.0.0.0", "::") else address  # noqa: S104 - a server without an address of its own


def _asked(method: bytes | None, raw: bytes | None) -> tuple[bool, Target | None] | None:
    """Whether a tunnel was asked for, and where to; None if nothing was asked of a proxy (RFC 9112 §3.2)."""
    if raw is None:
        return None if method is None or method in _MISSING else (method == b"CONNECT", None)
    is_absolute = b"://" in raw
    tunnel = method == b"CONNECT" or (method is None and not is_absolute and raw[:1] not in (b"", b"*", b"<", b"-"))
    if not tunnel and not is_absolute:
        return None
    return tunnel, target_of(_plain(raw), 443 if tunnel else 80)


def _plain(raw: bytes) -> bytes:
    return _ESCAPED.sub(lambda found: bytes.fromhex(found[1].decode()), raw) if b"#" in raw else raw


def _named(raw: bytes) -> tuple[bool, Target | None] | None:
    """The same where requests are named by a server name."""
    host = None if raw in _MISSING else host_of(raw)
    return None if host is None else (False, Target(host, 443))


def log_format_reader(spec: str, name: str = "haproxy-log-format") -> Format:
    """Compile an operator's ``log-format``.

    :param spec: the string with its items, its outer quotes taken off
    :raises ValueError: with what is wrong in plain words
    """
    layout = layout_of(spec)
    reader: Callable[[Layout], Reader] = _HttpReader if layout.is_http else _TcpReader
    return Format(name, beginning(lambda: reader(layout)), layout.lacks)


_HTTPLOG = "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r"
_CLF = (
    '%{+Q}o %{-Q}ci - - [%trg] %r %ST %B "" "" %cp %ms %ft %b %s %TR %Tw %Tc %Tr %Ta %tsc %ac %fc %bc %sc %rc %sq %bq'
    " %CC %CS %hrl %hsl"
)


class _DefaultReader(Stateless):
    def read(self, line: bytes, clock: Clock) -> Sequence[Request] | None:
        return () if _CONNECT_FROM.match(line) or _OWN_WORDS.match(line) else None


FORMATS: tuple[Format, ...] = (
    log_format_reader(_HTTPLOG, "haproxy-httplog"),
    log_format_reader(
        _HTTPLOG + " %[fc_err]/%[ssl_fc_err,hex]/%[ssl_c_err]/%[ssl_c_ca_err]/%[ssl_fc_is_resumed]"
        " %[ssl_fc_sni]/%sslv/%sslc",
        "haproxy-httpslog",
    ),
    log_format_reader(_CLF, "haproxy-clf"),
    log_format_reader("%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq", "haproxy-tcplog"),
    Format(
        "haproxy-default",
        beginning(_DefaultReader),
        f"a HAProxy frontend without a log option names no destination: add option httplog, or in mode tcp a log-format"
        f" with {ADD_SERVER_NAME}",
    ),
)
"""As the manual has them in §8.2."""
