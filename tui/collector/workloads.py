"""The record of what runs: when each workload began and ended, and which image came after which. Pure."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

from tui.collector.scope import is_retool
from tui.history.batch import KeptWorkload
from tui.model.times import DAY_US, ago
from tui.model.workload import Workload, WorkloadKind, image_words

QUOTED_US = 7 * DAY_US
"""How long after it a change of image is quoted by alerts."""
IMAGES_MAX = 5_000


class WorkloadBook:
    """The workloads that are there, by their keys. What a method returns must be written."""

    def __init__(self, next_id: int, past: Iterable[KeptWorkload] = ()) -> None:
        """``past`` has what an earlier collector recorded, oldest first."""
        self._next_id = next_id
        self._there: dict[tuple[str, str, str], KeptWorkload] = {}
        self._images: dict[tuple[str | None, str], list[tuple[int, str]]] = {}
        """By project and name (of the container, then of the role): since when which image."""
        for kept in past:
            self._remember(kept.workload)
            if kept.gone_us is None:
                self._there[kept.workload.key] = kept

    def learn(self, workloads: Iterable[Workload], at_us: int) -> list[KeptWorkload]:
        """Take in all that runs now; the workloads that have come, gone or become better known."""
        now = {workload.key: workload for workload in workloads}
        changed = [replace(self._there.pop(key), gone_us=at_us) for key in self._there.keys() - now.keys()]
        for key, workload in now.items():
            known = self._there.get(key)
            if known is None:
                known = KeptWorkload(self._next_id, workload, None)
                self._next_id += 1
            elif known.workload != workload:
                known = replace(known, workload=replace(workload, started_us=known.workload.started_us))
            else:
                continue
            self._there[key] = known
            self._remember(known.workload)
            changed.append(known)
        return changed

    def retool_since(self) -> int | None:
        """Since when a Retool role has run, of those that run now; None while none does."""
        return min((k.workload.started_us for k in self._there.values() if is_retool(k.workload.role)), default=None)

    def change_before(self, role: str | None, container: str | None, at_us: int) -> str | None:
        """What changed of the image behind a role or a container in the week before a time, in words."""
        names = {name for kept in self._there.values() if _is_of(kept.workload, role, container)
                 for name in _names(kept.workload)}  # fmt: skip
        changes = [
            (since, old, new) for name in names for (_, old), (since, new) in pairwise(self._images.get(name, []))
        ]
        recent = [each for each in changes if 0 <= at_us - each[0] <= QUOTED_US]
        if not recent:
            return None
        since, old, new = max(recent)
        age = ago(since, at_us)
        when = "just" if age == "now" else age
        images = f"{image_words(old, new)} to {image_words(new, old)}"
        return f"{role or container}'s image changed {when} before ({images})"

    def _remember(self, workload: Workload) -> None:
        if workload.image is None:
            return
        for name in _names(workload):
            known = self._images.setdefault(name, [])
            if not known or known[-1][1] != workload.image:
                known.append((workload.started_us, workload.image))
                del known[:-2]
        while len(self._images) > IMAGES_MAX:
            del self._images[next(iter(self._images))]


def _is_of(workload: Workload, role: str | None, container: str | None) -> bool:
    return (role is not None and workload.role == role) or (container is not None and workload.container == container)


def _names(workload: Workload) -> list[tuple[str | None, str]]:
    """A container keeps its name when it is made anew; its role is the same under another name."""
    if workload.kind is not WorkloadKind.CONTAINER:
        return []
    return [(workload.project, name) for name in (workload.container, workload.role) if name]
