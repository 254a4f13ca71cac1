"""What a commit writes: all of it or nothing, each thing once, and sums that agree with the rows."""

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.history.sample import (
    HOUR_US,
    MINUTE_US,
    SECOND_US,
    START_US,
    Recorder,
    alert,
    batch,
    connection,
    judged,
    run,
    span,
)
from tui.history.batch import Batch
from tui.history.read import Reader
from tui.history.resume import read_past
from tui.history.write import Writer
from tui.model.answer import Answer
from tui.model.connection import (
    Claim,
    Connection,
    Endpoint,
    Evidence,
    Name,
    Origin,
    Outcome,
    Phase,
    Process,
    Verdict,
)
from tui.model.filter import Filter

_ROWS_BY_HOUR = """
SELECT r.opened_us / 3600000000, r.destination_id, f.id, count(*), sum(r.bytes_sent), sum(r.bytes_received)
FROM recorded r JOIN facet f ON f.role IS r.role AND f.category = r.category AND f.verdict = r.verdict
    AND f.outcome = r.outcome GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
_ROWS_BY_MINUTE = """
SELECT r.opened_us / 60000000, f.id, count(*), sum(r.bytes_sent), sum(r.bytes_received)
FROM recorded r JOIN facet f ON f.role IS r.role AND f.category = r.category AND f.verdict = r.verdict
    AND f.outcome = r.outcome GROUP BY 1, 2 ORDER BY 1, 2
