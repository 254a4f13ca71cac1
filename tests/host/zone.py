"""The records that the outside's DNS server answers from: a JSON file, read by the server at each query."""

import json
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import NotRequired, TypedDict

from tests.host.layout import TTL_S


class Record(TypedDict):
    """What the DNS says of one name; `ttl` in seconds."""

    ttl: int
    addresses: list[str]
    alias: NotRequired[str]
    """The name that it is another one of (CNAME)."""
    shown: NotRequired[int]
    """So many of the addresses are in one answer, others in the next: as large networks rotate theirs."""
    failure: NotRequired[str]
    """`SERVFAIL` …, or `silence`: no answer at all."""
    pointer: NotRequired[str]
    """The host that an address points to (PTR), under the name of that record."""


class Zone:
    """Names and their addresses, changeable while the server runs."""

    def __init__(self, file: Path, names: Mapping[str, Iterable[str]]) -> None:
        self.file = file
        self._initial = {name: Record(ttl=TTL_S, addresses=list(addresses)) for name, addresses in names.items()}
        self.reset()

    def set(self, name: str, addresses: Iterable[str], *, ttl: int = TTL_S, shown: int | None = None) -> None:
        """Answer A and AAAA of `name` with these addresses from the next query on; `ttl` in seconds. None at all is an
        empty answer. Where `shown` is given, each answer has so many of them, another choice every time."""
        record = Record(ttl=ttl, addresses=list(addresses))
        if shown is not None:
            record["shown"] = shown
        self._write(self._records | {name.lower(): record})

    def alias(self, name: str, target: str, *, ttl: int = TTL_S) -> None:
        """Answer for `name` that it is another name of `target`, and with what is known of that."""
        self._write(self._records | {name.lower(): Record(ttl=ttl, addresses=[], alias=target.lower())})

    def fail(self, name: str, failure: str) -> None:
        """Answer `SERVFAIL` or the like for `name`; with `silence`, do not answer."""
        self._write(self._records | {name.lower(): Record(ttl=0, addresses=[], failure=failure)})

    def point(self, ip: str, host: str) -> None:
        """Answer PTR of an address with this name, whoever has it (RFC 1035 §3.5)."""
        record = Record(ttl=TTL_S, addresses=[], pointer=host)
        self._write(self._records | {ip_address(ip).reverse_pointer: record})

    def remove(self, name: str) -> None:
        """Answer NXDOMAIN for `name`. Raises KeyError for one that has no records."""
        records = dict(self._records)
        del records[name.lower()]
        self._write(records)

    def reset(self) -> None:
        """Back to the records that the host started with."""
        self._write(self._initial)

    def _write(self, records: Mapping[str, Record]) -> None:
        self._records = dict(records)
        whole = self.file.with_suffix(".new")
        whole.write_text(json.dumps(self._records))
        whole.replace(self.file)
