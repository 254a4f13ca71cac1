"""Files that were read and are not open now, and whether what is found is one of them, a copy, or an archive of one."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from tui.proxylog.followed import Followed
from tui.proxylog.identity import Mark, alike
from tui.proxylog.opened import Opened, open_file

GONE_MAX = 32
"""Marks that are kept of files that are nowhere to be found: they may come back, or an archive of them may."""
Identity = tuple[int, int]


class Known:
    """The marks of files that are not open."""

    def __init__(self, marks: Iterable[Mark]) -> None:
        self.marks: list[Mark] = []
        for mark in marks:
            self.add(mark)
        self.present: Mapping[Identity, bytes] = {}
        """The files that were found last, with their paths."""

    def add(self, mark: Mark) -> None:
        """Remember a file that was let go; one of which nothing was read is as good as new."""
        if (mark.offset or (mark.ended and mark.head)) and mark not in self.marks:
            self.marks.append(mark)

    def forget(self) -> None:
        """Drop the oldest marks of files that are gone."""
        gone = [mark for mark in self.marks if self.is_gone(mark)]
        for mark in gone[:-GONE_MAX]:
            self.marks.remove(mark)

    def is_gone(self, mark: Mark) -> bool:
        """True if nothing that was found bears its device and inode."""
        return (mark.device, mark.inode) not in self.present

    def by_inode(self, opened: Opened, followed: Sequence[Followed], *, is_log: bool) -> Followed | bool:
        """The file to read on, if it has the inode of a known one and still bears what was read of it; True if nothing
        more is in it; False if it is another.

        A device may have another number after a restart. A mark whose file was overwritten loses its inode.

        :param followed: the files that are open
        :param is_log: True for what stands at the path that is followed: it will have more
        :raises OSError: if it cannot be read
        """
        for mark in sorted(self.marks, key=lambda mark: -mark.offset):
            if mark.inode != opened.inode:
                continue
            if opened.bears(mark):
                is_read = opened.kind is None and opened.size == mark.offset
                if mark.ended or (is_read and not is_log):
                    self._move(mark, opened)
                    return True
                if is_read or not self._is_old_copy(mark, followed):
                    self.marks.remove(mark)
                    return Followed(opened, claims=(mark,)) if opened.kind else Followed(opened, mark)
            if mark.device == opened.device:
                self.marks[self.marks.index(mark)] = mark._replace(device=0, inode=0)
        return False

    def by_content(
        self, opened: Opened, followed: Sequence[Followed], current: Followed | None, *, is_log: bool
    ) -> Followed | None:
        """The file to read: on from where its like was read, or from its beginning where it has none. None if nothing
        is to be read of it by now: it is a copy of what is read elsewhere, or too little of it is there to tell.

        :param followed: the files that are open
        :param current: the one of them that stands at the path
        :param is_log: True for what stands at the path that is followed; that is never taken for a mere copy
        :raises OSError: if it cannot be read
        """
        head = opened.head()
        kin = sorted((mark for mark in self.marks if alike(mark.head, head)), key=lambda mark: -mark.offset)
        if not is_log and (not head or self._is_read_elsewhere(opened, head, followed, current, kin)):
            return None
        if opened.kind is not None:
            return self._claim(opened, head, kin)
        is_shorter = any(opened.size < mark.offset for mark in kin if mark.ended or self.is_gone(mark))
        fitting = next((mark for mark in kin if opened.bears(mark)), None)
        if fitting is not None and not is_shorter:
            self._take_over(fitting)
            return Followed(opened, fitting)
        if not is_log and (is_shorter or _was_there(head, kin)):
            self.add(opened.end())
            return None
        return Followed(opened)

    def refuse(self, opened: Opened, claims: Sequence[Mark]) -> Followed | None:
        """What to do with an archive that is not the file of the first of these marks; None if all of it was read."""
        self.give_back(opened, claims[0])
        rest = [mark for mark in claims[1:] if mark in self.marks]
        return self._claim(opened, opened.head(), [*rest, *(mark for mark in self.marks if not mark.offset)])

    def give_back(self, opened: Opened, claim: Mark) -> None:
        """A mark is not that of this file, after all."""
        if (claim.device, claim.inode) == opened.identity:
            claim = claim._replace(device=0, inode=0)
        self.add(claim)

    def _is_old_copy(self, mark: Mark, followed: Sequence[Followed]) -> bool:
        """True if more was read of what begins like its file: the inode may be another copy's by now."""
        others = (*self.marks, *(other.mark for other in followed))
        return any(other.offset > mark.offset and alike(other.head, mark.head) for other in others)

    def _move(self, mark: Mark, opened: Opened) -> None:
        """The file of a mark is in another directory, or its device has another number."""
        place = self.marks.index(mark)
        self.marks[place] = mark._replace(device=opened.device, directory=os.path.dirname(opened.path))

    def _claim(self, opened: Opened, head: bytes, kin: Sequence[Mark]) -> Followed | None:
        claims = tuple(mark for mark in kin if mark.offset)
        if claims:
            self._take_over(claims[0])
        elif _was_there(head, kin):
            self.add(opened.end())
            return None
        return Followed(opened, claims=claims)

    def _take_over(self, mark: Mark) -> None:
        """Another file stands for a mark now, if its own is gone."""
        if self.is_gone(mark):
            self.marks.remove(mark)

    def _is_read_elsewhere(
        self,
        opened: Opened,
        head: bytes,
        followed: Sequence[Followed],
        current: Followed | None,
        kin: Sequence[Mark],
    ) -> bool:
        """True if it is a copy, perhaps still being made, of a file that is there; or if it and a rotated file that is
        open may be of one text: then that one is read first.

        How an archive goes on is not looked at for that.
        """
        for other in followed:
            theirs = other.opened
            if not alike(theirs.head(), head) or (other is current and opened.is_longer(theirs)):
                continue
            if opened.kind is not None or theirs.kind is not None or opened.shares(theirs):
                return True
        for mark in kin:
            path = self.present.get((mark.device, mark.inode))
            if opened.kind is None and path is not None and not mark.ended and opened.size <= mark.offset:
                with _open(path) as original:
                    if original is not None and opened.shares(original):
                        return True
        return False


def _was_there(head: bytes, kin: Sequence[Mark]) -> bool:
    """True for an archive that was there before the first run, unpacked by now, or packed in another way."""
    return any(mark.ended and not mark.offset and mark.head == head for mark in kin)


@contextmanager
def _open(path: bytes) -> Iterator[Opened | None]:
    try:
        opened = open_file(path)
    except OSError:
        yield None
        return
    try:
        yield opened
    finally:
        os.close(opened.descriptor)
