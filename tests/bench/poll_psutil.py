"""A program: what polling with psutil sees of a namespace's TCP connections.

    python poll_psutil.py EVERY_S FILE

It polls until its standard input ends or SIGTERM comes, then writes all connections that it has seen, with the process
where one was there: a JSON list of [local address, local port, remote address, remote port, pid].
"""

import json
import select
import signal
import socket
import sys
from pathlib import Path

import psutil


def main(every_s: float, file: Path) -> None:
    """Poll, remember, write."""
    seen: dict[tuple[str, int, str, int], int | None] = {}
    told, tell = socket.socketpair()
    signal.signal(signal.SIGTERM, lambda number, frame: tell.close())
    print("ready", flush=True)
    while not select.select([sys.stdin, told], [], [], every_s)[0]:
        for one in psutil.net_connections("tcp"):
            if one.laddr and one.raddr:
                key = (one.laddr.ip, one.laddr.port, one.raddr.ip, one.raddr.port)
                seen[key] = one.pid or seen.get(key)
    file.write_text(json.dumps([[*key, pid] for key, pid in seen.items()]))


if __name__ == "__main__":
    main(float(sys.argv[1]), Path(sys.argv[2]))
