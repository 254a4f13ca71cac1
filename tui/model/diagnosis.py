"""What a collector started here and now would see, as values. Finds nothing out, and words nothing for a screen."""

from dataclasses import dataclass
from enum import StrEnum


class Seen(StrEnum):
    """Whether something is seen."""

    YES = "yes"
    PARTLY = "partly"
    NO = "no"


class What(StrEnum):
    """What a check is about; these words stay still, for scripts depend on them."""

    SOURCE = "source"
    """Where sockets are read: sock_diag, or psutil."""
    NAMESPACE = "namespace"
    """The sockets of one namespace."""
    OTHER_NAMESPACES = "other-namespaces"
    """Whether there may be namespaces that cannot even be found."""
    ENTERING = "entering"
    ALL_AT_ONCE = "all-at-once"
    """The ends of the sockets of all namespaces through one socket."""
    USER_NAMESPACE = "user-namespace"
    PID_NAMESPACE = "pid-namespace"
    HIDEPID = "hidepid"
    TCP = "tcp"
    UDP = "udp"
    ENDS = "ends"
    """The kernel's word that a socket has ended."""
    BYTES = "bytes"
    BUFFER = "buffer"
    """Room for ends that were not read yet."""
    OWNERS = "owners"
    """Processes and roles behind sockets."""
    CONTAINERS = "containers"
    """Names of containers."""
    WIRE = "wire"
    """Names in packets: DNS answers, TLS server names."""
    NAMES = "names"
    """Names of destinations that are looked up ahead of time."""
    PROXY_LOG = "proxy-log"
    """The log of a proxy: whether it can be read, and names destinations."""
    PROXY_LINES = "proxy-lines"
    """What else its lines have: the client with its port, and how what Squid looks into has ended."""
    HISTORY = "history"
    CONFIGURATION = "configuration"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that is seen or not. Outside text in it is clean."""

    what: What
    where: str
    """A namespace, a path; empty where it is this machine."""
    seen: Seen
    reason: str
    remedy: str | None = None
    """A line that can be copied into a shell or a file, or several; None where nothing is known that would help."""
    workloads: tuple[str, ...] = ()
    """Of a namespace: what lives in it."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All that was found out, in the order in which it matters."""

    node: str
    user: str
    uid: int
    source: str
    """``netlink``, ``psutil`` or ``none``."""
    checks: tuple[Check, ...]
    unit: str
    """The line of a systemd unit that gives a user other than root all that is needed."""

    @property
    def complete(self) -> bool:
        """True if everything is seen that this version can see."""
        return all(check.seen is Seen.YES for check in self.checks)
