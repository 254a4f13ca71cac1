"""The records that the outside's DNS server answers from: a JSON file, read by the server at each query."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypedDict

from tests.host.layout import TTL_S


class Record(TypedDict):
    """What the DNS says of one name; `ttl` in seconds."""

    ttl: int
    addresses: list[str]


class Zone:
    """Names and their addresses, changeable while the server runs."""

    def __init__(self, file: Path, names: Mapping[str, Iterable[str]]) -> None:
        self.file = file
        self._initial = {name: Record(ttl=TTL_S, addresses=list(addresses)) for name, addresses in names.items()}
        self.reset()

    def set(self, name: str, addresses: Iterable[str], *, ttl: int = TTL_S) -> None:
        """Answer A and AAAA of `name` with these addresses from the next query on; `ttl` in seconds. None at all is an
        empty answer."""
        self._write(self._records | {name.lower(): Record(ttl=ttl, addresses=list(addresses))})

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
