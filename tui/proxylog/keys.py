"""What a request is known by, so that a log that is read again, or overlaps another, tells nothing twice. Pure."""

from hashlib import blake2b

import msgspec

from tui.model.request import Request
from tui.model.times import HOUR_US

REMEMBERED_MAX = 16_384
"""Requests of which it is remembered how many were equal."""
_encode = msgspec.msgpack.Encoder().encode

RequestKey = tuple[int, int]
"""The hour since the epoch, and a signed hash of 64 bits."""


class RequestKeys:
    """Gives the requests of one log their keys, in the order of its lines: the same each time that it is read.

    Where times are whole seconds and a line has no port, two requests may look alike: they are numbered. What tells of
    a request while it is open has another key than what tells its end.
    """

    def __init__(self) -> None:
        self._recent: dict[int, int] = {}
        """How many were equal; of what came lately, and of what came before that."""
        self._older: dict[int, int] = {}

    def of(self, request: Request) -> RequestKey:
        """The key of the log's next request."""
        at_us = request.started_us if request.started_us is not None else request.ended_us or 0
        plain = _hash(
            (
                request.client, at_us, request.host, request.port, request.outcome.is_open, request.bytes_sent,
                request.bytes_received,
            )
        )  # fmt: skip
        equal = self._recent.get(plain)
        if equal is None:
            if len(self._recent) >= REMEMBERED_MAX // 2:
                self._older, self._recent = self._recent, {}
            equal = self._older.get(plain, 0)
        self._recent[plain] = equal + 1
        return at_us // HOUR_US, _hash((plain, equal)) if equal else plain


def _hash(value: object) -> int:
    return int.from_bytes(blake2b(_encode(value), digest_size=8).digest(), signed=True)
