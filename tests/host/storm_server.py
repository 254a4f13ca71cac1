"""A program: the far side of a storm of connections. What a port does is told on the command line.

    python storm_server.py '{"answer": [9001], "answer-and-close": [9021], ..., "echo": [9101]}'

A request begins with two 32-bit numbers: its own length and that of the answer. It prints a line once it listens, ends
when its standard input does, and then prints how many connections each behaviour accepted, as JSON. Its namespace must
be its own: it makes the backlog of the whole namespace large.
"""

import gc
import json
import os
import select
import socket
import struct
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path

_HEAD = struct.Struct("!II")
_LINGER_0 = struct.pack("ii", 1, 0)
_CHUNK_BYTES = 65_536
_ACCEPTED_AT_ONCE = 64
_SEND_TIMEOUT_S = 5.0
_STDIN = 0
_IP_PKTINFO = 8
_IPV6_FREEBIND = 78
_PKTINFO_V4 = struct.Struct("=i4s4s")
_PKTINFO_V6 = struct.Struct("=16si")
_BACKLOG = 65_535
_SETTINGS = {"core/somaxconn": _BACKLOG, "ipv4/tcp_max_syn_backlog": _BACKLOG, "ipv4/tcp_syncookies": 0}
_ANSWER = bytes(1_048_576)


class Talk:
    """One accepted connection, read until its behaviour says that it is over."""

    __slots__ = ("_behaviour", "_head", "_received", "sock")

    def __init__(self, sock: socket.socket, behaviour: str) -> None:
        self.sock = sock
        self._behaviour = behaviour
        self._head = b""
        self._received = 0

    def goes_on(self) -> bool:
        """Read and react until there is nothing more to read; False once the connection is closed."""
        try:
            while self._react(self.sock.recv(_CHUNK_BYTES)):
                pass
        except BlockingIOError:
            return True
        except OSError:
            pass
        self.sock.close()
        return False

    def _react(self, data: bytes) -> bool:
        if not data:
            if self._behaviour == "answer-at-end":
                self._answer()
            return False
        if len(self._head) < _HEAD.size:
            self._head += data[: _HEAD.size]
        before, self._received = self._received, self._received + len(data)
        length = _HEAD.unpack(self._head[: _HEAD.size])[0] if len(self._head) >= _HEAD.size else sys.maxsize
        return not before < length <= self._received or self._asked()

    def _asked(self) -> bool:
        """The whole request is there; False if the connection ends here."""
        if self._behaviour in ("silent", "answer-at-end"):
            return True
        self._answer()
        if self._behaviour == "answer-and-reset":
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_0)
        return self._behaviour == "answer"

    def _answer(self) -> None:
        rest = memoryview(_ANSWER)[: _HEAD.unpack(self._head[: _HEAD.size])[1]]
        sent = self.sock.send(rest)
        if sent < len(rest):
            self.sock.settimeout(_SEND_TIMEOUT_S)
            self.sock.sendall(rest[sent:])
            self.sock.setblocking(False)


class Server:
    """Accepts and answers in one thread; no connection waits for another."""

    def __init__(self, ports: dict[str, list[int]]) -> None:
        self.accepted: Counter[str] = Counter()
        self._epoll = select.epoll()
        self._talks: dict[int, Talk] = {}
        self._listeners = {one.fileno(): (one, what) for what in ports if what != "echo" for one in _tcp(ports[what])}
        self._echoes = {one.fileno(): one for one in _udp(ports.get("echo", []))}
        for descriptor in [_STDIN, *self._listeners, *self._echoes]:
            self._epoll.register(descriptor, select.EPOLLIN)

    def serve(self) -> None:
        """Until standard input ends."""
        while True:
            for descriptor, _ in self._epoll.poll():
                if talk := self._talks.get(descriptor):
                    if not talk.goes_on():
                        del self._talks[descriptor]
                elif found := self._listeners.get(descriptor):
                    self._accept(*found)
                elif echo := self._echoes.get(descriptor):
                    self._echo(echo)
                elif not os.read(_STDIN, _CHUNK_BYTES):
                    return

    def _accept(self, listener: socket.socket, behaviour: str) -> None:
        with suppress(BlockingIOError):
            for _ in range(_ACCEPTED_AT_ONCE):
                sock, _ = listener.accept()
                self.accepted[behaviour] += 1
                if behaviour == "cut":
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_0)
                    sock.close()
                else:
                    self._begin(sock, behaviour)

    def _begin(self, sock: socket.socket, behaviour: str) -> None:
        sock.setblocking(False)
        talk, descriptor = Talk(sock, behaviour), sock.fileno()
        if talk.goes_on():
            self._talks[descriptor] = talk
            self._epoll.register(descriptor, select.EPOLLIN)

    def _echo(self, sock: socket.socket) -> None:
        """Every datagram that waits goes back, from the address that it was sent to."""
        with suppress(BlockingIOError):
            while True:
                data, ancillary, _, peer = sock.recvmsg(_CHUNK_BYTES, 256)
                self.accepted["echo"] += 1
                sock.sendmsg([data], [_from_there(*one) for one in ancillary], 0, peer)


def _from_there(level: int, kind: int, data: bytes) -> tuple[int, int, bytes]:
    """Where a datagram came in, as the place where the answer leaves; of any interface (ip(7), RFC 3542 §6.2)."""
    if level == socket.IPPROTO_IP:
        _, local, header = _PKTINFO_V4.unpack(data)
        return level, kind, _PKTINFO_V4.pack(0, local, header)
    return level, kind, _PKTINFO_V6.pack(_PKTINFO_V6.unpack(data)[0], 0)


def _tcp(ports: list[int]) -> list[socket.socket]:
    return [
        _unblocked(socket.create_server((host, port), family=family, backlog=_BACKLOG))
        for port in ports
        for family, host in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::"))
    ]


def _udp(ports: list[int]) -> list[socket.socket]:
    made = []
    for port in ports:
        four = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        four.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        four.bind(("0.0.0.0", port))
        six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        six.setsockopt(socket.IPPROTO_IPV6, _IPV6_FREEBIND, 1)
        six.bind(("::", port))
        made += [_unblocked(four), _unblocked(six)]
    return made


def _unblocked(sock: socket.socket) -> socket.socket:
    sock.setblocking(False)
    return sock


def main(ports: str) -> None:
    """Listen, serve, tell."""
    for name, value in _SETTINGS.items():
        with suppress(OSError):
            Path("/proc/sys/net", name).write_text(str(value))
    gc.disable()
    server = Server(json.loads(ports))
    print("listening", flush=True)
    server.serve()
    print(json.dumps(server.accepted), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
