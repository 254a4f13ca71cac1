"""What a source of sockets reports. Values only; one look at one namespace is one ``Dump``."""

from dataclasses import dataclass
from enum import StrEnum

from tui.model.connection import Endpoint, Process


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


@dataclass(frozen=True, slots=True)
class Owner:
    """A process with the Retool role that its environment tells, None where it tells none."""

    process: Process
    role: str | None


@dataclass(frozen=True, slots=True)
class Socket:
    """A socket with a peer, in one look."""

    protocol: str
    local: Endpoint
    remote: Endpoint
    state: SocketState
    pid: int | None


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
