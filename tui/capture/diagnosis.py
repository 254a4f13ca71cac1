"""What would be seen here and now, found out by the code that records: one look, kept by nobody, then let go."""

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from tui.capture.census import Census
from tui.capture.engine import Engine
from tui.capture.kernel import check_kernel
from tui.capture.limits import check_limits
from tui.capture.local_proxies import local_proxies
from tui.capture.netlink_sockets import NetlinkSockets
from tui.capture.own import OwnSockets
from tui.capture.population import Population
from tui.capture.reach import unseen_others
from tui.capture.remedies import Remedies
from tui.capture.sources import Source, open_source
from tui.model.diagnosis import Check, Seen, What
from tui.model.observation import Sighting
from tui.model.proxy_variables import Place
from tui.model.workload import Workload, WorkloadKind

HERE = "here"
"""Our own namespace, where nothing but this program lives."""
OWN_CHOICE = 'source = "auto"   # in [sockets] of config.toml'
Wanted = Literal["auto", "netlink", "psutil"]


@dataclass(frozen=True, slots=True)
class Found:
    """The checks, and which source was to be had: ``netlink``, ``psutil`` or ``none``."""

    source: str
    checks: tuple[Check, ...]
    proxies: Mapping[Place, tuple[str, ...]] = field(default_factory=dict)
    """Those on this host that environments name, each with the roles."""


