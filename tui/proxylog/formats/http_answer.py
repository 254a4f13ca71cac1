"""What the status means that a forward proxy logged for an HTTP request, where nothing else is known."""

from tui.model.connection import Outcome

_OF_TUNNEL = {
    0: Outcome.UNKNOWN, 400: Outcome.FAILED, 405: Outcome.FAILED, 408: Outcome.RESET, 499: Outcome.RESET,
    501: Outcome.FAILED, 504: Outcome.TIMED_OUT,
}  # fmt: skip
_OF_REQUEST = {
    0: Outcome.UNKNOWN, 400: Outcome.UNKNOWN, 403: Outcome.DENIED, 407: Outcome.DENIED, 444: Outcome.DENIED,
    499: Outcome.RESET, 502: Outcome.FAILED, 503: Outcome.FAILED, 504: Outcome.TIMED_OUT,
}  # fmt: skip


def outcome_of_status(status: int, tunnel: bool) -> Outcome:
    """How it went. All that answers ``CONNECT`` is the proxy's own; other requests pass on what the far side said, and
    of these 403, 407 and 502 to 504 are taken for the proxy's, and 400 may be anybody's.

    :param status: 0 for none; 444 and 499 are nginx's words for no answer meant, and for a client that left
    :param tunnel: for ``CONNECT``
    """
    known = (_OF_TUNNEL if tunnel else _OF_REQUEST).get(status)
    if known is not None:
        return known
    if not tunnel or status < 400:
        return Outcome.CLOSED
    return Outcome.DENIED if status < 500 else Outcome.FAILED
