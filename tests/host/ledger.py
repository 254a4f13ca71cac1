"""What a storm of connections did, and how a record of it differs. Pure: reads no file and opens no socket."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

RECEIVED_TOLERANCE: Final = 1
"""The kernel counts a FIN as a byte, and does not always say that it did."""

Key = tuple[str, str, int, str, int]
"""Protocol, local address and port, remote address and port."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One connection as its client knows it, and what a record must say of it."""

    kind: str
    key: Key
    outcome: str | None
    """None: any will do."""
    role: str | None
    bytes_sent: int | None
    """Payload; None where the kernel counts nothing."""
    bytes_received: int | None
    trouble: str = ""
    """What went otherwise than the storm wanted: then it proves nothing."""


@dataclass(frozen=True, slots=True, repr=False)
class Differences:
    """How a record differs from a ledger. `str()` of it tells the figures and three examples of each."""

    count: int
    exact: int
    """Recorded once, with nothing wrong, not even by one byte."""
    missing: tuple[Entry, ...] = ()
    doubled: tuple[Key, ...] = ()
    """Recorded more often than they happened."""
    outcomes: tuple[tuple[Entry, Any], ...] = ()
    """Entries with the outcome that was recorded instead."""
    roles: tuple[tuple[Entry, Any], ...] = ()
    sent: tuple[tuple[Entry, Any], ...] = ()
    received: tuple[tuple[Entry, Any], ...] = ()
    """By more than one byte."""
    strangers: tuple[Key, ...] = ()
    """Recorded with an address of the ledger on either side, and in no ledger."""

    @property
    def none(self) -> bool:
        """True if the record is right."""
        return not any(getattr(self, name) for name in _FAULTS)

    def __str__(self) -> str:
        lines = [f"{self.exact} of {self.count} exact"]
        for name in _FAULTS:
            if found := getattr(self, name):
                kinds = Counter(_kind(one) for one in found)
                lines += [f"{len(found)} {name}: {dict(kinds)}", *(f"    {one}" for one in found[:3])]
        return "\n".join(lines)

    __repr__ = __str__


_FAULTS: Final = ("missing", "doubled", "outcomes", "roles", "sent", "received", "strangers")


@dataclass(slots=True)
class _Found:
    exact: int = 0
    missing: list[Entry] = field(default_factory=list)
    doubled: list[Key] = field(default_factory=list)
    outcomes: list[tuple[Entry, Any]] = field(default_factory=list)
    roles: list[tuple[Entry, Any]] = field(default_factory=list)
    sent: list[tuple[Entry, Any]] = field(default_factory=list)
    received: list[tuple[Entry, Any]] = field(default_factory=list)


def compare(ledger: Iterable[Entry], rows: Iterable[Mapping[str, Any]]) -> Differences:
    """The differences of exported rows from what happened. A four-tuple that came twice must be there twice."""
    happened, recorded = defaultdict[Key, list[Entry]](list), defaultdict[Key, list[Mapping[str, Any]]](list)
    for entry in ledger:
        happened[entry.key].append(entry)
    for row in rows:
        recorded[key_of(row)].append(row)
    found = _Found()
    for key, entries in happened.items():
        _compare_one(key, entries, recorded.get(key, []), found)
    ours = {key[1] for key in happened}
    strangers = [key for key in recorded if key not in happened and ours & {key[1], key[3]}]
    return Differences(
        sum(len(entries) for entries in happened.values()), found.exact, tuple(found.missing), tuple(found.doubled),
        tuple(found.outcomes), tuple(found.roles), tuple(found.sent), tuple(found.received), tuple(strangers),
    )  # fmt: skip


def key_of(row: Mapping[str, Any]) -> Key:
    """Which connection an exported row is."""
    return row["protocol"], row["local_ip"], row["local_port"], row["ip"], row["port"]


def _compare_one(key: Key, entries: list[Entry], rows: list[Mapping[str, Any]], found: _Found) -> None:
    left = list(rows)
    for entry in entries:
        if not left:
            found.missing.append(entry)
            continue
        row = min(left, key=lambda one: _distance(entry, one))
        left.remove(row)
        _compare_row(entry, row, found)
    found.doubled += [key] * len(left)


def _distance(entry: Entry, row: Mapping[str, Any]) -> tuple[bool, int, int]:
    """How far a row is from an entry, so that of two connections with one four-tuple each gets its own row."""
    return (
        entry.outcome not in (None, row["outcome"]),
        abs((entry.bytes_sent or 0) - (row["bytes_sent"] or 0)),
        abs((entry.bytes_received or 0) - (row["bytes_received"] or 0)),
    )


def _compare_row(entry: Entry, row: Mapping[str, Any], found: _Found) -> None:
    outcome = entry.outcome in (None, row["outcome"])
    role, sent = entry.role == row["role"], entry.bytes_sent == row["bytes_sent"]
    received = _near(entry.bytes_received, row["bytes_received"])
    wrong = (
        (outcome, found.outcomes, "outcome"),
        (role, found.roles, "role"),
        (sent, found.sent, "bytes_sent"),
        (received, found.received, "bytes_received"),
    )
    for right, faults, column in wrong:
        if not right:
            faults.append((entry, row[column]))
    found.exact += outcome and role and sent and entry.bytes_received == row["bytes_received"]


def _near(wanted: int | None, recorded: int | None) -> bool:
    if wanted is None or recorded is None:
        return wanted is recorded
    return abs(wanted - recorded) <= RECEIVED_TOLERANCE


def _kind(fault: Any) -> str:
    """What a fault is about, for a count by kind."""
    if isinstance(fault, Entry):
        return fault.kind
    entry, recorded = fault if len(fault) == 2 else (None, fault[0])
    return f"{entry.kind}: {recorded}" if entry else str(recorded)
