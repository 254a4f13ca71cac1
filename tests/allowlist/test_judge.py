"""The rules of judgement, as the operator meets them: what is allowed, what is not, and why."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tui.allowlist.judge import Allowlist, fingerprint
from tui.allowlist.load import decode_rules, encode_rules, parse_rules
from tui.allowlist.rules import Rule, Subject
from tui.model.address import Networks
from tui.model.connection import Judgement, Verdict

INTERNAL = Networks(["10.0.0.0/8", "169.254.0.0/16", "fc00::/7"])
METADATA = Networks(["169.254.169.254/32", "fd00:ec2::254/128"])
PUBLIC = "203.0.113.7"
NOW_US = int(datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()) * 1_000_000


def rules(text: str) -> tuple[Rule, ...]:
    return tuple(parse_rules(Path("allowlist.toml"), text))


def judge(text: str, subject: Subject, now_us: int = NOW_US) -> Judgement:
    return Allowlist(rules(text), INTERNAL, METADATA, 7).judge(subject, now_us)


def verdict(
    text: str,
    host: str | None,
    *,
    ip: str = PUBLIC,
    port: int = 443,
    role: str | None = None,
    candidates: tuple[str, ...] = (),
    now_us: int = NOW_US,
) -> str:
    return judge(text, Subject(host, ip, port, role, candidates), now_us).verdict.value


@pytest.mark.parametrize(
    ("pattern", "host", "said"),
    [
        ("tryretool.com", "tryretool.com", "allowed"),
        ("TryRetool.COM.", "tryretool.com", "allowed"),
        ("bücher.example", "xn--bcher-kva.example", "allowed"),
        ("*.tryretool.com", "p.tryretool.com", "allowed"),
        ("*.tryretool.com", "tryretool.com", "off-allowlist"),
        ("tryretool.com", "evil-tryretool.com", "off-allowlist"),
        ("*.tryretool.com", "evil-tryretool.com", "off-allowlist"),
        ("tryretool.com", "tryretool.com.evil.net", "off-allowlist"),
        ("*.tryretool.com", "p.tryretool.com.evil.net", "off-allowlist"),
    ],
)
def test_host_patterns_match_on_dot_borders(pattern: str, host: str, said: str) -> None:
    assert verdict(f'[[allow]]\nhost = "{pattern}"\n', host) == said


def test_an_allow_rule_without_ports_means_443_alone() -> None:
    text = '[[allow]]\nhost = "a.example.com"\n'
    assert verdict(text, "a.example.com", port=443) == "allowed"
    assert verdict(text, "a.example.com", port=80) == "off-allowlist"


def test_an_allow_rule_with_ports_means_those() -> None:
    text = '[[allow]]\nhost = "a.example.com"\nports = [80, 7233]\n'
    assert [verdict(text, "a.example.com", port=p) for p in (80, 7233, 443)] == ["allowed", "allowed", "off-allowlist"]


@pytest.mark.parametrize(
    ("role", "said"),
    [
        ("api", "allowed"),
        ("api+jobs-runner", "allowed"),
        ("jobs-runner", "allowed"),
        ("api+workflows-worker", "off-allowlist"),
        ("workflows-worker", "off-allowlist"),
        (None, "off-allowlist"),
    ],
)
def test_an_allow_rule_for_roles_needs_every_role_of_the_process(role: str | None, said: str) -> None:
    text = '[[allow]]\nhost = "a.example.com"\nroles = ["api", "jobs-runner"]\n'
    assert verdict(text, "a.example.com", role=role) == said


@pytest.mark.parametrize(
    ("role", "said"),
    [("api", "off-allowlist"), ("api+jobs-runner", "off-allowlist"), ("jobs-runner", "allowed"), (None, "allowed")],
)
def test_a_deny_rule_for_a_role_hits_a_process_that_has_it_among_others(role: str | None, said: str) -> None:
    text = '[[allow]]\nhost = "a.example.com"\n[[deny]]\nhost = "a.example.com"\nroles = ["api"]\n'
    assert verdict(text, "a.example.com", role=role) == said


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (datetime(2027, 1, 31, 0, 0, tzinfo=UTC), "allowed"),
        (datetime(2027, 1, 31, 23, 59, 59, 999_999, tzinfo=UTC), "allowed"),
        (datetime(2027, 2, 1, 0, 0, tzinfo=UTC), "off-allowlist"),
    ],
)
def test_a_rule_holds_to_the_end_of_its_last_day_in_utc(at: datetime, said: str) -> None:
    now_us = int(at.replace(microsecond=0).timestamp()) * 1_000_000 + at.microsecond
    assert verdict('[[allow]]\nhost = "a.example.com"\nexpires = 2027-01-31\n', "a.example.com", now_us=now_us) == said


def test_an_expired_deny_rule_denies_no_more() -> None:
    text = '[[allow]]\nhost = "a.example.com"\n[[deny]]\nhost = "a.example.com"\nexpires = 2026-11-22\n'
    assert verdict(text, "a.example.com") == "allowed"


@pytest.mark.parametrize("order", [("allow", "deny"), ("deny", "allow")])
def test_deny_wins_wherever_it_stands(order: tuple[str, str]) -> None:
    text = "".join(f'[[{action}]]\nhost = "a.example.com"\n' for action in order)
    said = judge(text, Subject("a.example.com", PUBLIC, 443))
    assert said.verdict is Verdict.OFF_ALLOWLIST
    assert said.rule is not None
    assert said.rule.startswith("deny ")


def test_a_deny_rule_without_ports_means_every_port() -> None:
    text = '[[allow]]\nhost = "a.example.com"\nports = [22]\n[[deny]]\nhost = "a.example.com"\n'
    assert verdict(text, "a.example.com", port=22) == "off-allowlist"


def test_deny_wins_over_internal_networks() -> None:
    assert verdict('[[deny]]\nnetwork = "10.1.0.0/16"\n', None, ip="10.1.2.3") == "off-allowlist"
    assert verdict('[[deny]]\nhost = "db.corp.example"\n', "db.corp.example", ip="10.1.2.3") == "off-allowlist"
    assert verdict('[[deny]]\nnetwork = "10.1.0.0/16"\n', None, ip="10.2.2.3") == "internal"


def test_deny_wins_when_one_candidate_is_denied() -> None:
    text = '[[allow]]\nhost = "*.example.com"\n[[deny]]\nhost = "b.example.com"\n'
    assert verdict(text, None, candidates=("a.example.com", "c.example.com")) == "allowed"
    assert verdict(text, None, candidates=("a.example.com", "b.example.com")) == "off-allowlist"


def test_candidates_are_allowed_only_if_all_of_them_are() -> None:
    text = '[[allow]]\nhost = "a.example.com"\n[[allow]]\nhost = "b.example.com"\n'
    assert verdict(text, None, candidates=("a.example.com", "b.example.com")) == "allowed"
    said = judge(text, Subject(None, PUBLIC, 443, None, ("a.example.com", "c.example.com")))
    assert said.verdict is Verdict.OFF_ALLOWLIST
    assert "not all of them are allowed" in said.why


def test_a_host_rule_never_allows_an_address_without_a_name() -> None:
    assert verdict('[[allow]]\nhost = "a.example.com"\n', None) == "off-allowlist"


@pytest.mark.parametrize(
    ("network", "ip", "said"),
    [
        ("203.0.113.0/24", "203.0.113.7", "allowed"),
        ("203.0.113.0/24", "203.0.114.7", "off-allowlist"),
        ("203.0.113.7/32", "203.0.113.7", "allowed"),
        ("::ffff:203.0.113.0/120", "203.0.113.7", "allowed"),
        ("2001:db8::/32", "2001:db8::7", "allowed"),
        ("2001:db8::/32", "203.0.113.7", "off-allowlist"),
    ],
)
def test_an_address_is_allowed_by_a_network_rule_alone(network: str, ip: str, said: str) -> None:
    assert verdict(f'[[allow]]\nnetwork = "{network}"\n', None, ip=ip) == said


def test_a_network_rule_names_ports_and_roles_like_any_other() -> None:
    text = '[[allow]]\nnetwork = "203.0.113.0/24"\nports = [5432]\nroles = ["api"]\n'
    assert verdict(text, None, port=5432, role="api") == "allowed"
    assert verdict(text, None, port=443, role="api") == "off-allowlist"
    assert verdict(text, None, port=5432) == "off-allowlist"


@pytest.mark.parametrize("ip", ["169.254.169.254", "fd00:ec2::254"])
def test_metadata_is_never_internal_and_takes_a_network_rule(ip: str) -> None:
    assert verdict("", None, ip=ip, port=80) == "off-allowlist"
    prefix = 32 if "." in ip else 128
    assert verdict(f'[[allow]]\nnetwork = "{ip}/{prefix}"\nports = [80]\n', None, ip=ip, port=80) == "allowed"


def test_internal_networks_are_exactly_those_listed() -> None:
    assert verdict("", None, ip="10.9.9.9") == "internal"
    assert verdict("", None, ip="169.254.1.1") == "internal"
    assert verdict("", None, ip="192.0.2.1") == "off-allowlist"


def test_the_judgement_names_its_rule_and_the_allowlists_revision() -> None:
    said = judge('[[allow]]\nhost = "a.example.com"\nroles = ["api"]\n', Subject("a.example.com", PUBLIC, 443, "api"))
    assert (said.rule, said.allowlist_revision) == ("allow a.example.com:443 for api (allowlist.toml)", 7)


@pytest.mark.parametrize(
    ("text", "subject", "why"),
    [
        ("", Subject(None, PUBLIC, 443), "no name is known for this address"),
        ("", Subject("a.example.com", PUBLIC, 443), "no rule matches"),
        ('[[allow]]\nhost = "a.b"\nexpires = 2026-11-22\n', Subject("a.b", PUBLIC, 443), "has expired on 2026-11-22"),
        ('[[allow]]\nhost = "a.b"\n', Subject("a.b", PUBLIC, 80), "no rule matches port 80"),
        ('[[allow]]\nhost = "a.b"\nroles = ["api"]\n', Subject("a.b", PUBLIC, 443), "role unknown"),
    ],
)  # fmt: skip
def test_what_is_off_says_why_and_names_the_nearest_rule(text: str, subject: Subject, why: str) -> None:
    assert why in judge(text, subject).why


@pytest.mark.parametrize(
    ("text", "subject", "loud"),
    [
        ('[[deny]]\nhost = "a.example.com"\n', Subject("a.example.com", PUBLIC, 443), "a deny rule names it"),
        ("", Subject(None, "169.254.169.254", 80), "it is a cloud metadata address"),
        ("", Subject(None, PUBLIC, 443), "no name explains this public address"),
        ("", Subject("a.example.com", PUBLIC, 443), None),
        ("", Subject(None, PUBLIC, 443, None, ("a.example.com", "b.example.com")), None),
    ],
)
def test_the_first_review_does_not_swallow_what_must_be_looked_at_first(
    text: str, subject: Subject, loud: str | None
) -> None:
    allowlist = Allowlist(rules(text), INTERNAL, METADATA)
    assert allowlist.loud(subject, allowlist.judge(subject, NOW_US)) == loud


EVERY_KIND = """
[[allow]]
host = "*.example.com"
ports = [443, 8443]
roles = ["api", "jobs-runner"]
expires = 2027-01-31
reason = "CHG-4711 \\"x\\" | y"
[[allow]]
network = "2001:db8::/32"
[[deny]]
host = "bad.example.com"
"""


def test_a_list_kept_in_the_history_comes_back_as_it_was() -> None:
    kept = rules(EVERY_KIND)
    assert decode_rules(encode_rules(kept)) == kept


def test_the_fingerprint_is_that_of_what_the_rules_say_and_not_of_comments_or_lines() -> None:
    assert fingerprint(rules(EVERY_KIND)) == fingerprint(rules("# a comment\n\n" + EVERY_KIND))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('host = "a.b"\n', 'host = "a.c"\n'),
        ('host = "a.b"\n', 'host = "a.b"\nports = [80]\n'),
        ('host = "a.b"\nroles = ["x", "y"]\n', 'host = "a.b"\nroles = ["x,y"]\n'),
        ('host = "a.b"\nreason = "r"\n', 'host = "a.b"\nreason = "s"\n'),
        ('host = "a.b"\nexpires = 2027-01-31\n', 'host = "a.b"\nexpires = 2027-02-01\n'),
    ],
)
def test_lists_that_differ_have_different_fingerprints(one: str, other: str) -> None:
    assert fingerprint(rules("[[allow]]\n" + one)) != fingerprint(rules("[[allow]]\n" + other))
    assert fingerprint(rules("[[allow]]\n" + one)) != fingerprint(rules("[[deny]]\n" + one))
