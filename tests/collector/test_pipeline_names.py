"""What a client says of itself, and what it was told, as verdicts and alerts: confirmed, false, or not confirmed."""

from dataclasses import replace
from typing import Any

import pytest

from tests.collector.kernel import HERE, attempted, counted, end
from tests.collector.test_pipeline_ends import (
    API_NET,
    LICENSED,
    LICENSING,
    OPENAI,
    Recording,
    to,
    us,
)
from tests.history.sample import workload
from tui.model.alert import AlertKind, Urgency
from tui.model.connection import FALSE_NAME, Claim, Endpoint, Evidence, Outcome, Phase, Verdict
from tui.model.observation import HostsFile, Loss, Sighting, SocketState, WireSight
from tui.model.wire import Flow, Lookup
from tui.names.forward import Found, Missed

STRANGER = Endpoint("203.0.113.77", 443)
RESOLVER = Endpoint("10.0.0.2", 53)
PROXY = Endpoint("10.0.0.7", 3128)
READ = WireSight(frozenset({API_NET}), {})


def flow(at_s: float, remote: Endpoint, host: str | None = None, **told: Any) -> Flow:
    evidence = Evidence.SNI if host is not None else None
    return Flow(API_NET, "tcp", HERE, remote, us(at_s), 20_000, host=host, evidence=evidence)._replace(**told)


def answer(at_s: float, host: str, *ips: str, resolver: Endpoint = RESOLVER) -> Lookup:
    return Lookup(us(at_s), API_NET, resolver, host, "A", tuple((ip, 60.0) for ip in ips))


def listening(*, since_s: float = 10) -> Recording:
    """A recording in whose namespace packets are read."""
    recording = Recording()
    recording.see(Sighting(us(since_s), wire=READ, resolvers={API_NET: frozenset({RESOLVER.ip})}))
    return recording


def short(recording: Recording, at_s: float, *flows: Flow, lookups: tuple[Lookup, ...] = ()) -> None:
    """Connections that are over when they are first heard of."""
    ends = tuple(
        end(at_s + 0.1, counted(300, 500), remote=each.remote, cookie=round(at_s * 1000) + n)
        for n, each in enumerate(flows)
    )
    recording.see(Sighting(us(at_s + 0.1), ends=ends, flows=flows, lookups=lookups))


def test_an_allowed_name_on_an_address_of_its_own_is_allowed() -> None:
    recording = listening()
    short(recording, 11, flow(11, LICENSED, LICENSING))
    found = recording.only
    assert (found.name.host, found.name.evidence, found.name.claim) == (LICENSING, Evidence.SNI, Claim.CONFIRMED)
    assert found.judgement.verdict is Verdict.ALLOWED
    assert recording.alerts == {}


def test_an_allowed_name_on_an_address_that_only_this_namespace_was_told_is_allowed_too() -> None:
    recording = listening()
    short(recording, 11, flow(11, STRANGER, LICENSING), lookups=(answer(10.9, LICENSING, STRANGER.ip),))
    assert (recording.only.name.claim, recording.only.judgement.verdict) == (Claim.CONFIRMED, Verdict.ALLOWED)


def test_an_allowed_name_on_an_address_that_the_namespace_was_not_told_for_it_is_false_at_once() -> None:
    recording = listening()
    short(recording, 11, flow(11, STRANGER, LICENSING), lookups=(answer(10.9, LICENSING, LICENSED.ip),))
    found, alert = recording.only, recording.only_alert
    assert (found.name.claim, found.judgement.verdict) == (Claim.MISMATCH, Verdict.OFF_ALLOWLIST)
    assert (alert.kind, alert.urgency) == (AlertKind.NAME_MISMATCH, Urgency.ACT_NOW)
    assert LICENSING in alert.summary
    assert STRANGER.ip in alert.summary
    assert found.label.category == FALSE_NAME


def test_a_resolver_that_the_namespace_is_not_set_to_use_proves_nothing() -> None:
    recording = listening()
    own = answer(10.9, LICENSING, STRANGER.ip, resolver=Endpoint("203.0.113.53", 53))
    short(recording, 11, flow(11, STRANGER, LICENSING), lookups=(answer(10.8, LICENSING, LICENSED.ip), own))
    assert recording.only.name.claim is Claim.MISMATCH


