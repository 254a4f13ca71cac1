"""``retool-egress export``: recorded connections, in five formats."""

import re
from pathlib import Path
from typing import Any

import click

from tui.cli.context import Context, filter_argument, now_us, time_option
from tui.cli.streams import output_stream, terminal_width

FORMATS = ("table", "csv", "json", "ndjson", "markdown")
_OPTION = re.compile(r"--|-[oh]\Z")
"""All else that begins with a hyphen is a negated word of the filter."""


class FilterCommand(click.Command):
    """A command whose arguments are a filter, so that ``-role:api`` and ``-openai`` are words of it and no options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Set the negated words apart from the options."""
        words = [arg for arg in args if arg.startswith("-") and not _OPTION.match(arg)]
        rest = [arg for arg in args if arg not in words]
        if words:
            rest += words if "--" in rest else ["--", *words]
        return super().parse_args(ctx, rest)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The filter stands where it is typed."""
        formatter.write_usage(ctx.command_path, "[FILTER] [OPTIONS]")


@click.command(
    "export",
    cls=FilterCommand,
    epilog="Example: retool-egress export 'category:ai verdict:off-allowlist -role:api' --since 3d --format csv",
    short_help="Recorded connections as table, CSV, JSON, NDJSON or Markdown.",
)
@click.argument("words", nargs=-1, metavar="[FILTER]")
@click.option("--since", metavar="T", help="2h, 3d, 02:13, 'yesterday 02:13' or ISO 8601; all of the record otherwise.")
@click.option("--until", metavar="T", help="As --since; now otherwise.")
@click.option("--format", "format_", type=click.Choice(FORMATS), default="table", show_default=True)
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, readable=False, path_type=Path), help="A file instead of stdout."
)
@click.pass_obj
def export_command(context: Context, /, **given: Any) -> None:
    """Write the connections that lived between two times and match a filter, in the order in which they were recorded.

    The filter language: host:openai category:ai role:jobs-runner verdict:off-allowlist port:443 ip:10.0.0.0/8
    -role:api "free text" /regular expression/. Words are AND, commas OR.
    """
    from tui.model.times import echo_both, host_zone, iso_utc
    from tui.output.export import COLUMNS, TABLE_COLUMNS, export_rows
    from tui.output.formats import Format, write_rows
    from tui.output.holes import hole_words, names_of
    from tui.output.log_sight import log_sights
    from tui.output.name_sight import name_sight

    now = now_us()
    filter = filter_argument(given["words"])
    since = time_option(given["since"], "--since", now) or 0
    until = time_option(given["until"], "--until", now)
    path, fmt = given["output"], Format(given["format_"])
    end = now if until is None else min(until, now)
    if since > end:
        raise click.BadParameter("no time lies between --since and --until", param_hint="--since")
    with context.reader() as reader:
        recording = reader.recording()
        rows = reader.connections(filter, since, end)
        columns = TABLE_COLUMNS if fmt is Format.TABLE else COLUMNS
        with output_stream(path) as stream:
            exported = export_rows(rows, recording.node, recording.history_id)
            count = write_rows(exported, columns, fmt, stream, terminal_width(path))
        begin = since or recording.first_us or end
        holes = reader.holes("sockets", begin, end) if begin < end else []
        named = name_sight(reader, begin, end)
        holes += [hole for log in log_sights(reader, begin, end, holes) for hole in log.holes]
        names = names_of(reader.workloads()) if holes else {}
    zone = host_zone()
    span = f"from {echo_both(since, zone) if since else 'the beginning'} to {echo_both(end, zone)}"
    where = f" into {path}" if path else ""
    click.echo(f"{count} {'connection' if count == 1 else 'connections'} {span}{where}", err=True)
    if named.namespaces:
        click.echo(f"Names in that span: {named.words}", err=True)
    if holes:
        told = ", ".join(hole_words(hole, names, iso_utc, " to ") for hole in holes)
        click.echo(f"Not recorded in that span: {told}", err=True)
