"""All that is known of one destination, gathered from history, catalogue and allowlist. Formats nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from tui.allowlist.policy import Policy
from tui.allowlist.rules import Subject
from tui.catalog import Catalogue, Service
from tui.config.errors import ConfigError
from tui.history.batch import KeptWorkload
from tui.history.changes import Change, changes
from tui.history.errors import HistoryError
from tui.history.places import Place, destination_id, known_addresses, places
from tui.history.proxy_logs import logs
from tui.history.read import Reader
from tui.history.rows import AddressRow, ConnectionRow, DestinationRow
from tui.model.alert import Alert
from tui.model.answer import Answer
from tui.model.connection import UNRECOGNISED, Claim, Judgement, Verdict
from tui.model.filter import Filter
from tui.model.host import is_host
from tui.output.holes import names_of
from tui.output.probe import HTTPS_PORT, is_testable, place_of, test_command
from tui.viewer.concerns import rows_of
from tui.viewer.name_words import HELD_US
from tui.viewer.status_words import CHANGES_US

CONNECTIONS = 50
NOWHERE = "192.0.2.0"
"""Stands for the address of a name that has none (RFC 5737)."""


@dataclass(frozen=True, slots=True)
class Test:
    """What shows whether a destination is reached from where it is needed."""

    __test__ = False
    alert: Alert
    command: str | None
    """None where no process is known to test from."""
    proxied: bool = False


@dataclass(frozen=True, slots=True)
class Dossier:
    """What the detail screen says of a destination."""

    row: DestinationRow
    services: tuple[Service, ...] = ()
    """What it is; several where several names fit equally well."""
    today: Judgement | None = None
    """What the allowlist files as they are now say of it."""
    allowlist_fault: str | None = None
    addresses: tuple[AddressRow, ...] = ()
    answers: tuple[Answer, ...] = ()
    """Of our own look-ups: of its name, or of its address."""
    told: tuple[Answer, ...] = ()
    """The names that its addresses had while they were used, whoever was told so."""
    known: tuple[Answer, ...] = ()
    """The addresses that its name had meanwhile, where a client gave the name falsely."""
    whose: Mapping[str, str] = field(default_factory=dict)
    """What lives in the namespaces that were told."""
    places: tuple[Place, ...] = ()
    """Where its role reached it, the latest address first."""
    others: tuple[str | None, ...] = ()
    """Roles that reach it too."""
    packets_read: bool = False
    """Whether packets were read where and when the latest connection was opened."""
    logs: bool = False
    """Whether the log of a proxy is followed."""
    alerts: tuple[Alert, ...] = ()
    connections: tuple[ConnectionRow, ...] = ()
    """The latest first."""
    changes: tuple[Change, ...] = ()
    """Of the role's containers in the last week, the latest first."""
    tests: tuple[Test, ...] = ()
    """For each open alert that says that it is blocked."""
    fault: str | None = None
    """Why the history could not be asked."""

    @property
    def candidates(self) -> tuple[str, ...]:
        """The names that fit its latest address equally well."""
        return self.addresses[0].candidates if self.addresses and not self.row.named else ()


UNSEEN_ID = -1
"""The destination of a row that no connection of the last day has made."""


def unseen_row(alert: Alert, catalogue: Catalogue) -> DestinationRow | None:
    """A row for the host of an alert to which nothing was connected in the last day; None where it names no host."""
    host, port = alert.destination or "", alert.port or HTTPS_PORT
    if not is_host(host):
        return None
    service = catalogue.by_host(host, port)
    category = service.category if service else UNRECOGNISED
    return DestinationRow(
        UNSEEN_ID, host, True, port, alert.role, category, Verdict.PENDING, 0, 0, 0, None, None, alert.first_us,
        alert.last_us, None, None,
    )  # fmt: skip


def is_false(dossier: Dossier) -> bool:
    """Whether the latest that is known of its name is that it is another's."""
    return _is_false(dossier.connections)


def _is_false(connections: Sequence[ConnectionRow]) -> bool:
    return bool(connections) and connections[0].claim == Claim.MISMATCH


