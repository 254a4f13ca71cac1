"""A history of the time before names were read on the wire: what it knew is known still, and nothing is added to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.history import version_two
from tests.history.sample import START_US, Recorder, connection
from tests.history.version_two import ALONE, ANSWERS, LAST_US, LICENSING
from tui.history.batch import Batch
from tui.history.read import Reader
from tui.history.resume import read_past
from tui.model.answer import EVERYWHERE, Answer
from tui.model.connection import Evidence, Name, Phase
from tui.model.filter import Filter


@pytest.fixture
def taken_over(path: Path) -> Iterator[Recorder]:
    """A history of version 2, opened by this version's collector."""
    version_two.make(path)
    recorder = Recorder(path)
    yield recorder
    recorder.close()


@pytest.fixture
def reader(taken_over: Recorder) -> Iterator[Reader]:
    reader = Reader(taken_over.path)
    yield reader
    reader.close()


def test_every_answer_is_kept_as_one_of_our_own_look_ups(taken_over: Recorder, reader: Reader) -> None:
    kept = {Answer(*known, EVERYWHERE, Evidence.FORWARD) for known in ANSWERS}
    assert set(reader.answers()) == kept
    assert set(read_past(taken_over.db, LAST_US).answers) == kept


def test_an_answer_that_held_goes_on_and_is_no_second_one(taken_over: Recorder, reader: Reader) -> None:
    longer = Answer("licensing.tryretool.com", LICENSING, START_US, LAST_US + 5)
    taken_over.writer.commit(Batch(answers={longer.key: longer}))
    assert [a for a in reader.answers(ip=LICENSING) if a.host == longer.host] == [longer]


def test_connections_are_as_they_were_and_claim_nothing(reader: Reader) -> None:
    first, second = reader.connections(Filter(), 0, 2**62)
    assert (first.host, first.host_evidence, first.outcome) == ("licensing.tryretool.com", "forward", "open")
    assert (first.bytes_sent, first.bytes_received, second.bytes_sent) == (70, 90, 7)
    assert (second.host, second.ip, second.outcome) == (None, ALONE, "refused")
    for row in (first, second):
        assert (row.connect_us, row.phase, row.claim, row.is_outer, row.reverse) == (None, None, None, False, None)


def test_what_is_open_is_taken_up_and_told_with_what_is_known_now(taken_over: Recorder, reader: Reader) -> None:
    opened, _ = read_past(taken_over.db, LAST_US).connections
    assert (opened.name, opened.connect_us, opened.phase) == (
        Name("licensing.tryretool.com", Evidence.FORWARD), None, None,
    )  # fmt: skip
    taken_over.write(connection(1, name=opened.name, connect_us=1_500, phase=Phase.TLS))
    row = next(reader.connections(Filter(), 0, 2**62))
    assert (row.id, row.connect_us, row.phase) == (1, 1_500, "tls")
