"""What packets add to looks and ends: the exact start, the names, how it failed, and connections that hide."""

from typing import Any

import pytest

from tests.collector.kernel import HERE, NAMESPACE, SECOND, THERE, alive, attempted, counted, end, wiped
from tests.collector.test_track_ends import API, OWN_PID, Seeing, socket
from tui.collector.place import TOLD_MAX
from tui.collector.track import Tracker
from tui.collector.tracked import Changes, as_connection
from tui.collector.unjoined import UNJOINED_MAX
from tui.model.connection import (
    NO_NAME,
    UNRECOGNISED,
    Connection,
    Endpoint,
    Evidence,
    Judgement,
    Label,
    Origin,
    Outcome,
    Phase,
    Verdict,
)
from tui.model.observation import Sighting, SocketEnd, SocketState
from tui.model.wire import Flow

RESOLVER = Endpoint("10.0.0.2", 53)
HOST = "licensing.tryretool.com"

ASKED = {"connect_us": 9, "target": Endpoint(HOST, 443), "phase": Phase.PROXY}
"""Of a proxy, which said no."""


def flow(at_s: float = 11, **told: Any) -> Flow:
    return Flow(NAMESPACE, "tcp", HERE, THERE, round(at_s * SECOND))._replace(**told)


def met(at_s: float = 11, **told: Any) -> Flow:
    """One whose handshake took 40 ms."""
    return flow(at_s, connect_us=40_000, **told)


def tell(
    seeing: Seeing, at_s: float, *flows: Flow, ends: tuple[SocketEnd, ...] = (), later: tuple[SocketEnd, ...] = ()
) -> Changes:
    return seeing.tracker.see(Sighting(round(at_s * SECOND), ends=ends, later_ends=later, flows=flows))


def recorded(changes: Changes) -> Connection:
    (tracked,) = (*changes.whole, *changes.opened, *changes.altered)
    return as_connection(tracked, NO_NAME, Label(UNRECOGNISED), Judgement(Verdict.PENDING, None, 1, ""))


def test_a_short_connection_begins_with_its_first_packet_and_ends_with_its_socket() -> None:
    one = recorded(tell(Seeing(), 11.2, met(11.1), ends=(end(11.2, counted(100, 5000)),)))
    assert (one.opened_us, one.opened_exact, one.closed_us) == (11_100_000, True, 11_200_000)
    assert (one.connect_us, one.outcome, one.bytes_received, one.phase) == (40_000, Outcome.CLOSED, 5000, None)


def test_without_its_packets_the_start_is_not_exact() -> None:
    one = recorded(tell(Seeing(), 11.2, ends=(end(11.2),)))
    assert (one.opened_exact, one.connect_us) == (False, None)


def test_what_a_look_has_found_learns_later_how_it_began_and_what_it_is_called() -> None:
    seeing = Seeing()
    (opened,) = seeing.look(12, socket()).opened
    assert opened.flow is None
    one = recorded(tell(seeing, 13, met(11.5)))
    assert (one.opened_us, one.opened_exact) == (11_500_000, True)
    renamed = tell(seeing, 13.1, met(11.5, host=HOST, evidence=Evidence.SNI)).altered
    assert [each.flow.host for each in renamed if each.flow] == [HOST]
    assert tell(seeing, 13.2, met(11.5, host=HOST, evidence=Evidence.SNI)).altered == []


def test_what_the_kernel_has_forgotten_of_a_failed_attempt_its_packets_tell() -> None:
    one = recorded(tell(Seeing(), 11.2, flow(11.1, ended_us=11_150_000), ends=(wiped(11.2),)))
    assert (one.local, one.remote, one.outcome, one.phase) == (HERE, THERE, Outcome.REFUSED, Phase.CONNECT)


def test_of_two_wiped_attempts_at_one_address_each_has_its_own_port() -> None:
    other = Endpoint(THERE.ip, 8443)
    first, second = flow(11.1), flow(11.1)._replace(local=Endpoint(HERE.ip, 40001), remote=other)
    gone = wiped(11.3, cookie=1), wiped(11.3, cookie=2)._replace(local=Endpoint("0.0.0.0", 40001))
    changes = tell(Seeing(), 11.4, first, second, ends=gone)
    assert [each.remote for each in changes.whole] == [THERE, other]


