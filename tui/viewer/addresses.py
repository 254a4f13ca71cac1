"""Addresses in the place of names: what is known of them, what must be asked for, and how they are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tui.history.places import Place, places
from tui.history.read import Reader
from tui.history.rows import DestinationRow
from tui.model.address import UNKNOWN
from tui.output.route import NOT_LOGGED
from tui.viewer.view import RowKey
from tui.viewer.words import UNICODE, Glyphs, fit_middle

Places = Mapping[tuple[int, str | None], tuple[Place, ...]]
"""Where the destinations of rows are, the latest address first."""


@dataclass(frozen=True, slots=True)
class AddressBook:
    """The addresses that were asked for, and how the rows stood then."""

    known: Places = field(default_factory=dict)
    _connections: Mapping[RowKey, int] = field(default_factory=dict)

    def missing(self, rows: Iterable[DestinationRow]) -> tuple[DestinationRow, ...]:
        """The rows whose addresses were not asked for since they last changed; one without a name is one itself."""
        return tuple(row for row in rows if row.named and self._connections.get(row.key) != row.connections)

    def having(self, rows: Iterable[DestinationRow], found: Places) -> AddressBook:
        """With what was found for these rows."""
        asked = {row.key: row.connections for row in rows}
        return AddressBook({**self.known, **found}, {**self._connections, **asked})


def read_places(history: Path, rows: Iterable[DestinationRow], until_us: int) -> Places | None:
    """Ask a history for the addresses of these rows; None if it cannot be read now, which the feed tells as well."""
    try:
        reader = Reader(history)
    except Exception:  # noqa: BLE001 - the rows keep their names, and are asked for again
        return None
    try:
        return places(reader, {row.destination_id for row in rows}, until_us)
    except Exception:  # noqa: BLE001 - as above
        return None
    finally:
        reader.close()


def address_words(found: Sequence[Place], port: int, width: int, glyphs: Glyphs = UNICODE) -> str:
    """`198.51.100.7:443 +2`: the latest address, and how many others there are; of a proxied one the proxy."""
    latest, more = found[0], f" +{len(found) - 1}" if len(found) > 1 else ""
    if latest.ip == UNKNOWN and latest.via is None:
        return NOT_LOGGED + more
    if latest.via is not None:
        proxy = latest.via.removeprefix("log ")
        return f"{'via' if proxy == latest.via else 'by log'} {proxy}{more}"
    return fit_middle(latest.ip, port, max(0, width - len(more)), glyphs).rstrip() + more


def row_words(row: DestinationRow, known: Places, width: int, glyphs: Glyphs = UNICODE) -> str:
    """A row's address; its name as long as the address is not known."""
    found = known.get((row.destination_id, row.role), ()) if row.named else (Place(row.name),)
    return address_words(found, row.port, width, glyphs) if found else fit_middle(row.name, row.port, width, glyphs)
