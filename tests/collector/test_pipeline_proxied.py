"""A socket to a proxy and the line of the proxy's log, whichever comes first: one connection, told of once."""

from dataclasses import replace
from typing import Any

import pytest

from tests.collector.kernel import HERE, counted, end
from tests.collector.test_pipeline_ends import API, API_NET, LICENSED, LICENSING, Recording, us
from tests.collector.test_pipeline_names import flow
from tests.history.sample import workload
from tui.collector.logs import LogRead
from tui.history.batch import KeptLog
from tui.model.alert import AlertKind
from tui.model.connection import Endpoint, Evidence, Outcome, Verdict
from tui.model.observation import Sighting
from tui.model.request import Request
from tui.model.wire import Flow

PROXY = Endpoint("10.0.0.7", 3128)
LOG = "/var/log/squid/access.log"
BLIND = Endpoint(HERE.ip, 0)


def recording() -> Recording:
    """One whose service has a proxy, and whose addresses are known."""
    begun = Recording()
    variables = (("HTTPS_PROXY", f"http://{PROXY}"),)
    begun.see(
        Sighting(
            us(10.2), workloads=(replace(workload(namespace=API_NET), proxy=variables),),
            addresses={API_NET: frozenset({HERE.ip})},
        )
    )  # fmt: skip
    return begun


def tell(to: Recording, *requests: Request) -> None:
    kept = KeptLog(LOG, b"", b"", us(12), "following", "squid", "", 1, 1, 0, "", 0)
    to.pipeline.logged(LogRead(LOG, us(11), us(12), requests, (), kept, "following", (), 0))
    to.take()


def line(host: str = "evil.example", outcome: Outcome = Outcome.DENIED, **told: Any) -> Request:
    return Request(host, 443, outcome, us(11), us(11.1), BLIND, reason="TCP_DENIED/403")._replace(**told)


def ended(to: Recording, *flows: Flow) -> None:
    to.see(Sighting(us(11.1), ends=(end(11.1, counted(300, 500), remote=PROXY, cookie=1),), flows=flows))


def read_off_the_wire() -> Flow:
    asked = {"evidence": Evidence.CONNECT, "target": Endpoint("evil.example", 443), "status": 403}
    return flow(11, PROXY, "evil.example", **asked)


@pytest.mark.parametrize("first", ["line", "socket"])
@pytest.mark.parametrize("wire", [True, False])
def test_it_is_one_connection_and_counts_once(first: str, wire: bool) -> None:
    told = recording()
    flows = (read_off_the_wire(),) if wire else ()
    if first == "line":
        tell(told, line())
    ended(told, *flows)
    if first == "socket":
        tell(told, line())
    told.settle(15)
    withdrawn = told.withdrawn
    (found,) = [each for id, each in told.connections.items() if id not in withdrawn]
    assert (found.source, found.name.host, found.name.evidence) == ("sockets", "evil.example", Evidence.PROXY)
    assert (found.outcome, found.reason, found.via) == (Outcome.DENIED, "TCP_DENIED/403", str(PROXY))
    assert found.judgement.verdict is Verdict.OFF_ALLOWLIST
    assert [(alert.kind, alert.count) for alert in told.alerts.values()] == [(AlertKind.OFF_ALLOWLIST, 1)]


def test_a_line_without_any_socket_is_the_containers_whose_address_asked() -> None:
    told = recording()
    tell(told, line(client=Endpoint(HERE.ip, 0)))
    assert (told.only.source, told.only.origin) == (f"proxy:{LOG}", API)


def test_who_asked_is_waited_for_and_then_not_known() -> None:
    told = recording()
    tell(told, line(client=Endpoint("10.9.9.9", 0)))
    verdicts = [told.only.judgement.verdict]
    told.settle(15)
    verdicts.append(told.only.judgement.verdict)
    assert verdicts == [Verdict.PENDING, Verdict.OFF_ALLOWLIST]
    assert told.only.origin.namespace == ""


def test_who_asked_is_known_as_soon_as_the_namespace_is() -> None:
    told = recording()
    tell(told, line(client=Endpoint("10.0.9.9", 0)))
    told.see(Sighting(us(12.5), addresses={API_NET: frozenset({HERE.ip, "10.0.9.9"})}))
    assert (told.only.origin, told.only.judgement.verdict) == (API, Verdict.OFF_ALLOWLIST)


