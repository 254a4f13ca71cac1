"""Who sits at the terminal: the login user, also behind sudo."""

import os
import pwd
from collections.abc import Mapping
from pathlib import Path

from tui.model.text import clean

_NO_LOGIN = 2**32 - 1


def who(environ: Mapping[str, str], loginuid: Path = Path("/proc/self/loginuid")) -> str:
    """The login user (proc_pid_loginuid(5)), else ``SUDO_USER``, else the user of this process."""
    try:
        uid = int(loginuid.read_text())
    except (OSError, ValueError):
        uid = _NO_LOGIN
    if uid == _NO_LOGIN:
        return clean(environ.get("SUDO_USER") or user_name(os.geteuid()), 64)
    return user_name(uid)


def user_name(uid: int) -> str:
    """The name of a user id, or the number where it has none."""
    try:
        return clean(pwd.getpwuid(uid).pw_name, 64)
    except KeyError:
        return str(uid)
