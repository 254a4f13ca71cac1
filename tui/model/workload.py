"""What runs in a network namespace and connects: a container, a visitor in one, a bare namespace, or the host."""

from dataclasses import dataclass
from enum import StrEnum

from tui.model.connection import Origin

VISITOR = "visitor"
"""The role of a process that is in a container's namespace and not in its control group: an engineer's ``nsenter``."""


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
    """The proxy variables of its environment (HTTPS_PROXY, NO_PROXY …), credentials taken out."""
    started_us: int = 0
    """When its first process started."""

    @property
    def key(self) -> tuple[str, str, str]:
        """Which one it is, whatever is learnt of it later."""
        return (self.namespace, self.kind.value, self.container_id or "")

    @property
    def origin(self) -> Origin:
        """As connections name it."""
        return Origin(self.namespace, self.role, self.container, self.image)
