"""What the packets of one namespace tell of its connections and look-ups. Keeps names, times and lengths; of payload
nothing but what a name may still need, and that for a few packets.

Our own side begins: flows that come in have no SYN of ours and are left out. Give an object to one thread at a time.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from tui.capture.followed import Followed, begins
from tui.capture.lookups import DNS, Lookups
from tui.capture.packet import ACK, FIN, ICMP, ICMP6, RST, SYN, TCP, UDP, Packet, read_packet
from tui.capture.quic import Initials, may_begin
from tui.model.address import unpack
from tui.model.connection import Endpoint
from tui.model.wire import Flow, Lookup

FLOWS_MAX = 16_384
"""How many connections of a namespace are followed; the oldest is let go first."""
WAITING_MAX = 256
"""How many TCP, and QUIC, connections may have an unfinished name at once; of the oldest, what has come must do."""
AGAIN_US = 5_000_000
"""For so long a QUIC hello with the same name may be the same one again, as after a Retry packet (RFC 9000 §8.1.2)."""
UNREACHABLE_US = 10_000_000
"""For so long after the first datagram a router's word says that nobody is there; later, that somebody has gone."""
QUIC = 443
_EMBEDDED = unpack(b"\x7f\x00\x00\x0b")
"""Docker's own resolver. Queries to it are seen with another port than 53, which is where they end up."""
_DNS_PORT = DNS.to_bytes(2)
_TOO_BIG = 4
_SIZE = 1 << 32


