"""What a source of sockets reports. Values only; one look at one namespace is one ``Dump``."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from tui.model.connection import Endpoint, Origin, Process
from tui.model.wire import Flow, Lookup
from tui.model.workload import Workload


class SocketState(StrEnum):
    """The states of a socket (RFC 9293 §3.3.2), as far as recording tells them apart."""

    ATTEMPT = "attempt"
    """SYN sent, nothing back yet."""
    ESTABLISHED = "established"
    """Data can flow; a UDP socket with a peer is always here."""
    CLOSING = "closing"
    """One side has said its end: FIN-WAIT, CLOSE-WAIT, CLOSING, LAST-ACK."""
    ENDED = "ended"
    """TIME-WAIT: an orderly end that the kernel still remembers."""


class Counters(NamedTuple):
    """What the kernel counts of a TCP connection (struct tcp_info of linux/tcp.h), as far as recording uses it.

    Bytes are payload bytes but for ``acked`` and ``received``, which count the SYN and the FIN where they were seen.
    """

    retransmits: int
    """Repeats of what is unanswered now."""
    probes: int
    total_retrans: int
    acked: int
    received: int
    segs_out: int
    segs_in: int
    sent: int | None
    """With repeats; None below Linux 4.19."""
    resent: int
    total_rto: int
    """Times that waiting for an answer ran out; 0 below Linux 6.7."""
    state: int = 0
    """The kernel's state of the connection when it was counted (net/tcp_states.h: 1 is ESTABLISHED)."""

    def shows_our_syn(self, *, our_fin: bool) -> bool:
        """True if more was acknowledged than payload and, where ``our_fin`` may have been sent, that: we began.

        Whoever was called has no SYN among what was acknowledged. False proves nothing.
        """
        return self.sent is not None and self.acked > self.sent - self.resent + our_fin


@dataclass(frozen=True, slots=True)
class Owner:
    """A process, and what it belongs to."""

    process: Process
    origin: Origin


@dataclass(frozen=True, slots=True)
class Socket:
    """A socket with a peer, in one look."""

    protocol: str
    local: Endpoint
    remote: Endpoint
    state: SocketState
    pid: int | None
    cookie: int | None = None
    """The kernel's number of this socket, where the source has it."""

    @property
    def key(self) -> "SocketKey":
        """Which socket it is, in its namespace."""
        return (self.protocol, self.local, self.remote) if self.cookie is None else self.cookie


SocketKey = int | tuple[str, Endpoint, Endpoint]
"""The kernel's cookie, or protocol and endpoints where the source has no cookie."""


class SocketEnd(NamedTuple):
    """The kernel's word that a socket is gone; of a failed attempt the source and the port of the peer may be 0."""

    at_us: int
    namespace: str
    protocol: str
    local: Endpoint
    remote: Endpoint
    cookie: int
    wqueue: int
    """``idiag_wqueue``: in a socket whose addresses are gone, how far it had come."""
    counters: Counters | None
    """None for UDP, which has none."""


@dataclass(frozen=True, slots=True)
class Dump:
    """All sockets of one namespace at one time."""

    at_us: int
    namespace: str
    sockets: tuple[Socket, ...]
    listening: frozenset[tuple[str, int]]
    """(protocol, local port) of sockets that wait for peers."""
    owners: dict[int, Owner]
    """By pid: the processes that could be read."""
    unowned: int
    """Live sockets whose process could not be found, most often for want of permission."""
    counters: tuple[Counters | None, ...] = ()
    """Of each socket, in the same order; empty where the source has none, or did not ask this time."""
    note: str = ""
    """What this look could not see."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Events that the kernel had to drop, counted exactly; which connections they were is not known."""

    from_us: int
    to_us: int
    namespaces: tuple[str, ...]
    """Those that they may have come from."""
    events: int


class HostsFile(NamedTuple):
    """What hosts(5) of a namespace says."""

    since_us: int = 0
    """When the file was changed last."""
    lines: tuple[tuple[str, str], ...] = ()
    """Each a host with an address of another machine, in the order of the file."""


@dataclass(frozen=True, slots=True)
class WireSight:
    """Where packets are read, and where not."""

    read: frozenset[str]
    """Namespaces."""
    refused: dict[str, str]
    """Namespaces in which they cannot be read, with the reason."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one call of a source gives; the parts happened in the order in which they stand."""

    at_us: int
    ends: tuple[SocketEnd, ...] = ()
    """Told before the dumps were taken: none of these sockets is in them."""
    dumps: tuple[Dump, ...] = ()
    later_ends: tuple[SocketEnd, ...] = ()
    """Told after the dumps were taken."""
    losses: tuple[Loss, ...] = ()
    residents: dict[str, Origin] | None = None
    """What a connection of a namespace is when nothing else is known of it; None where nobody looked."""
    resolvers: dict[str, frozenset[str]] | None = None
    """By namespace: the addresses of the resolvers that it is set to use; None where nobody looked."""
    workloads: tuple[Workload, ...] | None = None
    """All that run now; None where nothing has changed."""
    gone: tuple[str, ...] = ()
    """Namespaces that have ended: no hole begins."""
    faults: dict[str, str] | None = None
    """All namespaces that are there and cannot be looked into, with the reason; None where nothing has changed."""
    has_hidden: bool = False
    """True if there may be namespaces that cannot even be found: one that is not told of may be there still."""
    flows: tuple[Flow, ...] = ()
    """What packets have told since the last call: all of what was sent before ``later_ends`` ended is among it."""
    lookups: tuple[Lookup, ...] = ()
    """Look-ups that were answered, or in vain, since the last call."""
    wire: WireSight | None = None
    """None where nothing has changed."""
    packet_losses: tuple[Loss, ...] = ()
    """Packets that the kernel had to drop before they were read."""
    hosts: dict[str, HostsFile] | None = None
    """By namespace, those that could be read, or were found to be unreadable, by now; None where nobody looks."""
    addresses: dict[str, frozenset[str]] | None = None
    """By namespace, its own addresses without those of loopback, as far as they are known by now; None where nobody
    looks."""
