"""When to look again at what lies beside a log: directories tell by their time of change, mostly."""

import os
from collections.abc import Collection

from tui.proxylog.identity import Mark
from tui.proxylog.siblings import Sibling, siblings

_SETTLED_S = 2.0
"""How long a directory must be unchanged before it is trusted to be: its time has the grain of the kernel's ticks."""
_ANYWAY_S = 10.0
"""Some file systems tell nothing, and no directory tells that a file in it has grown."""


class Beside:
    """The files beside one log."""

    def __init__(self, path: bytes) -> None:
        self._path = path
        self._changed: tuple[int, ...] = ()
        self._settled_s = self._anyway_s = 0.0
        self._is_due = True

    def hurry(self) -> None:
        """Look at the next opportunity."""
        self._is_due = True

    def look(self, now_s: float, marks: Collection[Mark]) -> list[Sibling] | None:
        """What was rotated from the log or bears an inode of these marks, the oldest first; None if nothing changed.

        :raises OSError: if the directory of the log cannot be listed
        """
        changed = tuple(_changed_ns(os.path.dirname(path)) for path in (self._path, os.path.realpath(self._path)))
        if changed != self._changed:
            self._changed, self._settled_s = changed, now_s + _SETTLED_S
        elif not self._is_due and self._settled_s <= now_s < self._anyway_s:
            return None
        self._is_due, self._anyway_s = False, now_s + _ANYWAY_S
        return siblings(self._path, {mark.directory for mark in marks}, {mark.inode for mark in marks if mark.inode})


def _changed_ns(directory: bytes) -> int:
    try:
        return os.stat(directory).st_mtime_ns
    except OSError:
        return 0
