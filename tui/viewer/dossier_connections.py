"""The parts of a dossier about its connections: how they went, who made them, and the latest, line by line. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from rich.cells import cell_len

from tui.history.places import Place
from tui.history.rows import ConnectionRow, DestinationRow
from tui.model.address import UNKNOWN
from tui.model.connection import Claim, Outcome, Phase, Verdict, is_failed
from tui.model.times import DAY_US, ago, short_utc
from tui.output.route import NO_ADDRESS
from tui.viewer.concerns import is_unresolved
from tui.viewer.dossier import Dossier
from tui.viewer.name_words import PHASE, brief_known_by
from tui.viewer.page import Page
from tui.viewer.words import Glyphs, counted, fit, fit_middle, plural, size

WIDE = 120
"""From so many cells on a line has wider columns, how long it took to connect and where it failed."""


def numbers(page: Page, dossier: Dossier, now_us: int) -> None:
    """How many there were, how they went, how much they carried."""
    row, glyphs = dossier.row, page.look.glyphs
    page.title("IN THE LAST 24 H")
    if not row.connections:
        page.pair("Opened", "no connection was seen")
        _failed_at(page, dossier, ())
        return
    page.pair("Opened", f"{plural(row.connections, 'connection')}, {row.open} open now")
    if row.failed:
        page.pair("Failed", f"{counted(row.failures)}; {_reached(row, now_us)}")
    latest = [c for c in dossier.connections if c.opened_us > now_us - DAY_US]
    _failed_at(page, dossier, latest)
    times = [c.connect_us for c in latest if c.connect_us is not None]
    if times:
        middle = (
            f"{_ms(median(times))} (in the middle of the latest {len(times)}; {_ms(min(times))} to {_ms(max(times))})"
        )
        page.pair("Connect", middle if len(times) > 1 else _ms(times[0]))
    known = row.bytes_sent is not None or row.bytes_received is not None
    sent, received = size(row.bytes_sent, glyphs), size(row.bytes_received, glyphs)
    page.pair("Bytes", f"{sent} sent, {received} received" if known else "not known: the source does not tell them")
    last = short_utc(row.last_us, now_us)
    age = ago(row.last_us, now_us)
    page.pair("Seen", f"first {short_utc(row.first_us, now_us)}, last {last} ({age if age == 'now' else age + ' ago'})")


def _failed_at(page: Page, dossier: Dossier, latest: Sequence[ConnectionRow]) -> None:
    """How far those that failed had come."""
    failed = Counter(c.phase for c in latest if c.phase and is_failed(Outcome(c.outcome), c.bytes_received))
    where = [f"{number} {PHASE[Phase(phase)]}" for phase, number in failed.most_common()]
    if where:
        where[-1] += f", of the latest {len(latest)}"
    if any(alert.is_open and is_unresolved(alert) for alert in dossier.alerts):
        where.append("the name does not resolve (DNS)")
    if where:
        page.pair("Failed at", "; ".join(where))


def _ms(us: float) -> str:
    """`0.04 ms`, `1.2 ms`, `12 ms`."""
    return f"{us / 1000:.{2 if us < 995 else 1 if us < 9_950 else 0}f} ms"


def _reached(row: DestinationRow, now_us: int) -> str:
    if row.reached_us is None:
        return "never reached"
    return f"last reached {short_utc(row.reached_us, now_us)}"


def who(page: Page, dossier: Dossier) -> None:
    """The processes that connected."""
    if not dossier.connections:
        return
    page.title("WHO CONNECTED")
    found = Counter((c.role, c.process, c.pid, c.user, c.container, c.image) for c in dossier.connections)
    for (role, process, pid, user, container, image), number in found.most_common(12):
        owner = f"{process} (pid {pid}, user {user or 'not known'})" if process else "process not known"
        where = f" in {container}" if container else ""
        where += f" ({image})" if image else ""
        page.add(f"{role or _nobody(dossier.row)}: {owner}{where}, {plural(number, 'connection')}", hang=2)
    if dossier.others:
        page.add(f"Also reached by: {', '.join(sorted(role or 'no role' for role in dossier.others))}", "quiet")


def _nobody(row: DestinationRow) -> str:
    return "not Retool" if row.verdict is Verdict.NOT_JUDGED else "no role"


def connections(page: Page, dossier: Dossier, now_us: int) -> None:
    """The latest, a line each."""
    if not dossier.connections:
        return
    page.title(f"THE LATEST {plural(len(dossier.connections), 'CONNECTION', 'CONNECTIONS')} (UTC)")
    glyphs = page.look.glyphs
    page.line(f"  {_HEADS.line(page.width, glyphs)} ADDRESS", "bar")
    for connection in dossier.connections:
        style = "text" if connection.outcome in ("open", "closed") else "review"
        style = "alarm" if connection.claim == Claim.MISMATCH else style
        cells = f"  {_Cells.of(connection, now_us, glyphs).line(page.width, glyphs)} "
        room = max(0, page.width - cell_len(cells))
        page.line(cells + _place(connection, room, glyphs), style)


def _place(connection: ConnectionRow, room: int, glyphs: Glyphs) -> str:
    """Its address; of one whose address only the proxy knows, the proxy, or that a log tells of it."""
    place = Place.of(connection.ip, connection.via)
    if connection.ip == UNKNOWN:
        return fit(NO_ADDRESS, room, glyphs)
    if place.via is not None:
        return fit(f"via {place.via}", room, glyphs)
    return fit_middle(connection.ip, connection.port, room, glyphs)


class _Cells(NamedTuple):
    """What a line says, in the order in which it stands."""

    opened: str
    process: str
    local: str
    outcome: str
    failed_at: str
    connect: str
    sent: str
    received: str
    known_by: str

    @classmethod
    def of(cls, c: ConnectionRow, now_us: int, glyphs: Glyphs) -> _Cells:
        """Those of a connection."""
        connect = _ms(c.connect_us) if c.connect_us is not None else "-"
        return cls(
            short_utc(c.opened_us, now_us), c.process or "-", str(c.local_port or "?"), c.outcome, c.phase or "-",
            connect, size(c.bytes_sent, glyphs), size(c.bytes_received, glyphs), brief_known_by(c),
        )  # fmt: skip

    def line(self, width: int, glyphs: Glyphs) -> str:
        """As many of them as a width has room for."""
        wide = width >= WIDE
        cells = [fit(self.opened, 13, glyphs), fit(self.process, 15 if wide else 7, glyphs), f"{self.local:>5}"]
        cells += [fit(self.outcome, 11 if wide else 9, glyphs)]
        cells += [fit(self.failed_at, 9, glyphs), f"{self.connect:>7}"] if wide else []
        cells += [f"{self.sent:>8}", *([f"{self.received:>8}"] if wide else [])]
        return " ".join([*cells, fit(self.known_by, 15 if wide else 13, glyphs)])


_HEADS = _Cells("OPENED", "PROCESS", "LOCAL", "OUTCOME", "FAILED AT", "CONNECT", "SENT", "RECEIVED", "KNOWN BY")
