"""Where a filter is typed; a fault is shown below the place where it is."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Static

from tui.model.filter import Filter, FilterError
from tui.model.text import clean
from tui.viewer.theme import Look
from tui.viewer.widgets.lines import Lines, styled
from tui.viewer.words import fit

LABEL = " filter "
HINT = "Enter applies, Esc leaves it. host:openai category:ai role:api -port:443"


class Fault(Lines):
    """What is wrong with a filter, with a mark under the column; otherwise an example."""

    DEFAULT_CSS = "Fault { height: 3; }"

    def __init__(self, look: Look) -> None:
        super().__init__(id="fault")
        self._look = look
        self._error: FilterError | None = None

    def show(self, error: FilterError | None) -> None:
        """Show this error."""
        self._error = error
        self.renew()

    def build(self, width: int, height: int) -> Sequence[Text]:
        glyphs, error = self._look.glyphs, self._error
        if error is None:
            return [Text(""), styled(fit(f" {HINT}", width, glyphs), self._look.style("quiet"))]
        place = min(len(LABEL) + error.column - 1, width - 2)
        mark = " " * place + "^"
        told = textwrap.wrap(clean(f"column {error.column}: {error.message}", 600), max(20, width - 2))[:2]
        lines = [styled(fit(f" {line}", width, glyphs), self._look.style("alarm")) for line in told]
        return [styled(mark, self._look.style("alarm")), *lines]


class FilterBar(Vertical):
    """An input line and the fault below it; closed until it is called for."""

    DEFAULT_CSS = """
    FilterBar { height: 4; display: none; }
    FilterBar.open { display: block; }
    FilterBar Horizontal { height: 1; }
    FilterBar Static { width: auto; color: $accent; text-style: bold; }
    FilterBar Input { width: 1fr; padding: 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", show=False)]

    class Applied(Message):
        """A filter was entered that can be read."""

        def __init__(self, filter: Filter, text: str) -> None:
            super().__init__()
            self.filter = filter
            self.text = text

    class Closed(Message):
        """The bar was left without a new filter."""

    def __init__(self, look: Look) -> None:
        super().__init__(id="filter-bar")
        self._look = look

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Static(LABEL, markup=False)
            yield Input(compact=True, id="filter", select_on_focus=False)
        yield Fault(self._look)

    def open(self, text: str) -> None:
        """Show the bar with a filter to begin from."""
        self.add_class("open")
        field = self.query_one(Input)
        field.value = text
        field.cursor_position = len(text)
        self.query_one(Fault).show(None)
        field.focus()

    def close(self) -> None:
        """Hide the bar."""
        self.remove_class("open")

    def action_close(self) -> None:
        """Leave the filter as it was."""
        self.close()
        self.post_message(self.Closed())

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.query_one(Fault).show(None)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        try:
            filter = Filter.parse(event.value)
        except FilterError as error:
            self.query_one(Fault).show(error)
            self.query_one(Input).cursor_position = error.column - 1
            return
        self.close()
        self.post_message(self.Applied(filter, event.value.strip()))
