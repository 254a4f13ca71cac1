"""Who is seen now and who is not: containers, the host, and the holes of single ones. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tui.history.batch import KeptWorkload
from tui.history.rows import Hole
from tui.model.times import DAY_US, SECOND_US
from tui.model.workload import WorkloadKind
from tui.output.holes import names_of, whose
from tui.viewer.snapshot import Snapshot

_ENDED_US = 15 * SECOND_US
"""A hole shorter than this, that reaches to now, may be a look that is late."""


def whole(holes: Iterable[Hole]) -> list[Hole]:
    """The holes in which nothing at all was seen."""
    return [hole for hole in holes if not hole.namespaces and hole.lost is None]


def is_blind(holes: Iterable[Hole], now_us: int) -> bool:
    """Whether nothing at all is seen now."""
    return any(_lasts(hole, now_us) for hole in whole(holes))


def _lasts(hole: Hole, now_us: int) -> bool:
    return hole.to_us >= now_us - 1 and hole.to_us - hole.from_us > _ENDED_US


def unseen_now(snapshot: Snapshot) -> Sequence[str]:
    """Who is not seen now although others are."""
    lasting = [hole for hole in snapshot.holes if hole.lost is None]
    names = names_of(snapshot.workloads)
    return sorted({whose(hole, names) for hole in lasting if hole.namespaces and _lasts(hole, snapshot.at_us)})


def outsiders(snapshot: Snapshot) -> str:
    """What makes the connections that are not judged, in a word: the host, unless containers may make them too."""
    others = any(
        _is_other(kept) and (kept.gone_us or snapshot.at_us) > snapshot.at_us - DAY_US for kept in snapshot.workloads
    )
    return "not Retool" if others else "host"


def _is_other(kept: KeptWorkload) -> bool:
    return kept.workload.kind is WorkloadKind.CONTAINER and kept.workload.role is None
