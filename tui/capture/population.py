"""Which processes live in which network namespace, kept up to date by looks at /proc that cost next to nothing.

A known process is read again while it is young, for a runtime moves it into its container and executes programs, and
every few seconds after that. What may not be read is counted; what ends while it is read was never there.
"""

import os
from collections import Counter
from dataclasses import dataclass, replace

from tui.capture.census import Bearer, Census, Key, Member, bearer_of, census_of, household, workloads_of
from tui.capture.containers import container_of
from tui.capture.engine import Described, Describer
from tui.capture.environment import Environment
from tui.capture.name_files import NameBook
from tui.capture.processes import Procfs, Stat
from tui.model.connection import Origin, Process
from tui.model.observation import HostsFile, Owner
from tui.model.role import joined
from tui.model.workload import Workload, WorkloadKind

INFANT_US = 2_000_000
"""So young a process is read again in every scan."""
YOUNG_US = 10_000_000
YOUNG_PAUSE_US = 1_000_000
STEADY_PAUSE_US = 5_000_000
ENVIRONMENTS_MAX = 20
"""Environments without a role that are read of one container."""
_RUNTIMES = (b"runc", b"crun", b"youki")
"""How the processes are called that become a container's first, or a command in it: ``runc:[2:INIT]``."""


@dataclass(slots=True)
class _Known:
    """What was read of one process; ``member`` is None if that was not possible."""

    stat: Stat | None
    member: Member | None
    is_refused: bool
    due_us: int
    process: Process | None = None


