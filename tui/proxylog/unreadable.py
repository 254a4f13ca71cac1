"""Why a log cannot be read, and what would let it be."""

import errno
import grp
import os
import pwd
import stat
from typing import NamedTuple


class Refusal(NamedTuple):
    """Why something may not be read."""

    reason: str
    """One sentence about what refuses, with what would help; it may hold any file name."""
    group: str | None = None
    """That may read it."""


def why(path: bytes, error: OSError) -> str:
    """One sentence about what refuses, with the group to join where a group may read."""
    return refusal(path, error).reason


def refusal(path: bytes, error: OSError) -> Refusal:
    """What refuses, with the group to join where a group may read."""
    if error.errno not in (errno.EACCES, errno.EPERM):
        return Refusal(error.strerror or str(error))
    blamed, status = _refusing(os.path.realpath(path))
    if status is None:
        return Refusal(f"{error.strerror}: {_shown(blamed)}")
    mode = stat.S_IMODE(status.st_mode)
    needed = stat.S_IXGRP if stat.S_ISDIR(status.st_mode) else stat.S_IRGRP
    group = _group(status.st_gid) if mode & needed else None
    remedy = f"join group {group}" if group is not None else "no group may read it; run as root, or let one"
    told = f"{_shown(blamed)} is {mode:04o} {_user(status.st_uid)}:{_group(status.st_gid)}; {remedy}"
    return Refusal(told, group)


def _refusing(path: bytes) -> tuple[bytes, os.stat_result | None]:
    """The first part of a path that does not let us in, and what it is."""
    parts = path.split(b"/")
    for depth in range(1, len(parts)):
        directory = b"/".join(parts[:depth]) or b"/"
        if not os.access(directory, os.X_OK, effective_ids=True):
            return directory, _status(directory)
    return path, _status(path)


def _status(path: bytes) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError:
        return None


def _shown(path: bytes) -> str:
    return path.decode("utf-8", "replace")


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
