"""A program: requests of a proxy, as many and as ended as a plan says, as a process called `node`.

    python proxy_client.py PLAN_FILE THREADS PARTS

The plan is a JSON list of what `Ask` of proxy.py says. It is worked off in so many parts: each is begun by a line on
standard input, and its end told by a line. Then it prints one JSON list of what became of each request, in the order of
the plan: the near end of the socket, and the word that the client saw.
"""

import functools
import json
import socket
import ssl
import struct
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

_TIMEOUT_S = 20.0
_CHUNK_BYTES = 65_536
_AT_ONCE = struct.pack("ii", 1, 0)


@functools.lru_cache
def hello(name: str) -> bytes:
    """A ClientHello that names a server (RFC 8446 §4.1.2)."""
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    with suppress(ssl.SSLWantReadError):
        context.wrap_bio(into, out, server_hostname=name).do_handshake()
    return out.read()


def asked(plain: socket.socket, ask: dict[str, Any]) -> str:
    """Say what is wanted, and read the beginning of the answer: its status, `answered` for bytes of the far side, `end`
    for nothing."""
    host, port = ask["host"], ask["port"]
    if ask["way"] == "get":
        plain.sendall(f"GET http://{host}/{ask['end']} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        return head_of(plain)
    if ask["way"] == "tunnel":
        plain.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        status = head_of(plain)
        if status != "200":
            return status
    plain.sendall(hello(host))
    return "answered" if plain.recv(_CHUNK_BYTES) else "end"


def head_of(plain: socket.socket) -> str:
    """The status of an answer, whose head is read."""
    head = b""
    while b"\r\n\r\n" not in head and (data := plain.recv(1)):
        head += data
    return head.split()[1].decode() if head else "end"


def make(ask: dict[str, Any]) -> dict[str, Any]:
    """One request from the socket's beginning to its end."""
    with socket.create_connection(tuple(ask["proxy"]), timeout=_TIMEOUT_S) as plain:
        local_ip, local_port = plain.getsockname()
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            saw = asked(plain, ask)
        except ConnectionError:
            saw = "end"
        if ask["end"] == "abort":
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        else:
            with suppress(OSError):
                plain.shutdown(socket.SHUT_WR)
                while plain.recv(_CHUNK_BYTES):
                    pass
    return {"local_ip": local_ip, "local_port": local_port, "saw": saw}


def main(plan_file: str, threads: int, parts: int) -> None:
    """Work the plan off."""
    Path("/proc/self/comm").write_text("node")
    plan, made = json.loads(Path(plan_file).read_text()), list[dict[str, Any]]()
    with ThreadPoolExecutor(threads) as pool:
        for part in range(parts):
            sys.stdin.readline()
            made += pool.map(make, plan[len(plan) * part // parts : len(plan) * (part + 1) // parts])
            print("done", flush=True)
    print(json.dumps(made))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
