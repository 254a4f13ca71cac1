"""The commands and the options that all of them share. Each command is imported when it is called."""

import importlib
from pathlib import Path

import click

from tui import __version__
from tui.cli.context import Context

_COMMANDS = {
    "collect": "tui.cli.collect:collect_command",
    "status": "tui.cli.status:status_command",
    "doctor": "tui.cli.doctor:doctor_command",
    "import": "tui.cli.import_:import_command",
    "find": "tui.cli.find:find_command",
    "export": "tui.cli.export:export_command",
    "alerts": "tui.cli.alerts:alerts_command",
    "allowlist": "tui.cli.allowlist:allowlist_command",
    "catalog": "tui.cli.catalog:catalog_command",
}


class _LazyGroup(click.Group):
    """Knows its commands by name and imports one when it is wanted."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = _COMMANDS.get(cmd_name)
        if place is None:
            return None
        module, name = place.split(":")
        found: click.Command = getattr(importlib.import_module(module), name)
        return found


@click.command(
    cls=_LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Without a command it opens the screen. Example: sudo retool-egress",
)
@click.version_option(__version__, prog_name="retool-egress")
@click.option(
    "--history",
    type=click.Path(dir_okay=False, readable=False, path_type=Path),
    envvar="RETOOL_EGRESS_HISTORY",
    help="The SQLite file of the record. [env: RETOOL_EGRESS_HISTORY]",
)
@click.option(
    "--config",
    type=click.Path(dir_okay=False, readable=False, path_type=Path),
    envvar="RETOOL_EGRESS_CONFIG",
    help="The configuration; allowlist.toml stands beside it. [env: RETOOL_EGRESS_CONFIG]",
)
@click.pass_context
def command(ctx: click.Context, history: Path | None, config: Path | None) -> None:
    """See every outbound connection of a self-hosted Retool: named, labelled, judged against an allowlist."""
    ctx.obj = Context(history, config)
    if ctx.invoked_subcommand is None:
        from tui.cli.screen import open_screen

        ctx.exit(open_screen(ctx.obj))
