"""Which looks at sockets make which connections."""

from dataclasses import replace

from tests.collector.build import look
from tui.collector.place import REMEMBER_US
from tui.collector.track import Tracker
from tui.collector.tracked import Changes, Tracked
from tui.model.connection import Endpoint, Origin, Outcome, Process, Recorded
from tui.model.observation import Dump, Owner, Socket, SocketState

SECOND = 1_000_000
NAMESPACE = "net:[1]"
OWN_PID = 999
HERE = Endpoint("10.0.0.5", 40000)
THERE = Endpoint("203.0.113.10", 443)
NODE = Process(100, "node", "retool", 5 * SECOND)


def socket(state: SocketState = SocketState.ESTABLISHED, *, pid: int | None = 100, local: Endpoint = HERE,
           remote: Endpoint = THERE, protocol: str = "tcp") -> Socket:  # fmt: skip
    return Socket(protocol, local, remote, state, pid)


def dump(at_s: float, *sockets: Socket, listening: set[tuple[str, int]] | None = None, owner: Process = NODE) -> Dump:
    owners = {100: Owner(owner, Origin(NAMESPACE, "api"))}
    return Dump(round(at_s * SECOND), NAMESPACE, sockets, frozenset(listening or ()), owners, 0)


def see(tracker: Tracker, dump: Dump) -> Changes:
    return tracker.see(look(dump))


def begun() -> Tracker:
    """A tracker that has had its first look, so that what comes next is new."""
    tracker = Tracker(1, OWN_PID)
    see(tracker, dump(10))
    return tracker


def only(changes: Changes) -> Tracked:
    (tracked,) = changes.opened
    return tracked


def handed_over(*tracked: Tracked) -> Tracker:
    """The tracker of the next collector, which knows of these what the record has."""
    after = Tracker(2, OWN_PID, [NAMESPACE])
    after.resume([replace(one, socket=None, counters=None, look=0) for one in tracked])
    return after


def ended(tracker: Tracker, at_s: float) -> Tracked:
    (tracked,) = see(tracker, dump(at_s)).altered
    return tracked


def test_a_new_socket_is_a_live_connection_of_its_process_and_role() -> None:
    tracked = only(see(begun(), dump(11, socket())))
    assert (tracked.opened_us, tracked.outcome, tracked.recorded) == (11 * SECOND, Outcome.OPEN, Recorded.LIVE)
    assert (tracked.process, tracked.origin) == (NODE, Origin(NAMESPACE, "api"))


def test_the_same_socket_seen_again_is_the_same_connection() -> None:
    tracker = begun()
    see(tracker, dump(11, socket()))
    assert see(tracker, dump(12, socket())) == Changes()


def test_what_is_open_at_the_first_look_predates_the_record() -> None:
    tracked = only(see(Tracker(1, OWN_PID), dump(10, socket())))
    assert tracked.recorded is Recorded.PREDATES_RECORD


def test_a_connection_to_a_listening_port_is_inbound_and_not_recorded() -> None:
    served = socket(local=Endpoint("10.0.0.5", 3000), remote=Endpoint("10.0.0.9", 51000))
    assert see(begun(), dump(11, served, listening={("tcp", 3000)})).opened == []