EMBEDDED = Endpoint("127.0.0.11", 53)


def heard_on_loopback() -> Recording:
    """One whose resolver is Docker's own: any process there may bind that address, and answer."""
    recording = listening()
    recording.see(Sighting(us(10.1), resolvers={API_NET: frozenset({EMBEDDED.ip})}))
    return recording


@pytest.mark.parametrize("said", [LICENSING, None])
def test_an_answer_that_anybody_in_the_container_may_have_given_does_not_outweigh_our_own_look_up(
    said: str | None,
) -> None:
    recording = heard_on_loopback()
    forged = answer(10.9, LICENSING, STRANGER.ip, resolver=EMBEDDED)
    short(recording, 11, flow(11, STRANGER, said), lookups=(forged,))
    assert recording.only.judgement.verdict is Verdict.PENDING
    assert recording.pipeline.take_wanted(us(11)) == {LICENSING}
    recording.pipeline.learn(Found(LICENSING, (LICENSED.ip,), 60, us(11.3)), API_NET)
    recording.take()
    found = recording.connections[1]
    assert (found.name.host, found.name.claim) == (LICENSING, Claim.UNCONFIRMED)
    assert found.judgement.verdict is Verdict.OFF_ALLOWLIST
    assert recording.only_alert.kind is AlertKind.OFF_ALLOWLIST


def test_an_address_that_a_name_has_just_got_is_allowed_once_our_own_look_up_has_it_too() -> None:
    recording = heard_on_loopback()
    moved = answer(10.9, LICENSING, STRANGER.ip, resolver=EMBEDDED)
    short(recording, 11, flow(11, STRANGER, LICENSING), lookups=(moved,))
    recording.pipeline.learn(Found(LICENSING, (STRANGER.ip,), 60, us(11.3)), API_NET)
    recording.take()
    assert recording.only.judgement.verdict is Verdict.ALLOWED
    assert recording.alerts == {}


def test_an_answer_on_loopback_counts_for_a_name_whose_addresses_change_by_our_own_look_ups_too() -> None:
    recording = heard_on_loopback()
    recording.pipeline.learn(Found(LICENSING, ("203.0.113.11",), 60, us(10.5)), API_NET)
    another = answer(10.9, LICENSING, STRANGER.ip, resolver=EMBEDDED)
    short(recording, 11, flow(11, STRANGER, LICENSING), lookups=(another,))
    assert recording.only.judgement.verdict is Verdict.ALLOWED


def test_an_answer_on_loopback_counts_for_a_name_that_we_cannot_look_up() -> None:
    recording = heard_on_loopback()
    other = answer(10.9, "db.example.com", STRANGER.ip, resolver=EMBEDDED)
    short(recording, 11, flow(11, STRANGER), lookups=(other,))
    assert (recording.only.name.host, recording.only.name.claim) == ("db.example.com", None)


def waiting() -> Recording:
    """One connection with an allowed name, for which no look-up was heard, on an address that is not known for it."""
    recording = listening(since_s=60)
    short(recording, 61, flow(61, STRANGER, LICENSING))
    assert recording.only.judgement.verdict is Verdict.PENDING
    assert recording.pipeline.take_wanted(us(61)) == {LICENSING}
    assert recording.alerts == {}
    return recording


def test_where_no_look_up_was_heard_one_of_our_own_decides_and_until_then_it_waits() -> None:
    recording = waiting()
    recording.pipeline.learn(Found(LICENSING, (LICENSED.ip,), 60, us(61.3)), API_NET)
    recording.take()
    assert recording.only.name.claim is Claim.MISMATCH
    assert recording.only_alert.kind is AlertKind.NAME_MISMATCH


def test_where_our_own_look_up_has_the_address_it_is_allowed() -> None:
    recording = waiting()
    recording.pipeline.learn(Found(LICENSING, (LICENSED.ip, STRANGER.ip), 60, us(61.3)), API_NET)
    recording.take()
    assert (recording.only.name.claim, recording.only.judgement.verdict) == (Claim.CONFIRMED, Verdict.ALLOWED)
    assert recording.alerts == {}


