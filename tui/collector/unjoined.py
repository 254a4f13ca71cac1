"""Flows that wait for the socket that they belong to, or for its end: packets are told before either. Pure."""

from collections import deque

from tui.collector.outcome import NEVER_CONNECTED
from tui.model.observation import SocketEnd
from tui.model.wire import Flow, FlowKey

UNSEEN_US = 3_000_000
"""How long a flow waits for the socket, or the end of one, that it belongs to."""
UNJOINED_MAX = 65_536
"""Flows of one namespace that wait at once; of more than these the oldest wait no longer."""


class Unjoined:
    """Flows whose socket is not known yet, the oldest first."""

    def __init__(self) -> None:
        self._latest: dict[FlowKey, Flow] = {}
        """Of its ends."""
        self._earlier: dict[FlowKey, deque[Flow]] = {}
        """Flows of the same ends, before the latest."""
        self._by_peer: dict[str, dict[FlowKey, None]] = {}
        """By the far address, where the kernel has forgotten the ports."""
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, key: FlowKey) -> bool:
        return key in self._latest

    def holds(self, flow: Flow) -> bool:
        """True if what was told of this flow before waits here."""
        known = self._latest.get(flow.key)
        return known is not None and known.started_us == flow.started_us

    def put(self, flow: Flow) -> None:
        """Take in a flow as it is now."""
        key = flow.key
        known = self._latest.get(key)
        if known is None:
            self._by_peer.setdefault(flow.remote.ip, {})[key] = None
        elif known.started_us != flow.started_us:
            self._earlier.setdefault(key, deque()).append(known)
        self._count += known is None or known.started_us != flow.started_us
        self._latest[key] = flow

    def _first(self, key: FlowKey) -> Flow:
        earlier = self._earlier.get(key)
        return earlier[0] if earlier else self._latest[key]

    def pop(self, key: FlowKey) -> Flow | None:
        """The flow of these ends, of several the first."""
        latest = self._latest.pop(key, None)
        if latest is None:
            return None
        self._count -= 1
        earlier = self._earlier.get(key)
        if earlier:
            self._latest[key] = latest  # behind those of other ends
            first = earlier.popleft()
            if not earlier:
                del self._earlier[key]
            return first
        peers = self._by_peer[latest.remote.ip]
        del peers[key]
        if not peers:
            del self._by_peer[latest.remote.ip]
        return latest

    def pop_of(self, end: SocketEnd) -> Flow | None:
        """The flow of an end; of one that the kernel has wiped, the oldest that may be it."""
        if end.remote.port:
            return self.pop((end.protocol, end.local, end.remote))
        connected = end.wqueue > NEVER_CONNECTED
        for key in self._by_peer.get(end.remote.ip, ()):
            flow = self._first(key)
            same_port = not end.local.port or end.local.port == flow.local.port
            if flow.protocol == end.protocol and same_port and (flow.connect_us is not None) == connected:
                return self.pop(key)
        return None

    def pop_old(self, before_us: int) -> list[Flow]:
        """Those that began before a time, or are too many, and whose socket nobody has seen since."""
        old = list[Flow]()
        while self._latest:
            key = next(iter(self._latest))
            if self._first(key).started_us >= before_us and self._count <= UNJOINED_MAX:
                break
            found = self.pop(key)
            if found is not None:
                old.append(found)
        return old