def test_an_inbound_connection_stays_inbound_when_its_listener_has_closed() -> None:
    tracker = begun()
    served = socket(local=Endpoint("10.0.0.5", 3000), remote=Endpoint("10.0.0.9", 51000))
    see(tracker, dump(11, served, listening={("tcp", 3000)}))
    for second in range(12, 12 + 2 * REMEMBER_US // SECOND, 30):
        assert see(tracker, dump(second, served)).opened == []


def test_a_listener_that_closed_just_before_still_tells_the_direction() -> None:
    tracker = begun()
    see(tracker, dump(11, listening={("tcp", 3000)}))
    served = socket(local=Endpoint("10.0.0.5", 3000), remote=Endpoint("10.0.0.9", 51000))
    assert see(tracker, dump(12, served)).opened == []


def test_a_port_that_listens_for_udp_says_nothing_of_tcp() -> None:
    outbound = socket(local=Endpoint("10.0.0.5", 3000))
    assert len(see(begun(), dump(11, outbound, listening={("udp", 3000)})).opened) == 1


def test_the_collectors_own_sockets_are_left_out_also_when_they_linger_without_an_owner() -> None:
    tracker = begun()
    assert see(tracker, dump(11, socket(pid=OWN_PID))).opened == []
    assert see(tracker, dump(12, socket(SocketState.ENDED, pid=None))).opened == []


def test_a_time_wait_row_of_a_connection_never_seen_open_is_recorded_once_as_closed() -> None:
    tracker = begun()
    tracked = only(see(tracker, dump(11, socket(SocketState.ENDED, pid=None))))
    assert (tracked.outcome, tracked.closed_us, tracked.process) == (Outcome.CLOSED, 11 * SECOND, None)
    assert see(tracker, dump(12, socket(SocketState.ENDED, pid=None))).opened == []


def test_time_wait_ends_the_connection_that_was_open_before_and_keeps_its_process() -> None:
    tracker = begun()
    opened = only(see(tracker, dump(11, socket())))
    (closed,) = see(tracker, dump(12, socket(SocketState.ENDED, pid=None))).altered
    assert (closed.id, closed.outcome, closed.closed_us, closed.process) == (
        opened.id,
        Outcome.CLOSED,
        12 * SECOND,
        NODE,
    )


def test_a_four_tuple_used_again_after_time_wait_is_another_connection() -> None:
    tracker = begun()
    first = only(see(tracker, dump(11, socket())))
    see(tracker, dump(12, socket(SocketState.ENDED, pid=None)))
    changes = see(tracker, dump(13, socket()))
    assert only(changes).id != first.id
    assert changes.forgotten == [first.id]


def test_a_new_attempt_on_a_four_tuple_that_was_established_ends_the_first_connection() -> None:
    tracker = begun()
    first = only(see(tracker, dump(11, socket())))
    changes = see(tracker, dump(12, socket(SocketState.ATTEMPT)))
    assert [t.id for t in changes.altered] == [first.id]
    assert only(changes).id != first.id


def test_an_established_connection_that_vanishes_between_two_looks_ended_nobody_knows_how() -> None:
    tracker = begun()
    see(tracker, dump(11, socket()))
    gone = ended(tracker, 12)
    assert (gone.outcome, gone.closed_us, gone.last_seen_us) == (Outcome.UNKNOWN, 12 * SECOND, 11 * SECOND)


def test_a_connection_seen_closing_that_vanishes_was_closed() -> None:
    tracker = begun()
    see(tracker, dump(11, socket()))
    see(tracker, dump(12, socket(SocketState.CLOSING)))
    assert ended(tracker, 13).outcome is Outcome.CLOSED


def test_an_attempt_unanswered_for_three_seconds_has_timed_out() -> None:
    tracker = begun()
    for second in (11, 12, 13, 14):
        see(tracker, dump(second, socket(SocketState.ATTEMPT)))
    assert ended(tracker, 15).outcome is Outcome.TIMED_OUT


def test_an_attempt_that_vanishes_at_once_may_have_been_anything() -> None:
    tracker = begun()
    see(tracker, dump(11, socket(SocketState.ATTEMPT)))
    assert ended(tracker, 12).outcome is Outcome.UNKNOWN


def test_an_owner_that_becomes_known_later_is_added() -> None:
    tracker = begun()
    see(tracker, dump(11, socket(pid=None)))
    (known,) = see(tracker, dump(12, socket())).altered
    assert (known.process, known.origin.role) == (NODE, "api")


def test_a_socket_that_changes_hands_stays_one_connection_under_its_first_owner() -> None:
    tracker = begun()
    see(tracker, dump(11, socket()))
    heir = replace(NODE, started_us=11 * SECOND)
    assert see(tracker, dump(12, socket(), owner=heir)) == Changes()


def test_a_connection_that_outlived_the_collector_goes_on_under_its_id() -> None:
    before = Tracker(1, OWN_PID)
    opened = only(see(before, dump(10, socket())))
    after = handed_over(opened)
    assert see(after, dump(20, socket())).opened == []


def test_a_connection_that_ended_while_nobody_looked_has_no_known_end() -> None:
    after = handed_over(only(see(Tracker(1, OWN_PID), dump(10, socket()))))
    gone = ended(after, 20)
    assert (gone.outcome, gone.closed_us, gone.last_seen_us) == (Outcome.UNKNOWN, None, 10 * SECOND)


def test_after_a_restart_a_reused_pid_on_the_same_endpoints_is_another_connection() -> None:
    opened = only(see(Tracker(1, OWN_PID), dump(10, socket())))
    after = handed_over(opened)
    changes = see(after, dump(20, socket(), owner=replace(NODE, started_us=15 * SECOND)))
    assert only(changes).id == 2
    assert [t.outcome for t in changes.altered] == [Outcome.UNKNOWN]


def test_a_time_wait_row_that_an_earlier_collector_recorded_is_not_recorded_again() -> None:
    before = begun()
    see(before, dump(11, socket()))
    (closed,) = see(before, dump(12, socket(SocketState.ENDED, pid=None))).altered
    after = handed_over(closed)
    assert see(after, dump(20, socket(SocketState.ENDED, pid=None))).opened == []


def test_a_connected_udp_socket_is_a_connection() -> None:
    tracked = only(see(begun(), dump(11, socket(protocol="udp", remote=Endpoint("203.0.113.53", 53)))))
    assert tracked.protocol == "udp"


def test_a_udp_client_that_binds_first_and_connects_later_is_recorded() -> None:
    tracker = begun()
    see(tracker, dump(11, listening={("udp", 40000)}))
    assert len(see(tracker, dump(12, socket(protocol="udp"))).opened) == 1


def test_a_udp_server_with_a_socket_for_each_peer_is_inbound() -> None:
    served = socket(protocol="udp", local=Endpoint("10.0.0.5", 5353))
    assert see(begun(), dump(11, served, listening={("udp", 5353)})).opened == []


def test_what_opened_in_a_gap_of_the_record_does_not_predate_it() -> None:
    tracker = Tracker(1, OWN_PID, [NAMESPACE])
    assert only(see(tracker, dump(10, socket()))).recorded is Recorded.LIVE


def test_what_ended_while_nobody_looked_has_no_known_end_also_without_a_restart() -> None:
    tracker = begun()
    see(tracker, dump(11, socket()))
    tracker.looked_away()
    gone = ended(tracker, 4000)
    assert (gone.outcome, gone.closed_us) == (Outcome.UNKNOWN, None)


def test_a_clock_that_is_set_back_makes_no_end_before_the_beginning() -> None:
    tracker = begun()
    see(tracker, dump(11, socket()))
    (closed,) = see(tracker, dump(5, socket(SocketState.ENDED, pid=None))).altered
    assert closed.closed_us == closed.last_seen_us == 11 * SECOND
