"""A real terminal for tests: tmux with a server of its own, driven by keys and read as text."""

import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self
from uuid import uuid4

PATIENCE_S = 20.0


def missing() -> str | None:
    """Why there is no tmux here, or None."""
    return None if shutil.which("tmux") else "tmux is not installed (Debian package tmux)"


class Terminal:
    """One program in one pane; the server ends with the context."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], size: tuple[int, int] = (80, 24)) -> None:
        self._name = f"retool-{uuid4().hex[:8]}"
        clean = ["env", "-i", *(f"{key}={value}" for key, value in env.items())]
        self._shell = f"{shlex.join([*clean, *argv])}; echo ended with $?; cat"
        self._size = size

    def __enter__(self) -> Self:
        width, height = map(str, self._size)
        self._tmux("-f", "/dev/null", "new-session", "-d", "-s", "t", "-x", width, "-y", height, self._shell)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tmux("kill-server")

    def keys(self, *keys: str) -> None:
        """Type keys by tmux's names (Enter, Escape, Space, C-c) or as they are."""
        self._tmux("send-keys", "-t", "t", *keys)

    def type(self, text: str) -> None:
        """Type a text letter by letter."""
        self._tmux("send-keys", "-t", "t", "-l", text)

    def screen(self) -> str:
        """What stands on the screen."""
        return self._tmux("capture-pane", "-p", "-t", "t")

    def wait_for(self, *texts: str) -> str:
        """The screen once all of these stand on it."""
        return self.wait_until(lambda screen: all(text in screen for text in texts), f"for {texts}")

    def wait_until(self, right: Callable[[str], bool], what: str) -> str:
        """The screen once it is right."""
        ends, screen = time.monotonic() + PATIENCE_S, ""
        while time.monotonic() < ends:
            screen = self.screen()
            if right(screen):
                return screen
            time.sleep(0.1)
        raise AssertionError(f"waited {what} in vain; the screen:\n{screen}")

    def _tmux(self, *arguments: str) -> str:
        done = subprocess.run(["tmux", "-L", self._name, *arguments], capture_output=True, text=True, timeout=20)
        return done.stdout
