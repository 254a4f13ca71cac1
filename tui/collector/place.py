"""What the tracker knows of one namespace: what is followed there, what listens, what came in. Decides no outcome."""

from dataclasses import dataclass, field

from tui.collector.outcome import is_passive
from tui.collector.tracked import Tracked
from tui.collector.unjoined import UNSEEN_US, Unjoined
from tui.model.connection import Endpoint
from tui.model.observation import Counters, Dump, Socket, SocketEnd, SocketKey, SocketState
from tui.model.wire import Flow, FlowKey

REMEMBER_US = 120_000_000
"""How long a listening port and a socket that is not recorded are remembered when they have gone: two TIME-WAITs."""
LATE_US = 120_000_000
"""How long the kernel's word on the end of a socket that has vanished is waited for."""
ESTABLISHED = 1
"""As the kernel numbers it (net/tcp_states.h)."""
PROBE_US = 2_000_000
"""How long TCP to the same peer is waited for before a UDP socket that no look saw is recorded."""
NO_LOOK_US = 90_000_000
"""After so long without a look none is waited for: the longest time between two looks is a minute."""
TOLD_MAX = 65_536
"""Flows of one namespace that are remembered as recorded; of one that is forgotten a late end is recorded again."""
FIRST_CLIENT_PORT = 32768
"""Where the ports begin that the kernel gives to clients (ip(7), ip_local_port_range)."""


