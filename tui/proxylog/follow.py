"""Follow one log through everything that happens to it: every line once, as long as any file holds it.

Looks at what stands at a path and beside it, each time it is asked; it needs no events, no thread, and no clock. It
knows nothing of formats, and nothing of who keeps its marks.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tui.model.log_state import FOLLOWING, ROTATED, UNREADABLE, WAITING
from tui.proxylog import notices
from tui.proxylog.files import OPEN_MAX, Files
from tui.proxylog.followed import Followed, Rewritten, Stranger
from tui.proxylog.identity import Mark
from tui.proxylog.notices import Notice
from tui.proxylog.opened import open_file
from tui.proxylog.siblings import Sibling
from tui.proxylog.unreadable import why

QUIET_S = 60.0
"""How long a file that was rotated stays open after its last line."""
LINES_MAX = 65_536
"""Lines after which one reading ends."""


class Got(NamedTuple):
    """What one reading gave."""

    lines: list[bytes]
    """Without their ends, cut at ``RAW_MAX``."""
    marks: tuple[Mark, ...] | None
    """The whole state after these lines: whoever commits it with them has them exactly once. None as long as a log that
    is there could not be opened for the first time."""
    notices: tuple[Notice, ...]
    lag: int
    """Bytes that wait; where there are any, reading again at once gives more."""
    state: str
    """One of ``tui.model.log_state``."""


class Follower:
    """Reads a log on from its marks.

    :param marks: what the last committed reading gave; None if there never was one: then it begins at the end of what
        is there, of the log and of what was rotated from it
    :param from_start: begin at the beginning of the log instead
    """

    def __init__(self, path: Path, marks: Sequence[Mark] | None, *, from_start: bool = False) -> None:
        self._path = os.path.abspath(os.fsencode(path))
        self._is_new, self._from_start = marks is None, from_start
        self._files = Files(self._path, marks or ())
        self._last = marks[-1] if marks else None
        self._state = self._unlistable = ""
        self._notices: list[Notice] = []

    def read(self, now_s: float, most: int = 4 << 20) -> Got:
        """The lines that came since the last time. Never blocks, and never raises for anything that a file system does.

        :param now_s: seconds of a clock that only runs forward
        :param most: bytes to take in at most
        """
        files, self._notices = self._files, []
        unseen_s, files.now_s = now_s - files.now_s, now_s
        cut = files.restart_rewritten()
        log = self._look_at_path()
        found = self._look_beside(log)
        self._open_log(log)
        if self._is_new and self._state.startswith(UNREADABLE):
            return Got([], None, tuple(self._notices), 0, self._state)
        if found is not None:
            if self._is_new:
                files.pass_over(found)
            else:
                files.open_rotated(found)
        self._is_new = False
        self._tell_lost(cut, unseen_s, has_looked=found is not None)
        lines: list[bytes] = []
        for followed in files.open:
            most -= self._read(followed, lines, most)
        self._retire(lines)
        files.known.forget()
        return Got(lines, files.marks(), tuple(self._notices), sum(each.waiting for each in files.open), self._state)

    def close(self) -> None:
        """Let go of all files."""
        for followed in self._files.open:
            self._files.drop(followed)

    def _look_at_path(self) -> os.stat_result | None:
        """What stands at the path; None if nothing does, or if that cannot be told."""
        files = self._files
        try:
            log = os.stat(self._path)
        except (FileNotFoundError, NotADirectoryError):
            self._state = ROTATED if files.open or files.known.marks else WAITING
            return None
        except OSError as error:
            self._state = f"{UNREADABLE}{why(self._path, error)}"
            return None
        self._state = FOLLOWING
        if files.current is None or files.current.opened.identity != (log.st_dev, log.st_ino):
            files.hurry()
        return log

    def _look_beside(self, log: os.stat_result | None) -> list[Sibling] | None:
        """The rotated files; None if they are as they were, or cannot be seen."""
        reason = ""
        try:
            return self._files.look(log)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            reason = why(os.path.dirname(self._path), error)
            if reason != self._unlistable:
                self._notices.append(notices.unlistable(reason))
            return None
        finally:
            self._unlistable = reason

    def _open_log(self, log: os.stat_result | None) -> None:
        """Open what stands at the path, if it is not what is read as such already."""
        files = self._files
        if log is None or (files.current and files.current.opened.identity == (log.st_dev, log.st_ino)):
            return
        try:
            opened = open_file(self._path, is_log=True)
            followed = next((each for each in files.rotated if each.opened.identity == opened.identity), None)
            if followed is not None:
                os.close(opened.descriptor)
            elif not self._is_new:
                followed = files.begin_log(opened)
            elif self._from_start or opened.kind is None:
                followed = Followed(opened, None if self._from_start else opened.end())
            else:
                files.known.add(opened.end())
                os.close(opened.descriptor)
        except FileNotFoundError:
            return
        except OSError as error:
            self._state = f"{UNREADABLE}{why(self._path, error)}"
            return
        if followed is not None:
            files.stand_at_path(followed)

    def _tell_lost(self, cut: Sequence[tuple[Mark, int]], unseen_s: float, has_looked: bool) -> None:
        """Say of what was cut, or is gone since the last run, whether a copy of it was found."""
        known = self._files.known
        for mark, waiting in cut:
            has_copy = mark.offset > 0 and mark not in known.marks
            self._notices.append(notices.truncated(mark, waiting, unseen_s, has_copy))
        if has_looked and self._last is not None:
            last = self._last[2:5]
            if any(mark[2:5] == last and known.is_gone(mark) for mark in known.marks if not mark.ended):
                self._notices.append(notices.gone(self._last))
            self._last = None

    def _read(self, followed: Followed, lines: list[bytes], most: int) -> int:
        """Read one file; how many bytes were taken in."""
        files, taken = self._files, 0
        try:
            taken = followed.read(lines, most, LINES_MAX)
            if taken:
                followed.active_s = files.now_s
            if followed.look():
                self._notices.append(notices.deleted(followed))
        except Rewritten:
            files.hurry()  # It is restarted next time.
        except Stranger as stranger:
            self._refuse(followed, stranger.is_shorter)
        except OSError as error:
            if followed is files.current:
                self._state = f"{UNREADABLE}{why(self._path, error)}"
            files.drop(followed)
        self._notices += notices.of_lines(followed)
        return taken

    def _refuse(self, followed: Followed, is_shorter: bool) -> None:
        """An archive is not what it was taken for."""
        files = self._files
        if is_shorter:  # All of it was read before, in the file of which it is a copy.
            files.known.give_back(followed.opened, followed.claims[0])
            followed.claims = ()
            followed.finish([])
            files.drop(followed)
            return
        another = files.known.refuse(followed.opened, followed.claims)
        files.replace(followed, another)
        if another is None:
            followed.close()

    def _retire(self, lines: list[bytes]) -> None:
        """Close rotated files of which nothing more is to be expected."""
        files = self._files
        for followed in list(files.rotated):
            is_quiet = files.now_s - followed.active_s >= QUIET_S
            if followed.waiting or not (followed.has_ended or is_quiet):
                continue
            if followed.claims:
                self._refuse(followed, is_shorter=True)
            else:
                self._notices += notices.ended(followed, followed.finish(lines))
                files.drop(followed)
        for followed in files.rotated[:-OPEN_MAX]:
            files.drop(followed)
