"""A history of an earlier version: what it answers stays true when this version's collector takes it over."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.history import version_one
from tests.history.sample import HOUR_US, SECOND_US, START_US, Recorder, connection
from tests.history.version_one import API, CONNECTIONS, HOLE, LAST_US
from tui.history.errors import HistoryUnreadable
from tui.history.read import Reader
from tui.history.resume import read_past
from tui.history.rows import DestinationRow
from tui.history.schema import schema_version
from tui.history.sums import destinations
from tui.model.connection import Outcome
from tui.model.filter import Filter


@pytest.fixture
def taken_over(path: Path) -> Iterator[Recorder]:
    """A history of version 1, opened by this version's collector."""
    version_one.make(path)
    recorder = Recorder(path)
    yield recorder
    recorder.close()


@pytest.fixture
def reader(taken_over: Recorder) -> Iterator[Reader]:
    reader = Reader(taken_over.path)
    yield reader
    reader.close()


def sums(reader: Reader, text: str = "") -> dict[str, DestinationRow]:
    return {row.name: row for row in destinations(reader, Filter.parse(text), START_US, LAST_US)}


def test_a_reader_asks_for_the_collector_before_it_has_been_brought_up_to_date(path: Path) -> None:
    version_one.make(path)
    with pytest.raises(HistoryUnreadable) as refused:
        Reader(path)
    assert "retool-egress collect" in refused.value.hint


def test_it_is_brought_up_to_date_once_and_stays_the_same_history(taken_over: Recorder, reader: Reader) -> None:
    applied = taken_over.db.execute("SELECT count(*) FROM _sqlite_migrations").fetchone()
    assert applied == (schema_version(),)
    recording = reader.recording()
    assert (recording.node, recording.history_id, recording.first_us) == (recording.node, "5f0f", START_US)
    assert reader.revision() == 41
    again = Recorder(taken_over.path)
    assert again.db.execute("SELECT count(*) FROM _sqlite_migrations").fetchone() == applied
    again.close()


def test_every_connection_is_kept_as_it_was(reader: Reader) -> None:
    rows = list(reader.connections(Filter(), 0, 2**62))
    assert [(row.id, row.opened_us, row.outcome) for row in rows] == [
        (id, at_us, version_one.WORDS[outcome]) for id, at_us, outcome, _ in CONNECTIONS
    ]
    assert {(row.bytes_sent, row.bytes_received) for row in rows} == {(None, None)}
    assert (rows[0].role, rows[0].process, rows[0].host, rows[4].host) == (
        "api", "node", "licensing.tryretool.com", None,
    )  # fmt: skip


@pytest.mark.parametrize("text", ["", "ip:0.0.0.0/0"])
def test_sums_tell_what_failed_and_what_was_reached_before_the_migration_too(reader: Reader, text: str) -> None:
    known = sums(reader, text)["licensing.tryretool.com"]
    assert (known.connections, known.open, known.failed) == (4, 1, 1)
    assert known.failed_us == CONNECTIONS[3][1] + SECOND_US
    assert known.reached_us == CONNECTIONS[2][1] + SECOND_US
    unknown = sums(reader, text)["203.0.113.77"]
    assert (unknown.connections, unknown.failed, unknown.failed_us, unknown.reached_us) == (1, 0, None, None)


def test_holes_and_alerts_are_told_as_before(reader: Reader) -> None:
    assert [(h.from_us, h.to_us) for h in reader.holes("sockets", START_US, LAST_US)] == [HOLE]
    assert [(alert.id, alert.is_open) for alert in reader.alerts()] == [(1, True)]
    assert reader.workloads() == []


def test_a_collector_takes_up_what_was_open_and_moves_the_old_sums(taken_over: Recorder, reader: Reader) -> None:
    past = read_past(taken_over.db, LAST_US, ["licensing.tryretool.com"])
    assert (past.next_connection, past.next_loss, past.next_workload) == (6, 1, 1)
    assert [c.id for c in past.connections] == [1]
    assert past.reached == {"licensing.tryretool.com": CONNECTIONS[2][1] + SECOND_US}
    assert [(span.id, span.namespace, span.gone) for span in past.spans] == [(2, API, False)]
    (opened,) = past.connections
    ended = connection(
        1, opened_us=opened.opened_us, last_seen_us=START_US + HOUR_US // 2, outcome=Outcome.REFUSED,
        remote=opened.remote, origin=opened.origin, process=opened.process, judgement=opened.judgement,
    )  # fmt: skip
    taken_over.write(ended, final=True)
    known = sums(reader)["licensing.tryretool.com"]
    assert (known.connections, known.open, known.failed) == (4, 0, 2)
    assert known.failed_us == START_US + HOUR_US // 2


def test_an_attempt_that_hangs_can_be_recorded_in_it(taken_over: Recorder, reader: Reader) -> None:
    taken_over.write(connection(6, outcome=Outcome.UNANSWERED))
    (row,) = reader.connections(Filter.parse("outcome:unanswered"), 0, 2**62)
    assert row.id == 6
    assert [c.id for c in read_past(taken_over.db, LAST_US).connections] == [1, 6]
