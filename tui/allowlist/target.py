"""What a person means by a destination: host, *.host, address or network, with or without a port, or a URL."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from tui.allowlist.hosts import normalise_pattern
from tui.model.address import parse_address, parse_network

UNNAMED_ADDRESS = "0.0.0.0"  # noqa: S104 - stands for "no address is known"; no sensible rule names it
_BRACKETED = re.compile(r"\[(?P<ip>[^\]]+)\](?::(?P<port>[0-9]+))?\Z")
_WITH_PORT = re.compile(r"(?P<name>[^:]+):(?P<port>[0-9]+)\Z")


@dataclass(frozen=True, slots=True)
class Target:
    """A destination as it was typed, in normal form; exactly one of ``host`` and ``network`` is known."""

    host: str | None
    network: str | None
    """CIDR; an address alone is its /32 or /128."""
    address: str | None
    """The address, where one was typed."""
    port: int | None

    def text(self, default_port: int | None) -> str:
        """``host:port`` as a person would type it."""
        port = self.port or default_port
        name = self.host or self.address or str(self.network)
        if port is None:
            return name
        return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"


def parse_target(text: str) -> Target:
    """Read a destination.

    :raises ValueError: if it is none, in a sentence
    """
    text = text.strip()
    if "://" in text:
        return _from_url(text)
    bracketed, with_port = _BRACKETED.match(text), _WITH_PORT.match(text)
    if bracketed:
        return _target(bracketed["ip"], _port(bracketed["port"]))
    if with_port:
        return _target(with_port["name"], _port(with_port["port"]))
    return _target(text, None)


def _from_url(text: str) -> Target:
    parts = urlsplit(text)
    if not parts.hostname:
        raise ValueError(f"{text!r} names no host")
    port = _port(str(parts.port)) if parts.port is not None else {"http": 80}.get(parts.scheme, 443)
    return _target(parts.hostname, port)


def _port(digits: str | None) -> int | None:
    if digits is None:
        return None
    if not 1 <= int(digits) <= 65535:
        raise ValueError(f"{digits} is no port; ports go from 1 to 65535")
    return int(digits)


def _target(name: str, port: int | None) -> Target:
    try:
        address = str(parse_address(name))
    except ValueError:
        pass
    else:
        return Target(None, str(parse_network(address)), address, port)
    if "/" in name:
        return Target(None, _cidr(name), None, port)
    return Target(normalise_pattern(name), None, None, port)


def _cidr(text: str) -> str:
    try:
        return str(parse_network(text))
    except ValueError as error:
        raise ValueError(f"{error}; a path is no part of a destination, a network looks like 10.0.0.0/8") from error
