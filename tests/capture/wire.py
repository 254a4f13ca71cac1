"""A namespace whose packets are taken in, and TCP connections of it, packet by packet. Asserts nothing."""

from dataclasses import dataclass, field, replace
from typing import Self

from tests.capture.packets import ACK, FIN, PSH, RST, SYN, TCP, Packet
from tui.capture.flows import Flows
from tui.model.connection import Endpoint
from tui.model.wire import Flow, Lookup

NAMESPACE = "net:[1]"
BEGUN_US = 1_000_000_000
STEP_US = 1_000
"""From one packet to the next."""


class Wire:
    """A namespace."""

    def __init__(self, ours: frozenset[Endpoint] = frozenset()) -> None:
        """``ours`` are the local ends of the collector's own sockets."""
        self.flows = Flows(NAMESPACE, ours.__contains__)
        self.now_us = BEGUN_US

    def take(self, *packets: Packet, apart_us: int = STEP_US) -> Self:
        """Let packets pass, one after the other."""
        for packet in packets:
            self.flows.take(packet.data, self.now_us, outgoing=packet.outgoing)
            self.now_us += apart_us
        return self

    def tell(self, after_us: int = 0) -> tuple[list[Flow], list[Lookup]]:
        """What has changed, so much later."""
        self.now_us += after_us
        return self.flows.tell(self.now_us)

    def told(self) -> list[Flow]:
        """What has changed of connections."""
        return self.tell()[0]

    def flow(self) -> Flow:
        """What has changed of the one connection of which something has."""
        (flow,) = self.told()
        return flow

    def lookups(self, after_us: int = 0) -> list[Lookup]:
        """What has become of look-ups, so much later."""
        return self.tell(after_us)[1]


@dataclass
class Connection:
    """A TCP connection of which the wire is told whatever its sides do."""

    wire: Wire
    ends: Packet = field(default_factory=lambda: Packet(TCP))
    ours: int = 1_000
    """The number of our next byte; of the SYN at first."""
    theirs: int = 4_294_967_000
    """That of the far side's next one: close to where they begin anew."""

    def packet(self, payload: bytes, flags: int, sequence: int, *, outgoing: bool) -> Packet:
        return replace(
            self.ends, payload=payload, flags=flags, sequence=sequence % (1 << 32), outgoing=outgoing
        )  # fmt: skip

    def begin(self) -> Self:
        """Send our SYN."""
        self.wire.take(self.packet(b"", SYN, self.ours, outgoing=True))
        self.ours += 1
        return self

    def answer(self) -> Self:
        """Let the far side answer it."""
        self.wire.take(self.packet(b"", SYN | ACK, self.theirs, outgoing=False))
        self.theirs += 1
        return self

    def open(self) -> Self:
        return self.begin().answer()

    def part(self, payload: bytes, offset: int = 0) -> Packet:
        """A segment of ours, so many bytes after what was sent last."""
        return self.packet(payload, ACK | PSH, self.ours + offset, outgoing=True)

    def send(self, *payloads: bytes) -> Self:
        """Send segments in order."""
        for payload in payloads:
            self.wire.take(self.part(payload))
            self.ours += len(payload)
        return self

    def hear(self, payload: bytes, flags: int = ACK | PSH) -> Self:
        """Let the far side send what the filter passes."""
        self.wire.take(self.packet(payload, flags, self.theirs, outgoing=False))
        self.theirs += len(payload)
        return self

    def unseen(self, size: int) -> Self:
        """Let the far side send bytes that the filter does not pass."""
        self.theirs += size
        return self

    def finish(self) -> Self:
        """Let the far side say its end."""
        return self.hear(b"", FIN | ACK)

    def reset(self) -> Self:
        return self.hear(b"", RST | ACK)
