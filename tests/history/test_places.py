"""Where destinations are is asked for many at once, within a bound."""

from collections.abc import Iterator

import pytest

from tests.history.sample import SECOND_US, START_US, Recorder, connection
from tui.history.places import LOOKED_AT, Place, destination_id, places
from tui.history.read import Reader
from tui.model.connection import Endpoint, Evidence, Name, Origin

ONE, OTHER = Name("one.example.com", Evidence.FORWARD), Name("other.example.com", Evidence.FORWARD)


@pytest.fixture
def reader(recorder: Recorder) -> Iterator[Reader]:
    reader = Reader(recorder.path)
    yield reader
    reader.close()


def ids(reader: Reader) -> dict[str, int]:
    return dict(reader.db.execute("SELECT name, id FROM destination"))


def test_each_destination_has_its_addresses_the_latest_first(recorder: Recorder, reader: Reader) -> None:
    recorder.write(
        connection(1, name=ONE, remote=Endpoint("203.0.113.7", 443)),
        connection(2, name=ONE, remote=Endpoint("2001:db8::7", 443)),
        connection(3, name=OTHER, remote=Endpoint("203.0.113.9", 443)),
        connection(4, name=ONE, remote=Endpoint("203.0.113.7", 443)),
    )
    one, other = ids(reader)["one.example.com"], ids(reader)["other.example.com"]
    assert places(reader, [one, other], START_US) == {
        (one, "api"): (Place("203.0.113.7"), Place("2001:db8::7")),
        (other, "api"): (Place("203.0.113.9"),),
    }
    assert places(reader, [other], START_US).keys() == {(other, "api")}


def test_each_role_has_the_addresses_that_it_reached_itself(recorder: Recorder, reader: Reader) -> None:
    recorder.write(
        connection(1, name=ONE, remote=Endpoint("203.0.113.7", 443)),
        connection(2, name=ONE, remote=Endpoint("192.0.2.66", 443), origin=Origin("net:[2]", "code-executor")),
        connection(3, name=ONE, remote=Endpoint("203.0.113.8", 443), origin=Origin("net:[3]", None)),
    )
    (id,) = ids(reader).values()
    assert places(reader, [id], START_US) == {
        (id, "api"): (Place("203.0.113.7"),),
        (id, "code-executor"): (Place("192.0.2.66"),),
        (id, None): (Place("203.0.113.8"),),
    }


def test_what_was_opened_later_than_the_time_that_is_shown_is_left_out(recorder: Recorder, reader: Reader) -> None:
    recorder.write(
        connection(1, name=ONE, remote=Endpoint("203.0.113.7", 443)),
        connection(2, name=ONE, remote=Endpoint("203.0.113.8", 443), opened_us=START_US + SECOND_US),
    )
    (id,) = ids(reader).values()
    assert places(reader, [id], START_US) == {(id, "api"): (Place("203.0.113.7"),)}


def test_what_an_import_tells_of_the_past_is_not_the_latest(recorder: Recorder, reader: Reader) -> None:
    recorder.write(
        connection(1, name=ONE, remote=Endpoint("203.0.113.7", 443), opened_us=START_US),
        connection(2, name=ONE, remote=Endpoint("203.0.113.8", 443), opened_us=START_US - SECOND_US),
    )
    one = ids(reader)["one.example.com"]
    assert places(reader, [one], START_US)[one, "api"] == (Place("203.0.113.7"), Place("203.0.113.8"))


def test_only_the_latest_connections_of_a_destination_are_looked_at(recorder: Recorder, reader: Reader) -> None:
    old, late = Endpoint("203.0.113.7", 443), Endpoint("203.0.113.8", 443)
    recorder.write(*(connection(n, name=ONE, remote=old if n <= 2 else late) for n in range(1, LOOKED_AT + 2)))
    (id,) = ids(reader).values()
    assert places(reader, [id], START_US) == {(id, "api"): (Place(late.ip), Place(old.ip))}
    recorder.write(connection(LOOKED_AT + 2, name=ONE, remote=late))
    assert places(reader, [id], START_US) == {(id, "api"): (Place(late.ip),)}


@pytest.mark.parametrize(
    ("ip", "via", "place"),
    [
        ("10.0.0.9", "10.0.0.9:3128", Place("10.0.0.9", "10.0.0.9:3128")),
        ("2001:db8::9", "[2001:db8::9]:3128", Place("2001:db8::9", "[2001:db8::9]:3128")),
        ("203.0.113.7", "10.0.0.9:3128", Place("203.0.113.7")),
        ("203.0.113.7", None, Place("203.0.113.7")),
    ],
    ids=["a name", "a name, IPv6", "an address that the proxy was asked for", "no proxy"],
)
def test_an_address_that_is_the_proxy_s_is_said_to_be(
    recorder: Recorder, reader: Reader, ip: str, via: str | None, place: Place
) -> None:
    recorder.write(connection(1, name=ONE, remote=Endpoint(ip, 443), via=via))
    (id,) = ids(reader).values()
    assert places(reader, [id], START_US) == {(id, "api"): (place,)}


def test_nothing_is_asked_for_no_destination(reader: Reader) -> None:
    assert places(reader, [], START_US) == {}


def test_a_destination_is_found_by_its_name_and_port(recorder: Recorder, reader: Reader) -> None:
    recorder.write(
        connection(1, name=ONE, remote=Endpoint("203.0.113.7", 443)),
        connection(2, name=Name(), remote=Endpoint("203.0.113.9", 443)),
    )
    assert destination_id(reader, "one.example.com", 443) == ids(reader)["one.example.com"]
    assert destination_id(reader, "one.example.com", 80) is None
    assert destination_id(reader, "203.0.113.9", 443) is None
