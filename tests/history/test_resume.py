"""What a collector takes up of the record before it."""

from dataclasses import replace

from tests.history.sample import HOUR_US, SECOND_US, START_US, Recorder, alert, connection, run, span
from tui.history.batch import Batch, KeptAllowlist
from tui.history.resume import JUST_ENDED_US, read_past
from tui.model.answer import Answer
from tui.model.connection import Name, Origin, Outcome

NOW_US = START_US + HOUR_US


def test_an_empty_history_begins_at_one(recorder: Recorder) -> None:
    past = read_past(recorder.db, NOW_US)
    assert (past.next_connection, past.next_alert, past.next_coverage, past.next_run) == (1, 1, 1, 1)
    assert (past.connections, past.alerts, past.answers) == ((), (), ())


def test_what_was_open_comes_back_as_it_was_written(recorder: Recorder) -> None:
    whole = connection(4, bytes_sent=5, origin=Origin("9", "api", "c", "i"), opened_exact=True)
    bare = connection(5, process=None, name=Name(None, None, ("a.b", "c.d")))
    recorder.write(whole, bare)
    past = read_past(recorder.db, NOW_US)
    for before, after in zip((whole, bare), past.connections, strict=True):
        assert replace(after, judgement=before.judgement) == before
        assert (after.judgement.verdict, after.judgement.rule) == (before.judgement.verdict, before.judgement.rule)
    assert past.next_connection == 6


def test_what_ended_shortly_before_comes_back_and_what_ended_long_ago_does_not(recorder: Recorder) -> None:
    recorder.write(
        connection(1, outcome=Outcome.CLOSED, closed_us=NOW_US - JUST_ENDED_US - SECOND_US),
        connection(2, outcome=Outcome.CLOSED, closed_us=NOW_US - JUST_ENDED_US + SECOND_US),
        connection(3, outcome=Outcome.UNKNOWN, closed_us=None),
    )
    assert [c.id for c in read_past(recorder.db, NOW_US).connections] == [2]


def test_ids_of_alerts_spans_and_runs_go_on_and_open_alerts_come_back(recorder: Recorder) -> None:
    recorder.write_rest(
        run=run(7),
        alerts=[alert(3, cause="a"), alert(4, cause="b", resolved_us=5)],
        coverage=[span(9, START_US, START_US + 5)],
    )
    past = read_past(recorder.db, NOW_US)
    assert (past.next_alert, past.next_coverage, past.next_run) == (5, 10, 8)
    assert past.alerts == (alert(3, cause="a"),)


def test_answers_that_held_within_a_day_come_back(recorder: Recorder) -> None:
    day_us = 24 * HOUR_US
    old = Answer("a.b", "203.0.113.7", 1, NOW_US - day_us - 1)
    fresh = Answer("a.b", "2001:db8::7", 2, NOW_US - day_us + 1)
    recorder.writer.commit(Batch(answers={(a.host, a.ip, a.from_us): a for a in (old, fresh)}))
    assert read_past(recorder.db, NOW_US).answers == (fresh,)


def test_the_allowlist_that_was_last_in_force_comes_back(recorder: Recorder) -> None:
    assert read_past(recorder.db, NOW_US).allowlist is None
    lists = [KeptAllowlist(1, 5, "one", b"[1]"), KeptAllowlist(2, 6, "two", b"[2]")]
    recorder.writer.commit(Batch(allowlists={kept.revision: kept for kept in lists}))
    assert read_past(recorder.db, NOW_US).allowlist == lists[1]
