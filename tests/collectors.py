"""Run a real collector for a test and wait for what it records."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol, Self

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = 20.0
"""How long a test waits for something that takes a second or two on a quiet machine."""


class Starts(Protocol):
    """Starts a program, here or in a namespace; ``env`` adds to the environment."""

    def __call__(
        self, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, stdout: IO[str] | int, stderr: IO[str] | int
    ) -> "subprocess.Popen[str]": ...


def start_here(
    argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, stdout: IO[str] | int, stderr: IO[str] | int
) -> "subprocess.Popen[str]":
    """Start a program in this process's own namespace."""
    return subprocess.Popen(argv, env=os.environ | dict(env), cwd=cwd, stdout=stdout, stderr=stderr, text=True)


@dataclass
class Collecting:
    """A collector on a history of its own; the context manager waits for its first look, and ends it."""

    directory: Path
    start: Starts = start_here
    config: str = ""
    options: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    """What is added to its environment."""
    namespace: str | None = None
    """The only one whose connections a test counts: by netlink a collector sees those of the whole machine."""
    awaited: set[str] | None = None
    """The sources that must watch before a test goes on; None: sockets, and names where any are looked up."""
    process: "subprocess.Popen[str]" = field(init=False)

    @property
    def history(self) -> Path:
        return self.directory / "history.db"

    @property
    def allowlist(self) -> Path:
        return self.directory / "allowlist.toml"

    @property
    def base(self) -> list[str]:
        """The command line up to the command."""
        config = self.directory / "config.toml"
        return [sys.executable, "-m", "tui", "--history", str(self.history), "--config", str(config)]

    @property
    def said(self) -> str:
        """What it has said on stderr."""
        return (self.directory / "stderr").read_text()

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """Another command on the same files."""
        return subprocess.run([*self.base, *command], cwd=ROOT, capture_output=True, text=True, timeout=60)

    def export(self, *words: str) -> list[dict[str, Any]]:
        """The recorded connections, of the one namespace if there is one."""
        done = self.run("export", *words, "--format", "ndjson")
        assert done.returncode == 0, done.stderr
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        return [row for row in rows if self.namespace in (None, row["namespace"])]

    def alerts(self, *options: str) -> list[dict[str, Any]]:
        """The alerts."""
        done = self.run("alerts", *options, "--format", "json")
        assert done.returncode == 0, done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found

    def wait_for(self, what: Callable[[], Any]) -> Any:
        """What the question gives as soon as it gives something true."""
        ends = time.monotonic() + PATIENCE_S
        while time.monotonic() < ends:
            found = what()
            if found:
                return found
            assert self.process.poll() is None, self.said
            time.sleep(0.1)
        raise AssertionError(f"waited {PATIENCE_S:g} s in vain; the collector said: {self.said}")

    def begin(self) -> None:
        """Start it and wait until it watches sockets (and names, when it looks any up)."""
        (self.directory / "config.toml").write_text(self.config)
        with (self.directory / "stderr").open("a") as stderr:
            self.process = self.start(
                [*self.base, "collect", *self.options], env=self.env, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=stderr
            )
        sources = self.awaited or ({"sockets"} if "forward = false" in self.config else {"sockets", "names"})
        self.wait_for(lambda: sources <= set(self.watching()))

    def watching(self) -> list[str]:
        """The sources that watch, by ``status``."""
        done = self.run("status", "--json")
        if done.returncode != 0:
            return []
        status = json.loads(done.stdout)
        return list(status["coverage"]) if status["recording"] else []

    def stop(self, number: int = signal.SIGTERM) -> float:
        """Send a signal; returns the seconds that it took to end."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(timeout=PATIENCE_S)
        return time.monotonic() - began

    def __enter__(self) -> Self:
        self.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.stop()
