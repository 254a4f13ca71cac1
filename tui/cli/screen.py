"""``retool-egress`` without a command: the screen."""

from tui import __version__
from tui.cli.context import Context


def open_screen(context: Context) -> int:
    """Open the screen and return its exit code."""
    from tui.viewer import ViewerOptions, run

    options = ViewerOptions(
        context.history, context.config, context.policy, context.catalogue, start_collector=True, version=__version__
    )
    return run(options)
