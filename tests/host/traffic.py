"""A program: connect to one destination again and again, as a process of a given name, until a time is over.

    python traffic.py NAME_OF_PROCESS IP PORT EVERY_S HOLD_S SEND_BYTES RECEIVE_BYTES FOR_S

Each connection asks a server of `world.py` for so many bytes, sends its own over the time that it is held, and is
closed in order. One that is not answered is given up after five seconds, as a client with a time limit does.
"""

import random
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

GIVE_UP_S = 5.0
HEADER_BYTES = 12
PARTS = 20
"""In so many parts what a connection sends is spread over the time that it is held."""


def connect_once(ip: str, port: int, hold_s: float, send: int, receive: int) -> None:
    """One connection from beginning to end; a failed one is the record's business."""
    with suppress(OSError), socket.create_connection((ip, port), timeout=GIVE_UP_S) as plain:
        plain.settimeout(None)
        receiver = threading.Thread(target=drain, args=(plain,))
        plain.sendall(f"{receive:0{HEADER_BYTES}}".encode())
        receiver.start()
        sent = 0
        for part in range(1, PARTS + 1):
            plain.sendall(bytes(send * part // PARTS - sent))
            sent = send * part // PARTS
            time.sleep(hold_s / PARTS)
        plain.shutdown(socket.SHUT_WR)
        receiver.join(GIVE_UP_S)


def drain(plain: socket.socket) -> None:
    """Read until the far side ends."""
    with suppress(OSError):
        while plain.recv(65_536):
            pass


def main(name: str, ip: str, port: int, every_s: float, hold_s: float, send: int, receive: int, for_s: float) -> None:
    """Keep connecting at uneven times, ``every_s`` apart on average, with uneven numbers of bytes."""
    Path("/proc/self/comm").write_text(name)
    end, started = time.monotonic() + for_s, list[threading.Thread]()
    while time.monotonic() < end:
        size = random.uniform(0.6, 1.4)
        thread = threading.Thread(
            target=connect_once,
            args=(ip, port, hold_s * random.uniform(0.5, 1.5), int(send * size), int(receive * size)),
        )
        thread.start()
        started.append(thread)
        time.sleep(min(random.uniform(0.4, 1.6) * every_s, max(0.0, end - time.monotonic())))
    for thread in started:
        thread.join()


if __name__ == "__main__":
    main(
        sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), float(sys.argv[5]), int(sys.argv[6]),
        int(sys.argv[7]), float(sys.argv[8]),
    )  # fmt: skip
