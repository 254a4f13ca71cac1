"""Which address had which name: kept within a bound, found again by address, by name and after a restart."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.history.sample import HOUR_US, MINUTE_US, SECOND_US, START_US, Recorder, connection, span
from tui.history.answers import Answers
from tui.history.batch import Batch
from tui.history.read import NAMES_MAX, Reader
from tui.history.resume import read_past
from tui.model.answer import Answer
from tui.model.connection import Claim, Endpoint, Evidence, Name
from tui.model.filter import Filter
from tui.model.times import DAY_US

NOW_US = START_US + HOUR_US
ONE, OTHER = "203.0.113.7", "2001:db8::7"
API, WORKER = "net:[1]", "net:[2]"


@pytest.fixture
def reader(recorder: Recorder) -> Iterator[Reader]:
    reader = Reader(recorder.path)
    yield reader
    reader.close()


def dns(host: str, ip: str = ONE, namespace: str = API, from_us: int = START_US, until_us: int = NOW_US) -> Answer:
    return Answer(host, ip, from_us, until_us, namespace, Evidence.DNS)


def reverse(host: str, ip: str = ONE, until_us: int = NOW_US) -> Answer:
    return Answer(host, ip, START_US, until_us, evidence=Evidence.REVERSE)


def tell(recorder: Recorder, *answers: Answer) -> None:
    recorder.writer.commit(Batch(answers={answer.key: answer for answer in answers}))


def test_the_names_of_an_address_come_with_who_was_told_and_how_the_latest_first(
    recorder: Recorder, reader: Reader
) -> None:
    told = [
        dns("a.example.com", until_us=NOW_US + 3),
        dns("a.example.com", namespace=WORKER, until_us=NOW_US + 2),
        Answer("a.example.com", ONE, START_US, NOW_US + 1),
        replace(dns("b.example.com"), evidence=Evidence.HOSTS),
        reverse("c.example.com", until_us=NOW_US - 1),
    ]
    tell(recorder, *told, dns("d.example.com", OTHER))
    assert reader.names_of([ONE], START_US, NOW_US) == told
    assert {a.ip for a in reader.names_of([OTHER, ONE], START_US, NOW_US)} == {ONE, OTHER}
    assert reader.names_of([], START_US, NOW_US) == []


@pytest.mark.parametrize(
    ("from_us", "until_us", "found"), [(0, 9, False), (0, 10, True), (15, 16, True), (20, 99, True), (21, 99, False)]
)
def test_a_name_counts_in_a_span_that_it_held_in_at_some_time(
    recorder: Recorder, reader: Reader, from_us: int, until_us: int, found: bool
) -> None:
    tell(recorder, dns("a.example.com", from_us=10, until_us=20))
    assert bool(reader.names_of([ONE], from_us, until_us)) is found


def test_of_an_address_with_a_flood_of_names_the_latest_come(recorder: Recorder, reader: Reader) -> None:
    tell(recorder, *(dns(f"n{number}.example.com", until_us=NOW_US + number) for number in range(NAMES_MAX + 100)))
    found = reader.names_of([ONE], START_US, NOW_US)
    assert len(found) == NAMES_MAX
    assert found[0].host == f"n{NAMES_MAX + 99}.example.com"


def test_our_own_look_ups_are_told_apart_from_what_namespaces_were_told(recorder: Recorder, reader: Reader) -> None:
    ours = Answer("a.example.com", ONE, START_US, NOW_US)
    tell(recorder, ours, dns("a.example.com"), dns("b.example.com"), reverse("c.example.com"))
    assert reader.answers() == reader.answers(ip=ONE) == reader.answers(host="a.example.com") == [ours]
    assert reader.answers(host="b.example.com") == []
    assert [reader.is_looked_up(f"{letter}.example.com") for letter in "abcd"] == [True, True, False, False]


def test_an_answer_got_again_holds_on_and_one_of_another_namespace_is_another(
    recorder: Recorder, reader: Reader
) -> None:
    first, longer = dns("a.example.com", until_us=NOW_US), dns("a.example.com", until_us=NOW_US + 9)
    tell(recorder, first)
    tell(recorder, longer, dns("a.example.com", namespace=WORKER))
    assert reader.names_of([ONE], START_US, NOW_US) == [longer, dns("a.example.com", namespace=WORKER)]


@pytest.mark.parametrize(
    ("sql", "index"),
    [
        ("SELECT * FROM answer WHERE ip IN (x'01020304') AND from_us <= 5 AND until_us >= 4", "PRIMARY KEY (ip=?)"),
        ("SELECT * FROM answer WHERE host = 'a' AND from_us <= 5 AND until_us >= 4", "answer_host (host=?)"),
        ("SELECT * FROM answer WHERE until_us > 5", "answer_until (until_us>?)"),
        ("SELECT reverse FROM recorded WHERE id = 1", "answer_reverse (ip=?)"),
    ],
)
def test_answers_are_found_without_reading_all_of_them(recorder: Recorder, sql: str, index: str) -> None:
    plan = " ".join(str(row[3]) for row in recorder.db.execute(f"EXPLAIN QUERY PLAN {sql}"))
    assert index in plan
    assert "SCAN answer" not in plan


# The bound


def held(db: sqlite3.Connection) -> list[str]:
    return [host for (host,) in db.execute("SELECT host FROM answer ORDER BY until_us, host")]


def numbered(first: int, last: int) -> list[Answer]:
    return [dns(f"n{number:03}", until_us=number) for number in range(first, last)]


def test_of_too_many_answers_those_that_ended_longest_ago_go(recorder: Recorder) -> None:
    answers = Answers(recorder.db, most=10, every=5)
    answers.write(numbered(0, 10))
    answers.write(numbered(10, 14))
    assert len(held(recorder.db)) == 14
    answers.write(numbered(14, 15))
    assert held(recorder.db) == [f"n{number:03}" for number in range(5, 15)]
    answers.write(numbered(15, 100))
    assert held(recorder.db) == [f"n{number:03}" for number in range(90, 100)]


def test_answers_that_end_at_one_time_are_bounded_too(recorder: Recorder) -> None:
    answers = Answers(recorder.db, most=10, every=5)
    answers.write([dns(f"n{number}", until_us=7) for number in range(30)])
    assert len(held(recorder.db)) == 10


def test_an_answer_that_holds_on_drives_no_other_out(recorder: Recorder) -> None:
    answers = Answers(recorder.db, most=10, every=5)
    answers.write(numbered(0, 10))
    for until_us in range(100, 200):
        answers.write([replace(numbered(9, 10)[0], until_us=until_us)])
    assert len(held(recorder.db)) == 10


def test_what_an_earlier_collector_wrote_counts_to_the_bound(recorder: Recorder) -> None:
    Answers(recorder.db, most=10, every=5).write(numbered(0, 14))
    Answers(recorder.db, most=10, every=5).write(numbered(14, 15))
    assert len(held(recorder.db)) == 10


def test_a_transaction_that_was_rolled_back_is_not_counted(recorder: Recorder) -> None:
    answers = Answers(recorder.db, most=10, every=5)
    answers.write(numbered(0, 12))
    recorder.db.execute("BEGIN")
    answers.write(numbered(12, 20))
    recorder.db.execute("ROLLBACK")
    answers.forget()
    answers.write(numbered(12, 14))
    assert len(held(recorder.db)) == 14
    answers.write(numbered(14, 15))
    assert len(held(recorder.db)) == 10


# The name that a PTR record gives


def shown(reader: Reader, text: str = "") -> list[str | None]:
    return [row.reverse for row in reader.connections(Filter.parse(text), 0, 2**62)]


def test_an_address_of_which_nothing_is_known_has_the_latest_ptr_name(recorder: Recorder, reader: Reader) -> None:
    recorder.write(connection(1, name=Name(), remote=Endpoint(ONE, 443)))
    assert shown(reader) == [None]
    tell(recorder, reverse("old.example.net", until_us=NOW_US - 1), reverse("new.example.net"), dns("c.example.com"))
    assert shown(reader) == ["new.example.net"]


@pytest.mark.parametrize(
    "name",
    [
        Name("a.example.com", Evidence.SNI),
        Name(None, Evidence.FORWARD, ("a.example.com", "b.example.com")),
        Name(None, Evidence.RANGE),
    ],
)
def test_where_anything_better_is_known_no_ptr_name_is_shown(recorder: Recorder, reader: Reader, name: Name) -> None:
    recorder.write(connection(1, name=name, remote=Endpoint(ONE, 443)))
    tell(recorder, reverse("ptr.example.net"))
    assert shown(reader) == [None]
    assert shown(reader, "evidence:reverse") == []


def test_a_ptr_name_is_found_by_its_evidence_and_never_by_host(recorder: Recorder, reader: Reader) -> None:
    recorder.write(
        connection(1, name=Name(), remote=Endpoint(ONE, 443)),
        connection(2, name=Name(), remote=Endpoint(OTHER, 443)),
        connection(3, name=Name("a.example.com", Evidence.SNI), remote=Endpoint(ONE, 443)),
    )
    tell(recorder, reverse("ptr.example.net"))
    assert shown(reader, "evidence:reverse") == ["ptr.example.net"]
    assert shown(reader, "-evidence:reverse") == [None, None]
    assert shown(reader, "host:ptr") == shown(reader, "ptr.example") == []


# After a restart


def test_only_what_namespaces_got_that_are_there_still_is_taken_up_again(recorder: Recorder) -> None:
    ended = span(3, START_US, NOW_US, namespace=WORKER, growing=False, gone=True)
    recorder.write_rest(coverage=[span(1, START_US, NOW_US, namespace=API), ended])
    ours = Answer("a.example.com", ONE, START_US, NOW_US)
    tell(recorder, ours, reverse("ptr.example.net"), dns("b.example.com"), dns("c.example.com", namespace=WORKER),
         dns("d.example.com", namespace="net:[9]"))  # fmt: skip
    found = read_past(recorder.db, NOW_US).answers
    assert set(found) == {ours, dns("b.example.com")}


def test_a_namespace_whose_packets_could_not_be_read_at_the_end_has_ended_all_the_same(recorder: Recorder) -> None:
    recorder.write_rest(
        coverage=[
            span(1, START_US, NOW_US, namespace=API, growing=False, gone=True),
            span(2, START_US + 5, START_US + MINUTE_US, "wire", namespace=API, growing=False),
        ]
    )
    tell(recorder, dns("a.example.com"))
    assert read_past(recorder.db, NOW_US).answers == ()


def test_of_a_number_that_was_given_again_only_what_the_new_namespace_got_is_taken_up(recorder: Recorder) -> None:
    ended_us, began_us = START_US + MINUTE_US, START_US + 2 * MINUTE_US
    recorder.write_rest(
        coverage=[
            span(1, START_US, ended_us, namespace=API, growing=False, gone=True),
            span(2, began_us, NOW_US, "wire", namespace=API),
        ]
    )
    fresh = dns("new.example.com", from_us=began_us + SECOND_US)
    tell(recorder, dns("old.example.com"), fresh)
    assert read_past(recorder.db, NOW_US).answers == (fresh,)


def test_what_a_namespace_got_before_the_machine_was_started_is_another_namespaces(recorder: Recorder) -> None:
    recorder.write_rest(coverage=[span(1, START_US, NOW_US, namespace=API)])
    booted_us = START_US + MINUTE_US
    ours, fresh = Answer("a.example.com", ONE, START_US, NOW_US), dns("b.example.com", from_us=booted_us)
    tell(recorder, ours, dns("c.example.com", from_us=booted_us - 1), fresh)
    assert set(read_past(recorder.db, NOW_US, booted_us=booted_us).answers) == {ours, fresh}


def test_what_a_namespace_got_a_day_ago_is_not_taken_up(recorder: Recorder) -> None:
    recorder.write_rest(coverage=[span(1, START_US, NOW_US, namespace=API)])
    fresh = dns("b.example.com", from_us=1, until_us=NOW_US - DAY_US + 1)
    tell(recorder, dns("a.example.com", from_us=1, until_us=NOW_US - DAY_US), fresh)
    assert read_past(recorder.db, NOW_US).answers == (fresh,)


# What the client itself named


def test_what_a_client_claims_is_told_by_each_address(recorder: Recorder, reader: Reader) -> None:
    for id, (claim, ip) in enumerate([(Claim.MISMATCH, ONE), (Claim.CONFIRMED, OTHER), (Claim.MISMATCH, ONE)], 1):
        name = Name("api.openai.com", Evidence.SNI, (), claim, is_outer=True)
        recorder.write(connection(id, opened_us=START_US + id, name=name, remote=Endpoint(ip, 443)))
    (row, *_) = reader.connections(Filter(), 0, 2**62)
    assert [(a.ip, a.claim, a.connections) for a in reader.addresses(row.destination_id)] == [
        (ONE, "mismatch", 2), (OTHER, "confirmed", 1),
    ]  # fmt: skip
