"""``retool-egress doctor``: what could be seen here and now, what is missing, and what would mend it."""

import json
import os
import shlex
import sys

import click

from tui.cli import EXIT_NO
from tui.cli.context import Context
from tui.cli.streams import terminal_width


@click.command(
    "doctor",
    epilog="Example: retool-egress doctor --json | jq '.checks[] | select(.seen != \"yes\")'",
    short_help="What could be seen here, what is missing, and the command that mends it.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def doctor_command(context: Context, as_json: bool) -> None:
    """Say what a collector that you start here would see, namespace by namespace, with a remedy for each miss.

    Records nothing and writes nothing. Exit code 0: all that this version can see is seen; 1: something is missing.
    """
    from tui.collector.readiness import Asking, diagnose
    from tui.output.doctor import doctor_lines, doctor_report

    diagnosis = diagnose(Asking(context.history, lambda: context.settings, context.config, os.environ, program()))
    if as_json:
        click.echo(json.dumps(doctor_report(diagnosis), indent=2))
    else:
        click.echo("\n".join(doctor_lines(diagnosis, terminal_width(None))))
    click.get_current_context().exit(0 if diagnosis.complete else EXIT_NO)


def program() -> str:
    """How this program was started, so that it also works behind sudo, which has a PATH of its own."""
    path = os.path.abspath(sys.argv[0])
    if os.path.basename(path) == "retool-egress":
        return shlex.quote(path)
    return f"{shlex.quote(sys.executable)} -m tui"
