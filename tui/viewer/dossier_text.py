"""A dossier as lines of text for the detail screen. Pure."""

from __future__ import annotations

import shlex
import textwrap
from collections import Counter

from rich.text import Text

from tui.catalog import Basis, Service
from tui.history.rows import AddressRow, ConnectionRow, DestinationRow
from tui.model.connection import Evidence, Verdict
from tui.model.text import clean
from tui.model.times import ago, short_utc
from tui.viewer.dossier import Dossier
from tui.viewer.theme import Look
from tui.viewer.view import failing
from tui.viewer.words import counted, fit, fit_middle, plural, size, verdict_words

LABEL = 10
NO_NAME = "no name is known: no look-up of a catalogued or allowed name gave this address"
_BASIS = {
    Basis.SEED: "stated on Retool's egress page",
    Basis.DOC: "stated in Retool's documentation",
    Basis.CODE: "read from Retool's public Compose and Helm files",
    Basis.INFERRED: "inferred, not stated",
    Basis.OPERATOR: "said by your configuration",
}
_EVIDENCE = {
    Evidence.FORWARD: "our own look-up of the name gave this address",
    Evidence.RANGE: "in a range that Retool documents",
    Evidence.REVERSE: "a PTR record names it: shown, never believed",
    Evidence.DNS: "an answer that this role got before it connected",
    Evidence.SNI: "the name that the client sent",
    Evidence.PROXY: "the name that the proxy was asked for",
}


class _Page:
    """Collects lines of a width."""

    def __init__(self, look: Look, width: int) -> None:
        self.look = look
        self.width = width
        self.lines: list[Text] = []

    def add(self, text: str = "", style: str = "text", indent: int = 2, hang: int = 0) -> None:
        """A paragraph, wrapped."""
        room = max(20, self.width - indent - 1)
        wrapped = textwrap.wrap(clean(text, 4096), room, subsequent_indent=" " * hang) or [""]
        for line in wrapped:
            self.line(" " * indent + line, style)

    def line(self, text: str, style: str = "text") -> None:
        """One line, cut."""
        self.lines.append(Text().append(fit(text, self.width, self.look.glyphs), self.look.style(style)))

    def command(self, text: str) -> None:
        """A command line, without a margin: cut so that a shell takes its lines for one when they are copied."""
        for line in shell_lines(clean(text, 16_384), max(20, self.width - 1)):
            self.line(line, "strong")

    def title(self, text: str) -> None:
        """A heading with a blank line before it."""
        self.line("")
        self.line(f" {text}", "title")

    def pair(self, label: str, text: str) -> None:
        """A fact with its label before it."""
        self.add(f"{label:<{LABEL}}{text}", hang=LABEL)


def shell_lines(command: str, width: int) -> list[str]:
    """A command line in lines no wider than this; a word that is wider itself is cut inside its quotes."""
    lines, line = list[str](), ""
    for word in shlex.split(command):
        for place, piece in enumerate(_pieces(word, width - 2)):
            joint = "" if place or not line else " "
            if line and len(line + joint + piece) > width - 2:
                lines.append(f"{line}{joint}\\")
                line = piece
            else:
                line += joint + piece
    return [*lines, line]


def _pieces(word: str, room: int) -> list[str]:
    """A word as a shell reads it, quoted where it must be, in pieces that belong together."""
    pieces, rest = list[str](), word
    while len(shlex.quote(rest)) > room:
        end = next(end for end in range(room, 0, -1) if end == 1 or len(shlex.quote(rest[:end])) <= room)
        pieces.append(shlex.quote(rest[:end]))
        rest = rest[end:]
    return [*pieces, shlex.quote(rest)] if rest or not pieces else pieces


def title_of(dossier: Dossier) -> str:
    """The destination and its role, for the head of the screen."""
    row = dossier.row
    name = row.name if row.named or not dossier.candidates else " or ".join(dossier.candidates)
    place = f"[{name}]:{row.port}" if ":" in name else f"{name}:{row.port}"
    note = "" if row.named or dossier.candidates else " (no name)"
    return f"{clean(place)}{note} from {clean(row.role or 'no known role')}"


