"""Proxies that environments name and that run on this host, so that their logs are here too. Pure but for one table."""

from collections.abc import Callable, Iterable

from tui.capture.addresses import addresses_of
from tui.capture.census import Census
from tui.model.address import parse_address
from tui.model.proxy_variables import Place, variables_of
from tui.model.workload import Workload

_HERE = frozenset({"localhost", "host.docker.internal", "gateway.docker.internal"})
"""Names of a container's own namespace, and of its host."""


def local_proxies(
    census: Census, addresses: Callable[[str], Iterable[str]] = addresses_of
) -> dict[Place, tuple[str, ...]]:
    """The proxies on this host, each with the roles whose environments name it.

    :param addresses: gives those of the namespace to which a ``/proc/PID/net`` belongs
    """
    asked: dict[Place, set[str]] = {}
    for workload in census.workloads:
        if workload.role and workload.is_its_own:
            for place in variables_of(workload.proxy).places:
                asked.setdefault(place, set()).add(workload.role)
    if not asked:
        return {}
    here = {ip for pid in census.places.values() for ip in addresses(f"/proc/{pid}/net")}
    names = _HERE | {name for workload in census.workloads for name in _names(workload)}
    found = {place: tuple(sorted(roles)) for place, roles in asked.items() if _is_here(place.host, here, names)}
    return dict(sorted(found.items(), key=lambda item: str(item[0])))


def _is_here(host: str, here: set[str], names: Iterable[str]) -> bool:
    try:
        address = parse_address(host)
    except ValueError:
        return host in names
    return address.is_loopback or str(address) in here


def _names(workload: Workload) -> Iterable[str]:
    """What other containers call one: its name, and the service that Compose made it for (``retool-squid-1``)."""
    if workload.container is None:
        return
    yield workload.container.lower()
    service = workload.container.lower().removeprefix(f"{(workload.project or '').lower()}-").rpartition("-")
    if workload.project and service[2].isdigit():
        yield service[0]
