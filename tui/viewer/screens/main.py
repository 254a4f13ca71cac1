"""The main screen: status, services, destinations, alerts. Owns what the person has chosen: filter, order, freeze."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.events import Key, Resize
from textual.message import Message

from tui.history.rows import DestinationRow
from tui.model.filter import Filter
from tui.viewer import ViewerOptions
from tui.viewer.addresses import AddressBook, Places, read_places
from tui.viewer.concerns import burst_filter, is_burst, rows_of
from tui.viewer.dossier import Dossier, gather, unseen_row
from tui.viewer.feed import Clock
from tui.viewer.keys import Scope, bindings
from tui.viewer.picture import Picture, changes_since, resorted, view_of
from tui.viewer.screens.detail import Detail
from tui.viewer.screens.listing import Listing
from tui.viewer.services import service_lines
from tui.viewer.snapshot import Snapshot
from tui.viewer.theme import Look
from tui.viewer.view import View
from tui.viewer.widgets.alerts import REVIEW_FILTER, Alerts, folded
from tui.viewer.widgets.change import LastChange
from tui.viewer.widgets.destinations import Destinations
from tui.viewer.widgets.filter_bar import FilterBar
from tui.viewer.widgets.footer import Footer
from tui.viewer.widgets.services import Services
from tui.viewer.widgets.status import Status

GREETING_TICKS = 8
"""For so many seconds the greeting stands in the place of the keys."""
FROZEN_TICKS = 5
"""While frozen, the count of changes is brought up to date every so many seconds."""


class Main(Listing):
    """What the operator looks at."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Scope.MAIN), *bindings(Scope.TABLE)]

    class Gathered(Message):
        """The history has answered what is known of a destination."""

        def __init__(self, dossier: Dossier) -> None:
            super().__init__()
            self.dossier = dossier

    class Located(Message):
        """The history has answered where the destinations of rows are; None if it could not."""

        def __init__(self, rows: tuple[DestinationRow, ...], found: Places | None) -> None:
            super().__init__()
            self.rows = rows
            self.found = found

    def __init__(
        self,
        options: ViewerOptions,
        look: Look,
        clock: Clock,
        ask: Callable[[Filter], None],
        greeting: str | None = None,
    ) -> None:
        super().__init__()
        self.options = options
        self.look = look
        self.clock = clock
        self._ask = ask
        self._filter, self._filter_text = Filter(), ""
        self._addresses = AddressBook()
        self._locating = False
        self._latest: Snapshot | None = None
        self._frozen_ticks = 0
        self._greeting = greeting
        self._greeted = 0
        self._status, self._services, self._filter_bar = Status(look), Services(look), FilterBar(look)
        self._table, self._alerts, self._change = Destinations(look), Alerts(look), LastChange(look)
        self._footer = Footer(look, Scope.TABLE, Scope.MAIN, Scope.APP)
        self.picture: Picture | None = None

    def on_mount(self) -> None:
        if self._greeting:
            self.say(self._greeting)

    def compose(self) -> ComposeResult:
        yield self._status
        yield self._services
        yield self._table
        yield self._alerts
        yield self._change
        yield self._filter_bar
        yield self._footer

    def arrived(self, snapshot: Snapshot) -> None:
        """Take a newer snapshot; a frozen picture stands."""
        self._latest = snapshot
        if self.picture is None or not self.picture.frozen or self._filter_moved():
            self._draw(snapshot)

    def tick(self) -> None:
        """A second has passed."""
        self._greeted += 1
        if self._greeting and (self._greeted >= GREETING_TICKS or (self._latest and not self._latest.live)):
            self._greeting = None
            self._footer.hush()
        if self.picture is None or self._latest is None:
            return
        if not self.picture.frozen:
            self._show(replace(self.picture, now_us=self.clock()))
            return
        self._frozen_ticks = (self._frozen_ticks + 1) % FROZEN_TICKS
        if self._frozen_ticks == 0:
            self._show(replace(self.picture, changes=changes_since(self.picture.snapshot, self._latest)))

    def say(self, text: str, style: str = "strong") -> None:
        """A sentence in the last line, until the next key."""
        self._footer.say(text, style)

    def _filter_moved(self) -> bool:
        return self.picture is None or self.picture.filter != self._filter

    def _draw(self, snapshot: Snapshot) -> None:
        before = self.picture
        restart = before is None or before.filter != snapshot.filter
        view = view_of(snapshot, before.view if before else View(), restart=restart)
        frozen = before is not None and before.frozen
        now_us = before.now_us if before is not None and frozen else self.clock()
        text = self._filter_text if snapshot.filter == self._filter else (before.filter_text if before else "")
        if before is not None and _history_id(before.snapshot) != _history_id(snapshot):
            self._addresses = AddressBook()
        places = self._addresses.known if before is not None and before.places is not None else None
        self._show(Picture(snapshot, now_us, snapshot.filter, text, view, frozen, places=places))

    def _show(self, picture: Picture) -> None:
        self.picture = picture
        self._share_height()
        self._status.show(picture)
        shown_at = replace(picture.snapshot, at_us=picture.now_us)
        lines = service_lines(shown_at, self.options.catalogue, self.look.glyphs)
        self._services.show(lines)
        self._table.show(picture)
        self._alerts.show(picture)
        self._change.show(picture, self.size.height)
        self._locate()

    def _locate(self) -> None:
        """Ask for the addresses of the rows on the screen, in a thread, as long as addresses are shown."""
        picture = self.picture
        if picture is None or picture.places is None or self._locating:
            return
        rows = self._addresses.missing((*self._table.on_screen, *self._alerts.on_screen))
        if not rows:
            return
        self._locating = True
        history, until_us = self.options.history, picture.now_us

        def ask() -> None:
            self.post_message(self.Located(rows, read_places(history, rows, until_us)))

        self.run_worker(ask, thread=True, group="addresses")

    def on_main_located(self, event: Located) -> None:
        self._locating = False
        if event.found is None:
            return
        self._addresses = self._addresses.having(event.rows, event.found)
        if self.picture is not None and self.picture.places is not None:
            self._show(replace(self.picture, places=self._addresses.known))

    def on_resize(self, event: Resize) -> None:
        self._share_height()
        if self.picture is not None:
            self._change.show(self.picture, self.size.height)
            self._locate()

    def _share_height(self) -> None:
        """Give services and alerts the lines they need, and the table what is left."""
        if self.picture is None or not self.size:
            return
        height = self.size.height
        services = service_lines(self.picture.snapshot, self.options.catalogue, self.look.glyphs)
        loud, waiting = folded(self.picture.snapshot.alerts)
        alerts = 1 + max(1, min(len(loud) + bool(waiting), max(3, height // 6)))
        for widget, lines in ((self._services, len(services)), (self._alerts, alerts)):
            if widget.styles.height is None or widget.styles.height.value != lines:
                widget.styles.height = lines

    @property
    def row(self) -> DestinationRow | None:
        """The row under the cursor."""
        return self._table.row

    def on_key(self, event: Key) -> None:
        self._footer.hush()

    def action_freeze(self) -> None:
        """Let the picture stand, or return to what is now."""
        if self.picture is None or self._latest is None:
            return
        if self.picture.frozen:
            self.picture = replace(self.picture, frozen=False, changes=0)
            self._draw(self._latest)
        else:
            self._frozen_ticks = 0
            self._show(replace(self.picture, frozen=True, now_us=self.clock()))

    def action_addresses(self) -> None:
        """Show addresses in the place of names, or names again."""
        if self.picture is not None:
            shown = self.picture.places is not None
            self._show(replace(self.picture, places=None if shown else self._addresses.known))

    def action_move(self, by: int) -> None:
        super().action_move(by)
        self._locate()

    def action_page(self, by: int) -> None:
        super().action_page(by)
        self._locate()

    def action_sort(self) -> None:
        """Order by the next column."""
        if self.picture is not None:
            self._show(replace(self.picture, view=resorted(self.picture, self.picture.view.sort.next())))

    def action_other_list(self) -> None:
        """Move between the two lists."""
        self._activate(not self._alerts.active)

    def _activate(self, alerts: bool) -> None:
        self._alerts.activate(alerts)
        self._table.activate(not alerts)

    def action_filter(self) -> None:
        """Open the filter bar."""
        self._footer.display = False
        self._filter_bar.open(self._filter_text)

    def action_back(self) -> None:
        """Take the filter off."""
        if self._filter.terms:
            self._use(Filter(), "")

    def on_filter_bar_applied(self, event: FilterBar.Applied) -> None:
        self._use(event.filter, event.text)
        self._leave_filter_bar()

    def on_filter_bar_closed(self) -> None:
        self._leave_filter_bar()

    def _leave_filter_bar(self) -> None:
        self.set_focus(None)
        self._footer.display = True
        self._activate(False)

    def _use(self, filter: Filter, text: str) -> None:
        self._filter, self._filter_text = filter, text
        self._ask(filter)

    def action_allow(self) -> None:
        """Ask for what a rule needs."""
        from tui.viewer.screens.allow import open_allow

        if self.row is not None and self.picture is not None:
            open_allow(self, self.row, self.picture.snapshot.candidates.get(self.row.destination_id, ()), self.say)

    def action_open(self) -> None:
        """Show all that is known of what is under the cursor."""
        alerts = self._alerts
        if not alerts.active:
            self._open(self.row)
        elif alerts.alert is None:
            if alerts.total:
                self._filter_by(REVIEW_FILTER)
        elif is_burst(alerts.alert):
            self._filter_by(burst_filter(alerts.alert))
        elif self.picture is not None:
            alert, snapshot = alerts.alert, self.picture.snapshot
            rows = rows_of(alert, snapshot.everything, snapshot.candidates)
            row = rows[0] if rows else unseen_row(alert, self.options.catalogue)
            if row is None:
                self.say(f"#{alert.id}: {alert.summary}")
            self._open(row)

    def _filter_by(self, text: str) -> None:
        self._use(Filter.parse(text), text)
        self._activate(False)

    def _open(self, row: DestinationRow | None) -> None:
        if row is None or self.picture is None:
            return
        self._table.select(row.key)
        options, now_us = self.options, self.picture.now_us

        def ask() -> None:
            self.post_message(self.Gathered(gather(options.history, row, options.catalogue, options.policy, now_us)))

        self.run_worker(ask, thread=True, exclusive=True)

    def on_main_gathered(self, event: Gathered) -> None:
        if self.picture is not None and self.is_current:
            self.app.push_screen(Detail(self.options, self.look, event.dossier, self.picture))


def _history_id(snapshot: Snapshot) -> str | None:
    return snapshot.recording.history_id if snapshot.recording else None
