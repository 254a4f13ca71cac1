"""A log that is renamed, copied, cut, linked, deleted and written anew."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.proxylog.tail import Tail, append, numbered

HEADER = [b"#Fields: " + b"x" * 1100]
"""Longer than what is looked at of the beginning of a file."""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


def beside(log: Path, end: str) -> Path:
    return log.with_name(log.name + end)


def shift(log: Path, keep: int = 9, first: int = 1) -> None:
    """Rename as logrotate and squid do: the oldest is deleted, the log becomes ``.1`` (squid: ``.0``)."""
    for number in range(keep - 1, first - 1, -1):
        if (old := beside(log, f".{number}")).exists():
            old.rename(beside(log, f".{number + 1}"))
    log.rename(beside(log, f".{first}"))


def test_a_renamed_log_and_its_successor_are_read_whole(log: Path) -> None:
    """T2."""
    tail = Tail(log)
    append(log, numbered(1, 5))
    tail.read()
    append(log, numbered(6, 8))
    log.rename(beside(log, ".1"))
    append(log, numbered(9, 12))
    tail.read()
    assert tail.lines == numbered(1, 12)


def test_lines_that_a_proxy_writes_to_the_renamed_file_are_read_until_it_has_been_quiet_for_a_minute(log: Path) -> None:
    """T3: nginx and squid write there until they are told to reopen."""
    tail = Tail(log)
    append(log, numbered(1, 1))
    tail.read()
    with log.open("ab", buffering=0) as old:
        log.rename(beside(log, ".1"))
        log.touch()
        for number in range(2, 60, 2):
            old.write(numbered(number, number)[0] + b"\n")
            append(log, numbered(number + 1, number + 1))
            assert tail.read(1) == numbered(number, number + 1)
        assert tail.read(50) == []
        old.write(b"within the minute\n")
        assert tail.read(5) == [b"within the minute"]


def test_a_log_that_was_quiet_for_hours_is_held_for_a_minute_after_its_rotation(log: Path) -> None:
    """T3, T5: it is compressed and deleted at once, and its proxy reopens it later."""
    tail = Tail(log)
    append(log, numbered(1, 1))
    tail.read()
    tail.read(7200)
    with log.open("ab", buffering=0) as old:
        log.rename(beside(log, ".1"))
        subprocess.run(["gzip", beside(log, ".1")], check=True)
        log.touch()
        tail.read()
        old.write(numbered(2, 2)[0] + b"\n")
        assert tail.read(50) == numbered(2, 2)


def test_a_line_that_comes_to_a_rotated_file_after_hours_is_still_found(log: Path) -> None:
    """T3."""
    tail = Tail(log)
    append(log, numbered(1, 1))
    tail.read()
    log.rename(beside(log, ".1"))
    append(log, numbered(2, 2))
    tail.read()
    tail.read(7200)
    append(beside(log, ".1"), numbered(3, 3))
    assert tail.read(11) == numbered(3, 3)


def test_a_path_without_a_file_for_ten_seconds_is_told_and_loses_nothing(log: Path) -> None:
    """T4."""
    tail = Tail(log)
    append(log, numbered(1, 1))
    tail.read()
    log.rename(beside(log, ".1"))
    append(beside(log, ".1"), numbered(2, 2))
    assert tail.read() == numbered(2, 2)
    assert tail.state == "rotated, waiting"
    tail.read(10)
    append(log, numbered(3, 3))
    assert tail.read() == numbered(3, 3)
    assert tail.state == "following"


def test_a_log_that_is_compressed_and_deleted_at_once_is_read_through_the_file_that_is_held(log: Path) -> None:
    """T5: tinyproxy's logrotate."""
    tail = Tail(log)
    append(log, numbered(1, 5))
    tail.read()
    append(log, numbered(6, 9))
    log.rename(beside(log, ".1"))
    append(log, numbered(10, 11))
    subprocess.run(["gzip", beside(log, ".1")], check=True)
    tail.read()
    for _ in range(5):
        tail.read(30)
    assert tail.lines == numbered(1, 11)


@pytest.mark.parametrize("first", [0, 1])
def test_fifty_rotations_some_within_one_look_lose_and_repeat_nothing(log: Path, first: int) -> None:
    """T6: ``squid -k rotate`` begins at ``.0``, logrotate at ``.1``."""
    tail = Tail(log)
    for number in range(1, 51):
        append(log, numbered(10 * number, 10 * number + 9))
        if number % 3 == 0:
            tail.read()
        shift(log, first=first)
    tail.read()
    assert sorted(tail.lines) == numbered(10, 509)
    for _ in range(4):
        assert tail.read(30) == []


