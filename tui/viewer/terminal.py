"""What the terminal is and can do, and how the screen survives its loss. Must run before textual is imported."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import os
import signal
from collections.abc import Callable, Mapping, MutableMapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui.viewer.theme import Look

SETTINGS = {
    "TEXTUAL_ANIMATIONS": "none",
    "TEXTUAL_SMOOTH_SCROLL": "0",
    "TEXTUAL_FPS": "15",
    "ESCDELAY": "250",
    "TEXTUAL_DISABLE_KITTY_KEY": "1",
}
"""What keeps a slow line usable; textual reads them once, when it is imported."""

LOST = 129
"""Exit code after a lost terminal: 128 and SIGHUP."""

_INSTEAD = """These commands need no screen:
  retool-egress status    what is recorded, and by whom
  retool-egress alerts    what needs a look
  retool-egress export    connections as a table, csv, json or markdown"""


def refusal(environ: Mapping[str, str], is_terminal: bool) -> str | None:
    """Why there can be no screen here, with what works instead; None if there can."""
    if not is_terminal:
        return f"retool-egress: this is no terminal, so the screen cannot open.\n{_INSTEAD}"
    term = environ.get("TERM", "")
    if term in ("", "dumb", "unknown"):
        named = f"TERM is {term}" if term else "TERM is not set"
        return f"retool-egress: {named}: this terminal cannot show the screen.\n{_INSTEAD}"
    return None


def prepare(environ: MutableMapping[str, str]) -> Look:
    """Set textual up by its environment, and tell what the terminal can show."""
    for name, value in SETTINGS.items():
        environ.setdefault(name, value)
    from tui.viewer.theme import Look
    from tui.viewer.words import ASCII, UNICODE

    return Look(_sixteen(environ), UNICODE if _utf8(environ) else ASCII)


def _sixteen(environ: Mapping[str, str]) -> bool:
    if "NO_COLOR" in environ:
        return True
    many = environ.get("COLORTERM", "").lower() in ("truecolor", "24bit")
    return not many and "256color" not in environ.get("TERM", "") and "direct" not in environ.get("TERM", "")


def _utf8(environ: Mapping[str, str]) -> bool:
    locale = next((environ[n] for n in ("LC_ALL", "LC_CTYPE", "LANG") if environ.get(n)), "C")
    with contextlib.suppress(LookupError):
        return codecs.lookup(locale.partition(".")[2].partition("@")[0] or "ascii").name == "utf-8"
    return False


def leave_on_signals(leave: Callable[[], object]) -> None:
    """Call ``leave`` on SIGHUP and SIGTERM, so that the terminal is put back as it was. Needs the running loop."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGHUP, signal.SIGTERM):
        loop.add_signal_handler(number, leave)


def end_if_lost(descriptor: int = 0) -> None:
    """End at once if the terminal has gone without a SIGHUP; nothing can be restored then."""
    if not os.isatty(descriptor):
        os._exit(LOST)
