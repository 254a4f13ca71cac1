"""What the kernel's counters say of a TCP connection: its payload bytes, and how it ended. Pure.

The rules were found by experiment (Linux 6.1 and 6.18); the counters are those of struct tcp_info (linux/tcp.h).
"""

from tui.model.connection import Outcome
from tui.model.observation import Counters, SocketEnd

NEVER_CONNECTED = 3
"""``idiag_wqueue`` of a socket whose blocking attempt failed; larger ones had been connected."""


def bytes_sent(counters: Counters) -> int | None:
    """Payload bytes, each counted once; None where the kernel does not count them (below Linux 4.19)."""
    return None if counters.sent is None else counters.sent - counters.resent


def _beyond(counters: Counters) -> int | None:
    """What the far side acknowledged beyond SYN and payload: 1 is our FIN, less than 0 is payload under way."""
    sent = bytes_sent(counters)
    return None if sent is None else counters.acked - 1 - sent


def bytes_received(counters: Counters, *, ended: bool) -> int:
    """Payload bytes; the kernel counts the far side's FIN of a connection that ended in order."""
    with_fin = ended and counters.received > 0 and _beyond(counters) == 1
    return counters.received - 1 if with_fin else counters.received


def is_passive(counters: Counters) -> bool:
    """True if the far side must have begun: it was heard although nothing of ours, not even a SYN, was acknowledged."""
    return counters.acked == 0 and counters.received > 0


def outcome_of(end: SocketEnd) -> Outcome:
    """How a connection ended, by the counters that came with its end."""
    counters = end.counters
    if counters is None:  # UDP: nobody counts whether an answer came
        return Outcome.UNKNOWN
    if end.remote.port == 0:
        return _of_a_zeroed_one(end.wqueue, counters)
    if counters.acked == 0:
        return _of_an_attempt(counters)
    sent = None if counters.sent is None else counters.sent - counters.resent
    in_order = sent is not None and counters.acked - 1 - sent == 1
    unheard = bool(sent) and counters.received <= (1 if in_order else 0)
    if in_order:
        return Outcome.NO_REPLY if unheard else Outcome.CLOSED
    if counters.retransmits or counters.probes:
        return Outcome.NO_REPLY if unheard else Outcome.TIMED_OUT
    return Outcome.CLOSED if sent is None else Outcome.RESET


def _of_a_zeroed_one(wqueue: int, counters: Counters) -> Outcome:
    """The kernel has wiped the addresses: a blocking attempt that failed, or a connection that we aborted."""
    if wqueue > NEVER_CONNECTED:
        return Outcome.RESET
    if wqueue == NEVER_CONNECTED:
        return Outcome.TIMED_OUT if counters.retransmits else Outcome.REFUSED
    return Outcome.UNKNOWN


def _of_an_attempt(counters: Counters) -> Outcome:
    if counters.segs_in:
        return Outcome.REFUSED
    if counters.total_retrans or counters.retransmits or counters.total_rto:
        return Outcome.TIMED_OUT
    return Outcome.UNKNOWN
