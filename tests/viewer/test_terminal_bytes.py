"""What the screen sends to a terminal of 120x40 with 200 rows: the budgets that keep a slow line usable."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.viewer.scene import Scene, recording
from tui.model.connection import Verdict
from tui.model.times import SECOND_US
from tui.viewer.terminal import SETTINGS

ROOT = Path(__file__).parents[2]
MARK = b"\x1b]777;painted\x07"
HANGS_S = 20
"""A child that says nothing for so long has failed."""


class Terminal:
    """A child on a pty; counts what it sends."""

    def __init__(self, history: Path) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        environ = {name: value for name, value in os.environ.items() if not name.startswith("TEXTUAL")}
        environ |= {
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            "PYTHONPATH": str(ROOT),
            **SETTINGS,
        }
        environ.pop("NO_COLOR", None)
        argv = [sys.executable, "-P", "-m", "tests.viewer.pty_child", str(history)]
        self._child = subprocess.Popen(
            argv, stdin=slave, stdout=slave, stderr=slave, env=environ, start_new_session=True
        )
        os.close(slave)
        self._pending = b""
        self.start = self.painted()

    def painted(self) -> bytes:
        """Everything up to the next mark."""
        while MARK not in self._pending:
            readable, _, _ = select.select([self._master], [], [], HANGS_S)
            assert readable, self._pending[-2000:]
            self._pending += os.read(self._master, 65536)
        sent, _, self._pending = self._pending.partition(MARK)
        return sent

    def press(self, key: bytes) -> bytes:
        """What a key makes the child send."""
        os.write(self._master, key)
        return self.painted()

    def close(self) -> None:
        os.write(self._master, b"\x03")
        self._child.wait(HANGS_S)
        os.close(self._master)


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    scene = Scene(tmp_path_factory.mktemp("rows"))
    for number in range(200):
        off = number % 3 == 0
        scene.connect(
            f"host-{number:03}.example.com", f"198.51.100.{number}", ago_us=number * SECOND_US,
            verdict=Verdict.OFF_ALLOWLIST if off else Verdict.ALLOWED,
        )  # fmt: skip
        if off:
            scene.alert(f"host-{number:03}.example.com")
    scene.recorded()
    with recording(scene.path):
        shown = Terminal(scene.path)
        yield shown
        shown.close()
    scene.close()


def test_the_start_sends_at_most_80_kb(terminal: Terminal) -> None:
    assert b"DESTINATIONS" in terminal.start
    assert len(terminal.start) <= 80_000


def test_ten_idle_seconds_send_at_most_10_kb_and_move_the_clock(terminal: Terminal) -> None:
    sent = [terminal.press(b"\x14") for _ in range(10)]
    assert all(sent)
    assert sum(map(len, sent)) <= 10_000


@pytest.mark.parametrize("key", [b"j", b"k", b"G", b"g", b"\x1b[6~", b"\x1b[5~", b"s", b"\t"])
def test_no_key_on_the_main_screen_sends_more_than_10_kb(terminal: Terminal, key: bytes) -> None:
    assert len(terminal.press(key)) <= 10_000


@pytest.mark.parametrize("key", [b"?", b"\r"], ids=["help", "detail"])
def test_opening_and_closing_a_page_sends_at_most_30_kb_each(terminal: Terminal, key: bytes) -> None:
    """Textual paints a new screen twice, which is past what a key on one screen may cost."""
    assert len(terminal.press(key)) <= 30_000
    assert len(terminal.press(b"\x7f")) <= 30_000


def test_addresses_cost_no_more_than_names(terminal: Terminal) -> None:
    sent = terminal.press(b"d")
    assert b"198.51.100." in sent
    assert len(sent) <= 10_000
    assert all(len(terminal.press(key)) <= 10_000 for key in (b"j", b"\x1b[6~", b"\x1b[5~", b"s", b"s"))
    assert sum(len(terminal.press(b"\x14")) for _ in range(10)) <= 10_000
    assert len(terminal.press(b"d")) <= 10_000


def test_no_d_on_the_detail_sends_more_than_10_kb(terminal: Terminal) -> None:
    terminal.press(b"\r")
    assert all(len(terminal.press(b"d")) <= 10_000 for _ in range(2))
    terminal.press(b"\x7f")


def test_ten_frozen_seconds_send_at_most_500_bytes(terminal: Terminal) -> None:
    terminal.press(b" ")
    assert sum(len(terminal.press(b"\x14")) for _ in range(10)) <= 500
    terminal.press(b" ")
