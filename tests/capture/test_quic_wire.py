"""QUIC through the kernel's own filter: what a client's sockets send is told with its name."""

import socket
import time
from collections.abc import Iterator

import pytest

from tests.capture.quic_packets import Client, crypto, cut
from tests.capture.test_quic import CALLED, HOST, ONE, OTHER, WHOLE, hello
from tests.capture.test_tap import ADDRESSES, client, family_of, tap, within
from tests.host import RetoolHost
from tui.capture.flows import Flows
from tui.capture.tap import Tap
from tui.model.connection import Endpoint, Evidence
from tui.model.wire import Flow

__all__ = ["tap"]


@pytest.fixture(autouse=True)
def silent(retool_host: RetoolHost) -> Iterator[None]:
    """Somebody outside who takes what is sent, so that no router says that nobody does."""
    with within(retool_host.outside.name):
        server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    with server:
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        server.bind(("::", 443))
        yield


def told(tap: Tap) -> list[Flow]:
    """What the packets tell of connections to port 443."""
    flows = Flows("net:[1]", lambda _: False)
    for data, at_us, outgoing in tap.drain():
        flows.take(data, at_us, outgoing=outgoing)
    return flows.tell(time.time_ns() // 1000)[0]


@pytest.mark.root
@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("connected", [True, False])
def test_what_a_client_sends_first_tells_its_connection_and_its_name(
    retool_host: RetoolHost, tap: Tap, address: str, connected: bool
) -> None:
    before = time.time_ns() // 1000
    first, second = (Client().sealed(part, packet=n, size=1200) for n, part in enumerate(cut(WHOLE, 200)))
    with client(retool_host, family_of(address), socket.SOCK_DGRAM) as sender:
        if connected:
            sender.connect((address, 443))
            sender.send(first)
            sender.send(second)
        else:
            sender.sendto(first, (address, 443))
            sender.sendto(second, (address, 443))
        port = sender.getsockname()[1]
    (flow,) = told(tap)
    assert (flow.protocol, flow.local.port, flow.remote) == ("udp", port, Endpoint(address, 443))
    assert (flow.host, flow.evidence) == (HOST, Evidence.SNI)
    assert before <= flow.started_us <= time.time_ns() // 1000


@pytest.mark.root
def test_one_socket_that_sends_to_several_servers_has_as_many_connections(retool_host: RetoolHost, tap: Tap) -> None:
    with client(retool_host, socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(ONE, ("203.0.113.10", 443))
        sender.sendto(Client(keys_of=CALLED).sealed(crypto(hello(OTHER)), size=1200), ("203.0.113.40", 443))
    assert [(flow.remote.ip, flow.host) for flow in told(tap)] == [("203.0.113.10", HOST), ("203.0.113.40", OTHER)]


@pytest.mark.root
def test_datagrams_that_the_kernel_is_left_to_cut_are_read(retool_host: RetoolHost, tap: Tap) -> None:
    """UDP_SEGMENT of udp(7): a client hands over several datagrams with one call."""
    sol_udp, udp_segment = 17, 103
    parts = b"".join(Client().sealed(part, packet=n, size=1200) for n, part in enumerate(cut(WHOLE, 200)))
    with client(retool_host, socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(sol_udp, udp_segment, 1200)
        sender.connect(("203.0.113.10", 443))
        sender.send(parts)
    (flow,) = told(tap)
    assert (flow.host, flow.evidence) == (HOST, Evidence.SNI)
