"""A log file that is open: what it is, how it begins, whether a mark is its own. Reads a few bytes and never waits."""

import errno
import os
import stat
import sys
from collections.abc import Iterator
from typing import NamedTuple

from tui.proxylog.identity import SAMPLE, Mark, alike, head_of, tail_of
from tui.proxylog.inflate import MAGIC_SIZE, Inflater, Kind, kind_of

PIECE = 65_536
"""Bytes of an archive that are read at once."""
_NULS_MAX = 16 << 20
"""Bytes of NULs behind which the beginning of a text is still looked for."""
_LOOK_BACK = 16 << 20
"""Bytes in which the beginning of a last line is looked for."""


class Opened(NamedTuple):
    """A file, by what it was as it was opened."""

    descriptor: int
    path: bytes
    device: int
    inode: int
    size: int
    mtime_ns: int
    kind: Kind | None

    @property
    def identity(self) -> tuple[int, int]:
        """Device and inode."""
        return self.device, self.inode

    def first(self) -> tuple[int, bytes]:
        """Where its text begins, behind any NULs, and the first ``SAMPLE`` bytes of it, or as many as there are."""
        begin, text = 0, b""
        for place, piece in self._pieces():
            if not text:
                stripped = piece.lstrip(b"\0")
                begin, piece = place + len(piece) - len(stripped), stripped
            text += piece
            if len(text) >= SAMPLE or place > _NULS_MAX:
                break
        return begin, text[:SAMPLE]

    def head(self, offset: int = sys.maxsize) -> bytes:
        """Digests of how it begins, of no more than is before an offset."""
        begin, text = self.first()
        return head_of(text[: max(0, offset - begin)])

    def bears(self, mark: Mark) -> bool:
        """True if it holds what was read up to a mark; of an archive, the beginning is all that is looked at."""
        if self.kind is not None:
            return alike(self.head(), mark.head)
        before = os.pread(self.descriptor, min(SAMPLE, mark.offset), max(0, mark.offset - SAMPLE))
        return tail_of(before) == mark.tail and self.head(mark.offset) == mark.head

    def is_longer(self, other: "Opened") -> bool:
        """True if more is in it than in another; how much is in an archive is not known."""
        mine, theirs = (os.fstat(each.descriptor).st_size for each in (self, other))
        return self.kind is None and other.kind is None and mine > theirs

    def shares(self, other: "Opened") -> bool:
        """True if this begins with all that is in another, or the other way round, by their first and last bytes."""
        one, two = self.descriptor, other.descriptor
        size = min(os.fstat(one).st_size, os.fstat(two).st_size)
        places = (0, max(0, size - SAMPLE))
        length = min(SAMPLE, size)
        return size > 0 and all(os.pread(one, length, place) == os.pread(two, length, place) for place in places)

    def end(self) -> Mark:
        """A mark behind its last whole line; an archive counts as read."""
        directory = os.path.dirname(self.path)
        if self.kind is not None:
            return Mark(self.device, self.inode, 0, self.head(), b"", directory, True)
        offset = self._last_line()
        before = os.pread(self.descriptor, min(SAMPLE, offset), max(0, offset - SAMPLE))
        return Mark(self.device, self.inode, offset, self.head(offset), tail_of(before), directory, False)

    def _pieces(self) -> Iterator[tuple[int, bytes]]:
        """Its text from the beginning, without holes, each piece with its place."""
        place = 0
        if self.kind is not None:
            inflater, packed_at = Inflater(self.kind), 0
            while raw := os.pread(self.descriptor, PIECE, packed_at):
                packed_at += len(raw)
                inflater.feed(raw)
                while text := inflater.take(PIECE):
                    yield place, text
                    place += len(text)
            return
        while text := os.pread(self.descriptor, PIECE if place else SAMPLE, place):
            if text.startswith(b"\0") and (data_at := behind_hole(self.descriptor, place)) > place:
                place = data_at
                continue
            yield place, text
            place += len(text)

    def _last_line(self) -> int:
        """Where the line begins that is being written, or the end where that is too far back."""
        place = self.size
        while place > max(0, self.size - _LOOK_BACK):
            begin = max(0, place - PIECE)
            found = os.pread(self.descriptor, place - begin, begin).rfind(b"\n")
            if found >= 0:
                return begin + found + 1
            place = begin
        return self.size if place else 0


def behind_hole(descriptor: int, place: int) -> int:
    """Where a file has something, at this place or behind it; its end, if it has nothing more."""
    try:
        return os.lseek(descriptor, place, os.SEEK_DATA)
    except OSError:  # ENXIO
        return max(place, os.fstat(descriptor).st_size)


def open_file(path: bytes, *, is_log: bool = False) -> Opened:
    """Open a file for reading.

    :param is_log: where it is written to; it is an archive only if its name says so too, as what clients ask for may
        stand at its beginning
    :raises OSError: if that cannot be, or if it is no regular file
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(errno.EINVAL, "Not a regular file")
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "Not a regular file")
        may_be_packed = not is_log or path.endswith((b".gz", b".xz", b".zst"))
        kind = kind_of(os.pread(descriptor, MAGIC_SIZE, 0)) if may_be_packed else None
    except OSError:
        os.close(descriptor)
        raise
    if is_log:
        path = os.path.realpath(path)
    return Opened(descriptor, path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, kind)
