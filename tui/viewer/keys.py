"""The one table of keys: bindings, footer and help are made of it. Does nothing itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from textual.binding import Binding


class Scope(StrEnum):
    """Where a key works."""

    APP = "everywhere"
    MAIN = "the main screen"
    TABLE = "a list"
    DETAIL = "detail"
    HELP = "help"


@dataclass(frozen=True, slots=True)
class Key:
    """A key, or several that do the same."""

    names: tuple[str, ...]
    """As Textual calls them."""
    shown: str
    action: str
    word: str
    """For the footer; empty where it has no room."""
    sentence: str
    scopes: tuple[Scope, ...]
    at_once: bool = False
    """Works while text is typed."""


_PICTURED = (Scope.MAIN, Scope.DETAIL)

KEYS = (
    Key(("enter",), "Enter", "open", "open", "Show all that is known of the row under the cursor.", (Scope.TABLE,)),
    Key(("escape", "backspace"), "Esc", "back", "back", "Back to the same row.", (Scope.DETAIL, Scope.HELP)),
    Key(("slash",), "/", "filter", "filter", "Filter the table; the language is that of export.", (Scope.MAIN,)),
    Key(("space",), "Space", "freeze", "freeze", "Let the picture stand; again: return to live.", (Scope.MAIN,)),
    Key(("A",), "A", "allow", "allow", "Allow this destination; asks for a reason.", _PICTURED),
    Key(("d",), "d", "addresses", "IPs", "Show addresses in the place of names; again: names.", _PICTURED),
    Key(("tab",), "Tab", "other_list", "alerts", "Move between the destinations and the alerts.", (Scope.MAIN,)),
    Key(("s",), "s", "sort", "sort", "Sort by the next column; between sorts no row moves.", (Scope.MAIN,)),
    Key(("shift+tab",), "Shift+Tab", "other_list", "", "The same, backwards.", (Scope.MAIN,)),
    Key(("question_mark",), "?", "help", "help", "This page.", (Scope.APP,)),
    Key(("q",), "q", "leave", "quit", "Leave; recording goes on.", (Scope.APP,)),
    Key(("Q",), "Q", "leave_and_stop", "quit+stop", "Leave and stop what a viewer started to record.", (Scope.APP,)),
    Key(("ctrl+c",), "Ctrl+C", "leave", "", "Leave, from every place; recording goes on.", (Scope.APP,), at_once=True),
    Key(("escape",), "Esc", "back", "", "Back; on the main screen: take the filter off.", (Scope.MAIN,)),
    Key(("j", "down"), "j, down", "move(1)", "", "One line down.", (Scope.TABLE,)),
    Key(("k", "up"), "k, up", "move(-1)", "", "One line up.", (Scope.TABLE,)),
    Key(("pagedown", "ctrl+f"), "PgDn", "page(1)", "", "One page down.", (Scope.TABLE,)),
    Key(("pageup", "ctrl+b"), "PgUp", "page(-1)", "", "One page up.", (Scope.TABLE,)),
    Key(("g", "home"), "g, Home", "move(-1000000)", "", "To the first line.", (Scope.TABLE,)),
    Key(("G", "end"), "G, End", "move(1000000)", "", "To the last line.", (Scope.TABLE,)),
)


def of(*scopes: Scope) -> tuple[Key, ...]:
    """The keys of these places, in the table's order."""
    return tuple(key for key in KEYS if not set(scopes).isdisjoint(key.scopes))


def bindings(scope: Scope) -> Iterator[Binding]:
    """The keys of a place, as Textual takes them."""
    for key in of(scope):
        for name in key.names:
            yield Binding(name, key.action, key.word, show=False, priority=key.at_once)


def footer(*scopes: Scope) -> tuple[tuple[str, str], ...]:
    """Key and word of what the footer names, in the table's order."""
    return tuple((key.shown, key.word) for key in of(*scopes) if key.word)
