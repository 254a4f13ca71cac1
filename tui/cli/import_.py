"""``retool-egress import``: past logs of proxies into the record."""

from typing import TYPE_CHECKING

import click

from tui.cli.context import Context, now_us

if TYPE_CHECKING:
    from tui.collector.handing import Handing
    from tui.collector.past_sources import Sources
    from tui.proxylog.format import Format


@click.command(
    "import",
    epilog="Example: retool-egress import /var/log/squid/access.log*",
    short_help="Past logs of proxies into the record.",
)
@click.argument("logs", nargs=-1, required=True, metavar="LOG...")
@click.option(
    "--log-format", metavar="NAME", help="squid, envoy … or a proxy and its own words: 'squid: LOGFORMAT'; else found."
)
@click.pass_obj
def import_command(context: Context, logs: tuple[str, ...], log_format: str | None) -> None:
    """Record what past logs of proxies tell, also rotated and compressed ones (gz, xz, zst); - is standard input.

    A running collector goes on, and records it. An import may be repeated, and its logs may overlap: nothing is
    recorded twice. Exit code 2: a log could not be read to its end; what was read of it is recorded.
    """
    importing = _Import(context, _sources(context, logs, log_format))
    try:
        importing.run()
    except KeyboardInterrupt:
        said = ["Stopped; what was recorded stays. The same command does the rest, and doubles nothing."]
        click.echo("\n".join([*said, *importing.lines()]), err=True)
        raise
    read = importing.read
    click.echo("\n".join(importing.lines()))
    for fault in read.faults:
        click.echo(f"Error: {fault}", err=True)
    if read.faults:
        click.echo("What was read before that is recorded. Import a whole copy of it: nothing is doubled.", err=True)
    for path in read.strange:
        click.echo(f"Error: no line of {path} is in a format that is known", err=True)
        click.echo("Name it, or give it in the proxy's own words: --log-format 'squid: LOGFORMAT'", err=True)
    if read.faults or read.strange:
        click.get_current_context().exit(2)


def _sources(context: Context, logs: tuple[str, ...], word: str | None) -> "Sources":
    """The logs to read.

    :raises click.UsageError: if one of them cannot be read, or the format is none
    """
    from tui.collector.past_sources import sources_of
    from tui.proxylog.catalogue import AUTO, formats_for

    try:
        formats = formats_for(word or AUTO)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--log-format") from error
    sources = sources_of(logs, now_us(), formats, {} if word else _followed(context))
    if sources.unusable:
        steps = "\n".join(f"{each.what}. {each.next_step}" for each in sources.unusable)
        raise click.UsageError(f"nothing is imported:\n{steps}")
    return sources


def _followed(context: Context) -> "dict[str, tuple[Format, ...]]":
    from tui.collector.assemble import formats_of

    return {str(path): formats for path, formats in formats_of(context.settings)}


class _Import:
    """One import, as far as it has come."""

    def __init__(self, context: Context, sources: "Sources") -> None:
        from tui.collector.past_logs import Read

        self._context = context
        self._sources = sources
        self.read = Read()
        self._handing: Handing | None = None

    def run(self) -> None:
        """Do it.

        :raises HistoryError: if the history cannot be written
        :raises ConfigError: if the configuration or the allowlist cannot be used
        """
        from tui.cli.progress import progress
        from tui.collector.assemble import CollectOptions
        from tui.collector.handing import Handing
        from tui.collector.past_logs import told_of
        from tui.model.times import host_zone

        context = self._context
        options = CollectOptions(context.history, context.settings, context.catalogue, context.policy, "import", None)
        with progress(self._sources.size) as shown, Handing(options, shown) as self._handing:
            for path, told, done in told_of(self._sources.families, host_zone(), self.read):
                self._handing.put(path, told, done)
            self._handing.finish()

    def lines(self) -> list[str]:
        """What was read, and what became of it."""
        from tui.model.times import echo_both, host_zone

        read, zone = self.read, host_zone()
        new, known = (self._handing.new, self._handing.known) if self._handing is not None else (0, 0)
        told = [
            f"Lines        {read.lines:,}",
            f"Connections  {new:,} new, {known:,} known already",
            f"Not parsed   {read.unparsed:,}" + (f", the last: {read.last_unparsed}" if read.unparsed else ""),
        ]
        if read.first_us is not None and read.last_us is not None:
            told.append(f"Span         {echo_both(read.first_us, zone)}")
            told.append(f"          to {echo_both(read.last_us, zone)}")
        told += [f"Names no destinations: {each}" for each in read.lacking]
        return told
