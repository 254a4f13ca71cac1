"""Ask the filter's program what it does with a packet. Asserts nothing."""

import pytest

from tests.capture.bpf_machine import passed
from tests.capture.packets import ACK, OUTGOING, PSH, TCP, TO_US, Packet, handshake
from tui.capture.packet_filter import build

PROGRAM = build()
CLIENT_HELLO = handshake(1, 500)
TIMESTAMPS = b"\x01\x01\x08\x0a" + bytes(8)
VERSIONS = pytest.mark.parametrize("v6", [False, True], ids=["IPv4", "IPv6"])


def passes(packet: Packet, program: bytes = PROGRAM) -> int:
    """How many bytes of it pass."""
    return passed(program, packet.data, packet.ethertype, OUTGOING if packet.outgoing else TO_US)


def both(packet: Packet, v6: bool) -> Packet:
    return packet.over_ipv6() if v6 else packet


def segment(payload: bytes, far_port: int = 443, flags: int = ACK | PSH) -> Packet:
    return Packet(TCP, payload, far_port, flags=flags)


def whole(packet: Packet) -> bool:
    return passes(packet) == len(packet.data)