class Population:
    """Give it to one thread at a time."""

    def __init__(
        self, root: str = "/proc", engine: Describer | None = None, own_pid: int | None = None,
        screen_pid: int | None = None,
    ) -> None:  # fmt: skip
        """``engine`` names containers; without one they have their short ids. ``screen_pid`` is the viewer that has
        started us, which connects to nothing.

        :raises OSError: if the own namespace cannot be read
        """
        self._procfs = Procfs(root)
        self._engine = engine
        self._own_pid = os.getpid() if own_pid is None else own_pid
        self._mine = {self._own_pid: self._ticks(self._own_pid)}
        if screen_pid is not None:
            self._mine[screen_pid] = self._ticks(screen_pid)
        self.own_namespace = self._procfs.namespace(self._own_pid)
        """That of the main thread when this was made: other threads may be elsewhere for a moment."""
        self._known: dict[int, _Known] = {}
        self._told: dict[int, Environment] = {}
        self._spent: dict[Bearer, int] = {}
        """How many environments were read that told no role."""
        self._fresh: set[int] = set()
        """Processes that have come, or moved, since the last scan."""
        self._changed = False
        self._home = household((), self.own_namespace)
        self._described: dict[str, Described] = {}
        self._workloads: dict[Key, Workload] = {}
        self._census = Census()
        self._names = NameBook(self._procfs.name_files)

    def scan(self, at_us: int) -> Census:
        """Look at all processes. The answer is the same object while nothing changes."""
        self._read_due(at_us)
        changed, self._changed = self._changed, False
        if changed:
            self._settle()
        if self._describe() or changed:
            self._count()
        arrived, self._fresh = self._arrived(), set()
        if self._census.arrived != arrived:
            self._census = replace(self._census, arrived=arrived)
        return self._census

    def owner(self, pid: int, at_us: int) -> Owner | None:
        """The process that owned a socket then, and what it belongs to; None if it is gone, hidden or younger."""
        try:
            stat = self._procfs.stat(pid)
            if self._procfs.started_us(stat) > at_us:
                return None
            known = self._known.get(pid)
            if known is None or known.stat != stat or known.member is None:
                self._read(pid, at_us)
                known = self._known[pid]
            if known.member is None:
                return None
            known.process = known.process or self._process(pid, stat, known.member)
        except OSError:
            return None
        return Owner(known.process, self._origin(known.member))

    def _process(self, pid: int, stat: Stat, member: Member) -> Process:
        """The start is the one that the census tells, also after the clock was set."""
        return replace(self._procfs.process(pid, stat), started_us=member.started_us)

    def _origin(self, member: Member) -> Origin:
        key = self._home.key_of(member)
        if key is not None and key not in self._workloads:
            self._settle()
            self._count()
        workload = self._workloads.get(key) if key is not None else None
        if workload is None:
            return Origin(member.namespace)
        if workload.kind is WorkloadKind.HOST:
            return Origin(member.namespace, self._tell(member.pid).role)
        return workload.origin

    def resolvers(self, at_us: int) -> dict[str, frozenset[str]]:
        """By namespace, the resolvers that its oldest process is set to use, as far as they are known by now."""
        return {namespace: said.resolvers for namespace, said in self._names.of(self._census.places, at_us).items()}

    def hosts(self, at_us: int) -> dict[str, HostsFile]:
        """The same of its hosts file."""
        return {namespace: said.hosts for namespace, said in self._names.of(self._census.places, at_us).items()}

    def addresses(self, at_us: int) -> dict[str, frozenset[str]]:
        """By namespace, its own addresses, as far as they are known by now."""
        return {namespace: said.addresses for namespace, said in self._names.of(self._census.places, at_us).items()}

    # Reading

    def _read_due(self, at_us: int) -> None:
        """Read what is new and what is due."""
        pids = self._listed()
        for pid in self._known.keys() - pids:
            del self._known[pid]
            self._told.pop(pid, None)
            self._changed = True
        for pid in pids:
            known = self._known.get(pid)
            # what is due far ahead was read before the clock was set back
            if known is None or not 0 < known.due_us - at_us <= STEADY_PAUSE_US:
                self._read(pid, at_us)

    def _listed(self) -> set[int]:
        try:
            pids = set(self._procfs.pids())
        except OSError:
            pids = set()
        return pids | {self._own_pid}

    def _read(self, pid: int, at_us: int) -> None:
        """Read one process, and note what is not as it was."""
        old, new = self._known.get(pid), self._fetch(pid, at_us)
        self._known[pid] = new
        if old is not None and old.stat == new.stat:
            new.process = old.process
        if old is None or _has_executed(old.stat, new.stat):
            self._told.pop(pid, None)
            self._changed = True
        if old is None or (old.member, old.is_refused) != (new.member, new.is_refused):
            self._changed = True
            if new.member is not None and (old is None or old.member is None or _moved(old.member, new.member)):
                self._fresh.add(pid)

    def _fetch(self, pid: int, at_us: int) -> _Known:
        stat = None
        try:
            stat = self._procfs.stat(pid)
            member = self._member(pid, stat, at_us)
        except PermissionError:
            return _Known(stat, None, True, at_us + self._pause_us(pid, stat, at_us))
        except OSError:
            return _Known(stat, None, False, at_us + self._pause_us(pid, stat, at_us))
        return _Known(stat, member, False, at_us + self._pause_us(pid, stat, at_us))

    def _member(self, pid: int, stat: Stat, at_us: int) -> Member:
        namespace = self.own_namespace if pid == self._own_pid else self._procfs.namespace(pid)
        container = container_of(self._procfs.cgroup(pid))
        old = self._known.get(pid)
        same = old is not None and old.stat is not None and old.stat.start_ticks == stat.start_ticks
        started_us = self._procfs.started_us(stat)
        if same and old is not None and old.member is not None:
            started_us = old.member.started_us
        is_setting_up = stat.comm.startswith(_RUNTIMES) and abs(at_us - started_us) < INFANT_US
        return Member(pid, namespace, stat.start_ticks, started_us, container, is_setting_up)

    def _pause_us(self, pid: int, stat: Stat | None, at_us: int) -> int:
        """How long what was read will do. Those that were old from the beginning are not all due at once."""
        age_us = YOUNG_US if stat is None else abs(at_us - self._procfs.started_us(stat))
        if age_us < INFANT_US:
            return 1
        if age_us < YOUNG_US:
            return YOUNG_PAUSE_US
        return STEADY_PAUSE_US - pid % 16 * 125_000

    def _tell(self, pid: int) -> Environment:
        if pid not in self._told:
            self._told[pid] = self._procfs.environment(pid)
        return self._told[pid]

    # Counting

    def _settle(self) -> None:
        """Sort the processes, and read environments where a role is not known yet."""
        members = [known.member for known in self._known.values() if known.member is not None]
        self._home = household(self._without_myself(members), self._host_namespace())
        bearers: dict[Bearer, list[Member]] = {}
        for key, group in self._home.groups.items():
            if key[1] is not WorkloadKind.HOST:  # its processes have nothing in common that an environment could tell
                bearers.setdefault(bearer_of(key), []).extend(group)
        self._spent = {bearer: self._spent.get(bearer, 0) for bearer in bearers}
        for bearer, group in bearers.items():
            if joined(self._told[m.pid].role for m in group if m.pid in self._told) is None:
                self._read_environments(bearer, group)

    def _host_namespace(self) -> str:
        """The first one, where the kernel's own threads live; empty where it cannot be told."""
        threads, first = self._known.get(2), self._known.get(1)
        if threads is not None and threads.member is not None and threads.stat and threads.stat.comm == b"kthreadd":
            return threads.member.namespace
        if self._procfs.is_in_first_namespace():
            return self.own_namespace
        theirs = first.member.namespace if first is not None and first.member is not None else ""
        return "" if theirs == self.own_namespace else theirs

    def _ticks(self, pid: int) -> int | None:
        """The start of a process, which tells it from the next one of its pid."""
        try:
            return self._procfs.stat(pid).start_ticks
        except OSError:
            return None

    def _without_myself(self, members: list[Member]) -> list[Member]:
        """The collector, and the viewer that started it, are visitors in a container's namespace that never connect."""
        mine = [member for member in members if self._mine.get(member.pid) == member.start_ticks]
        housed = {member.namespace for member in members if member.container is not None and member not in mine}
        return [member for member in members if member not in mine or member.namespace not in housed]

    def _read_environments(self, bearer: Bearer, group: list[Member]) -> None:
        unread = [m.pid for m in group if m.pid not in self._told and not m.is_setting_up]
        for pid in unread[: max(0, ENVIRONMENTS_MAX - self._spent[bearer])]:
            self._spent[bearer] += self._tell(pid).role is None

    def _describe(self) -> bool:
        """Ask what containers are called; True if there is news."""
        if self._engine is None:
            return False
        described = dict(self._engine.look(self._home.ids()))
        changed, self._described = described != self._described, described
        return changed

    def _count(self) -> None:
        self._workloads = workloads_of(self._home, self._told, self._described)
        unreadable = sum(known.is_refused for known in self._known.values())
        self._census = census_of(self._home, self._workloads.values(), unreadable)

    def _arrived(self) -> frozenset[str]:
        """Where somebody new is one of several; a visitor always is, beside the container that it visits."""
        if not self._fresh:
            return frozenset()
        living = Counter(namespace for namespace, _, _ in self._workloads)
        members = [known.member for pid in self._fresh if (known := self._known.get(pid)) is not None]
        return frozenset(m.namespace for m in members if m is not None and living[m.namespace] > 1)


def _moved(old: Member, new: Member) -> bool:
    return (old.namespace, old.start_ticks, old.container) != (new.namespace, new.start_ticks, new.container)


def _has_executed(old: Stat | None, new: Stat | None) -> bool:
    """True if the environment is another one: of another process, or of the next program of the same."""
    return old is not None and new is not None and old[1:] != new[1:]