@dataclass(slots=True)
class Place:
    """One namespace."""

    tracked: dict[SocketKey, Tracked] = field(default_factory=dict)
    inbound: dict[SocketKey, int] = field(default_factory=dict)
    own: dict[SocketKey, int] = field(default_factory=dict)
    doubtful: dict[SocketKey, int] = field(default_factory=dict)
    """By when they were found first: on a port that listens, and perhaps begun by us."""
    listened: dict[int, int] = field(default_factory=dict)
    """TCP ports that wait, or waited, for peers, and when that was last seen."""
    listening: frozenset[tuple[str, int]] = frozenset()
    vanished: dict[int, tuple[Tracked, int]] = field(default_factory=dict)
    """By cookie: gone from a look, the kernel's word not yet heard; and when."""
    undecided: list[SocketEnd] = field(default_factory=list)
    """Ends on a port that clients do not use: the next look tells whether it listens."""
    probes: list[SocketEnd] = field(default_factory=list)
    """Ends of UDP sockets that no look saw: they may have sent nothing."""
    tcp_peers: dict[Endpoint, int] = field(default_factory=dict)
    """To whom TCP went of late, and when that was last seen."""
    attempts: dict[SocketKey, Tracked] = field(default_factory=dict)
    flows: Unjoined = field(default_factory=Unjoined)
    joined: dict[FlowKey, Tracked] = field(default_factory=dict)
    """What is followed, by its ends: more packets may tell more of it."""
    redirected: dict[Endpoint, int] = field(default_factory=dict)
    """Local ends of what was recorded without its packets, and when: they may have been sent elsewhere by NAT."""
    told: dict[FlowKey, int] = field(default_factory=dict)
    """What was recorded by its packets alone, and when that began: the word of its end may come late."""
    looks: int = 0
    looked_us: int = 0
    """When it was last looked at."""
    followed: bool = False
    """False before the first look and after a hole: when something ended meanwhile cannot be known."""

    @property
    def is_empty(self) -> bool:
        """True if nothing is remembered here."""
        waits = self.undecided or self.probes or self.vanished or self.attempts or self.flows
        return not (self.tracked or waits or self.inbound or self.own or self.listened or self.tcp_peers)

    def begin_look(self, dump: Dump) -> list[SocketEnd]:
        """Take in what listens now; the ends that can be decided by that."""
        self.looks += 1
        self.looked_us = dump.at_us
        self.listening = dump.listening
        for protocol, port in dump.listening:
            if protocol == "tcp":
                self.listened[port] = dump.at_us
        undecided, self.undecided = self.undecided, []
        return undecided

    def leaves_out(self, socket: Socket, counters: Counters | None) -> bool:
        """True if the far side began, as far as can be told.

        A program may listen on the very port from which it connects (SO_REUSEPORT), so our own SYN counts for more. Of
        an open one it may be our FIN: the kernel reads the state a moment before it counts. The next look tells.
        """
        if socket.state is SocketState.ATTEMPT or (socket.protocol, socket.local, socket.remote) in self.flows:
            return False
        if counters is not None and counters.shows_our_syn(our_fin=True):
            return False
        if socket.key not in self.inbound and not self._is_served(socket):
            return False
        if counters is None or counters.state != ESTABLISHED or not counters.shows_our_syn(our_fin=False):
            return True
        return self.doubtful.setdefault(socket.key, self.looked_us) == self.looked_us

    def _is_served(self, socket: Socket) -> bool:
        """True if its local port waits for peers; of UDP only now, since a client may bind before it connects."""
        port = socket.local.port
        return (socket.protocol, port) in self.listening or (socket.protocol == "tcp" and port in self.listened)

    def came_in(self, end: SocketEnd) -> bool:
        """True if the far side began."""
        port = end.local.port
        if (end.protocol, end.local, end.remote) in self.flows:
            return False
        if end.protocol == "udp":
            return port < FIRST_CLIENT_PORT and ("udp", port) in self.listening
        if began_here(end):
            return False
        return port in self.listened or (end.counters is not None and is_passive(end.counters))

    def is_undecided(self, end: SocketEnd) -> bool:
        """True if only the next look can tell who began."""
        if end.protocol != "tcp" or began_here(end) or (end.protocol, end.local, end.remote) in self.flows:
            return False
        return end.local.port < FIRST_CLIENT_PORT and end.local.port not in self.listened

    def unlooked(self, now_us: int) -> list[SocketEnd]:
        """The ends that wait for a look which does not come: nobody can look there, or it is there no more."""
        if not self.undecided or abs(now_us - self.looked_us) < NO_LOOK_US:
            return []
        old = [end for end in self.undecided if abs(now_us - end.at_us) >= NO_LOOK_US]
        self.undecided = [end for end in self.undecided if abs(now_us - end.at_us) < NO_LOOK_US]
        return old

    def decided_probes(self, now_us: int) -> list[SocketEnd]:
        """The ends of UDP sockets that are to be recorded.

        To sort the addresses of a name, getaddrinfo(3) connects a UDP socket to each, with the port of the connection
        that is to come, and sends nothing (RFC 6724). The kernel counts no UDP bytes, but TCP to the same peer follows.
        """
        ripe = [end for end in self.probes if end.at_us <= now_us - PROBE_US]
        self.probes = [end for end in self.probes if end.at_us > now_us - PROBE_US]
        return [end for end in ripe if abs(self.tcp_peers.get(end.remote, 0) - end.at_us) > 2 * PROBE_US]

    def let_go(self, key: SocketKey) -> None:
        """Follow a socket no longer."""
        tracked = self.tracked.pop(key, None)
        self.attempts.pop(key, None)
        if tracked is not None:
            ends = (tracked.protocol, tracked.local, tracked.remote)
            if self.joined.get(ends) is tracked:
                del self.joined[ends]

    def is_redirected(self, flow: Flow) -> bool:
        """True if the packets are likely those of a socket that knows another far end."""
        return abs(flow.started_us - self.redirected.get(flow.local, 0)) <= 2 * UNSEEN_US

    def adopt(self, seen: Socket | SocketEnd) -> Tracked | None:
        """A connection of an earlier collector, which knew no cookie."""
        endpoints = (seen.protocol, seen.local, seen.remote)
        found = self.tracked.get(endpoints)
        if seen.cookie is None or found is None or (isinstance(seen, SocketEnd) and not found.is_open):
            return None
        self.tracked[seen.cookie] = self.tracked.pop(endpoints)
        return found

    def forget_old(self, at_us: int) -> list[int]:
        """Drop what is remembered too long; the ids of what nobody will tell the end of any more."""
        oldest_us = at_us - REMEMBER_US
        self.doubtful = {key: us for key, us in self.doubtful.items() if us >= oldest_us}
        self.own = {key: seen_us for key, seen_us in self.own.items() if seen_us >= oldest_us}
        self.inbound = {key: seen_us for key, seen_us in self.inbound.items() if seen_us >= oldest_us}
        self.listened = {port: seen_us for port, seen_us in self.listened.items() if seen_us >= oldest_us}
        self.told = {key: us for key, us in self.told.items() if us >= oldest_us}
        self.redirected = {local: us for local, us in self.redirected.items() if us >= at_us - 4 * UNSEEN_US}
        self.tcp_peers = {peer: us for peer, us in self.tcp_peers.items() if us >= at_us - 4 * PROBE_US}
        old = [cookie for cookie, (_, since) in self.vanished.items() if since < at_us - LATE_US]
        return [self.vanished.pop(cookie)[0].id for cookie in old]


def began_here(end: SocketEnd) -> bool:
    """True if its counters prove that we called."""
    return end.counters is not None and end.counters.shows_our_syn(our_fin=True)
