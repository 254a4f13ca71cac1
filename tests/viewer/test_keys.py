"""The table of keys is what works, what the footer names and what the help explains."""

from collections import Counter

from textual.app import App
from textual.binding import Binding
from textual.screen import Screen

from tui.viewer.app import ViewerApp
from tui.viewer.keys import KEYS, Scope, bindings, footer
from tui.viewer.screens.detail import Detail
from tui.viewer.screens.help import Help
from tui.viewer.screens.main import Main
from tui.viewer.widgets.footer import fitting

PLACES: dict[Scope, type[App[None] | Screen[None]]] = {
    Scope.APP: ViewerApp,
    Scope.MAIN: Main,
    Scope.DETAIL: Detail,
    Scope.HELP: Help,
}


def test_every_key_does_something_where_the_table_says_it_works() -> None:
    for key in KEYS:
        for scope in key.scopes:
            places = [Main, Detail, Help] if scope is Scope.TABLE else [PLACES[scope]]
            action = key.action.partition("(")[0]
            assert all(hasattr(place, f"action_{action}") for place in places), (key.shown, scope)


def test_every_place_binds_exactly_the_keys_of_the_table() -> None:
    for scope, place in PLACES.items():
        bound = [each.key for each in place.BINDINGS if isinstance(each, Binding)]
        moving = [] if scope is Scope.APP else [each.key for each in bindings(Scope.TABLE)]
        assert bound == [each.key for each in bindings(scope)] + moving


def test_no_key_means_two_things_in_one_place() -> None:
    for scopes in ((Scope.APP, Scope.MAIN, Scope.TABLE), (Scope.APP, Scope.DETAIL, Scope.TABLE)):
        names = Counter(name for scope in scopes for key in KEYS if scope in key.scopes for name in key.names)
        assert [name for name, times in names.items() if times > 1] == []


def test_every_key_is_explained_by_a_sentence() -> None:
    assert all(key.sentence.endswith(".") for key in KEYS)


def test_help_and_quit_stay_in_the_narrowest_footer() -> None:
    words = footer(Scope.TABLE, Scope.MAIN, Scope.APP)
    kept = fitting(words, 40)
    assert {("?", "help"), ("q", "quit")} <= set(kept)
    assert len(kept) < len(words)


def test_ctrl_c_works_while_text_is_typed() -> None:
    (found,) = [each for each in bindings(Scope.APP) if each.key == "ctrl+c"]
    assert found.priority
