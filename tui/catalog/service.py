"""One entry of the catalogue and how it is read. Finds nothing and judges nothing."""

from __future__ import annotations

import re
from datetime import date
from enum import StrEnum
from ipaddress import ip_network

import msgspec

from tui.model.text import clean

_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_HOST = re.compile(r"(?!\*\.?$)[a-z0-9_*-]{1,63}(?:\.[a-z0-9_*-]{1,63})*")
_HOST_LENGTH_MAX = 253


class CatalogueError(ValueError):
    """A catalogue entry that cannot be used; the text is a sentence that says which and why."""


class Basis(StrEnum):
    """How sure a fact is, surest first."""

    SEED = "seed"
    """Retool's page "Self-hosted Retool egress connections"."""
    DOC = "doc"
    """Another page of Retool's documentation."""
    CODE = "code"
    """Retool's public Compose and Helm files."""
    INFERRED = "inferred"
    """Reasoned, not stated."""
    OPERATOR = "operator"
    """Said by the operator in the configuration."""


class Service(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What Retool uses one destination, or one group of them, for."""

    id: str
    category: str
    hosts: tuple[str, ...] = ()
    """Names in lower case, or patterns: a leading `*.` is one or more labels, another `*` stays within its label."""
    networks: tuple[str, ...] = ()
    """CIDR; gives evidence of kind `range`."""
    ports: tuple[int, ...] = (443,)
    purpose: str = "not stated"
    sent: str = "not stated"
    cadence: str = "not stated"
    cadence_s: int | None = None
    """Longest regular time between two connections, where one is stated."""
    default: bool = False
    """Whether it is on the default allowlist."""
    basis: Basis = Basis.OPERATOR
    source: str = "the operator's configuration"
    date: date | None = None
    """When the source was read."""
    notes: str = ""

    def __post_init__(self) -> None:
        """Refuse what could never match. Raises ValueError."""
        if not _ID.fullmatch(self.id):
            raise ValueError(f'the id "{clean(self.id)}" is not of lower-case letters, digits and single hyphens')
        if not self.category.strip() or not self.category.isprintable():
            raise ValueError("the category is empty or has characters that cannot be shown")
        if not self.hosts and not self.networks:
            raise ValueError("neither hosts nor networks are given")
        for host in self.hosts:
            _check_host(host)
        for network in self.networks:
            ip_network(network)
        if not self.ports or not all(1 <= port <= 65_535 for port in self.ports):
            raise ValueError("ports must be numbers from 1 to 65535, at least one")
        if self.cadence_s is not None and self.cadence_s < 1:
            raise ValueError("cadence_s must be at least 1")


def decode_services(entries: object, where: str) -> tuple[Service, ...]:
    """Services from the decoded TOML array `[[service]]`; `where` names its file in errors. Raises CatalogueError."""
    try:
        return msgspec.convert(entries, tuple[Service, ...])
    except msgspec.ValidationError as error:
        raise CatalogueError(f"{where}: {error}.") from None


def _check_host(host: str) -> None:
    if not _HOST.fullmatch(host) or len(host) > _HOST_LENGTH_MAX or "**" in host:
        raise ValueError(
            f'"{clean(host, 60)}" is not a host name or pattern: write it in lower case, '
            "international names in their xn-- form, without scheme, port or trailing dot"
        )
