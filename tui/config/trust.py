"""Whether a configuration file may be believed: only its owner, who is root or this user, can have written it."""

import os
import stat
from pathlib import Path

from tui.config.errors import ConfigError


def refuse_writable_by_others(path: Path) -> None:
    """Check who can change a file that decides what is judged and allowed.

    :raises ConfigError: if somebody else can
    :raises FileNotFoundError: if there is none
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigError(path, f"cannot be read: {error.strerror}", f"Look at it: ls -l {path}") from error
    if stat.S_IMODE(found.st_mode) & 0o022:
        raise ConfigError(path, "others may write this file, so it is not trusted", f"Run: chmod go-w {path}")
    if found.st_uid not in (0, os.geteuid()):
        hint = f"Run: sudo chown root {path}"
        raise ConfigError(path, f"user id {found.st_uid} owns this file, so it is not trusted", hint)
