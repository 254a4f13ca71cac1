"""What the kernel's counters mean: the rules that were found by experiment, one by one and in their order."""

import pytest

from tests.collector.kernel import alive, attempted, counted, end, wiped
from tui.collector.outcome import bytes_received, bytes_sent, is_passive, outcome_of
from tui.model.connection import Outcome
from tui.model.observation import Counters


@pytest.mark.parametrize(
    ("counters", "outcome"),
    [
        (attempted(segs_in=1), Outcome.REFUSED),
        (attempted(segs_in=1, retransmits=2, total_retrans=2), Outcome.REFUSED),
        (attempted(retransmits=1), Outcome.TIMED_OUT),
        (attempted(total_retrans=1), Outcome.TIMED_OUT),
        (attempted(total_rto=1), Outcome.TIMED_OUT),
        (attempted(), Outcome.UNKNOWN),
        (counted(300, 500), Outcome.CLOSED),
        (counted(0, 0), Outcome.CLOSED),
        (counted(0, 500), Outcome.CLOSED),
        (counted(300, 500, retransmits=1, probes=1), Outcome.CLOSED),
        (counted(300, 0), Outcome.NO_REPLY),
        (counted(300, 0)._replace(received=0), Outcome.NO_REPLY),
        (alive(300, 500, retransmits=5), Outcome.TIMED_OUT),
        (alive(300, 500, probes=1), Outcome.TIMED_OUT),
        (alive(0, 0, probes=1), Outcome.TIMED_OUT),
        (alive(300, 0, retransmits=5), Outcome.NO_REPLY),
        (alive(300, 500), Outcome.RESET),
        (alive(300, 0), Outcome.RESET),
        (alive(300, 500, acked=101), Outcome.RESET),
        (alive(300, 500, acked=101, retransmits=4), Outcome.TIMED_OUT),
    ],
)
def test_an_end_with_its_counters_went_as_they_say(counters: Counters, outcome: Outcome) -> None:
    assert outcome_of(end(1, counters)) is outcome


@pytest.mark.parametrize(
    ("wqueue", "retransmits", "outcome"),
    [
        (3, 0, Outcome.REFUSED),
        (3, 1, Outcome.TIMED_OUT),
        (4, 0, Outcome.RESET),
        (4, 1, Outcome.RESET),
        (3000, 0, Outcome.RESET),
    ],
)
def test_of_a_socket_without_its_port_the_write_queue_tells_whether_it_ever_connected(
    wqueue: int, retransmits: int, outcome: Outcome
) -> None:
    assert outcome_of(wiped(1, wqueue=wqueue, retransmits=retransmits)) is outcome


def test_of_udp_nobody_counts_whether_an_answer_came() -> None:
    assert outcome_of(end(1, None, protocol="udp")) is Outcome.UNKNOWN


def test_repeats_are_not_counted_as_sent_again() -> None:
    assert bytes_sent(counted(300)._replace(sent=420, resent=120)) == 300


def test_repeats_do_not_hide_an_orderly_end() -> None:
    lossy = counted(300, 500)._replace(sent=420, resent=120)
    assert outcome_of(end(1, lossy)) is Outcome.CLOSED
    assert bytes_received(lossy, ended=True) == 500


@pytest.mark.parametrize(
    ("counters", "ended", "received"),
    [
        (counted(300, 500), True, 500),
        (counted(300, 0), True, 0),
        (counted(300, 0)._replace(received=0), True, 0),
        (alive(300, 500), True, 500),
        (alive(300, 500), False, 500),
        (counted(300, 0)._replace(received=500), False, 500),
    ],
)
def test_the_far_sides_fin_is_no_payload_and_is_counted_only_after_an_orderly_end(
    counters: Counters, ended: bool, received: int
) -> None:
    assert bytes_received(counters, ended=ended) == received


def test_an_older_kernel_does_not_count_what_was_sent_and_keeps_what_was_received() -> None:
    older = counted(300, 500)._replace(sent=None)
    assert (bytes_sent(older), bytes_received(older, ended=True)) == (None, 501)
    assert outcome_of(end(1, older)) is Outcome.CLOSED


def test_who_was_heard_without_having_been_answered_came_in() -> None:
    assert is_passive(attempted(received=1, segs_in=2))
    assert not is_passive(attempted(segs_in=1))
    assert not is_passive(counted(0, 500))
