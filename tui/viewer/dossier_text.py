"""A dossier as lines of text for the detail screen. Pure."""

from __future__ import annotations

from rich.text import Text

from tui.catalog import Basis, Service
from tui.model.address import UNKNOWN
from tui.model.connection import Verdict
from tui.model.text import clean
from tui.model.times import short_utc
from tui.output.route import NOT_LOGGED, is_tunnel, tunnel_words
from tui.viewer.addresses import address_words
from tui.viewer.concerns import direct_rows, is_unresolved
from tui.viewer.dossier import Dossier, is_false
from tui.viewer.dossier_connections import connections, numbers, who
from tui.viewer.dossier_names import addresses, named
from tui.viewer.page import Page
from tui.viewer.theme import Look
from tui.viewer.view import failing
from tui.viewer.words import plural, verdict_words

ADDRESS_MAX = 60
"""Cells for an address and its port."""

_BASIS = {
    Basis.SEED: "stated on Retool's egress page",
    Basis.DOC: "stated in Retool's documentation",
    Basis.CODE: "read from Retool's public Compose and Helm files",
    Basis.INFERRED: "inferred, not stated",
    Basis.OPERATOR: "said by your configuration",
}


def title_of(dossier: Dossier, *, by_address: bool = False) -> str:
    """The destination and its role, for the head of the screen."""
    row = dossier.row
    maker = clean(row.role or "no known role")
    if by_address and dossier.places:
        return f"{clean(address_words(dossier.places, row.port, ADDRESS_MAX))} from {maker}"
    name = row.name if row.named or not dossier.candidates else " or ".join(dossier.candidates)
    place = f"[{name}]:{row.port}" if ":" in name else f"{name}:{row.port}"
    note = "" if row.named or dossier.candidates else " (no name)"
    if place.startswith(f"{UNKNOWN}:"):
        place, note = NOT_LOGGED, ""
    if dossier.connections and is_tunnel(dossier.connections[0]):
        note = f" ({tunnel_words(logs=dossier.logs)})"
    return f"{clean(place)}{note} from {maker}"


def lines(dossier: Dossier, look: Look, width: int, now_us: int, *, loud: bool) -> list[Text]:
    """The whole page."""
    page = Page(look, width)
    if dossier.fault is not None:
        page.add(dossier.fault, "alarm")
        return page.lines
    _verdict(page, dossier, loud=loud)
    _service(page, dossier)
    _alerts(page, dossier, now_us)
    numbers(page, dossier, now_us)
    addresses(page, dossier, now_us)
    who(page, dossier)
    _changes(page, dossier, now_us)
    connections(page, dossier, now_us)
    _tests(page, dossier)
    return page.lines


def _verdict(page: Page, dossier: Dossier, *, loud: bool) -> None:
    row, latest = dossier.row, dossier.connections[0] if dossier.connections else None
    if not row.connections:
        _unseen(page, dossier)
        return
    fails, unresolved = failing(row), _is_unresolved(dossier)
    style, words = verdict_words(
        row.verdict, failures=row.failures if fails else None, loud=loud, false=is_false(dossier),
        unresolved=unresolved, direct=bool(direct_rows([row], dossier.alerts)), glyphs=page.look.glyphs,
    )  # fmt: skip
    why = f": {dossier.today.why}" if dossier.today and dossier.today.verdict is row.verdict else ""
    if unresolved or fails:
        tries = f"{row.failed} of {plural(row.connections, 'attempt')} in the last 24 h did not get through"
        tries = "the name does not resolve now" if unresolved else tries
        words = f"{words}: {'allowed, yet ' if row.verdict is Verdict.ALLOWED else ''}{tries}"
        why = why.replace(": ", "; ", 1)
    page.add(f"{words}{why}", style, indent=1)
    if latest is not None:
        rule = f"by the rule: {latest.rule}" if latest.rule else "by no rule"
        if row.verdict is Verdict.INTERNAL:
            rule = "an internal network"
        elif row.verdict is Verdict.NOT_JUDGED:
            outside = "it is no part of Retool ([scope] judge)"
            rule = f"since {outside if row.role is None else 'it is the resolver that is set there'}"
        page.add(f"Recorded as {latest.verdict}, {rule}; allowlist revision {latest.allowlist_revision}.", "quiet")
    named(page, dossier)
    if dossier.allowlist_fault:
        page.add(f"Today's allowlist cannot be asked: {dossier.allowlist_fault}", "alarm")
    elif dossier.today and dossier.today.verdict is not row.verdict and row.verdict is not Verdict.PENDING:
        page.add(f"Today's list judges otherwise, {dossier.today.verdict}: {dossier.today.why}", "review")


def _unseen(page: Page, dossier: Dossier) -> None:
    """The verdict of what was not connected to: an alert names it all the same."""
    glyphs = page.look.glyphs
    if _is_unresolved(dossier):
        page.add(f"{glyphs.failing} does not resolve, so there was nothing to connect to", "alarm", indent=1)
    else:
        page.add(f"{glyphs.unseen} not seen: no connection in the last 24 h", "quiet", indent=1)
    if dossier.today is not None:
        page.add(f"Today's list judges it {dossier.today.verdict}: {dossier.today.why}", "quiet")


def _is_unresolved(dossier: Dossier) -> bool:
    role = dossier.row.role
    return any(alert.is_open and alert.role == role and is_unresolved(alert) for alert in dossier.alerts)


def _service(page: Page, dossier: Dossier) -> None:
    page.title(f"WHAT IT IS: {clean(dossier.row.category)}")
    if is_false(dossier):
        page.add("The name is one that this address never had, so what it is for and what it is sent is not known.")
    elif not dossier.services:
        page.add("No entry of the catalogue names it, so what it is for and what it is sent is not known.")
    for service in dossier.services:
        _one_service(page, service)


def _one_service(page: Page, service: Service) -> None:
    page.pair("Purpose", service.purpose)
    page.pair("Sends", service.sent)
    page.pair("Cadence", service.cadence)
    read = f", read {service.date}" if service.date else ""
    page.pair("Known by", f"{_BASIS[service.basis]} ({service.source}{read})")
    if service.notes:
        page.pair("Notes", service.notes)


def _alerts(page: Page, dossier: Dossier, now_us: int) -> None:
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


def _changes(page: Page, dossier: Dossier, now_us: int) -> None:
    if dossier.row.role is None:
        return
    page.title(f"CHANGES of {clean(dossier.row.role)} in the last 7 days")
    for change in dossier.changes[:12]:
        page.add(f"{short_utc(change.at_us, now_us):<14} {change.container or change.who}: {change.what}", hang=15)
    if not dossier.changes:
        page.add("None is recorded: nothing of it started, stopped or got another image.")


def _tests(page: Page, dossier: Dossier) -> None:
    for test in dossier.tests:
        page.title("TEST IT, from where it is needed")
        whose = test.alert.role or "what was blocked"
        if test.command is None:
            page.add(f"No process of {whose} is known to run now, so there is none to test from.")
            continue
        page.command(test.command)
        if test.proxied:
            page.add("With the proxy variables that it has; user and password of the proxy are not recorded.", "quiet")
