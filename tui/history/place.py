"""Where a history lies, who may read it, and who holds it. Opens no database.

System histories are 0640 in a 2750 directory of group ``retool-egress``; a user's own are 0600 in 0700.
"""

import contextlib
import fcntl
import grp
import os
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tui.history.errors import HistoryInUse, HistoryUnwritable

SYSTEM_HISTORY = Path("/var/lib/retool-egress/history.db")
GROUP = "retool-egress"
IMPORT = "import"
"""The kind of a holder that is no collector, but writes what past logs tell, as long as that takes."""
_FLOCK = "hhqqi4x"
"""struct flock of a 64-bit Linux: l_type, l_whence, l_start, l_len, l_pid."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The collector that holds a history, as it wrote of itself into the lock file."""

    pid: int
    kind: str
    """``service`` (systemd), ``foreground`` (a person's ``collect``), ``detached`` (by a viewer); or ``IMPORT``."""
    user: str
    since_us: int
    until_us: int | None
    version: str


def lock_path(history: Path) -> Path:
    """The lock file that stands beside a history."""
    return history.with_name(history.name + ".lock")


def own_history(environ: dict[str, str]) -> Path:
    """The history of a user: below ``XDG_STATE_HOME`` (XDG base directory specification)."""
    state = environ.get("XDG_STATE_HOME") or os.path.join(environ.get("HOME", "/"), ".local", "state")
    return Path(state) / "retool-egress" / "history.db"


def default_history(environ: dict[str, str], *, system: Path = SYSTEM_HISTORY, euid: int | None = None) -> Path:
    """The system's history for root and wherever one exists (readable or not), else the user's own."""
    if (os.geteuid() if euid is None else euid) == 0:
        return system
    try:
        system.stat()
    except FileNotFoundError:
        return own_history(environ)
    except PermissionError:
        return system
    return system


def identity(history: Path) -> tuple[tuple[int, int] | None, ...]:
    """Which files stand at the places of a history and its lock (device and inode), None where there is none."""
    return tuple(_file(path) for path in (history, lock_path(history)))


def _file(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def prepare(history: Path) -> None:
    """Make the directory and the empty file of a history with their permissions.

    :raises HistoryUnwritable: if that is not permitted, or the path is a link or no file
    """
    system = history == SYSTEM_HISTORY
    hint = "Run the collector with sudo, or name a file that you may write with --history FILE."
    try:
        if not history.parent.is_dir():
            history.parent.mkdir(parents=True, mode=0o750 if system else 0o700)
            if system:
                _give_to_group(history.parent, 0o2750)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(history, flags, 0o640 if system else 0o600)
        try:
            regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
        finally:
            os.close(descriptor)
        if system:
            _give_to_group(history, 0o640)
    except OSError as error:
        raise HistoryUnwritable(f"cannot write the history {history}: {error.strerror}", hint) from error
    if not regular:
        raise HistoryUnwritable(f"cannot write the history {history}: it is not a regular file", hint)


def refusal(history: Path) -> str | None:
    """Why ``prepare`` and ``hold`` would fail for this user, without making anything; None if they would not."""
    for path in (history, lock_path(history)):
        try:
            found = path.lstat()
        except FileNotFoundError:
            continue
        except OSError as error:
            return f"{path}: {error.strerror}"
        if not stat.S_ISREG(found.st_mode):
            return f"{path} is not a regular file"
        if not os.access(path, os.R_OK | os.W_OK, effective_ids=True):
            return f"{path} may not be written by this user"
    folder = history.parent
    while not os.path.lexists(folder) and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        return f"{folder} is not a folder"
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
        return f"{folder} may not be written by this user"
    return None


def _give_to_group(path: Path, mode: int) -> None:
    with contextlib.suppress(KeyError):
        os.chown(path, -1, grp.getgrnam(GROUP).gr_gid)
    os.chmod(path, mode)


@contextlib.contextmanager
def hold(history: Path, holder: Holder) -> Iterator[None]:
    """Hold a history as its one collector; the kernel releases the lock when the process ends, however it ends.

    :raises HistoryInUse: if another collector holds it
    :raises HistoryUnwritable: if the lock file cannot be written
    """
    path = lock_path(history)
    mode = 0o640 if history == SYSTEM_HISTORY else 0o600
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, mode)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(0, "it is not a regular file")
    except OSError as error:
        raise HistoryUnwritable(
            f"cannot write the lock file {path}: {error.strerror}",
            f"See what it is: ls -l {path}. Run the collector with sudo, or name another file with --history FILE.",
        ) from error
    try:
        _lock(descriptor, history)
        if history == SYSTEM_HISTORY:
            _give_to_group(path, mode)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, msgspec.json.encode(holder), 0)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, history: Path) -> None:
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
    except OSError as error:
        other = _holder(history)
        if other is not None and other.kind == IMPORT:
            raise HistoryInUse(
                f"an import writes into {history} (process {other.pid}, {other.user})",
                "It ends by itself; start again then. Or end it: what it has not recorded yet may be imported again.",
            ) from error
        who = f"process {other.pid} ({other.kind}, {other.user})" if other else "another collector"
        raise HistoryInUse(
            f"{who} already records into {history}",
            "Look at it with: retool-egress status. To record elsewhere, name another file with --history FILE.",
        ) from error


def holder_of(history: Path) -> Holder | None:
    """The collector that holds a history now, or None. Asks the kernel, so a crashed one is never reported.

    Takes no lock itself (fcntl(2), ``F_OFD_GETLK``), so that asking never keeps a collector from starting. Of an import
    that holds it nothing is said: it records nothing of what happens now.
    """
    holder = _holder(history)
    return holder if holder is None or holder.kind != IMPORT else None


def _holder(history: Path) -> Holder | None:
    try:
        descriptor = os.open(lock_path(history), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode) or not _is_locked(descriptor):
            return None
        text = os.pread(descriptor, 4096, 0)
    finally:
        os.close(descriptor)
    try:
        return msgspec.json.decode(text, type=Holder)
    except msgspec.MsgspecError:
        return Holder(0, "starting", "?", 0, None, "?")


def _is_locked(descriptor: int) -> bool:
    asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    answer = fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, asked)
    return int(struct.unpack(_FLOCK, answer)[0]) != fcntl.F_UNLCK
