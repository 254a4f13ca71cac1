"""The real app on a real terminal, driven by its keyboard: run by test_terminal_bytes.py in a pty.

After each key, and once at the start, a mark goes out behind everything that the key painted. Ctrl+T is one second.
"""

import os
import sys
from pathlib import Path

from rich.console import RenderableType
from textual import events
from textual.screen import Screen

from tests.viewer.scene import NOW_US, Clock, StepFeed, options
from tui.model.times import SECOND_US
from tui.viewer.app import ViewerApp
from tui.viewer.terminal import prepare

MARK = "\x1b]777;painted\x07"
FRAME_S = 1 / 15
QUIET_FRAMES = 3
"""So many frames without a paint, and everything that a key caused is out."""


class Measured(ViewerApp):
    """Says when it has painted; its seconds come from the keyboard."""

    hand: Clock
    _quiet_frames = 0
    _settling = False

    def on_ready(self) -> None:
        self._settle()

    async def on_event(self, event: events.Event) -> None:
        await super().on_event(event)
        if isinstance(event, events.Key):
            if event.key == "ctrl+t":
                self.hand.now_us += SECOND_US
                self.main.tick()
            self._settle()

    def _tick(self) -> None:
        """No second passes by itself."""

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        self._quiet_frames = 0
        super()._display(screen, renderable)

    def _settle(self) -> None:
        self._quiet_frames = 0
        if not self._settling:
            self._settling = True
            self.set_timer(FRAME_S, self._frame)

    def _frame(self) -> None:
        self._quiet_frames += 1
        if self._quiet_frames < QUIET_FRAMES:
            self.set_timer(FRAME_S, self._frame)
        elif self._settling and self._driver is not None:
            self._settling = False
            self._driver.write(MARK)
            self._driver.flush()


def main() -> None:
    """Show the history that is named."""
    path = Path(sys.argv[1])
    clock = Clock(NOW_US)
    feed = StepFeed(path, clock)
    app = Measured(options(path, path.with_name("config.toml")), prepare(os.environ), feed, clock, "ana")
    app.hand = clock
    app.run(mouse=False)


if __name__ == "__main__":
    main()
