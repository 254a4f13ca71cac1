"""The packet socket behind the filter, on real networks."""

import os
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import dns.message
import pytest

from tests.history.as_nobody import as_nobody
from tests.host import RetoolHost
from tests.host.namespaces import Namespace, namespace, unique_prefix
from tests.host.offload import set_offload
from tui.capture.netns import inside
from tui.capture.packet_filter import build
from tui.capture.tap import Packet, Tap

HOST = "licensing.tryretool.com"
ADDRESSES = ["203.0.113.10", "2001:db8::10"]
UPLOAD_PORT = 8443
RECORD = b"\x17\x03\x03\x40\x11" + os.urandom(16_401)


@contextmanager
def within(netns: str) -> Iterator[None]:
    """The block's sockets are made in a namespace, and stay in it."""
    descriptor = os.open(f"/run/netns/{netns}", os.O_RDONLY)
    try:
        with inside(descriptor):
            yield
    finally:
        os.close(descriptor)


@pytest.fixture
def tap(retool_host: RetoolHost) -> Iterator[Tap]:
    """In the namespace of api."""
    with within(retool_host.service("api").netns):
        opened = Tap()
    yield opened
    opened.close()


def client(host: RetoolHost, family: int, kind: int) -> socket.socket:
    """A socket of api."""
    with within(host.service("api").netns):
        made = socket.socket(family, kind)
    made.settimeout(5)
    return made


def family_of(address: str) -> int:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def flags_of(packet: Packet) -> int:
    data = packet[0]
    return data[(data[0] & 15) * 4 + 13 if data[0] >> 4 == 4 else 53]


def shape(packets: list[Packet]) -> list[str]:
    """What each of them is: which flags of TCP it has, and whose it is."""
    names = {0x02: "SYN", 0x12: "SYN+ACK", 0x10: "ACK", 0x18: "data"}
    return [
        f"{'our' if outgoing else 'their'} {names.get(flags_of((data, at, outgoing)), 'end')}"
        for data, at, outgoing in packets
    ]


@pytest.mark.root
@pytest.mark.parametrize("address", ADDRESSES)
def test_a_tls_connection_shows_its_beginning_its_name_and_its_end(
    retool_host: RetoolHost, tap: Tap, address: str
) -> None:
    context = ssl.create_default_context(cafile=retool_host.ca_file)
    before = time.time_ns() // 1000
    with client(retool_host, family_of(address), socket.SOCK_STREAM) as plain:
        plain.connect((address, 443))
        with context.wrap_socket(plain, server_hostname=HOST) as connection:
            connection.sendall(b"a secret question")
            connection.recv(100)
            connection.unwrap()
            with suppress(OSError):
                connection.recv(100)
    packets = list(tap.drain())
    assert shape(packets)[:3] == ["our SYN", "their SYN+ACK", "our data"]
    assert shape(packets)[3:] == ["their end"] * (len(packets) - 3)
    assert HOST.encode() in packets[2][0]
    times = [at for _, at, _ in packets]
    assert before <= times[0]
    assert times == sorted(times)
    assert times[-1] <= time.time_ns() // 1000


@pytest.mark.root
def test_the_time_of_a_packet_is_when_the_kernel_saw_it_and_not_when_it_was_read(
    retool_host: RetoolHost, tap: Tap
) -> None:
    def sent_and_seen() -> bool:
        """The kernel begins to take times a moment after it was first asked to."""
        with client(retool_host, socket.AF_INET, socket.SOCK_DGRAM) as sender:
            before = time.time_ns() // 1000
            sender.sendto(b"query", (retool_host.nameserver, 53))
            after = time.time_ns() // 1000
        (packet,) = [one for one in tap.drain() if one[2]]
        return before <= packet[1] <= after

    assert any(sent_and_seen() for _ in range(1000))


