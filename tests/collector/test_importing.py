"""What an import hands over becomes rows: once, each with the end that was told last."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.collector import build
from tests.history.sample import Recorder
from tui.collector.chunks import Answer, Chunk, Told
from tui.collector.importing import Importing, keys_of, take
from tui.collector.pipeline import Pipeline
from tui.collector.spool import Spool, spool_path
from tui.history.batch import Batch
from tui.model.connection import Connection, Endpoint, Origin, Outcome, Recorded, Verdict
from tui.model.request import Request
from tui.proxylog.keys import RequestKey, RequestKeys

NOON_US = 1_795_435_200_000_000
LOG = "/var/log/squid/access.log"
CLIENT = Endpoint("172.18.0.3", 40_000)
FRESH: Mapping[RequestKey, int | None] = {}


def request(host: str = "api.stripe.com", *, outcome: Outcome = Outcome.CLOSED, at_s: int = 0) -> Request:
    began_us = NOON_US + at_s * 1_000_000
    ended_us = None if outcome.is_open else began_us + 5
    return Request(host, 443, outcome, began_us, ended_us, CLIENT, "198.51.100.22", 10, 20, "TCP_TUNNEL/200")


def told(*requests: Request) -> tuple[Told, ...]:
    keys = RequestKeys()
    return tuple(Told(each, keys.of(each), None) for each in requests)


def rows(batch: Batch) -> list[Connection]:
    return [connection for connection, _ in batch.connections.values()]


@pytest.fixture
def pipeline() -> Pipeline:
    return build.pipeline()


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    made = Recorder(tmp_path / "history.db")
    yield made
    made.close()


def test_a_request_is_an_imported_connection_judged_by_the_list_of_today() -> None:
    pipeline = build.pipeline('[[allow]]\nhost = "api.stripe.com"\nreason = "x"\n')
    answer = take(Chunk(1, LOG, told(request(), request("evil.example"))), FRESH, pipeline, NOON_US)
    allowed, off = rows(pipeline.take())
    assert answer == Answer(2, 0)
    assert (allowed.source, allowed.recorded, allowed.origin) == (f"proxy:{LOG}", Recorded.IMPORTED, Origin(""))
    assert (allowed.opened_us, allowed.closed_us, allowed.bytes_sent) == (NOON_US, NOON_US + 5, 10)
    assert [each.judgement.verdict for each in (allowed, off)] == [Verdict.ALLOWED, Verdict.OFF_ALLOWLIST]


def test_what_is_known_or_about_to_be_written_or_told_twice_is_left_out(pipeline: Pipeline) -> None:
    known, pending, twice, new = told(*(request(at_s=second) for second in range(4)))
    pipeline.batch.requests[pending.key] = None
    answer = take(Chunk(1, LOG, (known, pending, twice, twice, new)), {known.key: None}, pipeline, NOON_US)
    assert answer == Answer(2, 3)
    batch = pipeline.take()
    assert [each.opened_us for each in rows(batch)] == [NOON_US + 2_000_000, NOON_US + 3_000_000]
    assert batch.requests == {pending.key: None, twice.key: 1, new.key: 2}


def test_what_was_open_when_the_log_ended_has_no_known_end_until_another_import_tells_it(pipeline: Pipeline) -> None:
    keys = RequestKeys()
    opened = request(outcome=Outcome.OPEN)
    opened_key = keys.of(opened)
    take(Chunk(1, LOG, (Told(opened, opened_key, None),)), FRESH, pipeline, NOON_US)
    first = pipeline.take()
    (row,) = rows(first)
    assert (row.outcome, row.closed_us) == (Outcome.UNKNOWN, None)
    assert first.requests == {opened_key: row.id}
    closed = request()
    again = Told(closed, keys.of(closed), opened_key)
    answer = take(Chunk(2, LOG, (again,)), first.requests, pipeline, NOON_US)
    (ended,) = rows(pipeline.take())
    assert answer == Answer(1, 0)
    assert (ended.id, ended.outcome, ended.closed_us) == (row.id, Outcome.CLOSED, NOON_US + 5)


def test_the_end_of_what_a_collector_saw_begin_is_the_collector_s_to_tell(pipeline: Pipeline) -> None:
    (ended,) = told(request())
    answer = take(Chunk(1, LOG, (ended._replace(opened=(1, 2)),)), {(1, 2): None}, pipeline, NOON_US)
    assert answer == Answer(0, 1)
    assert not pipeline.take()


def test_a_destination_off_the_list_is_told_at_the_time_of_the_request(pipeline: Pipeline) -> None:
    now_us = NOON_US + 30 * 86_400_000_000
    take(Chunk(1, LOG, told(request(), request(at_s=60))), FRESH, pipeline, now_us)
    (alert,) = pipeline.take().alerts.values()
    assert (alert.destination, alert.count, alert.last_us) == ("api.stripe.com", 2, NOON_US + 60_000_000)


def test_an_import_raises_nothing_that_time_alone_brings_about(pipeline: Pipeline) -> None:
    take(Chunk(1, LOG, told(request())), FRESH, pipeline, NOON_US + 400 * 86_400_000_000)
    assert {alert.kind.value for alert in pipeline.take().alerts.values()} == {"off-allowlist"}


def test_the_record_knows_its_requests_again(recorder: Recorder) -> None:
    writer = recorder.writer
    chunk = Chunk(1, LOG, told(request(), request(at_s=1), request(outcome=Outcome.OPEN, at_s=2)))
    pipeline = build.pipeline()
    assert take(chunk, writer.known(keys_of(chunk)), pipeline, NOON_US) == Answer(3, 0)
    writer.commit(pipeline.take())
    known = writer.known(keys_of(chunk))
    assert [known[each.key] for each in chunk.told] == [1, 2, 3]
    assert take(chunk, known, pipeline, NOON_US) == Answer(0, 3)
    assert recorder.db.execute("SELECT count(*) FROM connection").fetchone() == (3,)


def test_a_batch_that_could_not_be_written_keeps_its_requests() -> None:
    older, newer = Batch(requests={(1, 1): None}), Batch(requests={(1, 2): 5})
    assert older.under(newer).requests == {(1, 1): None, (1, 2): 5}


def test_strange_chunks_are_said_and_passed_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    history = tmp_path / "history.db"
    spool = Spool.begin(history)
    (spool.path / "0000000001").write_bytes(b"\x1b]0;owned\x07")
    number = spool.put(LOG, told(request()))
    importing = Importing(history)
    found = importing.next()
    assert found is not None
    assert found.number == number
    said = capsys.readouterr().err
    assert "chunk 1 is refused" in said
    assert said.replace("\n", "").isprintable()
    importing.done(found, Answer(1, 0))
    assert importing.next() is None
    assert spool.take_answer(number) == Answer(1, 0)
    spool.end()


def test_a_folder_that_is_none_is_said_once_and_nothing_is_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history = tmp_path / "history.db"
    spool_path(history).symlink_to(tmp_path)
    importing = Importing(history)
    assert [importing.next(), importing.next()] == [None, None]
    assert capsys.readouterr().err.count(str(spool_path(history))) == 1
