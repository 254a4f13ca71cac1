"""What counts as a terminal, and what it can show."""

import subprocess
import sys
from pathlib import Path

import pytest

from tui.viewer.terminal import SETTINGS, prepare, refusal
from tui.viewer.words import ASCII, UNICODE

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("environ", [{}, {"TERM": "dumb"}, {"TERM": ""}])
def test_a_terminal_that_cannot_paint_is_refused_with_the_commands_that_work(environ: dict[str, str]) -> None:
    told = refusal(environ, True)
    assert told is not None
    for command in ("retool-egress status", "retool-egress alerts", "retool-egress export"):
        assert command in told


def test_a_pipe_is_no_terminal() -> None:
    told = refusal({"TERM": "xterm-256color"}, False)
    assert told is not None
    assert "no terminal" in told


def test_a_usual_terminal_is_taken() -> None:
    assert refusal({"TERM": "xterm-256color"}, True) is None


@pytest.mark.parametrize(
    ("environ", "sixteen"),
    [
        ({"TERM": "xterm-256color"}, False),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, False),
        ({"TERM": "xterm"}, True),
        ({"TERM": "linux"}, True),
        ({"TERM": "xterm-256color", "NO_COLOR": ""}, True),
    ],
)
def test_few_colours_or_none_use_the_terminals_own(environ: dict[str, str], sixteen: bool) -> None:
    assert prepare(environ).sixteen is sixteen


@pytest.mark.parametrize(
    ("environ", "unicode"),
    [
        ({"LANG": "en_GB.UTF-8"}, True),
        ({"LANG": "C.utf8"}, True),
        ({"LANG": "de_DE.UTF-8@euro"}, True),
        ({"LC_ALL": "C", "LANG": "en_GB.UTF-8"}, False),
        ({"LANG": "de_DE.ISO-8859-1"}, False),
        ({"LANG": "xx.no-such-charset"}, False),
        ({}, False),
    ],
)
def test_glyphs_are_ascii_unless_the_locale_is_utf8(environ: dict[str, str], unicode: bool) -> None:
    assert prepare({"TERM": "xterm-256color", **environ}).glyphs is (UNICODE if unicode else ASCII)


def test_textual_is_told_not_to_animate_and_what_the_person_set_stays() -> None:
    environ = {"TERM": "xterm-256color", "TEXTUAL_FPS": "5"}
    prepare(environ)
    assert environ["TEXTUAL_ANIMATIONS"] == "none"
    assert environ["TEXTUAL_FPS"] == "5"
    assert set(SETTINGS) <= set(environ)


def test_without_a_terminal_the_screen_ends_at_once_and_starts_no_collector(tmp_path: Path) -> None:
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from tui.__main__ import main; main()"
    argv = [sys.executable, "-P", "-c", code, "--history", str(tmp_path / "history.db")]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "this is no terminal" in done.stderr
    assert list(tmp_path.iterdir()) == []
