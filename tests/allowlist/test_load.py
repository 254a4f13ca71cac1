"""Reading allowlist files: what is refused, with which line, and what may not be trusted."""

import os
import tempfile
from pathlib import Path

import pytest

from tui.allowlist.load import default_rules, load_file, load_rules, parse_rules
from tui.config.errors import ConfigError

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give files away")


def write(path: Path, text: str, mode: int = 0o644) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def problem(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        parse_rules(Path("allowlist.toml"), text)
    return caught.value


GOOD = '[[allow]]\nhost = "a.example.com"\n\n'


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ('[[allow]]\nreason = "x"\n', "either host or network"),
        ('[[deny]]\nhost = "b.c"\nnetwork = "192.0.2.0/24"\n', "either host or network"),
        ('[[allow]]\nhost = "b.c"\nports = []\n', "at least one port"),
        ('[[allow]]\nhost = "b c"\n', "no host name"),
        ('[[allow]]\nhost = "*.com"\n', "two labels"),
        ('[[allow]]\nhost = "192.0.2.1"\n', "addresses go by network"),
        ('[[allow]]\nnetwork = "192.0.2.1/24"\n', "host bits"),
        ('[[allow]]\nnetwork = "corp"\n', "no network in CIDR form"),
    ],
)
def test_an_entry_that_means_nothing_is_refused_with_its_line(entry: str, told: str) -> None:
    error = problem(GOOD + "# why\n" + entry)
    assert told in str(error)
    assert error.line == 5


@pytest.mark.parametrize(
    "entry", ["port = 443", "ports = [0]", "ports = [65536]", "ports = ['443']", "expires = 'soon'", "roles = 'api'"]
)
def test_a_wrong_field_is_refused_with_its_line(entry: str) -> None:
    assert problem(f'{GOOD}[[allow]]\nhost = "b.example.com"\n{entry}\n').line == 6


def test_an_empty_file_has_no_rules() -> None:
    assert parse_rules(Path("allowlist.toml"), "") == []


def test_outside_text_of_an_entry_is_made_inert() -> None:
    (rule,) = parse_rules(
        Path("a"), '[[allow]]\nhost = "a.b"\nreason = "x\\u001b[2J\\n\\u202e"\nroles = ["r\\u001b"]\n'
    )
    assert rule.reason.isprintable()
    assert rule.roles[0].isprintable()


def test_files_add_to_the_default_rules_in_order_and_missing_ones_add_none(tmp_path: Path) -> None:
    defaults = default_rules([("licensing.tryretool.com", (443,), "verify the licence")])
    one = write(tmp_path / "allowlist.toml", GOOD)
    two = write(tmp_path / "allowlist.local.toml", '[[deny]]\nhost = "b.example.com"\n')
    rules = load_rules(defaults, [one, tmp_path / "none.toml", two])
    assert [(r.host, r.source) for r in rules] == [
        ("licensing.tryretool.com", "Retool default"),
        ("a.example.com", "allowlist.toml"),
        ("b.example.com", "allowlist.local.toml"),
    ]


def test_one_wrong_entry_refuses_the_whole_list(tmp_path: Path) -> None:
    one = write(tmp_path / "allowlist.toml", GOOD + '[[allow]]\nhost = ""\n')
    with pytest.raises(ConfigError, match="no host name"):
        load_rules((), [one])


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666, 0o620])
def test_a_file_that_others_may_write_is_refused_with_the_command_that_mends_it(tmp_path: Path, mode: int) -> None:
    path = write(tmp_path / "allowlist.toml", GOOD, mode)
    with pytest.raises(ConfigError, match="others may write") as caught:
        load_file(path)
    assert caught.value.hint == f"Run: chmod go-w {path}"
    path.chmod(mode & ~0o022)
    assert len(load_file(path)) == 1


@needs_root
def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "allowlist.toml", GOOD)
    os.chown(path, 65534, -1)
    with pytest.raises(ConfigError, match="user id 65534 owns") as caught:
        load_file(path)
    assert "chown" in caught.value.hint


@needs_root
def test_a_user_trusts_root_and_oneself() -> None:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        path = write(Path(directory, "allowlist.toml"), GOOD)
        for owner in (0, 65534):
            os.chown(path, owner, -1)
            os.seteuid(65534)
            try:
                assert len(load_file(path)) == 1
            finally:
                os.seteuid(0)


def test_a_directory_in_its_place_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "allowlist.toml"
    path.mkdir(mode=0o755)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_file(path)
