"""Take up where the last collector ended: turn its rows back into what the tracker and the watches hold. Pure."""

from collections.abc import Iterable

from tui.catalog import Catalogue
from tui.collector.alerts import AlertBook
from tui.collector.burst import Burst
from tui.collector.hops import Hops
from tui.collector.overdue import OverdueWatch
from tui.collector.tracked import Tracked
from tui.collector.upload import UploadWatch
from tui.collector.watches import Watches
from tui.collector.workloads import WorkloadBook
from tui.history.resume import Past
from tui.model.connection import Connection, Endpoint, Outcome
from tui.model.observation import SocketState


def tracked_again(connections: Iterable[Connection]) -> list[Tracked]:
    """What was open, or may still show as TIME-WAIT, as the tracker knows it."""
    return [
        Tracked(
            c.id,
            c.origin.namespace,
            c.protocol,
            c.local,
            socket_end(c),
            c.opened_us,
            c.last_seen_us,
            c.closed_us,
            c.process,
            c.origin,
            c.outcome,
            c.recorded,
            _state(c.outcome),
        )
        for c in sorted(connections, key=lambda c: c.id)
    ]


def socket_end(connection: Connection) -> Endpoint:
    """The far end of its socket: of one through a proxy that of the proxy."""
    if connection.via is None:
        return connection.remote
    ip, _, port = connection.via.rpartition(":")
    return Endpoint(ip.strip("[]"), int(port))


def _state(outcome: Outcome) -> SocketState:
    if outcome is Outcome.UNANSWERED:
        return SocketState.ATTEMPT
    return SocketState.ESTABLISHED if outcome.is_open else SocketState.ENDED


def cadence_hosts(catalogue: Catalogue) -> list[str]:
    """The hosts that must be reached from time to time."""
    return [host for service in catalogue.default_hosts() if service.cadence_s is not None for host in service.hosts]


def watches_again(
    past: Past, catalogue: Catalogue, workloads: WorkloadBook, hops: Hops, now_us: int, *, proxy_required: bool
) -> Watches:
    """The watches with what the record has told them before."""
    services = [service for service in catalogue.default_hosts() if service.cadence_s is not None]
    last = {s.id: max((past.reached[host] for host in s.hosts if host in past.reached), default=0) for s in services}
    since_us = past.recorded_since_us if past.recorded_since_us is not None else now_us
    overdue = OverdueWatch(catalogue, since_us, {id: us for id, us in last.items() if us}, past.alerts)
    overdue.covered_since(past.covered_since_us)
    upload = UploadWatch(past.uploads)
    for each in past.sent:
        upload.seed(each.role, each.destination, each.port, each.hour, each.sent, each.received)
    book = AlertBook(past.alerts, past.next_alert)
    return Watches(book, catalogue, workloads, overdue, upload, Burst(past.bursts), hops, proxy_required=proxy_required)
