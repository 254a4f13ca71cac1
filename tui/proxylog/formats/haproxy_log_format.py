"""HAProxy's ``log-format`` (its configuration manual, §8.2.6), made an expression that reads its lines. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tui.proxylog.formats.haproxy_items import (
    ADDRESSES,
    CLOSED,
    COUNTS,
    ESCAPE,
    HEADERS,
    HEX,
    IP,
    LINE_TEXT,
    NAMES,
    NUMBER,
    TARGETS,
    WORD,
    Item,
    pieces_of,
)
from tui.proxylog.formats.line_pattern import Field, Kind, LinePattern, Part
from tui.proxylog.formats.log_fields import DAY

ADD_SERVER_NAME = "%hr, with: tcp-request content capture req.ssl_sni len 100"
"""Of the ways to log a server name the one in which a client cannot write lines of its own."""
ROLES = (
    "client", "port", "day", "thousandth", "zoned", "second", "taken", "status", "state", "waited", "server",
    "received", "sent", "method", "target", "host", "address", "to_port",
)  # fmt: skip
"""What a line is searched for, in this order."""
_HTTP_ONLY = frozenset(
    {*TARGETS, "HM", "HPO", "HQ", "HV", "ST", "CC", "CS", "TR", "Tr", "tr", "trg", "trl", "status", "capture.req.uri",
     "capture.req.method", "hs", "hsl"}
)  # fmt: skip
_OF_REQUEST = frozenset({"tr", "trg", "trl"})


@dataclass(frozen=True, slots=True)
class Layout:
    """How to read the lines of one ``log-format``."""

    pattern: LinePattern
    """Finds ``ROLES``."""
    is_http: bool
    """Written for requests, not for connections."""
    in_hex: frozenset[str]
    """The roles that are written in hexadecimal."""
    is_encoded: bool
    """The server name is among captured headers, in which HAProxy writes what is not plain as ``#HH``."""
    lacks: str


def layout_of(spec: str) -> Layout:
    """Compile a format string, its outer quotes taken off.

    :raises ValueError: with what is wrong in plain words
    """
    pieces = pieces_of(spec)
    items = [piece for piece in pieces if isinstance(piece, Item)]
    is_http = any(item.name in _HTTP_ONLY for item in items)
    chosen = _chosen(items, is_http)
    in_hex = frozenset(chosen[item.name] for item in items if item.is_hex and item.name in chosen)
    return Layout(
        LinePattern(_parts(pieces, chosen), ROLES), is_http, in_hex, "hr" in chosen, _lacks(items, chosen, is_http)
    )


def _chosen(items: list[Item], is_http: bool) -> dict[str, str]:
    """By name: the role in which it is taken. One a role."""
    names = [item.name for item in items if item.is_plain]
    chosen: dict[str, str] = {}
    for name, (role, _) in CLOSED.items():
        if name in names and role and role not in chosen.values():
            chosen[name] = role
    time = next((name for name, role in chosen.items() if role in ("local", "zoned", "second")), None)
    chosen = {name: role for name, role in chosen.items() if role not in ("local", "zoned", "second") or name == time}
    if time is not None and time not in _OF_REQUEST and "Tt" in names:
        chosen.pop("Ta", None)
        chosen["Tt"] = "taken"
    if time in ("Ts", "T", "Tl") and "ms" in names:
        chosen["ms"] = "thousandth"
    target = next((name for name in TARGETS if name in names), None)
    if target is not None:
        chosen[target] = "target"
        if target == "r":
            chosen = {name: role for name, role in chosen.items() if role != "method"}
    else:
        best = max(items, key=lambda item: _server_name(item, is_http))
        if _server_name(best, is_http):
            chosen[best.name] = "host"
    return chosen


def _server_name(item: Item, is_http: bool) -> int:
    """How surely it is the server name that a client sent through (RFC 6066 §3); 0 for no."""
    if not item.is_plain:
        return 0
    if item.name in ("req.ssl_sni", "req_ssl_sni"):
        return 6
    if item.name == "var" and re.search(r"(?:^|[._])(?:ssl_)?sni$", item.argument):
        return 5
    if item.name == "capture.req.hdr" and "sni" in item.label:
        return 4
    if item.name == "capture.req.hdr" and item.argument == "0" and not is_http and "host" not in item.label:
        return 3
    if item.name == "hr" and not is_http:
        return 2
    return 1 if item.name == "ssl_fc_sni" else 0