def test_a_connection_that_was_never_answered_is_not_taken_for_the_one_that_we_aborted() -> None:
    never, answered = flow(11.1), met(11.2)._replace(remote=Endpoint(THERE.ip, 8443))
    (one,) = tell(Seeing(), 11.5, never, answered, ends=(wiped(11.4, wqueue=1000),)).whole
    assert one.remote.port == 8443


@pytest.mark.parametrize(
    ("told", "outcome", "phase"),
    [
        ({"unreachable": True}, Outcome.UNREACHABLE, Phase.CONNECT),
        ({}, Outcome.TIMED_OUT, Phase.CONNECT),
        (ASKED | {"status": 403}, Outcome.DENIED, Phase.PROXY),
        (ASKED | {"status": 407}, Outcome.DENIED, Phase.PROXY),
        (ASKED | {"status": 502}, Outcome.FAILED, Phase.PROXY),
    ],
)  # fmt: skip
def test_the_packets_tell_who_said_no(told: dict[str, Any], outcome: Outcome, phase: Phase) -> None:
    counters = counted(300, 200) if "connect_us" in told else attempted(retransmits=3, total_retrans=3)
    one = recorded(tell(Seeing(), 14, flow(11, **told), ends=(end(14, counters),)))
    assert (one.outcome, one.phase) == (outcome, phase)


def test_through_a_proxy_the_destination_is_what_it_was_asked_for() -> None:
    asked = met(host=HOST, evidence=Evidence.CONNECT, target=Endpoint(HOST, 8443), status=200)
    one = recorded(tell(Seeing(), 12, asked, ends=(end(12),)))
    assert (one.remote, one.via) == (Endpoint(THERE.ip, 8443), str(THERE))
    by_address = asked._replace(host="192.0.2.7", target=Endpoint("192.0.2.7", 443))
    assert recorded(tell(Seeing(), 12, by_address, ends=(end(12),))).remote == Endpoint("192.0.2.7", 443)


def test_the_far_sides_last_number_gives_the_exact_bytes_also_beyond_four_gigabytes() -> None:
    one = recorded(tell(Seeing(), 12, met(received=4999), ends=(end(12, counted(10, 5000)),)))
    assert one.bytes_received == 4999
    large = 3 * 2**32 + 7
    one = recorded(tell(Seeing(), 12, met(received=6), ends=(end(12, counted(10, large)),)))
    assert one.bytes_received == large - 1


def test_a_connection_without_a_socket_is_recorded_by_its_packets_once_none_has_come() -> None:
    seeing = Seeing()
    tell(seeing, 11.2, met(11.1, received=7, ended_us=11_900_000))
    assert seeing.look(13).whole == []
    one = recorded(seeing.look(14.2))
    assert (one.opened_us, one.closed_us, one.outcome, one.origin) == (11_100_000, 11_900_000, Outcome.CLOSED, API)
    late = tell(seeing, 15, ends=(end(15),))
    assert (late.whole, seeing.look(30).whole) == ([], [])


def test_the_host_forwards_what_others_send_and_records_none_of_it() -> None:
    seeing = Seeing()
    seeing.tracker.see(Sighting(10 * SECOND, residents={NAMESPACE: Origin(NAMESPACE)}))
    tell(seeing, 11.2, met(11.1))
    assert seeing.look(20).whole == []


def test_the_host_records_none_of_what_it_forwards_also_where_a_role_shares_its_namespace() -> None:
    seeing = Seeing(Tracker(1, OWN_PID, host=NAMESPACE))
    tell(seeing, 11.2, met(11.1), met(11.1)._replace(local=Endpoint(HERE.ip, 40003)), ends=(end(11.3),))
    assert seeing.look(20).whole == []


def test_what_nat_sends_elsewhere_is_one_connection() -> None:
    seeing = Seeing()
    changed = met(11.1)._replace(remote=Endpoint("10.9.9.9", 3129))
    assert len(tell(seeing, 11.3, changed, ends=(end(11.3),)).whole) == 1
    assert seeing.look(20).whole == []


def test_a_datagram_to_nobody_in_particular_is_a_connection_of_its_own() -> None:
    seeing = Seeing()
    asked = Flow(NAMESPACE, "udp", Endpoint(HERE.ip, 40002), RESOLVER, 11 * SECOND)
    tell(seeing, 11.1, asked, ends=(end(11.1, protocol="udp", local=asked.local, remote=Endpoint("0.0.0.0", 0)),))
    one = recorded(seeing.look(15))
    assert (one.protocol, one.remote, one.outcome) == ("udp", RESOLVER, Outcome.UNKNOWN)