def test_a_name_that_is_not_allowed_is_not_looked_up_whoever_gives_it() -> None:
    """Its owner's name server would be told what a container, which may ask nobody, wrote into it."""
    recording = listening()
    short(
        recording,
        11,
        flow(11, STRANGER, "a-secret.evil.example"),
        flow(11, Endpoint("10.0.0.9", 443), "b.evil.example"),
    )
    assert recording.pipeline.take_wanted(us(12)) == set()


@pytest.mark.parametrize("answered", [False, True])
def test_what_cannot_be_confirmed_is_shown_and_not_allowed_and_nobody_is_paged(answered: bool) -> None:
    recording = waiting()
    if answered:
        recording.pipeline.learn(Missed(LICENSING, "the resolver did not answer", us(62)), API_NET)
    recording.settle(64.2)
    found, alert = recording.only, recording.only_alert
    assert (found.name.host, found.name.claim) == (LICENSING, Claim.UNCONFIRMED)
    assert found.judgement.verdict is Verdict.OFF_ALLOWLIST
    assert (alert.kind, alert.urgency) == (AlertKind.OFF_ALLOWLIST, Urgency.REVIEW)


def test_lost_packets_make_a_certain_lie_an_uncertain_one() -> None:
    recording = listening()
    recording.see(Sighting(us(10.5), lookups=(answer(10.4, LICENSING, LICENSED.ip),)))
    recording.see(Sighting(us(60), packet_losses=(Loss(us(59), us(60), (API_NET,), 3),)))
    short(recording, 61, flow(61, STRANGER, LICENSING))
    assert AlertKind.NAME_MISMATCH not in {alert.kind for alert in recording.alerts.values()}
    assert recording.only.judgement.verdict is Verdict.PENDING


def test_a_name_that_is_not_allowed_needs_no_proof_to_be_off_the_list_and_is_no_forgery() -> None:
    recording = listening()
    short(recording, 11, flow(11, STRANGER, "db.example.com"))
    assert recording.only.judgement.verdict is Verdict.OFF_ALLOWLIST
    assert recording.only_alert.kind is AlertKind.OFF_ALLOWLIST
    assert recording.only_alert.destination == "db.example.com"


def test_an_open_connection_waits_for_what_its_client_will_say_and_no_longer_than_three_seconds() -> None:
    recording = listening()
    recording.see(Sighting(us(11.1), flows=(flow(11, LICENSED),)))
    recording.look(11.2, (to(STRANGER), None))
    recording.see(Sighting(us(11.3), flows=(flow(11, STRANGER),)))
    assert recording.only.judgement.verdict is Verdict.PENDING
    recording.see(Sighting(us(11.5), flows=(flow(11, STRANGER, OPENAI),)))
    recording.settle(11.6)
    assert recording.only.name.host == OPENAI
    recording.settle(14.3)
    assert [each.judgement.verdict for each in recording.connections.values()] == [Verdict.OFF_ALLOWLIST]
    assert {alert.destination for alert in recording.alerts.values()} == {OPENAI}


def test_through_a_proxy_its_answer_is_trusted_and_a_different_name_inside_is_not() -> None:
    recording = listening()
    told = {"evidence": Evidence.CONNECT, "target": Endpoint(LICENSING, 443), "status": 200}
    short(recording, 11, flow(11, PROXY, LICENSING, **told))
    assert (recording.only.judgement.verdict, recording.only.via) == (Verdict.ALLOWED, str(PROXY))
    assert recording.alerts == {}
    short(recording, 12, flow(12, PROXY, LICENSING, inner="db.example.com", **told))
    assert recording.only_alert.kind is AlertKind.NAME_MISMATCH
    assert "db.example.com" in recording.only_alert.summary


ANYBODY = Endpoint("203.0.113.88", 8888)
"""A public address that no rule and no environment names."""


