"""The help: every key, every sign, and what no monitor on this host can see."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType

from tui.viewer.keys import KEYS, Scope, bindings
from tui.viewer.name_words import EVIDENCE
from tui.viewer.screens.listing import Listing
from tui.viewer.theme import Look
from tui.viewer.widgets.bar import Bar
from tui.viewer.widgets.footer import Footer
from tui.viewer.widgets.lines import styled
from tui.viewer.widgets.pager import Pager
from tui.viewer.words import Glyphs, fit

SPAN = (
    "Numbers are of the last 24 h, in whole hours; times are UTC. `now` is less than 10 s ago. Bytes are payload; a "
    "dash is not known: the source does not tell them."
)
UNSEEN = (
    "Usage events may also leave from users' browsers, which a host monitor cannot see. Nor can it see what a "
    "connection carries, or whether a service answered with a refusal inside an encrypted connection."
)

CLAIMS = (
    ("confirmed", "The name that the client gave is known to have the address to which it went."),
    ("unconfirmed", "No look-up shows whether it has: it is shown, it is not allowed by that name, nobody is paged."),
    ("MISMATCH", "It was never known to have it: the client may hide where it goes."),
)
"""What is said of a name that the client itself gave."""


def signs(glyphs: Glyphs) -> tuple[tuple[str, str], ...]:
    """Every sign with the word that always stands beside it, and what it means."""
    return (
        (f"{glyphs.ok} ok", "Connections of the last 24 h were answered and are on the allowlist."),
        (f"{glyphs.ok} seen", "On the allowlist; whether it was answered is not known."),
        (
            f"{glyphs.failing} BLOCKED",
            "Allowed, and Retool needs it: the latest attempts were in vain, and an alert is open. Its detail ends "
            "with a test to run.",
        ),
        (f"{glyphs.failing} failing", "On the allowlist, and the latest attempt was in vain; no alert is open for it."),
        (f"{glyphs.failing} refused", "Something answered that it does not want the connection (RST, or ICMP)."),
        (f"{glyphs.failing} no answer", "No answer to the attempt, also while it hangs: a firewall that drops."),
        (f"{glyphs.failing} no reply", "Connected and data sent, but not a byte came back."),
        (f"{glyphs.failing} cut off", "Connected, then reset before the first byte: a firewall that reads names."),
        (f"{glyphs.failing} no route", "This host, or a router, said that it is unreachable."),
        (
            f"{glyphs.failing} no DNS",
            "Its name does not resolve where it is needed: the alert has the resolver's word.",
        ),
        (f"{glyphs.failing} overdue", "Due at certain times, and not seen for longer, with no hole in the record."),
        (f"{glyphs.off_list} OFF LIST", "Not on the allowlist, and to be looked at now."),
        (f"{glyphs.off_list} mismatch", "Given a name that is allowed, on an address that this name never had."),
        (f"{glyphs.off_list} UPLOAD", "Much was sent and little came back; off the list or on it."),
        (f"{glyphs.review} review", "Not on the allowlist; waits for the first review."),
        (f"{glyphs.unseen} not seen", "No connection in the last 24 h, with what is to be expected."),
        (f"{glyphs.review} cannot tell", "Nobody records now, or not everything could be seen."),
        (
            f"{glyphs.unseen} unjudged",
            "No part of Retool (the host's agents, other containers), or the resolver that is set there: counted "
            "below, shown by verdict:not-judged.",
        ),
        (f"{glyphs.unseen} internal", "Within your networks: counted below, shown by verdict:internal."),
        (f"{glyphs.new}", "In front of a row: new since the last sort; such rows stand at the end."),
        (
            f"{glyphs.none}{glyphs.levels}",
            f"Connections opened in the last hour, 2 min a sign, against the line's own highest; {glyphs.none} is "
            "none, a blank was not recorded.",
        ),
    )


class Help(Listing):
    """One page of help."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Scope.HELP), *bindings(Scope.TABLE)]

    def __init__(self, look: Look, version: str, notes: Sequence[str]) -> None:
        """``notes`` say what the present sources cannot see."""
        super().__init__()
        self._notes = notes
        self._look = look
        self._version = version

    def compose(self) -> ComposeResult:
        yield Bar(self._look, f"retool-egress {self._version}: help")
        yield Pager()
        yield Footer(self._look, Scope.HELP, Scope.APP)

    def on_mount(self) -> None:
        self.query_one(Pager).show(self._write)

    def _write(self, width: int) -> Sequence[Text]:
        page = [styled(" KEYS", self._look.style("title"))]
        for key in KEYS:
            page += self._pair(key.shown, key.sentence, 12, width)
        page += [Text(""), styled(" SIGNS", self._look.style("title"))]
        for sign, meaning in signs(self._look.glyphs):
            page += self._pair(sign, meaning, 15, width)
        page += [Text(""), styled(" HOW A NAME IS KNOWN, STRONGEST FIRST", self._look.style("title"))]
        for evidence, meaning in EVIDENCE.items():
            page += self._pair(evidence, f"{meaning[:1].upper()}{meaning[1:]}.", 15, width)
        for word, meaning in CLAIMS:
            page += self._pair(word, meaning, 15, width)
        page += [Text(""), styled(" WHAT THE NUMBERS ARE, AND WHAT IS NOT SEEN", self._look.style("title"))]
        for paragraph in (*(f"Now: {note}." for note in self._notes), SPAN, UNSEEN):
            page += [self._line(f"  {line}", width) for line in textwrap.wrap(paragraph, width - 3)]
        return page

    def _pair(self, left: str, right: str, room: int, width: int) -> list[Text]:
        wrapped = textwrap.wrap(right, max(20, width - room - 3)) or [""]
        first = styled("  " + fit(left, room, self._look.glyphs), self._look.style("strong"))
        first.append(fit(wrapped[0], max(1, width - room - 2), self._look.glyphs), self._look.style("text"))
        return [first, *(self._line(" " * (room + 2) + line, width) for line in wrapped[1:])]

    def _line(self, text: str, width: int) -> Text:
        return styled(fit(text, width, self._look.glyphs), self._look.style("text"))

    def action_back(self) -> None:
        """Back to where help was asked for."""
        self.dismiss()
