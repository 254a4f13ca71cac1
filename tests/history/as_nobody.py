"""Do something in a child process as a user with no rights, and give back what it said."""

import os
from collections.abc import Callable

NOBODY = 65534


def as_nobody(ask: Callable[[], object]) -> str:
    """The text of what ``ask`` gives there, or the name and text of its exception."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            text = str(ask())
        except BaseException as error:  # noqa: BLE001 - the parent reads what it was
            text = f"{type(error).__name__}: {error}"
        os.write(write, text.encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as answer:
        text = answer.read().decode()
    os.waitpid(child, 0)
    return text
