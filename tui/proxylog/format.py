"""What every format of a proxy log has in common."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import NamedTuple, Protocol

from tui.model.request import Request


class Clock(NamedTuple):
    """What a line may lack: when it was read, or at the latest written, and where its proxy lives."""

    now_us: int
    zone: tzinfo
    """Of times that bear none."""


class Reader(Protocol):
    """Reads the lines of one log, in order. Lines of one request are put together, so it may remember some."""

    def read(self, line: bytes, clock: Clock) -> Sequence[Request] | None:
        """What a line completes, most often one request; nothing for a part of one, or for what is no request (a health
        check, a word of the proxy about itself). None if the line is not in this format.

        A request may be told again, with the same start, client and host, when more is known of it: most often its
        end, after it was OPEN; it is then marked as told ``again``. What was told last is so; what it leaves out
        (None, no reason) is as it was before.

        :param line: without its line feed, cut at ``LINE_MAX``, with any bytes in it; never raises
        """
        ...

    def settle(self, now_us: int) -> Sequence[Request]:
        """What has waited too long for another line."""
        ...

    def save(self) -> bytes:
        """What it remembers, for a reader of the same format to go on after a restart; empty for nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Format:
    """A way in which a proxy writes."""

    name: str
    """``squid``, ``squid-combined``, ``haproxy-tcplog``: what ``format = …`` and ``--log-format`` take."""
    begin: Callable[[bytes], Reader]
    """A reader that goes on from what another saved; ``b""`` for a new one.

    :raises ValueError: if these bytes are none that such a reader saved
    """
    lacks: str = ""
    """Why it cannot name destinations, with what would; empty where it can."""
    part_of: str = ""
    """The format that reads every line of this one too, and more: where both are found, it is that one."""


LINE_MAX = 16_384
"""Bytes of a line that are read."""
RAW_MAX = 131_072
"""Bytes of a line in a file: Docker splits lines at 16 KiB, of which each byte may become six in its JSON."""
