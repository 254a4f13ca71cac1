"""``retool-egress catalog``: what Retool connects to, and how sure that is."""

import click

from tui.cli.context import Context
from tui.cli.export import FORMATS
from tui.cli.streams import output_stream, terminal_width


@click.group("catalog", short_help="What Retool connects to, and how sure that is.")
def catalog_command() -> None:
    """The services that this tool knows, and yours from config.toml."""


@catalog_command.command("show", epilog="Example: retool-egress catalog show --format markdown")
@click.option("--format", "format_", type=click.Choice(FORMATS), default="table", show_default=True)
@click.pass_obj
def show(context: Context, format_: str) -> None:
    """List every known destination with its category, purpose, what is sent, and the basis of that fact."""
    from tui.output.formats import Format, write_rows
    from tui.output.rules import SERVICE_COLUMNS, SERVICE_TABLE_COLUMNS, service_rows

    fmt = Format(format_)
    columns = SERVICE_TABLE_COLUMNS if fmt is Format.TABLE else SERVICE_COLUMNS
    with output_stream(None) as stream:
        write_rows(service_rows(context.catalogue.services), columns, fmt, stream, terminal_width(None))
