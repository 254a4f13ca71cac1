"""Who owns a socket, read from real processes."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.capture.running import WAIT, named, running
from tui.capture.netns import open_namespace, own_namespace
from tui.capture.processes import NAME_LIMIT, Processes, Procfs, Stat, short_name, stat_of


def now_us() -> int:
    return time.time_ns() // 1000


def test_a_process_is_known_by_name_user_start_and_role() -> None:
    with running(named(b"node"), {"SERVICE_TYPE": "MAIN_BACKEND,DB_CONNECTOR"}) as pid:
        owner = Processes("net:[1]").look({pid}, now_us())[pid]
    assert (owner.process.pid, owner.process.name, owner.origin.role) == (pid, "node", "api")
    assert owner.process.user is not None
    assert 0 < now_us() - owner.process.started_us < 60_000_000


def test_a_process_that_is_no_retool_service_has_no_role() -> None:
    with running(WAIT, {"SERVICE_TYPE": "made up by somebody"}) as pid:
        assert Processes("net:[1]").look({pid}, now_us())[pid].origin.role is None


def test_a_process_that_started_after_the_look_did_not_own_what_was_seen() -> None:
    before_us = now_us() - 60_000_000
    with running(WAIT) as pid:
        assert Processes("net:[1]").look({pid}, before_us) == {}


def test_a_process_that_has_gone_is_forgotten_although_its_pid_may_come_back() -> None:
    processes = Processes("net:[1]")
    with running(WAIT) as pid:
        assert pid in processes.look({pid}, now_us())
    assert processes.look({pid}, now_us()) == {}


def test_escape_sequences_in_a_process_name_are_made_inert() -> None:
    with running(named(b"\x1b[2J\x1b]0;x\x07")) as pid:
        name = Processes("net:[1]").look({pid}, now_us())[pid].process.name
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


def test_a_name_that_the_kernel_cuts_is_completed_from_the_first_word_of_the_command_line(tmp_path: Path) -> None:
    program = tmp_path / "retool_backend_service"
    program.symlink_to("/bin/sh")
    with running(before=[str(program), "-c", 'echo ready; read line; exec "$@"', "--secret"]) as pid:
        assert Processes("net:[1]").look({pid}, now_us())[pid].process.name == "retool_backend_service"


STAT = b"7 (%s) S 1 7 7 0 -1 4194304 102 0 0 0 0 0 0 0 20 0 1 0 130598 " + b"0 " * 27 + b"140732724654564 0 0\n"


@pytest.mark.parametrize("name", [b"node", b"a) S 1 (b", b"", b"two\nlines", b"\xff\x1b"])
def test_start_and_environment_are_read_behind_any_name(name: bytes) -> None:
    assert stat_of(STAT % name) == Stat(name, 130598, 140732724654564)


@given(st.binary(max_size=300))
def test_what_is_no_stat_at_all_never_raises(content: bytes) -> None:
    stat_of(content)


ENDED = """
import ctypes, sys, threading
threading.Thread(target=sys.stdin.read).start()
print("up", flush=True)
ctypes.CDLL(None).pthread_exit(None)
"""


def test_a_process_whose_first_thread_has_ended_is_in_its_namespace_all_the_same() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ENDED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        ends = time.monotonic() + 10
        while "State:\tZ" not in Path(f"/proc/{child.pid}/status").read_text() and time.monotonic() < ends:
            time.sleep(0.01)
        found = Procfs().namespace(child.pid)
        os.close(open_namespace(found, child.pid))
        assert found == own_namespace()
        child.kill()
