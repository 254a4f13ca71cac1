"""How much of what runs is seen: containers and the host. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from tui.history.batch import KeptWorkload
from tui.model.workload import WorkloadKind


@dataclass(frozen=True, slots=True)
class Sight:
    """How much of what runs is seen."""

    containers: int
    seen: int
    unseen: tuple[str, ...]
    """What the containers are called that are not seen."""
    host: bool | None
    """Whether the host's own namespace is seen; None: not known to be there."""


def sight(workloads: Iterable[KeptWorkload], watched: frozenset[str]) -> Sight:
    """Count what runs now."""
    running = [kept.workload for kept in workloads if kept.gone_us is None]
    by_container: dict[str, list[bool]] = {}
    called: dict[str, str] = {}
    for workload in running:
        if workload.kind is WorkloadKind.CONTAINER:
            id = workload.container_id or workload.namespace
            by_container.setdefault(id, []).append(workload.namespace in watched)
            called[id] = workload.role or workload.container or id
    seen = {id for id, namespaces in by_container.items() if all(namespaces)}
    unseen = tuple(sorted(called[id] for id in by_container.keys() - seen))
    hosts = [workload.namespace in watched for workload in running if workload.kind is WorkloadKind.HOST]
    return Sight(len(by_container), len(seen), unseen, any(hosts) if hosts else None)