def test_a_tunnel_that_is_told_as_open_and_again_at_its_end_is_one() -> None:
    told = recording()
    begun = line(outcome=Outcome.OPEN, ended_us=None, reason="")
    tell(told, begun)
    assert told.only.outcome is Outcome.OPEN
    tell(told, begun._replace(outcome=Outcome.CLOSED, ended_us=us(11.9), again=True))
    assert (told.only.outcome, told.only.closed_us) == (Outcome.CLOSED, us(11.9))


@pytest.mark.parametrize(
    ("address", "verdict"), [(LICENSED.ip, Verdict.ALLOWED), ("203.0.113.77", Verdict.OFF_ALLOWLIST)]
)
@pytest.mark.parametrize("imported", [True, False])
def test_a_name_that_only_the_client_gave_counts_for_an_address_that_it_has(
    address: str, verdict: Verdict, imported: bool
) -> None:
    told = recording()
    asked = line(LICENSING, Outcome.CLOSED, address=address, is_claimed=True, reason="")
    if imported:
        told.pipeline.imported(LOG, [asked], us(12))
        told.take()
        verdict = Verdict.OFF_ALLOWLIST  # which addresses it had then, nobody knows
    else:
        tell(told, asked)
        told.settle(15)
    assert (told.only.name.host, told.only.remote.ip, told.only.judgement.verdict) == (LICENSING, address, verdict)


def test_two_lines_of_one_address_are_of_two_sockets() -> None:
    told = recording()
    other = Endpoint(HERE.ip, HERE.port + 1)
    ends = tuple(
        end(11.1, counted(300, 500), remote=PROXY, cookie=n, local=each) for n, each in enumerate((HERE, other))
    )
    told.see(Sighting(us(11.1), ends=ends))
    tell(told, line(), line("other.example"))
    assert {each.name.host for each in told.connections.values()} == {"evil.example", "other.example"}
    assert {each.source for each in told.connections.values()} == {"sockets"}


def test_a_second_request_on_one_socket_is_a_connection_of_its_own_without_its_bytes() -> None:
    told = recording()
    ended(told)
    asked = line(outcome=Outcome.CLOSED, client=HERE, bytes_received=500, reason="")
    tell(told, asked, asked._replace(host="other.example"))
    first, second = sorted(told.connections.values(), key=lambda each: each.id)
    assert (first.name.host, first.bytes_received) == ("evil.example", 500)
    assert (second.name.host, second.bytes_received, second.via) == ("other.example", None, str(PROXY))


@pytest.mark.parametrize("first", ["line", "socket"])
def test_another_name_within_a_tunnel_to_what_is_allowed_is_told_whichever_comes_first(first: str) -> None:
    told = recording()
    asked = {"evidence": Evidence.CONNECT, "target": Endpoint(LICENSING, 443), "status": 200, "inner": "evil.example"}
    if first == "line":
        tell(told, line(LICENSING, Outcome.CLOSED, reason=""))
    ended(told, flow(11, PROXY, LICENSING, **asked))
    if first == "socket":
        tell(told, line(LICENSING, Outcome.CLOSED, reason=""))
    told.settle(15)
    assert [(alert.kind, alert.count) for alert in told.alerts.values()] == [(AlertKind.NAME_MISMATCH, 1)]


def test_of_more_open_tunnels_than_can_be_followed_the_oldest_end_at_an_unknown_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tui.collector.proxied.OPEN_MAX", 2)
    told = recording()
    clients = [Endpoint("10.9.9.9", 50_000 + number) for number in range(4)]
    tell(told, *[line(outcome=Outcome.OPEN, ended_us=None, reason="", client=each) for each in clients])
    told.settle(15)
    assert [told.connections[id].outcome for id in sorted(told.connections)] == [
        Outcome.UNKNOWN, Outcome.UNKNOWN, Outcome.OPEN, Outcome.OPEN,
    ]  # fmt: skip
    assert len(told.final) == 2


def test_a_tunnel_whose_client_the_log_does_not_name_ends_after_a_restart() -> None:
    before = recording()
    begun = line(outcome=Outcome.OPEN, ended_us=None, reason="", client=None)
    tell(before, begun)
    after = Recording(resumed=[before.only])
    tell(after, begun._replace(outcome=Outcome.CLOSED, ended_us=us(11.9), again=True))
    assert (after.only.id, after.only.outcome, after.only.closed_us) == (before.only.id, Outcome.CLOSED, us(11.9))