def test_rotations_by_date_within_one_look_are_read_the_oldest_first(log: Path) -> None:
    """T6: logrotate's ``dateext``."""
    tail = Tail(log)
    append(log, numbered(1, 2))
    tail.read()
    for day, first in ((24, 3), (25, 6)):
        append(log, numbered(first, first + 2))
        log.rename(beside(log, f"-202611{day}"))
    append(log, numbered(9, 9))
    assert tail.read() == numbered(3, 9)


def test_other_logs_beside_it_are_left_alone(log: Path) -> None:
    """T6."""
    tail = Tail(log)
    append(log, numbered(1, 1))
    tail.read()
    for name in ("access.log.8080.tmp", "access-api.log", "access.log.bak", "cache.log.1", "access.log.swp", "access"):
        append(log.with_name(name), [b"another log: " + name.encode()])
    log.rename(beside(log, ".1"))
    append(log, numbered(2, 2))
    assert tail.read() == numbered(2, 2)


def test_copying_and_cutting_a_quiet_log_loses_nothing(log: Path) -> None:
    """T7."""
    tail = Tail(log)
    append(log, numbered(1, 5))
    tail.read()
    append(log, numbered(6, 7))
    shutil.copyfile(log, beside(log, ".1"))
    os.truncate(log, 0)
    append(log, numbered(8, 9))
    tail.read()
    tail.read()
    assert tail.lines == numbered(1, 9)
    assert tail.kinds() == ["truncated"]
    assert "truncated at offset" in tail.notices[0].text
    assert tail.notices[0].lost_bytes == 0


def test_copying_and_cutting_a_busy_log_loses_only_what_stands_in_no_file_and_says_so(log: Path) -> None:
    """T7."""
    tail = Tail(log)
    append(log, numbered(1, 5))
    tail.read()
    shutil.copyfile(log, beside(log, ".1"))
    append(log, numbered(6, 6))
    assert tail.read() == numbered(6, 6)
    append(log, numbered(7, 7))
    os.truncate(log, 0)
    append(log, numbered(8, 8))
    assert tail.read() == numbered(8, 8)
    assert tail.kinds() == ["truncated"]
    assert "may be" in tail.notices[0].text
    for _ in range(4):
        assert tail.read(30) == []


def test_a_copy_that_is_being_made_is_not_read(log: Path) -> None:
    """T7: ``cp`` of a large log takes its time."""
    tail = Tail(log)
    append(log, numbered(1, 100))
    tail.read()
    content = log.read_bytes()
    with beside(log, ".1").open("wb", buffering=0) as copy:
        for place in range(0, len(content), 500):
            assert tail.read() == []
            copy.write(content[place : place + 500])
    assert tail.read() == []
    os.truncate(log, 0)
    assert tail.read() == []


def test_a_log_that_was_cut_and_has_outgrown_its_former_size_is_read_from_its_beginning(log: Path) -> None:
    """T8."""
    tail = Tail(log)
    append(log, numbered(1, 5))
    tail.read()
    os.truncate(log, 0)
    append(log, numbered(10, 40))
    assert tail.read() == numbered(10, 40)


def test_a_log_that_was_written_anew_to_the_same_size_is_read_from_its_beginning(log: Path) -> None:
    """T9."""
    tail = Tail(log)
    append(log, numbered(1, 5))
    tail.read()
    size = log.stat()
    os.truncate(log, 0)
    append(log, numbered(6, 10))
    os.utime(log, ns=(size.st_atime_ns, size.st_mtime_ns))
    assert tail.read() == numbered(6, 10)


def test_what_a_link_names_is_followed_through_every_way_of_naming_another(tmp_path: Path) -> None:
    """T11: a chain of links, relative ones, one that is replaced by renaming."""
    link, middle = tmp_path / "current.log", tmp_path / "middle"
    days = [tmp_path / str(day) / "access.log" for day in range(1, 4)]
    for number, day in enumerate(days):
        day.parent.mkdir()
        append(day, numbered(10 * number, 10 * number + 3))
    link.symlink_to("middle")
    middle.symlink_to("1/access.log")
    tail = Tail(link)
    assert tail.read() == numbered(0, 3)
    middle.unlink()
    middle.symlink_to("2/access.log")
    append(days[0], numbered(4, 4))
    assert tail.read() == [*numbered(4, 4), *numbered(10, 13)]
    new = tmp_path / "new"
    new.symlink_to(days[2])
    new.rename(link)
    append(days[1], numbered(14, 14))
    assert tail.read() == [*numbered(14, 14), *numbered(20, 23)]


def test_a_link_that_names_itself_is_told(log: Path) -> None:
    """T11."""
    log.symlink_to(log)
    tail = Tail(log)
    assert tail.read() == []
    assert tail.state.startswith("unreadable: ")


