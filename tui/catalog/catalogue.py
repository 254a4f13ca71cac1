"""Label destinations by the services that are known. Owns the order of categories; judges nothing, resolves nothing."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Self

from tui.catalog.service import CatalogueError, Service, decode_services
from tui.model.address import parse_address

CATEGORY_ORDER = ("License checks", "Inviting users", "Usage reporting", "Retool AI")
"""The services of Retool's egress page, in its words; other categories follow in the catalogue's order."""

CLOUD_METADATA = "Cloud metadata"
"""The category of the addresses that give away a machine's credentials."""

ADDRESSES_MAX = 65_536
"""How many addresses are remembered with their services."""

_FILE = "retool.toml"


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A host pattern; `weight` counts its literal characters, more of which are a closer fit."""

    regex: re.Pattern[str]
    weight: int
    service: Service


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The services and their indexes. Of two that fit equally well the later one wins, hence the operator's."""

    services: tuple[Service, ...]
    _by_id: dict[str, Service] = field(init=False, repr=False, compare=False)
    _by_host: dict[str, tuple[Service, ...]] = field(init=False, repr=False, compare=False)
    _patterns: tuple[_Pattern, ...] = field(init=False, repr=False, compare=False)
    _networks: tuple[tuple[IPv4Network | IPv6Network, Service], ...] = field(init=False, repr=False, compare=False)

    _addresses: dict[str, Service | None] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Build the indexes. Raises CatalogueError if two services have one id."""
        twice = [id for id, count in Counter(service.id for service in self.services).items() if count > 1]
        if twice:
            raise CatalogueError(f'Two services have the id "{twice[0]}". Give each its own.')
        object.__setattr__(self, "_by_id", {service.id: service for service in self.services})
        latest_first = self.services[::-1]
        object.__setattr__(self, "_by_host", _exact(latest_first))
        object.__setattr__(self, "_patterns", _patterns(latest_first))
        object.__setattr__(self, "_networks", _networks(latest_first))

    def extended(self, entries: Iterable[Service]) -> Self:
        """This catalogue with the operator's entries at its end; one with an id that is known replaces that service."""
        added = tuple(entries)
        replaced = {service.id for service in added}
        return type(self)((*(service for service in self.services if service.id not in replaced), *added))

    def by_host(self, host: str, port: int) -> Service | None:
        """The service of a host (lower case, no trailing dot), None if there is none.

        Exact names come before patterns, patterns with more literal characters before those with fewer. The host
        decides: a port that no such service names changes the choice between several, but never takes the label.
        """
        exact = self._by_host.get(host)
        if exact is not None:
            return _preferring(port, exact)
        fitting = [pattern for pattern in self._patterns if pattern.regex.fullmatch(host)]
        return _preferring(port, [each.service for each in fitting if each.weight == fitting[0].weight])

    def by_address(self, ip: str) -> Service | None:
        """The service with the narrowest network that holds the address; raises ValueError if `ip` is no address."""
        if ip not in self._addresses:
            if len(self._addresses) >= ADDRESSES_MAX:
                self._addresses.clear()
            address = parse_address(ip)
            self._addresses[ip] = next((service for network, service in self._networks if address in network), None)
        return self._addresses[ip]

    def exact_hosts(self) -> tuple[str, ...]:
        """The names without a wildcard, each once: those that can be looked up ahead of time."""
        return tuple(dict.fromkeys(host for service in self.services for host in service.hosts if "*" not in host))

    def service(self, id: str) -> Service | None:
        """The service with this id."""
        return self._by_id.get(id)

    def categories(self) -> tuple[str, ...]:
        """The categories in the order in which they are shown."""
        return tuple(dict.fromkeys((*CATEGORY_ORDER, *(service.category for service in self.services))))

    def default_hosts(self) -> tuple[Service, ...]:
        """The services of the default allowlist."""
        return tuple(service for service in self.services if service.default)


def load_catalogue(extra: Sequence[Service] = ()) -> Catalogue:
    """The catalogue in the package, extended by `extra`. Raises CatalogueError."""
    decoded = tomllib.loads(files(__package__).joinpath(_FILE).read_text("utf-8"))
    return Catalogue(decode_services(decoded["service"], _FILE)).extended(extra)


def _preferring(port: int, services: Sequence[Service]) -> Service | None:
    return next((service for service in services if port in service.ports), services[0] if services else None)


def _exact(services: Iterable[Service]) -> dict[str, tuple[Service, ...]]:
    found: dict[str, tuple[Service, ...]] = {}
    for service in services:
        for host in service.hosts:
            if "*" not in host:
                found[host] = (*found.get(host, ()), service)
    return found


def _patterns(services: Iterable[Service]) -> tuple[_Pattern, ...]:
    found = (
        _Pattern(_compiled(host), len(host) - host.count("*"), service)
        for service in services
        for host in service.hosts
        if "*" in host
    )
    return tuple(sorted(found, key=lambda pattern: -pattern.weight))


def _compiled(host: str) -> re.Pattern[str]:
    below, rest = (r"(?:[^.]+\.)+", host[2:]) if host.startswith("*.") else ("", host)
    return re.compile(below + re.escape(rest).replace(r"\*", "[^.]+"))


def _networks(services: Iterable[Service]) -> tuple[tuple[IPv4Network | IPv6Network, Service], ...]:
    found = ((ip_network(network), service) for service in services for network in service.networks)
    return tuple(sorted(found, key=lambda each: -each[0].prefixlen))
