"""A follower that was stopped or killed, and what happened to the log meanwhile."""

import gzip
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.proxylog.follow_model import World
from tests.proxylog.packing import PACK
from tests.proxylog.tail import Tail, append, numbered
from tui.proxylog.identity import Mark

SEEDS = 150


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


@pytest.fixture
def stopped(log: Path) -> Tail:
    """One that has read the first five lines, and has not looked since."""
    append(log, numbered(1, 5))
    tail = Tail(log)
    tail.read()
    tail.stop()
    return tail


def rotate(log: Path) -> Path:
    """Rename the log to ``.1``, what was that to ``.2``."""
    first, second = log.with_name("access.log.1"), log.with_name("access.log.2")
    if first.exists():
        first.rename(second)
    log.rename(first)
    return first


def test_lines_that_came_meanwhile_are_read(log: Path, stopped: Tail) -> None:
    """T19."""
    append(log, numbered(6, 9))
    stopped.start()
    assert stopped.read() == numbered(6, 9)


def test_a_log_that_was_renamed_meanwhile_is_read_to_its_end(log: Path, stopped: Tail) -> None:
    """T19."""
    append(log, numbered(6, 7))
    rotate(log)
    append(log, numbered(8, 9))
    rotate(log)
    append(log, numbered(10, 11))
    stopped.start()
    assert stopped.read() == numbered(6, 11)
    assert stopped.kinds() == []


@pytest.mark.parametrize("count", [1, 20])
def test_a_log_that_was_copied_and_cut_meanwhile_is_read_on_in_its_copy(log: Path, stopped: Tail, count: int) -> None:
    """T19: the log is smaller than what was read of it, or larger."""
    append(log, numbered(6, 7))
    shutil.copyfile(log, log.with_name("access.log.1"))
    os.truncate(log, 0)
    append(log, numbered(11, 10 + count))
    stopped.start()
    assert stopped.read() == [*numbered(6, 7), *numbered(11, 10 + count)]
    assert stopped.kinds() == []


@pytest.mark.parametrize("end", PACK)
def test_logs_that_were_compressed_meanwhile_are_read_from_where_it_was(log: Path, stopped: Tail, end: str) -> None:
    """T19: one that was being read, and one that nobody has seen."""
    append(log, numbered(6, 7))
    for name, first in (("access.log.2", 8), ("access.log.1", 11)):
        log.with_name(name + end).write_bytes(PACK[end](log.read_bytes()))
        log.unlink()
        append(log, numbered(first, first + 2))
    stopped.start()
    stopped.read()
    stopped.read()
    assert sorted(stopped.lines) == numbered(1, 13)
    stopped.start()
    assert stopped.read() == []


def test_a_log_that_was_deleted_meanwhile_is_told_and_the_new_one_is_read(log: Path, stopped: Tail) -> None:
    """T19."""
    log.unlink()
    append(log, numbered(6, 9))
    stopped.start()
    assert stopped.read() == numbered(6, 9)
    assert [(notice.kind, notice.lost_bytes) for notice in stopped.notices] == [("gone", None)]


def test_a_device_that_has_another_number_after_a_restart_holds_the_same_files(log: Path, stopped: Tail) -> None:
    """T13: numbers of device-mapper, NFS and overlay devices are given anew."""
    append(log, numbered(6, 6))
    rotate(log)
    append(log, numbered(7, 7))
    assert stopped.marks
    stopped.marks = tuple(mark._replace(device=mark.device + 1) for mark in stopped.marks)
    stopped.start()
    assert stopped.read() == numbered(6, 7)


def test_a_log_that_was_restored_from_a_backup_is_read_on(log: Path, stopped: Tail) -> None:
    """T19: the same text, another inode."""
    content = log.read_bytes()
    log.rename(log.with_name("kept"))
    log.write_bytes(content)
    log.with_name("kept").unlink()
    append(log, numbered(6, 7))
    stopped.start()
    assert stopped.read() == numbered(6, 7)


def test_an_archive_in_which_the_end_came_is_read_on_from_there(log: Path) -> None:
    """T19, T23."""
    tail = Tail(log)
    tail.read()
    lines = numbered(1, 900) * 5
    log.with_name("access.log.1.gz").write_bytes(gzip.compress(b"".join(line + b"\n" for line in lines)))
    append(log, numbered(901, 901))
    tail.now_s += 1
    tail.commit(tail.follower.read(tail.now_s, most=100_000))
    assert 0 < len(tail.lines) < len(lines)
    tail.start()
    tail.read()
    assert tail.lines == [*lines, *numbered(901, 901)]


