"""The sockets of every network namespace that can be reached, by sock_diag: looks at what lives, and every end.

A connection that lives between two looks is known by its end alone, which the kernel tells with its bytes. Give an
object to one thread at a time: it steps into other namespaces.
"""

import os
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from tui.capture.census import Census
from tui.capture.diag_socket import EndListener
from tui.capture.hearing import Hearing
from tui.capture.look import Look, Replaced
from tui.capture.netns import own_namespace
from tui.capture.own import OwnSockets
from tui.capture.population import Population
from tui.capture.reach import read_reach, unseen_others
from tui.capture.wire import Wire
from tui.model.observation import Dump, Sighting
from tui.model.workload import Workload

SCAN_S = 0.5
"""How often new processes and namespaces are looked for."""
TOGETHER_S = 0.1
"""What is due so soon is done now: one wake-up costs more than a look that comes early."""


@dataclass(slots=True)
class _Place:
    """A namespace that is watched."""

    look: Look
    due: float = 0.0
    """When it is to be looked at again, on the monotonic clock."""


class NetlinkSockets:
    """A source of sightings."""

    def __init__(self, population: Population, interval_s: float, own: OwnSockets, *, wire: bool) -> None:
        """``own`` has the sockets that the collector itself makes, which are left out; ``wire`` tells whether
        names are read off packets.

        :raises OSError: if the kernel refuses sock_diag in our own namespace
        """
        self.namespace = own_namespace()
        self._interval_s = interval_s
        self._population = population
        self._own = own
        self._places: dict[str, _Place] = {}
        self._faults: dict[str, str] = {}
        self._replaced: set[str] = set()
        """Namespaces whose names were found to be another's: they end in the next scan, and begin in the one after."""
        self._scan_due = 0.0
        self._workloads: tuple[Workload, ...] | None = None
        self._reach = read_reach()
        self._unseen = ""
        self._hidden = False
        Look(self.namespace, os.getpid(), population, own).probe()
        self._hearing = Hearing(self.namespace, own, self._served)
        self._wire = Wire(self.namespace, own) if wire else None

    def _served(self, namespace: str) -> Collection[int]:
        place = self._places.get(namespace)
        return place.look.served if place is not None else ()

    def fileno(self) -> int:
        """A descriptor that can be read once there is something to look at."""
        return self._hearing.poll.fileno()

    def wait_s(self) -> float:
        """Seconds until a look is due although nothing was heard."""
        due = min([self._scan_due, *(place.due for place in self._places.values())])
        return max(0.0, due - time.monotonic())

    def look(self) -> Sighting:
        """Take in all that was told, and look at what is due.

        :raises OSError: if our own namespace cannot be looked at any more
        """
        at_us = time.time_ns() // 1000
        ends = list(self._hearing.drain(at_us))
        faults, census, gone = dict(self._faults), None, tuple[str, ...]()
        if time.monotonic() + TOGETHER_S >= self._scan_due:
            self._scan_due = time.monotonic() + SCAN_S
            census = self._population.scan(at_us)
            self._unseen = unseen_others(census.unreadable, self._reach)
            gone = self._follow(census, at_us)
            ends += self._hearing.introduce()
        dumps = self._look_at_due(census.arrived if census else ())
        later_us = time.time_ns() // 1000
        later = list(self._hearing.drain(later_us)) if dumps else []
        flows, lookups = self._wire.drain(later_us) if self._wire is not None else ([], [])
        packet_losses = self._wire.losses(later_us) if self._wire is not None else []
        self._own.forget_ended()
        return Sighting(
            later_us,
            tuple(ends),
            tuple(dumps),
            tuple(later),
            tuple(self._hearing.losses(later_us)),
            census.residents if census else None,
            self._population.resolvers(at_us) if census else None,
            self._fresh(census),
            gone,
            dict(self._faults) if faults != self._faults else None,
            bool(self._unseen),
            tuple(flows),
            tuple(lookups),
            self._wire.sight() if self._wire is not None else None,
            tuple(packet_losses),
            self._population.hosts(at_us) if census else None,
            self._population.addresses(at_us) if census else None,
        )

    def _fresh(self, census: Census | None) -> tuple[Workload, ...] | None:
        if census is None or census.workloads == self._workloads:
            return None
        self._workloads = census.workloads
        return census.workloads

    def listeners(self) -> dict[str, EndListener]:
        """What hears the ends in each namespace that is watched; ``hears_all`` ones share a listener."""
        return self._hearing.listeners()

    @property
    def hears_all(self) -> bool:
        """True if one listener hears every namespace that has a number."""
        return self._hearing.hears_all

    def close(self) -> None:
        """Let go of every namespace."""
        self._hearing.close()
        if self._wire is not None:
            self._wire.close()

    def _follow(self, census: Census, at_us: int) -> tuple[str, ...]:
        """Begin with namespaces that are new, and let go of those that have ended."""
        replaced, self._replaced = self._replaced, set()
        gone = tuple(name for name in self._places if name not in census.places or name in replaced)
        for namespace in gone:
            del self._places[namespace]
            self._hearing.end(namespace, at_us)
            if self._wire is not None:
                self._wire.end(namespace, at_us)
        for namespace in self._faults.keys() - census.places.keys():
            del self._faults[namespace]
        for namespace, pid in census.places.items():
            if namespace not in self._places and namespace not in replaced:
                self._begin(namespace, pid)
            if namespace in self._places:
                self._places[namespace].look.moved(pid, census.pids.get(namespace, ()))
                if self._wire is not None and not self._wire.knows(namespace):
                    self._wire.begin(namespace, pid)
        self._hearing.renumber(census.places)
        return gone

    def _begin(self, namespace: str, pid: int) -> None:
        try:
            self._hearing.begin(namespace, pid)
        except OSError as error:
            self._fail(namespace, error)
            return
        self._faults.pop(namespace, None)
        self._places[namespace] = _Place(Look(namespace, pid, self._population, self._own))

    def _look_at_due(self, arrived: Iterable[str]) -> list[Dump]:
        now, wanted, dumps = time.monotonic(), set(arrived), list[Dump]()
        for namespace, place in self._places.items():
            if now + TOGETHER_S < place.due and namespace not in wanted:
                continue
            place.due = now + self._interval_s
            dump = self._look_at(namespace, place.look)
            if dump is not None:
                dumps.append(dump)
        return dumps

    def _look_at(self, namespace: str, look: Look) -> Dump | None:
        try:
            dump = look.dump()
        except OSError as error:
            if namespace == self.namespace:
                raise OSError(f"sock_diag does not answer: {error}") from error
            self._fail(namespace, error)
            return None
        self._faults.pop(namespace, None)
        self._hidden = self._hidden or (dump.unowned > 0 and not self._reach.reads_owners)
        return dump if namespace != self.namespace else replace(dump, note=self._note(dump))

    def _note(self, dump: Dump) -> str:
        """What cannot be seen for want of permission is told with our own namespace; once told, it stays said."""
        told = [f"{self._unseen}; what is missing: retool-egress doctor"] if self._unseen else []
        if self._hidden:
            told.append("the owners of other users' sockets cannot be read: use sudo")
        if not self._hearing.shared.buffer_forced:
            told.append(f"more than {self._hearing.shared.holds} ends at once would be lost, and counted: use sudo")
        return "; ".join([*told, dump.note] if dump.note else told)

    def _fail(self, namespace: str, error: OSError) -> None:
        """One that has just ended is no fault: the next scan will not find it."""
        if isinstance(error, Replaced):
            self._replaced.add(namespace)
        if isinstance(error, FileNotFoundError | ProcessLookupError):
            return
        reason = error.strerror or str(error)
        self._faults[namespace] = reason
