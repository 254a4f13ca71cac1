"""A screen whose keys move one list at a time. Nothing has the focus, so that no key repaints a whole widget."""

from __future__ import annotations

from textual.screen import Screen

from tui.viewer.widgets.list import CursorList


class Listing(Screen[None]):
    """Hands the keys of a list to the list that is active."""

    AUTO_FOCUS = ""

    @property
    def active(self) -> CursorList:
        """The list that the keys move."""
        return next(found for found in self.query(CursorList) if found.active)

    def action_move(self, by: int) -> None:
        """Move by so many lines."""
        self.active.move(by)

    def action_page(self, by: int) -> None:
        """Move by so many pages."""
        self.active.page(by)

    def action_open(self) -> None:
        """Open what is under the cursor; where there is nothing to open, nothing happens."""