@pytest.mark.parametrize("target", [LICENSING, LICENSED.ip, "10.0.0.1", RESOLVER.ip, "127.0.0.1"])
def test_what_a_server_is_asked_for_that_nobody_knows_as_a_proxy_allows_and_hides_nothing(target: str) -> None:
    """``CONNECT`` is but a word, and whoever takes data out writes it to a server of his own."""
    recording = listening()
    asked = Flow(
        API_NET, "tcp", HERE, ANYBODY, us(11), 9, host=target, evidence=Evidence.CONNECT, target=Endpoint(target, 443),
        status=403, phase=Phase.PROXY,
    )  # fmt: skip
    short(recording, 11, asked)
    recording.settle(14.2)
    found, alert = recording.only, recording.only_alert
    assert (found.remote, found.via, found.name.host) == (ANYBODY, None, None)
    assert (found.judgement.verdict, found.outcome, found.phase) == (Verdict.OFF_ALLOWLIST, Outcome.CLOSED, None)
    assert (alert.kind, alert.urgency, alert.destination) == (AlertKind.OFF_ALLOWLIST, Urgency.ACT_NOW, ANYBODY.ip)


def test_an_allowed_name_in_the_hello_after_such_a_request_is_false() -> None:
    recording = listening()
    told = {"evidence": Evidence.CONNECT, "target": Endpoint(LICENSING, 443), "status": 200, "inner": LICENSING}
    short(recording, 11, flow(11, ANYBODY, LICENSING, **told), lookups=(answer(10.9, LICENSING, LICENSED.ip),))
    assert (recording.only.name.evidence, recording.only.name.claim) == (Evidence.SNI, Claim.MISMATCH)
    assert recording.only_alert.kind is AlertKind.NAME_MISMATCH


ENVIRONMENTS = {
    "an address": (("HTTPS_PROXY", f"http://{ANYBODY}"),),
    "an address without a port": (("all_proxy", ANYBODY.ip),),
    "a name": (("https_proxy", "http://proxy.corp.example:8888"), ("NO_PROXY", "a b")),
}


@pytest.mark.parametrize("variables", ENVIRONMENTS.values(), ids=ENVIRONMENTS)
def test_what_a_proxy_is_asked_for_that_the_environment_names_is_the_destination(
    variables: tuple[tuple[str, str], ...],
) -> None:
    recording = listening()
    recording.run(10.5, replace(workload(namespace=API_NET), proxy=variables))
    told = {"evidence": Evidence.CONNECT, "target": Endpoint(LICENSING, 443), "status": 200}
    named = answer(10.9, "proxy.corp.example", ANYBODY.ip)
    short(recording, 11, flow(11, ANYBODY, LICENSING, **told), lookups=(named,))
    assert (recording.only.judgement.verdict, recording.only.via) == (Verdict.ALLOWED, str(ANYBODY))


@pytest.mark.parametrize("name", [LICENSING, "proxy.corp.example"])
def test_an_answer_that_anybody_in_the_container_may_have_given_makes_nobody_a_proxy(name: str) -> None:
    recording = heard_on_loopback()
    recording.run(10.5, replace(workload(namespace=API_NET), proxy=(("HTTPS_PROXY", "http://proxy.corp.example"),)))
    told = {"evidence": Evidence.CONNECT, "target": Endpoint(LICENSING, 443), "status": 200}
    forged = answer(10.9, name, STRANGER.ip, resolver=EMBEDDED)
    short(recording, 11, flow(11, STRANGER, LICENSING, **told), lookups=(forged,))
    recording.settle(14.2)
    assert (recording.only.judgement.verdict, recording.only.via) == (Verdict.OFF_ALLOWLIST, None)


@pytest.mark.parametrize("variable", [("NO_PROXY", ANYBODY.ip), ("HTTPS_PROXY", f"http://{ANYBODY.ip}:3128")])
def test_the_environment_names_no_other_port_and_no_exception_as_a_proxy(variable: tuple[str, str]) -> None:
    recording = listening()
    recording.run(10.5, replace(workload(namespace=API_NET), proxy=(variable,)))
    told = {"evidence": Evidence.CONNECT, "target": Endpoint(LICENSING, 443), "status": 200}
    short(recording, 11, flow(11, ANYBODY, LICENSING, **told))
    recording.settle(14.2)
    assert (recording.only.judgement.verdict, recording.only.via) == (Verdict.OFF_ALLOWLIST, None)


