"""What psutil's rows become, and that real sockets of this process come out of a real look."""

import os
import socket

import psutil
import pytest

from tui.capture.psutil_sockets import PsutilSockets, Row, distinct
from tui.model.connection import Endpoint
from tui.model.observation import SocketState

HERE = Endpoint("10.0.0.5", 40000)
THERE = Endpoint("203.0.113.10", 443)


def source(*rows: Row, own: tuple[Row, ...] = (), interval_s: float = 1.0, why: str = "") -> PsutilSockets:
    return PsutilSockets(interval_s, why, lambda: rows, lambda: own)


def note(found: PsutilSockets) -> str:
    (dump,) = found.look().dumps
    return dump.note


def row(status: str = psutil.CONN_ESTABLISHED, pid: int | None = None) -> Row:
    return ("tcp", HERE, THERE, status, pid)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (psutil.CONN_SYN_SENT, SocketState.ATTEMPT),
        (psutil.CONN_ESTABLISHED, SocketState.ESTABLISHED),
        (psutil.CONN_CLOSE_WAIT, SocketState.CLOSING),
        (psutil.CONN_TIME_WAIT, SocketState.ENDED),
    ],
)
def test_tcp_states_become_what_recording_tells_apart(status: str, state: SocketState) -> None:
    assert [s.state for s in source(row(status)).dump().sockets] == [state]


def test_a_connection_that_somebody_else_begins_is_left_out() -> None:
    assert source(row(psutil.CONN_SYN_RECV)).dump().sockets == ()


def test_listening_tcp_and_unconnected_udp_ports_wait_for_peers() -> None:
    rows: tuple[Row, ...] = (
        ("tcp", Endpoint("0.0.0.0", 3000), None, psutil.CONN_LISTEN, None),
        ("udp", Endpoint("0.0.0.0", 53), None, psutil.CONN_NONE, None),
        ("tcp", Endpoint("0.0.0.0", 4000), None, psutil.CONN_CLOSE, None),
    )
    assert source(*rows).dump().listening == {("tcp", 3000), ("udp", 53)}


def test_processes_that_share_a_socket_are_one_connection_of_the_oldest_pid() -> None:
    assert [s.pid for s in distinct([row(pid=300), row(pid=200), row(pid=None)])] == [200]


def test_a_socket_of_our_own_that_the_look_could_not_place_is_known_as_ours() -> None:
    found = source(row(pid=None), own=(row(pid=os.getpid()),)).dump()
    assert [s.pid for s in found.sockets] == [os.getpid()]


def test_live_sockets_without_an_owner_are_counted_and_time_wait_is_not() -> None:
    other = ("tcp", Endpoint("10.0.0.5", 40001), THERE, psutil.CONN_TIME_WAIT, None)
    assert source(row(), other).dump().unowned == 1


def test_hidden_owners_are_told_to_an_unprivileged_user_and_stay_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    rows: list[Row] = [row()]
    found = PsutilSockets(1.0, read=lambda: rows, read_own=lambda: ())
    assert "use sudo" in note(found)
    rows.clear()
    assert "use sudo" in note(found)
    assert "use sudo" not in note(source())


def test_the_note_says_why_psutil_looks_and_that_short_connections_and_other_containers_are_missed() -> None:
    said = note(source(interval_s=0.5, why="netlink is refused (EPERM): "))
    assert said.startswith("netlink is refused (EPERM): psutil looks every 0.5 s into one namespace")
    assert "other containers are missed" in said


def test_a_look_is_due_again_after_the_interval_and_nothing_tells_of_it_before() -> None:
    found = source(interval_s=60.0)
    assert (found.fileno(), found.wait_s()) == (None, 0)
    found.look()
    assert 50 < found.wait_s() <= 60


def test_a_real_connection_over_ipv6_with_a_mapped_address_shows_as_ipv4() -> None:
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            local = client.getsockname()[1]
            ends = {(s.local, s.remote, s.pid) for s in PsutilSockets(1.0).dump().sockets}
    assert (Endpoint("127.0.0.1", local), Endpoint("127.0.0.1", port), os.getpid()) in ends
    assert (Endpoint("127.0.0.1", port), Endpoint("127.0.0.1", local)) in {(there, here) for there, here, _ in ends}
