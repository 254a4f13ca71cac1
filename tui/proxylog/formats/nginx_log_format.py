"""nginx's ``log_format`` (its HTTP and stream log modules), made an expression that reads its lines. Pure."""

import re
from dataclasses import dataclass

from tui.proxylog.formats.line_pattern import Field, Kind, LinePattern, Part
from tui.proxylog.formats.log_fields import ADDRESS, DAY

SPEC_MAX = 4096
"""Characters; a longer format is a mistake."""
ROLES = (
    "client", "port", "day", "iso", "msec", "taken", "status", "received", "sent", "reached", "resolved", "method",
    "target", "host", "host_port",
)  # fmt: skip
"""What a line is searched for, in this order."""
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))", re.ASCII)
_SAFE = {"default": rb'[^"]*+', "json": rb'(?>[^"\\]*(?:\\.[^"\\]*)*)', "none": b""}
_COUNT = rb"[0-9]{0,18}|-"
_SECONDS = rb"[0-9]{1,9}\.[0-9]{3}|-|"
_PORT = rb"[0-9]{0,5}|-"
_CLIENT = ADDRESS + rb"|unix:|-|"
_PLACE = rb'[^\s",]{1,255}'
_PLACES = rb"%s(?:(?:, | : )%s){0,64}|" % (_PLACE, _PLACE)
_CLOSED: dict[str, tuple[str, bytes]] = {
    "remote_addr": ("client", _CLIENT), "proxy_protocol_addr": ("client", _CLIENT),
    "realip_remote_addr": ("client", _CLIENT),
    "remote_port": ("port", _PORT), "proxy_protocol_port": ("port", _PORT), "realip_remote_port": ("port", _PORT),
    "msec": ("msec", rb"[0-9]{1,11}\.[0-9]{3}"), "time_local": ("day", DAY + rb" [+-][0-9]{4}"),
    "time_iso8601": ("iso", rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}[+-][0-9]{2}:[0-9]{2}"),
    "session_time": ("taken", _SECONDS), "request_time": ("taken", _SECONDS),
    "status": ("status", rb"[0-9]{3}|-|"),
    "bytes_sent": ("received", _COUNT), "body_bytes_sent": ("received", _COUNT),
    "upstream_bytes_received": ("received", _COUNT),
    "upstream_bytes_sent": ("sent", _COUNT), "bytes_received": ("sent", _COUNT), "request_length": ("sent", _COUNT),
    "connect_addr": ("resolved", _PLACES), "upstream_addr": ("reached", _PLACES),
    "connect_port": ("host_port", _PORT),
    "server_port": ("", _PORT), "pid": ("", _COUNT), "connection": ("", _COUNT), "connection_requests": ("", _COUNT),
}  # fmt: skip
"""By variable: what it tells, best first where several tell it, and how it is written."""
_PORT_OF = {
    "remote_addr": "remote_port", "proxy_protocol_addr": "proxy_protocol_port",
    "realip_remote_addr": "realip_remote_port",
}  # fmt: skip
_STREAM_ONLY = frozenset(
    {"session_time", "bytes_received", "protocol", "upstream_bytes_sent", "upstream_bytes_received"}
    | {f"ssl_preread_{what}" for what in ("server_name", "protocol", "alpn_protocols")}
)
_HOST_HEADER = frozenset({"host", "http_host"})


@dataclass(frozen=True, slots=True)
class Layout:
    """How to read the lines of one ``log_format``."""

    pattern: LinePattern
    """Finds ``ROLES``."""
    escape: str
    is_stream: bool
    """Written by the stream module: the host is a server name, and the status is of a session."""
    has_length: bool
    """What was sent is the length of the request, which for ``CONNECT`` is not what the tunnel carried."""
    has_upstream: bool
    """The line tells where nginx went, so that none there means that it went nowhere."""
    lacks: str


def layout_of(spec: str, escape: str) -> Layout:
    """Compile a format string, its quotes taken off.

    :param escape: ``default``, ``json`` or ``none``, as after ``log_format NAME escape=``
    :raises ValueError: with what is wrong in plain words
    """
    if escape not in _SAFE:
        raise ValueError(f"escape={escape!r} is none of default, json and none")
    if len(spec) > SPEC_MAX:
        raise ValueError(f"the log_format is longer than {SPEC_MAX} characters")
    names = {found[1] or found[2] for found in _VARIABLE.finditer(spec)}
    if not names:
        raise ValueError("the log_format has no $variable in it")
    if "$" in _VARIABLE.sub("", spec):
        raise ValueError("a $ in the log_format is not followed by the name of a variable")
    is_stream = bool(names & _STREAM_ONLY)
    chosen = _chosen(names, is_stream)
    return Layout(
        LinePattern(_parts(spec, chosen, _SAFE[escape]), ROLES),
        escape,
        is_stream,
        chosen.get("request_length") == "sent",
        "upstream_addr" in chosen,
        _lacks(names, chosen, is_stream),
    )


def _chosen(names: set[str], is_stream: bool) -> dict[str, str]:
    """By variable: the role in which it is taken. One a role."""
    chosen: dict[str, str] = {}
    for name, (role, _) in _CLOSED.items():
        if name in names and role and role not in chosen.values():
            chosen[name] = role
    client = next((name for name, role in chosen.items() if role == "client"), None)
    for port in _PORT_OF.values():
        chosen.pop(port, None)
    if client is not None and _PORT_OF[client] in names:
        chosen[_PORT_OF[client]] = "port"
    if is_stream:
        chosen["ssl_preread_server_name"] = "host"
    elif "request" in names:
        chosen["request"] = "target"
    else:
        chosen["connect_host"] = "host"
    return {name: role for name, role in chosen.items() if name in names}


def _parts(spec: str, chosen: dict[str, str], safe: bytes) -> list[Part]:
    parts: list[Part] = []
    used: set[str] = set()
    at = 0
    for found in _VARIABLE.finditer(spec):
        if found.start() > at:
            parts.append(spec[at : found.start()].encode())
        at = found.end()
        name = found[1] or found[2]
        role = "" if name in used else chosen.get(name, "")
        used.add(name)
        if name in _CLOSED:
            parts.append(Field(Kind.CLOSED, _CLOSED[name][1], role))
        elif role == "target":
            parts.append(Field(Kind.REQUEST, safe))
        else:
            parts.append(Field(Kind.TEXT, safe, role))
    if at < len(spec):
        parts.append(spec[at:].encode())
    return parts


def _lacks(names: set[str], chosen: dict[str, str], is_stream: bool) -> str:
    roles = chosen.values()
    if "host" in roles or "target" in roles:
        return ""
    what = "only the address that was reached" if "reached" in roles else "no destination"
    add = "$ssl_preread_server_name (with ssl_preread on)" if is_stream else "$request"
    header = "; $host is not one, since the client can put any name into it" if names & _HOST_HEADER else ""
    return f"this log_format names {what}: add {add}{header}"
