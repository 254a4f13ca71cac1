"""That this machine's kernel answers as the parsers expect: real sockets of this process, asked and heard of."""

import select
import socket
from collections.abc import Iterator

import pytest

from tui.capture.diag_socket import Asker, EndListener
from tui.capture.inet_diag import Row, ends_of, parse_end, state_of
from tui.capture.own import cookie_of
from tui.model.connection import Endpoint
from tui.model.observation import SocketEnd

PATIENCE_MS = 10_000


@pytest.fixture
def asker() -> Iterator[Asker]:
    asker = Asker()
    yield asker
    asker.close()


def rows_of(rows: list[Row], cookie: int | None) -> list[Row]:
    return [row for row in rows if ends_of(row.family, row.id)[2] == cookie]


def end_of(listener: EndListener, cookie: int | None) -> SocketEnd:
    """Waits for the end of one socket; others of the machine's come too."""
    waiting = select.poll()
    waiting.register(listener.socket, select.POLLIN)
    while waiting.poll(PATIENCE_MS):
        for data, _ in listener.drain():
            end = parse_end(data, 1, "net:[1]")
            if end is not None and end.cookie == cookie:
                return end
    raise AssertionError(f"no end was told within {PATIENCE_MS} ms")


@pytest.mark.parametrize(("host", "family"), [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)])
def test_a_connection_shows_in_a_dump_with_what_it_sent_and_its_end_is_told_with_all_its_bytes(
    asker: Asker, host: str, family: socket.AddressFamily
) -> None:
    listener = EndListener()
    with socket.create_server((host, 0), family=family) as server:
        port = server.getsockname()[1]
        client = socket.create_connection((host, port))
        peer, _ = server.accept()
        cookie, local = cookie_of(client), Endpoint(host, client.getsockname()[1])
        client.sendall(b"x" * 300)
        assert len(peer.recv(300, socket.MSG_WAITALL)) == 300
        (row,) = rows_of(asker.tcp(counters=True), cookie)
        assert ends_of(row.family, row.id)[:2] == (local, Endpoint(host, port))
        assert row.counters is not None
        assert row.counters.sent == 300
        peer.sendall(b"y" * 500)
        peer.close()
        assert len(client.recv(501, socket.MSG_WAITALL)) == 500
        client.close()
        end = end_of(listener, cookie)
    listener.close()
    assert (end.protocol, end.local, end.remote) == ("tcp", local, Endpoint(host, port))
    assert end.counters is not None
    assert (end.counters.sent, end.counters.received) == (300, 501)
    assert listener.socket.fileno() == -1


def test_a_connection_that_the_far_side_leaves_half_open_shows_no_more_once_its_end_is_told(asker: Asker) -> None:
    listener = EndListener()
    with socket.create_server(("127.0.0.1", 0)) as server:
        there = Endpoint(*server.getsockname())
        client = socket.create_connection(there)
        cookie = cookie_of(client)
        client.close()
        end_of(listener, cookie)
        rows = [row for row in asker.tcp(counters=True) if ends_of(row.family, row.id)[1] == there]
        assert [state for row in rows if (state := state_of(row, "tcp")) is not None] == []
    listener.close()


def test_a_connected_udp_socket_shows_and_its_end_is_told_without_counters(asker: Asker) -> None:
    listener = EndListener()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", 9))
        cookie = cookie_of(client)
        (row,) = rows_of(asker.udp(), cookie)
        assert ends_of(row.family, row.id)[1] == Endpoint("127.0.0.1", 9)
    end = end_of(listener, cookie)
    listener.close()
    assert (end.protocol, end.remote, end.counters) == ("udp", Endpoint("127.0.0.1", 9), None)
