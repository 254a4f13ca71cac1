"""The dialog that allows a destination: the rule in words, a reason, an expiry; Cancel has the focus."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Protocol

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.dom import DOMNode
from textual.screen import ModalScreen
from textual.widgets import Button, Checkbox, Input, Static

from tui.config.errors import ConfigError
from tui.history.rows import DestinationRow
from tui.model.text import clean
from tui.viewer import ViewerOptions
from tui.viewer.allowing import Proposal, propose, proposed_expiry, read_expiry
from tui.viewer.feed import Clock
from tui.viewer.theme import Look
from tui.viewer.words import plain

Say = Callable[[str, str], None]


class _Sitting(Protocol):
    """What the dialog needs of the app."""

    options: ViewerOptions
    look: Look
    clock: Clock
    person: str


def open_allow(screen: DOMNode, row: DestinationRow, candidates: Sequence[str], say: Say) -> None:
    """Open the dialog for a row, or say why there is none."""
    sitting: _Sitting = screen.app  # type: ignore[assignment]
    now_us = sitting.clock()
    try:
        allowlist = sitting.options.policy.load()
    except ConfigError as error:
        say(f"The allowlist cannot be used: {error}. {error.hint}", "alarm")
        return
    proposal = propose(row, candidates, allowlist, now_us)
    if isinstance(proposal, str):
        say(proposal, "review")
        return

    def done(told: str | None) -> None:
        say(told or "Nothing was allowed.", "ok" if told else "text")

    screen.app.push_screen(Allow(sitting.options, sitting.look, proposal, now_us, sitting.person), done)


class Allow(ModalScreen[str | None]):
    """Returns the sentence that says what was written and where; None if nothing was."""

    AUTO_FOCUS = "#cancel"
    DEFAULT_CSS = """
    Allow { align: center middle; background: $background 60%; }
    Allow > Vertical { width: 76; max-width: 100%; height: auto; max-height: 100%; padding: 0 1;
        border: round $accent; background: $surface; }
    Allow .label { color: $text-muted; }
    Allow Horizontal { height: 1; }
    Allow #buttons { margin-top: 1; height: 1; align-horizontal: right; }
    Allow #rule { text-style: bold; margin-bottom: 1; }
    Allow #fault { color: $error; text-style: bold; height: auto; min-height: 1; }
    Allow Input { width: 1fr; padding: 0; background: $panel; }
    Allow .label { width: 10; }
    Allow Checkbox { padding: 0; width: 100%; }
    Allow Button { min-width: 12; margin-left: 2; }
    Allow Button:focus { text-style: bold reverse; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", show=False),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    def __init__(self, options: ViewerOptions, look: Look, proposal: Proposal, now_us: int, person: str) -> None:
        super().__init__()
        self._options = options
        self._look = look
        self._proposal = proposal
        self._now_us = now_us
        self._person = person

    def compose(self) -> ComposeResult:
        path = self._options.policy.local_file
        role = self._proposal.role
        with Vertical():
            yield Static("ALLOW THIS DESTINATION", markup=False, classes="label-title")
            yield self._text(self._proposal.rule(only_role=True), id="rule")
            if role:
                label = Content(clean(f"only for {role} (off: any role)"))
                yield Checkbox(label, True, compact=True, id="role")
            with Horizontal():
                yield Static("Reason", classes="label", markup=False)
                yield Input(placeholder="required, such as CHG-4711", compact=True, id="reason")
            with Horizontal():
                yield Static("Last day", classes="label", markup=False)
                yield Input(str(proposed_expiry(self._now_us)), compact=True, max_length=10, id="expires")
            yield self._text(f"Empty: no end. Written to {path} by {self._person}.", id="where")
            yield self._text("", id="fault")
            with Horizontal(id="buttons"):
                yield Button("Cancel", compact=True, id="cancel")
                yield Button("Allow", compact=True, id="allow")

    def _text(self, text: str, id: str) -> Static:
        return Static(plain(clean(text, 600), self._look.glyphs) if text else "", markup=False, id=id)

    @property
    def _only_role(self) -> bool:
        found = self.query("#role").results(Checkbox)
        return all(box.value for box in found)

    def on_checkbox_changed(self) -> None:
        rule = self._proposal.rule(only_role=self._only_role)
        self.query_one("#rule", Static).update(plain(clean(rule, 600), self._look.glyphs))

    def on_input_submitted(self) -> None:
        self.focus_next()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "cancel":
            self.dismiss(None)
        else:
            self._write()

    def action_cancel(self) -> None:
        """Leave without a rule."""
        self.dismiss(None)

    def _write(self) -> None:
        reason = self.query_one("#reason", Input).value.strip()
        if not reason:
            self._refuse("A reason is required: what asked for it, such as a ticket.", "#reason")
            return
        try:
            expires = read_expiry(self.query_one("#expires", Input).value, self._now_us)
        except ValueError as error:
            self._refuse(str(error), "#expires")
            return
        path, only_role = self._options.policy.local_file, self._only_role
        try:
            self._proposal.write(
                path, only_role=only_role, expires=expires, reason=reason, by=self._person, now_us=self._now_us
            )
        except ConfigError as error:
            self._refuse(f"Nothing was written. {error}. {error.hint}", "#cancel")
            return
        self.dismiss(f"Written to {path}: {self._proposal.rule(only_role=only_role)}")

    def _refuse(self, why: str, place: str) -> None:
        self.query_one("#fault", Static).update(plain(clean(why, 600), self._look.glyphs))
        self.query_one(place).focus()
