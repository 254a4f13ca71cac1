"""Which process holds a socket, found through the descriptors in /proc/PID/fd (proc_pid_fd(5))."""

import os
from collections.abc import Iterable
from pathlib import Path


def holders(inodes: set[int], pids: Iterable[int], proc: Path = Path("/proc")) -> dict[int, int]:
    """The lowest pid that holds each of these sockets, by inode; those that cannot be found are left out."""
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    found = dict[int, int]()
    for pid in sorted(pids):
        folder = f"{proc}/{pid}/fd"
        try:
            descriptors = os.listdir(folder)
        except OSError:  # it has ended, or is another user's: its sockets stay without an owner, which is counted
            continue
        for descriptor in descriptors:
            try:
                inode = wanted.get(os.readlink(f"{folder}/{descriptor}"))
            except OSError:
                continue
            if inode is not None:
                found.setdefault(inode, pid)
        if len(found) == len(wanted):
            break
    return found
