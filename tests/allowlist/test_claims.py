"""Hosts that the client claims, destinations behind a proxy, and which names the list speaks of at all."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.allowlist.test_judge import INTERNAL, METADATA, NOW_US, judge, rules
from tui.allowlist.hosts import matches
from tui.allowlist.judge import Allowlist
from tui.allowlist.rules import Subject

OPENAI = '[[allow]]\nhost = "api.openai.com"\n'
FORGED = Subject("api.openai.com", "192.0.2.66", 443, "api", is_believed=False)
PROXY = "10.0.0.9"
PROXIED = Subject("api.openai.com", PROXY, 443, "api", via_proxy=True)


def verdict(text: str, subject: Subject) -> str:
    return judge(text, subject).verdict.value


# A host that is not believed


@pytest.mark.parametrize("host", ["api.openai.com", "*.openai.com"])
def test_a_claimed_host_makes_nothing_allowed_and_both_sides_are_named(host: str) -> None:
    text = f'[[allow]]\nhost = "{host}"\n'
    assert verdict(text, replace(FORGED, is_believed=True)) == "allowed"
    said = judge(text, FORGED)
    assert (said.verdict.value, said.rule) == ("off-allowlist", None)
    assert said.why == "api.openai.com is claimed by the client, and 192.0.2.66 is not known to be its address"


def test_the_address_of_a_claimed_host_is_judged_as_an_address() -> None:
    assert verdict('[[allow]]\nnetwork = "192.0.2.0/24"\n', FORGED) == "allowed"
    assert verdict(OPENAI, replace(FORGED, ip="10.1.2.3")) == "internal"


def test_a_claimed_host_that_is_denied_is_denied() -> None:
    said = judge('[[allow]]\nnetwork = "192.0.2.0/24"\n[[deny]]\nhost = "api.openai.com"\n', FORGED)
    assert said.verdict.value == "off-allowlist"
    assert str(said.rule).startswith("deny api.openai.com")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no rule matches"),
        ('[[allow]]\nhost = "api.openai.com"\nports = [8443]\n', "no rule matches port 443 and role api; nearest: "),
        ('[[allow]]\nhost = "api.openai.com"\nexpires = 2026-11-22\n', "has expired on 2026-11-22"),
    ],
)
def test_a_claimed_host_that_no_rule_allows_there_has_the_nearest_rule_named(text: str, why: str) -> None:
    said = judge(text, FORGED)
    assert said.verdict.value == "off-allowlist"
    assert why in said.why
    assert "claimed" not in said.why


# Through a proxy


def test_through_a_proxy_the_host_alone_counts() -> None:
    assert verdict(OPENAI, PROXIED) == "allowed"
    assert verdict("", PROXIED) == "off-allowlist"
    assert verdict("", replace(PROXIED, via_proxy=False)) == "internal"


@pytest.mark.parametrize("action", ["allow", "deny"])
def test_the_network_of_a_proxy_says_nothing_of_what_lies_behind_it(action: str) -> None:
    text = f'[[{action}]]\nnetwork = "10.0.0.0/24"\n'
    assert verdict(OPENAI + text, PROXIED) == "allowed"
    assert verdict(text, PROXIED) == "off-allowlist"
    assert judge(text, PROXIED).rule is None


def test_a_deny_rule_for_a_host_holds_through_a_proxy() -> None:
    assert verdict(OPENAI + '[[deny]]\nhost = "*.openai.com"\n', PROXIED) == "off-allowlist"


@pytest.mark.parametrize("candidates", [(), ("api.openai.com",)])
def test_what_a_proxy_was_asked_for_is_never_guessed(candidates: tuple[str, ...]) -> None:
    unknown = replace(PROXIED, host=None, candidates=candidates)
    said = judge(OPENAI + '[[allow]]\nnetwork = "10.0.0.0/24"\n', unknown)
    assert (said.verdict.value, said.why) == ("off-allowlist", "what the proxy was asked for is not known")


@pytest.mark.parametrize(
    ("subject", "loud"),
    [
        (replace(PROXIED, ip="169.254.169.254"), None),
        (replace(PROXIED, host=None), "what the proxy was asked for is not known"),
        (replace(PROXIED, host=None, ip="169.254.169.254"), "what the proxy was asked for is not known"),
    ],
)
def test_the_address_of_a_proxy_makes_nothing_loud(subject: Subject, loud: str | None) -> None:
    allowlist = Allowlist((), INTERNAL, METADATA)
    assert allowlist.loud(subject, allowlist.judge(subject, NOW_US)) == loud


# Names of which the list speaks

EVERY_KIND = """
[[allow]]
host = "api.openai.com"
ports = [8443]
roles = ["workflows-worker"]
[[allow]]
host = "*.example.com"
[[allow]]
host = "old.example.net"
expires = 2026-11-22
[[allow]]
network = "203.0.113.0/24"
[[deny]]
host = "bad.example.org"
"""


@pytest.mark.parametrize(
    ("host", "named"),
    [
        ("api.openai.com", True),
        ("www.api.openai.com", False),
        ("openai.com", False),
        ("a.example.com", True),
        ("b.a.example.com", True),
        ("example.com", False),
        ("evil-example.com", False),
        ("old.example.net", False),
        ("bad.example.org", False),
        ("com", False),
    ],
)
def test_a_host_is_one_of_the_list_if_a_rule_in_force_names_it_for_whatever_port_and_role(
    host: str, named: bool
) -> None:
    assert Allowlist(rules(EVERY_KIND), INTERNAL, METADATA).allows_host(host, NOW_US) is named


def test_a_host_leaves_the_list_with_the_last_of_its_rules() -> None:
    text = '[[allow]]\nhost = "a.example.com"\nexpires = 2026-11-23\n[[allow]]\nhost = "a.example.com"\nports = [80]\n'
    one, both = rules(text)[:1], rules(text)
    tomorrow_us = int(datetime(2026, 11, 24, tzinfo=UTC).timestamp()) * 1_000_000
    assert Allowlist(one, INTERNAL, METADATA).allows_host("a.example.com", tomorrow_us - 1)
    assert not Allowlist(one, INTERNAL, METADATA).allows_host("a.example.com", tomorrow_us)
    assert Allowlist(both, INTERNAL, METADATA).allows_host("a.example.com", tomorrow_us)


_NAMES = st.lists(st.sampled_from(["a", "b", "ab"]), min_size=2, max_size=4).map(".".join)


@given(st.lists(st.tuples(st.sampled_from(["", "*."]), _NAMES).map("".join), max_size=4), _NAMES)
def test_the_list_speaks_of_exactly_what_a_pattern_fits(patterns: list[str], host: str) -> None:
    text = "".join(f'[[allow]]\nhost = "{pattern}"\n' for pattern in patterns)
    expected = any(matches(pattern, host) for pattern in patterns)
    assert Allowlist(rules(text), INTERNAL, METADATA).allows_host(host, NOW_US) is expected