@pytest.mark.root
def test_a_look_up_shows_the_query_and_the_answer(retool_host: RetoolHost, tap: Tap) -> None:
    query = dns.message.make_query(HOST, "A").to_wire()
    with client(retool_host, socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.sendto(query, (retool_host.nameserver, 53))
        answer = asker.recv(2000)
    (asked, _, is_ours), (answered, _, is_ours_too) = tap.drain()
    assert (asked[28:], is_ours) == (query, True)
    assert (answered[28:], is_ours_too) == (answer, False)


@pytest.mark.root
def test_on_loopback_each_packet_is_seen_once(retool_host: RetoolHost, tap: Tap) -> None:
    with client(retool_host, socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.53", 53))
        with client(retool_host, socket.AF_INET, socket.SOCK_DGRAM) as asker:
            asker.sendto(b"question", ("127.0.0.53", 53))
            server.sendto(b"answer", server.recvfrom(100)[1])
            asker.recv(100)
    assert [(data[28:], is_ours) for data, _, is_ours in tap.drain()] == [(b"question", True), (b"answer", False)]


@pytest.mark.root
@pytest.mark.parametrize("address", ADDRESSES)
def test_that_nobody_listens_is_told_by_icmp(retool_host: RetoolHost, tap: Tap, address: str) -> None:
    with client(retool_host, family_of(address), socket.SOCK_DGRAM) as sender:
        sender.connect((address, 9))
        sender.send(b"anybody there")
        with pytest.raises(ConnectionRefusedError):
            sender.recv(100)
    ((data, _, is_ours),) = tap.drain()
    assert not is_ours
    assert data[20 if address == ADDRESSES[0] else 40] == (3 if address == ADDRESSES[0] else 1)


@pytest.mark.root
@pytest.mark.parametrize("offload", [True, False])
def test_of_an_upload_next_to_nothing_is_read(retool_host: RetoolHost, tap: Tap, offload: bool) -> None:
    """20 MB in writes of 1 MB; the end of each piece that the kernel pushes out may pass."""
    written = RECORD * 64
    with ExitStack() as stack:
        with within(retool_host.outside.name):
            server = stack.enter_context(socket.create_server((retool_host.stranger, UPLOAD_PORT)))
        api = retool_host.service("api").netns
        with within(api):
            set_offload("eth0", offload)
        stack.callback(restore_offload, api)
        sink = threading.Thread(target=swallow, args=(server,))
        sink.start()
        with client(retool_host, socket.AF_INET, socket.SOCK_STREAM) as sender:
            sender.setblocking(True)
            sender.connect((retool_host.stranger, UPLOAD_PORT))
            for _ in range(20):
                sender.sendall(written)
        sink.join(30)
    segments = 20 * len(written) / 1448
    assert len(list(tap.drain())) <= 0.03 * segments
    assert tap.lost() == 0


def restore_offload(netns: str) -> None:
    with within(netns):
        set_offload("eth0", True)


def swallow(server: socket.socket) -> None:
    """Read one connection to its end."""
    with server.accept()[0] as accepted:
        while accepted.recv(1 << 20):
            pass


@pytest.mark.root
@pytest.mark.parametrize("buffer", [4096, 65_536])
def test_what_is_lost_is_counted_exactly_and_once(retool_host: RetoolHost, tap: Tap, buffer: int) -> None:
    sent = 5000
    tap.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    with (
        client(retool_host, socket.AF_INET, socket.SOCK_DGRAM) as silent,
        client(retool_host, socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        silent.bind(("127.0.0.53", 53))
        for _ in range(sent):
            sender.sendto(bytes(100), ("127.0.0.53", 53))
    read = len(list(tap.drain()))
    assert 0 < read < sent
    assert tap.lost() == sent - read
    assert tap.lost() == 0


@pytest.mark.root
def test_many_packets_are_read_in_order_and_a_limit_leaves_the_rest(retool_host: RetoolHost, tap: Tap) -> None:
    sent = 1000
    with (
        client(retool_host, socket.AF_INET, socket.SOCK_DGRAM) as silent,
        client(retool_host, socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        silent.bind(("127.0.0.53", 53))
        for number in range(sent):
            sender.sendto(struct.pack("!I", number), ("127.0.0.53", 53))
    first, rest = list(tap.drain(200)), list(tap.drain())
    assert 200 <= len(first) < 300
    assert [struct.unpack("!I", data[28:])[0] for data, _, _ in first + rest] == list(range(sent))


@pytest.mark.root
def test_a_closed_tap_lets_a_dead_namespace_go() -> None:
    """A dead namespace takes its interfaces with it, and with them the far ends of its links."""
    prefix = unique_prefix()
    with namespace(prefix + "lives") as lives:
        with namespace(prefix + "dies") as dies:
            lives.configure([f"link add near type veth peer name far netns {dies.name}"])
            with within(dies.name):
                tap = Tap()
        assert "near" in links(lives)
        tap.close()
        deadline = time.monotonic() + 10
        while "near" in links(lives):
            assert time.monotonic() < deadline, "the namespace is still there"
            time.sleep(0.01)


def links(of: Namespace) -> str:
    return subprocess.run(["ip", "-n", of.name, "-o", "link"], capture_output=True, text=True, check=True).stdout


@pytest.mark.root
def test_without_the_privilege_the_refusal_is_plain() -> None:
    build()  # so that nothing is imported by a user who may not read it
    assert as_nobody(Tap) == "PermissionError: [Errno 1] Operation not permitted"
