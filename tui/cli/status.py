"""``retool-egress status``: what is recorded, by whom, with which coverage."""

import json

import click

from tui.cli.context import Context, now_us


@click.command(
    "status",
    epilog="Example: retool-egress status --json | jq .recording",
    short_help="What is recorded, by whom, with which coverage.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def status_command(context: Context, as_json: bool) -> None:
    """Say what is recorded, by whom, and what could not be seen."""
    from tui.output.status import read_status, status_lines

    now = now_us()
    with context.reader() as reader:
        status = read_status(reader, now)
    if as_json:
        click.echo(json.dumps(status, indent=2))
    else:
        click.echo("\n".join(status_lines(status)))
