"""What the screens show at one moment, as one frozen value, and how it is read from a history.

Reads only; keeps the sums of destinations between two looks, so that a look costs what has changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tui.history.batch import KeptWorkload
from tui.history.errors import HistoryError, HistoryMissing
from tui.history.open import REGEX_FAULT
from tui.history.place import Holder, holder_of
from tui.history.proxy_logs import tunnels
from tui.history.read import HEARTBEAT_US, Reader
from tui.history.rows import DestinationRow, Hole, Recording
from tui.history.sums import activity, changed_destinations, destinations, last_seen
from tui.model.alert import Alert
from tui.model.connection import Outcome
from tui.model.filter import Equals, Filter, Term
from tui.model.times import DAY_US, HOUR_US, MINUTE_US
from tui.output.log_sight import LogSight, log_sights
from tui.output.name_sight import NameSight, name_sight_now, unread_holes
from tui.viewer.view import RowKey, heard_at, seen_at

SPAN_US = DAY_US
"""How far back the table and the services look."""
STEP_MINUTES = 2
STEPS = 30


_OPEN = Filter((Term("outcome", False, 1, (Equals(Outcome.OPEN.value),)),))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One moment of the history."""

    at_us: int
    revision: int = 0
    recording: Recording | None = None
    holder: Holder | None = None
    filter: Filter = field(default_factory=Filter)
    everything: tuple[DestinationRow, ...] = ()
    """All destinations of the span, whatever the filter."""
    matching: tuple[DestinationRow, ...] = ()
    """Those that fit the filter."""
    last_seen_us: Mapping[str, int] = field(default_factory=dict)
    """By category, in the whole record."""
    candidates: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    """The names that fit equally well, by destination id."""
    alerts: tuple[Alert, ...] = ()
    """The open ones, the most urgent first."""
    activity: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Connections opened by category, in steps of two minutes that end now."""
    holes: tuple[Hole, ...] = ()
    """Of the span, from the first recording on: what of the sockets was not seen."""
    names: NameSight | None = None
    """By what destinations can be named now."""
    unread: tuple[Hole, ...] = ()
    """Of the span: when sockets were seen and packets were not read, although they are now."""
    workloads: tuple[KeptWorkload, ...] = ()
    """What runs and what ran, the latest that began first."""
    watched: frozenset[str] = frozenset()
    """The namespaces whose sockets are seen now."""
    logs: tuple[LogSight, ...] = ()
    """The logs of proxies that are followed, with their holes of the span."""
    tunnels: frozenset[tuple[int, str | None]] = frozenset()
    """Rows that are a proxy through which something is open, of which only its log will tell where to: destination id
    and role."""
    trouble: str | None = None
    """Why the history cannot be read now; the rest is then as it was last."""
    silent_since_us: int | None = None
    """Since when a collector holds the history and yet writes nothing, not even that it lives."""

    @property
    def live(self) -> bool:
        """True while a collector records, and says so."""
        return self.holder is not None and self.silent_since_us is None


SILENT_US = 4 * HEARTBEAT_US
"""A collector that has said nothing for so long is stuck, or cannot write."""
PSUTIL = "psutil"
"""Stands in the note of this source, which knows no bytes."""
ATTEMPT_US = 150 * 1_000_000
"""Longer than Linux tries to connect (tcp_syn_retries 6: 127 s): what is open for longer was answered."""


class Follower:
    """Looks at one history again and again; use it in one thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader: Reader | None = None
        self._last: Snapshot | None = None
        self._full_at_us = 0
        self._sums: dict[str, dict[RowKey, DestinationRow]] = {}

    def look(self, now_us: int, filter: Filter) -> Snapshot | None:
        """What is there now, or None if nothing has changed since the last look."""
        try:
            return self._look(now_us, filter)
        except HistoryMissing as error:
            gone = f"{self._path.name} is gone: what stands below is old."
            known = self._last is not None and self._last.recording is not None
            return self._troubled(now_us, filter, gone if known else f"{error}. {error.hint}")
        except HistoryError as error:
            return self._troubled(now_us, filter, f"{error}. {error.hint}")
        except Exception as error:  # noqa: BLE001 - a viewer outlives every fault of the file, and says which
            slow = str(error) == REGEX_FAULT
            told = "The filter's regular expression takes too long; / changes it." if slow else str(error)
            return self._troubled(now_us, filter, told if slow else f"The history cannot be read: {told}")

    def close(self) -> None:
        """Close the history."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _troubled(self, now_us: int, filter: Filter, trouble: str) -> Snapshot | None:
        self.close()
        trouble = trouble.replace(str(self._path), self._path.name)
        before = self._last or Snapshot(now_us)
        if before.trouble == trouble and before.filter == filter:
            return None
        self._last = replace(before, at_us=now_us, holder=holder_of(self._path), filter=filter, trouble=trouble)
        return self._last

    def _look(self, now_us: int, filter: Filter) -> Snapshot | None:
        fresh = self._reader is None
        if self._reader is None:
            self._reader = Reader(self._path)
        fresh = self._reader.refresh() or fresh
        reader, before = self._reader, self._last
        revision, holder = reader.revision(), holder_of(self._path)
        aged = now_us // MINUTE_US != self._full_at_us // MINUTE_US
        known = before is not None and not fresh and before.trouble is None
        if known and before is not None and not aged:
            unchanged = revision == before.revision and filter == before.filter
            if unchanged and (holder is None) == (before.holder is None):
                return self._still(reader, before, now_us)
        rebuild = not known or now_us // HOUR_US != self._full_at_us // HOUR_US
        changed = None if rebuild or before is None else changed_destinations(reader, before.revision)
        if changed is None or len(changed) > 500:
            self._sums, changed = {}, None
        self._full_at_us = now_us
        self._last = self._read(reader, now_us, filter, revision, holder, changed)
        return self._last

    def _still(self, reader: Reader, before: Snapshot, now_us: int) -> Snapshot | None:
        """Nothing was written; that itself is news when a collector should have said that it lives."""
        silent = silent_since(before.recording, before.holder, now_us)
        if silent == before.silent_since_us or before.recording is None:
            return None
        holes = _holes(reader, "sockets", _begin(before.recording, now_us), now_us)
        self._last = replace(before, at_us=now_us, silent_since_us=silent, holes=holes)
        return self._last

    def _read(
        self, reader: Reader, now_us: int, filter: Filter, revision: int, holder: Holder | None,
        changed: Sequence[int] | None,
    ) -> Snapshot:  # fmt: skip
        everything = self._rows(reader, "all", Filter(), now_us, changed)
        if filter.terms:
            same = self._last is not None and self._last.filter == filter
            matching = self._rows(reader, "filter", filter, now_us, changed if same else None)
        else:
            matching = everything
        recording = reader.recording()
        held = self._held(reader, recording, now_us, changed)
        alive_us = recording.run.seen_us if recording.run else None
        begin_us = _begin(recording, now_us)
        holes = _holes(reader, "sockets", begin_us, now_us)
        opened = activity(reader, now_us - STEPS * STEP_MINUTES * MINUTE_US, now_us, STEP_MINUTES)
        return Snapshot(
            now_us,
            revision,
            recording,
            holder,
            filter,
            heard_at(seen_at(everything, alive_us), held),
            heard_at(seen_at(matching, alive_us), held),
            last_seen(reader),
            self._candidates(reader, everything, changed),
            tuple(reader.alerts(open_only=True, limit=-1)),
            {category: tuple(counts) for category, counts in opened.items()},
            holes,
            name_sight_now(reader, begin_us, now_us),
            unread_holes(_holes(reader, "wire", begin_us, now_us), holes, now_us),
            tuple(reader.workloads()),
            reader.watched("sockets"),
            log_sights(reader, begin_us, now_us, holes),
            tunnels(reader),
            silent_since_us=silent_since(recording, holder, now_us),
        )

    def _held(
        self, reader: Reader, recording: Recording, now_us: int, changed: Sequence[int] | None
    ) -> Mapping[RowKey, int]:
        """When what is open for longer than any attempt was last seen; only psutil does not tell what was heard."""
        if not any(PSUTIL in note for note in recording.notes):
            return {}
        rows = self._rows(reader, "open", _OPEN, now_us, changed)
        return {row.key: row.last_us for row in rows if now_us - row.first_us > ATTEMPT_US}

    def _rows(
        self, reader: Reader, name: str, filter: Filter, now_us: int, changed: Sequence[int] | None
    ) -> tuple[DestinationRow, ...]:
        known = self._sums.get(name)
        if changed is None or known is None:
            known = {row.key: row for row in destinations(reader, filter, now_us - SPAN_US, now_us)}
        elif changed:
            ids = frozenset(changed)
            latest = destinations(reader, filter, now_us - SPAN_US, now_us, only=changed)
            known = {key: row for key, row in known.items() if key[0] not in ids} | {row.key: row for row in latest}
        self._sums[name] = known
        return tuple(known.values())

    def _candidates(
        self, reader: Reader, rows: Sequence[DestinationRow], changed: Sequence[int] | None
    ) -> Mapping[int, tuple[str, ...]]:
        before = self._last.candidates if self._last is not None and changed is not None else {}
        asked = {row.destination_id for row in rows if not row.named}
        again = asked if changed is None else asked & set(changed)
        found = {id: names for id, names in before.items() if id in asked - again}
        for id in again:
            addresses = reader.addresses(id)
            if addresses and addresses[0].candidates:
                found[id] = addresses[0].candidates
        return found


def silent_since(recording: Recording | None, holder: Holder | None, now_us: int) -> int | None:
    """Since when the collector that holds a history has not said that it lives; None while it has of late."""
    run = recording.run if recording is not None else None
    if run is None or holder is None or holder.since_us != run.started_us:
        return None
    return run.seen_us if now_us - run.seen_us > SILENT_US else None


def _begin(recording: Recording, now_us: int) -> int:
    """Where the span begins in which holes count."""
    return now_us if recording.first_us is None else max(now_us - SPAN_US, recording.first_us)


def _holes(reader: Reader, source: str, from_us: int, to_us: int) -> tuple[Hole, ...]:
    found = reader.holes(source, from_us, to_us) if from_us < to_us else []
    return tuple(sorted(found, key=lambda hole: hole.from_us))
