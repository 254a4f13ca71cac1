"""What was not recorded, in words: all of it, single namespaces, single events, or bytes of a log. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from tui.history.batch import KeptWorkload
from tui.history.rows import Hole
from tui.model.source import log_of
from tui.model.workload import VISITOR, WorkloadKind


def names_of(workloads: Iterable[KeptWorkload]) -> Mapping[str, str]:
    """What is in each namespace, as an operator calls it: the role, the container, or the host."""
    found: dict[str, str] = {}
    for kept in workloads:
        workload = kept.workload
        name = "the host" if workload.kind is WorkloadKind.HOST else workload.role or workload.container
        if name and name != VISITOR:
            found.setdefault(workload.namespace, name)
    return found


def whose(hole: Hole, names: Mapping[str, str]) -> str:
    """In what a hole is: `api`, `api and jobs-runner`, `5 namespaces`, `the proxy log PATH`; empty if nothing at all
    was seen."""
    if (path := log_of(hole.source)) is not None:
        return f"the proxy log {path}"
    told = sorted({names.get(namespace, namespace) for namespace in hole.namespaces})
    return " and ".join(told) if len(told) < 3 else f"{len(told)} namespaces"


def lost_words(hole: Hole) -> str:
    """`37 events lost`; of the log of a proxy `up to 812 bytes may be lost`, or what happened to it where nobody can
    know how many; empty where nothing at all was seen."""
    if hole.lost is None:
        return ""
    if log_of(hole.source) is None:
        return f"{hole.lost} {'event' if hole.lost == 1 else 'events'} lost"
    if not hole.lost:
        return hole.note or "an unknown number of bytes may be lost"
    return f"up to {hole.lost} {'byte' if hole.lost == 1 else 'bytes'} may be lost"


def hole_words(hole: Hole, names: Mapping[str, str], tell: Callable[[int], str], between: str = "-") -> str:
    """`02:10-02:12`, `02:10-02:12 in api`, `37 events lost 02:13-02:14 in api`; ``tell`` writes a time."""
    span = f"{tell(hole.from_us)}{between}{tell(hole.to_us)}"
    if tell(hole.from_us) == tell(hole.to_us):
        span = tell(hole.from_us)
    if lost := lost_words(hole):
        span = f"{lost} {span}"
    who = whose(hole, names)
    return f"{span} in {who}" if who else span
