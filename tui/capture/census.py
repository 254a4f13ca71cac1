"""Who lives in which network namespace: pure rules from processes to workloads. Reads nothing.

A process is its container's, whichever namespace it is in, so that what a container nests stays the container's. In a
container's namespace without its control group it is a visitor; elsewhere it is the host's, or a bare namespace's.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import NamedTuple

from tui.capture.containers import ContainerId
from tui.capture.engine import Described
from tui.capture.environment import Environment
from tui.model.connection import Origin
from tui.model.role import COMPOSE_SERVICES, joined
from tui.model.workload import HOST, VISITOR, Workload, WorkloadKind

SHORT_ID = 12
RETOOL_IMAGE = "/tryretool/"
"""How the path of every image of Retool's begins, or goes on behind a registry."""

Key = tuple[str, WorkloadKind, str]
"""Which workload: namespace, kind, container id."""
Bearer = tuple[WorkloadKind, str]
"""What has an environment of its own: a container wherever it is, else a workload in its namespace."""


class Member(NamedTuple):
    """A process, as far as the census needs it."""

    pid: int
    namespace: str
    start_ticks: int
    started_us: int
    container: ContainerId | None
    is_setting_up: bool
    """True for a container runtime's own process on its way into a container."""


@dataclass(frozen=True, slots=True)
class Census:
    """All that live in the namespaces that can be seen, at one time."""

    places: dict[str, int] = field(default_factory=dict)
    """Namespaces, with the oldest pid of each to enter it by."""
    pids: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """By namespace, oldest first."""
    residents: dict[str, Origin] = field(default_factory=dict)
    """By namespace: what a connection is when no process is known."""
    workloads: tuple[Workload, ...] = ()
    unreadable: int = 0
    """Processes that are listed and whose namespace may not be read. Those that /proc hides are not among them."""
    arrived: frozenset[str] = frozenset()
    """Namespaces that a visitor has come into since the last scan, or any process where several workloads share one."""


@dataclass(frozen=True, slots=True)
class Household:
    """Processes by what they belong to, each group oldest first."""

    host: str
    """The host's namespace."""
    members: list[Member]
    """All, oldest first."""
    containers: dict[str, ContainerId]
    """By namespace: the container whose process there is the oldest."""
    groups: dict[Key, list[Member]]

    def key_of(self, member: Member) -> Key | None:
        """What a process belongs to; None while a runtime sets a container up of which nothing else runs yet."""
        if member.container is not None:
            return (member.namespace, WorkloadKind.CONTAINER, member.container.id)
        if member.namespace == self.host:
            return (member.namespace, WorkloadKind.HOST, "")
        container = self.containers.get(member.namespace)
        if member.is_setting_up:
            return None if container is None else (member.namespace, WorkloadKind.CONTAINER, container.id)
        if container is None:
            return (member.namespace, WorkloadKind.NAMESPACE, "")
        return (member.namespace, WorkloadKind.VISITOR, container.id)

    def ids(self) -> frozenset[str]:
        """The containers that run."""
        return frozenset(id for _, _, id in self.groups if id)


def household(members: Iterable[Member], host: str) -> Household:
    """Sort processes by what they belong to."""
    found = Household(host, sorted(members, key=lambda member: (member.start_ticks, member.pid)), {}, {})
    for member in found.members:
        if member.container is not None:
            found.containers.setdefault(member.namespace, member.container)
    for member in found.members:
        if (key := found.key_of(member)) is not None:
            found.groups.setdefault(key, []).append(member)
    return found


def bearer_of(key: Key) -> Bearer:
    """Whose environment counts for a workload."""
    namespace, kind, id = key
    return (kind, id if kind is WorkloadKind.CONTAINER else namespace)


def workloads_of(
    home: Household, told: Mapping[int, Environment], described: Mapping[str, Described]
) -> dict[Key, Workload]:
    """Name every group. ``told`` are environments by pid, ``described`` what an engine says by container id."""
    environments: dict[Bearer, list[Environment]] = {}
    for key, group in home.groups.items():
        found = [told[member.pid] for member in group if member.pid in told and not member.is_setting_up]
        environments.setdefault(bearer_of(key), []).extend(found)
    projects = frozenset(
        told_of.project
        for (kind, id), found in environments.items()
        if (told_of := described.get(id)) is not None and any(environment.role for environment in found)
    )
    return {
        key: _workload(key, group, environments[bearer_of(key)], described.get(key[2]), home, projects)
        for key, group in sorted(home.groups.items())
    }


def _workload(
    key: Key, group: list[Member], told: list[Environment], described: Described | None, home: Household,
    projects: Set[str | None],
) -> Workload:  # fmt: skip
    namespace, kind, id = key
    pod = next((member.container.pod for member in group if member.container), None)
    if kind is WorkloadKind.VISITOR:
        pod = home.containers[namespace].pod
    return Workload(
        namespace,
        kind,
        container_id=id or None,
        container=((described and described.name) or id[:SHORT_ID]) or None,
        role=_role(kind, told, described, projects),
        image=described.image if described and kind is WorkloadKind.CONTAINER else None,
        project=(described and described.project) or pod,
        described=described is not None,
        pid=group[0].pid,
        proxy=told[0].proxy if told else (),
        started_us=group[0].started_us,
    )


def _role(
    kind: WorkloadKind, told: Sequence[Environment], described: Described | None, projects: Set[str | None]
) -> str | None:
    """Outside text is never a role: environments name known services only, and so does Compose here.

    Other projects have a service called ``api`` too, so Compose is believed of Retool's images, and in the projects
    in which an environment has told a role. There it is stronger than what only later processes say: in the code
    executor users run what they like.
    """
    if kind is WorkloadKind.VISITOR:
        return VISITOR
    if kind is WorkloadKind.HOST:
        return None
    role = joined(environment.role for environment in told)
    told_first = bool(told) and told[0].role is not None
    if told_first or described is None or described.service not in COMPOSE_SERVICES:
        return role
    retools = described.project is not None and described.project in projects
    return described.service if retools or RETOOL_IMAGE in f"/{described.image}" else role


def census_of(home: Household, workloads: Iterable[Workload], unreadable: int) -> Census:
    """What the groups come to."""
    pids: dict[str, list[int]] = {}
    for member in home.members:
        pids.setdefault(member.namespace, []).append(member.pid)
    listed = tuple(workloads)
    return Census(
        places={namespace: found[0] for namespace, found in pids.items()},
        pids={namespace: tuple(found) for namespace, found in pids.items()},
        residents=_residents(pids, listed),
        workloads=listed,
        unreadable=unreadable,
    )


def _residents(namespaces: Iterable[str], workloads: Iterable[Workload]) -> dict[str, Origin]:
    """What a connection of each namespace is when no process is known."""
    living: dict[str, list[Workload]] = {namespace: [] for namespace in namespaces}
    for workload in workloads:
        living[workload.namespace].append(workload)
    return {namespace: _resident(namespace, found) for namespace, found in living.items()}


def _resident(namespace: str, living: list[Workload]) -> Origin:
    if len(living) == 1:
        return living[0].origin
    roles = {HOST if workload.kind is WorkloadKind.HOST else workload.role for workload in living} - {None}
    containers = {workload.container for workload in living} - {None}
    images = {workload.image for workload in living}
    return Origin(namespace, _listed(roles), _listed(containers), images.pop() if len(images) == 1 else None)


def _listed(words: Iterable[str | None]) -> str | None:
    return "+".join(sorted(word for word in words if word)) or None