def gather(history: Path, row: DestinationRow, catalogue: Catalogue, policy: Policy, now_us: int) -> Dossier:
    """Ask for everything about a row; faults are part of the answer."""
    try:
        reader = Reader(history)
    except HistoryError as error:
        return Dossier(row, fault=f"{error}. {error.hint}")
    try:
        id = row.destination_id
        if id == UNSEEN_ID:
            id = destination_id(reader, row.name, row.port) or UNSEEN_ID
        addresses = tuple(reader.addresses(id, row.role, of_role=True))
        recent = reader.connections(Filter(), 0, now_us, to=(id, row.role), newest_first=True, limit=CONNECTIONS)
        connections = tuple(islice(recent, CONNECTIONS))
        answers = reader.answers(host=row.name) if row.named else reader.answers(ip=row.name)
        candidates = addresses[0].candidates if addresses and not row.named else ()
        alerts = tuple(a for a in reader.alerts() if rows_of(a, [row], {row.destination_id: candidates}))
        workloads = reader.workloads()
        found = places(reader, [id], now_us)
        told, known = _told(reader, row, addresses)
        read = bool(connections) and _is_read(reader, connections[0])
        followed = bool(logs(reader))
    except Exception as error:  # noqa: BLE001 - whatever the file does, the screen says it and stays
        return Dossier(row, fault=f"The history cannot be read: {error}")
    finally:
        reader.close()
    today, fault = _judge(row, addresses, candidates, connections, policy, now_us)
    services = _services(row, candidates, connections, catalogue)
    changed = tuple(c for c in changes(workloads) if c.role == row.role and now_us - c.at_us <= CHANGES_US)
    tests = tuple(_test(alert, workloads, connections) for alert in alerts if _is_tested(alert, row))
    return Dossier(
        row, services, today, fault, addresses, tuple(answers), told, known, names_of(workloads),
        found.get((id, row.role), ()), tuple(role for _, role in found if role != row.role), read, followed, alerts,
        connections,
        changed, tests,
    )  # fmt: skip


def _told(
    reader: Reader, row: DestinationRow, addresses: Sequence[AddressRow]
) -> tuple[tuple[Answer, ...], tuple[Answer, ...]]:
    """The names that addresses had while they were used; and the addresses that a name had which was given falsely."""
    if not addresses:
        return (), ()
    told = reader.names_of(list(dict.fromkeys(a.ip for a in addresses)), *_used(addresses))
    false = [a for a in addresses if a.claim == Claim.MISMATCH]
    return tuple(told), tuple(known_addresses(reader, row.name, *_used(false))) if false and row.named else ()


def _used(addresses: Sequence[AddressRow]) -> tuple[int, int]:
    """From when, with how long a client may hold an answer, and until when addresses were used."""
    return min(a.first_us for a in addresses) - HELD_US, max(a.last_us for a in addresses)


def _is_read(reader: Reader, connection: ConnectionRow) -> bool:
    spans = reader.coverage(connection.opened_us, connection.opened_us)
    return any(span.source == "wire" and span.namespace == connection.namespace for span in spans)


def _is_tested(alert: Alert, row: DestinationRow) -> bool:
    return is_testable(alert) and alert.role == row.role


def _test(alert: Alert, workloads: Sequence[KeptWorkload], connections: Sequence[ConnectionRow]) -> Test:
    """From the namespace of the latest connection, if that is still there."""
    namespaces = tuple(dict.fromkeys(c.namespace for c in connections if c.role == alert.role))
    place = place_of(alert, workloads, namespaces)
    return Test(alert, test_command(alert, place), bool(place.proxy)) if place is not None else Test(alert, None)


def _judge(
    row: DestinationRow, addresses: Sequence[AddressRow], candidates: tuple[str, ...],
    connections: Sequence[ConnectionRow], policy: Policy, now_us: int,
) -> tuple[Judgement | None, str | None]:  # fmt: skip
    ip = addresses[0].ip if addresses else NOWHERE if row.named else row.name
    latest = connections[0] if connections else None
    believed = latest is None or latest.claim in (None, Claim.CONFIRMED)
    proxied = latest is not None and latest.via is not None and row.named
    try:
        host = row.name if row.named else None
        subject = Subject(host, ip, row.port, row.role, candidates, is_believed=believed, via_proxy=proxied)
        return policy.load().judge(subject, now_us), None
    except ConfigError as error:
        return None, f"{error}. {error.hint}"
    except ValueError as error:
        return None, str(error)


def _services(
    row: DestinationRow, candidates: tuple[str, ...], connections: tuple[ConnectionRow, ...], catalogue: Catalogue
) -> tuple[Service, ...]:  # fmt: skip
    if _is_false(connections):
        return ()
    if candidates:
        found = [catalogue.by_host(name, row.port) for name in candidates]
    else:
        named = next((c.service for c in connections if c.service), None)
        found = [catalogue.service(named) if named else catalogue.by_host(row.name, row.port) if row.named else None]
    return tuple(dict.fromkeys(service for service in found if service is not None))
