"""What a collector takes up of the record before it."""

from dataclasses import replace

from tests.history.sample import (
    HOUR_US,
    SECOND_US,
    START_US,
    Recorder,
    alert,
    connection,
    judged,
    loss,
    run,
    span,
    workload,
)
from tui.history.batch import Batch, KeptAllowlist, KeptWorkload
from tui.history.resume import JUST_ENDED_US, Sent, read_past
from tui.model.alert import Alert, AlertKind
from tui.model.answer import Answer
from tui.model.connection import Claim, Evidence, Name, Origin, Outcome, Phase, Verdict
from tui.model.workload import VISITOR

NOW_US = START_US + HOUR_US


def test_an_empty_history_begins_at_one(recorder: Recorder) -> None:
    past = read_past(recorder.db, NOW_US)
    assert (past.next_connection, past.next_alert, past.next_coverage, past.next_run) == (1, 1, 1, 1)
    assert (past.connections, past.alerts, past.answers) == ((), (), ())


def test_what_was_open_comes_back_as_it_was_written(recorder: Recorder) -> None:
    whole = connection(4, bytes_sent=5, origin=Origin("9", "api", "c", "i"), opened_exact=True)
    bare = connection(5, process=None, name=Name(None, None, ("a.b", "c.d")))
    claimed = connection(
        6, name=Name("a.b", Evidence.SNI, (), Claim.UNCONFIRMED, is_outer=True), connect_us=0, phase=Phase.TLS
    )
    recorder.write(whole, bare, claimed)
    past = read_past(recorder.db, NOW_US)
    for before, after in zip((whole, bare, claimed), past.connections, strict=True):
        assert replace(after, judgement=before.judgement) == before
        assert (after.judgement.verdict, after.judgement.rule) == (before.judgement.verdict, before.judgement.rule)
    assert past.next_connection == 7


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
    recorder.writer.commit(Batch(answers={a.key: a for a in (old, fresh)}))
    assert read_past(recorder.db, NOW_US).answers == (fresh,)


def test_the_allowlist_that_was_last_in_force_comes_back(recorder: Recorder) -> None:
    assert read_past(recorder.db, NOW_US).allowlist is None
    lists = [KeptAllowlist(1, 5, "one", b"[1]"), KeptAllowlist(2, 6, "two", b"[2]")]
    recorder.writer.commit(Batch(allowlists={kept.revision: kept for kept in lists}))
    assert read_past(recorder.db, NOW_US).allowlist == lists[1]


def test_an_attempt_that_hangs_is_open_and_comes_back(recorder: Recorder) -> None:
    recorder.write(connection(1, outcome=Outcome.UNANSWERED))
    assert [c.outcome for c in read_past(recorder.db, NOW_US).connections] == [Outcome.UNANSWERED]


def test_ids_of_losses_and_workloads_go_on_and_what_ran_comes_back_oldest_first(recorder: Recorder) -> None:
    kept = {id: KeptWorkload(id, workload(container=f"c{id}"), None) for id in (4, 2)}
    recorder.writer.commit(Batch(losses={3: loss(3, 1, 2, 5)}, workloads=kept))
    past = read_past(recorder.db, NOW_US)
    assert (past.next_loss, past.next_workload) == (4, 5)
    assert past.workloads == (kept[2], kept[4])


def test_what_each_role_sent_in_the_last_day_comes_back_hour_by_hour_and_internal_bytes_do_not(
    recorder: Recorder,
) -> None:
    now_hour = NOW_US // HOUR_US
    at = {id: (now_hour - ago) * HOUR_US for id, ago in enumerate((24, 23, 1, 1, 0), 1)}
    recorder.write(*(connection(id, opened_us=us, bytes_sent=id, bytes_received=10) for id, us in at.items()))
    recorder.write(
        connection(6, bytes_sent=99, judgement=judged(Verdict.INTERNAL)),
        connection(7, bytes_sent=99, origin=Origin("1")),
        connection(8, bytes_sent=0, name=Name("idle.example.com", Evidence.DNS)),
    )
    host = "licensing.tryretool.com"
    assert read_past(recorder.db, NOW_US).sent == (
        Sent("api", host, 443, now_hour - 23, 2, 10),
        Sent("api", host, 443, now_hour - 1, 7, 20),
        Sent("api", host, 443, now_hour, 5, 10),
    )


def test_upload_alerts_of_the_last_day_come_back_ended_ones_too(recorder: Recorder) -> None:
    def upload(id: int, last_us: int, **changes: object) -> Alert:
        return alert(id, kind=AlertKind.UPLOAD, cause=f"upload|{id}", last_us=last_us, **changes)

    day_us = 24 * HOUR_US
    fresh = upload(2, NOW_US - day_us + 1, resolved_us=NOW_US, resolution="looked at")
    recorder.write_rest(alerts=[upload(1, NOW_US - day_us), fresh, alert(3)])
    assert read_past(recorder.db, NOW_US).uploads == (fresh,)


