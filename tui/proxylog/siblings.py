"""The files beside a log that were rotated from it. Touches directories and nothing else.

Their names are those of Squid (``access.log.0``), logrotate (``access.log.1.gz``, ``access.log-20261125``,
``access.1.log`` with ``extension``), kubelet (``0.log.20261125-101010``). Any other name is another log.
"""

import os
import re
from collections.abc import Container, Iterable, Iterator
from typing import NamedTuple

_DATE = r"\d{4}[-_.]?\d{2}[-_.]?\d{2}[-_.:+TZ0-9]{0,32}|\d{8,20}[-_.0-9]{0,16}"
_Age = tuple[int, str]
_PACKED = r"(?:\.(?:gz|xz|zst))?"
_UNPACKED = re.compile(_PACKED + r"\Z")
_ROTATED = re.compile(
    rf"(.+?)(?:(?:\.\d{{1,4}}|[-_.](?:{_DATE})|\.old)|(?:\.\d{{1,3}}|[-_.](?:{_DATE}))(\.[A-Za-z]\w*))"
)


class Sibling(NamedTuple):
    """A rotated file, as its directory told of it."""

    path: bytes
    device: int
    inode: int
    size: int
    mtime_ns: int

    @property
    def identity(self) -> tuple[int, int]:
        """Device and inode."""
        return self.device, self.inode


def siblings(path: bytes, directories: Iterable[bytes], inodes: Container[int]) -> list[Sibling]:
    """What was rotated from a log, the oldest first, and what bears one of these inodes whatever its name is.

    :param path: of the log; it may be a symbolic link, and what lies beside its target counts too
    :param directories: where nothing but inodes tell
    :raises OSError: if the directory of the log cannot be listed
    """
    logs: dict[bytes, set[str]] = {directory: set() for directory in directories}
    for log in (path, os.path.realpath(path)):
        logs.setdefault(os.path.dirname(log), set()).add(os.fsdecode(os.path.basename(log)))
    found: dict[tuple[int, int], tuple[_Age, Sibling]] = {}
    for directory, names in logs.items():
        try:
            for age, one in _in_directory(directory, names, inodes):
                found.setdefault((one.device, one.inode), (age, one))
        except OSError:
            if directory == os.path.dirname(path):
                raise
    return [one for _, one in sorted(found.values())]


def log_of(name: str) -> str:
    """The name of the log that a file of this name was rotated from, its own if it looks like none."""
    plain = _UNPACKED.sub("", name)
    rotated = _ROTATED.fullmatch(plain)
    return rotated[1] + (rotated[2] or "") if rotated is not None else plain


def _in_directory(directory: bytes, logs: set[str], inodes: Container[int]) -> Iterator[tuple[_Age, Sibling]]:
    patterns = [_pattern(log) for log in logs]
    with os.scandir(directory) as entries:
        for entry in entries:
            name = os.fsdecode(entry.name)
            rotated = next(filter(None, (pattern.fullmatch(name) for pattern in patterns)), None)
            if name in logs or (rotated is None and entry.inode() not in inodes):
                continue
            try:
                status = entry.stat()
            except OSError:
                continue  # It was renamed meanwhile, and is seen next time.
            number = next(filter(None, rotated.groups()), None) if rotated else None
            age = (-int(number), "") if number else (1, name)
            yield age, Sibling(entry.path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def _pattern(name: str) -> re.Pattern[str]:
    """Names of what is rotated from a log; its groups are the number, where it has one."""
    stem, dot, extension = name.rpartition(".")
    whole = rf"{re.escape(name)}(?:\.(\d{{1,4}})|[-_.](?:{_DATE})|\.old)?{_PACKED}"
    if not stem or not dot:
        return re.compile(whole)
    inner = rf"{re.escape(stem)}(?:\.(\d{{1,3}})|[-_.](?:{_DATE}))\.{re.escape(extension)}{_PACKED}"
    return re.compile(f"{whole}|{inner}")
