"""A program: hold TCP connections from its namespace to public addresses of the same namespace, as a process `node`.

    python hold_sockets.py COUNT

Both ends are here, so these are twice as many sockets. It prints a line once all are established, and ends when its
standard input does.
"""

import resource
import socket
import sys
from pathlib import Path

_PORT = 443
_SPARE = 64


def main(count: int) -> None:
    """Listen, connect, accept, hold."""
    Path("/proc/self/comm").write_text("node")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 2 * count + _SPARE), most))
    server = socket.create_server(("0.0.0.0", _PORT), backlog=1024)
    held = []
    for number in range(count):
        held.append(socket.create_connection((f"198.51.100.{1 + number % 254}", _PORT)))
        held.append(server.accept()[0])
    print("holding", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(int(sys.argv[1]))
