"""The bytes of what is still open: in the rows, in the sums, after the end, and after a crash."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.history.sample import SECOND_US, START_US, Recorder, batch, connection
from tui.history.batch import Batch
from tui.history.read import Reader
from tui.history.resume import read_past
from tui.history.sums import destinations
from tui.model.connection import Connection, Outcome
from tui.model.filter import Filter

Bytes = tuple[int | None, int | None]
END_US = START_US + 60 * SECOND_US


@pytest.fixture
def reader(recorder: Recorder) -> Iterator[Reader]:
    reader = Reader(recorder.path)
    yield reader
    reader.close()


def count(recorder: Recorder, *connections: Connection, **counters: Bytes) -> None:
    """Commit connections and, by ``c`` and the id, counters."""
    told = {int(name.removeprefix("c")): both for name, both in counters.items()}
    recorder.writer.commit(batch(*connections, counters=told))


def in_rows(reader: Reader, id: int = 1) -> Bytes:
    (row,) = (row for row in reader.connections(Filter(), 0, 2**62) if row.id == id)
    return row.bytes_sent, row.bytes_received


def in_sums(reader: Reader, text: str = "") -> Bytes:
    (row,) = destinations(reader, Filter.parse(text), START_US, END_US)
    return row.bytes_sent, row.bytes_received


def everywhere(reader: Reader) -> set[Bytes]:
    """What the row, the sums by hours and the sums by rows say of the only connection."""
    return {in_rows(reader), in_sums(reader), in_sums(reader, "ip:0.0.0.0/0")}


def left(db: sqlite3.Connection) -> list[int]:
    return [id for (id,) in db.execute("SELECT id FROM counter ORDER BY id")]


def ended(sent: int | None, received: int | None, id: int = 1) -> Connection:
    return connection(
        id, outcome=Outcome.CLOSED, closed_us=END_US, last_seen_us=END_US, bytes_sent=sent, bytes_received=received
    )


def test_the_bytes_of_what_is_open_are_in_the_row_and_in_the_sums(recorder: Recorder, reader: Reader) -> None:
    recorder.write(connection(1))
    assert everywhere(reader) == {(None, None)}
    for both in ((10, 0), (10, 700), (90, 700)):
        count(recorder, c1=both)
        assert everywhere(reader) == {both}


def test_the_minutes_have_them_too(recorder: Recorder) -> None:
    recorder.write(connection(1))
    count(recorder, c1=(10, 700))
    assert recorder.db.execute("SELECT sum(bytes_sent), sum(bytes_received) FROM minute").fetchone() == (10, 700)


def test_counters_in_the_commit_that_first_has_the_connection_count(recorder: Recorder, reader: Reader) -> None:
    count(recorder, connection(1), c1=(10, 700))
    assert everywhere(reader) == {(10, 700)}


def test_the_first_byte_that_comes_back_means_reached(recorder: Recorder, reader: Reader) -> None:
    recorder.write(connection(1, last_seen_us=START_US + SECOND_US))
    count(recorder, c1=(10, 0))
    assert destinations(reader, Filter(), START_US, END_US)[0].reached_us is None
    count(recorder, c1=(10, 1))
    assert destinations(reader, Filter(), START_US, END_US)[0].reached_us is not None


def test_after_the_end_the_ends_bytes_hold_and_no_counter_is_left(recorder: Recorder, reader: Reader) -> None:
    recorder.write(connection(1))
    count(recorder, c1=(10, 700))
    recorder.write(ended(300, 900), final=True)
    assert everywhere(reader) == {(300, 900)}
    assert left(recorder.db) == []


def test_an_end_that_takes_bytes_back_is_believed(recorder: Recorder, reader: Reader) -> None:
    recorder.write(connection(1))
    count(recorder, c1=(300, 501))
    recorder.write(ended(300, 500), final=True)
    assert everywhere(reader) == {(300, 500)}


def test_counters_that_were_read_before_the_end_and_are_committed_with_it_do_not_undo_it(
    recorder: Recorder, reader: Reader
) -> None:
    recorder.write(connection(1))
    count(recorder, ended(300, 500), c1=(100, 200))
    assert everywhere(reader) == {(300, 500)}
    assert left(recorder.db) == []


def test_a_connection_that_came_and_ended_between_two_commits_leaves_no_counter(
    recorder: Recorder, reader: Reader
) -> None:
    count(recorder, ended(300, 500), c1=(100, 200))
    assert everywhere(reader) == {(300, 500)}
    assert left(recorder.db) == []


def test_a_failed_commit_leaves_the_counters_as_they_were(recorder: Recorder, reader: Reader) -> None:
    recorder.write(connection(1))
    count(recorder, c1=(10, 700))
    recorder.db.execute(
        "CREATE TEMP TRIGGER full BEFORE INSERT ON main.minute BEGIN SELECT raise(ABORT, 'disk is full'); END"
    )
    with pytest.raises(sqlite3.Error, match="disk is full"):
        count(recorder, c1=(90, 900))
    assert everywhere(reader) == {(10, 700)}
    recorder.db.execute("DROP TRIGGER full")
    count(recorder, c1=(90, 900))
    assert everywhere(reader) == {(90, 900)}


def test_a_newer_batch_has_the_newer_counters() -> None:
    merged = Batch(counters={1: (1, 1), 2: (2, 2)}).under(Batch(counters={1: (9, 9)}))
    assert merged.counters == {1: (9, 9), 2: (2, 2)}


def test_after_a_crash_the_next_collector_takes_up_the_bytes_and_counts_them_once(path: Path) -> None:
    killed = Recorder(path)
    killed.write(connection(1))
    count(killed, c1=(10, 700))
    killed.db.close()
    after = Recorder(path)
    (resumed,) = read_past(after.db, END_US).connections
    assert (resumed.bytes_sent, resumed.bytes_received) == (10, 700)
    reader = Reader(path)
    count(after, c1=(90, 900))
    assert everywhere(reader) == {(90, 900)}
    after.write(ended(300, 901), final=True)
    assert everywhere(reader) == {(300, 901)}
    assert left(after.db) == []
    reader.close()
    after.close()


def test_a_row_that_is_newer_than_its_counter_is_believed_also_after_a_crash(path: Path) -> None:
    killed = Recorder(path)
    killed.write(connection(1))
    count(killed, c1=(10, 700))
    killed.write(connection(1, bytes_sent=90, bytes_received=900))
    killed.db.close()
    after = Recorder(path)
    reader = Reader(path)
    assert everywhere(reader) == {(90, 900)}
    after.write(ended(300, 901), final=True)
    assert everywhere(reader) == {(300, 901)}
    reader.close()
    after.close()


def test_what_ends_right_after_a_crash_leaves_no_counter(path: Path) -> None:
    killed = Recorder(path)
    killed.write(connection(1))
    count(killed, c1=(10, 700))
    killed.db.close()
    after = Recorder(path)
    after.write(ended(300, 901), final=True)
    assert left(after.db) == []
    after.close()