def test_an_archive_that_is_named_as_the_log_is_read_once(log: Path) -> None:
    """T23."""
    path = log.with_name("access.log.gz")
    path.write_bytes(gzip.compress(b"".join(line + b"\n" for line in numbered(1, 99))))
    tail = Tail(path)
    assert tail.read() == numbered(1, 99)
    tail.read(100)
    tail.start()
    assert tail.read() == []
    assert tail.lines == numbered(1, 99)
    assert Tail(path, None).read() == []


def test_an_archive_that_is_cut_is_read_as_far_as_it_goes_and_told(log: Path) -> None:
    """T23."""
    tail = Tail(log)
    append(log, numbered(1, 1))
    tail.read()
    chance = random.Random(1)
    lines = [b"%0100x" % chance.getrandbits(400) for _ in range(3000)]
    packed = gzip.compress(b"".join(line + b"\n" for line in lines))
    log.with_name("access.log.1.gz").write_bytes(packed[: len(packed) // 2])
    read = tail.read() + tail.read(70)
    whole = [line for line in read if len(line) == 100]
    assert whole == lines[: len(whole)]
    assert 1000 < len(whole) < 2000
    assert tail.kinds()[-1] == "cut archive"
    assert str(sum(len(line) + 1 for line in read) - 1) in tail.notices[-1].text


FOLLOW_AND_COMMIT = """
import sqlite3, sys, time
from pathlib import Path
from tui.proxylog.follow import Follower
from tui.proxylog.identity import Mark
db = sqlite3.connect(sys.argv[2], isolation_level=None)
db.execute("PRAGMA journal_mode = WAL")
db.execute("CREATE TABLE IF NOT EXISTS line (text BLOB)")
db.execute("CREATE TABLE IF NOT EXISTS mark (%s)" % ", ".join(Mark._fields))
marks = [Mark(*row[:-1], bool(row[-1])) for row in db.execute("SELECT * FROM mark ORDER BY rowid")]
follower = Follower(Path(sys.argv[1]), marks)
while True:
    got = follower.read(time.monotonic(), 3000)
    db.execute("BEGIN")
    db.executemany("INSERT INTO line VALUES (?)", [(line,) for line in got.lines])
    db.execute("DELETE FROM mark")
    db.executemany("INSERT INTO mark VALUES (?, ?, ?, ?, ?, ?, ?)", got.marks)
    db.execute("COMMIT")
    if not got.lag:
        print("read all", flush=True)
        time.sleep(0.002)
"""


def test_lines_are_stored_exactly_once_however_often_the_program_is_killed(log: Path, tmp_path: Path) -> None:
    """T20: the lines and the marks are one transaction; the log is renamed meanwhile."""
    db_path, chance, number = tmp_path / "lines.db", random.Random(1), 0
    command = [sys.executable, "-c", FOLLOW_AND_COMMIT, str(log), str(db_path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for round in range(8):
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
        assert process.stdout
        for _ in range(chance.randrange(5, 15)):
            append(log, numbered(number, number + 99))
            number += 100
            if chance.random() < 0.3:
                log.rename(tmp_path / f"access.log-20261125{number:06}")
        process.stdout.readline()
        if round < 7:
            time.sleep(chance.random() / 50)
            process.send_signal(signal.SIGKILL)
        else:
            while sqlite3.connect(db_path).execute("SELECT count(*) FROM line").fetchone()[0] < number:
                process.stdout.readline()
            process.kill()
        process.wait()
        process.stdout.close()
    rows = sqlite3.connect(db_path).execute("SELECT text FROM line").fetchall()
    assert sorted(row[0] for row in rows) == sorted(numbered(0, number - 1))


def test_marks_are_few_and_small_after_many_rotations(log: Path) -> None:
    """T6: what is committed with each reading must not grow with the age of the log."""
    tail = Tail(log)
    for number in range(200):
        append(log, numbered(number, number))
        tail.read(61)
        log.rename(log.with_name("access.log.1"))
    assert tail.marks is not None
    assert len(tail.marks) < 50
    assert all(sum(len(part) for part in mark if isinstance(part, bytes)) < 400 for mark in tail.marks)
    assert all(isinstance(mark, Mark) for mark in tail.marks)


@pytest.mark.parametrize("first", range(0, SEEDS, 10))
def test_whatever_happens_every_line_that_could_be_read_is_read_once(tmp_path: Path, first: int) -> None:
    """T27: see ``follow_model``; ``python -m tests.bench.follow`` runs more of it."""
    for seed in range(first, first + 10):
        directory = tmp_path / str(seed)
        directory.mkdir()
        try:
            World(directory, seed).run(60)
        except AssertionError as error:
            pytest.fail(f"seed {seed}: {error}")
