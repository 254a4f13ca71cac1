"""Lines of styled text that send to the terminal only the cells that have changed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.events import Resize
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

_NOTHING = Text("")


class Lines(Widget):
    """A widget of whole lines. A subclass builds them for its size in ``build``; nobody else hands it text."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: Sequence[Text] = ()

    def build(self, width: int, height: int) -> Sequence[Text]:
        """The lines as they are to be now, each no wider than ``width``."""
        raise NotImplementedError

    def renew(self) -> None:
        """Build the lines again and repaint the cells in which they differ."""
        if not self.is_mounted or not self.size:
            return
        before, self._lines = self._lines, self.build(self.size.width, self.size.height)
        for y, (old, new) in enumerate(zip_longest(before, self._lines, fillvalue=_NOTHING)):
            changed = difference(old, new, self.size.width)
            if changed is not None:
                self.refresh(Region(changed[0], y, changed[1] - changed[0], 1))

    def on_resize(self, event: Resize) -> None:
        self.renew()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        base = self.visual_style.rich_style
        width = self.size.width
        if y >= len(self._lines):
            return Strip.blank(width, base)
        strip = Strip(_segments(self._lines[y], self.app.console))
        return strip.apply_style(base).adjust_cell_length(width, base).simplify()

    @property
    def texts(self) -> list[str]:
        """The lines without their styles, for tests."""
        return [line.plain for line in self._lines]


def difference(old: Text, new: Text, width: int) -> tuple[int, int] | None:
    """The cells from and to which two lines differ, None if they do not."""
    if old == new and old.style == new.style:
        return None
    same_styles = old.spans == new.spans and old.style == new.style
    if not same_styles or cell_len(old.plain) != cell_len(new.plain) or len(old.plain) != len(new.plain):
        return (0, width)
    places = [i for i, (a, b) in enumerate(zip(old.plain, new.plain, strict=True)) if a != b]
    start, end = cell_len(new.plain[: places[0]]), cell_len(new.plain[: places[-1] + 1])
    if cell_len(old.plain[: places[0]]) != start or cell_len(old.plain[: places[-1] + 1]) != end:
        return (0, width)
    return (start, max(end, start + 1))


def styled(text: str, style: Style) -> Text:
    """The text in a style that what is appended to it does not take over."""
    return Text().append(text, style)


def _segments(text: Text, console: Console) -> list[Segment]:
    return [segment for segment in text.render(console, end="") if segment.text]