def lines(dossier: Dossier, look: Look, width: int, now_us: int, *, loud: bool) -> list[Text]:
    """The whole page."""
    page = _Page(look, width)
    if dossier.fault is not None:
        page.add(dossier.fault, "alarm")
        return page.lines
    _verdict(page, dossier, loud=loud)
    _service(page, dossier)
    _alerts(page, dossier, now_us)
    _numbers(page, dossier, now_us)
    _addresses(page, dossier, now_us)
    _who(page, dossier)
    _changes(page, dossier, now_us)
    _connections(page, dossier, now_us)
    _tests(page, dossier)
    return page.lines


def _verdict(page: _Page, dossier: Dossier, *, loud: bool) -> None:
    row, latest = dossier.row, dossier.connections[0] if dossier.connections else None
    fails = failing(row)
    style, words = verdict_words(
        row.verdict, failures=row.failures if fails else None, loud=loud, glyphs=page.look.glyphs
    )
    why = f": {dossier.today.why}" if dossier.today and dossier.today.verdict is row.verdict else ""
    if fails:
        tries = f"{row.failed} of {plural(row.connections, 'attempt')} in the last 24 h did not get through"
        words = f"{words}: {'allowed, yet ' if row.verdict is Verdict.ALLOWED else ''}{tries}"
        why = why.replace(": ", "; ", 1)
    page.add(f"{words}{why}", style, indent=1)
    if latest is not None:
        rule = f"by the rule: {latest.rule}" if latest.rule else "by no rule"
        if row.verdict is Verdict.INTERNAL:
            rule = "an internal network"
        elif row.verdict is Verdict.NOT_JUDGED:
            rule = "since it is no part of Retool ([scope] judge)"
        page.add(f"Recorded as {latest.verdict}, {rule}; allowlist revision {latest.allowlist_revision}.", "quiet")
    if dossier.allowlist_fault:
        page.add(f"Today's allowlist cannot be asked: {dossier.allowlist_fault}", "alarm")
    elif dossier.today and dossier.today.verdict is not row.verdict and row.verdict is not Verdict.PENDING:
        page.add(f"Today's list judges otherwise, {dossier.today.verdict}: {dossier.today.why}", "review")


def _service(page: _Page, dossier: Dossier) -> None:
    page.title(f"WHAT IT IS: {clean(dossier.row.category)}")
    if not dossier.services:
        page.add("No entry of the catalogue names it, so what it is for and what it is sent is not known.")
    for service in dossier.services:
        _one_service(page, service)


def _one_service(page: _Page, service: Service) -> None:
    page.pair("Purpose", service.purpose)
    page.pair("Sends", service.sent)
    page.pair("Cadence", service.cadence)
    read = f", read {service.date}" if service.date else ""
    page.pair("Known by", f"{_BASIS[service.basis]} ({service.source}{read})")
    if service.notes:
        page.pair("Notes", service.notes)


def _alerts(page: _Page, dossier: Dossier, now_us: int) -> None:
    if not dossier.alerts:
        return
    page.title("ALERTS")
    for alert in dossier.alerts:
        style = "alarm" if alert.is_open and alert.urgency == "act now" else "review" if alert.is_open else "quiet"
        since = f"first {short_utc(alert.first_us, now_us)}, last {short_utc(alert.last_us, now_us)}"
        state = "open" if alert.is_open else f"resolved: {alert.resolution or 'its cause has gone'}"
        times = plural(alert.count, "time")
        page.add(f"#{alert.id} {alert.urgency}, {state}; {times}, {since}: {alert.summary}", style, hang=4)
    if any(test.command for test in dossier.tests):
        page.add("A test to run, filled in, stands at the end of this page (G).", "quiet")


def _numbers(page: _Page, dossier: Dossier, now_us: int) -> None:
    row, glyphs = dossier.row, page.look.glyphs
    page.title("IN THE LAST 24 H")
    page.pair("Opened", f"{plural(row.connections, 'connection')}, {row.open} open now")
    if row.failed:
        page.pair("Failed", f"{counted(row.failures)}; {_reached(row, now_us)}")
    known = row.bytes_sent is not None or row.bytes_received is not None
    sent, received = size(row.bytes_sent, glyphs), size(row.bytes_received, glyphs)
    page.pair("Bytes", f"{sent} sent, {received} received" if known else "not known: the source does not tell them")
    last = short_utc(row.last_us, now_us)
    age = ago(row.last_us, now_us)
    page.pair("Seen", f"first {short_utc(row.first_us, now_us)}, last {last} ({age if age == 'now' else age + ' ago'})")


def _reached(row: DestinationRow, now_us: int) -> str:
    if row.reached_us is None:
        return "never reached"
    return f"last reached {short_utc(row.reached_us, now_us)}"


