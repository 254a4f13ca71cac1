"""A program: connect to one destination again and again, as a process of a given name, until a time is over.

    python traffic.py NAME_OF_PROCESS HOST PORT EVERY_S HOLD_S FOR_S

Each connection sends a few bytes, stays open for HOLD_S and is closed in order. One that is not answered is given up
after five seconds, as a client with a time limit does.
"""

import random
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

GIVE_UP_S = 5.0


def connect_once(host: str, port: int, hold_s: float) -> None:
    """One connection from beginning to end; a failed one is the record's business."""
    with suppress(OSError), socket.create_connection((host, port), timeout=GIVE_UP_S) as plain:
        plain.sendall(b"\x16\x03\x01")
        time.sleep(hold_s)


def main(name: str, host: str, port: int, every_s: float, hold_s: float, for_s: float) -> None:
    """Keep connecting at uneven times, ``every_s`` apart on average."""
    Path("/proc/self/comm").write_text(name)
    end, started = time.monotonic() + for_s, list[threading.Thread]()
    while time.monotonic() < end:
        thread = threading.Thread(target=connect_once, args=(host, port, hold_s))
        thread.start()
        started.append(thread)
        time.sleep(min(random.uniform(0.4, 1.6) * every_s, max(0.0, end - time.monotonic())))
    for thread in started:
        thread.join()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), *map(float, sys.argv[4:7]))
