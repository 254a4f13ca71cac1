"""``retool-egress alerts``: what somebody should look at."""

import click

from tui.cli import EXIT_NO
from tui.cli.context import Context
from tui.cli.export import FORMATS
from tui.cli.streams import output_stream, terminal_width


@click.command(
    "alerts",
    epilog="Example: retool-egress alerts --open --exit-code || echo 'look at the egress monitor'",
    short_help="What somebody should look at.",
)
@click.option("--open", "open_only", is_flag=True, help="Only those whose cause has not gone.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 if any alert is open.")
@click.option("--format", "format_", type=click.Choice(FORMATS), default="table", show_default=True)
@click.pass_obj
def alerts_command(context: Context, open_only: bool, exit_code: bool, format_: str) -> None:
    """List alerts: one for each cause, with how often, first and last; the most urgent on top."""
    from tui.output.alerts import ALERT_COLUMNS, ALERT_TABLE_COLUMNS, alert_rows
    from tui.output.formats import Format, write_rows

    with context.reader() as reader:
        alerts = reader.alerts(open_only=open_only, limit=-1)
        workloads = reader.workloads()
    fmt = Format(format_)
    with output_stream(None) as stream:
        columns = ALERT_TABLE_COLUMNS if fmt is Format.TABLE else ALERT_COLUMNS
        write_rows(alert_rows(alerts, workloads), columns, fmt, stream, terminal_width(None))
    if exit_code and any(alert.is_open for alert in alerts):
        click.get_current_context().exit(EXIT_NO)
