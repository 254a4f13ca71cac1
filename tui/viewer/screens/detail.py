"""All that is known of one destination, on a page that scrolls. Asks the history in a thread of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.events import Key
from textual.message import Message

from tui.viewer import ViewerOptions
from tui.viewer.dossier import Dossier, gather
from tui.viewer.dossier_text import lines, title_of
from tui.viewer.keys import Scope, bindings
from tui.viewer.picture import Picture
from tui.viewer.screens.listing import Listing
from tui.viewer.theme import Look
from tui.viewer.widgets.bar import Bar
from tui.viewer.widgets.footer import Footer
from tui.viewer.widgets.pager import Pager


class Detail(Listing):
    """One destination as one role uses it."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Scope.DETAIL), *bindings(Scope.TABLE)]

    class Gathered(Message):
        """The history has answered."""

        def __init__(self, dossier: Dossier) -> None:
            super().__init__()
            self.dossier = dossier

    class AddressesAsked(Message):
        """Addresses are to stand in the place of names, or names again, here and on the main screen."""

    def __init__(self, options: ViewerOptions, look: Look, dossier: Dossier, picture: Picture) -> None:
        super().__init__()
        self._options = options
        self._look = look
        self._row = dossier.row
        self._picture = picture
        self._dossier = dossier

    def compose(self) -> ComposeResult:
        yield Bar(self._look, *self._head())
        yield Pager()
        yield Footer(self._look, Scope.DETAIL, Scope.APP)

    def on_mount(self) -> None:
        self.query_one(Pager).show(self._write)

    def follow(self, picture: Picture) -> None:
        """Take a newer picture; ask again only if this row has changed."""
        turned = (picture.places is None) != (self._picture.places is None)
        self._picture = picture
        if turned:
            self._show()
        latest = picture.row(self._row.key)
        if latest is not None and latest != self._row:
            self._row = latest
            self._ask()

    def _ask(self) -> None:
        self.run_worker(self._gather, thread=True, exclusive=True)

    def _gather(self) -> None:
        found = gather(
            self._options.history, self._row, self._options.catalogue, self._options.policy, self._picture.now_us
        )
        self.post_message(self.Gathered(found))

    def on_detail_gathered(self, event: Gathered) -> None:
        self._dossier = event.dossier
        self._show()

    def _show(self) -> None:
        self.query_one(Bar).show(*self._head())
        self.query_one(Pager).show(self._write)

    def _head(self) -> tuple[str, str]:
        """The title, and what is not as usual."""
        by_address = self._picture.places is not None
        states = (("by address", by_address), ("frozen", self._picture.frozen))
        return title_of(self._dossier, by_address=by_address), ", ".join(word for word, holds in states if holds)

    def _write(self, width: int) -> Sequence[Text]:
        row, picture = self._dossier.row, self._picture
        return lines(self._dossier, self._look, width, picture.now_us, loud=row.key in picture.loud)

    def action_addresses(self) -> None:
        """Show addresses in the place of names, or names again."""
        self.post_message(self.AddressesAsked())

    def on_key(self, event: Key) -> None:
        self.query_one(Footer).hush()

    def action_back(self) -> None:
        """Back to the same row."""
        self.dismiss()

    def action_allow(self) -> None:
        """Ask for what a rule needs."""
        from tui.viewer.screens.allow import open_allow

        candidates = self._picture.snapshot.candidates.get(self._row.destination_id, ())
        open_allow(self, self._row, candidates, self.query_one(Footer).say)
