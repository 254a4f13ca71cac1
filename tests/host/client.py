"""A program: open TLS connections and hold them, as a process called `node`.

    python client.py CA_FILE '[{"name": ..., "ip": ..., "port": 443}, ...]'

A name is sent as SNI, and resolved where no address is given; an address alone sends no SNI. Once all handshakes are
done it prints one JSON line about them, and it closes them when its standard input ends.
"""

import json
import socket
import ssl
import sys
from contextlib import suppress
from pathlib import Path

_TIMEOUT_S = 10.0
_CHUNK_BYTES = 65_536


def connect(name: str | None, ip: str | None, port: int, context: ssl.SSLContext) -> ssl.SSLSocket:
    """A TLS connection with its handshake done. Raises OSError."""
    plain = socket.create_connection((ip or name or "", port), timeout=_TIMEOUT_S)
    return context.wrap_socket(plain, server_hostname=name)


def describe(name: str | None, held: ssl.SSLSocket) -> dict[str, str | int | None]:
    """Both endpoints of a connection, in the fields of `HeldConnection`."""
    local_ip, local_port, *_ = held.getsockname()
    ip, port, *_ = held.getpeername()
    return {"name": name, "ip": ip, "port": port, "local_ip": local_ip, "local_port": local_port}


def close(held: ssl.SSLSocket) -> None:
    """End a connection in order, the client first: TIME_WAIT stays on this side."""
    with suppress(OSError):
        held.shutdown(socket.SHUT_WR)
        while held.recv(_CHUNK_BYTES):
            pass
    held.close()


def main(ca_file: str, wanted: str) -> None:
    """Connect, tell, hold, close."""
    Path("/proc/self/comm").write_text("node")
    context = ssl.create_default_context(cafile=ca_file)
    context.check_hostname = False  # a client may name anybody, at any address
    targets = json.loads(wanted)
    try:
        connections = [connect(target["name"], target["ip"], target["port"], context) for target in targets]
    except OSError as error:
        sys.exit(f"of {wanted}, one failed: {error}")
    described = [describe(target["name"], held) for target, held in zip(targets, connections, strict=True)]
    print(json.dumps(described), flush=True)
    sys.stdin.read()
    for held in connections:
        close(held)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
