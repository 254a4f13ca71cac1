"""What HAProxy says about how a session ended: status and termination state (its configuration manual, §8.5). Pure."""

from functools import lru_cache

from tui.model.connection import Outcome
from tui.proxylog.formats.http_answer import outcome_of_status
from tui.proxylog.formats.log_fields import count_of

LOOKUP_MS = 1000
"""A connection that could not be made after waiting so long before waited for a name's address."""


@lru_cache(maxsize=4096)
def answer(
    status: bytes | None, state: bytes | None, waited: bytes | None, server: bytes | None, tunnel: bool
) -> tuple[Outcome, str]:
    """How a request went, and the words for it.

    :param waited: milliseconds in queues, in which a look-up of the address counts
    :param tunnel: for ``CONNECT``
    """
    number = count_of(status) or 0
    reason = b" ".join(word for word in (status, state) if word and word != b"-").decode("ascii")
    if state is None or state[:1] == b"-":
        return outcome_of_status(number, tunnel), reason
    if state[1:2] == b"D" and state[:1] in b"Cc" and not tunnel:
        return Outcome.RESET, reason
    return _broken(state, waited, server), reason


@lru_cache(maxsize=4096)
def session(state: bytes | None, waited: bytes | None, server: bytes | None) -> tuple[Outcome, str]:
    """How a connection went, and the word for it."""
    if state is None:
        return Outcome.UNKNOWN, ""
    return (Outcome.CLOSED if state[:1] == b"-" else _broken(state, waited, server)), state.decode("ascii")


def _broken(state: bytes, waited: bytes | None, server: bytes | None) -> Outcome:
    """What a termination state means that is not the usual one (configuration manual, §8.5).

    Its first letter says who ended it: C the client, S the server, P the proxy, in small letters by a time limit; the
    second says during what: R the request, C connecting, D the data.
    """
    who, during = state[:1], state[1:2]
    if who in b"PL":
        return _OF_PROXY.get(during, Outcome.DENIED)
    if during == b"D":
        return Outcome.CLOSED if who in b"Ccs" else Outcome.RESET
    if who in b"Cc":
        return Outcome.RESET
    if who == b"S" and during == b"C":
        has_waited = (count_of(waited) or 0) >= LOOKUP_MS
        return Outcome.FAILED if has_waited or server == b"<NOSRV>" else Outcome.REFUSED
    return Outcome.TIMED_OUT if who == b"s" and during in b"CH" else Outcome.FAILED


_OF_PROXY = {b"C": Outcome.FAILED, b"H": Outcome.FAILED, b"D": Outcome.RESET}
