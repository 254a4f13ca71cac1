"""What ``config.toml`` may say, as frozen values with their defaults."""

import os
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from tui.catalog import Service
from tui.config.errors import ConfigError
from tui.config.strict_toml import decode, line_of, read_text
from tui.config.trust import refuse_writable_by_others
from tui.model.address import parse_network
from tui.model.proxy_variables import Place, place_of

DEFAULT_INTERNAL = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "fc00::/7",
    "fe80::/10",
    "::1/128",
)


class Sockets(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``[sockets]``"""

    source: Literal["auto", "netlink", "psutil"] = "auto"
    interval_s: Annotated[float, msgspec.Meta(ge=0.05, le=60)] = 1.0


class Names(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``[names]``"""

    wire: bool = True
    forward: bool = True
    reverse: bool = True
    nameservers: tuple[str, ...] = ()


class Scope(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``[scope]``"""

    judge: Literal["retool", "all"] = "retool"


class ProxyLog(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``[[proxy.log]]``"""

    path: str
    format: str = "auto"


class Proxy(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``[proxy]``"""

    addresses: tuple[str, ...] = ()
    required: bool = False
    log: tuple[ProxyLog, ...] = ()

    @property
    def places(self) -> tuple[Place, ...]:
        """Where the known proxies listen."""
        return tuple(place for text in self.addresses if (place := place_of(text)) is not None)


class Internal(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``[internal]``"""

    networks: tuple[str, ...] = DEFAULT_INTERNAL


class ConfigFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A whole ``config.toml``; ``[[service]]`` entries extend or override the catalogue."""

    sockets: Sockets = Sockets()
    names: Names = Names()
    scope: Scope = Scope()
    internal: Internal = Internal()
    proxy: Proxy = Proxy()
    service: tuple[Service, ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """The configuration in force, and the file it came from."""

    path: Path
    sockets: Sockets
    names: Names
    scope: Scope
    internal: Internal
    proxy: Proxy
    services: tuple[Service, ...]


def load_settings(path: Path, *, named: bool) -> Settings:
    """The settings of the file at ``path``; the defaults if there is none and nobody named it.

    :raises ConfigError: if it is wrong, cannot be read, or was named and is not there
    """
    try:
        refuse_writable_by_others(path)
        text = read_text(path)
    except FileNotFoundError as error:
        if named:
            raise ConfigError(path, "there is no such file", "Check the path given with --config.") from error
        text = ""
    file = decode(path, text, ConfigFile)
    _check(path, text, file)
    return Settings(path, file.sockets, file.names, file.scope, file.internal, file.proxy, file.service)


def _check_services(path: Path, text: str, file: ConfigFile) -> None:
    seen = set[str]()
    for place, service in enumerate(file.service):
        line = line_of(text, ["service", place])
        if service.id in seen:
            raise ConfigError(path, f"two services have the id `{service.id}`", "Give each its own.", line)
        if service.default:
            hint = "Allow it in allowlist.toml, with a reason, or with: retool-egress allowlist add."
            raise ConfigError(path, "`default` is for the hosts that Retool's own page names", hint, line)
        seen.add(service.id)


def _check_logs(path: Path, text: str, file: ConfigFile) -> None:
    seen = set[str]()
    for place, log in enumerate(file.proxy.log):
        line = line_of(text, ["proxy", "log", place])
        if not os.path.isabs(log.path):
            hint = "Give all of it, from / on: nobody knows from where a service is started."
            raise ConfigError(path, f"`path` of a log: {log.path!r} is no absolute path", hint, line)
        plain = os.path.normpath(log.path)
        if plain in seen:
            raise ConfigError(path, f"`path` of a log: {plain!r} stands there twice", "Leave one of them out.", line)
        seen.add(plain)


def _check(path: Path, text: str, file: ConfigFile) -> None:
    _check_services(path, text, file)
    for server in file.names.nameservers:
        try:
            ip_address(server)
        except ValueError as error:
            line = line_of(text, ["names", "nameservers"])
            raise ConfigError(path, f"`nameservers`: {error}", "Give addresses, as in 10.0.0.2.", line) from error
    for proxy in file.proxy.addresses:
        place = place_of(proxy) if "/" not in proxy else None
        if place is None or place.port is None:
            line = line_of(text, ["proxy", "addresses"])
            hint = "Give each as address or name with its port, as in 10.0.4.20:3128 or [fd00::4]:3128."
            raise ConfigError(path, f"`addresses`: {proxy!r} is no proxy's place", hint, line)
    _check_logs(path, text, file)
    for network in file.internal.networks:
        line = line_of(text, ["internal", "networks"])
        try:
            if parse_network(network).prefixlen == 0:
                hint = "Then nothing would be judged; name the networks that are yours."
                raise ConfigError(path, f"`networks`: {network} is the whole internet", hint, line)
        except ValueError as error:
            raise ConfigError(path, f"`networks`: {error}", "Give networks in CIDR form.", line) from error
