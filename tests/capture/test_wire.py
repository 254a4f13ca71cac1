"""All taps together: what the packets of a namespace tell when it ends."""

import socket
import subprocess
import time
from collections.abc import Iterator

import dns.message
import pytest

from tests.capture.test_flows import HELLO
from tests.capture.test_tap import HOST, client
from tests.host import RetoolHost, children, first_line
from tui.capture.lookups import SILENCE_US
from tui.capture.netns import own_namespace
from tui.capture.own import OwnSockets
from tui.capture.wire import Wire
from tui.model.observation import WireSight


@pytest.fixture
def living(retool_host: RetoolHost) -> Iterator[tuple[str, int]]:
    """The namespace of a service, and a process that lives in it."""
    service = retool_host.service("api")
    child = service.popen(["sh", "-c", "echo up; exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    first_line(child)
    yield service.namespace, child.pid
    children.release(child)


@pytest.fixture
def wire() -> Iterator[Wire]:
    opened = Wire(own_namespace(), OwnSockets())
    yield opened
    opened.close()


@pytest.mark.root
def test_the_last_packets_of_a_namespace_are_read_when_it_has_ended(
    retool_host: RetoolHost, living: tuple[str, int], wire: Wire
) -> None:
    wire.begin(*living)
    with client(retool_host, socket.AF_INET, socket.SOCK_STREAM) as sender:
        sender.connect(("203.0.113.10", 443))
        sender.send(HELLO)
        now_us = time.time_ns() // 1000
        wire.end(living[0], now_us)
    flows, _ = wire.drain(now_us)
    assert [flow.host for flow in flows] == [HOST]
    assert wire.drain(now_us) == ([], [])


@pytest.mark.root
def test_a_namespace_whose_process_has_just_ended_is_entered_through_another_one(
    living: tuple[str, int], wire: Wire
) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    wire.begin(living[0], ended.pid)
    assert (wire.knows(living[0]), wire.sight()) == (False, WireSight(frozenset(), {}))
    wire.begin(*living)
    assert wire.knows(living[0])
    assert wire.sight() == WireSight(frozenset({living[0]}), {})


@pytest.mark.root
def test_what_had_no_room_is_told_with_what_had(
    retool_host: RetoolHost, living: tuple[str, int], wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.capture.tap.WANTED_BUFFER", 4096)
    wire.begin(*living)
    queries = 2000
    with (
        client(retool_host, socket.AF_INET, socket.SOCK_DGRAM) as silent,
        client(retool_host, socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        silent.bind(("127.0.0.53", 53))
        for number in range(queries):
            sender.sendto(dns.message.make_query("a.example.", "A", id=number).to_wire(), ("127.0.0.53", 53))
    now_us = time.time_ns() // 1000
    wire.drain(now_us)
    (loss,) = wire.losses(now_us)
    # a tap that has just begun may have the time of reading in the place of the packet's
    _, unanswered = wire.drain(time.time_ns() // 1000 + SILENCE_US)
    assert loss.namespaces == (living[0],)
    assert loss.events + len(unanswered) == queries
    assert wire.losses(now_us) == []
