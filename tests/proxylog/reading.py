"""Lines into a reader, and out of it what is told."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from tui.model.request import Request
from tui.proxylog.format import Clock, Format, Reader


def us(text: str) -> int:
    """Microseconds since the epoch of ISO 8601."""
    return round(datetime.fromisoformat(text).timestamp() * 1_000_000)


def clock(text: str = "2026-11-23T11:00:00Z", zone: tzinfo = UTC) -> Clock:
    """A clock that stands."""
    return Clock(us(text), zone)


def named(formats: Iterable[Format], name: str) -> Format:
    """The format of that name."""
    return next(one for one in formats if one.name == name)


def told(reader: Reader, lines: Iterable[bytes | str], at: Clock) -> list[Request]:
    """All that is told; every line is in the format."""
    requests: list[Request] = []
    for line in lines:
        found = reader.read(line if isinstance(line, bytes) else line.encode("utf-8", "surrogateescape"), at)
        assert found is not None, line
        requests += found
    return requests


def lines_of(path: Path) -> list[bytes]:
    """The lines of a log."""
    return path.read_bytes().split(b"\n")[:-1]


def latest(requests: Sequence[Request]) -> list[Request]:
    """Each request once, as it was told last; what that left out is as it was before."""
    known: dict[object, Request] = {}
    for number, request in enumerate(requests):
        key = (request.started_us, request.client, request.host) if request.started_us is not None else number
        old = known.get(key)
        if old is not None:
            request = Request._make(old[at] if new in (None, "") else new for at, new in enumerate(request))
        known[key] = request
    return list(known.values())


HOSTILE = (
    b"", b"\x00", b"\xff\xfe", b"\x1b]0;x\x07", b"[red]x[/red]", b"x" * 16_384, b'"' * 16_384, b" " * 16_384,
    b"[" * 16_384, b"{" * 16_384, b'{"a":' * 3_000, b'"- ' * 5_000,
)  # fmt: skip
"""Lines of no format, and such as would keep a careless expression busy."""


def is_inert(request: Request) -> bool:
    """True if nothing of it can do harm on a screen or in a history."""
    words = (request.host or "", request.reason, request.address or "")
    numbers = (request.started_us, request.ended_us, request.bytes_sent, request.bytes_received)
    return (
        all(not word or word.isprintable() for word in words)
        and len(request.reason) <= 120
        and all(number is None or 0 <= number < 1 << 63 for number in numbers)
        and (request.port is None or 0 < request.port < 65_536)
    )
