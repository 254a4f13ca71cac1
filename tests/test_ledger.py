"""How a record is compared with what happened: every way of being wrong has its name."""

from typing import Any

import pytest

from tests.host.ledger import Entry, Key, compare
from tests.host.storm import entry_of

KEY: Key = ("tcp", "10.77.0.11", 40000, "203.0.113.10", 9001)
OTHER: Key = ("tcp", "10.77.0.11", 40001, "203.0.113.10", 9001)
INBOUND: Key = ("tcp", "203.0.113.10", 9001, "10.77.0.11", 40000)


def entry(key: Key = KEY, sent: int | None = 900, received: int | None = 5000, outcome: str | None = "closed") -> Entry:
    return Entry("client-first", key, outcome, "api", sent, received)


def row(key: Key = KEY, **changed: Any) -> dict[str, Any]:
    """An exported row that is right about `entry()`, but for what is changed."""
    named = dict(zip(("protocol", "local_ip", "local_port", "ip", "port"), key, strict=True))
    return named | {"outcome": "closed", "role": "api", "bytes_sent": 900, "bytes_received": 5000} | changed


def test_a_record_that_tells_all_as_it_was_has_no_differences() -> None:
    found = compare([entry(), entry(OTHER)], [row(OTHER), row()])
    assert found.none
    assert (found.count, found.exact) == (2, 2)
    assert str(found) == "2 of 2 exact"


def test_a_connection_that_is_not_there_is_missing() -> None:
    found = compare([entry(), entry(OTHER)], [row()])
    assert found.missing == (entry(OTHER),)
    assert (found.none, found.exact) == (False, 1)


def test_a_connection_that_is_there_twice_is_doubled() -> None:
    found = compare([entry()], [row(), row()])
    assert found.doubled == (KEY,)
    assert not found.none


@pytest.mark.parametrize(
    ("column", "fault", "wrong"),
    [
        ("outcome", "outcomes", "reset"),
        ("role", "roles", None),
        ("role", "roles", "jobs-runner"),
        ("bytes_sent", "sent", 901),
        ("bytes_sent", "sent", None),
        ("bytes_received", "received", 5002),
        ("bytes_received", "received", 4998),
        ("bytes_received", "received", None),
    ],
)
def test_a_wrong_cell_is_a_difference_of_its_kind_and_of_no_other(column: str, fault: str, wrong: Any) -> None:
    found = compare([entry()], [row(**{column: wrong})])
    assert getattr(found, fault) == ((entry(), wrong),)
    others = {"missing", "doubled", "outcomes", "roles", "sent", "received", "strangers"} - {fault}
    assert not any(getattr(found, name) for name in others)
    assert not found.none


@pytest.mark.parametrize("received", [4999, 5001])
def test_one_byte_received_too_many_or_too_few_is_right_but_not_exact(received: int) -> None:
    found = compare([entry()], [row(bytes_received=received)])
    assert found.none
    assert found.exact == 0


def test_where_the_kernel_counts_nothing_the_record_must_not_either() -> None:
    uncounted = entry(sent=None, received=None, outcome=None)
    assert compare([uncounted], [row(bytes_sent=None, bytes_received=None, outcome="unknown")]).none
    found = compare([uncounted], [row(bytes_sent=0, bytes_received=0)])
    assert (found.sent, found.received) == (((uncounted, 0),), ((uncounted, 0),))


@pytest.mark.parametrize("order", [1, -1])
def test_two_connections_with_one_four_tuple_each_get_their_own_row(order: int) -> None:
    happened = [entry(), entry(sent=100, received=0, outcome="reset")]
    rows = [row(), row(bytes_sent=100, bytes_received=0, outcome="reset")][::order]
    assert compare(happened, rows).exact == 2
    assert len(compare(happened, rows[:1]).missing) == 1
    assert compare(happened, [*rows, rows[0]]).doubled == (KEY,)


def test_the_same_connection_seen_from_its_other_side_is_a_stranger() -> None:
    found = compare([entry()], [row(), row(INBOUND)])
    assert found.strangers == (INBOUND,)
    assert not found.none


def test_what_has_nothing_to_do_with_the_ledger_is_no_difference() -> None:
    assert compare([entry()], [row(), row(("tcp", "10.77.0.12", 40000, "203.0.113.10", 443))]).none


def test_the_differences_are_told_with_figures_kinds_and_three_examples() -> None:
    ends = [("tcp", "10.77.0.11", port, "203.0.113.10", 9001) for port in range(40000, 40005)]
    text = str(compare([entry(key) for key in ends], [row(key, outcome="unknown") for key in ends]))
    assert text.splitlines()[:2] == ["0 of 5 exact", "5 outcomes: {'client-first: unknown': 5}"]
    assert len(text.splitlines()) == 5


TOLD: dict[str, str | int] = {
    "kind": "server-first", "protocol": "tcp", "local_ip": KEY[1], "local_port": KEY[2], "address": KEY[3],
    "port": KEY[4], "sent": 900, "received": 5000, "wanted": 5000, "saw": "answered",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({}, "closed"),
        ({"kind": "refused", "sent": 0, "received": 0, "saw": "ECONNREFUSED"}, "refused"),
        ({"kind": "dropped", "sent": 0, "received": 0, "saw": "silence"}, "timed-out"),
        ({"kind": "reset", "saw": "ECONNRESET"}, "reset"),
        ({"kind": "cut", "received": 0, "saw": "EPIPE"}, "reset"),
        ({"kind": "no-reply", "received": 0, "saw": "silence"}, "no-reply"),
    ],
)
def test_what_went_as_planned_has_the_outcome_of_its_kind(changed: dict[str, str | int], outcome: str) -> None:
    made = entry_of(TOLD | changed, "api")
    assert (made.key, made.outcome, made.role, made.trouble) == (KEY, outcome, "api", "")


@pytest.mark.parametrize(
    "changed",
    [
        {"saw": "ECONNREFUSED"},
        {"saw": "silence"},
        {"received": 4999},
        {"kind": "cut", "received": 1, "saw": "ECONNRESET"},
        {"kind": "refused", "received": 0, "saw": "silence"},
    ],
)
def test_what_went_otherwise_than_planned_says_so(changed: dict[str, str | int]) -> None:
    assert entry_of(TOLD | changed, "api").trouble


def test_a_datagram_has_no_bytes_and_any_outcome() -> None:
    made = entry_of(TOLD | {"kind": "udp", "protocol": "udp", "received": 900}, "api")
    assert (made.outcome, made.bytes_sent, made.bytes_received, made.trouble) == (None, None, None, "")
