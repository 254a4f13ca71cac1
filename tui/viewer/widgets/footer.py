"""The last line: the keys that work here, or for a while what was just done."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from tui.viewer.keys import Scope, footer
from tui.viewer.theme import Look
from tui.viewer.widgets.lines import Lines, styled
from tui.viewer.words import fit

_ALWAYS = ("?", "q")


def fitting(words: Sequence[tuple[str, str]], width: int) -> list[tuple[str, str]]:
    """As many keys as there is room for; help and quit stay, the last of the others go first."""
    kept = list(words)
    while _width(kept) > width:
        spare = [pair for pair in kept if pair[0] not in _ALWAYS]
        if not spare:
            break
        kept.remove(spare[-1])
    return kept


def _width(words: Sequence[tuple[str, str]]) -> int:
    return sum(len(key) + len(word) + 3 for key, word in words) - 1


class Footer(Lines):
    """Keys, or a message until the next one."""

    DEFAULT_CSS = "Footer { height: 1; background: $panel; }"

    def __init__(self, look: Look, *scopes: Scope) -> None:
        super().__init__(id="footer")
        self._look = look
        self._words = footer(*scopes)
        self._message: tuple[str, str] | None = None

    def say(self, text: str, style: str = "strong") -> None:
        """Show a sentence in the place of the keys."""
        self._message = (text, style)
        self.renew()

    def hush(self) -> None:
        """Show the keys again."""
        if self._message is not None:
            self._message = None
            self.renew()

    def build(self, width: int, height: int) -> Sequence[Text]:
        if self._message is not None:
            text, style = self._message
            return [styled(fit(f" {text}", width, self._look.glyphs), self._look.style(style))]
        line = Text(" ")
        for key, word in fitting(self._words, width):
            line.append(key, self._look.style("key"))
            line.append(f" {word}  ", self._look.style("bar"))
        line.truncate(width)
        return [line]
