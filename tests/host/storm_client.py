"""A program: make many short connections and write down what became of each.

    python storm_client.py PLAN

The plan is a JSON object with the fields of `Plan`. It prints a line once it is ready, begins when a line comes on its
standard input, and prints at the end, as JSON, how many seconds it took. Every connection is one line of the ledger
(JSON). No socket is bound to a port, none blocks, and a refused or dropped one is left as `connect` leaves it, so that
the kernel keeps its port.
"""

import errno
import gc
import heapq
import itertools
import json
import random
import resource
import select
import socket
import struct
import sys
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from ipaddress import IPv6Address
from pathlib import Path

_HEAD = struct.Struct("!II")
_CHUNK_BYTES = 65_536
_PATIENCE_S = 10.0
"""How long to wait for what must come."""
_OPEN_FILES = 16_384

Wait = tuple[int, float]
"""Events to wait for (select.EPOLLIN …) and for how many seconds at most."""
Step = Generator[Wait, bool, None]
"""One connection; it is sent True when what it waited for has come, False when the time is over."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do."""

    count: int
    rate: float
    """Connections begun a second, at most; 0: as fast as it goes."""
    at_once: int
    """How many may be unfinished, those that only wait for their time included."""
    seed: int
    weights: dict[str, float]
    """How often each kind is drawn, by the names of `KINDS`."""
    ports: dict[str, list[int]]
    """Of each kind."""
    ipv6_share: float
    addresses_v4: list[str]
    network_v6: str
    """A /96 whose addresses are used one after the other."""
    dropped_v4: list[str]
    dropped_network_v6: str
    large_share: float
    """How many requests and answers have tens of kilobytes; the others at most two."""
    give_up_s: float
    """When a client gives up an attempt that nobody answers."""
    no_reply_s: float
    """When a client gives up waiting for a reply."""
    ledger: str


class Link:
    """A socket and what went over it, as the client knows it."""

    def __init__(self, plan: Plan, kind: str, address: str, port: int, request: int, answer: int) -> None:
        self.plan, self.kind, self.address, self.port = plan, kind, address, port
        self.request, self.answer = request, answer
        self.protocol = "udp" if kind == "udp" else "tcp"
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
        self.sock.setblocking(False)
        self.sent = self.received = 0
        self.saw = ""
        """How it ended for the client: `answered`, `silence`, or the name of an error."""

    def begin(self) -> None:
        """Connect, and read the local address while the socket still has one."""
        failed = self.sock.connect_ex((self.address, self.port))
        self.local_ip, self.local_port = self.sock.getsockname()[:2]
        if failed not in (0, errno.EINPROGRESS):
            raise OSError(failed, "connect")

    def connected(self, patience_s: float) -> Generator[Wait, bool, bool]:
        """True once it is connected, False when time is over. Raises OSError."""
        if not (yield select.EPOLLOUT, patience_s):
            return False
        if failed := self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(failed, "connect")
        return True

    def send(self) -> Step:
        """The whole request. Raises OSError; `sent` counts what the kernel took."""
        data = memoryview(_HEAD.pack(self.request, self.answer) + bytes(self.request - _HEAD.size))
        while self.sent < self.request:
            try:
                self.sent += self.sock.send(data[self.sent :])
            except BlockingIOError:
                if not (yield select.EPOLLOUT, _PATIENCE_S):
                    raise TimeoutError from None

    def receive(self, until: int, patience_s: float = _PATIENCE_S) -> Step:
        """Read up to so many bytes or the end. Raises OSError, TimeoutError among them."""
        while self.received < until:
            if not (yield select.EPOLLIN, patience_s):
                raise TimeoutError
            data = self.sock.recv(min(_CHUNK_BYTES, until - self.received))
            if not data:
                return
            self.received += len(data)

    def entry(self) -> str:
        """The line of the ledger."""
        named = ("kind", "protocol", "local_ip", "local_port", "address", "port", "sent", "received", "saw")
        return json.dumps({name: getattr(self, name) for name in named} | {"wanted": self.answer})


def client_first(link: Link) -> Step:
    """Ask, read the answer, close: TIME-WAIT stays here."""
    yield from link.send()
    yield from link.receive(link.answer)


def server_first(link: Link) -> Step:
    """Ask, read until the server closes, close."""
    yield from link.send()
    yield from link.receive(sys.maxsize)


def half_close(link: Link) -> Step:
    """Ask, say that nothing more comes, read until the server closes."""
    yield from link.send()
    link.sock.shutdown(socket.SHUT_WR)
    yield from link.receive(sys.maxsize)


def attempt(link: Link) -> Step:
    """Connect to where nobody is; a time limit of the client's ends it if nothing else does."""
    if not (yield from link.connected(link.plan.give_up_s)):
        raise TimeoutError


def cut(link: Link) -> Step:
    """Connect and ask; the server has cut it by then or does so now."""
    yield from link.connected(_PATIENCE_S)
    yield from link.send()
    yield from link.receive(sys.maxsize)


def no_reply(link: Link) -> Step:
    """Ask, wait for a while, close."""
    yield from link.send()
    yield from link.receive(sys.maxsize, link.plan.no_reply_s)


def datagram(link: Link) -> Step:
    """Send one datagram and read the one that comes back."""
    yield from link.send()
    yield from link.receive(link.request)


