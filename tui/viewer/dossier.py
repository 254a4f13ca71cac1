"""All that is known of one destination, gathered from history, catalogue and allowlist. Formats nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from tui.allowlist.policy import Policy
from tui.allowlist.rules import Subject
from tui.catalog import Catalogue, Service
from tui.config.errors import ConfigError
from tui.history.batch import KeptWorkload
from tui.history.changes import Change, changes
from tui.history.errors import HistoryError
from tui.history.read import Reader
from tui.history.rows import AddressRow, ConnectionRow, DestinationRow
from tui.model.alert import Alert
from tui.model.answer import Answer
from tui.model.connection import Judgement
from tui.model.filter import Filter
from tui.output.probe import is_testable, place_of, test_command
from tui.viewer.concerns import rows_of
from tui.viewer.status_words import CHANGES_US

CONNECTIONS = 50


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


def gather(history: Path, row: DestinationRow, catalogue: Catalogue, policy: Policy, now_us: int) -> Dossier:
    """Ask for everything about a row; faults are part of the answer."""
    try:
        reader = Reader(history)
    except HistoryError as error:
        return Dossier(row, fault=f"{error}. {error.hint}")
    try:
        addresses = tuple(reader.addresses(row.destination_id))
        recent = reader.connections(
            Filter(), 0, now_us, destination_id=row.destination_id, newest_first=True, limit=CONNECTIONS
        )
        connections = tuple(islice(recent, CONNECTIONS))
        answers = reader.answers(host=row.name) if row.named else reader.answers(ip=row.name)
        candidates = addresses[0].candidates if addresses and not row.named else ()
        alerts = tuple(a for a in reader.alerts() if rows_of(a, [row], {row.destination_id: candidates}))
        workloads = reader.workloads()
    except Exception as error:  # noqa: BLE001 - whatever the file does, the screen says it and stays
        return Dossier(row, fault=f"The history cannot be read: {error}")
    finally:
        reader.close()
    today, fault = _judge(row, addresses, candidates, policy, now_us)
    services = _services(row, candidates, connections, catalogue)
    changed = tuple(c for c in changes(workloads) if c.role == row.role and now_us - c.at_us <= CHANGES_US)
    tests = tuple(_test(alert, workloads, connections) for alert in alerts if _is_tested(alert, row))
    return Dossier(row, services, today, fault, addresses, tuple(answers), alerts, connections, changed, tests)


def _is_tested(alert: Alert, row: DestinationRow) -> bool:
    return is_testable(alert) and alert.role == row.role


def _test(alert: Alert, workloads: Sequence[KeptWorkload], connections: Sequence[ConnectionRow]) -> Test:
    """From the namespace of the latest connection, if that is still there."""
    namespaces = tuple(dict.fromkeys(c.namespace for c in connections if c.role == alert.role))
    place = place_of(alert, workloads, namespaces)
    return Test(alert, test_command(alert, place), bool(place.proxy)) if place is not None else Test(alert, None)


def _judge(
    row: DestinationRow, addresses: tuple[AddressRow, ...], candidates: tuple[str, ...], policy: Policy, now_us: int
) -> tuple[Judgement | None, str | None]:  # fmt: skip
    ip = addresses[0].ip if addresses else row.name
    try:
        subject = Subject(row.name if row.named else None, ip, row.port, row.role, candidates)
        return policy.load().judge(subject, now_us), None
    except ConfigError as error:
        return None, f"{error}. {error.hint}"
    except ValueError as error:
        return None, str(error)


def _services(
    row: DestinationRow, candidates: tuple[str, ...], connections: tuple[ConnectionRow, ...], catalogue: Catalogue
) -> tuple[Service, ...]:  # fmt: skip
    if candidates:
        found = [catalogue.by_host(name, row.port) for name in candidates]
    else:
        named = next((c.service for c in connections if c.service), None)
        found = [catalogue.service(named) if named else catalogue.by_host(row.name, row.port) if row.named else None]
    return tuple(dict.fromkeys(service for service in found if service is not None))
