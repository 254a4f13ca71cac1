"""Who owns a socket: name, user and start of a process, and its Retool role. Never reads arguments.

Of an environment only ``SERVICE_TYPE`` and the queue's name are kept.
"""

import psutil

from tui.model.connection import Process
from tui.model.observation import Owner
from tui.model.role import QUEUE_VARIABLE, SERVICE_VARIABLE, role_of
from tui.model.text import clean

COMM_BYTES = 15
"""As much of a name as the kernel keeps (proc_pid_comm(5)); psutil completes it from the title, arguments and all."""
NAME_LIMIT = 64


class Processes:
    """Remembers the owners of the last look, so that a process is read once and a reused pid is not mistaken."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[psutil.Process, Owner]] = {}

    def look(self, pids: set[int], at_us: int) -> dict[int, Owner]:
        """The owners that can be read, by pid. One that started after ``at_us`` did not own what was seen then."""
        self._known = {pid: known for pid, known in self._known.items() if pid in pids and _still(known[0])}
        for pid in pids - self._known.keys():
            found = _read(pid)
            if found is not None and found[1].process.started_us <= at_us:
                self._known[pid] = found
        return {pid: owner for pid, (_, owner) in self._known.items()}


def _still(process: psutil.Process) -> bool:
    try:
        return process.is_running()
    except psutil.Error:
        return False


def _read(pid: int) -> tuple[psutil.Process, Owner] | None:
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            started_us = round(process.create_time() * 1_000_000)
            name = short_name(process.name())
            user = clean(process.username(), NAME_LIMIT)
    except psutil.Error:
        return None
    return process, Owner(Process(pid, name, user, started_us), _role(process))


def _role(process: psutil.Process) -> str | None:
    try:
        environment = process.environ()
    except (psutil.Error, OSError):
        return None
    return role_of(environment.get(SERVICE_VARIABLE), environment.get(QUEUE_VARIABLE))


def short_name(title: str) -> str:
    """A process's name without what a title may carry behind it, made inert."""
    name = title if len(title.encode(errors="replace")) <= COMM_BYTES else (title.split() or [""])[0].rstrip(":")
    return clean(name or title[:COMM_BYTES], NAME_LIMIT)
