"""Where a history lies, with which permissions, and that one collector holds it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.history.as_nobody import as_nobody
from tests.history.sample import Recorder
from tui.history import place
from tui.history.errors import HistoryInUse, HistoryUnwritable
from tui.history.place import IMPORT, Holder, default_history, hold, holder_of, lock_path, own_history, prepare

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
ME = Holder(4711, "foreground", "ana", 5, None, "0.1")


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_the_files_of_a_users_history_are_for_that_user_alone(path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        recorder = Recorder(path)
        with hold(path, ME):
            modes = {file.name: mode(file) for file in path.parent.iterdir()}
        recorder.close()
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(["history.db", "history.db-wal", "history.db-shm", "history.db.lock"], 0o600)
    assert mode(path.parent) == 0o700


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_the_systems_history_is_for_its_group_to_read(path: Path, monkeypatch: pytest.MonkeyPatch, umask: int) -> None:
    monkeypatch.setattr(place, "SYSTEM_HISTORY", path)
    before = os.umask(umask)
    try:
        recorder = Recorder(path)
        with hold(path, ME):
            modes = {file.name: mode(file) for file in path.parent.iterdir()}
        recorder.close()
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(["history.db", "history.db-wal", "history.db-shm", "history.db.lock"], 0o640)
    assert mode(path.parent) == 0o2750


def test_a_link_in_the_place_of_the_history_is_refused_and_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    path = tmp_path / "history.db"
    path.symlink_to(victim)
    with pytest.raises(HistoryUnwritable) as caught:
        prepare(path)
    assert caught.value.hint
    assert not victim.exists()


def test_a_link_in_the_place_of_the_lock_is_refused_and_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    lock_path(tmp_path / "history.db").symlink_to(victim)
    with pytest.raises(HistoryUnwritable, match="lock file"), hold(tmp_path / "history.db", ME):
        pass
    assert victim.read_text() == "precious"


def test_a_directory_or_a_pipe_in_the_place_of_the_history_is_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (tmp_path, pipe):
        with pytest.raises(HistoryUnwritable, match="cannot write the history") as caught:
            prepare(path)
        assert "--history" in caught.value.hint


def test_a_place_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HistoryUnwritable, match="cannot write the history"):
        prepare(tmp_path / "file" / "history.db")


@needs_root
def test_a_place_that_this_user_may_not_write_is_refused(public: Path) -> None:
    assert as_nobody(lambda: prepare(public / "history.db")).startswith("HistoryUnwritable: cannot write the history")
    assert os.listdir(public) == []


def test_a_second_collector_is_refused_and_told_who_the_first_is(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    with hold(path, ME):
        with pytest.raises(HistoryInUse, match=r"process 4711 \(foreground, ana\) already records") as caught:
            hold(path, Holder(1, "x", "y", 0, None, "")).__enter__()
        assert "status" in caught.value.hint
        assert holder_of(path) == ME
    assert holder_of(path) is None
    with hold(path, ME):
        assert holder_of(path) == ME


def test_an_import_holds_it_and_is_no_collector(tmp_path: Path) -> None:
    history = tmp_path / "history.db"
    with hold(history, Holder(4711, IMPORT, "ana", 5, None, "0.1")):
        assert holder_of(history) is None
        with (
            pytest.raises(HistoryInUse, match=r"an import writes into .* \(process 4711, ana\)") as caught,
            hold(history, ME),
        ):
            pass
    assert "ends by itself" in caught.value.hint


def test_asking_who_records_never_keeps_a_collector_from_starting(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    assert holder_of(path) is None
    lock_path(path).touch()
    assert holder_of(path) is None
    with hold(path, ME):
        pass


def test_a_collector_that_ends_in_an_error_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "history.db"

    def fail() -> None:
        with hold(path, ME):
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert holder_of(path) is None


def test_the_lock_of_a_killed_collector_is_free_at_once(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    program = (
        "import sys; from pathlib import Path; from tui.history.place import Holder, hold\n"
        "with hold(Path(sys.argv[1]), Holder(1234, 'detached', 'ben', 5, 9, 'v')):\n"
        "    print('held', flush=True); sys.stdin.read()\n"
    )
    child = subprocess.Popen([sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        assert holder_of(path) == Holder(1234, "detached", "ben", 5, 9, "v")
        with pytest.raises(HistoryInUse, match="process 1234"):
            hold(path, ME).__enter__()
        child.send_signal(signal.SIGKILL)
        child.wait(10)
    assert holder_of(path) is None
    with hold(path, ME):
        assert holder_of(path) == ME


@needs_root
def test_a_user_who_may_only_read_the_lock_sees_who_records(public: Path) -> None:
    path = public / "history.db"
    with hold(path, ME):
        lock_path(path).chmod(0o644)
        assert as_nobody(lambda: holder_of(path)) == str(ME)
    assert as_nobody(lambda: holder_of(path)) == "None"


@pytest.mark.parametrize("text", [b"", b"{", b"\xff" * 5000])
def test_a_holder_that_has_not_said_who_it_is_still_counts(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "history.db"
    with hold(path, ME):
        lock_path(path).write_bytes(text)
        holder = holder_of(path)
        assert holder is not None
        assert holder.kind == "starting"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"XDG_STATE_HOME": "/s", "HOME": "/h"}, "/s/retool-egress/history.db"),
        ({"XDG_STATE_HOME": "", "HOME": "/h"}, "/h/.local/state/retool-egress/history.db"),
        ({"HOME": "/h"}, "/h/.local/state/retool-egress/history.db"),
    ],
)
def test_a_users_own_history_lies_in_the_state_directory(environ: dict[str, str], expected: str) -> None:
    assert own_history(environ) == Path(expected)


def test_the_systems_history_is_taken_by_root_and_wherever_there_is_one(tmp_path: Path) -> None:
    system, environ = tmp_path / "lib" / "history.db", {"HOME": "/h"}
    assert default_history(environ, system=system, euid=0) == system
    assert default_history(environ, system=system, euid=1000) == own_history(environ)
    system.parent.mkdir()
    assert default_history(environ, system=system, euid=1000) == own_history(environ)
    system.touch()
    assert default_history(environ, system=system, euid=1000) == system


@needs_root
def test_a_systems_history_that_may_not_be_seen_is_not_passed_over(public: Path) -> None:
    system = public / "lib" / "history.db"
    system.parent.mkdir(mode=0o750)
    system.touch()
    assert as_nobody(lambda: default_history({"HOME": "/h"}, system=system)) == str(system)
