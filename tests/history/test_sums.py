"""The sums on the screens: exact, the same whichever way they are asked, and cheap to follow."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.history.sample import HOUR_US, MINUTE_US, SECOND_US, START_US, Recorder, connection, judged, run, span
from tui.history.read import Reader
from tui.history.rows import DestinationRow
from tui.history.sums import activity, changed_destinations, destinations, last_seen
from tui.model.connection import Endpoint, Evidence, Label, Name, Origin, Outcome, Verdict
from tui.model.filter import Filter

END_US = START_US + 10 * HOUR_US
A, B = Name("a.example.com", Evidence.FORWARD), Name("b.example.com", Evidence.FORWARD)
BY_ROWS = "ip:0.0.0.0/0"
"""Fits everything here, and the hourly sums cannot answer it."""


@pytest.fixture
def reader(recorder: Recorder) -> Iterator[Reader]:
    reader = Reader(recorder.path)
    yield reader
    reader.close()


def asked(reader: Reader, text: str = "", from_us: int = START_US, to_us: int = END_US) -> list[DestinationRow]:
    rows = destinations(reader, Filter.parse(text), from_us, to_us)
    return sorted(rows, key=lambda row: (row.name, row.role or ""))


def fill(recorder: Recorder) -> None:
    outcomes = [Outcome.OPEN, Outcome.CLOSED, Outcome.REFUSED, Outcome.CLOSED, Outcome.TIMED_OUT]
    for id in range(1, 121):
        at_us = START_US + id * 5 * MINUTE_US
        outcome = outcomes[id % 5]
        opened = connection(
            id,
            opened_us=at_us,
            name=(A, B, Name())[id % 3],
            origin=Origin("1", (None, "api")[id % 2]),
            label=Label(("Retool AI", "License checks")[id % 2]),
            judgement=judged((Verdict.ALLOWED, Verdict.OFF_ALLOWLIST)[id % 4 == 0]),
            bytes_sent=id if id % 7 else None,
        )
        recorder.write(opened)
        if outcome is not Outcome.OPEN:
            recorder.write(
                replace(opened, outcome=outcome, last_seen_us=at_us + SECOND_US, closed_us=at_us + SECOND_US),
                final=True,
            )


@pytest.mark.parametrize("ended_us", [None, END_US])
@pytest.mark.parametrize(("from_h", "to_h"), [(0, 10), (3, 5), (9, 20), (4, 4)])
@pytest.mark.parametrize(
    "word", ["", "role:api", "-role:api", "verdict:off-allowlist", "outcome:refused,open", "host:a.ex"]
)
def test_rows_and_sums_give_the_same_answer(
    recorder: Recorder, reader: Reader, word: str, from_h: int, to_h: int, ended_us: int | None
) -> None:
    fill(recorder)
    watched = replace(span(1, START_US, END_US), namespace="1")
    recorder.write_rest(run=run(seen_us=END_US, ended_us=ended_us), coverage=[watched])
    times = (START_US + from_h * HOUR_US, START_US + to_h * HOUR_US + MINUTE_US)
    by_sums = asked(reader, word, *times)
    assert by_sums == asked(reader, f"{word} {BY_ROWS}", *times)
    assert by_sums


def test_a_destination_is_summed_by_role_over_outcomes_and_hours(recorder: Recorder, reader: Reader) -> None:
    recorder.write(
        connection(1, name=A, bytes_sent=10, outcome=Outcome.CLOSED, last_seen_us=START_US + 5),
        connection(2, name=A, bytes_sent=None, outcome=Outcome.TIMED_OUT, opened_us=START_US + HOUR_US),
        connection(3, name=A, bytes_sent=5, bytes_received=7, opened_us=START_US + 2 * HOUR_US),
        connection(4, name=A, origin=Origin("1", "jobs-runner")),
    )
    api, jobs = asked(reader)
    assert (api.name, api.named, api.port, api.role, api.verdict) == (
        "a.example.com",
        True,
        443,
        "api",
        Verdict.ALLOWED,
    )
    assert (api.connections, api.open, api.failed) == (3, 1, 1)
    assert (api.bytes_sent, api.bytes_received) == (15, 7)
    assert (api.first_us, api.last_us) == (START_US, START_US + 2 * HOUR_US)
    assert (jobs.role, jobs.connections, jobs.bytes_sent) == ("jobs-runner", 1, None)


def test_what_is_still_open_from_before_the_span_is_in_it_as_late_as_the_collector_looked(
    recorder: Recorder, reader: Reader
) -> None:
    recorder.write(connection(1, name=A), connection(2, name=B, outcome=Outcome.CLOSED))
    recorder.write_rest(coverage=[span(1, START_US, START_US + 8 * HOUR_US)])
    for text in ("", BY_ROWS):
        (row,) = asked(reader, text, START_US + 5 * HOUR_US)
        assert (row.name, row.open, row.last_us) == ("a.example.com", 1, START_US + 8 * HOUR_US)


def test_a_destination_that_got_its_name_later_leaves_nothing_under_its_address(
    recorder: Recorder, reader: Reader
) -> None:
    recorder.write(connection(1, name=Name(), judgement=judged(Verdict.PENDING)))
    seen = reader.revision()
    (before,) = asked(reader)
    recorder.write(connection(1, name=A))
    assert [row.name for row in asked(reader)] == ["a.example.com"]
    assert before.destination_id in changed_destinations(reader, seen)
    assert asked(reader)[0].destination_id in changed_destinations(reader, seen)
    assert destinations(reader, Filter(), START_US, END_US, only=[before.destination_id]) == []


def test_the_verdict_of_what_is_open_is_shown_once_the_list_allows_it(recorder: Recorder, reader: Reader) -> None:
    off, allowed = judged(Verdict.OFF_ALLOWLIST), judged(Verdict.ALLOWED)
    recorder.write(
        connection(1, name=A, judgement=off),
        connection(2, name=A, judgement=off, opened_us=START_US + SECOND_US, outcome=Outcome.CLOSED),
    )
    recorder.write_rest(coverage=[span(1, START_US, START_US + MINUTE_US)])
    assert asked(reader)[0].verdict is Verdict.OFF_ALLOWLIST
    recorder.write(connection(1, name=A, judgement=allowed))
    for text in ("", BY_ROWS):
        assert asked(reader, text)[0].verdict is Verdict.ALLOWED


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_of_two_verdicts_that_are_equally_new_the_worse_is_shown(
    recorder: Recorder, reader: Reader, order: tuple[int, int]
) -> None:
    verdicts = {1: judged(Verdict.ALLOWED), 2: judged(Verdict.OFF_ALLOWLIST)}
    for id in order:
        recorder.write(connection(id, name=A, judgement=verdicts[id], outcome=Outcome.CLOSED))
    for text in ("", BY_ROWS):
        assert asked(reader, text)[0].verdict is Verdict.OFF_ALLOWLIST


def test_only_what_changed_is_told_and_at_a_cost_that_does_not_grow_with_the_history(
    recorder: Recorder, reader: Reader
) -> None:
    def steps() -> int:
        counted = [0]
        reader.db.set_progress_handler(lambda: counted.__setitem__(0, counted[0] + 1), 1)
        ids = changed_destinations(reader, seen)
        reader.db.set_progress_handler(None, 1)
        assert len(ids) == 1
        return counted[0]

    recorder.write(connection(1, name=A))
    seen = reader.revision()
    recorder.write(connection(2, name=B))
    few = steps()
    recorder.write(*(connection(id, opened_us=START_US + id * HOUR_US, name=A) for id in range(10, 2010)))
    seen = reader.revision()
    recorder.write(connection(2, name=B, bytes_sent=5))
    assert changed_destinations(reader, reader.revision()) == []
    assert steps() <= few + 5


def test_when_a_category_was_last_seen_costs_the_same_however_long_the_record_is(
    recorder: Recorder, reader: Reader
) -> None:
    def steps() -> int:
        counted = [0]
        reader.db.set_progress_handler(lambda: counted.__setitem__(0, counted[0] + 1), 1)
        assert last_seen(reader) == {"License checks": latest * MINUTE_US + START_US}
        reader.db.set_progress_handler(None, 1)
        return counted[0]

    latest = 0
    for closed in (False, True):
        outcome = Outcome.CLOSED if closed else Outcome.OPEN
        recorder.write(connection(1, outcome=outcome))
    few = steps()
    latest = 999
    for outcome in (Outcome.OPEN, Outcome.CLOSED):
        recorder.write(*(connection(2 + n, opened_us=START_US + n * MINUTE_US, outcome=outcome) for n in range(1000)))
    assert steps() <= few + 5


def test_activity_counts_openings_in_steps_that_end_now(recorder: Recorder, reader: Reader) -> None:
    now_us = START_US + HOUR_US + 30 * SECOND_US
    minutes = [-1, 0, 1, 2, 3, 58, 59, 60, 61]
    recorder.write(
        *(
            connection(n, opened_us=START_US + m * MINUTE_US + 1, outcome=Outcome.CLOSED)
            for n, m in enumerate(minutes, 1)
        )
    )
    counts = activity(reader, now_us - HOUR_US, now_us, 2)["License checks"]
    assert len(counts) == 30
    assert counts[0] == 2
    assert counts[1] == 1
    assert counts[-2:] == [1, 2]
    assert sum(counts) == 6


def test_activity_of_a_quiet_hour_is_empty(recorder: Recorder, reader: Reader) -> None:
    recorder.write(connection(1))
    assert activity(reader, END_US, END_US + HOUR_US, 2) == {}


def test_a_destination_at_another_port_is_another(recorder: Recorder, reader: Reader) -> None:
    recorder.write(connection(1, name=A), connection(2, name=A, remote=Endpoint("203.0.113.7", 80)))
    assert [row.port for row in asked(reader)] == [443, 80]
