"""Whose socket made a request that a proxy has logged."""

from typing import Any

from tests.collector.kernel import SECOND
from tests.history.sample import connection
from tui.collector.askers import KEPT_US, Asker, Askers, several
from tui.model.connection import NO_NAME, Connection, Endpoint, Evidence, Name, Origin, Outcome
from tui.model.request import Request

API = Origin("net:[1]", "api", "retool-api-1")
WORKER = Origin("net:[2]", "workflows-worker", "retool-worker-1")
HOST_NET = "net:[9]"
GATEWAY = "172.18.0.1"
"""An address of the host's own, behind which it masks what containers send."""
PROXY = Endpoint("10.0.0.7", 3128)
CLIENT = Endpoint("172.18.0.3", 40000)
BLIND = Endpoint(CLIENT.ip, 0)
HOST = "api.stripe.com"


def socket(
    id: int = 1, local: Endpoint = CLIENT, opened_s: float = 10, closed_s: float | None = 12, **changed: Any
) -> Connection:
    closed_us = None if closed_s is None else round(closed_s * SECOND)
    told = {"remote": PROXY, "name": NO_NAME, "origin": API, "opened_exact": True}
    told["outcome"] = Outcome.OPEN if closed_s is None else Outcome.CLOSED
    return connection(id, local=local, opened_us=round(opened_s * SECOND), closed_us=closed_us, **(told | changed))


def request(started_s: float | None = 10, ended_s: float | None = 12, **changed: Any) -> Request:
    started, ended = (None if s is None else round(s * SECOND) for s in (started_s, ended_s))
    return Request(HOST, 443, Outcome.CLOSED, started, ended, CLIENT)._replace(**changed)


def asked(*sockets: Connection) -> Askers:
    askers = Askers()
    askers.learn({HOST_NET: {GATEWAY}, API.namespace: {CLIENT.ip}}, HOST_NET)
    for each in sockets:
        askers.seen(each, PROXY, 12 * SECOND)
    return askers


def ids(askers: Askers, request: Request) -> list[int]:
    return [asker.connection.id for asker in askers.of(request)]


def line(askers: Askers, connection: Connection) -> Request | None:
    found = askers.line_of(Asker(connection, PROXY))
    return found.request if found is not None else None


def test_a_line_with_the_port_is_that_sockets_and_only_in_its_time() -> None:
    askers = asked(socket(1), socket(2, Endpoint(CLIENT.ip, 40001)))
    assert ids(askers, request()) == [1]
    assert ids(askers, request(20, 21)) == []
    assert ids(askers, request(client=Endpoint("172.18.0.9", 40000))) == []


def test_without_the_port_it_is_the_socket_that_was_seen_to_ask_for_it() -> None:
    wire = Name(HOST, Evidence.CONNECT)
    other = Endpoint(CLIENT.ip, 40001)
    to_host = Endpoint(PROXY.ip, 443)
    assert ids(asked(socket(1), socket(2, other, name=wire, remote=to_host)), request(client=BLIND)) == [2]
    elsewhere = socket(2, other, name=Name("other.example", Evidence.CONNECT), remote=to_host)
    assert ids(asked(elsewhere), request(client=BLIND)) == []


def test_without_the_port_it_is_the_socket_that_got_as_many_bytes_else_the_nearest_in_time() -> None:
    near, far = socket(1, opened_s=10.1), socket(2, Endpoint(CLIENT.ip, 40001), 10.5, 12.5, bytes_received=777)
    assert ids(asked(near, far), request(client=BLIND)) == [1]
    assert ids(asked(near, far), request(client=BLIND, bytes_received=777)) == [2]
    assert ids(asked(socket(1, opened_s=30, closed_s=31)), request(client=BLIND)) == []


def test_a_request_that_is_over_is_none_of_a_tunnel_that_goes_on_unless_the_port_says_so() -> None:
    tunnel = socket(1, closed_s=None)
    assert ids(asked(tunnel), request(client=BLIND)) == []
    assert ids(asked(tunnel), request(500, 600)) == [1]
    assert ids(asked(tunnel), request(10, None, client=BLIND, outcome=Outcome.OPEN)) == [1]


def test_of_a_socket_that_was_over_at_once_the_end_tells_and_of_a_line_without_an_end_its_start() -> None:
    short = socket(1, opened_s=10.1, closed_s=10.1, opened_exact=False)
    assert ids(asked(short), request(10, 10.09, client=BLIND)) == [1]
    assert ids(asked(short), request(10, None, client=BLIND, outcome=Outcome.OPEN)) == [1]
    assert ids(asked(short), request(6, None, client=BLIND, outcome=Outcome.OPEN)) == []


def test_a_line_that_comes_first_waits_for_its_socket_once() -> None:
    askers = asked()
    askers.wait(connection(7), request(client=BLIND), 12 * SECOND)
    assert line(askers, socket(1, closed_s=None)) is None
    assert line(askers, socket(1, Endpoint("172.18.0.9", 1))) is None
    assert line(askers, socket(1)) == request(client=BLIND)
    assert line(askers, socket(2)) is None


def test_what_ended_long_ago_is_forgotten_and_its_address_is_not() -> None:
    askers = asked(socket(1))
    askers.wait(connection(7), request(20, 21), 12 * SECOND)
    askers.forget_old(12 * SECOND + KEPT_US + 1)
    assert ids(askers, request()) == []
    assert line(askers, socket(2, opened_s=20, closed_s=21)) is None
    assert askers.origin_of(CLIENT.ip, {API.namespace: API}.__getitem__) == API


def test_the_end_of_a_request_finds_the_socket_that_its_beginning_was_joined_to() -> None:
    again = request(10, 12, client=BLIND, again=True)
    to_host, named = Endpoint(PROXY.ip, 443), Name(HOST, Evidence.PROXY)
    seen = socket(1, remote=to_host, name=named)
    short = socket(2, opened_s=10.2, closed_s=10.2, opened_exact=False, remote=to_host, name=named)
    for each in (seen, short):
        found = asked(each).told_before(again)
        assert found is not None
        assert found.connection.id == each.id
    assert asked(seen).told_before(again._replace(host="other.example")) is None


def test_a_client_behind_the_hosts_own_address_is_known_by_its_port_or_its_bytes() -> None:
    mine, theirs = socket(1, bytes_received=100), socket(2, Endpoint("172.19.0.3", 40001), origin=WORKER)
    masked = request(client=Endpoint(GATEWAY, 40001))
    assert ids(asked(mine, theirs), masked) == [2]
    nameless = request(client=Endpoint(GATEWAY, 0))
    assert ids(asked(mine, theirs), nameless._replace(bytes_received=100)) == [1]
    assert sorted(ids(asked(mine, theirs), nameless)) == [1, 2]
    assert ids(asked(mine), request(client=Endpoint("10.9.9.9", 0))) == []


def test_several_that_fit_are_shown_as_a_set() -> None:
    assert several([API, WORKER]) == Origin("", None, "api or workflows-worker")
    assert several([API, API]) == API
    assert several([]) is None
