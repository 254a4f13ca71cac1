"""From an Envoy access log format, text or JSON, to what finds its values in a line.

The operators: envoyproxy.io, "Access logging", "Command operators". Takes time that is linear in the line.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, tzinfo
from typing import NamedTuple

import msgspec

from tui.proxylog.format import LINE_MAX
from tui.proxylog.formats.instant import iso_us
from tui.proxylog.formats.json_line import json_object
from tui.proxylog.formats.strftime import TimePattern

Values = dict[str, bytes]
"""By role; one that Envoy did not have (``-``, ``null``) is empty, and one that the format does not have is absent."""
Moment = Callable[[bytes, tzinfo, int], int | None]

_OPERATOR = re.compile(r"%([A-Z0-9_]+)(?:\(([^()]*)\))?(?::([0-9]{1,9}))?%")
_NUMBER = rb"-|[0-9]{1,15}"
_WORDS = rb"-|[A-Za-z0-9,_-]{1,512}"
_METHOD = rb"-|[A-Za-z!#$&'*+.^_`|~-]{1,32}"
_PROTOCOL = rb"-|HTTP/[0-9.]{1,3}"
_ISO = rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?Z"
_ROLES = {
    "PROTOCOL": ("protocol", _PROTOCOL),
    "RESPONSE_CODE": ("code", _NUMBER),
    "RESPONSE_CODE_DETAILS": ("details", b""),
    "CONNECTION_TERMINATION_DETAILS": ("termination", b""),
    "UPSTREAM_TRANSPORT_FAILURE_REASON": ("failure", b""),
    "RESPONSE_FLAGS": ("flags", _WORDS),
    "RESPONSE_FLAGS_LONG": ("flags", _WORDS),
    "BYTES_RECEIVED": ("sent", _NUMBER),
    "BYTES_SENT": ("received", _NUMBER),
    "DURATION": ("duration", _NUMBER),
    "UPSTREAM_HOST": ("upstream", b""),
    "UPSTREAM_REMOTE_ADDRESS": ("upstream", b""),
    "UPSTREAM_CLUSTER": ("cluster", b""),
    "UPSTREAM_CLUSTER_RAW": ("cluster", b""),
    "DOWNSTREAM_REMOTE_ADDRESS": ("client", b""),
    "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT": ("client_ip", b""),
    "DOWNSTREAM_REMOTE_PORT": ("client_port", _NUMBER),
    "DOWNSTREAM_DIRECT_REMOTE_ADDRESS": ("peer", b""),
    "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT": ("peer_ip", b""),
    "DOWNSTREAM_DIRECT_REMOTE_PORT": ("peer_port", _NUMBER),
    "DOWNSTREAM_LOCAL_ADDRESS": ("local", b""),
}
_NAMED = {":METHOD": ("method", _METHOD), ":AUTHORITY": ("authority", b""), "HOST": ("authority", b""),
          ":SCHEME": ("scheme", b"")}  # fmt: skip
"""Of a request's headers. Envoy keeps ``Host`` as ``:authority``, once it has put an absolute target's host there."""
_FIRST = ("time", "flags", "sent", "received")
"""What every line has a value for."""


class _Operator(NamedTuple):
    role: str
    """Empty for what is not needed."""
    pattern: bytes
    """Of a value; empty for one that ends where the format goes on."""
    is_free: bool
    """True for what a client fills, quotes and all, while Envoy escapes nothing."""
    moment: Moment | None = None


class TextPattern:
    """Finds the values of a text format."""

    def __init__(self, form: str) -> None:
        """:raises ValueError: with a sentence, for what cannot be told apart, or an operator that is not understood"""
        parts = _parts(form.rstrip("\n"))
        operators = [part for part in parts if isinstance(part, _Operator)]
        self.roles = frozenset(operator.role for operator in operators) - {""}
        self._moments = {operator.role: operator.moment for operator in operators if operator.moment is not None}
        self._whole = re.compile(_expression(parts) + rb"\Z")
        free = [at for at, part in enumerate(parts) if isinstance(part, _Operator) and part.is_free]
        self._quotes = form.count('"')
        self._ends: tuple[re.Pattern[bytes], re.Pattern[bytes]] | None = None
        if free and "method" in self.roles:
            head = _expression(parts[: free[0]])
            tail = _expression(parts[free[-1] + 1 :]) + rb"\Z"
            self._ends = re.compile(head), re.compile(tail)

    def find(self, line: bytes, zone: tzinfo, now_us: int) -> tuple[Values, int | None] | None:
        """The values, and when it began; None if the line is another.

        Where clients put quotes into their own fields, what is before the first such field and behind the last counts,
        but not of a line that may have been cut.
        """
        found = self._whole.match(line)
        values = found.groupdict() if found is not None else self._between(line)
        if values is None:
            return None
        start = values.pop("time", None)
        moment = self._moments.get("time")
        return {role: b"" if value == b"-" else value for role, value in values.items()}, (
            moment(start, zone, now_us) if moment is not None and start is not None else None
        )

    def _between(self, line: bytes) -> dict[str, bytes] | None:
        if self._ends is None or len(line) >= LINE_MAX or line.count(b'"') <= self._quotes:
            return None
        head = self._ends[0].match(line)
        tail = self._ends[1].search(line, head.end()) if head is not None else None
        if head is None or tail is None:
            return None
        values = {**head.groupdict(), **tail.groupdict()}
        return values if values.get("method", b"-") != b"-" and "authority" in values else None


class JsonPattern:
    """Finds the values of a JSON format. The keys and their nesting are the operator's."""

    def __init__(self, form: str) -> None:
        """:raises ValueError: with a sentence, if this is no JSON object, or a value of it is not understood"""
        try:
            tree = msgspec.json.decode(form)
        except (ValueError, RecursionError) as error:
            raise ValueError("a JSON format is one JSON object") from error
        if not isinstance(tree, dict):
            raise ValueError("a JSON format is one JSON object")
        self._values = [(path, TextPattern(text)) for path, text in _leaves(tree, ())]
        self.roles = frozenset(role for _, pattern in self._values for role in pattern.roles)
        self._always = [path for path, pattern in self._values if pattern.roles.intersection(_FIRST)]
        if not self._always:
            raise ValueError("a JSON format needs a time, the response flags or a count of bytes, to be known by")

    def find(self, line: bytes, zone: tzinfo, now_us: int) -> tuple[Values, int | None] | None:
        """The values, and when it began; None if the line is another."""
        tree = json_object(line)
        if tree is None or any(_at(tree, path) is None for path in self._always):
            return None
        values, started = Values(), None
        for path, pattern in self._values:
            value = _at(tree, path)
            if value is None:
                values.update(dict.fromkeys(pattern.roles - {"time"}, b""))
                continue
            found = pattern.find(str(value).encode("utf-8", "replace"), zone, now_us)
            if found is None:
                return None
            values.update(found[0])
            started = found[1] if started is None else started
        return values, started


