"""A configuration file that is wrong: the person who wrote it is told which line, and what would be right."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.allowlist.load import AllowlistFile
from tui.config.errors import ConfigError
from tui.config.settings import ConfigFile
from tui.config.strict_toml import LARGEST_BYTES, decode, line_of, read_text

PATH = Path("/etc/retool-egress/config.toml")
SERVICE = 'id = "a"\ncategory = "Your resources"\nhosts = ["a.example.com"]\n'


def problem(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        decode(PATH, text, ConfigFile)
    return caught.value


def allowlist_problem(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        decode(PATH, text, AllowlistFile)
    return caught.value


@pytest.mark.parametrize(
    ("text", "line", "key", "near"),
    [
        ("[socket]\n", 1, "socket", "sockets"),
        ("\n\n[sockets]\nsource = 'auto'\nintervals = 1.0\n", 5, "intervals", "interval_s"),
        ("[names]\nforward = true\n[sockets]\n# forwards\nsorce = 'auto'\n", 5, "sorce", "source"),
        ("sockets.source = 'auto'\nsockets.interval = 2.0\n", 2, "interval", "interval_s"),
        ("sockets = {sorce = 'auto'}\n", 1, "sorce", "source"),
        ('[names]\nnameservers = [\n  "10.0.0.2",\n]\nforwrd = true\n', 5, "forwrd", "forward"),
        (f"[[service]]\n{SERVICE}[[service]]\n{SERVICE}hosst = []\n", 9, "hosst", "hosts"),
        (f"[[service]]\n{SERVICE}hosst = []\n[[service]]\n{SERVICE}", 5, "hosst", "hosts"),
    ],
)
def test_an_unknown_key_is_told_with_its_line_and_the_nearest_known_one(
    text: str, line: int, key: str, near: str
) -> None:
    error = problem(text)
    assert str(error) == f"{PATH}:{line}: unknown key `{key}`"
    assert error.line == line
    assert error.hint == f"Did you mean `{near}`?"


def test_an_unknown_key_of_one_allowlist_entry_among_several_is_told_with_its_own_line() -> None:
    error = allowlist_problem(
        '[[allow]]\nhost = "a.b"\n\n[[deny]]\nhost = "c.d"\n\n[[allow]]\nhost = "e.f"\nport = [443]\n'
    )
    assert (error.line, error.hint) == (9, "Did you mean `ports`?")
    assert "unknown key `port`" in str(error)


def test_an_unknown_key_like_no_other_gets_the_list_of_known_ones() -> None:
    assert problem("[sockets]\nzzz = 1\n").hint == "Known here: source, interval_s."


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ('[sockets]\n# how often\ninterval_s = "1"\n', 3, "sockets.interval_s"),
        ("[sockets]\ninterval_s = 0.0\n", 2, "sockets.interval_s"),
        ("[sockets]\ninterval_s = nan\n", 2, "sockets.interval_s"),
        ("[sockets]\ninterval_s = inf\n", 2, "sockets.interval_s"),
        ("[sockets]\nsource = 'ss'\n", 2, "sockets.source"),
        ("sockets = 3\n", 1, "sockets"),
        ("service = 3\n", 1, "service"),
        ("\n[names]\nnameservers = [\n  1,\n]\n", 3, "names.nameservers"),
        (f"[[service]]\n{SERVICE}\n[[service]]\n{SERVICE}ports = ['x']\n", 10, "service.ports"),
        (f"[[service]]\n{SERVICE}\n[[service]]\nid = 'b'\n", 6, "service"),
    ],
)
def test_a_value_of_the_wrong_kind_is_told_with_its_key_and_line(text: str, line: int, what: str) -> None:
    error = problem(text)
    assert str(error).startswith(f"{PATH}:{line}: `{what}`: ")
    assert error.hint


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[sockets]\ninterval_s = \n", 2),
        ("[sockets\n", 1),
        ("a = 1\na = 2\n", 2),
        ('[names]\n\nx = "abc\n', 3),
        ("[names]\nforward = [true,\n", 2),
        ("[names]\r\nforward = = 1\r\n", 2),
        ("x = \x00", 1),
        ("x = " + "[" * 50_000, 1),
    ],
)
def test_broken_toml_is_told_with_its_line(text: str, line: int) -> None:
    error = problem(text)
    assert error.line == line
    assert "this is no valid TOML" in str(error)


def test_a_key_with_escape_sequences_does_not_reach_the_terminal() -> None:
    error = problem('"\\u001b[2J\\u202e" = 1\n')
    assert str(error).isprintable()
    assert error.hint.isprintable()


def test_unicode_line_separators_in_a_comment_do_not_shift_the_line() -> None:
    assert problem("# a\u2028b\x85c\n[sockets]\nintervall = 1\n").line == 3


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xef\xbb\xbf[sockets]\ninterval_s = 2.0\n")
    assert decode(path, read_text(path), ConfigFile).sockets.interval_s == 2.0


def test_a_file_that_is_no_utf_8_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"[names]\n# M\xfcller\n")
    with pytest.raises(ConfigError, match="UTF-8") as caught:
        read_text(path)
    assert caught.value.line == 2


def test_a_huge_file_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    with path.open("wb") as file:
        file.truncate(LARGEST_BYTES + 1)
    with pytest.raises(ConfigError, match="larger than 4 MiB"):
        read_text(path)


def test_a_directory_in_the_place_of_the_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_text(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_a_file_that_may_not_be_read_names_the_command_that_shows_why(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("")
    path.chmod(0o000)
    tmp_path.chmod(0o755)
    os.seteuid(65534)
    try:
        with pytest.raises(ConfigError, match="cannot be read") as caught:
            read_text(path)
    finally:
        os.seteuid(0)
    assert str(path) in caught.value.hint


toml_like = st.lists(
    st.sampled_from(
        ["[a]", "[[a]]", "a.b = 1", '"a" = 2', "[[", "]]", "=", "# x", "\n", "\r\n", "\u2028", '"', "'''", "."]
    )
    | st.text(max_size=8)
).map("".join)
places = st.lists(st.sampled_from(["a", "b", "c.d"]) | st.integers(0, 3), max_size=4)


@given(toml_like, places)
def test_whatever_the_text_a_line_is_one_of_its_lines_or_not_known(text: str, place: list[str | int]) -> None:
    line = line_of(text, place)
    assert line is None or 1 <= line <= text.count("\n") + 1


@given(toml_like)
def test_whatever_the_text_it_is_decoded_or_refused_with_a_line(text: str) -> None:
    told = None
    try:
        decode(PATH, text, ConfigFile)
    except ConfigError as error:
        told = error
    assert told is None or (str(told).isprintable() and told.hint)
