"""The panel of services: one line each, with its state in words."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text

from tui.viewer.services import ServiceLine
from tui.viewer.theme import Look
from tui.viewer.widgets.lines import Lines, styled
from tui.viewer.words import fit, spark

NAME_WIDTH = 15
STATE_WIDTH = 13
WIDE = 100


class Services(Lines):
    """A line for each service category."""

    DEFAULT_CSS = "Services { height: 4; }"

    def __init__(self, look: Look) -> None:
        super().__init__(id="services")
        self._look = look
        self._services: Sequence[ServiceLine] = ()

    def show(self, services: Sequence[ServiceLine]) -> None:
        """Show these services."""
        self._services = services
        self.renew()

    def build(self, width: int, height: int) -> Sequence[Text]:
        return [self._line(service, width) for service in self._services[:height]]

    def _line(self, service: ServiceLine, width: int) -> Text:
        look, glyphs = self._look, self._look.glyphs
        line = Text(" ")
        line.append(fit(service.name, NAME_WIDTH, glyphs) + " ", look.style("strong"))
        line.append(fit(service.state, STATE_WIDTH, glyphs) + " ", look.style(service.style))
        tail = self._tail(service) if width >= WIDE else Text("")
        room = width - line.cell_len - tail.cell_len - 1
        detail = next((d for d in service.details if cell_len(d) <= room), service.details[-1])
        line.append(fit(detail, room, glyphs), look.style("text"))
        line.append_text(tail)
        line.append(" ")
        return line

    def _tail(self, service: ServiceLine) -> Text:
        tail = styled(" 1 h ", self._look.style("quiet"))
        tail.append(spark(service.spark, self._look.glyphs), self._look.style("title"))
        return tail