def _parts(pieces: list[str | Item], chosen: dict[str, str]) -> list[Part]:
    parts: list[Part] = []
    open_roles = set(chosen.values())
    best = max((_server_name(piece, False) for piece in pieces if isinstance(piece, Item)), default=0)
    for number, piece in enumerate(pieces):
        if isinstance(piece, str):
            beside = pieces[max(0, number - 1) : number] + pieces[number + 1 : number + 2]
            if any(isinstance(other, Item) and other.name in HEADERS for other in beside):
                parts.extend(_with_loose_spaces(piece))
            else:
                parts.append(piece.encode())
            continue
        role = chosen.get(piece.name, "") if piece.is_plain else ""
        if role not in open_roles or (role == "host" and _server_name(piece, False) < best):
            role = ""
        open_roles.discard(role)
        parts.extend(_item_parts(piece, role))
    return parts


def _with_loose_spaces(text: str) -> Iterator[Part]:
    """HAProxy writes one space where captured headers between two are left out."""
    for piece in re.split(r"( +)", text):
        if piece.strip(" "):
            yield piece.encode()
        elif piece:
            yield Field(Kind.CLOSED, b" ?")


def _item_parts(item: Item, role: str) -> Iterator[Part]:
    closed = _closed(item, role)
    if closed is not None:
        if item.is_quoted:
            yield Field(Kind.CLOSED, b'"?')
        yield from closed
        if item.is_quoted:
            yield Field(Kind.CLOSED, b'"?')
        return
    if item.is_quoted:
        yield b'"'
    if role == "target":
        yield Field(Kind.REQUEST if item.name == "r" else Kind.TARGET, LINE_TEXT, escape=ESCAPE)
    else:
        yield Field(Kind.TEXT, b"", role)
    if item.is_quoted:
        yield b'"'


def _closed(item: Item, role: str) -> list[Part] | None:
    """How an item is written that has a form; None for one that may hold anything."""
    name = item.name
    if not item.is_plain:
        return None
    if role == "host" and name == "hr":
        return [Field(Kind.CLOSED, rb"(?:\{(?P<host>[^{}|]*)[^{}]*\})?")]
    if name in ("hr", "hs"):
        return [Field(Kind.CLOSED, rb"(?:\{[^{}]*\})?")]
    if name in ("hrl", "hsl"):
        return [Field(Kind.CLOSED, rb'(?:[^" ][^ ]*|"[^"]*"(?: "[^"]*")*|)')]
    if role == "local":
        return [Field(Kind.CLOSED, DAY, "day"), b".", Field(Kind.CLOSED, b"[0-9]{3}", "thousandth")]
    if item.is_hex and name in ("ci", "cp", "fi", "fp", "bi", "bp", "si", "sp", "Ts", "rt", "pid"):
        return [Field(Kind.CLOSED, HEX, role)]
    if name in CLOSED:
        return [Field(Kind.CLOSED, CLOSED[name][1], role)]
    if name in COUNTS:
        return [Field(Kind.CLOSED, NUMBER)]
    if name in ADDRESSES:
        return [Field(Kind.CLOSED, IP)]
    return [Field(Kind.CLOSED, WORD)] if name in NAMES else None


def _lacks(items: list[Item], chosen: dict[str, str], is_http: bool) -> str:
    if "target" in chosen.values() or "host" in chosen.values():
        return ""
    what = "only the address that was reached" if "address" in chosen.values() else "no destination"
    if not is_http:
        return f"this log-format names {what}: add {ADD_SERVER_NAME}"
    header = any(item.name in ("hr", "hrl", "capture.req.hdr") for item in items)
    word = "; a captured header is not one, since the client can put any name into it" if header else ""
    return f"this log-format names {what}: add %{{+Q}}r{word}"
