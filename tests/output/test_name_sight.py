"""By what destinations could be named, told from what was watched; and never more than was."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.history.sample import HOUR_US, MINUTE_US, SECOND_US, START_US, Recorder, loss, run, span
from tui.history.batch import Batch, CoverageSpan
from tui.history.place import Holder, hold
from tui.history.read import Reader
from tui.history.rows import Hole
from tui.output.name_sight import SLACK_US, name_sight, name_sight_now, unread_holes

END_US = START_US + HOUR_US
API, WORKER, HOST = "net:[1]", "net:[2]", "net:[3]"


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    recorder = Recorder(tmp_path / "state" / "history.db")
    yield recorder
    recorder.close()


@pytest.fixture
def reader(recorder: Recorder) -> Iterator[Reader]:
    reader = Reader(recorder.path)
    yield reader
    reader.close()


def watched(recorder: Recorder, *told: tuple[str, str, float, float]) -> None:
    """Source, namespace, and from and until which minute."""
    recorder.write_rest(
        run=run(seen_us=END_US),
        coverage=[
            span(id, START_US + round(from_ * MINUTE_US), START_US + round(to * MINUTE_US), source, namespace=namespace)
            for id, (source, namespace, from_, to) in enumerate(told, 1)
        ],
    )


def words(reader: Reader) -> str:
    return name_sight(reader, START_US, END_US).words


SOCKETS = (("sockets", API, 0, 60), ("sockets", WORKER, 0, 60), ("sockets", HOST, 0, 60))
LOOK_UPS = ("names", HOST, 0.1, 60)


def test_namespaces_whose_packets_were_read_are_counted_among_all_that_were_watched(
    recorder: Recorder, reader: Reader
) -> None:
    watched(recorder, *SOCKETS, ("wire", API, 0.1, 60), ("wire", HOST, 0, 60), LOOK_UPS)
    assert words(reader) == "SNI and DNS read in 2 of 3 namespaces; own look-ups"


def test_a_namespace_whose_packets_were_read_for_a_while_is_told_as_such(recorder: Recorder, reader: Reader) -> None:
    watched(recorder, *SOCKETS, ("wire", API, 0, 60), ("wire", HOST, 0, 30), LOOK_UPS)
    assert words(reader) == ("SNI and DNS read in 2 of 3 namespaces (1 of them for a part of the time); own look-ups")


def test_a_refusal_is_a_mark_that_counts_for_nothing_and_tells_why_for_as_long_as_its_collector_runs(
    recorder: Recorder, reader: Reader
) -> None:
    watched(recorder, *SOCKETS, LOOK_UPS)
    refused = replace(span(99, START_US, START_US, "wire", namespace=API), note="CAP_NET_RAW is missing")
    recorder.writer.commit(Batch(coverage={99: refused}))
    assert words(reader) == "SNI and DNS not read (CAP_NET_RAW is missing); own look-ups and ranges only"
    assert "CAP_NET_RAW is missing" in name_sight(reader, START_US + 30 * MINUTE_US, END_US).words
    assert "CAP_NET_RAW is missing" in name_sight_now(reader, START_US, END_US).words


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ((), "SNI and DNS not read; ranges only"),
        ((("names", HOST, 0, 20),), "SNI and DNS not read; own look-ups for a part of the time and ranges only"),
        ((("wire", API, 0, 60),), "SNI and DNS read in 1 of 3 namespaces; no look-ups of our own"),
    ],
)
def test_what_was_not_done_is_said(
    recorder: Recorder, reader: Reader, told: tuple[tuple[str, str, float, float], ...], expected: str
) -> None:
    watched(recorder, *SOCKETS, *told)
    assert words(reader) == expected


def test_a_namespace_that_began_late_was_read_whole_if_it_was_read_from_then(
    recorder: Recorder, reader: Reader
) -> None:
    watched(recorder, ("sockets", API, 50, 60), ("wire", API, 50.05, 60), LOOK_UPS)
    assert words(reader) == "SNI and DNS read in 1 of 1 namespace; own look-ups"


def test_of_a_short_life_an_instant_is_not_the_whole(recorder: Recorder, reader: Reader) -> None:
    watched(recorder, ("sockets", API, 0, 0.1), ("wire", API, 0.05, 0.1))
    assert name_sight(reader, START_US, END_US).partly == 1


def test_only_the_span_that_is_asked_for_counts(recorder: Recorder, reader: Reader) -> None:
    watched(recorder, *SOCKETS, ("wire", API, 0, 30), LOOK_UPS)
    assert name_sight(reader, START_US, START_US + 20 * MINUTE_US).read == 1
    assert name_sight(reader, START_US + 40 * MINUTE_US, END_US).read == 0
    assert name_sight(reader, END_US + HOUR_US, END_US + 2 * HOUR_US).namespaces == 0


@pytest.mark.parametrize(("events", "told"), [(1, "1 packet lost"), (37, "37 packets lost")])
def test_lost_packets_are_told_and_lost_ends_of_sockets_are_none(
    recorder: Recorder, reader: Reader, events: int, told: str
) -> None:
    watched(recorder, *SOCKETS, ("wire", API, 0, 60), LOOK_UPS)
    packets = replace(loss(1, START_US, START_US + SECOND_US, events, API), source="wire")
    recorder.writer.commit(Batch(losses={1: packets, 2: loss(2, START_US, START_US + SECOND_US, 99, API)}))
    assert words(reader) == f"SNI and DNS read in 1 of 3 namespaces, {told}; own look-ups"


def test_now_is_what_is_watched_by_the_last_sign_of_life(recorder: Recorder, reader: Reader) -> None:
    watched(recorder, *SOCKETS, ("wire", API, 0, 60), ("wire", HOST, 0, 59), LOOK_UPS)
    seen = name_sight_now(reader, START_US, END_US)
    assert (seen.namespaces, seen.read, seen.words) == (3, 1, "SNI and DNS read in 1 of 3 namespaces; own look-ups")


def test_what_is_watched_now_reaches_from_one_sign_of_life_to_the_next(recorder: Recorder, reader: Reader) -> None:
    growing = [
        CoverageSpan(1, "sockets", API, START_US, END_US, ""),
        CoverageSpan(2, "wire", API, START_US, END_US, ""),
    ]
    recorder.write_rest(run=run(seen_us=END_US), coverage=growing)
    lately = (END_US + SECOND_US, END_US + 3 * SECOND_US)
    assert name_sight(reader, *lately).read == 0
    with hold(recorder.path, Holder(1, "service", "root", START_US, None, "v")):
        assert name_sight(reader, *lately).read == 1


def hole(source: str, from_min: float, to_min: float, *namespaces: str, lost: int | None = None) -> Hole:
    return Hole(source, START_US + round(from_min * MINUTE_US), START_US + round(to_min * MINUTE_US), namespaces, lost)


@pytest.mark.parametrize(
    ("sockets", "is_told"),
    [
        ((), True),
        ((hole("sockets", 10, 20),), False),
        ((hole("sockets", 10, 20, API),), False),
        ((hole("sockets", 10.1, 19.9),), False),
        ((hole("sockets", 10, 20, WORKER),), True),
        ((hole("sockets", 10, 15, API),), True),
        ((hole("sockets", 10, 20, API, lost=3),), True),
    ],
    ids=["none", "all", "the same", "all but the edges", "another", "a part", "only events"],
)
def test_packets_that_were_not_read_are_told_where_sockets_were_seen_meanwhile(
    sockets: tuple[Hole, ...], is_told: bool
) -> None:
    wire = hole("wire", 10, 20, API)
    assert unread_holes([wire], sockets, END_US) == ((wire,) if is_told else ())


def test_a_hole_that_lasts_and_packets_that_were_lost_are_told_by_what_is_so_now() -> None:
    assert unread_holes([hole("wire", 10, 60, API), hole("wire", 10, 11, API, lost=9)], (), END_US) == ()


def test_what_is_missing_while_sources_begin_one_after_another_is_no_hole() -> None:
    late = Hole("wire", START_US, START_US + SLACK_US)
    assert unread_holes([late], (), END_US) == ()


def test_where_one_namespace_was_not_seen_at_all_its_packets_are_no_matter_and_those_of_others_are() -> None:
    sockets = (hole("sockets", 10, 20, API),)
    assert unread_holes([hole("wire", 10, 20)], sockets, END_US) == (hole("wire", 10, 20),)
