"""The status: two lines that say whether what stands below can be believed."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text

from tui.viewer.picture import Picture
from tui.viewer.status_words import Part, alert_counts, coverage, moment, recorder
from tui.viewer.theme import Look
from tui.viewer.widgets.lines import Lines
from tui.viewer.words import fit

ROOM_MIN = 8
"""Fewer cells than this tell nothing."""


class Status(Lines):
    """Host, recorder, mode and time; what is seen; open alerts."""

    DEFAULT_CSS = "Status { height: 2; background: $panel; }"

    def __init__(self, look: Look) -> None:
        super().__init__(id="status")
        self._look = look
        self._picture: Picture | None = None

    def show(self, picture: Picture) -> None:
        """Show this picture's state."""
        self._picture = picture
        self.renew()

    def build(self, width: int, height: int) -> Sequence[Text]:
        picture = self._picture
        if picture is None:
            return [Text(" reading the history")]
        glyphs = self._look.glyphs
        gap = ("quiet", f" {glyphs.separator} ")
        node, whos = recorder(picture.snapshot, picture.now_us)
        counts: list[Part] = []
        for part in alert_counts(picture.snapshot.alerts, short=True):
            counts += [part] if not counts else [gap, part]
        room = width - cell_len(moment(picture)[1]) - 7
        full = cell_len(node[1])
        who = next((said for said in whos if cell_len(said[1]) + full <= room), whos[-1])
        room -= cell_len(who[1])
        short = (node[0], node[1] if cell_len(node[1]) <= room else fit(node[1], max(room, 6), glyphs).rstrip())
        left = width - sum(cell_len(text) for _, text in counts) - 3
        return [
            self._line([short, gap, who], [moment(picture)], width),
            self._line(coverage(picture.snapshot, picture.now_us, left, glyphs), counts, width),
        ]

    def _line(self, left: Sequence[Part], right: Sequence[Part], width: int) -> Text:
        """Both sides on one line; the right one is never cut by the left."""
        tail = Text(" ")
        for style, text in right:
            tail.append(fit(text, cell_len(text), self._look.glyphs), self._look.style(style))
        tail.append(" ")
        line = Text(" ")
        room = max(0, width - cell_len(tail.plain) - 1)
        for style, text in left:
            if room < ROOM_MIN and cell_len(text) > room:
                break
            shown = fit(text, min(cell_len(text), room), self._look.glyphs)
            line.append(shown, self._look.style(style))
            room -= cell_len(shown)
        if line.plain.endswith(f" {self._look.glyphs.separator} "):
            line.right_crop(3)
            room += 3
        line.append(" " * room)
        line.append_text(tail)
        return line