"""


def agree(db: sqlite3.Connection) -> None:
    """The sums are what the rows give, and wider in time never narrower."""
    hours = db.execute(
        "SELECT hour, destination, facet, connections, bytes_sent, bytes_received FROM hour WHERE connections <> 0 "
        "ORDER BY 1, 2, 3"
    ).fetchall()
    minutes = db.execute(
        "SELECT minute, facet, connections, bytes_sent, bytes_received FROM minute WHERE connections <> 0 ORDER BY 1, 2"
    ).fetchall()
    assert [_plain(row) for row in hours] == [_plain(row) for row in db.execute(_ROWS_BY_HOUR)]
    assert [_plain(row) for row in minutes] == [_plain(row) for row in db.execute(_ROWS_BY_MINUTE)]
    emptied = (
        "SELECT count(*) FROM {} WHERE connections = 0 AND (coalesce(bytes_sent, 0) OR coalesce(bytes_received, 0))"
    )
    assert db.execute(emptied.format("hour")).fetchone() == (0,)
    assert db.execute(emptied.format("minute")).fetchone() == (0,)


def _plain(row: tuple[int | None, ...]) -> tuple[int, ...]:
    return tuple(value or 0 for value in row)


def test_every_commit_has_the_next_revision(recorder: Recorder) -> None:
    assert [recorder.write(connection(id)) for id in (1, 2, 1)] == [1, 2, 3]
    rows = recorder.db.execute("SELECT id, revision FROM connection ORDER BY id").fetchall()
    assert rows == [(1, 3), (2, 2)]


def test_a_connection_comes_back_with_everything_that_was_known_of_it(recorder: Recorder) -> None:
    given = connection(
        7, closed_us=START_US + 5, last_seen_us=START_US + 4, outcome=Outcome.CLOSED, bytes_sent=0, bytes_received=9,
        origin=Origin("4026532288", "api", "retool-api-1", "tryretool/backend:3"), opened_exact=True, via="proxy:3128",
        name=Name(None, None, ("a.b", "c.d")), connect_us=0, phase=Phase.CONNECT,
    )  # fmt: skip
    recorder.write(given)
    reader = Reader(recorder.path)
    (row,) = reader.connections(Filter(), 0, 2**62)
    reader.close()
    assert (row.id, row.opened_us, row.opened_exact, row.closed_us, row.last_seen_us) == (
        7, START_US, True, START_US + 5, START_US + 4,
    )  # fmt: skip
    assert (row.host, row.host_evidence, row.host_candidates) == (None, None, ("a.b", "c.d"))
    assert (row.role, row.container, row.image, row.via) == ("api", "retool-api-1", "tryretool/backend:3", "proxy:3128")
    assert (row.bytes_sent, row.bytes_received, row.outcome) == (0, 9, "closed")
    assert (row.connect_us, row.phase, row.claim, row.is_outer) == (0, "connect", None, False)
    assert (row.pid, row.process, row.user) == (4711, "node", "retool")
    assert (row.local_ip, row.local_port, row.ip, row.port) == ("172.18.0.5", 40000, "203.0.113.7", 443)


def test_what_is_written_again_under_its_id_replaces_what_was(recorder: Recorder) -> None:
    recorder.write(connection(1, process=None, name=Name(), judgement=judged(Verdict.PENDING)))
    recorder.write(connection(1, bytes_sent=10, outcome=Outcome.CLOSED, closed_us=START_US + 1))
    reader = Reader(recorder.path)
    (row,) = reader.connections(Filter(), 0, 2**62)
    reader.close()
    assert (row.host, row.process, row.verdict, row.outcome, row.bytes_sent) == (
        "licensing.tryretool.com", "node", "allowed", "closed", 10,
    )  # fmt: skip


def test_what_a_client_claims_and_what_packets_told_later_is_kept(recorder: Recorder) -> None:
    recorder.write(connection(1, remote=Endpoint("203.0.113.7", 0), local=Endpoint("172.18.0.5", 0), name=Name()))
    claimed = Name("api.openai.com", Evidence.SNI, (), Claim.MISMATCH, is_outer=True)
    recorder.write(
        connection(
            1, remote=Endpoint("203.0.113.9", 443), local=Endpoint("172.18.0.6", 40_001), name=claimed,
            via="10.0.0.9:3128", protocol="udp", connect_us=1_500, phase=Phase.PROXY,
        )
    )  # fmt: skip
    reader = Reader(recorder.path)
    (row,) = reader.connections(Filter(), 0, 2**62)
    reader.close()
    assert (row.local_ip, row.local_port, row.ip, row.port) == ("172.18.0.6", 40_001, "203.0.113.9", 443)
    assert (row.host, row.host_evidence, row.claim, row.is_outer) == ("api.openai.com", "sni", "mismatch", True)
    assert (row.via, row.protocol, row.connect_us, row.phase) == ("10.0.0.9:3128", "udp", 1_500, "proxy")


def test_a_host_that_is_spelt_like_an_address_and_that_address_are_two_destinations(recorder: Recorder) -> None:
    recorder.write(
        connection(1, name=Name()), connection(2, name=Name("203.0.113.7", Evidence.SNI)), connection(3, name=Name())
    )
    rows = recorder.db.execute("SELECT destination_id, host FROM recorded ORDER BY id").fetchall()
    assert [host for _, host in rows] == [None, "203.0.113.7", None]
    assert rows[0][0] == rows[2][0] != rows[1][0]


@pytest.mark.parametrize(
    "hostile", ["'; DROP TABLE connection; --", '"', "%_", "a\x00b", "x" * 10_240, "\ufffd\U0001f600"]
)
def test_hostile_text_is_kept_as_text(recorder: Recorder, hostile: str) -> None:
    given = connection(
        process=Process(1, hostile, hostile, 5), name=Name(hostile, Evidence.SNI), via=hostile,
        origin=Origin(hostile, hostile, hostile, hostile), judgement=judged(Verdict.OFF_ALLOWLIST, hostile),
    )  # fmt: skip
    recorder.write(given)
    recorder.write(given)
    reader = Reader(recorder.path)
    (row,) = reader.connections(Filter(), 0, 2**62)
    assert {row.process, row.user, row.host, row.via, row.namespace, row.role, row.container, row.image, row.rule} == {
        hostile
    }
    assert [r.id for r in reader.connections_to(None, hostile, 0, 2**62, 9)] == [1]
    reader.close()


def test_a_failed_commit_leaves_nothing_and_the_same_batch_can_be_given_again(recorder: Recorder) -> None:
    recorder.write(connection(1, bytes_sent=5))
    recorder.db.execute(
        "CREATE TEMP TRIGGER full BEFORE INSERT ON main.minute BEGIN SELECT raise(ABORT, 'disk is full'); END"
    )
    again = batch(
        connection(1, bytes_sent=8, outcome=Outcome.CLOSED),
        connection(2, name=Name("new.example.com", Evidence.DNS), origin=Origin("9", "new-role")),
        alerts={1: alert()},
        run=run(),
    )
    before = list(recorder.db.iterdump())
    for _ in range(3):
        with pytest.raises(sqlite3.Error, match="disk is full"):
            recorder.writer.commit(again)
        assert list(recorder.db.iterdump()) == before
        assert not recorder.db.in_transaction
    recorder.db.execute("DROP TRIGGER full")
    assert recorder.writer.commit(again) == 2
    agree(recorder.db)
    assert recorder.db.execute("SELECT count(*), sum(bytes_sent) FROM recorded").fetchone() == (2, 8)
    assert recorder.db.execute("SELECT sum(connections), sum(bytes_sent) FROM hour").fetchone() == (2, 8)


def test_a_history_without_room_takes_the_batch_once_there_is_room(recorder: Recorder) -> None:
    pages = recorder.db.execute("PRAGMA page_count").fetchone()[0]
    recorder.db.execute(f"PRAGMA max_page_count = {pages}")
    many = batch(*(connection(id, name=Name(f"h{id}.example.com", Evidence.DNS)) for id in range(1, 400)))
    with pytest.raises(sqlite3.OperationalError, match="full"):
        recorder.writer.commit(many)
    assert recorder.db.execute("SELECT count(*) FROM connection").fetchone() == (0,)
    recorder.db.execute("PRAGMA max_page_count = 1000000")
    assert recorder.writer.commit(many) == 1
    agree(recorder.db)


def test_a_history_that_another_program_locks_takes_the_batch_later(recorder: Recorder) -> None:
    recorder.db.execute("PRAGMA busy_timeout = 0")
    other = sqlite3.connect(recorder.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        recorder.write(connection(1))
    other.execute("ROLLBACK")
    other.close()
    assert recorder.write(connection(1)) == 1
    agree(recorder.db)


def test_a_batch_laid_under_a_newer_one_keeps_what_is_newer() -> None:
    older = batch(connection(1), connection(2), run=run(seen_us=1), alerts={1: alert(count=1)})
    newer = batch(connection(2, bytes_sent=5), connection(3), alerts={1: alert(count=2)}, coverage={1: span(1, 0, 1)})
    both = older.under(newer)
    assert sorted(both.connections) == [1, 2, 3]
    assert both.connections[2][0].bytes_sent == 5
    assert (both.alerts[1].count, both.run, list(both.coverage)) == (2, older.run, [1])
    assert both
    assert not Batch()


def test_a_cause_that_ends_and_comes_back_in_one_commit_is_two_alerts(recorder: Recorder) -> None:
    recorder.write_rest(alerts=[alert(1)])
    ended = alert(1, resolved_us=START_US + 1, resolution="gone")
    recorder.write_rest(alerts=[alert(2, count=3), ended])
    reader = Reader(recorder.path)
    assert [(a.id, a.is_open, a.count) for a in reader.alerts()] == [(2, True, 3), (1, False, 1)]
    assert [a.id for a in reader.alerts(open_only=True)] == [2]
    reader.close()


def test_one_cause_has_one_open_alert(recorder: Recorder) -> None:
    recorder.write_rest(alerts=[alert(1)])
    with pytest.raises(sqlite3.IntegrityError):
        recorder.write_rest(alerts=[alert(2)])


def test_an_answer_that_holds_on_is_one_answer(recorder: Recorder) -> None:
    for until_us in (10, 20):
        answer = Answer("a.b", "203.0.113.7", 5, until_us)
        recorder.writer.commit(Batch(answers={answer.key: answer}))
    reader = Reader(recorder.path)
    assert reader.answers(ip="203.0.113.7") == [Answer("a.b", "203.0.113.7", 5, 20)]
    assert reader.answers(host="c.d") == []
    reader.close()


NAMES = (Name(), Name("a.example.com", Evidence.FORWARD), Name("b.example.com", Evidence.DNS))
EDGES = (0, SECOND_US, MINUTE_US - 1, MINUTE_US, HOUR_US - 1, HOUR_US, HOUR_US + 1, 2 * HOUR_US)

changes = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(NAMES),
        "judgement": st.sampled_from([judged(v) for v in Verdict]),
        "outcome": st.sampled_from([Outcome.OPEN, Outcome.CLOSED, Outcome.TIMED_OUT]),
        "origin": st.sampled_from([Origin("1", None), Origin("1", "api"), Origin("2", "jobs-runner")]),
        "bytes_sent": st.none() | st.integers(0, 10_000),
        "bytes_received": st.none() | st.integers(0, 10_000),
        "opened_us": st.sampled_from([START_US + edge for edge in EDGES]),
    },
)
steps = st.lists(
    st.tuples(st.lists(st.tuples(st.integers(1, 4), changes), min_size=1, max_size=4), st.sampled_from("ccdfr")),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_after_any_updates_failures_and_restarts_the_sums_are_what_the_rows_give(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[list[tuple[int, dict[str, object]]], str]]
) -> None:
    recorder = Recorder(tmp_path_factory.mktemp("sums") / "history.db")
    latest: dict[int, Connection] = {}
    try:
        for updates, how in steps:
            if how == "r":
                recorder.writer = Writer(recorder.db)
            changed = {id: connection(id, **values) for id, values in updates}
            if how == "f":
                with pytest.raises(sqlite3.IntegrityError):
                    recorder.writer.commit(batch(*changed.values(), alerts={1: alert(1), 2: alert(2)}))
            else:
                recorder.writer.commit(batch(*changed.values(), final=how == "d"))
                latest |= changed
            agree(recorder.db)
        kept = {c.id: c for c in read_past(recorder.db, START_US).connections}
        open_ids = {id for id, c in latest.items() if c.outcome is Outcome.OPEN}
        assert open_ids <= set(kept)
    finally:
        recorder.close()


def test_bytes_that_grow_are_counted_once(recorder: Recorder) -> None:
    for sent in (None, 10, 250, 250, 1000):
        recorder.write(connection(1, bytes_sent=sent))
        agree(recorder.db)
    assert recorder.db.execute("SELECT sum(bytes_sent) FROM hour").fetchone() == (1000,)


def test_a_connection_that_was_thought_ended_and_changes_again_is_counted_once(recorder: Recorder) -> None:
    recorder.write(connection(1), final=True)
    recorder.write(connection(1, outcome=Outcome.CLOSED, bytes_sent=3), final=True)
    agree(recorder.db)


def test_another_process_that_takes_over_the_history_goes_on_counting(path: Path) -> None:
    first = Recorder(path)
    first.write(connection(1, bytes_sent=5), connection(2))
    first.close()
    second = Recorder(path)
    past = read_past(second.db, START_US)
    assert (past.next_connection, [c.id for c in past.connections]) == (3, [1, 2])
    second.write(connection(1, bytes_sent=9, outcome=Outcome.CLOSED), connection(3))
    agree(second.db)
    second.close()


def test_an_alert_has_the_destination_that_was_found_last(recorder: Recorder) -> None:
    recorder.write_rest(alerts=[alert(1, destination="169.254.169.254", port=80)])
    recorder.write_rest(alerts=[alert(1, destination="fd00:ec2::254", port=8080, count=2)])
    reader = Reader(recorder.path)
    assert [(a.destination, a.port, a.count) for a in reader.alerts()] == [("fd00:ec2::254", 8080, 2)]
    reader.close()


def test_reasons_that_are_all_different_make_no_commit_slower(recorder: Recorder) -> None:
    """Smokescreen's name the host that was asked for, which a client may make up."""
    spent = [0]

    def count() -> int:
        spent[0] += 1
        return 0

    def commit(*ids: int) -> int:
        spent[0] = 0
        recorder.write(*[connection(id, reason=f"lookup {id}.example: no such host") for id in ids])
        return spent[0]

    recorder.db.set_progress_handler(count, 1)
    few = commit(1)
    commit(*range(2, 3_000))
    assert commit(3_000) < 3 * few
