"""How things look: a colour for each meaning, in the colours that a terminal has. The word and the sign come first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rich.style import Style
from textual.theme import Theme

from tui.viewer.words import UNICODE, Glyphs

NAME = "retool-egress"

THEME = Theme(
    name=NAME,
    primary="#5fafd7",
    secondary="#87afaf",
    accent="#5fafd7",
    warning="#d7af5f",
    error="#ff5f5f",
    success="#87af5f",
    foreground="#d0d0d0",
    background="#121212",
    surface="#1c1c1c",
    panel="#262626",
    dark=True,
)

_RICH: Mapping[str, Style] = {
    "text": Style(color="#d0d0d0"),
    "strong": Style(color="#ffffff", bold=True),
    "quiet": Style(color="#8a8a8a"),
    "ok": Style(color="#87af5f"),
    "review": Style(color="#d7af5f"),
    "alarm": Style(color="#ff5f5f", bold=True),
    "banner": Style(color="#ffffff", bgcolor="#af0000", bold=True),
    "frozen": Style(color="#121212", bgcolor="#5fafd7", bold=True),
    "bar": Style(color="#d0d0d0", bgcolor="#262626"),
    "title": Style(color="#5fafd7", bold=True),
    "key": Style(color="#5fafd7", bgcolor="#262626", bold=True),
    "cursor": Style(bgcolor="#303a44"),
    "cursor-far": Style(bgcolor="#222222"),
}
_SIXTEEN: Mapping[str, Style] = {
    "text": Style(),
    "strong": Style(bold=True),
    "quiet": Style(),
    "ok": Style(color="green"),
    "review": Style(color="yellow"),
    "alarm": Style(color="red", bold=True),
    "banner": Style(reverse=True, bold=True),
    "frozen": Style(reverse=True, bold=True),
    "bar": Style(),
    "title": Style(color="cyan", bold=True),
    "key": Style(bold=True),
    "cursor": Style(reverse=True),
    "cursor-far": Style(underline=True),
}


@dataclass(frozen=True, slots=True)
class Look:
    """What this terminal can show."""

    sixteen: bool = False
    """Sixteen colours or none: the terminal's own foreground and background are used."""
    glyphs: Glyphs = UNICODE

    def style(self, name: str) -> Style:
        """The style of a meaning."""
        return (_SIXTEEN if self.sixteen else _RICH)[name]

    @property
    def theme(self) -> str:
        """The name of the Textual theme."""
        return "ansi-dark" if self.sixteen else NAME
