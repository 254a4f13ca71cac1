"""The Textual application: takes snapshots from the feed and hands them to the screens. Captures nothing."""

from __future__ import annotations

from typing import ClassVar

from textual.app import App
from textual.binding import BindingType
from textual.message import Message

from tui.viewer import ViewerOptions
from tui.viewer.feed import Clock, Feed
from tui.viewer.keys import Scope, bindings
from tui.viewer.log_words import log_sentences
from tui.viewer.screens.detail import Detail
from tui.viewer.screens.help import Help
from tui.viewer.screens.main import Main
from tui.viewer.sight_words import sight_sentence
from tui.viewer.terminal import end_if_lost, leave_on_signals
from tui.viewer.theme import THEME, Look

TICK_S = 1.0


class ViewerApp(App[None]):
    """One sitting at one terminal."""

    TITLE = "retool-egress"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = list(bindings(Scope.APP))

    class Arrived(Message):
        """The feed has a snapshot to take."""

    def __init__(
        self,
        options: ViewerOptions,
        look: Look,
        feed: Feed,
        clock: Clock,
        person: str,
        *,
        real_terminal: bool = False,
    ) -> None:
        """``person`` is who sits here, for the rules that are written; ``real_terminal`` watches for its loss."""
        super().__init__(ansi_color=look.sixteen)
        self.options = options
        self.look = look
        self.clock = clock
        self.person = person
        self.stop_recording = False
        self.greeting: str | None = None
        self._feed = feed
        self._real_terminal = real_terminal
        self.register_theme(THEME)
        self.theme = look.theme

    def get_default_screen(self) -> Main:
        return Main(self.options, self.look, self.clock, self._feed.ask, self.greeting)

    @property
    def main(self) -> Main:
        """The main screen, which is at the bottom of every other."""
        screen = self.screen_stack[0]
        if not isinstance(screen, Main):
            raise TypeError("the first screen is not the main one")
        return screen

    def on_mount(self) -> None:
        if self._real_terminal:
            leave_on_signals(self.exit)
        self._feed.start(self._wake)
        self.set_interval(TICK_S, self._tick)

    def _wake(self) -> None:
        self.post_message(self.Arrived())

    def on_unmount(self) -> None:
        self._feed.stop()

    def on_viewer_app_arrived(self) -> None:
        snapshot = self._feed.take()
        if snapshot is None:
            return
        self.main.arrived(snapshot)
        self._tell_detail()

    def on_detail_addresses_asked(self) -> None:
        self.main.action_addresses()
        self._tell_detail()

    def _tick(self) -> None:
        if self._real_terminal:
            end_if_lost()
        self.main.tick()

    def _tell_detail(self) -> None:
        if isinstance(self.screen, Detail) and self.main.picture is not None:
            self.screen.follow(self.main.picture)

    def action_leave(self) -> None:
        """Leave; recording goes on."""
        self.exit()

    def action_leave_and_stop(self) -> None:
        """Leave, and let the recording be stopped afterwards."""
        self.stop_recording = True
        self.exit()

    def action_help(self) -> None:
        """Show the keys and what the signs mean."""
        if not isinstance(self.screen, Help):
            picture = self.main.picture
            notes = list[str]()
            if picture is not None and picture.snapshot.recording is not None:
                notes += [*picture.snapshot.recording.notes, sight_sentence(picture.snapshot)]
                notes += log_sentences(picture.snapshot, picture.now_us)
            self.push_screen(Help(self.look, self.options.version, tuple(filter(None, notes))))

    def action_help_quit(self) -> None:
        """Textual's own answer to Ctrl+C; ours leaves."""
        self.exit()
