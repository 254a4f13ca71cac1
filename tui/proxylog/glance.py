"""What the end of a log tells of it: its format, and what that has. Reads little and changes nothing."""

import os
import re
from collections.abc import Sequence
from typing import NamedTuple

from tui.model.request import Request
from tui.model.times import HOUR_US
from tui.proxylog.format import Clock, Format
from tui.proxylog.opened import open_file
from tui.proxylog.reading import Reading

LINES_MAX = 200
BYTES_MAX = 262_144
"""In which the last lines are looked for."""
_BUMPED = re.compile(
    rb"\b(?:NONE_NONE|TAG_NONE|NONE)/[02]00 \d+ CONNECT "
    rb"|\"CONNECT [^\"]*\" (?:200|000|0) \d+ (?:NONE_NONE|TAG_NONE|NONE):"
)
"""Squid's first line of a request that it looks into: of what it ends, the only one."""


class Glance(NamedTuple):
    """The last lines of a log."""

    lines: int
    formats: tuple[Format, ...] = ()
    """Theirs, that of the latest line first."""
    lacks: str = ""
    """Why they name no destinations, with what would; empty where they do."""
    unparsed: int = 0
    last_unparsed: str = ""
    """The last line that is in no known format; inert."""
    requests: tuple[Request, ...] = ()
    is_bumped: bool = False
    """Squid looks into TLS, and how that ended shows only by what follows, or does not."""
    is_packed: bool = False
    """It is an archive, which nobody writes lines to."""

    @property
    def has_client(self) -> bool:
        """True if its requests name who made them; also where there are none to tell."""
        return not self.requests or any(each.client is not None for each in self.requests)

    @property
    def has_port(self) -> bool:
        """True if they have that one's port; also where there are none to tell."""
        return not self.requests or any(each.client is not None and each.client.port for each in self.requests)


def glance(path: bytes, formats: Sequence[Format], clock: Clock) -> Glance:
    """Read the last whole lines of a log, ``LINES_MAX`` at the most.

    :param formats: those that they may be in
    :raises OSError: if it is not there, may not be read, or is no regular file
    """
    opened = open_file(path, is_log=True)
    try:
        if opened.kind is not None:
            return Glance(0, is_packed=True)
        begin = max(0, opened.size - BYTES_MAX)
        text = os.pread(opened.descriptor, opened.size - begin, begin)
    finally:
        os.close(opened.descriptor)
    first, *lines = text.split(b"\n")
    whole = [first, *lines][:-1] if not begin else lines[:-1]
    lines = [line.lstrip(b"\0").removesuffix(b"\r") for line in whole][-LINES_MAX:]
    reading = Reading(formats)
    requests = reading.read(lines, clock)
    requests += reading.settle(clock.now_us + HOUR_US)
    return Glance(
        len(lines),
        reading.formats,
        " ".join(reading.lacks),
        reading.counts.unparsed,
        reading.counts.last_unparsed,
        tuple(requests),
        any(each.name.startswith("squid") for each in reading.formats) and any(map(_BUMPED.search, lines)),
    )
