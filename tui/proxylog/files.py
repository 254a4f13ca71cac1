"""All files of one log: those that are open, those that were read, and which of those beside it are to be read."""

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress

from tui.proxylog.beside import Beside
from tui.proxylog.followed import Followed
from tui.proxylog.identity import Mark
from tui.proxylog.known import Known
from tui.proxylog.opened import Opened, open_file
from tui.proxylog.siblings import Sibling

OPEN_MAX = 64
"""Rotated files that stay open, and that are opened at once."""


class Files:
    """The files of the log at a path."""

    def __init__(self, path: bytes, marks: Iterable[Mark]) -> None:
        self._path = path
        self._beside = Beside(path)
        self._judged: dict[tuple[int, int], tuple[int, int]] = {}
        self.known = Known(marks)
        self.rotated: list[Followed] = []
        """The files that are open and do not stand at the path, the oldest first."""
        self.current: Followed | None = None
        """The one that stands at the path, or stood there last."""
        self.now_s = 0.0

    @property
    def open(self) -> list[Followed]:
        """All that are open, the oldest first."""
        return [*self.rotated, self.current] if self.current else list(self.rotated)

    def marks(self) -> tuple[Mark, ...]:
        """Where everything is to be read on, the current file last."""
        return tuple(dict.fromkeys((*self.known.marks, *(followed.mark for followed in self.open))))

    def hurry(self) -> None:
        """Look beside the log at the next opportunity, as files may have other names."""
        self._beside.hurry()

    def replace(self, old: Followed, new: Followed | None) -> None:
        """Put a file in the place of another, or none; all that lies beside the log must be judged again then."""
        if self.current is old:
            self.current = new
        elif new is None:
            self.rotated.remove(old)
        else:
            self.rotated[self.rotated.index(old)] = new
        if new is not None:
            new.active_s = self.now_s
        self._judged.clear()
        self.hurry()

    def drop(self, followed: Followed) -> None:
        """Close a file and remember how far it was read."""
        self.known.add(followed.mark)
        self.replace(followed, None)
        followed.close()

    def restart_rewritten(self) -> list[tuple[Mark, int]]:
        """Begin anew in files that were cut or overwritten; their former marks, and the bytes that had been waiting."""
        cut = []
        for followed in self.open:
            try:
                if not followed.is_rewritten():
                    continue
            except OSError:
                self.drop(followed)
                continue
            mark = followed.mark._replace(device=0, inode=0)
            self.known.add(mark)
            cut.append((mark, followed.waiting))
            self.replace(followed, Followed(followed.opened))
        return cut

    def look(self, log: os.stat_result | None) -> list[Sibling] | None:
        """The rotated files, the oldest first; None if nothing has changed.

        :param log: what stands at the path
        :raises OSError: if the directory cannot be listed
        """
        found = self._beside.look(self.now_s, self.known.marks)
        if found is not None:
            present = {each.identity: each.path for each in found}
            if log is not None:
                present[log.st_dev, log.st_ino] = self._path
            if self.known.present.keys() - present.keys():
                self._judged.clear()
            self.known.present = present
        return found

    def stand_at_path(self, followed: Followed) -> None:
        """Another file stands at the path now; the one before is read on as a rotated one, which may be long quiet."""
        if followed in self.rotated:
            self.rotated.remove(followed)
        if self.current is not None:
            self.current.active_s = self.now_s
            self.rotated.append(self.current)
        self.current = followed
        followed.active_s = self.now_s

    def begin_log(self, opened: Opened) -> Followed | None:
        """How what stands at the path is to be read; None, and closed, if it is an archive that was read.

        :raises OSError: if it cannot be read
        """
        try:
            result = self.known.by_inode(opened, self.open, is_log=True) or self.known.by_content(
                opened, self.open, self.current, is_log=True
            )
        except OSError:
            os.close(opened.descriptor)
            raise
        if isinstance(result, Followed):
            return result
        os.close(opened.descriptor)
        return None

    def pass_over(self, found: Iterable[Sibling]) -> None:
        """Take all that was rotated before as read."""
        for sibling in found:
            with suppress(OSError):
                opened = open_file(sibling.path)
                with suppress(OSError):
                    self.known.add(opened.end())
                os.close(opened.descriptor)

    def open_rotated(self, found: Sequence[Sibling]) -> None:
        """Open what is to be read of the rotated files: first those that are known, then copies, then archives."""
        unknown = [opened for opened in self._not_judged(found) if not self._take_in(opened, by_content=False)]
        for opened in sorted(unknown, key=lambda opened: opened.kind is not None):
            self._take_in(opened, by_content=True)
        order = {each.identity: place for place, each in enumerate(found)}
        self.rotated.sort(key=lambda followed: order.get(followed.opened.identity, -1))

    def _not_judged(self, found: Sequence[Sibling]) -> list[Opened]:
        """The files that are not open and have changed since they were last looked at."""
        changed: list[Opened] = []
        identities = {followed.opened.identity for followed in self.open}
        for sibling in found:
            if sibling.identity in identities or self._judged.get(sibling.identity) == (sibling.size, sibling.mtime_ns):
                continue
            if len(changed) == OPEN_MAX:
                self.hurry()
                break
            with suppress(OSError):  # Renamed meanwhile, or not for us to read: it is tried again.
                opened = open_file(sibling.path)
                if opened.identity in identities:
                    os.close(opened.descriptor)
                else:
                    identities.add(opened.identity)
                    changed.append(opened)
        return changed

    def _take_in(self, opened: Opened, *, by_content: bool) -> bool:
        """Decide about one file; False if nothing is known of its inode. It is closed if there is nothing to read."""
        result: Followed | bool | None
        try:
            if by_content:
                result = self.known.by_content(opened, self.open, self.current, is_log=False)
            else:
                result = self.known.by_inode(opened, self.open, is_log=False)
        except OSError:
            result = None
        if result is False:
            return False
        if result is True:
            self._judged[opened.identity] = opened.size, opened.mtime_ns
        if isinstance(result, Followed):
            result.active_s = self.now_s
            self.rotated.append(result)
        else:
            os.close(opened.descriptor)
        return True
