"""The table of destinations: the Line API, repainting only the cells that changed; rows stay where they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.style import Style
from rich.text import Text

from tui.history.rows import DestinationRow
from tui.model.address import UNKNOWN
from tui.model.connection import Verdict
from tui.output.route import NOT_LOGGED, tunnel_words
from tui.viewer.addresses import row_words
from tui.viewer.picture import Picture
from tui.viewer.seen import outsiders
from tui.viewer.theme import Look
from tui.viewer.view import RowKey, Sort, asked_for, failing
from tui.viewer.widgets.lines import styled
from tui.viewer.widgets.list import CursorList
from tui.viewer.words import STATE_WIDTH, count, fit, fit_middle, plural, size, verdict_words, when

BY_ADDRESS = "ADDRESS (d: names)"
"""The head of the first column while addresses stand in the place of names."""
WIDEST = 80
"""Cells of the first column: more would tear the lines apart on a wide screen."""

_NAMELESS = ("no name",)
_TUNNELS = ("open through the proxy", "through proxy", "open tunnel", "tunnel")
"""What is said behind an address, in fewer and fewer words."""


@dataclass(frozen=True, slots=True)
class Columns:
    """How wide each column is; 0 where there is no room for it."""

    destination: int
    role: int
    category: int
    received: int
    connections: bool

    @classmethod
    def of(cls, width: int) -> Columns:
        """The columns of a width: category from 100 on, bytes received from 120 on."""
        category = 17 if width >= 100 else 0
        received = 8 if width >= 120 else 0
        connections = width >= 70
        fixed = (
            2
            + STATE_WIDTH
            + 1
            + (6 if connections else 0)
            + 9
            + 6
            + (category + 1 if category else 0)
            + (received + 1 if received else 0)
        )
        role = 16 if width >= 78 else 11 if width >= 70 else 9
        if width >= 160:
            role, category, fixed = 26, 28, fixed + 11
        return cls(min(WIDEST, max(12, width - fixed - role - 1)), role, category, received, connections)


class Destinations(CursorList):
    """Destinations of the last day, one line for each role that uses them."""

    DEFAULT_CSS = "Destinations { height: 1fr; min-height: 4; }"
    HEADER = 2

    def __init__(self, look: Look) -> None:
        super().__init__(id="destinations")
        self._look = look
        self._picture: Picture | None = None
        self._key: RowKey | None = None
        self._loud: frozenset[RowKey] = frozenset()
        self._false: frozenset[RowKey] = frozenset()
        self._unresolved: frozenset[RowKey] = frozenset()
        self._direct: frozenset[RowKey] = frozenset()

    @property
    def total(self) -> int:
        return len(self._picture.rows) if self._picture else 0

    @property
    def row(self) -> DestinationRow | None:
        """The row under the cursor."""
        return self._picture.rows[self.cursor] if self._picture and self.cursor < self.total else None

    def show(self, picture: Picture) -> None:
        """Show this picture's rows; the cursor stays on its row, and the row where it stands."""
        self._picture = picture
        place = picture.view.place(self._key)
        if place is not None:
            self.top += place - self.cursor
            self.cursor = place
        self.settle()
        self.moved()
        self.renew()

    @property
    def on_screen(self) -> tuple[DestinationRow, ...]:
        """The rows in the window."""
        return self._picture.rows[self.top : self.top + self.page_size] if self._picture else ()

    def select(self, key: RowKey) -> None:
        """Put the cursor on a row, if it is there."""
        place = self._picture.view.place(key) if self._picture else None
        if place is not None:
            self.cursor = place
            self.move(0)

    def moved(self) -> None:
        row = self.row
        self._key = row.key if row else None

    def build(self, width: int, height: int) -> Sequence[Text]:
        picture = self._picture
        if picture is None:
            return []
        self.settle()
        columns = Columns.of(width)
        self._loud, self._false, self._unresolved = picture.loud, picture.false, picture.unresolved
        self._direct = picture.direct
        lines = [self._title(picture, width), self._head(picture, columns, width)]
        lines += [self._row(picture, place, row, columns, width) for place, row in enumerate(self.on_screen, self.top)]
        return lines if picture.rows else [*lines, *self._empty(picture, width)]

    def _title(self, picture: Picture, width: int) -> Text:
        look = self._look
        every = len(picture.snapshot.matching)
        hidden = every - self.total
        parts = [f"{self.total} in 24 h", f"sorted by {picture.view.sort}"]
        if picture.filter.terms:
            parts[0] = f"{self.total} of {len(picture.snapshot.everything)} in 24 h"
            parts.insert(1, f"filter {picture.filter_text}")
        elif hidden:
            parts[0] += f" ({hidden} not judged)"
        if picture.view.new:
            parts.append(f"{look.glyphs.new}{len(picture.view.new)} new at the end, s sorts")
        line = styled(" DESTINATIONS", look.style("title"))
        where = f" {self.top + 1}-{min(self.total, self.top + self.page_size)} " if self.total > self.page_size else " "
        room = max(0, width - line.cell_len - 2 - len(where))
        style = look.style("review" if picture.filter.terms else "quiet")
        line.append("  " + fit(", ".join(parts), room, look.glyphs), style)
        line.append(where, look.style("quiet"))
        return line

    def _head(self, picture: Picture, columns: Columns, width: int) -> Text:
        down, sort = self._look.glyphs.down, picture.view.sort
        what = "DESTINATION" if picture.places is None else BY_ADDRESS

        def name(text: str, by: Sort) -> str:
            return f"{text}{down}" if sort is by else text

        cells = [" " + fit(name(what, Sort.NAME), columns.destination), fit("ROLE", columns.role)]
        if columns.category:
            cells.append(fit("CATEGORY", columns.category))
        cells.append(fit(name("STATE", Sort.ATTENTION), STATE_WIDTH))
        if columns.connections:
            cells.append(f"{name('CONN', Sort.CONNECTIONS):>5}")
        cells.append(f"{name('SENT', Sort.BYTES):>8}")
        if columns.received:
            cells.append(f"{'RECEIVED':>8}")
        cells.append(name("LAST", Sort.LAST_SEEN))
        return styled(fit(" ".join(cells), width, self._look.glyphs), self._look.style("bar"))

    def _row(self, picture: Picture, place: int, row: DestinationRow, columns: Columns, width: int) -> Text:
        look, glyphs = self._look, self._look.glyphs
        at_cursor = place == self.cursor
        new = row.key in picture.view.new
        gutter = glyphs.cursor if at_cursor else glyphs.new if new else " "
        line = styled(gutter, look.style("strong" if at_cursor or new else "text"))
        text = look.style("text")
        line.append(self._destination(picture, row, columns.destination) + " ", text)
        outside = row.verdict is Verdict.NOT_JUDGED
        who = row.role or (outsiders(picture.snapshot) if outside else "no role")
        line.append(fit(who, columns.role, glyphs) + " ", text if row.role else look.style("quiet"))
        if columns.category:
            line.append(fit(row.category, columns.category, glyphs) + " ", look.style("quiet"))
        failures = row.failures if failing(row) else None
        style, words = verdict_words(
            row.verdict, failures=failures, loud=row.key in self._loud, false=row.key in self._false,
            unresolved=row.key in self._unresolved, direct=row.key in self._direct, glyphs=glyphs,
        )  # fmt: skip
        line.append(fit(words, STATE_WIDTH, glyphs) + " ", look.style(style))
        numbers = f"{count(row.connections):>5} " if columns.connections else ""
        numbers += f"{size(row.bytes_sent, glyphs):>8}"
        if columns.received:
            numbers += f" {size(row.bytes_received, glyphs):>8}"
        line.append(f"{numbers} {when(row.last_us, picture.now_us):<6}", text)
        line.truncate(width)
        line.append(" " * (width - line.cell_len), text)
        if at_cursor:
            line.stylize_before(self._cursor_style())
        return line

    def _cursor_style(self) -> Style:
        return self._look.style("cursor" if self.active else "cursor-far")

    def _destination(self, picture: Picture, row: DestinationRow, width: int) -> str:
        glyphs = self._look.glyphs
        if picture.places is not None:
            return fit(row_words(row, picture.places, width, glyphs), width, glyphs)
        is_tunnel = row.key[:2] in picture.snapshot.tunnels
        if row.named and not is_tunnel:
            return fit_middle(row.name, row.port, width, glyphs)
        names = picture.snapshot.candidates.get(row.destination_id, ())
        if names and not is_tunnel:
            return fit_middle(" or ".join(_short_names(names)), row.port, width, glyphs)
        if row.name == UNKNOWN:
            return fit(NOT_LOGGED, width, glyphs)
        bare = fit_middle(row.name, row.port, min(width, len(row.name) + 8), glyphs).rstrip()
        notes = (tunnel_words(logs=bool(picture.snapshot.logs)), *_TUNNELS) if is_tunnel else _NAMELESS
        note = next((note for note in notes if len(bare) + len(note) + 3 <= width), None)
        return fit(bare if note is None else f"{bare} ({note})", width, glyphs)

    def _empty(self, picture: Picture, width: int) -> Sequence[Text]:
        if picture.filter.terms:
            told = "Nothing fits this filter. Esc takes it off."
            hidden = picture.snapshot.matching
            if hidden:
                words = ",".join(sorted({row.verdict.value for row in hidden} - asked_for(picture.filter)))
                them = "it" if len(hidden) == 1 else "them"
                told = f"Only what is not judged fits: {plural(len(hidden), 'row')}. To see {them} add verdict:{words}"
        elif picture.snapshot.trouble or not picture.snapshot.live:
            told = "Nothing is shown; that does not mean that nothing was sent: see the lines on top."
        else:
            told = "No connection was seen in the last 24 h; the lines on top say what can be seen."
        return [styled(fit(f"  {told}", width, self._look.glyphs), self._look.style("quiet"))]


def _short_names(names: Sequence[str]) -> list[str]:
    """First labels where all else is the same, `licensing or p`; the whole names otherwise."""
    rests = {name.partition(".")[2] for name in names}
    return [name.partition(".")[0] for name in names] if len(rests) == 1 else list(names)