def test_a_link_that_names_another_directory_after_downtime_leaves_nothing_behind(tmp_path: Path) -> None:
    """T11, T19."""
    link = tmp_path / "current.log"
    old, new = tmp_path / "1" / "access.log", tmp_path / "2" / "access.log"
    for target in (old, new):
        target.parent.mkdir()
    append(old, numbered(1, 2))
    link.symlink_to(old)
    tail = Tail(link)
    tail.read()
    tail.stop()
    append(old, numbered(3, 4))
    link.unlink()
    link.symlink_to(new)
    append(new, numbered(5, 6))
    tail.start()
    assert tail.read() == numbered(3, 6)


def test_a_deleted_log_that_is_still_written_is_read_and_told(log: Path) -> None:
    """T12."""
    tail = Tail(log)
    with log.open("ab", buffering=0) as proxy:
        proxy.write(numbered(1, 1)[0] + b"\n")
        tail.read()
        log.unlink()
        assert tail.read() == []
        assert tail.kinds() == []
        proxy.write(numbered(2, 2)[0] + b"\n")
        assert tail.read(100) == numbered(2, 2)
        assert tail.kinds() == ["deleted"]
        append(log, numbered(3, 3))
        proxy.write(numbered(4, 4)[0] + b"\n")
        assert sorted(tail.read()) == numbered(3, 4)
    assert tail.kinds() == ["deleted"]


@pytest.mark.parametrize("count", [3, 5, 9])
def test_an_inode_that_is_used_again_is_another_file(log: Path, count: int) -> None:
    """T13: smaller, of the same size, larger. The same inode, as the file is cut and written while nobody looks."""
    tail = Tail(log)
    append(log, numbered(1, 5))
    tail.read()
    inode = log.stat().st_ino
    tail.stop()
    os.truncate(log, 0)
    append(log, numbered(11, 10 + count))
    assert log.stat().st_ino == inode
    tail.start()
    assert tail.read() == numbered(11, 10 + count)


def test_files_that_begin_alike_are_two_files(log: Path) -> None:
    """T14."""
    tail = Tail(log)
    append(log, HEADER + numbered(1, 5))
    tail.read()
    shift(log)
    append(log, HEADER + numbered(11, 12))
    assert tail.read() == HEADER + numbered(11, 12)
    shift(log)
    append(log, HEADER + numbered(21, 29))
    shift(log)
    append(log, HEADER)
    assert tail.read() == HEADER + numbered(21, 29) + HEADER


def test_a_log_with_the_same_beginning_that_was_cut_and_has_grown_is_read_anew(log: Path) -> None:
    """T8, T14."""
    tail = Tail(log)
    append(log, HEADER + numbered(1, 5))
    tail.read()
    os.truncate(log, 0)
    append(log, HEADER + numbered(11, 19))
    assert tail.read() == HEADER + numbered(11, 19)


def test_a_line_that_is_finished_after_its_file_was_renamed_is_one_line(log: Path) -> None:
    """T15."""
    line = numbered(1, 1)[0]
    tail = Tail(log)
    with log.open("ab", buffering=0) as proxy:
        proxy.write(line[:30])
        tail.read()
        log.rename(beside(log, ".1"))
        append(log, numbered(2, 2))
        assert tail.read() == numbered(2, 2)
        proxy.write(line[30:] + b"\n")
        assert tail.read(30) == [line]


def test_a_line_that_is_never_finished_is_given_and_told_as_its_file_is_given_up(log: Path) -> None:
    """T15."""
    line = numbered(1, 1)[0]
    tail = Tail(log)
    log.write_bytes(line[:30])
    tail.read()
    log.rename(beside(log, ".1"))
    append(log, numbered(2, 2))
    assert tail.read() == numbered(2, 2)
    assert tail.read(30) == []
    assert tail.read(31) == [line[:30]]
    assert [(notice.kind, notice.lost_bytes) for notice in tail.notices] == [("unfinished line", 30)]
    for _ in range(4):
        assert tail.read(30) == []


def test_looking_into_an_archive_and_keeping_a_copy_repeats_nothing(log: Path) -> None:
    """T19: ``gunzip`` and ``cp`` by somebody who looks for something."""
    append(log, numbered(1, 5))
    append(beside(log, ".2"), numbered(90, 95))
    subprocess.run(["gzip", beside(log, ".2")], check=True)
    tail = Tail(log, None)
    tail.read()
    append(log, numbered(6, 7))
    tail.read()
    subprocess.run(["gunzip", beside(log, ".2.gz")], check=True)
    shutil.copyfile(log, beside(log, ".old"))
    tail.read()
    append(log, numbered(8, 8))
    log.rename(beside(log, ".1"))
    append(log, numbered(9, 9))
    tail.read()
    tail.read(120)
    tail.start()
    tail.read()
    assert tail.lines == numbered(6, 9)
