"""What the kernel's word on the ends of sockets adds to the looks: bytes, outcomes, and connections that none saw."""

from dataclasses import replace

import pytest

from tests.collector.kernel import (
    COOKIE,
    HERE,
    NAMESPACE,
    SECOND,
    THERE,
    accepted,
    alive,
    attempted,
    counted,
    end,
    wiped,
)
from tui.collector.place import LATE_US
from tui.collector.track import Tracker
from tui.collector.tracked import Changes, Tracked
from tui.model.connection import Endpoint, Origin, Outcome, Process, Recorded
from tui.model.observation import Counters, Dump, Owner, Sighting, Socket, SocketEnd, SocketState

OWN_PID = 999
API = Origin(NAMESPACE, "api", "retool-api-1")
NODE = Process(100, "node", "retool", 5 * SECOND)
SERVED = Endpoint("10.0.0.5", 3000)
CALLER = Endpoint("10.0.0.9", 51000)


def socket(
    state: SocketState = SocketState.ESTABLISHED, *, local: Endpoint = HERE, remote: Endpoint = THERE,
    cookie: int | None = COOKIE, pid: int | None = 100, protocol: str = "tcp",
) -> Socket:  # fmt: skip
    return Socket(protocol, local, remote, state, pid, cookie)


def dump(at_s: float, *sockets: tuple[Socket, Counters | None], listening: set[tuple[str, int]] | None = None) -> Dump:
    return Dump(
        round(at_s * SECOND), NAMESPACE, tuple(each for each, _ in sockets), frozenset(listening or ()),
        {100: Owner(NODE, API)}, 0, tuple(counters for _, counters in sockets),
    )  # fmt: skip


class Seeing:
    """A tracker that has had its first look, at second 10, and knows who lives in the namespace."""

    def __init__(self, tracker: Tracker | None = None) -> None:
        self.tracker = tracker or Tracker(1, OWN_PID)
        self.tracker.see(Sighting(10 * SECOND, dumps=(dump(10),), residents={NAMESPACE: API}))

    def look(self, at_s: float, *sockets: tuple[Socket, Counters | None] | Socket, later: tuple[SocketEnd, ...] = (),
             listening: set[tuple[str, int]] | None = None) -> Changes:  # fmt: skip
        pairs = [each if isinstance(each, tuple) else (each, alive()) for each in sockets]
        seen = dump(at_s, *pairs, listening=listening)
        return self.tracker.see(Sighting(seen.at_us, dumps=(seen,), later_ends=later))

    def hear(self, *ends: SocketEnd) -> Changes:
        return self.tracker.see(Sighting(ends[-1].at_us, ends=ends))


def one(tracked: list[Tracked]) -> Tracked:
    (only,) = tracked
    return only


def test_a_look_and_then_the_end_are_one_connection_with_the_ends_bytes() -> None:
    seeing = Seeing()
    opened = one(seeing.look(11, (socket(), alive(300, 0))).opened)
    changes = seeing.hear(end(11.4, counted(300, 500)))
    closed = one(changes.altered)
    assert (changes.opened, changes.whole, changes.forgotten) == ([], [], [opened.id])
    assert (closed.id, closed.outcome, closed.closed_us, closed.bytes) == (
        opened.id, Outcome.CLOSED, 11_400_000, (300, 500),
    )  # fmt: skip
    assert closed.process == NODE
    assert seeing.look(12) == Changes()


def test_an_end_that_comes_with_the_look_that_still_saw_the_socket_is_taken_after_it() -> None:
    seeing = Seeing()
    changes = seeing.look(11, socket(), later=(end(11.1, counted(1, 2)),))
    assert one(changes.opened).bytes == (1, 2)
    assert seeing.look(12) == Changes()


def test_an_end_alone_is_one_whole_connection_of_whoever_lives_in_the_namespace() -> None:
    seeing = Seeing()
    changes = seeing.hear(end(10.5, counted(300, 500)))
    whole = one(changes.whole)
    assert (changes.opened, changes.altered, changes.forgotten) == ([], [], [])
    assert (whole.local, whole.remote, whole.protocol) == (HERE, THERE, "tcp")
    assert (whole.opened_us, whole.closed_us, whole.outcome) == (10_500_000, 10_500_000, Outcome.CLOSED)
    assert (whole.bytes, whole.process, whole.origin, whole.recorded) == ((300, 500), None, API, Recorded.LIVE)
    assert seeing.look(11) == Changes()


