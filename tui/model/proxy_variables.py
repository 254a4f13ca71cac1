"""What an environment says of proxies: which there are, and what is reached without one. Resolves nothing.

No standard has these variables; the rules are those that curl (curl(1), "ENVIRONMENT") and Go (its package
golang.org/x/net/http/httpproxy) share. Where they differ, what either leaves alone needs no proxy: whoever goes there
directly has done nothing wrong.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from tui.model.address import Address, Network, normal, parse_address, parse_network
from tui.model.host import host_of

_PLACE = re.compile(r"(?:[a-z0-9+.-]+://)?(?:\[([0-9a-fA-F:.]+)\]|([^\s:/\[\]]+))(?::([0-9]+))?/?", re.IGNORECASE)
_EXCEPTION = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([^\s:/\[\]]+))(?::([0-9]+))?")
_HOLDING = {443: ("HTTPS_PROXY", "ALL_PROXY"), 80: ("HTTP_PROXY", "ALL_PROXY")}
_OTHER = ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY")
"""Of another port nobody knows the scheme; a database's driver heeds none of them, which is what is to be told."""
_EVERYTHING = "*"
_PORT_MAX = 65_535


class Place(NamedTuple):
    """Where a proxy listens: host or address, and port; None: any."""

    host: str
    port: int | None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"


class Exempt(NamedTuple):
    """What is reached without a proxy: everything, a name and what is below it, or a network; on a port or any."""

    suffix: str | None
    network: Network | None
    port: int | None

    def fits(self, hosts: Iterable[str], address: Address | None, port: int) -> bool:
        """True if one of the names, or the address, is in it."""
        if self.port not in (None, port):
            return False
        if self.network is not None:
            return address is not None and address in self.network
        suffix = self.suffix
        return suffix == _EVERYTHING or any(host == suffix or host.endswith(f".{suffix}") for host in hosts)


@dataclass(frozen=True, slots=True)
class ProxyVariables:
    """Those of one environment."""

    proxies: tuple[tuple[str, Place], ...] = ()
    """The variables as they are written there, each with what it names."""
    exceptions: tuple[Exempt, ...] = ()

    @property
    def places(self) -> frozenset[Place]:
        """The proxies."""
        return frozenset(place for _, place in self.proxies)

    def holding(self, port: int) -> tuple[str, Place] | None:
        """The variable that holds for a port, with its proxy: HTTPS_PROXY for 443, HTTP_PROXY for 80, ALL_PROXY for
        these where there is none; for others whichever there is.
        """
        for wanted in _HOLDING.get(port, _OTHER):
            for name, place in self.proxies:
                if name.upper() == wanted:
                    return name, place
        return None

    def excepts(self, hosts: Iterable[str], ip: str | None, port: int) -> bool:
        """True if NO_PROXY has a destination of these names or this address."""
        if not self.exceptions:
            return False
        named, address = tuple(hosts), parse_address(ip) if ip is not None else None
        return any(each.fits(named, address, port) for each in self.exceptions)


def variables_of(pairs: Iterable[tuple[str, str]]) -> ProxyVariables:
    """Read the pairs of variable and value, upper or lower case. What cannot be read names nothing."""
    proxies, exceptions = list[tuple[str, Place]](), list[Exempt]()
    for name, value in pairs:
        if name.upper() == "NO_PROXY":
            exceptions += [found for item in re.split(r"[,\s]+", value) if (found := _exception(item)) is not None]
        elif (place := place_of(value)) is not None:
            proxies.append((name, place))
    return ProxyVariables(tuple(proxies), tuple(exceptions))


def place_of(text: str) -> Place | None:
    """The place of a proxy from ``[scheme://]host[:port]``; None if that is none."""
    found = _PLACE.fullmatch(text)
    host = _host(found[1] or found[2]) if found is not None else None
    port = int(found[3]) if found is not None and found[3] else None
    return Place(host, port) if host is not None and (port is None or 0 < port <= _PORT_MAX) else None


def _exception(item: str) -> Exempt | None:
    if item == _EVERYTHING:
        return Exempt(_EVERYTHING, None, None)
    network = _network(item)
    if network is not None:
        return Exempt(None, network, None)
    found = _EXCEPTION.fullmatch(item)
    if found is None:
        return None
    port, text = int(found[3]) if found[3] else None, found[1] or found[2]
    network = _network(text)
    if network is not None:
        return Exempt(None, network, port)
    suffix = host_of(text.removeprefix("*").lstrip("."))
    return Exempt(suffix, None, port) if suffix is not None else None


def _network(text: str) -> Network | None:
    """A network, also one with host bits set as Go has it; an address is a network of one."""
    try:
        return parse_network(text, strict=False)
    except ValueError:
        return None


def _host(text: str) -> str | None:
    try:
        return normal(text)
    except ValueError:
        return host_of(text)
