"""``retool-egress find``: did this host talk to that address or name?"""

import click

from tui.cli.context import Context, now_us, span_option, time_option


@click.command(
    "find",
    epilog="Example: retool-egress find 203.0.113.77 --at 02:13 --within 10m",
    short_help="Did this host talk to that address or name, at that time?",
)
@click.argument("what", metavar="IP|HOST")
@click.option("--at", metavar="T", help="02:13, 'yesterday 02:13', 2h or ISO 8601; all of the record otherwise.")
@click.option("--within", metavar="SPAN", default="10m", show_default=True, help="How far from --at, both ways.")
@click.pass_obj
def find_command(context: Context, what: str, at: str | None, within: str) -> None:
    """Answer 'Yes' (exit 0), 'No, and no hole in that span' (1) or 'Cannot tell' (3), with what is known."""
    from tui.output.find import answer_lines, look_for

    now = now_us()
    moment = time_option(at, "--at", now)
    length = span_option(within, "--within")
    if moment is not None and moment - length >= now:
        raise click.BadParameter("that time has not come yet", param_hint="--at")
    span = (moment - length, min(moment + length, now)) if moment is not None else None
    with context.reader() as reader:
        try:
            answer = look_for(reader, what, span, now)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="IP|HOST") from error
    click.echo("\n".join(answer_lines(answer)))
    click.get_current_context().exit(answer.exit_code)