@dataclass(slots=True)
class Flows:
    """The connections and look-ups of one namespace."""

    namespace: str
    is_ours: Callable[[Endpoint], bool]
    """Whether it is the local end of one of the collector's own sockets, which are left out."""
    _lookups: Lookups = field(init=False)
    _flows: dict[bytes, Followed] = field(default_factory=dict)
    """By protocol, our address, theirs, our port, theirs."""
    _touched: dict[bytes, Followed] = field(default_factory=dict)
    _replaced: list[Followed] = field(default_factory=list)
    """Their ends came again before they were handed on."""
    _waiting: dict[bytes, None] = field(default_factory=dict)
    """TCP connections with an unfinished name."""
    _initials: dict[bytes, Initials] = field(default_factory=dict)
    """Of the QUIC connections that began last."""

    def __post_init__(self) -> None:
        self._lookups = Lookups(self.namespace)

    def take(self, data: bytes, at_us: int, *, outgoing: bool) -> None:
        """Take in one packet, as a tap hands it over."""
        packet = read_packet(data)
        if packet is None:
            return
        if packet.protocol == TCP:
            if len(data) < packet.start + 20:
                return
            if outgoing:
                self._tcp(packet, data, at_us)
            else:
                self._tcp_back(packet, data, at_us)
        elif packet.protocol == UDP:
            if len(data) >= packet.start + 8:
                self._udp(packet, data, at_us, outgoing)
        elif not outgoing and packet.protocol in (ICMP, ICMP6):
            self._icmp(packet, data, at_us)

    def tell(self, now_us: int) -> tuple[list[Flow], list[Lookup]]:
        """What has changed since the last call."""
        touched = (*self._replaced, *self._touched.values())
        flows = [flow.told(self.namespace) for flow in touched if not self.is_ours(flow.local)]
        self._replaced, self._touched = [], {}
        return flows, self._lookups.tell(now_us)

    @property
    def has_news(self) -> bool:
        """True if ``tell`` has something to tell, or to count as unanswered before long."""
        return bool(self._touched or self._replaced or self._lookups.has_news)

    def _begin(self, key: bytes, protocol: str, packet: Packet, data: bytes, at_us: int) -> Followed:
        if key in self._flows:
            self._forget(key)
        elif len(self._flows) >= FLOWS_MAX:
            self._forget(next(iter(self._flows)))
        start = packet.start
        remote = _make(Endpoint, (unpack(packet.target), data[start + 2] << 8 | data[start + 3]))
        flow = self._flows[key] = self._touched[key] = Followed(protocol, _source(packet, data), remote, at_us)
        return flow

    def _forget(self, key: bytes) -> None:
        """Follow a connection no longer; what is known of it is told yet."""
        flow = self._flows.pop(key)
        if self._touched.pop(key, None) is not None:
            self._replaced.append(flow)
        self._waiting.pop(key, None)
        self._initials.pop(key, None)
        if flow.remote.port == DNS:
            self._lookups.ended(key)

    # TCP

    def _tcp(self, packet: Packet, data: bytes, at_us: int) -> None:
        """From our side."""
        start = packet.start
        key = b"t" + packet.source + packet.target + data[start : start + 4]
        sequence = int.from_bytes(data[start + 4 : start + 8])
        if data[start + 13] & (SYN | ACK) == SYN:
            known = self._flows.get(key)
            if known is None or known.syn != sequence:  # else it is sent again
                self._begin(key, "tcp", packet, data, at_us).syn = sequence
            return
        payload = data[start + (data[start + 12] >> 4) * 4 : packet.end]
        if not payload:
            return
        if data[start + 2 : start + 4] == _DNS_PORT:
            source = _source(packet, data)
            if not self.is_ours(source):
                self._lookups.over_tcp(key, sequence, payload, unpack(packet.target), source.port, at_us, outgoing=True)
            return
        flow = self._flows.get(key)
        if flow is None:
            if not begins(payload):
                return
            flow = self._begin(key, "tcp", packet, data, 0)
        if flow.decided:
            return
        waited = flow.stream is not None
        if flow.sent(sequence, payload):
            self._touched[key] = flow
        if flow.stream is None:
            if waited:
                del self._waiting[key]
        elif not waited:
            self._waiting[key] = None
            if len(self._waiting) > WAITING_MAX:
                self._give_up(next(iter(self._waiting)))

    def _tcp_back(self, packet: Packet, data: bytes, at_us: int) -> None:
        """From the far side."""
        start = packet.start
        flags = data[start + 13]
        key = b"t" + packet.target + packet.source + data[start + 2 : start + 4] + data[start : start + 2]
        sequence = int.from_bytes(data[start + 4 : start + 8])
        payload_at = start + (data[start + 12] >> 4) * 4
        is_dns = data[start : start + 2] == _DNS_PORT
        if is_dns and packet.end > payload_at:
            port = data[start + 2] << 8 | data[start + 3]
            payload = data[payload_at : packet.end]
            self._lookups.over_tcp(key, sequence, payload, unpack(packet.source), port, at_us, outgoing=False)
        flow = self._flows.get(key)
        if flow is None:
            return
        if flags & SYN:
            if flow.connect_us is None and flow.started_us:
                flow.connect_us, flow.their_syn = max(0, at_us - flow.started_us), sequence
                self._touched[key] = flow
            return
        if flags & FIN and flow.their_syn is not None and flow.received is None:
            flow.received = (sequence + packet.end - payload_at - flow.their_syn - 1) % _SIZE
            self._touched[key] = flow
        if packet.end > payload_at and flow.heard(data[payload_at : packet.end]):
            self._touched[key] = flow
        if flags & (FIN | RST) and flow.ended_us is None:
            flow.ended_us = at_us
            self._touched[key] = flow
            if is_dns:
                self._lookups.ended(key)
            elif key in self._waiting:
                self._give_up(key)

    def _give_up(self, key: bytes) -> None:
        """What has come of a name must do."""
        del self._waiting[key]
        flow = self._flows[key]
        if flow.give_up():
            self._touched[key] = flow

    # UDP

    def _udp(self, packet: Packet, data: bytes, at_us: int, outgoing: bool) -> None:
        start = packet.start
        payload = data[start + 8 : packet.end]
        port = data[start + 2] << 8 | data[start + 3]
        if not outgoing:
            if data[start : start + 2] == _DNS_PORT:
                self._lookups.answered(payload, unpack(packet.source), port, at_us)
            return
        key = b"u" + packet.source + packet.target + data[start : start + 4]
        resolver = unpack(packet.target)
        if port == DNS or resolver == _EMBEDDED:
            source = _source(packet, data)
            if self.is_ours(source):
                return
            asked = self._lookups.asked(payload, resolver, source.port, at_us)
            if asked and port == DNS and key not in self._flows:
                self._begin(key, "udp", packet, data, at_us)
        elif port == QUIC:
            self._quic(key, packet, data, at_us, payload)

    def _quic(self, key: bytes, packet: Packet, data: bytes, at_us: int, payload: bytes) -> None:
        """An Initial packet of a client, perhaps. One socket may begin several connections between the same ends."""
        flow = self._flows.get(key)
        if flow is None:
            if not may_begin(payload):
                return
            flow = self._begin(key, "udp", packet, data, at_us)
        initials = self._initials.get(key)
        if initials is None:
            initials = self._initials[key] = Initials()
            if len(self._initials) > WAITING_MAX:
                self._give_up_quic(next(iter(self._initials)))
        hello = initials.take(payload)
        if hello is None:
            return
        if flow.evidence is not None:
            if flow.host == hello.host and at_us - flow.started_us < AGAIN_US:
                return
            flow = self._begin(key, "udp", packet, data, at_us)
            self._initials[key] = initials
        flow.greeted(hello)
        self._touched[key] = flow

    def _give_up_quic(self, key: bytes) -> None:
        hello, flow = self._initials.pop(key).give_up(), self._flows[key]
        if hello is not None and flow.evidence is None:
            flow.greeted(hello)
            self._touched[key] = flow

    # ICMP

    def _icmp(self, packet: Packet, data: bytes, at_us: int) -> None:
        """It quotes the head of what could not be delivered. What was merely too big is sent again in pieces."""
        start = packet.start
        if len(data) < start + 8 or (packet.protocol == ICMP and data[start + 1] == _TOO_BIG):
            return
        quoted = data[start + 8 :]
        sent = read_packet(quoted)
        if sent is None or sent.protocol not in (TCP, UDP):
            return
        kind = b"t" if sent.protocol == TCP else b"u"
        key = kind + sent.source + sent.target + quoted[sent.start : sent.start + 4]
        flow = self._flows.get(key)
        if flow is None or flow.connect_us is not None:
            return
        if sent.protocol == TCP or at_us - flow.started_us < UNREACHABLE_US:
            flow.unreachable = True
            self._touched[key] = flow


def _source(packet: Packet, data: bytes) -> Endpoint:
    return _make(Endpoint, (unpack(packet.source), data[packet.start] << 8 | data[packet.start + 1]))


_make = tuple.__new__
"""Makes a named tuple of a tuple; the class called by its name takes three times as long."""
