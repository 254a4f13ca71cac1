"""`allowlist` shows the rules, tells of a destination whether it is allowed and why, and keeps decisions."""

import json
import stat
import tomllib
from typing import Any

import pytest

from tests.cli.conftest import Invoke
from tests.cli.program import Desk
from tui.config.errors import ConfigError

RETOOL_HOSTS = ["licensing.tryretool.com", "invites.tryretool.com", "email-service.retool.com", "p.tryretool.com"]


def allowed(desk: Desk, text: str) -> None:
    file = desk.folder / "allowlist.toml"
    file.write_text(text)
    file.chmod(0o600)


def local(desk: Desk) -> dict[str, Any]:
    return tomllib.loads(desk.local_allowlist.read_text())


@pytest.mark.parametrize("host", RETOOL_HOSTS)
def test_the_hosts_of_retool_s_egress_page_are_allowed_on_443(invoke: Invoke, host: str) -> None:
    assert invoke("allowlist", "check", host).exit_code == 0
    assert invoke("allowlist", "check", f"{host}:8443").exit_code == 1


def test_the_default_list_is_those_four_and_no_more(invoke: Invoke) -> None:
    rows = json.loads(invoke("allowlist", "show", "--format", "json").stdout)
    assert sorted(row["target"] for row in rows) == sorted(f"{host}:443" for host in RETOOL_HOSTS)


@pytest.mark.parametrize(
    "destination",
    ["api.openai.com", "evil-tryretool.com", "licensing.tryretool.com.evil.net", "tryretool.com", "203.0.113.77"],
)
def test_everything_else_is_off_the_allowlist_and_exit_code_1_says_so(invoke: Invoke, destination: str) -> None:
    result = invoke("allowlist", "check", destination)
    assert result.exit_code == 1
    assert result.stdout.startswith("off-allowlist: ")
    assert "retool-egress allowlist add" in result.stderr


@pytest.mark.parametrize("destination", ["LICENSING.tryretool.com.", "https://licensing.tryretool.com/x?y=z"])
def test_a_destination_is_read_as_a_person_writes_it(invoke: Invoke, destination: str) -> None:
    assert invoke("allowlist", "check", destination).exit_code == 0


def test_an_added_host_is_allowed_with_its_reason_and_who_did_it(desk: Desk, invoke: Invoke) -> None:
    assert invoke("allowlist", "add", "api.openai.com", "--reason", "CHG-4711").exit_code == 0
    entry = local(desk)["allow"][0]
    assert (entry["host"], entry["reason"]) == ("api.openai.com", "CHG-4711")
    assert entry["by"]
    assert entry["at"].endswith("Z")
    result = invoke("allowlist", "check", "api.openai.com")
    assert result.exit_code == 0
    assert "allowlist.local.toml" in result.stdout


def test_the_file_of_decisions_can_be_written_by_its_owner_only(desk: Desk, invoke: Invoke) -> None:
    invoke("allowlist", "add", "api.openai.com", "--reason", "CHG-4711")
    assert stat.S_IMODE(desk.local_allowlist.stat().st_mode) & 0o022 == 0


def test_a_rule_for_one_role_allows_no_other_and_none_that_is_unknown(invoke: Invoke) -> None:
    invoke("allowlist", "add", "api.openai.com", "--role", "workflows-worker", "--reason", "CHG-4711")
    assert invoke("allowlist", "check", "api.openai.com", "--role", "workflows-worker").exit_code == 0
    other = invoke("allowlist", "check", "api.openai.com", "--role", "api")
    assert other.exit_code == 1
    assert "workflows-worker" in other.stdout
    assert invoke("allowlist", "check", "api.openai.com").exit_code == 1


def test_a_deny_rule_wins_over_an_allow_rule(invoke: Invoke) -> None:
    assert invoke("allowlist", "add", "p.tryretool.com", "--deny", "--reason", "no usage data").exit_code == 0
    result = invoke("allowlist", "check", "p.tryretool.com")
    assert result.exit_code == 1
    assert "deny" in result.stdout


def test_an_expired_rule_allows_nothing_and_is_named(desk: Desk, invoke: Invoke) -> None:
    allowed(desk, '[[allow]]\nhost = "api.openai.com"\nexpires = 2020-01-31\nreason = "trial"\n')
    result = invoke("allowlist", "check", "api.openai.com")
    assert result.exit_code == 1
    assert "expired on 2020-01-31" in result.stdout
    assert "expired" in invoke("allowlist", "show").stdout