def look_around(wanted: Wanted, remedies: Remedies, engine: Engine | None = None) -> Found:
    """Open the source that recording would open, look once, and say what was seen.

    :raises OSError: if /proc cannot be read
    """
    engine = engine or Engine()
    population = Population(engine=engine)
    found = _look_with(population, wanted, remedies, engine)
    return replace(found, proxies=local_proxies(population.scan(time.time_ns() // 1000)))


def _look_with(population: Population, wanted: Wanted, remedies: Remedies, engine: Engine) -> Found:
    try:
        source = open_source(wanted, 1.0, OwnSockets(), population)
    except OSError as error:
        why = f"sock_diag is refused ({error}) and config.toml wants nothing else: collect does not start"
        head = Check(What.SOURCE, "", Seen.NO, why, OWN_CHOICE)
        return Found("none", (head, *_rest(population, remedies, engine, 0)))
    try:
        return _look(source, wanted, population, remedies, engine)
    finally:
        source.close()


def _look(source: Source, wanted: Wanted, population: Population, remedies: Remedies, engine: Engine) -> Found:
    sighting = source.look()
    unowned = sum(dump.unowned for dump in sighting.dumps)
    rest = _rest(population, remedies, engine, unowned)
    if isinstance(source, NetlinkSockets):
        head = Check(What.SOURCE, "", Seen.YES, "sock_diag: every connection, with its bytes and its end")
        places = _check_places(source, sighting, population, remedies)
        return Found("netlink", (head, rest[0], *places, *check_limits(source, remedies), *rest[1:]))
    return Found("psutil", tuple(_by_psutil(source, sighting, wanted, population, remedies, rest)))


def _by_psutil(
    source: Source, sighting: Sighting, wanted: Wanted, population: Population, remedies: Remedies, rest: list[Check]
) -> Iterator[Check]:
    """What the kernel would tell, and psutil does not ask for, is not seen."""
    remedy = OWN_CHOICE if wanted == "psutil" else None
    yield Check(What.SOURCE, "", Seen.PARTLY, next((dump.note for dump in sighting.dumps), ""), remedy)
    census = population.scan(sighting.at_us)
    for namespace in sorted(census.places, key=lambda place: (place != source.namespace, place)):
        names = tuple(_names(census, namespace, population))
        if namespace == source.namespace:
            yield Check(What.NAMESPACE, namespace, Seen.PARTLY, "looked at; ends are not heard", remedy, names)
        else:
            yield Check(What.NAMESPACE, namespace, Seen.NO, "psutil cannot look into it", remedy, names)
    for check in rest:
        if check.what in (What.ENDS, What.BYTES):
            why = check.reason if check.seen is Seen.NO else "psutil does not tell them"
            yield replace(check, seen=Seen.NO, reason=why, remedy=check.remedy or remedy)
        elif check.what is not What.BUFFER:
            yield check


def _rest(population: Population, remedies: Remedies, engine: Engine, unowned: int) -> list[Check]:
    census = population.scan(time.time_ns() // 1000)
    total = sum(map(len, census.pids.values())) + census.unreadable
    return [
        _check_others(census, total, remedies),
        *_check_own_place(remedies),
        *check_kernel(remedies),
        _check_owners(unowned, remedies),
        _check_containers(census, engine, remedies),
    ]


# Namespaces


def _check_places(
    source: NetlinkSockets, sighting: Sighting, population: Population, remedies: Remedies
) -> Iterable[Check]:
    """Our own first, then those that cannot be seen, then the others by what lives in them."""
    census = population.scan(sighting.at_us)
    looked = {dump.namespace for dump in sighting.dumps}
    faults = sighting.faults or {}
    heard = source.listeners()
    for namespace in sorted(census.places, key=lambda place: (place != source.namespace, place)):
        if namespace not in looked and namespace not in faults:  # it has just ended
            continue
        names = tuple(_names(census, namespace, population))
        processes = len(census.pids[namespace])
        reason = "1 process" if processes == 1 else f"{processes} processes"
        if namespace in faults:
            why = _because(faults[namespace], remedies)
            part = namespace in heard
            ends = f"its ends are heard, but what is open is not: {why}" if part else f"cannot be entered: {why}"
            seen = Seen.PARTLY if part else Seen.NO
            yield Check(What.NAMESPACE, namespace, seen, f"{reason}; {ends}", remedies.privileges, names)
            continue
        listener = heard.get(namespace)
        how = "from inside" if namespace != source.namespace and listener is not heard.get(source.namespace) else ""
        told = f"{reason}; looked at, ends heard{' ' + how if how else ''}"
        told += "; this runs in it" if namespace == source.namespace else ""
        yield Check(What.NAMESPACE, namespace, Seen.YES, told, None, names)


def _because(reason: str, remedies: Remedies) -> str:
    lacking = reason == os.strerror(1) and not remedies.reach.can("CAP_SYS_ADMIN")
    return "CAP_SYS_ADMIN is missing" if lacking else reason


def _names(census: Census, namespace: str, population: Population) -> Iterable[str]:
    living = [workload for workload in census.workloads if workload.namespace == namespace]
    if not living:
        yield HERE if namespace == population.own_namespace else "a container that is being set up"
    for workload in sorted(living, key=lambda one: (list(WorkloadKind).index(one.kind), one.container or "")):
        yield _name(workload, population)


def _name(workload: Workload, population: Population) -> str:
    if workload.kind is WorkloadKind.CONTAINER:
        return f"{workload.container} ({workload.role})" if workload.role else str(workload.container)
    if workload.kind is WorkloadKind.VISITOR:
        return f"visitor of {workload.container}"
    if workload.kind is WorkloadKind.HOST:
        return "host"
    owner = population.owner(workload.pid, time.time_ns() // 1000)
    return f"process {workload.pid}" + (f" {owner.process.name}" if owner else "")


# What else there may be


def _check_others(census: Census, total: int, remedies: Remedies) -> Check:
    """Namespaces are found through processes, so that each process that may not be read could be in another one."""
    what = What.OTHER_NAMESPACES
    many = f"{census.unreadable} of {total}"
    if why := unseen_others(census.unreadable, remedies.reach):
        count = f" ({many}; CAP_SYS_PTRACE is missing)" if census.unreadable else ""
        return Check(what, "", Seen.NO, why + count, remedies.privileges)
    if census.unreadable:
        why = (
            f"there may be more: {many} processes may not be read although no privilege is missing (a security module)"
        )
        return Check(what, "", Seen.PARTLY, why)
    return Check(what, "", Seen.YES, f"none is hidden: all {total} processes may be read")


def _check_own_place(remedies: Remedies) -> Iterable[Check]:
    reach, remedy = remedies.reach, remedies.privileges
    if reach.in_user_namespace:
        why = "this runs in a user namespace, where root and its capabilities count for nothing outside"
        yield Check(What.USER_NAMESPACE, "", Seen.NO, why, remedy)
    else:
        yield Check(What.USER_NAMESPACE, "", Seen.YES, "this runs in the machine's own")
    if reach.in_pid_namespace:
        why = "this runs in a container: /proc shows only the processes of that"
        yield Check(What.PID_NAMESPACE, "", Seen.NO, why, remedy)
    else:
        yield Check(What.PID_NAMESPACE, "", Seen.YES, "/proc is that of the whole machine")
    if reach.is_hidden_from:
        why = (
            f"/proc is mounted with hidepid={reach.hidepid}, and CAP_SYS_PTRACE is missing, which sees past it"
            " (remounting with hidepid=0 would let processes be counted, not read)"
        )
        yield Check(What.HIDEPID, "/proc", Seen.NO, why, remedy)
    else:
        told = f"hidepid={reach.hidepid} does not hold for this user" if reach.hidepid else "/proc hides no process"
        yield Check(What.HIDEPID, "/proc", Seen.YES, told)


def _check_owners(unowned: int, remedies: Remedies) -> Check:
    sockets = "1 open socket has" if unowned == 1 else f"{unowned} open sockets have"
    if remedies.reach.reads_owners:
        left = f"; {sockets} none that can be found (the kernel's own, or just closed)" if unowned else ""
        return Check(What.OWNERS, "", Seen.YES, f"processes and roles may be read{left}")
    missing = [name for name in ("CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH") if not remedies.reach.can(name)]
    now = f"; {sockets} no known process now" if unowned else ""
    why = f"of other users' connections process and role stay unknown ({' and '.join(missing)} missing){now}"
    return Check(What.OWNERS, "", Seen.PARTLY, why, remedies.privileges)


def _check_containers(census: Census, engine: Engine, remedies: Remedies) -> Check:
    reason = engine.check()
    found = [workload for workload in census.workloads if workload.kind is WorkloadKind.CONTAINER]
    unnamed = sum(not workload.described for workload in found)
    where = engine.places
    if reason is None:
        told = f"the engine names {len(found) - unnamed} of {len(found)}" if found else "the engine answers"
        left = "; the rest has short ids" if unnamed else ""
        return Check(What.CONTAINERS, where, Seen.PARTLY if unnamed else Seen.YES, told + left)
    if engine.is_absent and not found and not census.unreadable and not remedies.reach.hides_unseen:
        return Check(What.CONTAINERS, where, Seen.YES, f"no container runs here ({reason})")
    why = f"names of containers {'are' if found else 'would be'} their short ids: {reason}"
    return Check(What.CONTAINERS, where, Seen.PARTLY, why, _remedy_of_engine(reason, engine, remedies))


def _remedy_of_engine(reason: str, engine: Engine, remedies: Remedies) -> str | None:
    if "permission denied" in reason and remedies.uid != 0:
        docker = "docker.sock" in reason
        return f"sudo usermod -aG docker {remedies.user}   # then log in again" if docker else remedies.privileges
    if engine.is_absent:
        return None
    return f"curl -sS -m 5 --unix-socket {engine.places.partition(' ')[0]} http://d/_ping   # must say OK"