@pytest.mark.parametrize(
    ("rule", "via"),
    [
        (f'[[allow]]\nnetwork = "{ANYBODY.ip}"\nports = [8888]\nreason = "the proxy"\n', str(ANYBODY)),
        (f'[[deny]]\nnetwork = "{PROXY.ip}"\nreason = "not this one"\n', None),
    ],
)
def test_a_rule_for_the_proxy_itself_decides_whether_it_is_one(rule: str, via: str | None) -> None:
    recording = Recording(rules=rule)
    recording.see(Sighting(us(10), wire=READ, resolvers={API_NET: frozenset({RESOLVER.ip})}))
    told = {"evidence": Evidence.CONNECT, "target": Endpoint(LICENSING, 443), "status": 200}
    short(recording, 11, flow(11, ANYBODY if via else PROXY, LICENSING, **told))
    recording.settle(14.2)
    assert recording.only.via == via
    assert (recording.only.judgement.verdict is Verdict.ALLOWED) == (via is not None)


@pytest.mark.parametrize(
    ("asked", "host", "ip"),
    [("retool-api-1", "retool-api-1", PROXY.ip), ("203.0.113.9", None, "203.0.113.9"), ("::1:2", None, "::1:2")],
)
def test_what_a_proxy_is_asked_for_is_a_name_unless_it_is_an_address(asked: str, host: str | None, ip: str) -> None:
    recording = listening()
    told = {"evidence": Evidence.CONNECT, "target": Endpoint(asked, 3000), "status": 200}
    short(recording, 11, flow(11, PROXY, asked, **told))
    assert (recording.only.name.host, recording.only.remote) == (host, Endpoint(ip, 3000))


def test_a_hosts_file_that_is_read_a_moment_later_still_names_what_was_reached_before() -> None:
    recording = listening()
    recording.see(Sighting(us(10.5), hosts={}))
    short(recording, 11, flow(11, STRANGER))
    assert recording.only.judgement.verdict is Verdict.PENDING
    recording.see(Sighting(us(11.5), hosts={API_NET: HostsFile(us(1), (("db.corp.example", STRANGER.ip),))}))
    assert (recording.only.name.host, recording.only.name.evidence) == ("db.corp.example", Evidence.HOSTS)
    assert {alert.destination for alert in recording.alerts.values()} == {"db.corp.example"}


def test_the_last_connections_of_a_namespace_that_has_ended_wait_for_no_file() -> None:
    recording = listening()
    recording.see(Sighting(us(10.5), hosts={}, gone=(API_NET,)))
    short(recording, 11, flow(11, STRANGER))
    assert recording.only.judgement.verdict is Verdict.OFF_ALLOWLIST


def test_a_hosts_file_that_was_changed_after_a_connection_does_not_name_it() -> None:
    recording = listening()
    recording.see(Sighting(us(10.5), hosts={}))
    short(recording, 11, flow(11, STRANGER))
    recording.see(Sighting(us(13), hosts={API_NET: HostsFile(us(12), (("db.corp.example", STRANGER.ip),))}))
    assert recording.only.name.host is None


def test_an_answer_that_is_to_be_kept_for_ever_is_kept_for_a_week() -> None:
    recording = listening()
    lookup = Lookup(us(11), API_NET, RESOLVER, OPENAI, "A", ((STRANGER.ip, 2.0**31),))
    recording.pipeline.observe(Sighting(us(11), lookups=(lookup,)))
    (kept,) = (each for each in recording.pipeline.take().answers.values() if each.namespace == API_NET)
    assert kept.until_us == us(11) + 7 * 86_400 * 1_000_000


def test_a_proxy_that_denies_what_is_needed_is_told_as_such() -> None:
    recording = listening()
    told = {
        "evidence": Evidence.CONNECT, "target": Endpoint(LICENSING, 443), "status": 403,
    }  # fmt: skip
    short(recording, 11, flow(11, PROXY, LICENSING, **told))
    recording.settle(13)
    assert recording.only.outcome is Outcome.DENIED
    assert recording.only_alert.kind is AlertKind.BLOCKED
    assert "denied" in recording.only_alert.summary


