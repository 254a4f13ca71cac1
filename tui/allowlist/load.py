"""Read rules from allowlist files. A file that others may write, or that is wrong in one place, is refused whole."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from tui.allowlist.hosts import normalise_pattern
from tui.allowlist.rules import DEFAULT_SOURCE, Rule
from tui.config.errors import ConfigError
from tui.config.strict_toml import decode, line_of, read_text
from tui.config.trust import refuse_writable_by_others
from tui.model.address import Network, parse_network
from tui.model.text import clean

Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]


WIDEST = {4: 8, 6: 16}
"""The shortest prefix of a network that an allow entry may name, by version."""


class Entry(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One ``[[allow]]`` or ``[[deny]]`` of an allowlist file."""

    host: str | None = None
    network: str | None = None
    ports: tuple[Port, ...] | None = None
    roles: tuple[str, ...] = ()
    expires: date | None = None
    reason: str = ""
    by: str = ""
    """Who added it, where the tool did."""
    at: str = ""
    """When, ISO 8601 UTC, where the tool did."""


class AllowlistFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A whole allowlist file."""

    allow: tuple[Entry, ...] = ()
    deny: tuple[Entry, ...] = ()


def default_rules(hosts: Iterable[tuple[str, tuple[int, ...], str]]) -> tuple[Rule, ...]:
    """The rules for the hosts that Retool's egress page names, from (host, ports, purpose)."""
    return tuple(Rule("allow", host, None, ports, (), None, purpose, DEFAULT_SOURCE) for host, ports, purpose in hosts)


def load_rules(defaults: tuple[Rule, ...], files: Iterable[Path]) -> tuple[Rule, ...]:
    """The default rules and those of every file that exists, in this order.

    :raises ConfigError: if a file cannot be read, may be written by others, or is wrong
    """
    rules = list(defaults)
    for path in files:
        rules += load_file(path)
    return tuple(rules)


def load_file(path: Path) -> list[Rule]:
    """The rules of one file; none if there is no such file.

    :raises ConfigError: if it cannot be read, may be written by others, or is wrong
    """
    try:
        refuse_writable_by_others(path)
        text = read_text(path)
    except FileNotFoundError:
        return []
    return parse_rules(path, text)


def parse_rules(path: Path, text: str) -> list[Rule]:
    """The rules that a file's text holds.

    :raises ConfigError: if it is wrong, with the line
    """
    file = decode(path, text, AllowlistFile)
    rules = []
    for action, entries in (("deny", file.deny), ("allow", file.allow)):
        for index, entry in enumerate(entries):
            line = line_of(text, [action, index])
            rules.append(_rule(path, line, "deny" if action == "deny" else "allow", entry))
    return rules


def _rule(path: Path, line: int | None, action: Literal["allow", "deny"], entry: Entry) -> Rule:
    if (entry.host is None) == (entry.network is None):
        raise ConfigError(path, f"this {action} entry needs either host or network", "Name exactly one of them.", line)
    ports = entry.ports if entry.ports is not None else ((443,) if action == "allow" else ())
    if action == "allow" and not ports:
        raise ConfigError(path, "an allow entry names at least one port", "Leave ports out for 443.", line)
    try:
        host = normalise_pattern(entry.host) if entry.host is not None else None
        network = _network(entry.network) if entry.network is not None else None
    except ValueError as error:
        raise ConfigError(path, str(error), "A host looks like api.example.com or *.example.com.", line) from error
    if action == "allow" and network is not None and network.prefixlen < WIDEST[network.version]:
        hint = f"Name networks of /{WIDEST[network.version]} or smaller."
        raise ConfigError(path, f"{network} would allow too much of the internet", hint, line)
    roles = tuple(clean(role, 64) for role in entry.roles)
    return Rule(action, host, network, ports, roles, entry.expires, clean(entry.reason, 500), path.name, line)


def _network(text: str) -> Network:
    try:
        return parse_network(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no network in CIDR form: {error}") from error


class _Kept(msgspec.Struct, frozen=True):
    action: Literal["allow", "deny"]
    host: str | None
    network: str | None
    ports: tuple[int, ...]
    roles: tuple[str, ...]
    expires: date | None
    reason: str
    source: str
    line: int | None


def encode_rules(rules: Iterable[Rule]) -> bytes:
    """Rules as JSON, in which the history keeps every allowlist that was in force."""
    kept = [
        _Kept(r.action, r.host, str(r.network) if r.network else None, r.ports, r.roles, r.expires, r.reason, r.source,
              r.line)
        for r in rules
    ]  # fmt: skip
    return msgspec.json.encode(kept)


def decode_rules(text: bytes) -> tuple[Rule, ...]:
    """The rules that ``encode_rules`` wrote.

    :raises msgspec.MsgspecError: if it did not
    """
    kept = msgspec.json.decode(text, type=tuple[_Kept, ...])
    return tuple(
        Rule(k.action, k.host, parse_network(k.network) if k.network else None, k.ports, k.roles, k.expires, k.reason,
             k.source, k.line)
        for k in kept
    )  # fmt: skip
