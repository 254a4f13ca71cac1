"""A list with a cursor, and a page that scrolls: how both move."""

from __future__ import annotations

from tui.viewer.widgets.lines import Lines


class CursorList(Lines):
    """Lines of which one is under the cursor; a window of them is shown below a header that stands still."""

    HEADER = 1

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.cursor = 0
        self.top = 0
        self.active = True
        """Whether the keys move this list."""

    @property
    def total(self) -> int:
        """How many lines there are."""
        raise NotImplementedError

    @property
    def page_size(self) -> int:
        """How many lines the window shows."""
        return max(1, self.size.height - self.HEADER)

    def settle(self) -> None:
        """Bring the cursor into the list and the window to the cursor."""
        self.cursor = max(0, min(self.cursor, self.total - 1))
        self.top = max(0, min(self.top, self.total - self.page_size))
        if self.cursor < self.top:
            self.top = self.cursor
        elif self.cursor >= self.top + self.page_size:
            self.top = self.cursor - self.page_size + 1

    def move(self, by: int) -> None:
        """Move the cursor by so many lines."""
        self.cursor += by
        self.settle()
        self.moved()
        self.renew()

    def page(self, by: int) -> None:
        """Move the cursor by so many pages."""
        self.move(by * max(1, self.page_size - 1))

    def moved(self) -> None:
        """Called when the cursor was moved by hand."""

    def activate(self, active: bool) -> None:
        """Give the keys to this list, or take them away."""
        self.active = active
        self.renew()
