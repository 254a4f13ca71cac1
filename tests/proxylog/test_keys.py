"""What a request is known by."""

from tui.model.connection import Endpoint, Outcome
from tui.model.request import Request
from tui.model.times import HOUR_US
from tui.proxylog.keys import REMEMBERED_MAX, RequestKeys

NOON = 500_000 * HOUR_US
ONE = Request("a.example", 443, Outcome.CLOSED, NOON + 5, NOON + 9, Endpoint("10.0.0.7", 0), None, 10, 20)


def test_a_log_that_is_read_again_gives_the_same_keys() -> None:
    requests = [ONE, ONE._replace(host="b.example"), ONE, ONE, ONE._replace(port=80)]
    first, second = RequestKeys(), RequestKeys()
    assert [first.of(each) for each in requests] == [second.of(each) for each in requests]


def test_requests_that_differ_have_keys_that_differ() -> None:
    keys = RequestKeys()
    requests = [
        ONE,
        ONE._replace(host="b.example"),
        ONE._replace(host=None),
        ONE._replace(port=80),
        ONE._replace(client=Endpoint("10.0.0.8", 0)),
        ONE._replace(client=Endpoint("10.0.0.7", 1)),
        ONE._replace(client=None),
        ONE._replace(started_us=NOON + 6),
        ONE._replace(started_us=None),
        ONE._replace(bytes_sent=11),
        ONE._replace(bytes_received=None),
        ONE._replace(outcome=Outcome.OPEN),
    ]
    assert len({keys.of(each) for each in requests}) == len(requests)


def test_requests_that_look_alike_are_counted() -> None:
    keys = RequestKeys()
    assert len({keys.of(ONE) for _ in range(1000)}) == 1000


def test_the_proxy_s_word_and_the_outcome_do_not_make_another_request() -> None:
    other = ONE._replace(outcome=Outcome.DENIED, reason="TCP_DENIED/403")
    assert RequestKeys().of(ONE) == RequestKeys().of(other)


def test_the_hour_is_that_of_the_start_or_else_of_the_end_or_none() -> None:
    keys = RequestKeys()
    late = ONE._replace(started_us=NOON - 1)
    assert keys.of(late)[0] == 499_999
    assert keys.of(late._replace(started_us=None))[0] == 500_000
    assert keys.of(late._replace(started_us=None, ended_us=None))[0] == 0


def test_keys_fit_what_sqlite_holds() -> None:
    keys = RequestKeys()
    hashes = [keys.of(ONE._replace(port=port))[1] for port in range(200)]
    assert all(-(2**63) <= each < 2**63 for each in hashes)
    assert min(hashes) < 0 < max(hashes)


def test_what_is_remembered_is_bounded_and_reaches_half_way_back_at_least() -> None:
    keys = RequestKeys()
    first = keys.of(ONE)
    for port in range(REMEMBERED_MAX // 2 - 1):
        keys.of(ONE._replace(host="b.example", port=port))
    assert keys.of(ONE) != first
    for port in range(REMEMBERED_MAX + 1):
        keys.of(ONE._replace(host="c.example", port=port))
    assert keys.of(ONE) == first
