"""Opening a history in every state in which it may be found: the right answer or the right refusal."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlite_utils import Database

from tests.history.as_nobody import as_nobody
from tests.history.sample import Recorder, connection
from tui.history.errors import (
    HistoryCorrupt,
    HistoryError,
    HistoryMissing,
    HistoryNewer,
    HistoryUnreadable,
    HistoryUnwritable,
)
from tui.history.migrations import migrations
from tui.history.open import open_for_reading
from tui.history.read import Reader
from tui.history.schema import schema_version
from tui.history.write import open_for_writing
from tui.model.filter import Filter

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
Opening = Callable[[Path], sqlite3.Connection]
both_ways = pytest.mark.parametrize("opening", [open_for_reading, open_for_writing])


def closed_history(path: Path, *, connections: int = 0) -> Path:
    recorder = Recorder(path)
    for id in range(1, connections + 1):
        recorder.write(connection(id))
    recorder.close()
    return path


def files(directory: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in directory.iterdir() if file.is_file()}


def test_a_new_history_has_the_newest_schema_an_identity_and_no_revision_yet(path: Path) -> None:
    db = open_for_writing(path)
    assert len(migrations.applied(Database(db))) == schema_version()
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    meta = dict(db.execute("SELECT key, value FROM meta"))
    assert (meta["revision"], meta["node"]) == (0, os.uname().nodename)
    db.close()
    again = open_for_writing(path)
    assert dict(again.execute("SELECT key, value FROM meta")) == meta
    again.close()


def test_a_first_start_that_was_cut_short_is_taken_up(path: Path) -> None:
    path.parent.mkdir()
    db = sqlite3.connect(path, isolation_level=None)
    migrations.ensure_migrations_table(Database(db))
    db.close()
    with pytest.raises(HistoryMissing):
        open_for_reading(path)
    closed_history(path, connections=1)
    reader = Reader(path)
    assert reader.count_connections() == 1
    reader.close()


def test_nothing_there_says_how_to_start(tmp_path: Path) -> None:
    with pytest.raises(HistoryMissing, match="nothing has been recorded") as caught:
        open_for_reading(tmp_path / "none" / "history.db")
    assert "retool-egress collect" in caught.value.hint


def test_an_empty_file_is_a_history_in_which_nothing_was_recorded(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    path.touch()
    with pytest.raises(HistoryMissing, match="nothing has been recorded"):
        open_for_reading(path)


@both_ways
def test_a_history_of_a_later_version_is_refused_and_stays_as_it_is(path: Path, opening: Opening) -> None:
    closed_history(path)
    db = sqlite3.connect(path)
    db.execute("INSERT INTO _sqlite_migrations (migration_set, name) VALUES ('retool-egress', 'm999_future')")
    db.commit()
    db.close()
    before = path.read_bytes()
    with pytest.raises(HistoryNewer, match="m999_future") as caught:
        opening(path)
    assert "Upgrade" in caught.value.hint
    assert path.read_bytes() == before


@both_ways
@pytest.mark.parametrize("content", [b"hello" * 1000, b"SQLite format 3\x00" + b"\xff" * 4096, b"my notes"])
def test_a_file_that_is_no_database_is_refused_and_stays_as_it_is(
    tmp_path: Path, opening: Opening, content: bytes
) -> None:
    path = tmp_path / "history.db"
    path.write_bytes(content)
    with pytest.raises(HistoryCorrupt, match="not a sound history") as caught:
        opening(path)
    assert f"mv {path} {path}.damaged" in caught.value.hint
    assert files(tmp_path) == {"history.db": content}


@both_ways
def test_a_database_of_another_program_is_refused_and_stays_as_it_is(tmp_path: Path, opening: Opening) -> None:
    path = tmp_path / "history.db"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE bookmarks (url)")
    db.close()
    before = files(tmp_path)
    with pytest.raises(HistoryCorrupt, match="another program") as caught:
        opening(path)
    assert "--history" in caught.value.hint
    assert files(tmp_path) == before


@both_ways
@pytest.mark.parametrize("part", [1 / 3, 0.9])
def test_a_truncated_history_is_refused_or_read_but_never_changed_or_a_crash(
    path: Path, opening: Opening, part: float
) -> None:
    closed_history(path, connections=200)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    before = path.read_bytes()
    hint: str | None = None
    try:
        opening(path).close()
    except HistoryError as error:
        hint = error.hint
    assert hint is None or "mv " in hint
    assert path.read_bytes()[:1000] == before[:1000]


@both_ways
def test_a_directory_in_its_place_is_refused(tmp_path: Path, opening: Opening) -> None:
    with pytest.raises((HistoryUnreadable, HistoryUnwritable)) as caught:
        opening(tmp_path)
    assert "--history" in caught.value.hint


def test_a_pipe_in_its_place_is_refused_without_waiting_for_somebody_to_write(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "history.db")
    with pytest.raises(HistoryUnreadable, match="not a file"):
        open_for_reading(tmp_path / "history.db")


def test_a_locked_history_is_not_called_damaged(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed_history(path)
    locker = sqlite3.connect(path, isolation_level=None)
    locker.execute("PRAGMA locking_mode = EXCLUSIVE")
    locker.execute("BEGIN EXCLUSIVE")
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, **{**k, "timeout": 0}))
    with pytest.raises(HistoryUnreadable, match="locked"):
        open_for_reading(path)
    with pytest.raises(HistoryUnwritable, match="locked"):
        open_for_writing(path)
    locker.close()


@needs_root
def test_a_history_that_may_not_be_read_is_said_so_and_how_to_get_in(public: Path) -> None:
    path = closed_history(public / "history.db")
    text = as_nobody(lambda: Reader(path))
    assert text.startswith("HistoryUnreadable:")
    assert "you may not read it" in text
    hidden = closed_history(public / "deeper" / "history.db")
    assert as_nobody(lambda: Reader(hidden)).startswith("HistoryUnreadable:")


def count(path: Path) -> int:
    reader = Reader(path)
    try:
        return len(list(reader.connections(Filter(), 0, 2**62)))
    finally:
        reader.close()


@needs_root
def test_a_user_who_may_only_read_sees_a_history_that_was_ended_cleanly(public: Path) -> None:
    source = closed_history(public / "source" / "history.db", connections=3)
    path = public / "history.db"
    shutil.copy(source, path)
    path.chmod(0o644)
    assert as_nobody(lambda: count(path)) == "3"
    assert set(os.listdir(public)) == {"source", "history.db"}


@needs_root
def test_a_user_who_may_only_read_sees_a_history_that_is_being_written(public: Path) -> None:
    path = public / "history.db"
    path.touch(0o644)
    recorder = Recorder(path)
    recorder.write(connection(1), connection(2))
    assert as_nobody(lambda: count(path)) == "2"
    recorder.write(connection(3))
    assert as_nobody(lambda: count(path)) == "3"
    recorder.close()


@needs_root
def test_a_user_who_may_only_read_sees_what_a_killed_collector_left(public: Path) -> None:
    path = public / "history.db"
    path.touch(0o644)
    child = os.fork()
    if child == 0:
        recorder = Recorder(path)
        recorder.write(connection(1), connection(2))
        os._exit(0)
    os.waitpid(child, 0)
    assert path.with_name("history.db-wal").exists()
    assert as_nobody(lambda: count(path)) == "2"


@needs_root
def test_a_write_ahead_log_that_may_not_be_read_does_not_make_the_history_damaged(public: Path) -> None:
    path = public / "history.db"
    recorder = Recorder(path)
    path.chmod(0o644)
    assert as_nobody(lambda: count(path)).startswith("HistoryUnreadable:")
    recorder.close()


@needs_root
def test_a_history_on_a_place_that_may_not_be_written_is_not_recorded_into(public: Path) -> None:
    path = closed_history(public / "history.db")
    path.chmod(0o644)
    before = path.read_bytes()
    assert as_nobody(lambda: open_for_writing(path)).startswith("HistoryUnwritable:")
    os.chown(path, 65534, -1)
    text = as_nobody(lambda: open_for_writing(path))
    assert text.startswith("HistoryUnwritable:")
    assert path.read_bytes() == before
