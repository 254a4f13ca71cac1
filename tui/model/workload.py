"""What runs in a network namespace and connects: a container, a visitor in one, a bare namespace, or the host."""

from dataclasses import dataclass
from enum import StrEnum

from tui.model.connection import Origin
from tui.model.text import clean

VISITOR = "visitor"
"""The role of a process that is in a container's namespace and not in its control group: an engineer's ``nsenter``."""
HOST = "host"
"""How the host shows in the role of a namespace that it shares with containers."""


class WorkloadKind(StrEnum):
    """What kind of thing it is."""

    CONTAINER = "container"
    VISITOR = "visitor"
    NAMESPACE = "namespace"
    """A namespace whose processes belong to no container."""
    HOST = "host"
    """The host's own namespace, and what belongs to no container there."""


@dataclass(frozen=True, slots=True)
class Workload:
    """One of them, in one namespace. Outside text in it is clean."""

    namespace: str
    kind: WorkloadKind
    container_id: str | None = None
    """64 hexadecimal digits; of a visitor: those of its host."""
    container: str | None = None
    """The name that the engine gives, else the first 12 digits of the id."""
    role: str | None = None
    image: str | None = None
    project: str | None = None
    """The Compose project or the pod that it belongs to."""
    described: bool = False
    """True if a container engine has told what it is, so that no project means that it has none."""
    pid: int = 0
    """A process of it, for ``nsenter``."""
    proxy: tuple[tuple[str, str], ...] = ()
    """The proxy variables of its first process (HTTPS_PROXY, NO_PROXY …), credentials taken out."""
    started_us: int = 0
    """When its first process started."""

    @property
    def key(self) -> tuple[str, str, str]:
        """Which one it is, whatever is learnt of it later."""
        return (self.namespace, self.kind.value, self.container_id or "")

    @property
    def is_its_own(self) -> bool:
        """True if its first process is the workload's; that of a visitor or of the host is whoever came in."""
        return self.kind not in (WorkloadKind.VISITOR, WorkloadKind.HOST)

    @property
    def origin(self) -> Origin:
        """As connections name it."""
        return Origin(self.namespace, self.role, self.container, self.image)


def image_words(image: str | None, other: str | None = None) -> str:
    """The tag of an image, or all of its name where the name is what differs, or where it has no tag."""
    name, _, tag = (image or "").rpartition("/")[2].partition("@")[0].partition(":")
    if other is not None and _named(other) != _named(image or ""):
        return clean(image or "?", 80)
    return clean(tag or name or "?", 60)


def _named(image: str) -> str:
    path, slash, last = image.rpartition("/")
    return path + slash + last.partition("@")[0].partition(":")[0]
