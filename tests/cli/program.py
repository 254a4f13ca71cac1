"""The program as a person runs it: a process of its own, whose stdout, stderr and exit code stay apart."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 30


@dataclass(frozen=True, slots=True)
class Desk:
    """A folder with a history, a configuration and nothing else of this machine."""

    folder: Path

    @property
    def history(self) -> Path:
        """Where the history is, or would be."""
        return self.folder / "history.db"

    @property
    def config(self) -> Path:
        """The configuration; the allowlists stand beside it."""
        return self.folder / "config.toml"

    @property
    def local_allowlist(self) -> Path:
        """What the tool writes rules to."""
        return self.folder / "allowlist.local.toml"

    def environment(self, **more: str) -> dict[str, str]:
        """As little of this machine's as a program needs; the zone is UTC."""
        given = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "TZ": "UTC", "PYTHONPATH": str(ROOT)}
        return given | more

    def argv(self, *words: str) -> list[str]:
        """The command line of this desk."""
        return [*PROGRAM, "--history", str(self.history), "--config", str(self.config), *words]

    def run(self, *words: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command on this desk's files."""
        return run(self.argv(*words), self.environment(**(env or {})))


PROGRAM = [sys.executable, "-P", "-m", "tui"]


def run(argv: Sequence[str], env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a process to its end, without a terminal and without input."""
    return subprocess.run(
        argv, env=dict(env), stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", timeout=LIMIT_S
    )


def without_file_privileges() -> list[str] | None:
    """What to put before a command so that file permissions count for it; None where that cannot be done."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        return None
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
