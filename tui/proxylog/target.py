"""What a client asked a proxy for, made one form: the host and port of a request target (RFC 9112 §3.2). Pure.

Proxies log a target as it came or as they have made it; two ways of writing one destination must not look like two.
"""

import re
import socket
from ipaddress import IPv4Address
from typing import NamedTuple

import idna

from tui.model.address import ADDRESS_MAX, normal
from tui.model.host import host_from_wire
from tui.model.remembered import remembered

TARGET_MAX = 8_192
"""Bytes; a longer target is none."""
_SCHEME = re.compile(rb"([A-Za-z][A-Za-z0-9+.-]{0,15})://")
_AUTHORITY = re.compile(rb"(?:\[([^\]]{2,64})\]|([^:\[\]]{0,1024}))(?::0*([0-9]{1,5}))?")
_NUMBERS = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)(?:\.(?:[0-9]+|0x[0-9a-f]*)){0,3}")
_PORTS = {b"http": 80, b"ws": 80, b"https": 443, b"wss": 443, b"ftp": 21}


class Target(NamedTuple):
    """A destination in its usual form."""

    host: str
    port: int


@remembered
def target_of(raw: bytes, port: int) -> Target | None:
    """Host and port of ``host:port`` or of a URL, whose path, query and userinfo are dropped; None if there is none.

    :param port: where the target names none, and its scheme has none of its own
    """
    if not raw or len(raw) > TARGET_MAX:
        return None
    scheme = _SCHEME.match(raw)
    if scheme is not None:
        port = _PORTS.get(scheme[1].lower(), port)
        raw = raw[scheme.end() :]
    authority = re.split(rb"[/?#\\]", raw, maxsplit=1)[0].rpartition(b"@")[2]
    found = _AUTHORITY.fullmatch(authority)
    if found is None:
        return None
    number = int(found[3]) if found[3] else port
    host = host_of(found[1] or found[2])
    return Target(host, number) if host is not None and 0 < number < 65_536 else None


@remembered
def host_of(raw: bytes) -> str | None:
    """A host in its usual form: lower case, A-labels (RFC 5891), no trailing dot; addresses as ``ipaddress`` writes
    them, v4-mapped, decimal and hexadecimal ones (inet_aton(3)) as IPv4. None if there is none.

    What is neither is kept in a form that is no name, so that it is seen and fits no rule.
    """
    if not raw or len(raw) > TARGET_MAX:
        return None
    text = raw.decode("utf-8", "surrogateescape").lower()
    address = _address(text[1:-1] if text[0] + text[-1] == "[]" else text.removesuffix("."))
    if address is not None:
        return address
    if not text.isascii():
        try:
            return idna.encode(text, uts46=True).decode("ascii").removesuffix(".")
        except (idna.IDNAError, UnicodeError):
            pass
    return host_from_wire(text.encode("utf-8", "surrogateescape"))


def _address(text: str) -> str | None:
    try:
        if len(text) <= ADDRESS_MAX:
            return normal(text)
    except ValueError:
        pass
    if not _NUMBERS.fullmatch(text):
        return None
    try:
        return str(IPv4Address(socket.inet_aton(text)))
    except (OSError, ValueError):
        return None
