"""What a reader sees of a history while it grows, ends, is replaced or goes away."""

import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.history.sample import (
    HOUR_US,
    MINUTE_US,
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
from tui.history.batch import Batch, KeptWorkload
from tui.history.errors import HistoryMissing
from tui.history.place import Holder, hold
from tui.history.read import PAGE_ROWS, Reader
from tui.history.rows import Hole
from tui.model.alert import Urgency
from tui.model.connection import Endpoint, Evidence, Name, Origin, Outcome, Verdict
from tui.model.filter import Filter
from tui.model.workload import Workload, WorkloadKind

ALL = (0, 2**62)


@pytest.fixture
def reader(recorder: Recorder) -> Iterator[Reader]:
    reader = Reader(recorder.path)
    yield reader
    reader.close()


def ids(reader: Reader, text: str = "", span: tuple[int, int] = ALL, **how: Any) -> list[int]:
    return [row.id for row in reader.connections(Filter.parse(text), *span, **how)]


def test_what_is_committed_is_seen_at_once(recorder: Recorder, reader: Reader) -> None:
    assert (reader.revision(), ids(reader)) == (0, [])
    recorder.write(connection(1))
    assert (reader.revision(), ids(reader)) == (1, [1])
    assert not reader.refresh()


def test_a_reader_holds_nothing_back_between_and_during_its_queries(recorder: Recorder, reader: Reader) -> None:
    recorder.write(*(connection(id) for id in range(1, 2 * PAGE_ROWS)))
    taking = reader.connections(Filter(), *ALL)
    assert next(taking).id == 1
    reader.connections_to(None, "licensing.tryretool.com", *ALL, 1)
    recorder.write(connection(9999))
    busy, logged, folded = recorder.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert (busy, logged, folded) == (0, 0, 0)
    assert [row.id for row in taking] == [*range(2, 2 * PAGE_ROWS), 9999]


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("limit", [-1, 0, 1, PAGE_ROWS - 1, PAGE_ROWS, PAGE_ROWS + 1, 3 * PAGE_ROWS])
def test_pages_join_without_gap_or_repetition(
    recorder: Recorder, reader: Reader, limit: int, newest_first: bool
) -> None:
    every = list(range(1, 2 * PAGE_ROWS + 1))
    recorder.write(*map(connection, every))
    if newest_first:
        every.reverse()
    assert ids(reader, limit=limit, newest_first=newest_first) == (every if limit < 0 else every[:limit])


def test_connections_lived_in_the_span_at_some_time(recorder: Recorder, reader: Reader) -> None:
    def lived(id: int, first: int, last: int, outcome: Outcome = Outcome.CLOSED) -> None:
        recorder.write(connection(id, opened_us=START_US + first, last_seen_us=START_US + last, outcome=outcome))

    lived(1, 0, 5)
    lived(2, 0, 10)
    lived(3, 5, 30)
    lived(4, 15, 16)
    lived(5, 20, 40)
    lived(6, 21, 40)
    lived(7, 0, 12, Outcome.OPEN)
    lived(8, 0, 5, Outcome.OPEN)
    assert ids(reader, span=(START_US + 10, START_US + 20)) == [2, 3, 4, 5, 7]


def test_what_was_open_when_the_record_ended_is_not_said_to_have_lived_later(
    recorder: Recorder, reader: Reader
) -> None:
    recorder.write(connection(1))
    ended_us = START_US + MINUTE_US
    recorder.write_rest(run=run(seen_us=ended_us, ended_us=ended_us), coverage=[span(1, START_US, ended_us)])
    assert ids(reader, span=(ended_us, ended_us)) == [1]
    assert ids(reader, span=(ended_us + 1, ended_us + HOUR_US)) == []


def test_what_is_open_lives_between_two_signs_of_life_of_its_collector(recorder: Recorder, reader: Reader) -> None:
    recorder.write(connection(1))
    recorder.write_rest(run=run(), coverage=[span(1, START_US, START_US + MINUTE_US)])
    later = (START_US + MINUTE_US + SECOND_US, START_US + MINUTE_US + 2 * SECOND_US)
    assert ids(reader, span=later) == []
    with hold(recorder.path, Holder(1, "service", "root", START_US, None, "v")):
        assert ids(reader, span=later) == [1]


def test_an_open_connection_of_a_namespace_that_nobody_watches_any_more_is_not_seen_anew(
    recorder: Recorder, reader: Reader
) -> None:
    elsewhere = connection(1, origin=Origin("net:[7]", "api"))
    recorder.write(elsewhere)
    recorder.write_rest(run=run(), coverage=[span(1, START_US, START_US + HOUR_US)])
    assert [row.last_seen_us for row in reader.connections(Filter(), *ALL)] == [START_US]


def test_connections_of_one_destination_come_newest_first(recorder: Recorder, reader: Reader) -> None:
    other = Name("other.example.com", Evidence.DNS)
    recorder.write(*(connection(id, name=other) if id % 2 else connection(id) for id in range(1, 10)))
    destination = next(iter(reader.connections(Filter.parse("host:other"), *ALL))).destination_id
    assert ids(reader, to=(destination, "api"), newest_first=True, limit=3) == [9, 7, 5]


def test_connections_and_addresses_of_one_destination_are_those_of_one_role(recorder: Recorder, reader: Reader) -> None:
    other = Name("other.example.com", Evidence.DNS)
    for id, role in enumerate(["api", "code-executor", None, "api"], 1):
        recorder.write(
            connection(id, name=other, origin=Origin("net:[7]", role), remote=Endpoint(f"203.0.113.{id}", 443))
        )
    destination = next(iter(reader.connections(Filter(), *ALL))).destination_id
    for role, expected in (("api", [4, 1]), ("code-executor", [2]), (None, [3]), ("jobs-runner", [])):
        assert ids(reader, to=(destination, role), newest_first=True) == expected
        assert {row.ip for row in reader.addresses(destination, role, of_role=True)} == {
            f"203.0.113.{id}" for id in expected
        }
    assert len(reader.addresses(destination)) == 4


def test_what_is_open_was_last_seen_when_its_collector_last_looked(recorder: Recorder, reader: Reader) -> None:
    recorder.write(connection(1), connection(2, outcome=Outcome.CLOSED))
    recorder.write_rest(coverage=[span(1, START_US, START_US + MINUTE_US)])
    assert [row.last_seen_us for row in reader.connections(Filter(), *ALL)] == [START_US + MINUTE_US, START_US]


def test_an_address_or_a_name_is_found_also_among_candidates(recorder: Recorder, reader: Reader) -> None:
    recorder.write(
        connection(1, remote=Endpoint("2001:db8::1", 443)),
        connection(2, name=Name(None, None, ("p.tryretool.com", "licensing.tryretool.com"))),
        connection(3, name=Name("xp.tryretool.com", Evidence.DNS)),
    )
    assert [row.id for row in reader.connections_to("2001:db8::1", None, *ALL, 9)] == [1]
    assert [row.id for row in reader.connections_to(None, "p.tryretool.com", *ALL, 9)] == [2]
    assert [row.id for row in reader.connections_to(None, "licensing.tryretool.com", *ALL, 9)] == [2, 1]
    assert reader.count_connections_to(None, "licensing.tryretool.com", *ALL) == 2
    assert reader.count_connections_to(None, "tryretool.com", *ALL) == 0
    assert reader.count_connections_to(None, "%", *ALL) == 0


def test_the_addresses_of_a_destination_come_with_how_its_name_was_known(recorder: Recorder, reader: Reader) -> None:
    name = Name("a.example.com", Evidence.FORWARD)
    for id, ip in enumerate(["203.0.113.1", "203.0.113.2", "203.0.113.1"], 1):
        recorder.write(
            connection(id, opened_us=START_US + id, name=name, remote=Endpoint(ip, 443), outcome=Outcome.CLOSED)
        )
    destination = next(iter(reader.connections(Filter(), *ALL))).destination_id
    found = [
        (row.ip, row.evidence, row.connections, row.first_us, row.last_us) for row in reader.addresses(destination)
    ]
    assert found == [
        ("203.0.113.1", "forward", 2, START_US + 1, START_US + 3),
        ("203.0.113.2", "forward", 1, START_US + 2, START_US + 2),
    ]


def test_alerts_come_open_first_then_by_urgency_then_the_latest(recorder: Recorder, reader: Reader) -> None:
    recorder.write_rest(
        alerts=[
            alert(1, cause="a", urgency=Urgency.REVIEW, last_us=START_US + 9),
            alert(2, cause="b", urgency=Urgency.ACT_NOW, last_us=START_US + 1),
            alert(3, cause="c", urgency=Urgency.ACT_NOW, last_us=START_US + 2),
            alert(4, cause="d", urgency=Urgency.TODAY),
            alert(5, cause="e", urgency=Urgency.ACT_NOW, last_us=START_US + 99, resolved_us=START_US + 100),
        ]
    )
    assert [a.id for a in reader.alerts()] == [3, 2, 4, 1, 5]
    assert [a.id for a in reader.alerts(open_only=True)] == [3, 2, 4, 1]
    assert [a.id for a in reader.alerts(limit=2)] == [3, 2]


def test_a_history_says_who_records_and_what_cannot_be_seen(recorder: Recorder, reader: Reader) -> None:
    assert (reader.recording().run, reader.recording().first_us, reader.recording().live) == (None, None, False)
    seen_us = START_US + HOUR_US
    recorder.write_rest(run=run(1, ended_us=START_US + 5), coverage=[span(1, START_US, START_US + 5, note="old news")])
    recorder.write_rest(
        run=run(2, started_us=START_US + MINUTE_US, seen_us=seen_us),
        coverage=[span(2, START_US, seen_us, note="no root"), span(3, START_US, seen_us, "names")],
    )
    with hold(recorder.path, Holder(1, "service", "root", 0, None, "v")):
        recording = reader.recording()
    assert (recording.live, recording.first_us, recording.notes) == (True, START_US, ("no root",))
    assert set(recording.sources) == {"sockets", "names"}
    assert recording.run is not None
    assert recording.run.id == 2
    assert not reader.recording().live


def test_a_hole_is_told_where_nobody_looked_and_not_where_the_collector_looks_now(
    recorder: Recorder, reader: Reader
) -> None:
    began_us = START_US + 90 * SECOND_US
    recorder.write_rest(coverage=[span(1, START_US, START_US + 60 * SECOND_US)])
    last = span(2, began_us, START_US + 120 * SECOND_US)
    recorder.write_rest(run=run(started_us=began_us), coverage=[last])
    now_us = START_US + 130 * SECOND_US

    def told() -> list[tuple[int, int]]:
        return [
            ((h.from_us - START_US) // SECOND_US, (h.to_us - START_US) // SECOND_US)
            for h in reader.holes("sockets", START_US, now_us)
        ]

    assert told() == [(60, 90), (120, 130)]
    with hold(recorder.path, Holder(1, "service", "root", began_us - 1, None, "v")):
        assert told() == [(60, 90), (120, 130)]
    with hold(recorder.path, Holder(1, "service", "root", began_us, None, "v")):
        assert told() == [(60, 90)]
        now_us += HOUR_US
        assert told() == [(60, 90), (130, 3730)]
        now_us -= HOUR_US
        recorder.write_rest(coverage=[replace(last, growing=False)])
        assert told() == [(60, 90), (120, 130)]
    assert len(reader.holes("names", START_US, now_us)) == 1


def test_losses_are_holes_with_their_number_and_the_namespaces_they_may_be_of(
    recorder: Recorder, reader: Reader
) -> None:
    began_us, ended_us = START_US + 5 * SECOND_US, START_US + 6 * SECOND_US
    recorder.write_rest(coverage=[span(1, START_US, START_US + MINUTE_US)])
    recorder.writer.commit(Batch(losses={1: loss(1, began_us, ended_us, 4711, "net:[1]", "net:[2]")}))
    lost = Hole("sockets", began_us, ended_us, ("net:[1]", "net:[2]"), 4711)
    assert reader.holes("sockets", START_US, START_US + MINUTE_US) == [lost]
    assert reader.holes("sockets", ended_us + 1, START_US + MINUTE_US) == []
    assert reader.holes("names", began_us, began_us)[0].lost is None


def test_packets_that_were_lost_or_not_read_are_holes_of_the_wire_and_not_of_the_sockets(
    recorder: Recorder, reader: Reader
) -> None:
    ended_us = START_US + MINUTE_US
    read = span(2, START_US, START_US + 30 * SECOND_US, "wire", growing=False)
    refused = span(3, START_US, START_US, "wire", namespace="net:[2]", growing=False)
    sockets = [span(1, START_US, ended_us), span(4, START_US, ended_us, namespace="net:[2]")]
    recorder.write_rest(run=run(), coverage=[*sockets, read, refused])
    packets = replace(loss(1, START_US, START_US + SECOND_US, 12, read.namespace), source="wire")
    recorder.writer.commit(Batch(losses={1: packets}))
    assert reader.holes("sockets", START_US, ended_us) == []
    assert reader.watched("sockets") == {read.namespace, "net:[2]"}
    assert reader.watched("wire") == frozenset()
    assert [hole.lost for hole in reader.holes("wire", START_US, ended_us)] == [None, None, 12]


def test_a_namespace_that_nobody_looks_into_any_more_is_a_hole_until_it_has_ended(
    recorder: Recorder, reader: Reader
) -> None:
    stopped_us, end_us = START_US + MINUTE_US, START_US + 2 * HOUR_US
    other = span(2, START_US, stopped_us, namespace="net:[2]", growing=False)
    recorder.write_rest(coverage=[span(1, START_US, end_us), other])
    assert reader.holes("sockets", START_US + HOUR_US, end_us) == [
        Hole("sockets", START_US + HOUR_US, end_us, ("net:[2]",))
    ]
    recorder.write_rest(coverage=[replace(other, gone=True)])
    assert reader.holes("sockets", START_US + HOUR_US, end_us) == []


def test_workloads_come_back_as_they_were_and_the_latest_first(recorder: Recorder, reader: Reader) -> None:
    kept = [
        KeptWorkload(1, workload(), None),
        KeptWorkload(2, Workload("net:[2]", WorkloadKind.NAMESPACE, pid=5, started_us=START_US), None),
    ]
    recorder.writer.commit(Batch(workloads={each.id: each for each in kept}))
    assert reader.workloads() == kept[::-1]
    assert reader.workloads(limit=1) == kept[1:]
    gone = replace(kept[0], gone_us=START_US + MINUTE_US, workload=workload(image="tryretool/backend:3.200.0"))
    recorder.writer.commit(Batch(workloads={1: gone}))
    assert reader.workloads() == [kept[1], gone]


def test_a_moment_between_two_spans_that_count_as_one_is_watched(recorder: Recorder, reader: Reader) -> None:
    recorder.write_rest(coverage=[span(1, START_US, START_US + 10 * SECOND_US)])
    recorder.write_rest(coverage=[span(2, START_US + 11 * SECOND_US, START_US + 20 * SECOND_US)])
    moment = START_US + 10 * SECOND_US + SECOND_US // 2
    assert reader.holes("sockets", moment, moment) == []
    assert len(reader.holes("sockets", START_US + HOUR_US, START_US + HOUR_US)) == 1


def test_another_history_in_its_place_is_noticed(recorder: Recorder, reader: Reader, tmp_path: Path) -> None:
    recorder.write(connection(1))
    other = Recorder(tmp_path / "other.db")
    other.write(connection(5), connection(6))
    other.close()
    (tmp_path / "other.db").replace(recorder.path)
    for suffix in ("-wal", "-shm"):
        recorder.path.with_name(recorder.path.name + suffix).unlink()
    assert reader.refresh()
    assert ids(reader) == [5, 6]
    reader.refresh()
    assert not reader.refresh()


def test_a_history_that_is_moved_away_is_said_to_be_gone_and_taken_up_when_it_is_back(
    recorder: Recorder, reader: Reader
) -> None:
    recorder.write(connection(1))
    away = recorder.path.with_name("away.db")
    recorder.path.rename(away)
    with pytest.raises(HistoryMissing):
        reader.refresh()
    with pytest.raises(HistoryMissing):
        reader.refresh()
    away.rename(recorder.path)
    reader.refresh()
    assert ids(reader) == [1]


def without_log(reader: Reader) -> None:
    """The reader as a user has it who may not write beside an ended history."""
    reader.db.close()
    for suffix in ("-wal", "-shm"):
        reader.path.with_name(reader.path.name + suffix).unlink(missing_ok=True)
    reader.db = sqlite3.connect(f"file:{reader.path}?immutable=1", uri=True, isolation_level=None)


def ended(path: Path) -> Reader:
    recorder = Recorder(path)
    recorder.write(connection(1))
    recorder.close()
    reader = Reader(path)
    without_log(reader)
    return reader


def test_a_collector_that_starts_on_an_ended_history_is_noticed(path: Path) -> None:
    reader = ended(path)
    assert not reader.refresh()
    recorder = Recorder(path)
    recorder.write(connection(2))
    assert reader.refresh()
    assert ids(reader) == [1, 2]
    recorder.close()
    reader.close()


def test_a_collector_that_came_and_went_between_two_looks_is_noticed(path: Path) -> None:
    reader = ended(path)
    recorder = Recorder(path)
    recorder.write(connection(2))
    recorder.close()
    assert not path.with_name(path.name + "-wal").exists()
    assert reader.refresh()
    assert ids(reader) == [1, 2]
    reader.close()


def test_a_copy_of_an_ended_history_reads_the_same(recorder: Recorder, tmp_path: Path) -> None:
    recorder.write(connection(1), connection(2, judgement=judged(Verdict.OFF_ALLOWLIST)))
    recorder.close()
    shutil.copy(recorder.path, tmp_path / "copy.db")
    reader = Reader(tmp_path / "copy.db")
    assert ids(reader, "verdict:off-allowlist") == [2]
    assert reader.count_connections() == 2
    reader.close()


def test_a_namespace_that_ended_is_no_hole_afterwards_also_when_what_was_missing_had_changed(
    recorder: Recorder, reader: Reader
) -> None:
    ended_us = START_US + 2 * MINUTE_US
    host = span(1, START_US, START_US + HOUR_US, namespace="net:[1]")
    noted = span(2, START_US, START_US + MINUTE_US, growing=False)
    ended = span(3, START_US + MINUTE_US, ended_us, note="UDP is not seen", growing=False, gone=True)
    recorder.write_rest(run=run(), coverage=[host, noted, ended])
    assert reader.holes("sockets", ended_us + MINUTE_US, START_US + HOUR_US) == []
