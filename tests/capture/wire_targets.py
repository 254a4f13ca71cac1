"""What is fuzzed, and what must hold of each input: not only that nothing is raised, but what may come of it.

A parser of another protocol is fuzzed once it has a line in ``targets``, with its good inputs in ``wire_corpus``.
"""

import gc
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from tests.capture.hostile import dns_attack, mutated
from tests.capture.quic_packets import V1, V2, Client
from tests.capture.wire_corpus import (
    ANSWERS,
    CONVERSATIONS,
    HELLOS,
    QUERIES,
    QUIC,
    QUIC_FRAMES,
    REQUESTS,
    STATUSES,
    Sent,
)
from tests.proxylog.hostile_lines import Log
from tui.capture.client_hello import MORE, Hello, read_hello
from tui.capture.dns_message import RECORDS_MAX, Message, read_message
from tui.capture.flows import Flows
from tui.capture.http_head import HEAD_MAX, Asked, head_length, read_request, read_status
from tui.capture.quic import Initials, may_begin
from tui.model.connection import Evidence, Phase
from tui.model.text import clean
from tui.model.wire import Flow, Lookup

HOST_MAX = 253
TIME_MAX_S = 0.05
"""Of CPU, for one input."""
_COLLECT_EVERY = 10_000


def may_be_shown(text: str) -> None:
    """A name from outside: bounded, in one line, and with nothing that moves a terminal's cursor."""
    assert 0 < len(text) <= HOST_MAX, len(text)
    assert text.isprintable(), text
    assert clean(text, HOST_MAX) == text


def check_dns(data: bytes) -> None:
    """One message."""
    found = read_message(data)
    if found is None:
        return
    assert type(found) is Message
    may_be_shown(found.host)
    _check_answer(found.kind, found.addresses, found.failure)
    assert found.is_answer or not (found.addresses or found.failure)


def _check_answer(kind: str, addresses: Sequence[tuple[str, float]], failure: str | None) -> None:
    may_be_shown(kind)
    may_be_shown(failure or "-")
    assert len(addresses) <= RECORDS_MAX
    for address, ttl in addresses:
        assert str(ip_address(address)) == address
        assert 0 <= ttl < 1 << 31, ttl


def check_hello(data: bytes) -> None:
    """The beginning of a stream, whether or not more will come."""
    for final in (False, True):
        found = read_hello(data, final=final)
        if found is None or (found is MORE and not final):
            continue
        assert type(found) is Hello, found
        may_be_shown(found.host or "-")


def check_cut_hello(data: bytes) -> None:
    """A beginning of a good hello, which must not be read as one with another name."""
    names = {host for whole, host in HELLOS.items() if whole.startswith(data)}
    is_whole = data in HELLOS
    assert read_hello(data) in ({Hello(HELLOS[data], False), Hello(HELLOS[data], True)} if is_whole else {MORE})
    found = read_hello(data, final=True)
    assert found is None or (isinstance(found, Hello) and found.host in names), found


def check_quic(datagrams: Sequence[bytes]) -> None:
    """What one client sends to one server."""
    initials = Initials()
    for datagram in datagrams:
        may_begin(datagram)
        _check_greeting(initials.take(datagram))
    _check_greeting(initials.give_up())


def _check_greeting(found: Hello | None) -> None:
    if found is not None:
        assert type(found) is Hello
        may_be_shown(found.host or "-")


def check_http(data: bytes) -> None:
    """The beginning of a request or a response."""
    found = read_request(data)
    if found is not None and found is not MORE:
        assert type(found) is Asked
        assert found.kind in ("connect", "absolute", "origin")
        assert 0 < found.port < 65536
        may_be_shown(found.host or "-")
    status, length = read_status(data), head_length(data)
    assert status is None or 100 <= status <= 599
    assert length is None or 2 <= length <= min(HEAD_MAX, len(data))


def check_flow(flow: Flow) -> None:
    """What the packets of a connection have told."""
    assert type(flow) is Flow
    for host in (flow.host, flow.inner, flow.target.ip if flow.target is not None else None):
        may_be_shown(host or "-")
    for end in (flow.local, flow.remote):
        assert str(ip_address(end.ip)) == end.ip
        assert 0 <= end.port < 65536
    assert flow.evidence in (None, Evidence.SNI, Evidence.HTTP, Evidence.CONNECT)
    assert flow.phase in (None, Phase.TLS, Phase.PROXY)
    assert flow.host is None or flow.evidence is not None
    assert flow.connect_us is None or flow.connect_us >= 0
    assert flow.received is None or 0 <= flow.received < 1 << 32


def check_lookup(lookup: Lookup) -> None:
    """What a namespace was told of a name."""
    assert type(lookup) is Lookup
    may_be_shown(lookup.host)
    _check_answer(lookup.kind, lookup.addresses, lookup.failure)