def _leaves(tree: Mapping[str, object], path: tuple[str, ...]) -> list[tuple[tuple[str, ...], str]]:
    leaves = []
    for key, value in tree.items():
        if isinstance(value, dict):
            leaves += _leaves(value, (*path, key))
        elif isinstance(value, str) and _OPERATOR.search(value):
            leaves.append(((*path, key), value))
    return leaves


def _at(tree: object, path: tuple[str, ...]) -> str | int | float | None:
    for key in path:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree if isinstance(tree, str | int | float) else None


def _parts(form: str) -> list[bytes | _Operator]:
    parts: list[bytes | _Operator] = []
    end = 0
    for found in _OPERATOR.finditer(form):
        between = form[end : found.start()].replace("%%", "%")
        if between:
            parts.append(between.encode())
        elif parts:
            raise ValueError("two operators with nothing between them cannot be told apart: put something there")
        parts.append(_operator(found[1], found[2] or "", found[3] is not None))
        end = found.end()
    if form[end:]:
        parts.append(form[end:].replace("%%", "%").encode())
    for part in parts:
        unread = re.search(rb"%[A-Z0-9_]{2,}", part) if isinstance(part, bytes) else None
        if unread is not None:
            raise ValueError(f"{unread[0].decode()}… is not understood as an operator")
    return parts


def _operator(name: str, argument: str, is_cut: bool) -> _Operator:
    if name in {"START_TIME", "START_TIME_LOCAL"}:
        return _start(argument, is_local=name.endswith("LOCAL"))
    if name in {"REQ", "REQUEST_HEADER"}:
        names = {header.upper() for header in argument.split("?")}
        if len(names) == 1 and not (is_cut and ":METHOD" not in names):
            role, pattern = _NAMED.get(names.pop(), ("", b""))
            if role:
                return _Operator(role, pattern, is_free=False)
        is_path = bool(names) and names <= {":PATH", "X-ENVOY-ORIGINAL-PATH"}
        return _Operator("", rb"\S*" if is_path else b"", is_free=not is_path)
    if name == "REQUESTED_SERVER_NAME":
        is_sni = argument in {"", "SNI_ONLY"} and not is_cut
        return _Operator("sni" if is_sni else "", b"", is_free=not is_sni)
    if name in {"RESP", "RESPONSE_HEADER", "TRAILER", "RESPONSE_TRAILER", "GRPC_STATUS"}:
        return _Operator("", b"", is_free=True)
    role, pattern = _ROLES.get(name, ("", b""))
    return _Operator(role, pattern, is_free=not role)


def _start(argument: str, *, is_local: bool) -> _Operator:
    if not argument and not is_local:
        return _Operator("time", _ISO, is_free=False, moment=lambda raw, zone, now_us: iso_us(raw.decode(), zone))
    pattern = TimePattern(argument or "%Y-%m-%dT%H:%M:%S.%3f%z")

    def moment(raw: bytes, zone: tzinfo, now_us: int) -> int | None:
        try:
            return pattern.read(raw, zone if is_local else UTC, now_us)
        except (ValueError, OverflowError):
            return None

    return _Operator("time", pattern.pattern, is_free=False, moment=moment)


def _expression(parts: Sequence[bytes | _Operator]) -> bytes:
    """No field can hold what follows it, so that a line is read one way only."""
    expression, named = b"", set[str]()
    for at, part in enumerate(parts):
        if isinstance(part, bytes):
            expression += re.escape(part)
            continue
        pattern = part.pattern
        if not pattern:
            before, after = (parts[i] if 0 <= i < len(parts) else b"" for i in (at - 1, at + 1))
            quoted = (
                isinstance(before, bytes) and before.endswith(b'"') and isinstance(after, bytes) and after[:1] == b'"'
            )
            alone = not before and not after
            stop = re.escape(after[:1]) if isinstance(after, bytes) and after[:1] not in b'" .:-[]' else b""
            pattern = b"(?s:.*)" if alone else rb'[^"]*' if quoted else rb'[^\s"%s]*' % stop
        name = part.role if part.role not in named else ""
        named.add(part.role)
        expression += b"(?P<%s>%s)" % (name.encode(), pattern) if name else b"(?:%s)" % pattern
    return expression
