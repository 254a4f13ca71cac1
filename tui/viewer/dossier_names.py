"""The parts of a dossier about its name: how it is known, how sure that is, and at which addresses. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from tui.history.rows import AddressRow
from tui.model.address import UNKNOWN
from tui.model.answer import Answer
from tui.model.connection import Claim, Evidence, Recorded
from tui.model.times import short_utc
from tui.output.route import (
    ASKED_ADDRESS,
    NOT_LOGGED,
    UNLOGGED,
    asks_address,
    has_tunnel,
    is_tunnel,
    is_unlogged,
    route_words,
    shown_ip,
    tunnel_words,
)
from tui.viewer.dossier import Dossier
from tui.viewer.name_words import (
    HELD_US,
    NO_NAME,
    PREDATES,
    UNNAMED,
    UNREAD,
    answer_words,
    answers_behind,
    claim_words,
    known_by,
)
from tui.viewer.page import Page
from tui.viewer.words import plural

SHOWN = 6
"""Answers behind one address."""
LOOK_UPS = 20


def named(page: Page, dossier: Dossier) -> None:
    """How the latest connection's name is known, near the head of the page."""
    if not dossier.connections:
        return
    latest = dossier.connections[0]
    if is_tunnel(latest):
        page.add(f"Where it goes is not known yet: {tunnel_words(logs=dossier.logs)} ({latest.via}).", "quiet")
        return
    if asks_address(latest, named=latest.host is not None):
        told = f"{ASKED_ADDRESS}." if latest.ip != UNKNOWN else "Its log does not tell where the proxy was asked to go."
        page.add(f"{told[:1].upper()}{told[1:]}", "quiet")
        return
    if latest.host_evidence is None:
        why = UNNAMED if dossier.packets_read else UNREAD
        why = PREDATES if latest.recorded == Recorded.PREDATES_RECORD else why
        page.add(f"{NO_NAME[:1].upper()}{NO_NAME[1:]}{_ptr(latest.reverse)}: {why}.", "quiet")
        return
    style, claim = claim_words(latest.claim, latest.host_evidence)
    page.add(f"The name: {known_by(latest)}{'; ' if claim else ''}{claim}.", style)


def addresses(page: Page, dossier: Dossier, now_us: int) -> None:
    """Each address with what its name rests on, as of when it was used; then our own look-ups."""
    page.title("ADDRESSES AND HOW THE NAME IS KNOWN")
    reverse = {c.ip: c.reverse for c in dossier.connections if c.reverse}
    for address in dossier.addresses:
        began, ended = short_utc(address.first_us, now_us), short_utc(address.last_us, now_us)
        seen = began if began == ended else f"{began} to {ended}"
        ptr = _ptr(reverse.get(address.ip)) if address.evidence is None else ""
        page.add(f"{shown_ip(address.ip)}{ptr}  {plural(address.connections, 'connection')}, {seen}")
        _one_address(page, dossier, address, now_us)
    if dossier.answers:
        page.title("OUR LOOK-UPS")
        for answer in dossier.answers[:LOOK_UPS]:
            until = short_utc(answer.until_us, now_us)
            page.add(f"{answer.host} had {answer.ip} from {short_utc(answer.from_us, now_us)} to {until}", hang=2)


def _one_address(page: Page, dossier: Dossier, address: AddressRow, now_us: int) -> None:
    if route := route_words(address):
        page.add(route, "quiet", indent=4)
    told = known_by(address)
    if is_unlogged(address):
        told = tunnel_words(logs=dossier.logs) if has_tunnel(dossier.connections, address.ip) else UNLOGGED
    elif asks_address(address, named=dossier.row.named):
        told = ASKED_ADDRESS if address.ip != UNKNOWN else NOT_LOGGED
    page.add(told, "quiet", indent=4)
    style, claim = claim_words(address.claim, address.evidence)
    if claim:
        page.add(claim, style, indent=4)
    if address.claim == Claim.MISMATCH and address.evidence != Evidence.CONNECT:
        page.add(f"then {dossier.row.name} had: {_had(address, dossier.known)}", style, indent=4)
    hosts = address.candidates or (dossier.row.name,)
    behind = answers_behind(address, hosts, {c.namespace for c in dossier.connections}, dossier.told)
    for answer in behind[:SHOWN]:
        whose = f"{answer.host}: " if address.candidates else ""
        page.add(f"{whose}{answer_words(answer, dossier.whose, now_us)}", "quiet", indent=4, hang=2)
    if len(behind) > SHOWN:
        page.add(f"and {plural(len(behind) - SHOWN, 'other answer')}", "quiet", indent=4)


def _had(address: AddressRow, known: Iterable[Answer]) -> str:
    """The addresses that a name had while another was used for it."""
    then = [a for a in known if a.from_us <= address.last_us and a.until_us >= address.first_us - HELD_US]
    found = list(dict.fromkeys(answer.ip for answer in then))
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return ", ".join(found[:SHOWN]) + more if found else "no address that is kept"


def _ptr(name: str | None) -> str:
    return f" (ptr {name}, not judged by)" if name else ""
