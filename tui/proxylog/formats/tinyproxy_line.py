"""What one line of tinyproxy's log says (src/log.c, reqs.c, sock.c; versions 1.8 to 1.11). Pure."""

import re
from datetime import UTC
from enum import StrEnum
from typing import NamedTuple

from tui.proxylog.formats.instant import iso_us

_LINE = re.compile(
    rb"(?P<level>[A-Z]{4,8}) +(?P<month>[A-Z][a-z]{2}) +(?P<day>[0-9]{1,2}) "
    rb"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})(?:\.(?P<ms>[0-9]{3}))? "
    rb"\[(?P<pid>[0-9]{1,10})\]: (?P<message>.*)",
    re.DOTALL,
)
_SYSLOG = re.compile(
    rb"(?:<[0-9]{1,3}>)?(?:(?P<month>[A-Z][a-z]{2}) (?P<day>[ 0-9][0-9]) (?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):"
    rb"(?P<second>[0-9]{2})|(?P<version>1 )?(?P<iso>[0-9]{4}-[0-9T:.-]{14,30}(?:Z|[+-][0-9:]{4,6}))) "
    rb"(?:[\x21-\x7e]{1,255} )?tinyproxy(?(version) (?P<proc>[0-9]{1,10}) [\x21-\x7e]{1,32} - {0,2}"
    rb"|\[(?P<pid>[0-9]{1,10})\]: )(?P<message>.*)",
    re.DOTALL,
)
"""With ``Syslog On`` tinyproxy leaves level and time to syslog (RFC 3164, with either time, and RFC 5424)."""
_LEVELS = frozenset({b"CRITICAL", b"ERROR", b"WARNING", b"NOTICE", b"INFO", b"DEBUG", b"CONNECT"})
_MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")


class Event(StrEnum):
    """What happened, as far as it matters."""

    STARTED = "started"
    CONNECT = "connect"
    REQUEST = "request"
    TRANSPARENT = "transparent"
    ESTABLISHED = "established"
    ESTABLISHED_UPSTREAM = "established-upstream"
    CLOSED = "closed"
    FILTERED = "filtered"
    PORT_REFUSED = "port-refused"
    NO_ADDRESS = "no-address"
    NOT_ESTABLISHED = "not-established"
    NO_UPSTREAM = "no-upstream"
    NO_ANSWER = "no-answer"
    BROKEN = "broken"
    BAD_REQUEST = "bad-request"
    NO_REQUEST = "no-request"
    NOT_AUTHENTICATED = "not-authenticated"
    NOT_ALLOWED = "not-allowed"


