"""What changed of what runs: containers that started and stopped, and images that came after others. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from tui.history.batch import KeptWorkload
from tui.model.workload import VISITOR, WorkloadKind, image_words


class ChangeKind(StrEnum):
    """What happened to a container."""

    STARTED = "started"
    RESTARTED = "restarted"
    """Made or started anew with the image that it had."""
    IMAGE = "image"
    """Made anew with another image."""
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one container."""

    at_us: int
    kind: ChangeKind
    role: str | None
    container: str | None
    image: str | None
    before: str | None = None
    """The image that it had, where that is another one."""

    @property
    def who(self) -> str:
        """The role, else the container."""
        return self.role or self.container or "a container"

    @property
    def what(self) -> str:
        """In words, without the time: `image 3.148.4 → 3.196.2`, `started (image 3.196.2)`, `stopped`."""
        if self.kind is ChangeKind.IMAGE:
            return f"image {image_words(self.before, self.image)} → {image_words(self.image, self.before)}"
        image = f" (image {image_words(self.image)})" if self.image and self.kind is not ChangeKind.STOPPED else ""
        return f"{self.kind}{image}"


def changes(workloads: Iterable[KeptWorkload]) -> list[Change]:
    """The changes of Retool's containers that the record knows of, the latest first."""
    lives: dict[tuple[str | None, str | None], list[KeptWorkload]] = {}
    for kept in _whole(workloads):
        workload = kept.workload
        name = workload.container if workload.described else workload.role
        lives.setdefault((workload.project, name), []).append(kept)
    found = [change for each in lives.values() for change in _of_one(each)]
    return sorted(found, key=lambda change: -change.at_us)


def _whole(workloads: Iterable[KeptWorkload]) -> list[KeptWorkload]:
    """Each container of Retool once, though it may have several namespaces."""
    known: dict[str, KeptWorkload] = {}
    for kept in workloads:
        workload = kept.workload
        if workload.kind is not WorkloadKind.CONTAINER or workload.role in (None, VISITOR):
            continue
        id = workload.container_id or f"{workload.namespace} {kept.id}"
        other = known.get(id, kept)
        began = min(workload.started_us, other.workload.started_us)
        ended = None if None in (kept.gone_us, other.gone_us) else max(kept.gone_us or 0, other.gone_us or 0)
        known[id] = replace(kept, workload=replace(workload, started_us=began), gone_us=ended)
    return sorted(known.values(), key=lambda kept: kept.workload.started_us)


def _of_one(lives: list[KeptWorkload]) -> Iterable[Change]:
    """The changes of one container in its successive lives; several that run at once are its replicas."""
    for place, kept in enumerate(lives):
        workload, before = kept.workload, lives[place - 1].workload if place else None
        change = Change(workload.started_us, ChangeKind.STARTED, workload.role, workload.container, workload.image)
        if before is not None and lives[place - 1].gone_us is not None:
            differs = None not in (before.image, workload.image) and before.image != workload.image
            kind = ChangeKind.IMAGE if differs else ChangeKind.RESTARTED
            change = replace(change, kind=kind, before=before.image if differs else None)
        yield change
    last = lives[-1]
    if last.gone_us is not None and all(kept.gone_us is not None for kept in lives):
        yield Change(last.gone_us, ChangeKind.STOPPED, last.workload.role, last.workload.container, last.workload.image)
