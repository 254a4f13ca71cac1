"""One file that is read as it grows, and unpacked where it is an archive. Knows nothing of the others."""

import os
from collections.abc import Sequence

from tui.proxylog.identity import SAMPLE, Mark, head_of, tail_of
from tui.proxylog.inflate import Inflater
from tui.proxylog.lines import Lines
from tui.proxylog.opened import PIECE, Opened, behind_hole

CHUNK = 262_144
"""Bytes that are taken in at once."""


class Rewritten(Exception):
    """What was read is no longer what stands there: the file was cut, or written anew."""


class Stranger(Exception):
    """An archive that begins like the file of a mark, and is not it."""

    def __init__(self, is_shorter: bool) -> None:
        super().__init__()
        self.is_shorter = is_shorter
        """True if it ends before the mark: a copy of what was read already."""


class Followed:
    """Reads a file on from a mark, or from its beginning.

    :param claims: of an archive: marks of which one must turn out to be its own, the first to be looked at first
    """

    def __init__(self, opened: Opened, mark: Mark | None = None, claims: Sequence[Mark] = ()) -> None:
        self.opened = opened
        self.claims = claims
        self.lines = Lines()
        self.active_s = 0.0
        """When something of it was last read."""
        self.waiting = 0
        """Bytes that had not been taken in when it was last looked at."""
        self._unlinked_size: int | None = None
        self._is_cut_off = False
        self._inflater = Inflater(opened.kind) if opened.kind else None
        self._packed_at = 0
        self._own = Mark(*opened.identity, 0, b"", b"", os.path.dirname(opened.path), False)
        self._position, self._window = 0, b""
        self._first_at, self._first = 0, b""
        if mark is not None:
            self._own = self._own._replace(offset=mark.offset, head=mark.head, tail=mark.tail)
            self._move(mark.offset)

    @property
    def mark(self) -> Mark:
        """Where it is to be read on."""
        return self.claims[0] if self.claims else self._own

    @property
    def has_ended(self) -> bool:
        """True for an archive of which nothing more can come."""
        return self._inflater is not None and (self._inflater.is_whole or bool(self._inflater.fault))

    @property
    def is_whole(self) -> bool:
        """True for an archive of which all was read."""
        return self._inflater is not None and self._inflater.is_whole

    @property
    def position(self) -> int:
        """Bytes of text that were taken in."""
        return self._position

    def look(self) -> bool:
        """See how much is waiting; True if it has grown since it has had no name, which is told once.

        :raises OSError: if that cannot be told
        """
        status = os.fstat(self.opened.descriptor)
        if self._inflater is None:
            self.waiting = max(0, status.st_size - self._position)
        else:
            rest = max(0, status.st_size - self._packed_at, self._is_cut_off)
            self.waiting = 0 if self._inflater.fault else rest
        if status.st_nlink or self._unlinked_size == -1:
            return False
        if self._unlinked_size is None:
            self._unlinked_size = status.st_size
        if status.st_size == self._unlinked_size:
            return False
        self._unlinked_size = -1
        return True

    def is_rewritten(self) -> bool:
        """True if what was read last no longer stands there.

        :raises OSError: if that cannot be told
        """
        if self._inflater is not None:
            return os.fstat(self.opened.descriptor).st_size < self._packed_at
        descriptor, begin = self.opened.descriptor, self._position - len(self._window)
        return (
            os.pread(descriptor, len(self._window), begin) != self._window
            or os.pread(descriptor, len(self._first), self._first_at) != self._first
        )

    def read(self, into: list[bytes], most: int, most_lines: int) -> int:
        """Add lines, until so many bytes are taken in, or there are so many lines, or nothing more is to be had; how
        many bytes it was.

        :raises Rewritten: if what was read is no longer there; what is added so far stands
        :raises Stranger: if no line was added, as this is not the file of its first claim
        :raises OSError: if it cannot be read
        """
        taken = 0
        while taken < most and len(into) < most_lines:
            limit = min(CHUNK, most - taken)
            if self.claims:
                limit = min(limit, self.claims[0].offset - self._position)
            text = self._unpack(limit) if self._inflater else self._take(limit)
            if not text:
                if self.claims and self.has_ended:
                    raise Stranger(is_shorter=True)
                break
            taken += len(text)
            self._take_in(text, into)
        self._is_cut_off = taken >= most or len(into) >= most_lines
        return taken

    def finish(self, into: list[bytes]) -> int:
        """Give it up where it ends; the line that is unfinished there is added, and its bytes are told.

        A file of a few bytes is not marked: nothing would tell it from another that gets its inode.
        """
        size = self.lines.finish(into)
        head = self._head(self._position)
        offset = self._position if head else 0
        is_ended = self._inflater is not None
        self._own = self._own._replace(offset=offset, head=head, tail=tail_of(self._window), ended=is_ended)
        return size

    def fault(self) -> str:
        """Why an archive tells no more, if it does not end as one should."""
        if self._inflater is None or self.is_whole:
            return ""
        return self._inflater.fault or "it ends too early"

    def close(self) -> None:
        """Let go of it."""
        os.close(self.opened.descriptor)

    def _take(self, most: int) -> bytes:
        """What follows, with what stands before it, so that nobody can exchange one without the other."""
        window = self._window
        text = os.pread(self.opened.descriptor, most + len(window), self._position - len(window))
        if not text.startswith(window):
            raise Rewritten
        text = text[len(window) :]
        if text.startswith(b"\0") and not self.lines.unfinished and self._skip_hole():
            return self._take(most)
        return text

    def _skip_hole(self) -> bool:
        """Pass over a hole in the file without reading it; True if there was one."""
        data_at = behind_hole(self.opened.descriptor, self._position)
        if data_at == self._position:
            return False
        self.lines.nuls += data_at - self._position
        self._move(data_at)
        return True

    def _move(self, position: int) -> None:
        if self._inflater is None:
            self._position = position
            self._window = os.pread(self.opened.descriptor, min(SAMPLE, position), max(0, position - SAMPLE))
            self._see_first(b"")

    def _see_first(self, text: bytes) -> None:
        """Keep how the text begins, behind any NULs, as far as it was taken in.

        :param text: what an archive gave last; a plain file is asked
        """
        if len(self._first) == SAMPLE:
            return
        if self._inflater is None:
            begin, first = self.opened.first()
            self._first_at, self._first = begin, first[: max(0, self._position - begin)]
            return
        if not self._first:
            text = text.lstrip(b"\0")
            self._first_at = self._position - len(text)
        self._first += text[: SAMPLE - len(self._first)]

    def _unpack(self, most: int) -> bytes:
        inflater = self._inflater
        assert inflater is not None  # noqa: S101 - for the type checker
        while not (text := inflater.take(most)) and not inflater.fault:
            raw = os.pread(self.opened.descriptor, PIECE, self._packed_at)
            if not raw:
                break
            self._packed_at += len(raw)
            inflater.feed(raw)
        return text

    def _take_in(self, text: bytes, into: list[bytes]) -> None:
        before = self._window
        self._position += len(text)
        self._window = text[-SAMPLE:] if len(text) >= SAMPLE else (before + text)[-SAMPLE:]
        self._see_first(text)
        if self.claims:
            self._check_claim()
            return
        self.lines.feed(text, into)
        offset = self._position - self.lines.unfinished
        if offset > self._own.offset:
            read = len(text) - self.lines.unfinished
            tail = text[read - SAMPLE : read] if read >= SAMPLE else (before + text[:read])[-SAMPLE:]
            self._own = self._own._replace(offset=offset, head=self._head(offset), tail=tail_of(tail))

    def _head(self, offset: int) -> bytes:
        if self._own.offset - self._first_at >= SAMPLE:
            return self._own.head
        return head_of(self._first[: max(0, offset - self._first_at)])

    def _check_claim(self) -> None:
        claim = self.claims[0]
        if self._position < claim.offset:
            return
        if tail_of(self._window) != claim.tail:
            raise Stranger(is_shorter=False)
        self._own = self._own._replace(offset=claim.offset, head=self._head(claim.offset), tail=claim.tail)
        self.claims = ()