def test_a_wildcard_allows_what_is_below_and_not_the_name_itself(invoke: Invoke) -> None:
    assert invoke("allowlist", "add", "*.openai.azure.com", "--reason", "CHG-1").exit_code == 0
    assert invoke("allowlist", "check", "mine.openai.azure.com").exit_code == 0
    assert invoke("allowlist", "check", "openai.azure.com").exit_code == 1
    assert invoke("allowlist", "check", "evil-openai.azure.com").exit_code == 1


def test_a_network_allows_addresses_and_no_names(invoke: Invoke) -> None:
    assert invoke("allowlist", "add", "203.0.113.0/28", "--port", "5432", "--reason", "CHG-2").exit_code == 0
    assert invoke("allowlist", "check", "203.0.113.7:5432").exit_code == 0
    assert invoke("allowlist", "check", "203.0.113.7").exit_code == 1
    assert invoke("allowlist", "check", "203.0.113.16:5432").exit_code == 1
    assert invoke("allowlist", "check", "db.example.com:5432").exit_code == 1


def test_an_ipv6_address_is_added_and_checked_with_its_port(invoke: Invoke) -> None:
    assert invoke("allowlist", "add", "[2001:db8::7]:8443", "--reason", "CHG-3").exit_code == 0
    assert invoke("allowlist", "check", "[2001:db8::7]:8443").exit_code == 0
    assert invoke("allowlist", "check", "2001:db8::7").exit_code == 1


def test_an_internal_address_is_not_judged_and_metadata_is(invoke: Invoke) -> None:
    internal = invoke("allowlist", "check", "10.1.2.3")
    assert internal.exit_code == 0
    assert internal.stdout.startswith("internal: ")
    assert invoke("allowlist", "check", "169.254.169.254:80").exit_code == 1


@pytest.mark.parametrize("destination", ["203.0.113.0/24", "*.example.com"])
def test_check_takes_one_destination_and_no_pattern(invoke: Invoke, destination: str) -> None:
    result = invoke("allowlist", "check", destination)
    assert (result.exit_code, result.stdout) == (2, "")


def test_a_removed_rule_allows_no_longer(desk: Desk, invoke: Invoke) -> None:
    invoke("allowlist", "add", "api.openai.com", "--reason", "CHG-4711")
    result = invoke("allowlist", "remove", "api.openai.com")
    assert result.exit_code == 0
    assert "removed allow api.openai.com:443" in result.stdout
    assert invoke("allowlist", "check", "api.openai.com").exit_code == 1
    assert not local(desk).get("allow")


def test_all_rules_for_a_destination_are_removed_and_no_other(desk: Desk, invoke: Invoke) -> None:
    invoke("allowlist", "add", "a.example.com", "--reason", "first")
    invoke("allowlist", "add", "api.openai.com", "--reason", "second")
    invoke("allowlist", "add", "a.example.com", "--role", "api", "--reason", "third")
    invoke("allowlist", "add", "a.example.com", "--deny", "--reason", "fourth")
    assert invoke("allowlist", "remove", "a.example.com").exit_code == 0
    assert [entry["host"] for entry in local(desk)["allow"]] == ["api.openai.com"]
    assert not local(desk).get("deny")


def test_a_rule_of_another_file_stays_and_is_named(desk: Desk, invoke: Invoke) -> None:
    text = '# ours\n[[allow]]\nhost = "api.openai.com"\n'
    allowed(desk, text)
    result = invoke("allowlist", "remove", "api.openai.com")
    assert result.exit_code == 1
    assert "(allowlist.toml)" in result.stderr
    assert "--deny" in result.stderr
    assert (desk.folder / "allowlist.toml").read_text() == text


def test_removing_what_no_rule_names_is_a_no(invoke: Invoke) -> None:
    result = invoke("allowlist", "remove", "api.openai.com")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "allowlist show" in result.stderr


def test_comments_of_the_operator_survive_a_decision(desk: Desk, invoke: Invoke) -> None:
    desk.local_allowlist.write_text('# keep me\n[[allow]]\nhost = "a.example.com" # and me\n')
    desk.local_allowlist.chmod(0o600)
    invoke("allowlist", "add", "b.example.com", "--reason", "CHG-5")
    text = desk.local_allowlist.read_text()
    assert text.startswith("# keep me\n")
    assert "# and me" in text
    assert [entry["host"] for entry in tomllib.loads(text)["allow"]] == ["a.example.com", "b.example.com"]


