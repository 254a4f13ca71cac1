"""The folder beside a history through which an import hands over what it has read to whoever holds the history.

Chunks of requests are numbered files, which are taken in order; what was recorded of each is told back in a file beside
it. The folder belongs to the owner of the history's folder and to nobody else; links in it are not followed.
"""

import contextlib
import errno
import fcntl
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tui.collector.chunks import Answer, Chunk, Told, decode_chunk, encode_chunk
from tui.model.text import clean

AHEAD = 4
"""Chunks that may wait."""
CHUNK_MAX = 4 << 20
"""Bytes of a chunk that is read."""
_NUMBER = re.compile(r"[0-9]{10}")
_TOLD = ".told"
_LEFT = re.compile(r"[0-9]{10}(?:\.told|\.refused|(?:\.told)?\.new)")
"""What an import that was killed, or one whose chunks were refused, leaves behind."""


class Strange(Exception):
    """A chunk is none that can be taken."""

    def __init__(self, number: int, why: str) -> None:
        super().__init__(f"chunk {number} is refused: {why}")
        self.number = number
        self.why = why


def spool_path(history: Path) -> Path:
    """The folder that stands beside a history while something is imported into it."""
    return history.with_name(history.name + ".import")


@dataclass(slots=True)
class Spool:
    """One opened folder; close it."""

    path: Path
    _folder: int

    _last: int = 0
    """The number of the latest chunk that was put in."""

    @classmethod
    def find(cls, history: Path) -> Self | None:
        """The folder of a history; None if there is none.

        :raises OSError: if what stands there is no folder, or another user may write to it
        """
        path = spool_path(history)
        try:
            folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            status = os.fstat(folder)
            if status.st_uid not in (0, os.geteuid(), path.parent.stat().st_uid) or status.st_mode & 0o022:
                raise PermissionError(errno.EACCES, "another user may write to it", str(path))
        except BaseException:
            os.close(folder)
            raise
        return cls(path, folder)

    @classmethod
    def begin(cls, history: Path) -> Self:
        """The folder of a history, made if need be, for the one import that may run: it is locked until it is closed.

        :raises BlockingIOError: if another import runs
        :raises OSError: if it cannot be made, or what stands there is no such folder
        """
        while True:
            with contextlib.suppress(FileExistsError):
                spool_path(history).mkdir(mode=0o700)
            spool = cls.find(history)
            if spool is None:
                continue
            try:
                if spool._lock():
                    spool._give(spool._folder)
                    spool._clear()
                    return spool
            except BaseException:
                spool.close()
                raise
            spool.close()

    def _lock(self) -> bool:
        """False if an import that has just ended removed the folder."""
        fcntl.flock(self._folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            return os.path.samestat(os.fstat(self._folder), os.lstat(self.path))
        except FileNotFoundError:
            return False

    def close(self) -> None:
        """Let go of the folder."""
        os.close(self._folder)

    def end(self) -> None:
        """Remove the folder, unless chunks wait in it, and let go of it."""
        with contextlib.suppress(OSError):
            self._clear()
            os.rmdir(self.path)
        self.close()

    def _clear(self) -> None:
        for name in self._names(_LEFT):
            self._remove(name)

    def put(self, path: str, told: Iterable[Told]) -> int:
        """Add a chunk of a log; its number.

        :raises OSError: if it cannot be written; nothing is there then
        """
        self._last = max(self._last, *map(int, self._names(_NUMBER)), 0) + 1  # none twice: its answer may wait still
        self._write(_name(self._last), encode_chunk(path, told))
        return self._last

    def first(self, after: int = 0) -> Chunk | None:
        """The oldest chunk of those that came after one; None if there is none.

        :raises Strange: if it is none that can be taken; it is to be refused
        :raises OSError: if the folder cannot be read
        """
        number = min((number for number in map(int, self._names(_NUMBER)) if number > after), default=None)
        if number is None:
            return None
        try:
            return decode_chunk(number, self._read(_name(number)))
        except OSError as error:
            raise Strange(number, error.strerror or "it cannot be read") from error
        except ValueError as error:
            raise Strange(number, clean(str(error), 200)) from error

    def answer(self, number: int, answer: Answer) -> None:
        """Tell what became of a chunk, and remove it.

        :raises OSError: if it cannot be removed
        """
        with contextlib.suppress(OSError):  # on a full disk the import sees that the chunk has gone
            self._write(_name(number) + _TOLD, answer.encode())
        self._remove(_name(number))

    def refuse(self, strange: Strange) -> None:
        """Tell that a chunk cannot be taken, and put it away, whatever it is.

        :raises OSError: if it cannot be put away
        """
        name = _name(strange.number)
        with contextlib.suppress(OSError):
            self._write(name + _TOLD, Answer(0, 0, strange.why).encode())
        os.rename(name, f"{name}.refused", src_dir_fd=self._folder, dst_dir_fd=self._folder)

    def take_answer(self, number: int) -> Answer | None:
        """What became of a chunk; None as long as it waits."""
        told = self._answered(number)
        if told is not None or _name(number) in self._names(_NUMBER):
            return told
        return self._answered(number) or Answer(0, 0)

    def _answered(self, number: int) -> Answer | None:
        name = _name(number) + _TOLD
        try:
            answer = Answer.decode(self._read(name))
        except (OSError, ValueError):
            return None
        self._remove(name)
        return answer

    def take_back(self, number: int) -> None:
        """Remove a chunk that waits."""
        self._remove(_name(number))

    def _names(self, pattern: re.Pattern[str]) -> list[str]:
        return [name for name in os.listdir(self._folder) if pattern.fullmatch(name)]

    def _read(self, name: str) -> bytes:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=self._folder)
        with open(descriptor, "rb") as stream:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_size > CHUNK_MAX:
                raise OSError(errno.EINVAL, "it is no file, or too large")
            return stream.read(CHUNK_MAX)

    def _write(self, name: str, content: bytes) -> None:
        """All of a file or nothing."""
        new = f"{name}.new"
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            with open(os.open(new, flags, 0o600, dir_fd=self._folder), "wb") as stream:
                self._give(stream.fileno())
                stream.write(content)
            os.rename(new, name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        except BaseException:
            self._remove(new)
            raise

    def _give(self, descriptor: int) -> None:
        """Make it the property of whoever owns the history's folder, where root imports for another user."""
        owner = self.path.parent.stat()
        if os.geteuid() == 0 and owner.st_uid != 0:
            os.fchown(descriptor, owner.st_uid, owner.st_gid)

    def _remove(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError, IsADirectoryError):
            os.unlink(name, dir_fd=self._folder)


def _name(number: int) -> str:
    return f"{number:010}"
