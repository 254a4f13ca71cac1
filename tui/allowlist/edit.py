"""Change the local allowlist file: every other byte of it stays, and it is replaced whole or not at all."""

import contextlib
import fcntl
import os
import re
import stat
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import tomlkit

from tui.allowlist.load import parse_rules
from tui.allowlist.rules import Rule
from tui.config.errors import ConfigError
from tui.config.strict_toml import LARGEST_BYTES, read_text
from tui.config.trust import refuse_writable_by_others
from tui.model.text import clean

LOCK_WAIT_S = 5.0
"""Anybody who may read the directory can lock it, so nobody is waited for without an end."""

_HEADER = "# Decisions taken with retool-egress. Merged with allowlist.toml beside it; a deny entry wins.\n"
_TABLE = re.compile(r"\s*\[")
_NO_VALUE = re.compile(r"\s*(#.*)?$")


def add_rule(
    path: Path,
    *,
    action: str,
    host: str | None,
    network: str | None,
    ports: tuple[int, ...] | None,
    roles: tuple[str, ...],
    expires: date | None,
    reason: str,
    by: str,
    at: str,
) -> None:
    """Append an entry to the allowlist file at ``path``, which is made when there is none.

    :raises ConfigError: if the file cannot be read or written, or would be wrong afterwards
    """
    entry = tomlkit.table()
    values = {"host": host, "network": network, "ports": list(ports) if ports is not None else None,
              "roles": [clean(role, 64) for role in roles] or None, "expires": expires,
              "reason": clean(reason, 500), "by": clean(by, 64), "at": at}  # fmt: skip
    for key, value in values.items():
        if value is not None:
            entry.add(key, value)
    with _exclusive(path):
        before = _text(path) or _HEADER
        known = parse_rules(path, before)
        ended = before if before.endswith("\n") else before + "\n"
        block = f"[[{action}]]\n{entry.as_string().rstrip()}\n"
        (new,) = parse_rules(path, block)
        text = f"{ended}\n{block}"
        end = len(known) if action == "allow" else sum(rule.action == "deny" for rule in known)
        if not _holds(path, text, [*known[:end], new, *known[end:]]):
            hint = f"Write every entry below a line of its own that says [[{action}]]."
            raise ConfigError(path, "the way this file is written leaves no place for another entry", hint)
        _replace(path, text)


def remove_rule(path: Path, rule: Rule) -> bool:
    """Take the entry that gave ``rule`` out of the file at ``path``; False if it does not stand there.

    Comments stay, also those above the entry: whose they are is not for a program to say.

    :raises ConfigError: if the file cannot be read or written, or the entry cannot be told from its surroundings
    """
    with _exclusive(path):
        before = _text(path)
        known = parse_rules(path, before)
        found = next((r for r in known if r == rule), None) or _like(rule, known)
        if found is None:
            return False
        text = _without_entry(before, found.line or 1)
        if not _holds(path, text, [rule for rule in known if rule is not found]):
            raise ConfigError(path, "this entry cannot be told from what is around it", "Use an editor.", found.line)
        _replace(path, text)
    return True


def _like(rule: Rule, known: list[Rule]) -> Rule | None:
    """The same rule on another line, where the file has changed meanwhile."""
    return next((r for r in known if replace(r, line=rule.line) == rule), None)


def _holds(path: Path, text: str, wanted: list[Rule]) -> bool:
    """True if a text holds these rules, wherever they stand in it."""
    try:
        found = parse_rules(path, text)
    except ConfigError:
        return False
    return [replace(rule, line=None) for rule in found] == [replace(rule, line=None) for rule in wanted]


def _without_entry(text: str, line: int) -> str:
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    end = next((n for n in range(line, len(lines)) if _TABLE.match(lines[n])), len(lines))
    while end > line and _NO_VALUE.match(lines[end - 1]):
        end -= 1
    return "".join(lines[: line - 1] + lines[end:])


def _text(path: Path) -> str:
    try:
        refuse_writable_by_others(path)
        return read_text(path)
    except FileNotFoundError:
        return ""


@contextlib.contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o755 if os.geteuid() == 0 else 0o700)
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        _lock(path, directory)
        yield
    finally:
        os.close(directory)


def _lock(path: Path, directory: int) -> None:
    end_s = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= end_s:
                hint = f"See who holds {path.parent}: sudo lsof {path.parent}"
                raise ConfigError(path, "another process keeps this file's directory locked", hint) from error
            time.sleep(0.02)
        else:
            return


def _replace(path: Path, text: str) -> None:
    content = text.encode()
    if len(content) > LARGEST_BYTES:
        raise ConfigError(path, "this file would be larger than 4 MiB", "Take entries out that nobody needs.")
    try:
        path = path.resolve()
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fchmod(file.fileno(), stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o644)
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> ConfigError:
    return ConfigError(path, f"cannot be written: {error.strerror}", "Run it with sudo, or free the disk.")
