"""The screen in a real terminal, in a namespace of the host for tests, on connections that are held there."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import tmux
from tests.collectors import ROOT, Collecting
from tests.host import RetoolHost
from tests.test_main_job import HELD
from tests.tmux import Terminal
from tui.history.place import holder_of

pytestmark = [pytest.mark.root, pytest.mark.skipif(tmux.missing() is not None, reason=tmux.missing() or "")]


@pytest.fixture
def retool_host() -> Iterator[RetoolHost]:
    """A host of the test's own."""
    with RetoolHost() as host:
        yield host


class Screen:
    """Screens on one history in the namespace of api."""

    def __init__(self, host: RetoolHost, directory: Path) -> None:
        self.files = Collecting(directory, host.service("api").popen)
        (directory / "config.toml").touch()
        self._netns = host.service("api").netns

    def open(self, width: int = 80, height: int = 24, *options: str) -> Terminal:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.files.directory),
            "LANG": "C.UTF-8",
            "TERM": "tmux-256color",
            "PYTHONPATH": str(ROOT),
            "SUDO_USER": "ana",
        }
        argv = ["ip", "netns", "exec", self._netns, *self.files.base, *options]
        return Terminal(argv, environment, (width, height))

    def stop_recording(self) -> None:
        holder = holder_of(self.files.history)
        if holder is not None:
            os.kill(holder.pid, 15)


@pytest.fixture
def screen(retool_host: RetoolHost, tmp_path: Path) -> Iterator[Screen]:
    made = Screen(retool_host, tmp_path)
    yield made
    made.stop_recording()


def line(screen: str, start: str) -> str:
    """The line with this text."""
    return next((line for line in screen.splitlines() if start in line), "")


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40)])
def test_six_held_connections_stand_on_the_screen_labelled_and_judged(
    retool_host: RetoolHost, screen: Screen, width: int, height: int
) -> None:
    with screen.open(width, height) as terminal:
        terminal.wait_for("REC", "License checks")
        with retool_host.service("api").hold(HELD):
            terminal.wait_for("! OFF LIST", "203.0.113.77", "licensing.tryretool.com", "api.openai.com")
            services = ("License checks", "Inviting users", "Usage reporting")
            shown = terminal.wait_until(
                lambda shown: all("● ok" in line(shown, name) for name in services), "for what is reached to be ok"
            )
            assert "? review" in line(shown, "Retool AI")
            assert "Not recognised" in line(shown, "! OFF LIST")
            assert "off list" in line(shown, "203.0.113.77:443")
            assert "off list" in line(shown, "api.openai.com:443")
            assert "allowed" in line(shown, "licensing.tryretool.com:443")
            assert "api" in line(shown, "licensing.tryretool.com:443")


def test_the_screen_starts_a_recording_that_q_leaves_on_and_another_screen_attaches_to(
    retool_host: RetoolHost, screen: Screen
) -> None:
    with screen.open() as first:
        first.wait_for("REC", "detached")
        started = holder_of(screen.files.history)
        assert started is not None
        first.keys("q")
        first.wait_for("ended with 0")
    assert holder_of(screen.files.history) == started
    with screen.open() as second:
        second.wait_for("REC", "detached")
        assert holder_of(screen.files.history) == started
        second.keys("Q")
        second.wait_for("ended with 0")
        assert holder_of(screen.files.history) is None


def test_ctrl_c_leaves_and_recording_goes_on(retool_host: RetoolHost, screen: Screen) -> None:
    with screen.open() as terminal:
        terminal.wait_for("REC")
        terminal.keys("C-c")
        terminal.wait_for("ended with 0")
    assert holder_of(screen.files.history) is not None


def test_the_dialog_that_allows_begins_on_cancel_and_writes_nothing_by_enter(
    retool_host: RetoolHost, screen: Screen
) -> None:
    with screen.open() as terminal, retool_host.service("api").hold(["api.openai.com:443"]):
        terminal.wait_for("api.openai.com:443", "off list")
        terminal.keys("A")
        terminal.wait_for("Reason", "Cancel")
        terminal.keys("Enter")
        terminal.wait_until(lambda shown: "Cancel" not in shown, "for the dialog to be gone")
        assert not screen.files.directory.joinpath("allowlist.local.toml").exists()
        assert screen.files.alerts("--open")


def test_enter_tells_what_a_destination_is_for_and_escape_returns(retool_host: RetoolHost, screen: Screen) -> None:
    with screen.open(100, 40) as terminal, retool_host.service("api").hold(["licensing.tryretool.com:443"]):
        terminal.wait_for("licensing.tryretool.com:443")
        terminal.keys("Enter")
        shown = terminal.wait_for("verify the licence", "203.0.113.10")
        assert re.search("egress", shown)
        terminal.keys("Escape")
        terminal.wait_for("REC", "License checks")


def test_a_second_screen_sees_the_same(retool_host: RetoolHost, screen: Screen) -> None:
    with screen.open() as first, retool_host.service("api").hold(HELD):
        first.wait_for("203.0.113.77:443", "licensing.tryretool.com:443")
        with screen.open(120, 40) as second:
            second.wait_for("203.0.113.77:443", "licensing.tryretool.com:443", "detached")


def test_a_corrupt_history_is_told_in_a_sentence_and_kept(screen: Screen) -> None:
    screen.files.history.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    before = screen.files.history.read_bytes()
    with screen.open() as terminal:
        shown = terminal.wait_for("ended with 2")
        assert "not a sound history" in " ".join(shown.split())
    assert screen.files.history.read_bytes() == before


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40)])
def test_d_shows_addresses_and_the_detail_tells_how_the_name_is_known(
    retool_host: RetoolHost, screen: Screen, width: int, height: int
) -> None:
    with screen.open(width, height) as terminal:
        terminal.wait_for("SNI", "DNS")
        with retool_host.service("api").hold(["licensing.tryretool.com:443"]):
            terminal.wait_for("licensing.tryretool.com:443")
            terminal.keys("d")
            shown = terminal.wait_for("ADDRESS (d: names)", "203.0.113.10:443")
            assert "licensing.tryretool.com:443" not in shown
            terminal.keys("Enter")
            terminal.wait_for("203.0.113.10:443 from api", "by address", "named by the client itself (TLS SNI)")
            terminal.keys("d")
            terminal.wait_for("licensing.tryretool.com:443 from api")
            terminal.keys("Escape")
            terminal.wait_for("DESTINATION ", "licensing.tryretool.com:443")