def test_ends_that_are_used_again_have_two_connections_each_with_its_own_start() -> None:
    changes = tell(
        Seeing(), 12, met(11.1), met(11.6, host=HOST, evidence=Evidence.SNI),
        ends=(end(11.3, cookie=1), end(11.8, cookie=2)),
    )  # fmt: skip
    assert [(each.opened_us, each.flow and each.flow.host) for each in changes.whole] == [
        (11_100_000, None), (11_600_000, HOST),
    ]  # fmt: skip


def test_our_own_first_packet_proves_that_we_called_also_from_a_port_that_listens() -> None:
    seeing = Seeing()
    tell(seeing, 11.2, met(11.1))
    opened = seeing.look(12, (socket(), alive()._replace(sent=None)), listening={("tcp", HERE.port)}).opened
    assert len(opened) == 1


def test_a_flood_of_packets_without_sockets_is_bounded_and_not_silent() -> None:
    seeing = Seeing()
    flows = [flow(11)._replace(local=Endpoint(f"10.0.{n >> 15}.5", 1 + (n & 32767))) for n in range(UNJOINED_MAX + 9)]
    changes = tell(seeing, 11.2, *flows)
    assert len(changes.whole) == 9
    assert len(seeing.tracker._places[NAMESPACE].flows) == UNJOINED_MAX


def test_ends_that_are_used_again_all_the_time_hide_none_of_their_connections() -> None:
    """As by raw sockets, or connect(2) to nobody, from one bound port: the next begins before the last one is old."""
    seeing = Seeing()
    recorded = list[int]()
    for second in range(11, 41):
        tell(seeing, second + 0.9, *(flow(second + tenth / 10) for tenth in range(9)))
        recorded += [each.opened_us for each in seeing.look(second + 0.95).whole]
    assert recorded[:200] == [round((11 + n // 9 + n % 9 / 10) * SECOND) for n in range(200)]
    assert len(seeing.tracker._places[NAMESPACE].flows) < 40


def test_a_flood_between_the_same_ends_is_bounded_too() -> None:
    seeing = Seeing()
    changes = tell(seeing, 11.2, *(flow(11)._replace(started_us=11 * SECOND + n) for n in range(UNJOINED_MAX + 9)))
    assert len(changes.whole) == 9
    assert len(seeing.tracker._places[NAMESPACE].flows) == UNJOINED_MAX


def test_what_is_remembered_of_a_flood_that_was_recorded_is_bounded() -> None:
    seeing = Seeing()
    ends = (Endpoint(f"10.0.{n >> 15}.5", 1 + (n & 32767)) for n in range(TOLD_MAX + 9))
    tell(seeing, 11.2, *(flow(11)._replace(local=each) for each in ends))
    assert len(seeing.look(15).whole) >= TOLD_MAX - 9
    assert len(seeing.tracker._places[NAMESPACE].told) == TOLD_MAX


def test_ends_that_are_used_again_and_again_without_a_socket_are_all_recorded_and_none_is_kept() -> None:
    seeing = Seeing()
    told = [tell(seeing, 11 + n / 10, met(11 + n / 10)).whole for n in range(100)]
    told += [seeing.look(at_s).whole for at_s in (21, 25)]
    assert [each.opened_us for changes in told for each in changes] == [11_000_000 + n * 100_000 for n in range(100)]
    assert len(seeing.tracker._places[NAMESPACE].flows) == 0


def test_the_far_sides_last_word_after_the_end_of_a_socket_is_no_other_connection() -> None:
    seeing = Seeing()
    assert len(tell(seeing, 11.2, met(11.1), ends=(end(11.2),)).whole) == 1
    tell(seeing, 11.4, met(11.1, ended_us=11_400_000, received=7, again=True))
    assert (seeing.look(15).whole, seeing.look(30).whole) == ([], [])


def test_an_attempt_that_hangs_is_joined_while_it_hangs() -> None:
    seeing = Seeing()
    tell(seeing, 11.2, flow(11.1))
    (opened,) = seeing.look(12, socket(SocketState.ATTEMPT)).opened
    assert (opened.opened_us, opened.flow is not None) == (11_100_000, True)
