"""Every command says how it is used, in words and by an example."""

import click
import pytest

from tests.cli.conftest import Invoke
from tests.cli.program import Desk
from tui import __version__
from tui.cli.app import command


def every_command() -> list[tuple[str, ...]]:
    """The words that call each command, those of groups included."""
    found: list[tuple[str, ...]] = []
    context = click.Context(command)
    for name in command.list_commands(context):
        made = command.get_command(context, name)
        found += [(name, below) for below in made.commands] if isinstance(made, click.Group) else [(name,)]
    return found


@pytest.mark.parametrize("words", every_command(), ids=" ".join)
def test_every_command_has_an_example_in_its_help(invoke: Invoke, words: tuple[str, ...]) -> None:
    result = invoke(*words, "--help")
    assert result.exit_code == 0
    assert f"Example: retool-egress {words[0]}" in " ".join(result.stdout.split()).replace(
        "--history /tmp/egress.db ", ""
    )


def test_the_commands_are_those_that_scripts_depend_on() -> None:
    assert set(every_command()) >= {
        ("collect",),
        ("status",),
        ("doctor",),
        ("import",),
        ("find",),
        ("export",),
        ("alerts",),
        ("allowlist", "show"),
        ("allowlist", "check"),
        ("allowlist", "add"),
        ("allowlist", "remove"),
        ("catalog", "show"),
    }


def test_the_help_of_the_program_lists_its_commands_and_ends_well(desk: Desk) -> None:
    done = desk.run("--help")
    assert (done.returncode, done.stderr) == (0, "")
    for words in every_command():
        assert f"\n  {words[0]} " in done.stdout


def test_the_version_is_the_package_s(desk: Desk) -> None:
    done = desk.run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"retool-egress, version {__version__}\n", "")


def test_an_unknown_command_is_a_usage_error(desk: Desk) -> None:
    done = desk.run("exprot")
    assert (done.returncode, done.stdout) == (2, "")
    assert "exprot" in done.stderr
    assert "--help" in done.stderr
