"""Counters and ends of sockets as the kernel tells them. Asserts nothing."""

from typing import Any

from tui.model.connection import Endpoint
from tui.model.observation import Counters, SocketEnd

SECOND = 1_000_000
NAMESPACE = "net:[1]"
HERE = Endpoint("10.0.0.5", 40000)
THERE = Endpoint("203.0.113.10", 443)
COOKIE = 4097
WIPED_FROM = Endpoint("0.0.0.0", 40000)
"""What is left of the source of a failed blocking attempt."""


def counted(sent: int = 0, received: int = 0, **changes: Any) -> Counters:
    """A connection that ended in order after so many payload bytes: the SYN and both FINs are in the kernel's sums."""
    whole = Counters(0, 0, 0, acked=1 + sent + 1, received=received + 1, segs_out=6, segs_in=5, sent=sent, resent=0,
                     total_rto=0)  # fmt: skip
    return whole._replace(**changes)


def alive(sent: int = 0, received: int = 0, **changes: Any) -> Counters:
    """A connection that goes on, or that did not end in order: no FIN was counted."""
    return counted(sent, received)._replace(acked=1 + sent, received=received, state=1)._replace(**changes)


def accepted(sent: int = 0, received: int = 0, **changes: Any) -> Counters:
    """A connection that the far side began and that ended in order: no SYN of ours was acknowledged."""
    return counted(sent, received, acked=sent + 1)._replace(**changes)


def attempted(**changes: Any) -> Counters:
    """An attempt that nothing has answered: one SYN went out."""
    return Counters(0, 0, 0, 0, 0, 1, 0, 0, 0, 0)._replace(**changes)


def end(
    at_s: float,
    counters: Counters | None = None,
    *,
    local: Endpoint = HERE,
    remote: Endpoint = THERE,
    cookie: int = COOKIE,
    protocol: str = "tcp",
    wqueue: int = 0,
    namespace: str = NAMESPACE,
) -> SocketEnd:
    """The end of a socket at that second; a TCP one is in order and without payload unless told otherwise."""
    told = counted() if counters is None and protocol == "tcp" else counters
    return SocketEnd(round(at_s * SECOND), namespace, protocol, local, remote, cookie, wqueue, told)


def wiped(at_s: float, *, retransmits: int = 0, wqueue: int = 3, cookie: int = COOKIE) -> SocketEnd:
    """The end of a blocking attempt that failed or, with a larger queue, of a connection that we aborted."""
    return end(
        at_s,
        attempted(segs_out=0, retransmits=retransmits),
        local=WIPED_FROM,
        remote=Endpoint(THERE.ip, 0),
        cookie=cookie,
        wqueue=wqueue,
    )
