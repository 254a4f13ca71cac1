"""Whom an HTTP/1 request is for (RFC 9112 §3.2), and with what status it was answered. Pure: bytes to values.

Host and port alone are read: no path, no query, no header but Host, no credentials.
"""

import re
from typing import Literal, NamedTuple

from tui.capture.client_hello import MORE, Need
from tui.model.address import parse_address
from tui.model.host import host_from_wire

HEAD_MAX = 16_384
_LINE = re.compile(rb"([A-Z]{3,16}) (\S{1,8192}) HTTP/1\.[01]\r?\n")
_METHOD = re.compile(rb"[A-Z]{1,16}(?: [^\r\n]*)?\r?")
_HOST = re.compile(rb"^host[ \t]*:([^\r\n]*)\r?$", re.IGNORECASE | re.MULTILINE)
_ABSOLUTE = re.compile(rb"(https?)://(?:[^/?#@]*@)?([^/?#@]*)", re.IGNORECASE)
_AUTHORITY = re.compile(rb"(?:\[([0-9A-Fa-f:.]{2,45})\]|([^:\[\]]{1,255}))(?::0*([0-9]{1,5}))?")
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9])[ \r\n]")


class Asked(NamedTuple):
    """Whom a request is for."""

    kind: Literal["connect", "absolute", "origin"]
    """The first two are for a proxy, by their request target; the third is for a server, by its Host header."""
    host: str | None
    """An address in its usual text, or a name; None where there is none, or several that differ."""
    port: int


def read_request(stream: bytes) -> Asked | Literal[Need.MORE] | None:
    """The request at the start of a stream; None if it can be none."""
    line = _LINE.match(stream)
    if line is None:
        begun = b"\n" not in stream and len(stream) <= HEAD_MAX and _METHOD.fullmatch(stream) is not None
        return MORE if begun else None
    method, target = line.groups()
    if method == b"CONNECT":
        authority = target.rpartition(b"@")[2]
        return _asked("connect", authority, 443)
    absolute = _ABSOLUTE.match(target)
    if absolute is not None:
        return _asked("absolute", absolute[2], 443 if absolute[1].lower() == b"https" else 80)
    length = head_length(stream)
    if length is None and len(stream) <= HEAD_MAX:
        return MORE
    hosts = {host.strip(b" \t").lower() for host in _HOST.findall(stream[line.end() : length or HEAD_MAX])}
    return _asked("origin", hosts.pop(), 80) if len(hosts) == 1 else Asked("origin", None, 80)


def _asked(kind: Literal["connect", "absolute", "origin"], authority: bytes, usual: int) -> Asked:
    found = _AUTHORITY.fullmatch(authority)
    if found is None:
        return Asked(kind, None, usual)
    port = int(found[3]) if found[3] else usual
    if not 0 < port < 65536:
        return Asked(kind, None, usual)
    return Asked(kind, _host(found[1] or found[2]), port)


def _host(raw: bytes) -> str | None:
    try:
        return str(parse_address(raw.decode("ascii")))
    except ValueError:  # UnicodeDecodeError is one
        return host_from_wire(raw)


def head_length(stream: bytes) -> int | None:
    """How many bytes a head has, with its blank line; None if that has not come."""
    ends = [at + len(mark) for mark in (b"\r\n\r\n", b"\n\n") if (at := stream.find(mark, 0, HEAD_MAX)) >= 0]
    return min(ends) if ends else None


def read_status(stream: bytes) -> int | None:
    """The status code of the response at the start of a stream; None if it is none."""
    found = _STATUS.match(stream)
    return int(found[1]) if found else None
