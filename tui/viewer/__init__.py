"""The screen: reads a history, never captures. ``run`` is all that the command line needs; textual loads inside it."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from tui.allowlist.policy import Policy
from tui.catalog import Catalogue


@dataclass(frozen=True, slots=True)
class ViewerOptions:
    """What the screen works on."""

    history: Path
    config: Path
    policy: Policy
    catalogue: Catalogue
    start_collector: bool
    """Start a detached collector where nobody records."""
    version: str


def run(options: ViewerOptions) -> int:
    """Open the screen and stay until it is left; returns the exit code.

    The history's faults at the start, and a terminal that is none, are told on stderr with what to do.
    """
    from tui.viewer.terminal import prepare, refusal

    no_terminal = refusal(os.environ, all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)))
    if no_terminal:
        print(no_terminal, file=sys.stderr)  # noqa: T201
        return 2
    look = prepare(os.environ)
    from tui.viewer.session import open_session

    return open_session(options, look)
