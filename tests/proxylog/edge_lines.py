"""What the tests of nginx's and HAProxy's logs share: reading lines, and lines that nobody should have written."""

from datetime import UTC

from hypothesis import strategies as st

from tui.model.request import Request
from tui.proxylog.format import Clock, Format

CLOCK = Clock(1_795_430_000_000_000, UTC)
"""A little later than the lines of the ledgers."""


def one(format_: Format, line: bytes, clock: Clock = CLOCK) -> Request:
    """The request of a line that has exactly one."""
    requests = format_.begin(b"").read(line, clock)
    assert requests is not None, line
    [request] = requests
    return request


def hostile(samples: list[bytes]) -> st.SearchStrategy[bytes]:
    """Any bytes, and good lines with pieces put in, left out and said twice."""

    def twisted(line: bytes, at: int, to: int, piece: bytes) -> bytes:
        start, end = sorted((at % (len(line) + 1), to % (len(line) + 1)))
        return line[:start] + piece + line[end:] + line[: at % 7]

    where = st.integers(0, 5000)
    piece = st.one_of(
        st.binary(max_size=40),
        st.sampled_from([b'"', b" ", b'" ', b"\\x", b"#7B", b"9" * 40, b"\x1b[31m", b"://", b"@", b"x" * 2000, b"]"]),
    )
    return st.one_of(st.binary(max_size=300), st.builds(twisted, st.sampled_from(samples), where, where, piece))