def _addresses(page: _Page, dossier: Dossier, now_us: int) -> None:
    page.title("ADDRESSES AND HOW THE NAME IS KNOWN")
    for address in dossier.addresses:
        seen = f"{short_utc(address.first_us, now_us)} to {short_utc(address.last_us, now_us)}"
        page.add(f"{address.ip}  {plural(address.connections, 'connection')}, {seen}")
        page.add(_evidence(address), "quiet", indent=4)
    if dossier.answers:
        page.title("OUR LOOK-UPS")
        for answer in dossier.answers[:20]:
            until = short_utc(answer.until_us, now_us)
            page.add(f"{answer.host} had {answer.ip} from {short_utc(answer.from_us, now_us)} to {until}", hang=2)


def _evidence(address: AddressRow) -> str:
    if address.evidence is None:
        return NO_NAME
    told = _EVIDENCE[Evidence(address.evidence)]
    if address.candidates:
        return f"{told}, and that of each of: {', '.join(address.candidates)}"
    return told


def _who(page: _Page, dossier: Dossier) -> None:
    page.title("WHO CONNECTED")
    found = Counter((c.role, c.process, c.pid, c.user, c.container, c.image) for c in dossier.connections)
    for (role, process, pid, user, container, image), number in found.most_common(12):
        owner = f"{process} (pid {pid}, user {user or 'not known'})" if process else "process not known"
        where = f" in {container}" if container else ""
        where += f" ({image})" if image else ""
        page.add(f"{role or _nobody(dossier.row)}: {owner}{where}, {plural(number, 'connection')}", hang=2)


def _nobody(row: DestinationRow) -> str:
    return "not Retool" if row.verdict is Verdict.NOT_JUDGED else "no role"


def _changes(page: _Page, dossier: Dossier, now_us: int) -> None:
    if dossier.row.role is None:
        return
    page.title(f"CHANGES of {clean(dossier.row.role)} in the last 7 days")
    for change in dossier.changes[:12]:
        page.add(f"{short_utc(change.at_us, now_us):<14} {change.container or change.who}: {change.what}", hang=15)
    if not dossier.changes:
        page.add("None is recorded: nothing of it started, stopped or got another image.")


def _tests(page: _Page, dossier: Dossier) -> None:
    for test in dossier.tests:
        page.title("TEST IT, from where it is needed")
        whose = test.alert.role or "what was blocked"
        if test.command is None:
            page.add(f"No process of {whose} is known to run now, so there is none to test from.")
            continue
        page.command(test.command)
        if test.proxied:
            page.add("With the proxy variables that it has; user and password of the proxy are not recorded.", "quiet")


def _connections(page: _Page, dossier: Dossier, now_us: int) -> None:
    page.title(f"THE LATEST {plural(len(dossier.connections), 'CONNECTION', 'CONNECTIONS')} (UTC)")
    head = _cells("OPENED", "ROLE", "PROCESS", "LOCAL", "OUTCOME", "SENT", "RECEIVED", "ADDRESS", page)
    page.line(f"  {head}", "bar")
    for connection in dossier.connections:
        style = "text" if connection.outcome in ("open", "closed") else "review"
        page.line("  " + _connection(connection, page, now_us), style)


def _connection(c: ConnectionRow, page: _Page, now_us: int) -> str:
    glyphs = page.look.glyphs
    opened = short_utc(c.opened_us, now_us)
    sent, received = size(c.bytes_sent, glyphs), size(c.bytes_received, glyphs)
    address = fit_middle(c.ip, c.port, 47, glyphs).rstrip()
    return _cells(
        opened, c.role or "-", c.process or "-", str(c.local_port or "?"), c.outcome, sent, received, address, page
    )


def _cells(
    opened: str, role: str, process: str, local: str, outcome: str, sent: str, received: str, address: str, page: _Page
) -> str:  # fmt: skip
    glyphs = page.look.glyphs
    wide = page.width >= 100
    cells = [fit(opened, 14 if wide else 13, glyphs), fit(role, 16 if wide else 11, glyphs)]
    cells += [fit(process, 15 if wide else 8, glyphs), f"{local:>5}", fit(outcome, 11 if wide else 9, glyphs)]
    if wide:
        cells += [f"{sent:>8}", f"{received:>8}"]
    else:
        cells.append(f"{sent:>8}")
    return " ".join([*cells, address])
