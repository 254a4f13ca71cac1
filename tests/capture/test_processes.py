"""Who owns a socket, read from real processes."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from tui.capture.processes import NAME_LIMIT, Processes, short_name

Running = Callable[..., AbstractContextManager[int]]
_WAIT = "print('ready', flush=True); import sys; sys.stdin.read()"
_NAMED = "from pathlib import Path; Path('/proc/self/comm').write_bytes({name!r}); " + _WAIT


@contextmanager
def running(code: str, environment: dict[str, str] | None = None) -> Iterator[int]:
    """A Python process that has said it is ready, by its pid."""
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | (environment or {}),
    )
    assert child.stdin is not None
    assert child.stdout is not None
    with child:
        child.stdout.readline()
        yield child.pid
        child.stdin.close()


def now_us() -> int:
    return time.time_ns() // 1000


def test_a_process_is_known_by_name_user_start_and_role() -> None:
    with running(_NAMED.format(name=b"node"), {"SERVICE_TYPE": "MAIN_BACKEND,DB_CONNECTOR"}) as pid:
        owner = Processes().look({pid}, now_us())[pid]
    assert (owner.process.pid, owner.process.name, owner.role) == (pid, "node", "api")
    assert owner.process.user is not None
    assert 0 < now_us() - owner.process.started_us < 60_000_000


def test_a_process_that_is_no_retool_service_has_no_role() -> None:
    with running(_WAIT, {"SERVICE_TYPE": "made up by somebody"}) as pid:
        assert Processes().look({pid}, now_us())[pid].role is None


def test_a_process_that_started_after_the_look_did_not_own_what_was_seen() -> None:
    before_us = now_us() - 60_000_000
    with running(_WAIT) as pid:
        assert Processes().look({pid}, before_us) == {}


def test_a_process_that_has_gone_is_forgotten_although_its_pid_may_come_back() -> None:
    processes = Processes()
    with running(_WAIT) as pid:
        assert pid in processes.look({pid}, now_us())
    assert processes.look({pid}, now_us()) == {}


def test_escape_sequences_in_a_process_name_are_made_inert() -> None:
    with running(_NAMED.format(name=b"\x1b[2J\x1b]0;x\x07")) as pid:
        name = Processes().look({pid}, now_us())[pid].process.name
    assert name.isprintable()
    assert "�[2J" in name


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("node", "node"),
        ("retool_backend_service", "retool_backend_service"),
        ("postgres: user secret@10.0.0.1", "postgres"),
        ("worker --token=hunter2 --and more", "worker"),
        ("short name", "short name"),
    ],
)
def test_what_a_title_carries_behind_the_name_is_not_kept(title: str, name: str) -> None:
    assert short_name(title) == name


def test_a_title_of_four_kilobytes_of_escape_sequences_becomes_a_short_inert_name() -> None:
    name = short_name("\x1b[31m" * 820)
    assert name.isprintable()
    assert len(name) <= NAME_LIMIT
