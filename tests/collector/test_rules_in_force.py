"""Which allowlist is in force when its files are sound, change, break, or were broken from the start."""

from pathlib import Path

import pytest

from tui.allowlist.policy import Policy, policy_of
from tui.catalog import load_catalogue
from tui.collector.rules_in_force import RulesInForce
from tui.config.errors import ConfigError
from tui.config.settings import load_settings
from tui.history.batch import KeptAllowlist

OPENAI = '[[allow]]\nhost = "api.openai.com"\nreason = "CHG-4711"\n'


class Files:
    """The files of a collector that starts again and again on the same history."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.kept: list[KeptAllowlist] = []

    def begin(self) -> RulesInForce:
        rules = RulesInForce(self.policy, self.kept[-1] if self.kept else None)
        rules.first()
        self.kept += rules.take_new()
        return rules


@pytest.fixture
def files(policy: Policy) -> Files:
    return Files(policy)


@pytest.fixture
def policy(tmp_path: Path) -> Policy:
    return policy_of(load_settings(tmp_path / "config.toml", named=False), load_catalogue())


def hosts(rules: RulesInForce) -> set[str | None]:
    return {rule.host for rule in rules.first()[0].rules}


def test_without_files_the_four_hosts_of_the_egress_page_are_the_list(files: Files, policy: Policy) -> None:
    allowlist, error = files.begin().first()
    assert error is None
    assert {rule.host for rule in allowlist.rules} == {
        "licensing.tryretool.com",
        "invites.tryretool.com",
        "email-service.retool.com",
        "p.tryretool.com",
    }


def test_the_same_rules_keep_their_revision_over_a_restart_and_others_get_the_next(
    files: Files, policy: Policy
) -> None:
    assert files.begin().first()[0].revision == 1
    assert files.begin().first()[0].revision == 1
    policy.operator_file.write_text(OPENAI)
    assert files.begin().first()[0].revision == 2
    policy.operator_file.unlink()
    assert files.begin().first()[0].revision == 3


def test_both_files_are_merged_and_a_change_of_either_is_seen_once(files: Files, policy: Policy) -> None:
    policy.operator_file.write_text(OPENAI)
    rules = files.begin()
    assert "api.openai.com" in hosts(rules)
    assert rules.changed() is None
    policy.local_file.write_text('[[allow]]\nhost = "api.stripe.com"\n')
    changed = rules.changed()
    assert changed is not None
    assert {"api.openai.com", "api.stripe.com"} <= {rule.host for rule in changed.rules}
    assert rules.changed() is None


def test_a_file_that_breaks_is_told_once_and_its_mending_is_seen(files: Files, policy: Policy) -> None:
    policy.operator_file.write_text(OPENAI)
    rules = files.begin()
    rules.first()
    policy.operator_file.write_text("[[allow]]\nhots = 1\n")
    with pytest.raises(ConfigError, match=r"allowlist\.toml:2.*hots"):
        rules.changed()
    assert rules.changed() is None
    policy.operator_file.write_text(OPENAI)
    mended = rules.changed()
    assert mended is not None
    assert mended.revision == 1


def test_a_file_that_others_may_write_is_refused_and_chmod_mends_it(files: Files, policy: Policy) -> None:
    policy.operator_file.write_text(OPENAI)
    policy.operator_file.chmod(0o664)
    allowlist, error = files.begin().first()
    assert "api.openai.com" not in {rule.host for rule in allowlist.rules}
    assert error is not None
    assert "chmod go-w" in error.hint
    policy.operator_file.chmod(0o644)
    assert "api.openai.com" in hosts(files.begin())


def test_a_collector_that_starts_on_a_broken_file_goes_on_with_the_last_good_list_of_the_history(
    files: Files, policy: Policy
) -> None:
    policy.operator_file.write_text(OPENAI)
    good = files.begin().first()[0]
    policy.operator_file.write_text("broken [")
    allowlist, error = files.begin().first()
    assert error is not None
    assert (allowlist.rules, allowlist.revision) == (good.rules, good.revision)
