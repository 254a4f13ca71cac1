"""One sitting at the screen, from attaching to the words that stay in the terminal afterwards."""

from __future__ import annotations

import os
import sys

from tui.config.errors import ConfigError
from tui.history.errors import HistoryError
from tui.history.place import holder_of
from tui.model.person import who
from tui.viewer import ViewerOptions
from tui.viewer.app import ViewerApp
from tui.viewer.feed import ThreadFeed, wall_clock_us
from tui.viewer.recording import CannotRecord, attach, log_path, started_words, stop
from tui.viewer.theme import Look


def open_session(options: ViewerOptions, look: Look) -> int:
    """Attach, show, leave; returns the exit code."""
    try:
        attached = attach(options.history, options.config, start=options.start_collector)
    except (HistoryError, ConfigError) as error:
        _tell(f"retool-egress: {error}\n{error.hint}")
        return 2
    except CannotRecord as error:
        _tell(f"retool-egress: {error}")
        return 2
    app = ViewerApp(options, look, ThreadFeed(options.history), wall_clock_us, who(os.environ), real_terminal=True)
    if attached.started and attached.holder is not None:
        app.greeting = started_words(attached.holder, wall_clock_us())
    app.run(mouse=False)
    if app.stop_recording:
        _tell(stop(options.history))
    elif attached.started and app.return_code == 0:
        holder = holder_of(options.history)
        if holder is None:
            _tell(f"Recording has ended. What it last said stands in {log_path(options.history)}.")
        else:
            _tell(f"Recording goes on (process {holder.pid}). Look again, or stop it with Q: retool-egress")
    return app.return_code or 0


def _tell(text: str) -> None:
    """A line for the person; the terminal may have gone by now."""
    try:
        print(text, file=sys.stderr)  # noqa: T201
    except OSError:
        os._exit(1)
