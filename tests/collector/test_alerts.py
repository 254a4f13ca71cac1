"""How findings are worded and counted, and when the allowlist ends them."""

from pathlib import Path

import pytest

from tests.collector.build import CATALOGUE, POLICY
from tests.history.sample import START_US, connection
from tui.allowlist.load import parse_rules
from tui.collector.alerts import AlertBook, News, metadata, name_mismatch, off_allowlist, who, with_change
from tui.collector.burst import Burst
from tui.collector.claims import Claims
from tui.collector.hops import Hops
from tui.collector.judging import Judge
from tui.collector.resolve import Resolver
from tui.collector.scope import Scope
from tui.model.alert import Alert, AlertKind, Finding, Urgency
from tui.model.connection import (
    NO_NAME,
    Claim,
    Connection,
    Endpoint,
    Evidence,
    Judgement,
    Label,
    Name,
    Origin,
    Process,
    Verdict,
)
from tui.names.table import NameTable


def judge(rules: str) -> Judge:
    """These rules and no others, as revision 7."""
    allowlist = POLICY.allowlist(tuple(parse_rules(Path("allowlist.toml"), rules)), 7)
    table, scope = NameTable(), Scope("all", retool_seen=False)
    return Judge(table, Claims(table), CATALOGUE, allowlist, scope, Hops(table, scope))


def asking(
    ip: str = "169.254.169.254", port: int = 80, role: str | None = "api", rule: str | None = None
) -> Connection:
    return connection(
        remote=Endpoint(ip, port), name=NO_NAME, label=Label("Cloud metadata", "cloud-metadata"),
        origin=Origin("1", role, "retool-api-1"), judgement=Judgement(Verdict.OFF_ALLOWLIST, rule, 1, ""),
    )  # fmt: skip


def ended(alert: Alert, rules: str, burst: Burst | None = None) -> str | None:
    return Resolver(judge(rules), (), burst or Burst(), START_US).gone(alert)


def test_a_role_that_asks_for_credentials_is_one_loud_alert_with_a_way_out() -> None:
    book = AlertBook((), 1)
    book.raise_(metadata(asking()))
    alert = book.raise_(metadata(asking("fd00:ec2::254")))
    assert (alert.kind, alert.urgency, alert.count) == (AlertKind.METADATA, Urgency.ACT_NOW, 2)
    assert alert.summary == (
        "api asks the cloud metadata service [fd00:ec2::254]:80, which gives out this machine's credentials; "
        "allow it by a network rule if it must (IAM roles)"
    )


def test_the_alert_ends_when_a_rule_allows_the_latest_address_for_that_role() -> None:
    book = AlertBook((), 1)
    book.raise_(metadata(asking("169.254.170.2")))
    alert = book.raise_(metadata(asking(port=0)))
    rule = '[[allow]]\nnetwork = "169.254.169.254/32"\nports = [80]\nroles = ["{}"]\n'
    assert ended(alert, "") is None
    assert ended(alert, rule.format("jobs-runner")) is None
    assert "revision 7" in str(ended(alert, rule.format("api")))


def test_a_deny_rule_for_metadata_is_said() -> None:
    assert metadata(asking(rule="deny 169.254.169.254/32:any")).summary.endswith("; a deny rule names it")


def test_alerts_of_other_kinds_are_not_ended_by_the_allowlist() -> None:
    upload = Finding(
        AlertKind.UPLOAD, "upload|api|p.tryretool.com|443", Urgency.ACT_NOW, "", 0, "api", "p.tryretool.com", 443
    )
    assert ended(AlertBook((), 1).raise_(upload), '[[allow]]\nhost = "p.tryretool.com"\n') is None


@pytest.mark.parametrize("destination", ["p.tryretool.com", "licensing.tryretool.com or p.tryretool.com"])
def test_a_blocked_destination_that_is_not_allowed_any_more_is_no_alert(destination: str) -> None:
    cause = f"blocked|api|{destination}|443"
    blocked = AlertBook((), 1).raise_(Finding(AlertKind.BLOCKED, cause, Urgency.TODAY, "", 0, "api", destination, 443))
    assert ended(blocked, '[[allow]]\nhost = "*.tryretool.com"\n') is None
    assert "does not allow it any more" in str(ended(blocked, ""))


def test_a_name_that_never_was_allowed_and_does_not_resolve_stays_for_the_review() -> None:
    cause, host = "blocked|api|api.openai.com|dns", "api.openai.com"
    told = Finding(AlertKind.BLOCKED, cause, Urgency.REVIEW, "", 0, "api", host, 443)
    assert ended(AlertBook((), 1).raise_(told), "") is None


