"""A page of text that scrolls by lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.text import Text

from tui.viewer.widgets.list import CursorList

Write = Callable[[int], Sequence[Text]]
"""Writes the page for a width."""


class Pager(CursorList):
    """Text in a window; the cursor keys move the window."""

    DEFAULT_CSS = "Pager { height: 1fr; }"
    HEADER = 0

    def __init__(self) -> None:
        super().__init__(id="pager")
        self._write: Write | None = None
        self._page: Sequence[Text] = ()

    @property
    def total(self) -> int:
        return len(self._page)

    def show(self, write: Write) -> None:
        """Show this page; the window stays where it is."""
        self._write = write
        self.renew()

    def move(self, by: int) -> None:
        self.top = max(0, min(self.top + by, self.total - self.page_size))
        self.renew()

    def build(self, width: int, height: int) -> Sequence[Text]:
        self._page = self._write(width) if self._write else ()
        self.top = max(0, min(self.top, self.total - self.page_size))
        return self._page[self.top : self.top + self.page_size]
