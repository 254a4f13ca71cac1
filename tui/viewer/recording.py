"""Attach to the collector of a history, start one where there is none, stop one that a viewer started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tui.history import place
from tui.history.errors import HistoryError
from tui.history.place import Holder, holder_of
from tui.history.read import Reader
from tui.model.text import clean
from tui.viewer.words import when

LASTS = "12h"
START_S = 5.0
STOP_S = 3.0
_STEP_S = 0.05


class CannotRecord(Exception):
    """No collector could be started; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Attached:
    """How the viewer came to its recording."""

    holder: Holder | None
    """None: nobody records, and this user cannot."""
    started: bool


def may_record(history: Path) -> bool:
    """Whether this user can write the history, or make it."""
    if history.exists():
        return os.access(history, os.W_OK) and os.access(history.parent, os.W_OK)
    parent = next(p for p in (history.parent, *history.parent.parents) if p.exists())
    return os.access(parent, os.W_OK | os.X_OK)


def attach(history: Path, config: Path, *, start: bool) -> Attached:
    """The collector of a history: the present one, or one started now.

    :raises CannotRecord: if the one that was started ended at once, or gave no sign of life
    :raises HistoryError: if nobody records and there is nothing that could be shown
    """
    holder = holder_of(history)
    if holder is not None:
        return Attached(holder, False)
    if not start or not may_record(history):
        Reader(history).close()
        return Attached(None, False)
    return Attached(_start(history, config), True)


def command(history: Path, config: Path) -> list[str]:
    """The command line of a detached collector."""
    return [sys.executable, "-P", "-m", "tui", "--history", str(history), "--config", str(config),
            "collect", "--for", LASTS, "--detached"]  # fmt: skip


def log_path(history: Path) -> Path:
    """Where a detached collector's narration goes."""
    return history.with_name(history.name + ".log")


def _start(history: Path, config: Path) -> Holder:
    place.prepare(history)
    log = log_path(history)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        descriptor = os.open(log, flags, 0o600)
    except OSError as error:
        raise CannotRecord(f"cannot write {log}: {error.strerror}. Look at it with: ls -l {log}") from error
    argv = command(history, config) if config.exists() else _without_config(command(history, config))
    with os.fdopen(descriptor, "wb") as narration:
        child = subprocess.Popen(  # noqa: S603 - our own command line
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=narration,
            start_new_session=True,
            cwd="/",
            env=_environment(),
        )
    ends = time.monotonic() + START_S
    while time.monotonic() < ends:
        holder = holder_of(history)
        if holder is not None and holder.kind != "starting" and _opens(history):
            child.returncode = 0  # it is meant to outlive this process, of which Popen would warn
            return holder
        if child.poll() is not None:
            raise CannotRecord(f"the collector could not start:\n{_last_lines(log)}")
        time.sleep(_STEP_S)
    raise CannotRecord(f"the collector gave no sign of life for {START_S:g} s; what it said stands in {log}")


def _without_config(argv: list[str]) -> list[str]:
    """Without ``--config``, which must name a file that is there; the usual place is then taken by itself."""
    at = argv.index("--config")
    return argv[:at] + argv[at + 2 :]


def _environment() -> dict[str, str]:
    """This environment with the place of this program, since the child begins elsewhere and with ``-P``."""
    home = str(Path(__file__).resolve().parents[2])
    path = os.environ.get("PYTHONPATH")
    return os.environ | {"PYTHONPATH": f"{home}{os.pathsep}{path}" if path else home}


def _opens(history: Path) -> bool:
    with contextlib.suppress(HistoryError):
        Reader(history).close()
        return True
    return False


def _last_lines(log: Path) -> str:
    with contextlib.suppress(OSError):
        lines = log.read_bytes()[-4000:].decode("utf-8", "replace").splitlines()[-6:]
        return "\n".join(f"  {clean(line)}" for line in lines if line.strip()) or "  (it said nothing)"
    return "  (it said nothing)"


def stop(history: Path, send: Callable[[int, int], None] = os.kill) -> str:
    """Stop the recording if a viewer started it; the sentence says what was done, or how to do it."""
    holder = holder_of(history)
    if holder is None:
        return "Nobody records; nothing was stopped."
    if holder.kind != "detached":
        return how_to_stop(holder)
    try:
        send(holder.pid, signal.SIGTERM)
    except ProcessLookupError:
        return "Recording had ended already."
    except PermissionError:
        return f"{holder.user} started this recording. To stop it: sudo kill {holder.pid}"
    ends = time.monotonic() + STOP_S
    while time.monotonic() < ends:
        now = holder_of(history)
        if now is None or now.pid != holder.pid:
            return f"Recording stopped. What was recorded stays in {history}."
        time.sleep(_STEP_S)
    return f"Process {holder.pid} was told to stop and still records. Look again with: retool-egress status"


def how_to_stop(holder: Holder) -> str:
    """How somebody else's recording is ended."""
    if holder.kind == "service":
        return "systemd records, and goes on. To stop it: sudo systemctl stop retool-egress"
    return f"{holder.user} records in another terminal, and goes on. To stop it: Ctrl+C there, or kill {holder.pid}"


def started_words(holder: Holder, now_us: int) -> str:
    """What a viewer that started a recording says of it."""
    until = f" until {when(holder.until_us, now_us)}" if holder.until_us else ""
    return f"Recording{until}: q leaves it on, Q stops it."