@pytest.mark.parametrize("reason", ["", "   "])
def test_a_rule_needs_a_reason(desk: Desk, invoke: Invoke, reason: str) -> None:
    assert invoke("allowlist", "add", "api.openai.com", "--reason", reason).exit_code == 2
    assert invoke("allowlist", "add", "api.openai.com").exit_code == 2
    assert not desk.local_allowlist.exists()


HOSTILE = [
    "\x1b[2Jhost.example.com",
    "a\nb.example.com",
    'x"\n[[allow]]\nhost = "evil.example.com',
    "bidi\u202e.example.com",
    "*",
    "*.com",
    "a.*.example.com",
    "203.0.113.5/24",
    "host.example.com:0",
    "host.example.com:99999",
    "http://",
    "x" * 5000,
    "",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("verb", [["check"], ["add", "--reason", "x"], ["remove"]], ids=lambda verb: str(verb[0]))
def test_hostile_text_is_refused_and_inert(desk: Desk, invoke: Invoke, verb: list[str], text: str) -> None:
    result = invoke("allowlist", *verb, text)
    assert (result.exit_code, result.stdout) == (2, "")
    assert all(char.isprintable() or char == "\n" for char in result.stderr)
    assert not desk.local_allowlist.exists()


def test_a_hostile_reason_and_role_stay_text(desk: Desk, invoke: Invoke) -> None:
    hostile = '\x1b[2J"\n[[allow]]\nhost = "evil.example.com"\n'
    assert invoke("allowlist", "add", "api.openai.com", "--reason", hostile, "--role", hostile).exit_code == 0
    assert [entry["host"] for entry in local(desk)["allow"]] == ["api.openai.com"]
    shown = invoke("allowlist", "show")
    assert shown.exit_code == 0
    assert "\x1b" not in shown.stdout
    assert invoke("allowlist", "check", "evil.example.com").exit_code == 1


def test_an_allowlist_that_others_may_write_is_refused_with_the_remedy(desk: Desk) -> None:
    allowed(desk, '[[allow]]\nhost = "api.openai.com"\n')
    (desk.folder / "allowlist.toml").chmod(0o666)
    done = desk.run("allowlist", "show")
    assert (done.returncode, done.stdout) == (2, "")
    assert "chmod go-w" in done.stderr


def test_a_broken_allowlist_is_named_with_its_line(desk: Desk) -> None:
    allowed(desk, '[[allow]]\nhost = "api.openai.com"\nprots = [443]\n')
    done = desk.run("allowlist", "check", "api.openai.com")
    assert done.returncode == 2
    assert f"{desk.folder / 'allowlist.toml'}:3:" in done.stderr
    assert "`ports`" in done.stderr


def test_a_rule_that_would_never_hold_is_refused(invoke: Invoke) -> None:
    done = invoke("allowlist", "add", "api.openai.com", "--reason", "x", "--expires", "2020-01-31")
    assert done.exit_code == 2
    assert "2020-01-31 is over" in done.stderr


def test_a_port_given_twice_is_refused_rather_than_guessed(invoke: Invoke) -> None:
    done = invoke("allowlist", "add", "api.openai.com:8443", "--reason", "x", "--port", "443")
    assert done.exit_code == 2
    assert "leave one of them out" in done.stderr


def test_the_same_rule_twice_is_one_rule(desk: Desk, invoke: Invoke) -> None:
    for _ in range(2):
        done = invoke("allowlist", "add", "api.openai.com", "--reason", "CHG-1")
        assert done.exit_code == 0
    assert "there already" in done.stdout
    assert len(local(desk)["allow"]) == 1


@pytest.mark.parametrize("network", ["0.0.0.0/0", "128.0.0.0/1", "::/0"])
def test_a_rule_that_allows_half_the_internet_is_refused(invoke: Invoke, network: str) -> None:
    done = invoke("allowlist", "add", network, "--reason", "x")
    assert isinstance(done.exception, ConfigError)
    assert "would allow too much" in str(done.exception)
    assert invoke("allowlist", "add", network, "--reason", "x", "--deny").exit_code == 0
