"""Where destinations are, within a bound: the addresses that they were reached at, and those that names had."""

from collections.abc import Collection
from dataclasses import dataclass

from tui.history.columns import ANSWER_COLUMNS, answer_from
from tui.history.read import Reader
from tui.model.address import UNKNOWN, unpack
from tui.model.answer import Answer
from tui.model.connection import Evidence

LOOKED_AT = 300
"""Of each destination, only so many of its latest connections are looked at."""
DESTINATIONS_MAX = 500
ANSWERS_MAX = 200

_PLACES = """
SELECT c.destination, o.role, c.ip, r.via FROM destination d
JOIN connection c ON c.destination = d.id
    AND c.id >= coalesce((SELECT id FROM connection WHERE destination = d.id ORDER BY id DESC LIMIT 1 OFFSET ?), 0)
JOIN origin o ON o.id = c.origin JOIN route r ON r.id = c.route
WHERE d.id IN ({marks}) AND c.opened_us <= ? GROUP BY c.destination, o.role, c.ip, r.via
ORDER BY max(c.opened_us) DESC, max(c.id) DESC
"""


@dataclass(frozen=True, slots=True)
class Place:
    """An address at which a destination was reached."""

    ip: str
    via: str | None = None
    """The proxy, with its port, where only its address is known: the proxy looked the name up. ``log PATH`` where even
    that is not known."""

    @classmethod
    def of(cls, ip: str, via: str | None) -> "Place":
        """The place of a connection to an address, which is the proxy's own where the connection went ``via`` it."""
        port = (via or "").rpartition(":")[2]
        return cls(ip, via if ip == UNKNOWN or via in (f"{ip}:{port}", f"[{ip}]:{port}") else None)


def places(reader: Reader, ids: Collection[int], until_us: int) -> dict[tuple[int, str | None], tuple[Place, ...]]:
    """Where at most ``DESTINATIONS_MAX`` destinations were reached until a time, by their id and the role.

    The latest address first; looks at ``LOOKED_AT`` connections of each. One query, whatever the number of ids.
    """
    asked = list(ids)[:DESTINATIONS_MAX]
    sql = _PLACES.format(marks=",".join("?" * len(asked)))
    found: dict[tuple[int, str | None], dict[Place, None]] = {}
    for id, role, ip, via in reader.db.execute(sql, [LOOKED_AT - 1, *asked, until_us]):
        found.setdefault((id, role), {})[Place.of(unpack(ip), via)] = None
    return {key: tuple(each) for key, each in found.items()}


def destination_id(reader: Reader, host: str, port: int) -> int | None:
    """The id of a destination that is known by its name; None if there was none yet."""
    row = reader.db.execute("SELECT id FROM destination WHERE name = ? AND port = ? AND named", (host, port)).fetchone()
    return int(row[0]) if row else None


def known_addresses(reader: Reader, host: str, from_us: int, until_us: int) -> list[Answer]:
    """The addresses that a name was known to have at some time between two times, by whatever look-up; the latest
    first, and at most ``ANSWERS_MAX``."""
    rows = reader.db.execute(
        f"SELECT {ANSWER_COLUMNS} FROM answer WHERE host = ? AND evidence <> ? AND from_us <= ? AND until_us >= ? "  # noqa: S608
        "ORDER BY until_us DESC, ip LIMIT ?",
        (host, Evidence.REVERSE, until_us, from_us, ANSWERS_MAX),
    )
    return list(map(answer_from, rows))
