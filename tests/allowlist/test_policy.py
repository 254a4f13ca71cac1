"""Where the rules come from, and noticing that a file has changed."""

import os
from itertools import pairwise
from pathlib import Path

import pytest

from tui.allowlist.policy import Policy, policy_of
from tui.allowlist.rules import Subject
from tui.catalog import load_catalogue
from tui.config.errors import ConfigError
from tui.config.settings import load_settings
from tui.model.connection import Verdict


@pytest.fixture
def policy(tmp_path: Path) -> Policy:
    return policy_of(load_settings(tmp_path / "config.toml", named=False), load_catalogue())


def allowed(policy: Policy, host: str | None, ip: str = "203.0.113.7") -> Verdict:
    return policy.load().judge(Subject(host, ip, 443), 0).verdict


@pytest.mark.parametrize(
    "host", ["licensing.tryretool.com", "invites.tryretool.com", "email-service.retool.com", "p.tryretool.com"]
)
def test_the_hosts_of_retools_egress_page_are_allowed_from_the_start(policy: Policy, host: str) -> None:
    assert allowed(policy, host) is Verdict.ALLOWED


@pytest.mark.parametrize("host", ["api.openai.com", "ai-proxy.retool.com", "telemetry.retool.com", "tryretool.com"])
def test_nothing_else_is(policy: Policy, host: str) -> None:
    assert allowed(policy, host) is Verdict.OFF_ALLOWLIST


@pytest.mark.parametrize("ip", ["169.254.169.254", "169.254.170.2", "169.254.170.23", "fd00:ec2::254", "fd00:ec2::23"])
def test_the_metadata_addresses_of_the_clouds_are_not_internal(policy: Policy, ip: str) -> None:
    assert allowed(policy, None, ip) is Verdict.OFF_ALLOWLIST
    assert allowed(policy, None, "169.254.1.1") is Verdict.INTERNAL


def test_a_deny_in_the_local_file_overrules_the_operators_allow(policy: Policy) -> None:
    policy.operator_file.write_text('[[allow]]\nhost = "a.example.com"\n')
    policy.operator_file.chmod(0o644)
    assert allowed(policy, "a.example.com") is Verdict.ALLOWED
    policy.local_file.write_text('[[deny]]\nhost = "a.example.com"\n')
    policy.local_file.chmod(0o644)
    assert allowed(policy, "a.example.com") is Verdict.OFF_ALLOWLIST


def test_every_change_of_a_file_is_noticed(policy: Policy) -> None:
    seen = [policy.signature()]

    def note() -> None:
        seen.append(policy.signature())

    policy.local_file.write_text("# 1\n")
    note()
    policy.local_file.write_text("# 22\n")
    note()
    policy.local_file.chmod(0o666)
    note()
    fresh = policy.local_file.with_name("new")
    fresh.write_text("# 33\n")
    os.replace(fresh, policy.local_file)
    note()
    policy.local_file.unlink()
    note()
    assert all(before != after for before, after in pairwise(seen))
    assert policy.signature() == policy.signature()


def test_a_broken_file_is_an_error_and_not_a_shorter_list(policy: Policy) -> None:
    policy.operator_file.write_text("[[allow]\n")
    policy.operator_file.chmod(0o644)
    with pytest.raises(ConfigError, match=r"allowlist\.toml:1"):
        policy.load()
