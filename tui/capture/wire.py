"""Names on the wire: a tap in every network namespace that may be entered (packet(7)), and what its packets tell.

A tap keeps its namespace alive, so it is closed as soon as no process is left there. Give an object to one thread at a
time: it steps into other namespaces.
"""

import os
import select
import time
from dataclasses import dataclass

from tui.capture.flows import Flows
from tui.capture.netns import inside, open_namespace
from tui.capture.own import OwnSockets
from tui.capture.tap import Tap
from tui.model.connection import Endpoint
from tui.model.observation import Loss, WireSight
from tui.model.wire import Flow, Lookup

AT_ONCE = 20_000
"""Packets of one namespace that are read in one go, so that a flood does not keep what was read from being told."""


@dataclass(slots=True)
class _Place:
    """A namespace whose packets are read."""

    tap: Tap
    flows: Flows


class Wire:
    """All taps."""

    def __init__(self, own: str, own_sockets: OwnSockets) -> None:
        """``own`` is our namespace, and ``own_sockets`` are left out."""
        self._own = own
        self._own_sockets = own_sockets
        self._places: dict[str, _Place] = {}
        self._by_descriptor: dict[int, _Place] = {}
        self._refused: dict[str, str] = {}
        self._told: WireSight | None = None
        self._poll = select.epoll()
        self._ended: list[Flows] = []
        """Of namespaces that have ended since the last call of ``drain``."""
        self._losses: list[Loss] = []
        self._counted_us = time.time_ns() // 1000

    def knows(self, namespace: str) -> bool:
        """True if the packets of a namespace are read, or that was refused."""
        return namespace in self._places or namespace in self._refused

    def begin(self, namespace: str, pid: int) -> None:
        """Read the packets of a namespace, entered through a process that is in it. Where that is refused, say so.

        If just that process has ended, it is not refused: try another one.
        """
        try:
            tap = self._tap(namespace, pid)
        except (FileNotFoundError, ProcessLookupError):
            return
        except OSError as error:
            self._refused[namespace] = _in_words(error)
            return
        is_ours = self._own_sockets.is_local if namespace == self._own else _nobody
        place = _Place(tap, Flows(namespace, is_ours))
        self._places[namespace] = self._by_descriptor[tap.fileno()] = place
        self._poll.register(tap.fileno(), select.EPOLLIN)

    def _tap(self, namespace: str, pid: int) -> Tap:
        if namespace == self._own:
            return Tap()
        descriptor = open_namespace(namespace, pid)
        try:
            with inside(descriptor):
                return Tap()
        finally:
            os.close(descriptor)

    def end(self, namespace: str, at_us: int) -> None:
        """A namespace has no process any more: read what its last packets tell, and hold nothing of it."""
        self._refused.pop(namespace, None)
        place = self._places.pop(namespace, None)
        if place is not None:
            _read(place)
            self._ended.append(place.flows)
            self._lost(place, at_us)
            del self._by_descriptor[place.tap.fileno()]
            self._poll.unregister(place.tap.fileno())
            place.tap.close()

    def drain(self, now_us: int) -> tuple[list[Flow], list[Lookup]]:
        """What packets have told since the last call, oldest first in each namespace."""
        for descriptor, _ in self._poll.poll(0, len(self._places) or 1):
            place = self._by_descriptor[descriptor]
            _read(place)
            self._lost(place, now_us)
        ended, self._ended = self._ended, []
        flows, lookups = list[Flow](), list[Lookup]()
        for each in (*ended, *(place.flows for place in self._places.values())):
            if each.has_news:
                some, asked = each.tell(now_us)
                flows += some
                lookups += asked
        return flows, lookups

    def losses(self, now_us: int) -> list[Loss]:
        """Packets that had no room before ``drain`` made some, since the last call, counted exactly."""
        self._counted_us = now_us
        losses, self._losses = self._losses, []
        return losses

    def _lost(self, place: _Place, now_us: int) -> None:
        lost = place.tap.lost()
        if lost:
            self._losses.append(Loss(self._counted_us, now_us, (place.flows.namespace,), lost))

    def sight(self) -> WireSight | None:
        """Where packets are read, and where not; None where that has not changed since the last call."""
        now = WireSight(frozenset(self._places), dict(self._refused))
        if now == self._told:
            return None
        self._told = now
        return now

    def close(self) -> None:
        """Let go of every namespace."""
        for place in self._places.values():
            place.tap.close()
        self._places.clear()
        self._by_descriptor.clear()
        self._poll.close()


def _read(place: _Place) -> None:
    take = place.flows.take
    for data, at_us, outgoing in place.tap.drain(AT_ONCE):
        take(data, at_us, outgoing=outgoing)


def _nobody(_: Endpoint) -> bool:
    return False


def _in_words(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "CAP_NET_RAW is missing"
    return error.strerror or str(error)