def test_the_last_connection_of_a_namespace_that_has_ended_has_the_name_that_it_was_told() -> None:
    recording = listening()
    recording.see(Sighting(us(11), lookups=(answer(10.9, OPENAI, STRANGER.ip),)))
    last = end(11.2, counted(300, 500), remote=STRANGER)
    gone = WireSight(frozenset(), {})
    recording.see(Sighting(us(11.3), ends=(last,), flows=(flow(11.1, STRANGER),), gone=(API_NET,), wire=gone))
    assert (recording.only.name.host, recording.only.name.evidence) == (OPENAI, Evidence.DNS)


def test_the_next_namespace_of_the_same_number_was_told_nothing() -> None:
    recording = listening()
    recording.see(Sighting(us(11), lookups=(answer(10.9, OPENAI, STRANGER.ip),), gone=(API_NET,)))
    short(recording, 12, flow(12, STRANGER))
    assert recording.only.name.host is None


def test_the_kernels_late_word_on_an_end_is_taken_also_when_a_verdict_came_between() -> None:
    recording = listening()
    recording.see(Sighting(us(11.1), flows=(flow(11, STRANGER, connect_us=None),)))
    recording.look(11.2, (to(STRANGER, state=SocketState.ATTEMPT), attempted()))
    recording.look(12.6)
    assert (recording.only.outcome, recording.final) == (Outcome.UNKNOWN, set())
    recording.hear(end(12.7, attempted(retransmits=1, total_retrans=1), remote=STRANGER, cookie=7))
    assert recording.only.outcome is Outcome.TIMED_OUT
    assert recording.final == {recording.only.id}


def test_an_allowed_connection_to_what_turns_out_to_be_a_proxy_goes_past_none() -> None:
    """What it is asked for is read after it was seen open."""
    rules = f'[[allow]]\nnetwork = "{ANYBODY.ip}"\nports = [8888]\nreason = "the proxy"\n'
    recording = Recording(rules=rules, proxy_required=True)
    recording.see(Sighting(us(10), wire=READ, resolvers={API_NET: frozenset({RESOLVER.ip})}))
    recording.see(Sighting(us(11), flows=(flow(11, ANYBODY),)))
    recording.look(11.1, (to(ANYBODY), None))
    assert (recording.only.judgement.verdict, recording.only.via) == (Verdict.ALLOWED, None)
    told = {"evidence": Evidence.CONNECT, "target": Endpoint(LICENSING, 443), "status": 200}
    recording.see(Sighting(us(12), flows=(flow(11, ANYBODY, LICENSING, **told),)))
    recording.look(15, (to(ANYBODY), None))
    assert recording.only.via == str(ANYBODY)
    assert recording.alerts == {}


def test_what_an_environment_names_a_proxy_for_and_is_reached_without_is_an_alert() -> None:
    recording = listening()
    recording.run(10.5, replace(workload(namespace=API_NET), proxy=(("HTTPS_PROXY", f"http://{PROXY}"),)))
    short(recording, 11, flow(11, LICENSED, LICENSING))
    assert recording.only.judgement.verdict is Verdict.ALLOWED
    assert recording.only_alert.kind is AlertKind.BYPASS
    told = {"evidence": Evidence.CONNECT, "target": Endpoint(LICENSING, 443), "status": 200}
    short(recording, 12, flow(12, PROXY, LICENSING, **told))
    assert recording.only_alert.count == 1


def test_a_proxy_that_is_down_stays_an_alert_although_no_rule_names_it() -> None:
    recording = listening()
    recording.run(10.5, replace(workload(namespace=API_NET), proxy=(("HTTPS_PROXY", f"http://{PROXY}"),)))
    for second in (11, 12):
        refused = end(second, attempted(segs_in=1), remote=PROXY, cookie=second)
        recording.hear(refused)
    recording.settle(14)
    recording.pipeline.use_allowlist(recording.pipeline.allowlist, us(15))
    recording.take()
    assert (recording.only_alert.kind, recording.only_alert.destination) == (AlertKind.BLOCKED, PROXY.ip)
    assert recording.only_alert.is_open
