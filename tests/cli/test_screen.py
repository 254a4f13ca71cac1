"""`retool-egress` without a command, in a terminal: it opens, records, and leaves as it was told."""

import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from fcntl import ioctl

import pytest

from tests.cli.program import Desk
from tui.history.place import holder_of

PATIENCE_S = 30


class Terminal:
    """A terminal of 80x24 in which the screen runs."""

    def __init__(self, desk: Desk) -> None:
        self._ours, theirs = pty.openpty()
        ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        env = desk.environment(TERM="xterm-256color", LANG="C.UTF-8")
        self.process = subprocess.Popen(desk.argv(), env=env, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        self.shown = ""

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._ours, keys.encode())

    def until(self, text: str) -> None:
        """Read what is shown until a text is in it."""
        self._read(lambda: text in self.shown)

    def ended(self) -> int:
        """Read to the end; the exit code."""
        self._read(lambda: False)
        return self.process.wait(PATIENCE_S)

    def _read(self, enough: Callable[[], bool]) -> None:
        ends = time.monotonic() + PATIENCE_S
        while not enough():
            ready = select.select([self._ours], [], [], max(0.0, ends - time.monotonic()))[0]
            assert ready, f"nothing more came: {self.shown[-3000:]}"
            try:
                part = os.read(self._ours, 65536)
            except OSError:  # EIO: Linux's end of a pty
                part = b""
            if not part:
                assert enough() or self.process.wait(PATIENCE_S) is not None
                return
            self.shown += part.decode(errors="replace")

    def close(self) -> None:
        """Hang up."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._ours)


@pytest.fixture
def terminal(desk: Desk) -> Iterator[Terminal]:
    """The screen on an empty desk; whatever it started to record has ended afterwards."""
    desk.config.write_text("[names]\nforward = false\n")
    made = Terminal(desk)
    yield made
    made.close()
    holder = holder_of(desk.history)
    if holder is not None and holder.pid > 0:
        os.kill(holder.pid, signal.SIGTERM)


def test_the_first_start_opens_the_screen_and_records(desk: Desk, terminal: Terminal) -> None:
    terminal.until("LIVE")
    holder = holder_of(desk.history)
    assert holder is not None
    assert holder.kind == "detached"
    assert holder.until_us is not None
    terminal.type("q")
    assert terminal.ended() == 0
    after = holder_of(desk.history)
    assert after is not None, "q leaves the recording on"
    assert after.pid == holder.pid


def test_a_capital_q_leaves_and_stops_what_the_screen_started(desk: Desk, terminal: Terminal) -> None:
    terminal.until("LIVE")
    terminal.type("Q")
    assert terminal.ended() == 0
    assert holder_of(desk.history) is None
    assert "Recording stopped" in terminal.shown
