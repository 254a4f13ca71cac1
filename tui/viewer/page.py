"""A page of text, collected line by line for a width; and command lines that can be copied off it. Pure."""

from __future__ import annotations

import shlex
import textwrap

from rich.text import Text

from tui.model.text import clean
from tui.viewer.theme import Look
from tui.viewer.words import fit

LABEL = 10


class Page:
    """Collects lines of a width."""

    def __init__(self, look: Look, width: int) -> None:
        self.look = look
        self.width = width
        self.lines: list[Text] = []

    def add(self, text: str = "", style: str = "text", indent: int = 2, hang: int = 0) -> None:
        """A paragraph, wrapped."""
        room = max(20, self.width - indent - 1)
        wrapped = textwrap.wrap(clean(text, 4096), room, subsequent_indent=" " * hang) or [""]
        for line in wrapped:
            self.line(" " * indent + line, style)

    def line(self, text: str, style: str = "text") -> None:
        """One line, cut."""
        self.lines.append(Text().append(fit(text, self.width, self.look.glyphs), self.look.style(style)))

    def command(self, text: str) -> None:
        """A command line, without a margin: cut so that a shell takes its lines for one when they are copied."""
        for line in shell_lines(clean(text, 16_384), max(20, self.width - 1)):
            self.line(line, "strong")

    def title(self, text: str) -> None:
        """A heading with a blank line before it."""
        self.line("")
        self.line(f" {text}", "title")

    def pair(self, label: str, text: str) -> None:
        """A fact with its label before it."""
        self.add(f"{label:<{LABEL}}{text}", hang=LABEL)


def shell_lines(command: str, width: int) -> list[str]:
    """A command line in lines no wider than this; a word that is wider itself is cut inside its quotes."""
    lines, line = list[str](), ""
    for word in shlex.split(command):
        for place, piece in enumerate(_pieces(word, width - 2)):
            joint = "" if place or not line else " "
            if line and len(line + joint + piece) > width - 2:
                lines.append(f"{line}{joint}\\")
                line = piece
            else:
                line += joint + piece
    return [*lines, line]


def _pieces(word: str, room: int) -> list[str]:
    """A word as a shell reads it, quoted where it must be, in pieces that belong together."""
    pieces, rest = list[str](), word
    while len(shlex.quote(rest)) > room:
        end = next(end for end in range(room, 0, -1) if end == 1 or len(shlex.quote(rest[:end])) <= room)
        pieces.append(shlex.quote(rest[:end]))
        rest = rest[end:]
    return [*pieces, shlex.quote(rest)] if rest or not pieces else pieces