def test_an_end_that_comes_after_the_look_that_missed_the_socket_corrects_bytes_and_outcome_not_the_time() -> None:
    seeing = Seeing()
    opened = one(seeing.look(11, (socket(), alive(100, 0))).opened)
    gone = one(seeing.look(12).altered)
    assert (gone.outcome, gone.closed_us) == (Outcome.UNKNOWN, 12 * SECOND)
    changes = seeing.hear(end(12.3, counted(300, 500)))
    corrected = one(changes.altered)
    assert (corrected.id, corrected.outcome, corrected.bytes) == (opened.id, Outcome.CLOSED, (300, 500))
    assert corrected.closed_us == 12 * SECOND
    assert changes.forgotten == [opened.id]


def test_a_socket_whose_end_never_comes_is_forgotten_after_a_while_and_once() -> None:
    seeing = Seeing()
    opened = one(seeing.look(11, socket()).opened)
    seeing.look(12)
    told = [seeing.look(second).forgotten for second in range(13, 15 + LATE_US // SECOND)]
    assert [ids for ids in told if ids] == [[opened.id]]


def test_the_same_endpoints_under_another_cookie_are_another_connection() -> None:
    seeing = Seeing()
    first = one(seeing.look(11, socket()).opened)
    changes = seeing.look(12, socket(cookie=COOKIE + 1))
    assert one(changes.opened).id != first.id
    assert one(changes.altered).id == first.id
    ended = one(seeing.hear(end(12.5, counted(7, 8), cookie=COOKIE)).altered)
    assert (ended.id, ended.bytes) == (first.id, (7, 8))


def test_one_socket_that_connects_twice_is_two_connections() -> None:
    seeing = Seeing()
    elsewhere = Endpoint("203.0.113.20", 443)
    first = one(seeing.look(11, socket()).opened)
    changes = seeing.look(12, socket(remote=elsewhere))
    assert one(changes.altered).id == first.id
    second = one(changes.opened)
    assert (second.remote, second.id != first.id) == (elsewhere, True)
    ended = one(seeing.hear(end(12.5, counted(7, 8), remote=elsewhere)).altered)
    assert (ended.id, ended.bytes) == (second.id, (7, 8))


def test_the_end_of_a_second_connection_on_one_socket_does_not_end_the_first_as_its_own() -> None:
    seeing = Seeing()
    elsewhere = Endpoint("203.0.113.20", 443)
    first = one(seeing.look(11, (socket(), alive(100, 0))).opened)
    changes = seeing.hear(end(11.5, counted(7, 8), remote=elsewhere))
    assert (one(changes.altered).id, one(changes.altered).outcome) == (first.id, Outcome.UNKNOWN)
    assert first.bytes[0] == 100
    assert (one(changes.whole).remote, one(changes.whole).bytes) == (elsewhere, (7, 8))


@pytest.mark.parametrize(("retransmits", "outcome"), [(0, Outcome.REFUSED), (2, Outcome.TIMED_OUT)])
def test_the_end_of_a_failed_attempt_joins_it_by_its_cookie_and_the_port_stays_known(
    retransmits: int, outcome: Outcome
) -> None:
    seeing = Seeing()
    opened = one(seeing.look(11, (socket(SocketState.ATTEMPT), attempted())).opened)
    failed = one(seeing.hear(wiped(11.2, retransmits=retransmits)).altered)
    assert (failed.id, failed.outcome) == (opened.id, outcome)
    assert (failed.local, failed.remote) == (HERE, THERE)


def test_the_end_of_a_failed_attempt_that_no_look_saw_has_no_port() -> None:
    whole = one(Seeing().hear(wiped(10.2)).whole)
    assert (whole.remote, whole.outcome) == (Endpoint(THERE.ip, 0), Outcome.REFUSED)


def test_an_aborted_connection_keeps_the_bytes_that_the_last_look_saw() -> None:
    seeing = Seeing()
    seeing.look(11, (socket(), alive(300, 500)))
    aborted = one(seeing.hear(wiped(11.2, wqueue=4)).altered)
    assert (aborted.outcome, aborted.bytes) == (Outcome.RESET, (300, 500))


def test_an_aborted_connection_that_no_look_saw_has_no_known_bytes() -> None:
    assert one(Seeing().hear(wiped(10.2, wqueue=4)).whole).bytes == (None, None)


@pytest.mark.parametrize("nowhere", ["0.0.0.0", "::"])
def test_a_socket_that_never_had_a_peer_is_no_connection(nowhere: str) -> None:
    assert Seeing().hear(end(11, attempted(), remote=Endpoint(nowhere, 0))) == Changes()


def test_the_end_of_a_connection_to_a_listening_port_is_inbound() -> None:
    seeing = Seeing()
    seeing.look(11, listening={("tcp", 3000)})
    assert seeing.hear(end(11.5, accepted(5, 9), local=SERVED, remote=CALLER)) == Changes()


def test_the_end_of_what_a_look_knew_as_inbound_is_inbound_however_long_ago_the_listener_closed() -> None:
    seeing = Seeing()
    served = (socket(local=SERVED, remote=CALLER), alive(acked=0))
    seeing.look(11, served, listening={("tcp", 3000)})
    for second in range(12, 400, 30):
        seeing.look(second, served)
    assert seeing.hear(end(400, accepted(5, 9), local=SERVED, remote=CALLER)) == Changes()


def test_who_listens_on_the_port_from_which_it_connects_hides_nothing() -> None:
    """SO_REUSEPORT lets a program do both; only who calls has a SYN among what was acknowledged."""
    seeing = Seeing()
    seeing.look(11, listening={("tcp", HERE.port), ("tcp", SERVED.port)})
    assert one(seeing.hear(end(11.5, counted(5, 9))).whole).bytes == (5, 9)
    assert one(seeing.hear(end(11.6, counted(5, 9), local=SERVED, cookie=COOKIE + 1)).whole).local == SERVED
    assert one(seeing.look(12, socket(SocketState.ATTEMPT), listening={("tcp", HERE.port)}).opened).local == HERE


def test_what_was_taken_for_inbound_is_recorded_once_its_counters_prove_that_we_began() -> None:
    seeing = Seeing()
    listening = {("tcp", HERE.port)}
    assert seeing.tracker.see(look_without_counters(11, socket(), listening)).opened == []
    assert seeing.look(12, (socket(), alive(7)), listening=listening).opened == []
    assert one(seeing.look(12.5, (socket(), alive(7)), listening=listening).opened).remote == THERE
    assert seeing.tracker.see(look_without_counters(13, socket(), listening)) == Changes()
    assert one(seeing.hear(end(13.5, counted(7, 1))).altered).outcome is Outcome.CLOSED


def look_without_counters(at_s: float, seen: Socket, listening: set[tuple[str, int]]) -> Sighting:
    looked = replace(dump(at_s, (seen, None), listening=listening), counters=())
    return Sighting(looked.at_us, dumps=(looked,))


def test_an_end_that_was_heard_without_having_been_answered_is_inbound_on_any_port() -> None:
    flooded = attempted(received=1, segs_in=2)
    assert Seeing().hear(end(11, flooded, local=Endpoint(HERE.ip, 45000), remote=CALLER)) == Changes()


def test_an_end_on_a_low_port_is_inbound_if_the_next_look_sees_that_it_listens() -> None:
    seeing = Seeing()
    assert seeing.hear(end(10.5, accepted(5, 9), local=SERVED, remote=CALLER)) == Changes()
    assert seeing.look(11, listening={("tcp", 3000)}) == Changes()


def test_an_end_on_a_low_port_is_outbound_if_the_next_look_sees_nothing_that_listens() -> None:
    seeing = Seeing()
    seeing.hear(end(10.5, alive(5, 9), local=SERVED))
    whole = one(seeing.look(11).whole)
    assert (whole.local, whole.opened_us, whole.bytes) == (SERVED, 10_500_000, (5, 9))
    assert seeing.look(12) == Changes()


def test_the_end_of_one_of_the_collectors_own_sockets_is_left_out() -> None:
    seeing = Seeing()
    seeing.look(11, socket(pid=OWN_PID))
    assert seeing.hear(end(11.5)) == Changes()


def hanging() -> tuple[Seeing, Tracked]:
    """An attempt that was first seen at second 11 and is still unanswered at second 14."""
    seeing = Seeing()
    attempt = (socket(SocketState.ATTEMPT), attempted())
    opened = one(seeing.look(11, attempt).opened)
    for second in (12, 13.9):
        assert seeing.look(second, attempt) == Changes()
    assert one(seeing.look(14, attempt).altered) is opened
    return seeing, opened


def test_an_attempt_hangs_after_three_seconds_and_is_told_once() -> None:
    seeing, opened = hanging()
    assert opened.outcome is Outcome.UNANSWERED
    assert seeing.look(15, (socket(SocketState.ATTEMPT), attempted())) == Changes()


def test_an_attempt_that_has_repeated_its_syn_twice_hangs_whenever_it_was_first_seen() -> None:
    seeing = Seeing()
    changes = seeing.look(11, (socket(SocketState.ATTEMPT), attempted(retransmits=2)))
    assert one(changes.altered).outcome is Outcome.UNANSWERED


def test_an_attempt_that_hung_and_is_answered_is_open() -> None:
    seeing, opened = hanging()
    assert one(seeing.look(15, socket()).altered) is opened
    assert opened.outcome is Outcome.OPEN


def test_an_attempt_that_hung_has_timed_out_when_its_end_does_not_say_how() -> None:
    seeing, opened = hanging()
    assert one(seeing.hear(end(15, attempted())).altered) is opened
    assert (opened.outcome, opened.closed_us) == (Outcome.TIMED_OUT, 15 * SECOND)


def test_an_attempt_that_hung_and_is_refused_in_the_end_was_refused() -> None:
    seeing, opened = hanging()
    seeing.hear(end(15, attempted(segs_in=1, total_retrans=3)))
    assert opened.outcome is Outcome.REFUSED


def test_an_attempt_that_hung_and_is_gone_has_timed_out() -> None:
    seeing, opened = hanging()
    assert one(seeing.look(15).altered) is opened
    assert opened.outcome is Outcome.TIMED_OUT


def test_a_namespace_that_ends_ends_what_was_open_in_it() -> None:
    seeing = Seeing()
    opened = one(seeing.look(11, socket()).opened)
    changes = seeing.tracker.see(Sighting(12 * SECOND, gone=(NAMESPACE,)))
    assert one(changes.altered) is opened
    assert (opened.outcome, opened.closed_us, changes.forgotten) == (Outcome.UNKNOWN, 12 * SECOND, [opened.id])


def test_a_namespace_that_ends_takes_what_had_vanished_with_it() -> None:
    seeing = Seeing()
    opened = one(seeing.look(11, socket()).opened)
    seeing.look(12)
    changes = seeing.tracker.see(Sighting(12 * SECOND, gone=(NAMESPACE,)))
    assert (changes.altered, changes.forgotten) == ([], [opened.id])


def test_an_end_that_waited_for_a_look_is_recorded_when_its_namespace_ends_before_that() -> None:
    seeing = Seeing()
    seeing.hear(end(10.5, alive(5, 9), local=SERVED))
    changes = seeing.tracker.see(Sighting(11 * SECOND, gone=(NAMESPACE,)))
    assert one(changes.whole).bytes == (5, 9)


def test_what_ends_with_its_namespace_is_still_of_whoever_lived_there() -> None:
    seeing = Seeing()
    changes = seeing.tracker.see(Sighting(11 * SECOND, ends=(end(11),), residents={}, gone=(NAMESPACE,)))
    assert one(changes.whole).origin == API


def test_ends_and_looks_of_another_namespace_are_kept_apart() -> None:
    seeing = Seeing()
    seeing.look(11, socket())
    changes = seeing.hear(end(11.5, namespace="net:[2]"))
    assert changes.altered == []
    assert one(changes.whole).namespace == "net:[2]"


def resumed(*tracked: Tracked) -> Tracker:
    """The tracker of the next collector, which knows of these what the record has: no cookie, no counters."""
    after = Tracker(50, OWN_PID, [NAMESPACE])
    after.resume([replace(each, socket=None, counters=None, look=0) for each in tracked])
    return after


def test_a_connection_of_an_earlier_collector_is_found_again_without_its_cookie() -> None:
    opened = one(Seeing().look(11, socket()).opened)
    after = resumed(opened)
    seen = dump(60, (socket(), alive(1, 2)))
    assert after.see(Sighting(seen.at_us, dumps=(seen,))) == Changes()
    closed = one(after.see(Sighting(61 * SECOND, ends=(end(61, counted(300, 500)),))).altered)
    assert (closed.id, closed.outcome, closed.bytes) == (opened.id, Outcome.CLOSED, (300, 500))


def test_a_connection_of_an_earlier_collector_that_ends_before_the_first_look_is_not_recorded_twice() -> None:
    opened = one(Seeing().look(11, socket()).opened)
    after = resumed(opened)
    changes = after.see(Sighting(60 * SECOND, ends=(end(60, counted(300, 500)),), dumps=(dump(60),)))
    assert (changes.opened, changes.whole) == ([], [])
    assert [(t.id, t.outcome, t.bytes) for t in changes.altered] == [(opened.id, Outcome.CLOSED, (300, 500))]


def test_what_an_earlier_collector_left_open_where_nothing_is_any_more_ended_nobody_knows_when() -> None:
    opened = replace(one(Seeing().look(11, socket()).opened), namespace="net:[2]")
    changes = resumed(opened).see(Sighting(60 * SECOND, dumps=(dump(60),)))
    assert [(t.id, t.outcome, t.closed_us) for t in changes.altered] == [(opened.id, Outcome.UNKNOWN, None)]
    assert changes.forgotten == [opened.id]


def test_what_an_earlier_collector_left_open_where_nobody_may_look_now_may_be_open_still() -> None:
    opened = replace(one(Seeing().look(11, socket()).opened), namespace="net:[2]")
    after = resumed(opened)
    refused = Sighting(60 * SECOND, dumps=(dump(60),), faults={"net:[2]": "Operation not permitted"})
    assert after.see(refused) == Changes()
    over = after.see(Sighting(70 * SECOND, dumps=(dump(70),), faults={}))
    assert [(t.id, t.closed_us) for t in over.altered] == [(opened.id, None)]


def test_a_connected_udp_socket_ends_without_bytes() -> None:
    seeing = Seeing()
    resolver = Endpoint("203.0.113.53", 53)
    opened = one(seeing.look(11, (socket(remote=resolver, protocol="udp"), None)).opened)
    ended = one(seeing.hear(end(11.5, remote=resolver, protocol="udp")).altered)
    assert (ended.id, ended.outcome, ended.bytes) == (opened.id, Outcome.UNKNOWN, (None, None))


def test_a_udp_end_alone_is_a_whole_connection_without_bytes() -> None:
    seeing = Seeing()
    assert seeing.hear(end(11, remote=Endpoint("203.0.113.53", 53), protocol="udp")) == Changes()
    whole = one([tracked for second in (11.5, 12.5, 13.5) for tracked in seeing.look(second).whole])
    assert (whole.protocol, whole.bytes, whole.closed_us) == ("udp", (None, None), 11 * SECOND)


@pytest.mark.parametrize("gone", [True, False])
def test_a_udp_end_that_waits_is_a_connection_when_recording_ends_and_when_its_namespace_does(gone: bool) -> None:
    seeing = Seeing()
    seeing.hear(end(11, remote=Endpoint("203.0.113.53", 53), protocol="udp"))
    tracker = seeing.tracker
    over = tracker.see(Sighting(12 * SECOND, gone=(NAMESPACE,))) if gone else tracker.flush()
    assert one(over.whole).protocol == "udp"


def test_a_udp_socket_that_a_look_up_connects_to_sort_addresses_is_no_connection() -> None:
    seeing = Seeing()
    seeing.hear(end(11, remote=THERE, protocol="udp"))
    whole = one([*seeing.hear(end(11.1, counted(300, 500), cookie=8)).whole, *seeing.look(12).whole,
                 *seeing.look(14).whole])  # fmt: skip
    assert whole.protocol == "tcp"


def test_udp_to_another_address_than_that_of_the_connection_is_recorded() -> None:
    seeing = Seeing()
    other = Endpoint("203.0.113.99", THERE.port)
    seeing.hear(end(11, remote=other, protocol="udp"))
    seeing.hear(end(11.1, counted(300, 500), cookie=8))
    assert one(seeing.look(14).whole).remote == other


def test_a_udp_socket_that_is_connected_to_port_0_can_send_nothing_and_is_no_connection() -> None:
    seeing = Seeing()
    seeing.hear(end(11, remote=Endpoint(THERE.ip, 0), protocol="udp"))
    assert seeing.look(14).whole == []


def test_a_udp_end_on_a_port_that_serves_is_inbound() -> None:
    seeing = Seeing()
    seeing.look(11, listening={("udp", 5353)})
    assert seeing.hear(end(11.5, local=Endpoint(HERE.ip, 5353), remote=CALLER, protocol="udp")) == Changes()


def test_a_clock_that_is_set_back_makes_no_end_before_the_beginning() -> None:
    seeing = Seeing()
    seeing.look(11, socket())
    closed = one(seeing.hear(end(5)).altered)
    assert closed.closed_us == closed.last_seen_us == 11 * SECOND


def test_bytes_of_open_connections_are_told_when_they_have_changed_and_only_then() -> None:
    seeing = Seeing()
    opened = one(seeing.look(11, (socket(), alive(300, 500))).opened)
    assert seeing.tracker.counted() == [opened]
    seeing.look(12, (socket(), alive(300, 500)))
    assert seeing.tracker.counted() == []
    seeing.look(13, (socket(), alive(300, 501)))
    assert seeing.tracker.counted() == [opened]
    assert opened.told == (300, 501)


def test_ends_in_a_namespace_that_nobody_looks_into_are_recorded_and_not_kept() -> None:
    seeing = Seeing()
    whoever_began = counted()._replace(acked=counted().acked - 1)
    low = end(11, whoever_began, local=Endpoint("10.0.0.5", 1023))._replace(namespace="nsid:4")
    flow = end(11, cookie=COOKIE + 1, protocol="udp", remote=Endpoint("192.0.2.9", 123))._replace(namespace="nsid:4")
    seeing.hear(low, flow)
    found = [
        seeing.tracker.see(Sighting(at_s * SECOND, residents={})).whole for at_s in (12, 60, 200, 400)
    ]  # fmt: skip
    assert sorted(tracked.protocol for each in found for tracked in each) == ["tcp", "udp"]
    assert list(seeing.tracker._places) == []


def test_what_an_earlier_collector_left_open_stays_until_somebody_looks() -> None:
    seeing = Seeing()
    opened = seeing.look(11, socket()).opened
    after = Tracker(5, OWN_PID)
    after.resume(opened)
    after.see(Sighting(500 * SECOND, residents={}))
    changes = after.see(Sighting(501 * SECOND, dumps=(dump(501, (socket(), alive())),)))
    assert changes.opened == []


def test_what_is_gone_after_a_namespace_could_not_be_looked_into_ended_nobody_knows_when() -> None:
    seeing = Seeing()
    opened = one(seeing.look(11, socket()).opened)
    seeing.tracker.see(Sighting(12 * SECOND, faults={NAMESPACE: "Operation not permitted"}))
    seeing.look(300)
    assert (opened.outcome, opened.closed_us) == (Outcome.UNKNOWN, None)


def test_a_call_that_came_in_and_ends_while_it_is_looked_at_is_not_taken_for_ours() -> None:
    """Its state is read a moment before its counters, in which our FIN may have been acknowledged."""
    served = socket(local=Endpoint(HERE.ip, 3000), remote=CALLER)
    assert Seeing().look(11, (served, accepted(5, 5, state=4)), listening={("tcp", 3000)}) == Changes()
    seeing = Seeing()
    for at_s, seen in ((11, alive(5, 5)), (12, accepted(5, 5, state=4))):
        assert seeing.look(at_s, (served, seen), listening={("tcp", 3000)}) == Changes()
    assert seeing.hear(end(12.5, accepted(5, 5), local=served.local, remote=CALLER)) == Changes()
