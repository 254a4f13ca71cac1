"""Tell connections from looks at sockets and from their ends: which are new, how they went. Pure; judges nothing."""

from collections.abc import Iterable, Mapping
from itertools import repeat

from tui.collector.outcome import outcome_of
from tui.collector.place import NO_LOOK_US, REMEMBER_US, TOLD_MAX, Place, began_here
from tui.collector.tracked import (
    HANGING_US,
    Changes,
    Tracked,
    as_the_wire_says,
    continues,
    counters_of,
    end_unheard,
    is_end_of,
    same_owner,
    seen_again,
    settle,
)
from tui.collector.unjoined import UNJOINED_MAX, UNSEEN_US
from tui.model.connection import Endpoint, Origin, Outcome, Process, Recorded
from tui.model.observation import Counters, Dump, Sighting, Socket, SocketEnd, SocketKey, SocketState
from tui.model.wire import Flow

_NOWHERE = ("0.0.0.0", "::")  # noqa: S104 - no address is bound


class Tracker:
    """Follows the sockets of any number of namespaces."""

    def __init__(self, next_id: int, own_pid: int, recorded: Iterable[str] = (), *, host: str = "") -> None:
        """``recorded`` names the namespaces that an earlier collector has watched; ``host`` is the one
        that forwards what the others send."""
        self._next_id = next_id
        self._recorded = set(recorded)
        self._own_pid = own_pid
        self.host = host
        """The namespace that forwards what the others send."""
        self._places: dict[str, Place] = {}
        self._residents: dict[str, Origin] = {}
        self._begun = False
        self._left: dict[int, int] = {}
        """By cookie: what was open when its namespace ended; the kernel's word on it may come later."""

    def resume(self, tracked: Iterable[Tracked]) -> None:
        """Take over what an earlier collector followed, before the first sighting."""
        for one in tracked:
            self._place(one.namespace).tracked[one.protocol, one.local, one.remote] = one

    def looked_away(self, namespace: str | None = None) -> None:
        """Nobody looked for a while, into this namespace or any."""
        for name, place in self._places.items():
            if namespace in (None, name):
                place.followed = False

    def see(self, sighting: Sighting) -> Changes:
        """Take in what a source saw."""
        changes = Changes()
        if sighting.residents is not None:  # who lived where something has just ended is needed once more
            self._residents = self._residents | sighting.residents
        for flow in sighting.flows:  # all that is told below has its packets among these
            self._flow(flow, changes)
        for end in sighting.ends:
            self._end(end, changes)
        for dump in sighting.dumps:
            self._look(dump, changes)
        for end in sighting.later_ends:
            self._end(end, changes)
        for namespace in sighting.gone:
            self._leave(namespace, sighting.at_us, changes)
        if sighting.residents is not None:
            self._residents = sighting.residents
        for namespace in sighting.faults or {}:
            self.looked_away(namespace)
        if sighting.dumps and (not self._begun or sighting.faults is not None):
            self._begun = True
            self._leave_behind(sighting.faults or {}, changes)
        if sighting.residents is not None:
            self._decide_unlooked(sighting.at_us, changes)
        return changes

    def counted(self) -> list[Tracked]:
        """The open connections whose bytes have changed since the last call."""
        changed = []
        for place in self._places.values():
            for tracked in place.tracked.values():
                if tracked.counters is not None and tracked.told != (now := tracked.bytes):
                    tracked.told = now
                    changed.append(tracked)
        return changed

    def _place(self, namespace: str) -> Place:
        place = self._places.get(namespace)
        if place is None:
            place = self._places[namespace] = Place()
        return place

    def _flow(self, flow: Flow, changes: Changes) -> None:
        """What packets have told, of what is followed or of a socket that is yet to be seen."""
        place = self._place(flow.namespace)
        tracked = place.joined.get(flow.key)
        known = tracked.flow if tracked is not None else None
        if tracked is None or (known is not None and known.started_us != flow.started_us):
            if flow.again and not place.flows.holds(
                flow
            ):  # it is recorded and over, and the far side says its last word
                return
            place.flows.put(flow)
            if len(place.flows) > UNJOINED_MAX:
                self._unseen(place, flow.namespace, flow.started_us, changes)
            return
        if known is None:
            tracked.join(flow)
        tracked.flow = flow
        if _names(flow) != _names(known):
            changes.altered.append(tracked)

    def _look(self, dump: Dump, changes: Changes) -> None:
        place = self._place(dump.namespace)
        for end in place.begin_look(dump):
            self._begin_and_end(end, place, changes)
        for socket, counters in zip(dump.sockets, dump.counters or repeat(None), strict=False):
            tracked = place.tracked.get(socket.key)
            if tracked is not None and tracked.socket is socket:
                tracked.last_seen_us, tracked.look = dump.at_us, place.looks
                if counters is not None:
                    tracked.counters = counters
            else:
                self._seen(socket, counters, dump, place, changes)
        self._end_absent(dump, place, changes)
        self._mark_hanging(dump.at_us, place, changes)
        place.followed = True
        self._recorded.add(dump.namespace)
        for end in place.decided_probes(dump.at_us):
            self._whole(end, None, changes)
        self._unseen(place, dump.namespace, dump.at_us, changes)
        changes.forgotten.extend(place.forget_old(dump.at_us))

    def _seen(self, socket: Socket, counters: Counters | None, dump: Dump, place: Place, changes: Changes) -> None:
        """A socket that is new, or is not as it was."""
        key = socket.key
        if not self._is_ours_to_record(key, socket, counters, dump, place):
            return
        before = place.tracked.get(key) or place.adopt(socket)
        if before is not None and not (
            continues(before, socket) and same_owner(before, socket, dump, followed=place.followed)
        ):
            place.let_go(key)
            self._over(before, dump.at_us, changes)
            before = None
        if before is None:
            before = self._open(socket, dump, place)
            self._join(before, place.flows.pop((socket.protocol, socket.local, socket.remote)), place)
            changes.opened.append(before)
            if socket.protocol == "tcp":
                place.tcp_peers[socket.remote] = dump.at_us
        elif seen_again(before, socket, dump):
            changes.altered.append(before)
        if before.flow is None and (flow := place.flows.pop((socket.protocol, socket.local, socket.remote))):
            before.join(flow)
            changes.altered.append(before)
        before.socket, before.state, before.look = socket, socket.state, place.looks
        before.last_seen_us = max(dump.at_us, before.last_seen_us)
        before.counters = counters if counters is not None else before.counters
        place.tracked[key] = place.joined[before.protocol, before.local, before.remote] = before
        if socket.state is SocketState.ATTEMPT:
            place.attempts[key] = before
        else:
            place.attempts.pop(key, None)

    def _is_ours_to_record(
        self, key: SocketKey, socket: Socket, counters: Counters | None, dump: Dump, place: Place
    ) -> bool:
        at_us = dump.at_us
        if socket.pid == self._own_pid or (key in place.own and socket.pid is None):
            place.own[key] = at_us
            return False
        if key in place.tracked:
            return True
        if place.leaves_out(socket, counters):
            place.inbound[key] = at_us
            return False
        place.inbound.pop(key, None)
        return True

    @staticmethod
    def _join(tracked: Tracked, flow: Flow | None, place: Place) -> None:
        if flow is not None:
            tracked.join(flow)
        elif tracked.protocol == "tcp":
            place.redirected[tracked.local] = tracked.opened_us

    def _open(self, socket: Socket, dump: Dump, place: Place) -> Tracked:
        owner = dump.owners.get(socket.pid) if socket.pid is not None else None
        ended = socket.state is SocketState.ENDED
        known = self._begun or dump.namespace in self._recorded
        return self._new(
            dump.namespace, socket.protocol, socket.local, socket.remote, dump.at_us, dump.at_us if ended else None,
            owner.process if owner else None, owner.origin if owner else self._resident(dump.namespace),
            Outcome.CLOSED if ended else Outcome.OPEN, Recorded.LIVE if known else Recorded.PREDATES_RECORD,
            socket.state,
        )  # fmt: skip

    def take_id(self) -> int:
        """The number of a connection that no socket shows."""
        id, self._next_id = self._next_id, self._next_id + 1
        return id

    def _new(
        self, namespace: str, protocol: str, local: Endpoint, remote: Endpoint, at_us: int, closed_us: int | None,
        process: Process | None, origin: Origin, outcome: Outcome, recorded: Recorded, state: SocketState,
    ) -> Tracked:  # fmt: skip
        return Tracked(
            self.take_id(),
            namespace,
            protocol,
            local,
            remote,
            at_us,
            at_us,
            closed_us,
            process,
            origin,
            outcome,
            recorded,
            state,
        )

    def _resident(self, namespace: str) -> Origin:
        return self._residents.get(namespace) or Origin(namespace)

    def _end_absent(self, dump: Dump, place: Place, changes: Changes) -> None:
        for key in [key for key, tracked in place.tracked.items() if tracked.look != place.looks]:
            gone = place.tracked[key]
            place.let_go(key)
            if not gone.is_open:
                changes.forgotten.append(gone.id)
            elif isinstance(key, int) and place.followed:
                end_unheard(gone, dump.at_us)
                place.vanished[key] = (gone, dump.at_us)
                changes.altered.append(gone)
            else:
                self._over(gone, dump.at_us if place.followed else None, changes)

    @staticmethod
    def _over(tracked: Tracked, at_us: int | None, changes: Changes) -> None:
        if tracked.is_open:
            end_unheard(tracked, at_us)
            changes.altered.append(tracked)
        changes.forgotten.append(tracked.id)

    @staticmethod
    def _mark_hanging(at_us: int, place: Place, changes: Changes) -> None:
        for tracked in place.attempts.values():
            repeats = tracked.counters.retransmits if tracked.counters else 0
            if tracked.outcome is Outcome.OPEN and (at_us - tracked.opened_us >= HANGING_US or repeats > 1):
                tracked.outcome = Outcome.UNANSWERED
                changes.altered.append(tracked)

    def _end(self, end: SocketEnd, changes: Changes) -> None:
        """The kernel's word on one socket."""
        if self._left.pop(end.cookie, None) is not None:
            return
        place = self._place(end.namespace)
        came_in = place.inbound.pop(end.cookie, None) is not None and not began_here(end)
        if came_in or place.own.pop(end.cookie, None) is not None:
            return
        vanished = place.vanished.pop(end.cookie, None)
        tracked = vanished[0] if vanished else place.tracked.get(end.cookie) or place.adopt(end)
        if tracked is not None and is_end_of(end, tracked):
            if vanished is None:
                place.let_go(end.cookie)
                tracked.closed_us = tracked.last_seen_us = max(end.at_us, tracked.last_seen_us)
            settle(tracked, end)
            changes.altered.append(tracked)
            changes.forgotten.append(tracked.id)
            return
        if tracked is not None:  # the socket was used again, and its first connection has no end of its own
            place.let_go(end.cookie)
            self._over(tracked, end.at_us, changes)
        if place.is_undecided(end):
            place.undecided.append(end)
        else:
            self._begin_and_end(end, place, changes)

    def _begin_and_end(self, end: SocketEnd, place: Place, changes: Changes) -> None:
        """A connection of which nothing but its end was seen."""
        if end.remote.ip in _NOWHERE or place.came_in(end):
            return
        if place.told.pop((end.protocol, end.local, end.remote), None) is not None:
            return
        flow = place.flows.pop_of(end)
        if end.protocol == "tcp":
            place.tcp_peers[end.remote] = end.at_us
            self._whole(end, flow, changes)
        elif flow is not None:  # something was sent
            self._whole(end, flow, changes)
        elif end.remote.port:
            place.probes.append(end)

    def _whole(self, end: SocketEnd, flow: Flow | None, changes: Changes) -> None:
        tracked = self._new(
            end.namespace, end.protocol, end.local, end.remote, end.at_us, end.at_us, None,
            self._resident(end.namespace), outcome_of(end), Recorded.LIVE, SocketState.ENDED,
        )  # fmt: skip
        tracked.counters = counters_of(end)
        self._join(tracked, flow, self._place(end.namespace))
        as_the_wire_says(tracked)
        changes.whole.append(tracked)

    def _unseen(self, place: Place, namespace: str, at_us: int, changes: Changes) -> None:
        """Packets of which no socket was seen: one that hides (a socket may be used again and again, and only its last
        connection has an end), or that is connected to nobody in particular (UDP).

        In the host's namespace there are also the packets that it forwards for the others, under an address of its own.
        """
        old = place.flows.pop_old(at_us - UNSEEN_US)
        resident = self._resident(namespace)
        if namespace == self.host or (resident.role is None and resident.container is None):
            return
        for flow in old:
            if flow.started_us and not place.is_redirected(flow) and not flow.remote.ip.startswith(_LOOPBACK):
                place.told[flow.key] = flow.started_us
                if len(place.told) > TOLD_MAX:
                    del place.told[next(iter(place.told))]
                changes.whole.append(self._by_packets_alone(flow, resident))

    def _by_packets_alone(self, flow: Flow, resident: Origin) -> Tracked:
        if flow.protocol == "udp" or flow.connect_us is not None:
            outcome = Outcome.CLOSED if flow.received is not None else Outcome.UNKNOWN
        else:
            outcome = Outcome.REFUSED if flow.ended_us is not None else Outcome.UNKNOWN
        ended_us = flow.ended_us or flow.started_us
        tracked = self._new(
            flow.namespace, flow.protocol, flow.local, flow.remote, flow.started_us, ended_us, None, resident, outcome,
            Recorded.LIVE, SocketState.ENDED,
        )  # fmt: skip
        tracked.join(flow)
        tracked.last_seen_us = ended_us
        as_the_wire_says(tracked)
        return tracked

    def _leave(self, namespace: str, at_us: int, changes: Changes) -> None:
        """A namespace has ended, and with it all that was open there."""
        place = self._places.pop(namespace, None)
        if place is None:
            return
        self._decide(place, changes)
        for tracked in place.tracked.values():
            self._over(tracked, at_us, changes)
        changes.forgotten.extend(tracked.id for tracked, _ in place.vanished.values())
        cookies = (key for key in (*place.tracked, *place.vanished) if isinstance(key, int))
        self._left = {cookie: us for cookie, us in self._left.items() if us >= at_us - REMEMBER_US}
        self._left |= dict.fromkeys(cookies, at_us)

    def flush(self) -> Changes:
        """Decide at the end what waits for another look."""
        changes = Changes()
        for place in self._places.values():
            self._decide(place, changes)
        return changes

    def _decide(self, place: Place, changes: Changes) -> None:
        for end in place.undecided:
            self._begin_and_end(end, place, changes)
        for end in place.decided_probes(2**62):
            self._whole(end, None, changes)
        place.undecided = []

    def _decide_unlooked(self, at_us: int, changes: Changes) -> None:
        """Where ends are heard and nobody looks, nothing else decides what waits, or forgets it."""
        for name, place in list(self._places.items()):
            if abs(at_us - place.looked_us) < NO_LOOK_US:
                continue
            for end in place.unlooked(at_us):
                self._begin_and_end(end, place, changes)
            for end in place.decided_probes(at_us):
                self._whole(end, None, changes)
            place.flows.pop_old(at_us - UNSEEN_US)
            changes.forgotten.extend(place.forget_old(at_us))
            if place.is_empty:
                del self._places[name]

    def _leave_behind(self, faults: Mapping[str, str], changes: Changes) -> None:
        """What an earlier collector left open in a namespace that is not there any more ended nobody knows when."""
        for name in [name for name, place in self._places.items() if not place.looks and name not in faults]:
            place = self._places[name]
            for tracked in place.tracked.values():
                self._over(tracked, None, changes)
            place.tracked.clear()


_LOOPBACK = ("127.", "::1")


def _names(flow: Flow | None) -> tuple[object, ...] | None:
    """What of a flow says more of a connection than its bytes."""
    return None if flow is None else (flow.connect_us, flow.host, flow.evidence, flow.inner, flow.phase, flow.status)
