"""The alert panel: what is loud has a line each, what waits for the first review has one together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.text import Text

from tui.history.rows import DestinationRow
from tui.model.alert import Alert, AlertKind, Urgency
from tui.model.connection import Verdict
from tui.model.times import ago
from tui.viewer.alert_words import short_summary, sign
from tui.viewer.concerns import loud_rows, rows_of
from tui.viewer.picture import Picture
from tui.viewer.seen import outsiders
from tui.viewer.snapshot import Snapshot
from tui.viewer.status_words import alert_counts
from tui.viewer.theme import Look
from tui.viewer.widgets.lines import styled
from tui.viewer.widgets.list import CursorList
from tui.viewer.words import fit, plural

REVIEW_FILTER = "verdict:off-allowlist"
_SIGNS = {Urgency.ACT_NOW: "alarm", Urgency.TODAY: "review", Urgency.REVIEW: "review"}


def not_judged(snapshot: Snapshot) -> str:
    """`not judged: 14 host, 5 DNS, 61 internal`: rows that the table does not show. Of Retool's own only what goes to
    the resolver that is set there is not judged."""
    found = Counter((row.verdict, row.role is None) for row in snapshot.everything)
    counts = (
        (found[Verdict.NOT_JUDGED, True], outsiders(snapshot)),
        (found[Verdict.NOT_JUDGED, False], "DNS"),
        (found[Verdict.INTERNAL, True] + found[Verdict.INTERNAL, False], "internal"),
    )
    told = ", ".join(f"{number} {word}" for number, word in counts if number)
    return f"not judged: {told}" if told else ""


def folded(alerts: Sequence[Alert]) -> tuple[tuple[Alert, ...], int]:
    """The alerts that have a line of their own, and how many wait for the review."""
    waiting = [a for a in alerts if a.urgency is Urgency.REVIEW and a.kind is AlertKind.OFF_ALLOWLIST]
    return tuple(alert for alert in alerts if alert not in waiting), len(waiting)


def waiting_rows(snapshot: Snapshot) -> int:
    """How many destinations wait for the review: what is off the list and not loud; Enter shows as many."""
    loud = loud_rows(snapshot.everything, snapshot.alerts)
    return max(1, sum(r.verdict is Verdict.OFF_ALLOWLIST and r.key not in loud for r in snapshot.everything))


class Alerts(CursorList):
    """The open alerts, the most urgent on top."""

    DEFAULT_CSS = "Alerts { height: 4; }"

    def __init__(self, look: Look) -> None:
        super().__init__(id="alerts")
        self._look = look
        self._picture: Picture | None = None
        self.active = False
        self._loud: tuple[Alert, ...] = ()
        self._waiting = 0

    @property
    def total(self) -> int:
        return len(self._loud) + bool(self._waiting)

    @property
    def alert(self) -> Alert | None:
        """The alert under the cursor, None on the line of those that wait."""
        return self._loud[self.cursor] if self.cursor < len(self._loud) else None

    @property
    def on_screen(self) -> tuple[DestinationRow, ...]:
        """The rows that the alerts in the window are about."""
        found = (self._row(alert) for alert in self._loud[self.top : self.top + self.page_size])
        return tuple(row for row in found if row is not None)

    def _row(self, alert: Alert) -> DestinationRow | None:
        if self._picture is None:
            return None
        snapshot = self._picture.snapshot
        return next(iter(rows_of(alert, snapshot.everything, snapshot.candidates)), None)

    def _ip(self, alert: Alert) -> str | None:
        """The latest address of what an alert is about, while addresses stand in the place of names."""
        places = self._picture.places if self._picture else None
        row = self._row(alert) if places else None
        found = places.get((row.destination_id, row.role)) if places and row else None
        return found[0].ip if found and found[0].via is None else None

    def show(self, picture: Picture) -> None:
        """Show this picture's alerts; the cursor stays on its alert."""
        known = self.alert.id if self.alert else None
        self._picture = picture
        self._loud, waiting = folded(picture.snapshot.alerts)
        self._waiting = waiting and waiting_rows(picture.snapshot)
        if known is not None:
            self.cursor = next((i for i, a in enumerate(self._loud) if a.id == known), self.cursor)
        self.settle()
        self.renew()

    def build(self, width: int, height: int) -> Sequence[Text]:
        picture = self._picture
        if picture is None:
            return []
        self.settle()
        lines = [self._header(picture, width)]
        window = range(self.top, min(self.total, self.top + self.page_size))
        lines += [self._line(place, picture.now_us, width) for place in window]
        return lines if self.total else [*lines, self._quiet(picture, width)]

    def _header(self, picture: Picture, width: int) -> Text:
        look = self._look
        line = styled(" ALERTS  ", look.style("title"))
        counts = alert_counts(picture.snapshot.alerts)
        for place, (style, text) in enumerate(counts):
            line.append(f"{f' {look.glyphs.separator} ' if place else ''}{text}", look.style(style))
        if not counts:
            line.append("none open", look.style("quiet"))
        below = self.total - self.top - self.page_size
        if below > 0:
            line.append(f", {below} more below", look.style("alarm"))
        told = not_judged(picture.snapshot)
        told = f"{told} " if told else ""
        if line.cell_len + len(told) + 1 <= width:
            line.append(" " * (width - line.cell_len - len(told)) + told, look.style("quiet"))
        return line

    def _line(self, place: int, now_us: int, width: int) -> Text:
        look, glyphs = self._look, self._look.glyphs
        here = self.active and place == self.cursor
        gutter = glyphs.cursor if here else " "
        if place >= len(self._loud):
            text = f"{gutter}{glyphs.review} baseline not reviewed: {plural(self._waiting, 'destination')} wait"
            told = text if self._waiting != 1 else text.replace("wait", "waits")
            line = styled(fit(f"{told} (Enter shows them)", width, glyphs), look.style("review"))
        else:
            alert = self._loud[place]
            age = f" {ago(alert.first_us, now_us)} "
            head = f"{gutter}{sign(alert, glyphs)} #{alert.id} {short_summary(alert, self._ip(alert))}"
            line = styled(fit(head, width - len(age), glyphs), look.style(_SIGNS[alert.urgency]))
            line.append(age, look.style("quiet"))
        if here:
            line.stylize_before(look.style("cursor"))
        return line

    def _quiet(self, picture: Picture, width: int) -> Text:
        told = "nothing that was seen needs a look" if picture.snapshot.live else "none is raised while nobody records"
        if picture.snapshot.trouble is not None:
            told = "whether there are any cannot be read now"
        return styled(fit(f"   {told}", width, self._look.glyphs), self._look.style("quiet"))
