"""A program: short connections that look as TLS does, each after a DNS query of its own; and their far side.

    python -m tests.bench.short_names serve
    python -m tests.bench.short_names connect RATE SECONDS

Both print a line once they are ready. The far side ends when its standard input does. The client begins when a line
comes on its own, and prints at the end how many connections it made, and in how many seconds.
"""

import select
import socket
import struct
import sys
import time

from tests.capture.wire_corpus import answer, hello, query
from tests.host.layout import TTL_S

RESOLVER, PORT = "198.51.100.54", 6443
HOSTS = {f"host-{number}.example": f"203.0.113.{100 + number}" for number in range(10)}
_REPLY = b"\x16\x03\x03\x00\x5a\x02" + bytes(89)
_PATIENCE_S = 5.0


def serve() -> None:
    """Answer both until standard input ends."""
    answers = {
        query(host, "A").to_wire()[2:]: answer(host, "A", f"{host}. {TTL_S} A {ip}")[2:] for host, ip in HOSTS.items()
    }
    names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    names.bind((RESOLVER, 53))
    names.setblocking(False)
    server = socket.create_server(("0.0.0.0", PORT), backlog=4096)
    server.setblocking(False)
    accepted = dict[int, socket.socket]()
    poll = select.epoll()
    for each in (names.fileno(), server.fileno(), sys.stdin.fileno()):
        poll.register(each, select.EPOLLIN)
    print("listening", flush=True)
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == names.fileno():
                asked, client = names.recvfrom(512)
                names.sendto(asked[:2] + answers[asked[2:]], client)
            elif descriptor == server.fileno():
                connection = server.accept()[0]
                accepted[connection.fileno()] = connection
                poll.register(connection.fileno(), select.EPOLLIN)
            elif descriptor == sys.stdin.fileno():
                return
            elif accepted[descriptor].recv(4096):
                accepted[descriptor].send(_REPLY)
            else:
                accepted.pop(descriptor).close()


def connect(rate: float, seconds: float) -> None:
    """One after the other, none earlier than the rate has it."""
    asked = [(query(host, "A").to_wire()[2:], hello(host, padding=200), ip) for host, ip in HOSTS.items()]
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.monotonic()
    for number in range(round(rate * seconds)):
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        question, first, ip = asked[number % len(asked)]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as names:
            names.settimeout(_PATIENCE_S)
            names.connect((RESOLVER, 53))
            names.send(struct.pack("!H", number & 0xFFFF) + question)
            names.recv(512)
        with socket.create_connection((ip, PORT), timeout=_PATIENCE_S) as connection:
            connection.sendall(first)
            connection.recv(4096)
    print(round(rate * seconds), time.monotonic() - began, flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve()
    else:
        connect(float(sys.argv[2]), float(sys.argv[3]))