class Packets:
    """Whole packets into the flows of one namespace, which remember what came before."""

    TELL_EVERY = 50
    STEP_US = 20_000

    def __init__(self) -> None:
        self._flows = Flows("net:[1]", lambda _: False)
        self._count = 0
        self._queue: list[Sent] = []

    def make(self, chance: random.Random) -> Sent:
        """The next packet of a conversation of which any packet may be changed, lost, sent again or too early."""
        if not self._queue:
            self._queue = list(chance.choice(CONVERSATIONS))
            for _ in range(chance.choice((0, 0, 1, 2))):
                first, second = (chance.randrange(len(self._queue)) for _ in range(2))
                self._queue[first] = self._queue[second]
        data, outgoing = self._queue.pop(0)
        data = mutated(chance, [data] if chance.random() < 0.9 else _PACKETS) if chance.random() < 0.7 else data
        return Sent(data, outgoing if chance.random() < 0.95 else not outgoing)

    def check(self, packet: Sent) -> None:
        """Take it in."""
        self._count += 1
        now_us = self._count * self.STEP_US
        self._flows.take(packet.data, now_us, outgoing=packet.outgoing)
        if self._count % self.TELL_EVERY == 0:
            flows, lookups = self._flows.tell(now_us)
            for flow in flows:
                check_flow(flow)
            for lookup in lookups:
                check_lookup(lookup)


_PACKETS = [packet.data for conversation in CONVERSATIONS for packet in conversation]


@dataclass(frozen=True, slots=True)
class Target:
    """Something that reads what anybody may send. Its share is that of all inputs, in parts of the sum of all."""

    name: str
    share: int
    make: Callable[[random.Random], object]
    check: Callable[..., None]


def _of(good: Sequence[bytes]) -> Callable[[random.Random], bytes]:
    return lambda chance: mutated(chance, good)


def _quic(chance: random.Random) -> Sequence[bytes]:
    return [
        mutated(chance, QUIC) if chance.random() < 0.7 else chance.choice(QUIC) for _ in range(chance.randint(1, 3))
    ]


def _quic_frames(chance: random.Random) -> Sequence[bytes]:
    """Well sealed, whatever is inside."""
    client = Client(chance.choice((V1, V2)))
    return [client.sealed(mutated(chance, QUIC_FRAMES)[:8_000], packet=n) for n in range(chance.randint(1, 2))]


def _cut(chance: random.Random) -> bytes:
    whole = chance.choice(tuple(HELLOS))
    return whole[: chance.randint(1, len(whole))]


def targets() -> Sequence[Target]:
    """All of them, with nothing remembered."""
    packets, log = Packets(), Log()
    return (
        Target("DNS messages", 3, _of((*QUERIES, *ANSWERS)), check_dns),
        Target("DNS names that point", 2, dns_attack, check_dns),
        Target("ClientHellos", 4, _of(tuple(HELLOS)), check_hello),
        Target("cut ClientHellos", 1, _cut, check_cut_hello),
        Target("HTTP heads", 4, _of((*REQUESTS, *STATUSES)), check_http),
        Target("QUIC datagrams", 2, _quic, check_quic),
        Target("QUIC frames", 1, _quic_frames, check_quic),
        Target("packets", 6, packets.make, packets.check),
        Target("proxy logs", 4, log.make, log.check),
    )


class Slow(AssertionError):
    """An input took too long."""


def fuzz(count: int, seed: int) -> Iterator[tuple[str, int, float]]:
    """So many inputs in all; of each target its name, how many it had, and the CPU seconds of the slowest.

    :raises AssertionError: with the seed and the input, if something does not hold
    """
    all_targets = targets()
    parts = sum(target.share for target in all_targets)
    for target in all_targets:
        own = count * target.share // parts
        yield target.name, own, _fuzz(target, own, random.Random(f"{seed} {target.name}"), seed)


def _fuzz(target: Target, count: int, chance: random.Random, seed: int) -> float:
    slowest = 0.0
    gc.disable()  # what the collector of garbage takes is nobody's input
    try:
        for number in range(count):
            given = target.make(chance)
            began = time.thread_time()
            try:
                target.check(given)
            except Exception as error:
                raise AssertionError(f"{target.name}, seed {seed}, input {number}: {given!r}") from error
            took = time.thread_time() - began
            if took > TIME_MAX_S:
                raise Slow(f"{target.name}, seed {seed}, input {number}: {took:.3f} s for {given!r}")
            slowest = max(slowest, took)
            if number % _COLLECT_EVERY == 0:
                gc.collect()
    finally:
        gc.enable()
    return slowest