def test_an_open_burst_comes_back_with_the_destinations_that_it_met(recorder: Recorder) -> None:
    burst = alert(1, cause="burst|api", destination=None, port=None, first_us=START_US)
    recorder.write_rest(alerts=[burst, alert(2)])
    off = judged(Verdict.OFF_ALLOWLIST)
    recorder.write(
        connection(1, name=Name("a.example.com", Evidence.DNS), judgement=off),
        connection(2, name=Name("old.example.com", Evidence.DNS), judgement=off, opened_us=START_US - HOUR_US),
        connection(3, name=Name("b.example.com", Evidence.DNS), judgement=off, origin=Origin("1", "jobs-runner")),
        connection(4),
    )
    assert read_past(recorder.db, NOW_US).bursts == ((burst, (("a.example.com", 443),)),)


def test_when_a_host_was_last_heard_comes_back_for_those_that_are_asked_for(recorder: Recorder) -> None:
    heard_us = START_US + 7 * SECOND_US
    recorder.write(
        connection(1, outcome=Outcome.CLOSED, last_seen_us=heard_us),
        connection(2, outcome=Outcome.REFUSED, last_seen_us=heard_us + SECOND_US),
        connection(3, outcome=Outcome.CLOSED, name=Name("p.tryretool.com", Evidence.DNS)),
    )
    hosts = ["licensing.tryretool.com", "never.example.com"]
    assert read_past(recorder.db, NOW_US, hosts).reached == {"licensing.tryretool.com": heard_us}


def test_the_last_span_of_every_place_that_has_not_ended_comes_back(recorder: Recorder) -> None:
    spans = [
        span(1, 0, 5), span(2, 6, 9), span(3, 0, 9, source="names"), span(4, 0, 9, namespace="net:[2]"),
        span(5, 0, 9, namespace="net:[3]", growing=False, gone=True),
    ]  # fmt: skip
    recorder.write_rest(coverage=spans)
    assert {kept.id for kept in read_past(recorder.db, NOW_US).spans} == {2, 3, 4}


def test_a_hole_before_the_end_of_a_namespace_is_not_taken_for_its_end(recorder: Recorder) -> None:
    recorder.write_rest(coverage=[span(1, 0, 5, growing=False), span(2, 60, 90, growing=False, gone=True)])
    assert read_past(recorder.db, NOW_US).spans == ()


def test_a_role_of_retool_that_was_ever_seen_is_remembered_and_a_visitor_is_none(recorder: Recorder) -> None:
    recorder.write(connection(1, origin=Origin("1", VISITOR)), connection(2, origin=Origin("1")))
    assert not read_past(recorder.db, NOW_US).roles_seen
    recorder.write(connection(3, origin=Origin("1", "api")))
    assert read_past(recorder.db, NOW_US).roles_seen


def test_the_record_was_whole_since_its_last_hole_or_loss(recorder: Recorder) -> None:
    def covered_s() -> int | None:
        since_us = read_past(recorder.db, NOW_US).covered_since_us
        return None if since_us is None else (since_us - START_US) // SECOND_US

    recorder.write_rest(run=run(), coverage=[span(1, START_US, NOW_US)])
    assert covered_s() == 0
    recorder.writer.commit(Batch(losses={1: loss(1, START_US, START_US + 60 * SECOND_US, 5)}))
    assert covered_s() == 60
    late_us = START_US + 600 * SECOND_US
    recorder.write_rest(coverage=[span(1, START_US, START_US + 300 * SECOND_US), span(2, late_us, NOW_US)])
    assert covered_s() == 600
    recorder.write_rest(coverage=[span(2, late_us, NOW_US - 60 * SECOND_US)])
    assert covered_s() is None


def test_lost_packets_and_packets_that_are_not_read_leave_the_record_of_sockets_whole(recorder: Recorder) -> None:
    packets = replace(loss(1, START_US, NOW_US - 60 * SECOND_US, 5), source="wire")
    recorder.write_rest(
        run=run(), coverage=[span(1, START_US, NOW_US), span(2, START_US, START_US + 60 * SECOND_US, source="wire")]
    )
    recorder.writer.commit(Batch(losses={1: packets}))
    assert read_past(recorder.db, NOW_US).covered_since_us == START_US


def test_a_hole_of_one_namespace_alone_ends_what_was_whole(recorder: Recorder) -> None:
    mended_us = START_US + 600 * SECOND_US
    recorder.write_rest(
        run=run(),
        coverage=[
            span(1, START_US, NOW_US),
            span(2, START_US, START_US + 60 * SECOND_US, namespace="net:[2]"),
            span(3, mended_us, NOW_US, namespace="net:[2]"),
        ],
    )
    assert read_past(recorder.db, NOW_US).covered_since_us == mended_us
