"""One line at the head of a screen."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from tui.viewer.theme import Look
from tui.viewer.widgets.lines import Lines, styled
from tui.viewer.words import fit


class Bar(Lines):
    """A title, and on the right where one is."""

    DEFAULT_CSS = "Bar { height: 1; background: $panel; }"

    def __init__(self, look: Look, title: str, right: str = "") -> None:
        super().__init__(id="bar")
        self._look = look
        self._title = title
        self._right = right

    def show(self, title: str, right: str = "") -> None:
        """Show another title, and another text on the right."""
        self._title, self._right = title, right
        self.renew()

    def build(self, width: int, height: int) -> Sequence[Text]:
        right = f" {self._right} " if self._right else ""
        line = styled(fit(f" {self._title}", width - len(right), self._look.glyphs), self._look.style("strong"))
        line.append(right, self._look.style("quiet"))
        return [line]
