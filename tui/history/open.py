"""Open a history for reading, whatever state its last writer left it in. Writes nothing."""

import os
import sqlite3
import stat
from pathlib import Path
from urllib.parse import quote

import regex

from tui.history.errors import HistoryCorrupt, HistoryMissing, HistoryUnreadable
from tui.history.place import SYSTEM_HISTORY
from tui.history.schema import MIGRATIONS, applied, refuse_strange
from tui.model.address import unpack

REGEX_S = 0.05
"""How long a regular expression may take on one value."""
REGEX_FAULT = "user-defined function raised exception"
"""What SQLite says when it took longer."""


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open the history at ``path`` read-only.

    After a clean end of the collector the write-ahead log is gone and a read-only user cannot make its index, so the
    file is opened as immutable then, and only then (sqlite.org, "Write-Ahead Logging", read-only databases).

    :raises HistoryMissing: if there is none
    :raises HistoryUnreadable: if this user may not read it
    :raises HistoryCorrupt: if it is no history
    :raises HistoryNewer: if a later version wrote it
    """
    _check_access(path)
    try:
        try:
            db = _connect(path, immutable=False)
        except sqlite3.OperationalError:
            if path.with_name(path.name + "-wal").exists():
                raise
            db = _connect(path, immutable=True)
        _check_schema(db, path)
    except sqlite3.OperationalError as error:
        raise HistoryUnreadable(
            f"{path} cannot be opened now: {error}",
            f"The file may be sound. Use sudo, or see who may read it and who locks it: ls -l {path}*",
        ) from error
    except sqlite3.DatabaseError as error:
        raise HistoryCorrupt(
            f"{path} is not a sound history: {error}",
            f"The file is kept as it is. Move it away to record again: mv {path} {path}.damaged",
        ) from error
    db.create_function("ip_text", 1, unpack, deterministic=True)
    db.create_function("regexp", 2, _regexp, deterministic=True)
    return db


def _check_access(path: Path) -> None:
    try:
        regular = stat.S_ISREG(path.stat().st_mode)
        readable = os.access(path, os.R_OK)
    except FileNotFoundError as error:
        raise HistoryMissing(
            f"nothing has been recorded at {path}",
            "Start recording with: sudo retool-egress collect. Or name a history with --history FILE.",
        ) from error
    except (PermissionError, NotADirectoryError):
        regular, readable = True, False
    if not regular:
        raise HistoryUnreadable(f"{path} is not a file", "Name a history with --history FILE.")
    if not readable:
        where = "recording runs" if path == SYSTEM_HISTORY else f"{path} is there"
        raise HistoryUnreadable(
            f"{where}, but you may not read it",
            "Use sudo, or join group retool-egress (sudo usermod -aG retool-egress $USER, then log in again).",
        )


def _connect(path: Path, *, immutable: bool) -> sqlite3.Connection:
    mode = "mode=ro&immutable=1" if immutable else "mode=ro"
    db = sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?{mode}", uri=True, isolation_level=None, check_same_thread=False, timeout=2
    )
    try:
        db.execute("SELECT 1 FROM sqlite_master").fetchone()
    except BaseException:
        db.close()
        raise
    return db


def _check_schema(db: sqlite3.Connection, path: Path) -> None:
    try:
        refuse_strange(db, path)
        seen = applied(db)
        if seen and seen != set(MIGRATIONS):
            raise HistoryUnreadable(
                f"{path} was written by an earlier version and has not been brought up to date",
                "Start this version's collector on it once: retool-egress collect --for 1s",
            )
        if not seen:
            raise HistoryMissing(f"nothing has been recorded at {path} yet", "Start it with: retool-egress collect")
    except BaseException:
        db.close()
        raise


def _regexp(pattern: str, value: object) -> bool:
    """Searching ends after a while, since the pattern or the text may be made to take for ever."""
    return value is not None and regex.search(pattern, str(value), regex.IGNORECASE, timeout=REGEX_S) is not None
