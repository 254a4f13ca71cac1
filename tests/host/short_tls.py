"""A program: short TLS connections, as many and as peculiar as a plan says, as a process called `node`.

    python short_tls.py CA_FILE PLAN_FILE THREADS

The plan is a JSON list of what `Wanted` of tests/test_names.py says. Each name is looked up anew (getaddrinfo) unless
an address is given, or a proxy is asked for it (CONNECT, RFC 9110 §9.3.6). It prints one JSON list of four-tuples, in
the order of the plan, once all are over.
"""

import json
import socket
import ssl
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

_TIMEOUT_S = 10.0
_CHUNK_BYTES = 65_536
_FAMILIES = {0: socket.AF_UNSPEC, 4: socket.AF_INET, 6: socket.AF_INET6}


class TlsClient:
    """The handshake by hand, so that the hello can be cut where one likes."""

    def __init__(self, plain: socket.socket, context: ssl.SSLContext, sni: str | None, cut: list[int]) -> None:
        self._plain = plain
        self._cut = cut
        self._into, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._into, self._out, server_hostname=sni)

    def handshake(self) -> None:
        """Raises OSError, ssl.SSLError among them."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                data = self._plain.recv(_CHUNK_BYTES)
                if not data:
                    raise ConnectionError("the far side ended within the handshake") from None
                self._into.write(data)
            else:
                self._flush()
                return

    def _flush(self) -> None:
        data, self_cut = self._out.read(), self._cut
        self._cut = []
        for size in self_cut:
            self._plain.sendall(data[:size])
            data = data[size:]
            time.sleep(0.002)  # else the kernel puts the parts together again
        if data:
            self._plain.sendall(data)


def connect(wanted: dict[str, Any], context: ssl.SSLContext) -> dict[str, Any]:
    """One connection from look-up to end."""
    address, port = wanted["proxy"] or (wanted["ip"] or wanted["name"], wanted["port"])
    family = _FAMILIES[wanted["family"]]
    found = socket.getaddrinfo(address, port, family, socket.SOCK_STREAM)
    family, kind, number, _, target = found[0]
    with socket.socket(family, kind, number) as plain:
        plain.settimeout(_TIMEOUT_S)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.connect(target)
        local, remote = plain.getsockname(), plain.getpeername()
        if wanted["proxy"] is None or tunnelled(plain, f"{wanted['name']}:{wanted['port']}"):
            TlsClient(plain, context, wanted["sni"], wanted["cut"]).handshake()
        plain.shutdown(socket.SHUT_WR)
        with suppress(ConnectionError):
            while plain.recv(_CHUNK_BYTES):
                pass
    return {"local_ip": local[0], "local_port": local[1], "ip": remote[0], "port": remote[1]}


def tunnelled(plain: socket.socket, target: str) -> bool:
    """Ask a proxy for a tunnel; False if it says no."""
    plain.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
    head = b""
    while b"\r\n\r\n" not in head and (data := plain.recv(1)):
        head += data
    return head.split()[1] == b"200"


def main(ca_file: str, plan_file: str, threads: int) -> None:
    """Work the plan off."""
    Path("/proc/self/comm").write_text("node")
    contexts = [ssl.create_default_context(cafile=ca_file) for _ in range(2)]
    for context in contexts:
        context.check_hostname = False  # a client may name anybody, at any address
    contexts[1].set_alpn_protocols([f"a-protocol-that-nobody-speaks-{number:04}" for number in range(60)])
    with ThreadPoolExecutor(threads) as pool:
        made = list(pool.map(lambda one: connect(one, contexts[one["long"]]), json.loads(Path(plan_file).read_text())))
    print(json.dumps(made))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