_FD = rb"(?P<fd>[0-9]{1,7})"
_SERVER_FD = rb"(?P<server_fd>[0-9]{1,7})"
_HOST = rb"(?P<host>.{1,1024}?)(?::(?P<port>[0-9]{1,5}))?"
_EXPRESSIONS: tuple[tuple[bytes, Event, bytes], ...] = (
    (b"Connect (", Event.CONNECT, rb"Connect \(file descriptor %b\): (?P<text>.*)" % _FD),
    (b"Request (", Event.REQUEST, rb"Request \(file descriptor %b\): (?P<text>.*)" % _FD),
    (b"Established connection to host ", Event.ESTABLISHED,
     rb'Established connection to host "(?P<host>.*)" using file descriptor %b\.' % _SERVER_FD),
    (b"Established connection to ", Event.ESTABLISHED_UPSTREAM,
     rb'Established connection to [a-z0-9 ]{5,20} ".*" using file descriptor %b\.' % _SERVER_FD),
    (b"Closed connection ", Event.CLOSED,
     rb"Closed connection between local client \(fd:%b\) and remote client \(fd:%b\)" % (_FD, _SERVER_FD)),
    (b"Proxying refused ", Event.FILTERED, rb'Proxying refused on filtered (?:domain|url) "(?P<text>.*?)"?'),
    (b"Refused CONNECT ", Event.PORT_REFUSED, rb"Refused CONNECT method on port (?P<port>[0-9]{1,5})"),
    (b"opensock: Could not r", Event.NO_ADDRESS,
     rb"opensock: Could not retrieve (?:address )?info for %b(?:: (?P<text>.*))?" % _HOST),
    (b"opensock: Could not e", Event.NOT_ESTABLISHED, rb"opensock: Could not establish a connection to %b" % _HOST),
    (b"Could not connect to upstream proxy", Event.NO_UPSTREAM, rb"Could not connect to upstream proxy\."),
    (b"process_server_headers failed", Event.NO_ANSWER,
     rb'process_server_headers failed: (?P<text>.*)\. host ".*" using file descriptor %b\.' % _SERVER_FD),
    (b"process_client_headers failed", Event.NO_ANSWER,
     rb'process_client_headers failed: (?P<text>.*)\. host ".*" using file descriptor %b\.' % _SERVER_FD),
    (b"read_buffer: ", Event.BROKEN, rb"read_buffer: read\(\) failed on fd %b: (?P<text>.*)" % _FD),
    (b"process_request: Bad ", Event.BAD_REQUEST, rb"process_request: Bad Request on file descriptor %b" % _FD),
    (b"process_request: trans ", Event.TRANSPARENT, rb"process_request: trans Host \S+ (?P<text>\S+) for %b" % _FD),
    (b"read_request_line: ", Event.NO_REQUEST,
     rb"read_request_line: Client \(file descriptor: %b\) closed socket before read\." % _FD),
    (b"Failed auth ", Event.NOT_AUTHENTICATED, rb"Failed auth attempt \(file descriptor: %b\), ip .*" % _FD),
    (b"Unauthorized connection ", Event.NOT_ALLOWED,
     rb'Unauthorized connection from "[^"]*"(?: \[(?P<text>[0-9A-Fa-f.:]+)\])?\.'),
    (b"Initializing ", Event.STARTED, rb"Initializing .*"),
)  # fmt: skip
_EVENTS = tuple((begin, event, re.compile(pattern, re.DOTALL)) for begin, event, pattern in _EXPRESSIONS)


class Line(NamedTuple):
    """A line taken apart; its time bears no year and no zone."""

    level: bytes
    """Empty where syslog has it."""
    month: int
    day: int
    hour: int
    minute: int
    second: int
    ms: int
    """0 where the version does not write them (before 1.11)."""
    pid: int
    message: bytes
    at_us: int | None = None
    """Where syslog writes the whole time, which is then not in parts."""


class Said(NamedTuple):
    """What a message means; -1 and empty for what it does not have."""

    event: Event
    fd: int = -1
    server_fd: int = -1
    host: bytes = b""
    port: int = -1
    text: bytes = b""


def line_of(raw: bytes) -> Line | None:
    """None if it is no line of tinyproxy's."""
    found = _LINE.fullmatch(raw)
    if found is None:
        return _from_syslog(raw) if b"tinyproxy" in raw else None
    if found["level"] not in _LEVELS or found["month"] not in _MONTHS:
        return None
    return Line(found["level"], *_local(found), int(found["ms"] or 0), int(found["pid"]), found["message"])


def _from_syslog(raw: bytes) -> Line | None:
    found = _SYSLOG.fullmatch(raw)
    if found is None or _LINE.fullmatch(found["message"]):
        return None
    pid = int(found["pid"] or found["proc"])
    if found["iso"] is not None:
        at_us = iso_us(found["iso"].decode(), UTC)
        return None if at_us is None else Line(b"", 0, 0, 0, 0, 0, 0, pid, found["message"], at_us)
    return Line(b"", *_local(found), 0, pid, found["message"]) if found["month"] in _MONTHS else None


def _local(found: re.Match[bytes]) -> tuple[int, int, int, int, int]:
    month = _MONTHS.index(found["month"]) + 1
    return month, int(found["day"]), int(found["hour"]), int(found["minute"]), int(found["second"])


def said(message: bytes) -> Said | None:
    """None for what does not matter."""
    for begin, event, pattern in _EVENTS:
        if message.startswith(begin):
            found = pattern.fullmatch(message)
            if found is not None:
                got = found.groupdict()
                fd, server_fd, port = (int(got.get(name) or -1) for name in ("fd", "server_fd", "port"))
                return Said(event, fd, server_fd, got.get("host") or b"", port, got.get("text") or b"")
    return None
