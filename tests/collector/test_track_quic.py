"""QUIC connections in the record: of UDP sockets that are connected, and of those that send to whom they like."""

import pytest

from tests.collector.kernel import HERE, NAMESPACE, SECOND, THERE, end
from tests.collector.test_track_ends import Seeing
from tests.collector.test_track_flows import HOST, recorded, tell
from tui.model.connection import Endpoint, Evidence, Outcome
from tui.model.observation import Socket, SocketState
from tui.model.wire import Flow

CONNECTED = Socket("udp", HERE, THERE, SocketState.ESTABLISHED, None, 4097)
BEGUN = Flow(NAMESPACE, "udp", HERE, THERE, round(11.1 * SECOND))
NAMED = BEGUN._replace(host=HOST, evidence=Evidence.SNI)
OTHER = NAMED._replace(host="api.openai.com", started_us=round(12.5 * SECOND))


@pytest.mark.parametrize("told_first", [True, False])
def test_a_connected_socket_has_the_name_and_the_start_of_its_packets(told_first: bool) -> None:
    seeing = Seeing()
    if told_first:
        tell(seeing, 11.2, NAMED)
    seeing.look(12, CONNECTED)
    if not told_first:
        tell(seeing, 12.1, NAMED)
    one = recorded(tell(seeing, 13, ends=(end(13, protocol="udp"),)))
    assert (one.opened_us, one.opened_exact, one.closed_us, one.remote) == (11_100_000, True, 13_000_000, THERE)


def test_a_connected_socket_that_no_look_saw_is_recorded_at_its_end() -> None:
    (tracked,) = tell(Seeing(), 11.3, NAMED, ends=(end(11.3, protocol="udp"),)).whole
    assert (tracked.protocol, tracked.flow and tracked.flow.host) == ("udp", HOST)


def test_a_socket_that_is_connected_to_nobody_is_recorded_by_its_packets_after_three_seconds() -> None:
    seeing = Seeing()
    tell(seeing, 11.2, NAMED)
    assert seeing.look(13).whole == []
    (tracked,) = seeing.look(14.2).whole
    assert (tracked.remote, tracked.outcome, tracked.flow and tracked.flow.host) == (THERE, Outcome.UNKNOWN, HOST)
    assert seeing.look(20).whole == []


def test_later_news_of_what_is_recorded_already_does_not_record_it_twice() -> None:
    seeing = Seeing()
    tell(seeing, 11.2, NAMED)
    assert len(seeing.look(14.2).whole) == 1
    tell(seeing, 14.5, NAMED._replace(unreachable=True, again=True))
    assert seeing.look(20).whole == []


def test_two_connections_of_one_such_socket_are_two() -> None:
    seeing = Seeing()
    tell(seeing, 11.2, NAMED)
    first = seeing.look(14.2).whole
    tell(seeing, 14.3, OTHER._replace(started_us=round(14.3 * SECOND)))
    second = seeing.look(18).whole
    assert [each.flow and each.flow.host for each in (*first, *second)] == [HOST, "api.openai.com"]


def test_a_second_connection_of_a_connected_socket_is_recorded_beside_the_first() -> None:
    seeing = Seeing()
    tell(seeing, 11.2, NAMED)
    seeing.look(12, CONNECTED)
    tell(seeing, 12.6, OTHER)
    (second,) = seeing.look(16, CONNECTED).whole
    assert (second.opened_us, second.flow and second.flow.host) == (12_500_000, "api.openai.com")
    (first,) = tell(seeing, 17, ends=(end(17, protocol="udp"),)).altered
    assert first.flow is not None
    assert first.flow.host == HOST


def test_that_a_router_says_no_is_the_outcome() -> None:
    one = recorded(tell(Seeing(), 12, NAMED._replace(unreachable=True), ends=(end(12, protocol="udp"),)))
    assert one.outcome is Outcome.UNREACHABLE


def test_a_server_that_listens_on_a_port_from_which_it_also_calls_is_seen_to_call() -> None:
    seeing = Seeing()
    tell(seeing, 11.2, NAMED)
    (opened,) = seeing.look(12, CONNECTED, listening={("udp", HERE.port)}).opened
    assert opened.flow is not None


def test_datagrams_over_loopback_are_no_connections() -> None:
    seeing = Seeing()
    tell(seeing, 11.2, NAMED._replace(local=Endpoint("127.0.0.1", 40_000), remote=Endpoint("127.0.0.1", 443)))
    assert seeing.look(20).whole == []
