"""What a line of a proxy's log makes of a connection."""

from dataclasses import replace

import pytest

from tests.collector.kernel import SECOND
from tests.collector.test_askers import API, CLIENT, HOST, PROXY, request, socket
from tui.collector.proxied import alone, ended, kept, merged
from tui.model.address import UNKNOWN, pack
from tui.model.connection import Endpoint, Evidence, Judgement, Label, Name, Outcome, Phase, Verdict
from tui.proxylog.target import host_of

LABEL, UNDECIDED = Label("Not recognised"), Judgement(Verdict.PENDING, None, 1, "")


def test_a_merged_connection_goes_where_the_proxy_was_asked_to_go() -> None:
    denied = request(outcome=Outcome.DENIED, reason="TCP_DENIED/403")
    found = merged(socket(), denied, PROXY)
    assert (found.name, found.remote, found.via) == (Name(HOST, Evidence.PROXY), Endpoint(PROXY.ip, 443), str(PROXY))
    assert (found.outcome, found.phase, found.reason) == (Outcome.DENIED, Phase.PROXY, "TCP_DENIED/403")
    reached = merged(socket(), request(address="198.51.100.22", reason="TCP_TUNNEL/200"), PROXY)
    assert (reached.remote, reached.outcome) == (Endpoint("198.51.100.22", 443), Outcome.CLOSED)
    assert reached.reason is None


def test_what_the_proxy_said_stands_when_the_socket_ends() -> None:
    denied = merged(socket(closed_s=None), request(outcome=Outcome.DENIED, reason="TCP_DENIED/403"), PROXY)
    over = kept(socket(bytes_received=3453), denied)  # the proxy's own page
    assert (over.outcome, over.name.host, over.bytes_received, over.failed) == (Outcome.DENIED, HOST, 0, True)
    through = kept(socket(outcome=Outcome.RESET), merged(socket(closed_s=None), request(), PROXY))
    assert (through.outcome, through.name.host) == (Outcome.RESET, HOST)


def test_what_the_far_side_sent_and_the_client_did_not_wait_for_is_an_answer() -> None:
    left = socket(outcome=Outcome.NO_REPLY, bytes_received=0)
    assert merged(left, request(outcome=Outcome.RESET, bytes_received=900), PROXY).outcome is Outcome.RESET
    assert merged(left, request(outcome=Outcome.CLOSED), PROXY).outcome is Outcome.NO_REPLY


def test_a_request_by_address_has_no_name() -> None:
    found = merged(socket(), request(host="192.0.2.66"), PROXY)
    assert (found.name.host, found.remote) == (None, Endpoint("192.0.2.66", 443))


def test_a_request_without_a_socket_is_a_connection_of_the_log() -> None:
    found = alone(7, request(), "/var/log/squid/access.log", API, LABEL, UNDECIDED, 13 * SECOND)
    assert (found.source, found.opened_us, found.opened_exact, found.closed_us) == (
        "proxy:/var/log/squid/access.log", 10 * SECOND, True, 12 * SECOND,
    )  # fmt: skip
    assert (found.name.host, found.remote.port, found.origin, found.local) == (HOST, 443, API, CLIENT)


def test_its_last_line_ends_it_and_leaves_what_it_does_not_tell() -> None:
    opened = alone(7, request(10, None, outcome=Outcome.OPEN, bytes_sent=5), "/log", API, LABEL, UNDECIDED, 10 * SECOND)
    over = ended(opened, request(10, 15, outcome=Outcome.CLOSED, bytes_received=9))
    assert (over.outcome, over.closed_us, over.bytes_sent, over.bytes_received) == (Outcome.CLOSED, 15 * SECOND, 5, 9)
    assert replace(over, outcome=opened.outcome).opened_us == 10 * SECOND


@pytest.mark.parametrize(
    "asked", ["intranet.123", "example.com.7", "x:99999", "\\[::1", "1.2.3.4.5", "::ffff:999.1.1.1"]
)
def test_what_only_looks_like_an_address_is_none(asked: str) -> None:
    host = host_of(asked.encode())
    found = alone(7, request(host=host), "/log", API, LABEL, UNDECIDED, 13 * SECOND)
    assert host is not None
    assert (found.name.host, found.remote) == (host, Endpoint(UNKNOWN, 443))
    assert pack(found.remote.ip)
