"""Somebody who follows a log, commits each reading, and can be stopped and killed."""

from collections.abc import Sequence
from pathlib import Path

from tui.proxylog.follow import Follower, Got
from tui.proxylog.identity import Mark
from tui.proxylog.notices import Notice


class Tail:
    """What was read of a log so far. Begins as one that has followed a log that was not there yet."""

    def __init__(self, path: Path, marks: Sequence[Mark] | None = (), *, from_start: bool = False) -> None:
        self.path = path
        self.now_s = 1000.0
        self.lines: list[bytes] = []
        self.notices: list[Notice] = []
        self.state = ""
        self.marks = marks
        self.follower = Follower(path, marks, from_start=from_start)

    def read(self, after_s: float = 0.25) -> list[bytes]:
        """The lines that are new after so long, read to the end and committed."""
        self.now_s += after_s
        lines: list[bytes] = []
        while True:
            got = self.follower.read(self.now_s)
            self.commit(got)
            lines += got.lines
            if not got.lag:
                return lines

    def commit(self, got: Got) -> None:
        """Keep what one reading gave."""
        self.lines += got.lines
        self.notices += got.notices
        self.marks, self.state = got.marks, got.state

    def stop(self) -> None:
        """End in good order; what happens until ``start`` happens unseen."""
        self.follower.close()

    def start(self) -> None:
        """Begin again from what was committed."""
        self.follower.close()
        self.follower = Follower(self.path, self.marks)

    def kinds(self) -> list[str]:
        """The kinds of notices, in order."""
        return [notice.kind for notice in self.notices]


def numbered(first: int, last: int) -> list[bytes]:
    """Lines that tell which they are, as long as those of a proxy."""
    return [
        b"1795428391.%03d 5 172.18.0.4 TCP_TUNNEL/200 2730 CONNECT api.stripe.com:443 -" % n
        for n in range(first, last + 1)
    ]


def append(path: Path, lines: Sequence[bytes]) -> None:
    """Write whole lines at the end of a file."""
    with path.open("ab") as file:
        file.write(b"".join(line + b"\n" for line in lines))
