"""When a name that a client gave is believed, when it is not, and when it is called false."""

import pytest

from tui.collector.claims import Claims
from tui.model.answer import EVERYWHERE, Answer
from tui.model.connection import Claim, Evidence
from tui.model.observation import WireSight
from tui.names.table import NameTable

SECOND = 1_000_000
API, HOST, OWN, FORGED = "net:[1]", "api.openai.com", "203.0.113.10", "192.0.2.66"
NOW = 10_000 * SECOND


@pytest.fixture
def table() -> NameTable:
    return NameTable()


def told(table: NameTable, ip: str = OWN, at_us: int = NOW, namespace: str = API) -> None:
    table.learn(Answer(HOST, ip, at_us, at_us + 60 * SECOND, namespace, Evidence.DNS))


def heard_since(table: NameTable, at_us: int) -> Claims:
    claims = Claims(table)
    claims.learn(WireSight(frozenset({API}), {}), at_us)
    return claims


def test_an_address_that_the_namespace_was_told_confirms_the_name(table: NameTable) -> None:
    told(table)
    assert Claims(table).of(API, HOST, OWN, NOW + SECOND) is Claim.CONFIRMED


def test_what_another_namespace_was_told_confirms_nothing(table: NameTable) -> None:
    told(table, namespace="net:[2]")
    assert Claims(table).of(API, HOST, OWN, NOW + SECOND) is Claim.UNCONFIRMED


def test_an_address_that_the_namespace_was_not_told_for_a_name_it_asked_for_is_false(table: NameTable) -> None:
    claims = heard_since(table, NOW - SECOND)
    told(table)
    assert claims.of(API, HOST, FORGED, NOW + SECOND) is Claim.MISMATCH


def test_after_a_hole_nothing_is_called_false_by_what_was_told_before(table: NameTable) -> None:
    claims = heard_since(table, NOW - SECOND)
    told(table)
    claims.missed(NOW + SECOND, [API])
    assert claims.of(API, HOST, FORGED, NOW + 2 * SECOND) is Claim.UNCONFIRMED


@pytest.mark.parametrize("namespace", [API, EVERYWHERE])
def test_an_address_that_the_name_had_hours_ago_is_no_lie_of_a_client_that_keeps_it(
    table: NameTable, namespace: str
) -> None:
    """A JVM or nginx may keep an address until it ends, while others in its namespace ask anew."""
    claims = heard_since(table, NOW - SECOND)
    evidence = Evidence.DNS if namespace == API else Evidence.FORWARD
    table.learn(Answer(HOST, FORGED, NOW, NOW + 60 * SECOND, namespace, evidence))
    later = NOW + 3 * 3600 * SECOND
    told(table, OWN, later)
    assert claims.of(API, HOST, FORGED, later + SECOND) is Claim.UNCONFIRMED
    assert claims.of(API, HOST, "192.0.2.67", later + SECOND) is Claim.MISMATCH


def test_a_set_of_addresses_that_rotates_is_never_false_while_the_namespace_is_told_them(table: NameTable) -> None:
    claims = heard_since(table, NOW - SECOND)
    found = set()
    for number in range(1000):
        at_us, ip = NOW + number * SECOND, f"203.0.{number // 250}.{number % 250 + 1}"
        told(table, ip, at_us)
        found.add(claims.of(API, HOST, ip, at_us + 1000))
    assert found == {Claim.CONFIRMED}


def test_a_look_up_of_our_own_that_lacks_the_address_speaks_against_the_name(table: NameTable) -> None:
    claims = Claims(table)
    assert claims.of(API, HOST, FORGED, NOW) is Claim.UNCONFIRMED
    assert claims.take_wanted() == {HOST}
    table.learn(Answer(HOST, OWN, NOW + SECOND, NOW + 61 * SECOND))
    claims.looked_up(HOST, NOW + SECOND, found=True)
    assert claims.of(API, HOST, FORGED, NOW) is Claim.MISMATCH
