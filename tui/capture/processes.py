"""Read processes from /proc: name, user, start, namespace, control group, and what their environment tells.

Of a command line only the first word is read, to complete a long name. Of an environment only what
``tui.capture.environment`` keeps.
"""

import os
import pwd
import time
from typing import NamedTuple

from tui.capture.addresses import addresses_of
from tui.capture.environment import EMPTY, Environment, environment_of
from tui.capture.name_files import NameFiles, read_name_files
from tui.capture.netns import of_process
from tui.model.connection import Origin, Process
from tui.model.observation import Owner
from tui.model.text import clean

COMM_BYTES = 15
"""As much of a name as the kernel keeps (proc_pid_comm(5)); the first argument completes it."""
NAME_LIMIT = 64
_TICK_US = 1_000_000 // os.sysconf("SC_CLK_TCK")
_FILE_BYTES = 16_384
_ENVIRONMENT_BYTES = 262_144
_CLOCK_STEP_US = 2_000_000


class Stat(NamedTuple):
    """A little of /proc/PID/stat (proc_pid_stat(5))."""

    comm: bytes
    """The name as the kernel keeps it, not yet clean."""
    start_ticks: int
    """With the pid it tells one process from another."""
    environment_at: int
    """Where its environment is: changes when it executes another program; 0 where that is not told."""


def stat_of(content: bytes) -> Stat | None:
    """Read /proc/PID/stat; None if it is none. The name may hold anything, also brackets and line ends."""
    head, _, tail = content.rpartition(b")")
    fields = tail.split()
    try:
        return Stat(head.partition(b"(")[2], int(fields[19]), int(fields[47]) if len(fields) > 47 else 0)
    except (IndexError, ValueError):
        return None


class BootTime:
    """When the machine started, in microseconds of the wall clock: follows a clock that is set, not one that drifts."""

    def __init__(self) -> None:
        self._us = 0

    def __call__(self) -> int:
        """Microseconds since the epoch."""
        now_us = (time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME)) // 1000
        if abs(now_us - self._us) > _CLOCK_STEP_US:
            self._us = now_us
        return self._us


class Procfs:
    """What one mounted /proc tells. Methods that take a pid raise OSError if the process is gone or hidden."""

    def __init__(self, root: str = "/proc") -> None:
        self._root = root
        self._boot_us = BootTime()

    def pids(self) -> list[int]:
        """The processes that are listed.

        :raises OSError: if the folder cannot be read
        """
        return [int(name) for name in os.listdir(self._root) if name.isdecimal()]

    def namespace(self, pid: int) -> str:
        """The network namespace, as the kernel names it: ``net:[4026531840]`` (namespaces(7))."""
        return of_process(os.readlink, pid, self._root)

    def is_in_first_namespace(self) -> bool:
        """True if this process is in the network namespace that the machine began with: only it has this setting."""
        return os.path.exists(f"{self._root}/sys/net/core/netdev_budget")

    def cgroup(self, pid: int) -> str:
        """The text that ``tui.capture.containers`` reads."""
        return self._read(pid, "cgroup").decode("utf-8", "replace")

    def stat(self, pid: int) -> Stat:
        """Name and start."""
        stat = stat_of(self._read(pid, "stat"))
        if stat is None:
            raise ProcessLookupError(f"{self._root}/{pid}/stat cannot be understood")
        return stat

    def started_us(self, stat: Stat) -> int:
        """When a process started, by the wall clock as it is now."""
        return self._boot_us() + stat.start_ticks * _TICK_US

    def environment(self, pid: int) -> Environment:
        """What the environment tells; nothing where it cannot be read."""
        try:
            return environment_of(self._read(pid, "environ", _ENVIRONMENT_BYTES))
        except OSError:
            return EMPTY

    def name_files(self, pid: int, before: NameFiles) -> NameFiles:
        """What the files that a process sees say of names, and which addresses its namespace has; ``before`` is what
        was read last.

        :raises OSError: if nothing of that may be read
        """
        addresses = addresses_of(f"{self._root}/{pid}/net") or before.addresses
        try:
            return read_name_files(f"{self._root}/{pid}/root", before)._replace(addresses=addresses)
        except OSError:
            if not addresses:
                raise
            return before._replace(addresses=addresses)

    def process(self, pid: int, stat: Stat) -> Process:
        """Name, user and start as the record keeps them."""
        return Process(pid, short_name(self._title(pid, stat.comm)), self._user(pid), self.started_us(stat))

    def _title(self, pid: int, comm: bytes) -> str:
        """The whole name; the kernel's where it is not cut, or where the process calls itself something else."""
        if len(comm) >= COMM_BYTES:
            word = self._read(pid, "cmdline", 4096).partition(b"\0")[0].rpartition(b"/")[2]
            comm = word if word.startswith(comm) else comm
        return comm.decode("utf-8", "replace")

    def _user(self, pid: int) -> str | None:
        """The real user (proc_pid_status(5)) by name, by number where this machine has no name for it."""
        for line in self._read(pid, "status").splitlines():
            if line.startswith(b"Uid:"):
                uid = int(line.split()[1])
                try:
                    return clean(pwd.getpwuid(uid).pw_name, NAME_LIMIT)
                except KeyError:
                    return str(uid)
        return None

    def _read(self, pid: int, name: str, size: int = _FILE_BYTES) -> bytes:
        descriptor = os.open(f"{self._root}/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.read(descriptor, size)
        finally:
            os.close(descriptor)


class Processes:
    """Remembers the owners of the last look, so that a process is read once and a reused pid is not mistaken."""

    def __init__(self, namespace: str, procfs: Procfs | None = None) -> None:
        self._namespace = namespace
        self._procfs = procfs or Procfs()
        self._known: dict[int, tuple[int, Owner]] = {}

    def look(self, pids: set[int], at_us: int) -> dict[int, Owner]:
        """The owners that can be read, by pid. One that started after ``at_us`` did not own what was seen then."""
        known, self._known = self._known, {}
        for pid in pids:
            try:
                self._known[pid] = self._owner(pid, at_us, known.get(pid))
            except OSError:
                continue
        return {pid: owner for pid, (_, owner) in self._known.items()}

    def _owner(self, pid: int, at_us: int, known: tuple[int, Owner] | None) -> tuple[int, Owner]:
        stat = self._procfs.stat(pid)
        if known is not None and known[0] == stat.start_ticks:
            return known
        if self._procfs.started_us(stat) > at_us:
            raise ProcessLookupError(f"process {pid} is younger than what was seen")
        role = self._procfs.environment(pid).role
        return stat.start_ticks, Owner(self._procfs.process(pid, stat), Origin(self._namespace, role))


def short_name(title: str) -> str:
    """A process's name without what a title may carry behind it, made inert."""
    name = title if len(title.encode(errors="replace")) <= COMM_BYTES else (title.split() or [""])[0].rstrip(":")
    return clean(name or title[:COMM_BYTES], NAME_LIMIT)