def test_a_burst_ends_when_no_destination_of_it_is_off_the_list() -> None:
    members = [("203.0.113.9", 443), ("api.example.com", 8443)]
    one = '[[allow]]\nnetwork = "203.0.113.0/24"\n'
    both = one + '[[allow]]\nhost = "api.example.com"\nports = [8443]\n'
    alert = AlertBook((), 1).raise_(Finding(AlertKind.OFF_ALLOWLIST, "burst|api", Urgency.REVIEW, "", START_US, "api"))
    for rules, over in ((one, False), (both, True)):
        assert (ended(alert, rules, Burst([(alert, members)])) is not None) is over


@pytest.mark.parametrize(
    ("role", "container", "process", "named"),
    [
        ("api", "retool-api-1", "node", "api"),
        (None, "nginx-1", "nginx", "nginx-1"),
        (None, None, "curl", "curl"),
        (None, None, None, "an unknown process"),
    ],
)
def test_who_made_it_is_the_role_else_the_container_else_the_process(
    role: str | None, container: str | None, process: str | None, named: str
) -> None:
    made = Process(1, process, None, 0) if process else None
    assert who(connection(origin=Origin("1", role, container), process=made)) == named


def test_an_ipv6_address_is_readable_beside_its_port() -> None:
    found = off_allowlist(connection(remote=Endpoint("2001:db8::1", 443), name=NO_NAME), None)
    assert "api connects to [2001:db8::1]:443 (" in found.summary


def claiming(host: str, claim: Claim, evidence: Evidence = Evidence.SNI) -> Connection:
    return connection(
        remote=Endpoint("192.0.2.66", 443), name=Name(host, evidence, claim=claim), label=Label("Retool AI", "openai"),
        origin=Origin("1", "api", "retool-api-1"),
    )  # fmt: skip


@pytest.mark.parametrize(("evidence", "by"), [(Evidence.SNI, "TLS SNI"), (Evidence.HTTP, "HTTP Host header")])
def test_a_forged_name_is_loud_and_shows_the_name_and_the_address(evidence: Evidence, by: str) -> None:
    found = name_mismatch(claiming("api.openai.com", Claim.MISMATCH, evidence))
    assert (found.kind, found.urgency) == (AlertKind.NAME_MISMATCH, Urgency.ACT_NOW)
    assert found.cause == "name-mismatch|api|api.openai.com|192.0.2.66"
    assert (found.role, found.destination, found.port) == ("api", "api.openai.com", 443)
    assert found.summary == (
        f"api claims api.openai.com ({by}) on 192.0.2.66:443, an address that this name was never known to have"
    )


def test_a_tunnel_that_names_another_host_than_the_proxy_was_asked_for_shows_both() -> None:
    tunnel = connection(
        remote=Endpoint("10.0.0.5", 443), name=Name("api.stripe.com", Evidence.CONNECT), via="10.0.0.5:3128",
        origin=Origin("1", "api", "retool-api-1"),
    )  # fmt: skip
    assert name_mismatch(tunnel, "evil.example").summary == (
        "api asked proxy 10.0.0.5:3128 for api.stripe.com:443 and then named evil.example inside the tunnel"
    )
    assert name_mismatch(tunnel).summary.endswith(
        "for api.stripe.com:443 and then named another host inside the tunnel"
    )


def test_a_name_that_could_not_be_confirmed_is_for_the_review_and_says_why() -> None:
    found = off_allowlist(claiming("api.openai.com", Claim.UNCONFIRMED), None)
    assert found.urgency is Urgency.REVIEW
    assert found.summary == (
        "api connects to 192.0.2.66:443 (Retool AI), which is not on the allowlist; it is named api.openai.com, "
        "which could not be confirmed (no look-up shows whether that name has this address)"
    )


def test_what_changed_shortly_before_is_quoted() -> None:
    found = metadata(asking())
    changed = with_change(found, "api's image changed 5 h before (3.148.4 to 3.196.2)")
    assert changed.summary == f"{found.summary}; api's image changed 5 h before (3.148.4 to 3.196.2)"
    assert with_change(found, None) is found


def test_the_book_ends_what_is_over_before_it_counts_what_was_found() -> None:
    book = AlertBook((), 1)
    found = Finding(AlertKind.BLOCKED, "cause", Urgency.TODAY, "blocked", 5, times=3)
    first = book.raise_(found)
    changed = book.take(News({"cause": "reached", "another": "nothing"}, (found,)), 9)
    assert [(alert.id, alert.is_open, alert.count) for alert in changed] == [
        (first.id, False, 3),
        (first.id + 1, True, 3),
    ]
