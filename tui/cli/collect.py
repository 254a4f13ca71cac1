"""``retool-egress collect``: the collector, in the foreground or detached from a screen."""

import os

import click

from tui.cli.context import Context, now_us, span_option, time_option


@click.command(
    "collect",
    epilog="Example: retool-egress --history /tmp/egress.db collect --for 30s",
    short_help="Record, without a screen.",
)
@click.option("--for", "for_", metavar="SPAN", help="End after this long: 30s, 10m, 12h.")
@click.option(
    "--since",
    metavar="T",
    help="Read proxy logs that were never followed from their start, for what ended since: 2h, 3d, 02:13 or ISO 8601.",
)
@click.option("--detached", is_flag=True, hidden=True, help="Started by a screen, which any screen may stop.")
@click.pass_obj
def collect_command(context: Context, for_: str | None, since: str | None, detached: bool) -> None:
    """Record connections until Ctrl+C or SIGTERM, or for the time given. A service unit runs this."""
    from tui.collector.assemble import CollectOptions
    from tui.collector.loop import collect

    for_s = span_option(for_, "--for") / 1_000_000 if for_ is not None else None
    service = "INVOCATION_ID" in os.environ and not detached
    since_us = time_option(since, "--since", now_us())
    kind = "detached" if detached else "service" if service else "foreground"
    collect(CollectOptions(context.history, context.settings, context.catalogue, context.policy, kind, for_s, since_us))
