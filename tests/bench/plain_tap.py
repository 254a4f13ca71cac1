"""A program: what reading names off packets takes in plain Python, without a filter in the kernel.

    python -m tests.bench.plain_tap

One call a packet; ClientHellos and DNS answers are read as this program reads them, and nothing else is done. It ends
when its standard input does.
"""

import select
import socket
import sys

from tui.capture.client_hello import read_hello
from tui.capture.dns_message import read_message
from tui.capture.packet import TCP, UDP, read_packet

ETH_P_ALL = 3


def main() -> None:
    """Read."""
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
    tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    print("reading", flush=True)
    while sys.stdin not in select.select([tap, sys.stdin], [], [])[0]:
        data = tap.recv(65_536)
        packet = read_packet(data)
        if packet is None:
            continue
        if packet.protocol == TCP and len(data) > packet.start + 13:
            read_hello(data[packet.start + (data[packet.start + 12] >> 4) * 4 : packet.end])
        elif packet.protocol == UDP:
            read_message(data[packet.start + 8 : packet.end])


if __name__ == "__main__":
    main()