KINDS: dict[str, Callable[[Link], Step]] = {
    "client-first": client_first,
    "server-first": server_first,
    "half-close": half_close,
    "refused": attempt,
    "dropped": attempt,
    "reset": server_first,
    "cut": cut,
    "no-reply": no_reply,
    "udp": datagram,
}


def whole(link: Link) -> Step:
    """One connection from beginning to end, whatever becomes of it."""
    try:
        link.begin()
        yield from KINDS[link.kind](link)
        link.saw = "answered"
    except TimeoutError as error:
        link.saw = "silence" if error.errno is None else "ETIMEDOUT"
    except OSError as error:
        link.saw = errno.errorcode.get(error.errno or 0, str(error))
    finally:
        link.sock.close()


class Loop:
    """Drives the steps of many connections by one epoll."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._waiting: dict[int, tuple[int, Step, int]] = {}
        """By descriptor: the number of this wait, the connection, and the events that the kernel knows of."""
        self._times: list[tuple[float, int, int]] = []
        self._number = itertools.count()

    @property
    def unfinished(self) -> int:
        return len(self._waiting)

    def begin(self, step: Step, descriptor: int) -> None:
        """Go as far as it goes without waiting."""
        self._go_on(step, descriptor, None, 0)

    def turn(self, until: float) -> None:
        """Wait for events until the monotonic time `until` or the end of somebody's patience, and go on with those."""
        ends = min(until, self._times[0][0]) if self._times else until
        for descriptor, _ in self._epoll.poll(max(0.0, ends - time.monotonic())):
            _, step, known = self._waiting.pop(descriptor)
            self._go_on(step, descriptor, True, known)
        self._give_up(time.monotonic())

    def _give_up(self, now: float) -> None:
        while self._times and self._times[0][0] <= now:
            _, number, descriptor = heapq.heappop(self._times)
            waiting = self._waiting.get(descriptor)
            if waiting is not None and waiting[0] == number:
                _, step, known = self._waiting.pop(descriptor)
                self._go_on(step, descriptor, False, known)

    def _go_on(self, step: Step, descriptor: int, came: bool | None, known: int) -> None:
        try:
            events, patience_s = next(step) if came is None else step.send(came)
        except StopIteration:
            return
        if not known:
            self._epoll.register(descriptor, events)
        elif known != events:
            self._epoll.modify(descriptor, events)
        number = next(self._number)
        self._waiting[descriptor] = (number, step, events)
        heapq.heappush(self._times, (time.monotonic() + patience_s, number, descriptor))


def links(plan: Plan) -> Iterator[Link]:
    """The connections, each made when it is asked for. Destinations go round: no four-tuple comes twice soon."""
    chance = random.Random(plan.seed)
    kinds = chance.choices(list(plan.weights), list(plan.weights.values()), k=plan.count)
    turns = {kind: itertools.count() for kind in plan.weights}
    for kind in kinds:
        turn = next(turns[kind])
        address, port = destination(plan, kind, turn, chance.random() < plan.ipv6_share)
        small = kind in ("reset", "cut", "udp")  # what a reset comes before is never sent
        yield Link(plan, kind, address, port, size(plan, chance, small), size(plan, chance, small))


ADDRESSES_V6 = 500
"""As many addresses are used as there are of version 4: a service has destinations, not a new one each time."""


def destination(plan: Plan, kind: str, turn: int, v6: bool) -> tuple[str, int]:
    """Where the connection of this kind and turn goes."""
    ports = plan.ports[kind]
    if v6:
        network = plan.dropped_network_v6 if kind == "dropped" else plan.network_v6
        around, place = divmod(turn, ADDRESSES_V6)
        return str(IPv6Address(network) + 1 + place), ports[around % len(ports)]
    addresses = plan.dropped_v4 if kind == "dropped" else plan.addresses_v4
    around, place = divmod(turn, len(addresses))
    return addresses[place], ports[around % len(ports)]


def size(plan: Plan, chance: random.Random, small: bool) -> int:
    """Bytes of a request or an answer."""
    if small:
        return chance.randint(16, 1000)
    return chance.randint(2000, 60_000) if chance.random() < plan.large_share else chance.randint(16, 2000)


def run(plan: Plan) -> tuple[list[Link], float]:
    """All connections, and the seconds from the first to the end of the last."""
    loop, made, coming = Loop(), list[Link](), links(plan)
    began = time.monotonic()
    while len(made) < plan.count or loop.unfinished:
        now = time.monotonic()
        due = min(plan.count, int((now - began) * plan.rate) + 1) if plan.rate else plan.count
        while len(made) < due and loop.unfinished < plan.at_once:
            link = next(coming)
            made.append(link)
            loop.begin(whole(link), link.sock.fileno())
        more = plan.rate and len(made) < plan.count and loop.unfinished < plan.at_once
        loop.turn(began + len(made) / plan.rate if more else now + _PATIENCE_S if loop.unfinished else now)
    return made, time.monotonic() - began


def main(text: str) -> None:
    """Get ready, wait for the word, connect, write down."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, _OPEN_FILES), most))
    plan = Plan(**json.loads(text))
    gc.disable()  # nothing here goes in circles, and 100,000 connections are kept
    print("ready", flush=True)
    sys.stdin.readline()
    made, seconds = run(plan)
    with Path(plan.ledger).open("w") as ledger:
        ledger.writelines(link.entry() + "\n" for link in made)
    print(json.dumps({"seconds": seconds}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
