"""The latest change of what runs, in one line below the alerts: what happened before often is what did it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from tui.viewer.picture import Picture
from tui.viewer.status_words import last_change
from tui.viewer.theme import Look
from tui.viewer.widgets.lines import Lines, styled
from tui.viewer.words import fit

FROM_HEIGHT = 24
"""A lower screen has no line to spare for it."""


class LastChange(Lines):
    """One line, there only when there is something to tell."""

    DEFAULT_CSS = "LastChange { height: 1; display: none; }"

    def __init__(self, look: Look) -> None:
        super().__init__(id="change")
        self._look = look
        self._told = ""

    def show(self, picture: Picture, height: int) -> None:
        """Show the latest change on a screen of this height."""
        self._told = last_change(picture.snapshot, picture.now_us)
        there = bool(self._told) and height >= FROM_HEIGHT
        if self.display != there:
            self.display = there
        self.renew()

    def build(self, width: int, height: int) -> Sequence[Text]:
        return [styled(fit(f" {self._told}", width, self._look.glyphs), self._look.style("quiet"))]
