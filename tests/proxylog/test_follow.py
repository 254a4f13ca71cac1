"""A log that grows: its lines, its beginnings, its rights."""

import os
import shutil
import tempfile
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.proxylog.tail import Tail, append, numbered
from tui.proxylog.follow import Follower
from tui.proxylog.format import RAW_MAX


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


def test_lines_come_once_and_in_order_from_a_log_and_a_directory_that_are_made_later(tmp_path: Path) -> None:
    """T1."""
    path = tmp_path / "squid" / "access.log"
    tail = Tail(path)
    assert tail.read() == []
    assert tail.state == "waiting for file"
    path.parent.mkdir()
    assert tail.read() == []
    path.touch()
    assert tail.read() == []
    assert tail.state == "following"
    for first in range(1, 400, 40):
        append(path, numbered(first, first + 39))
        tail.read()
    assert tail.lines == numbered(1, 400)


def test_a_burst_larger_than_one_reading_comes_whole_and_tells_how_much_waits(log: Path) -> None:
    """T1, T25."""
    append(log, numbered(1, 999) * 100)
    follower = Follower(log, ())
    got = follower.read(1.0, most=100_000)
    assert got.lag == log.stat().st_size - 100_000
    count = len(got.lines)
    while got.lag:
        got = follower.read(1.0)
        count += len(got.lines)
    assert count == 99_900


def test_a_first_run_begins_at_the_end_and_at_the_beginning_of_the_line_being_written(log: Path) -> None:
    """T21."""
    append(log, numbered(1, 5))
    append(log.with_name("access.log.1"), numbered(100, 120))
    with log.open("ab") as file:
        file.write(b"begun bef")
    tail = Tail(log, None)
    assert tail.read() == []
    with log.open("ab") as file:
        file.write(b"ore\n")
    append(log, numbered(6, 7))
    assert tail.read() == [b"begun before", *numbered(6, 7)]


def test_a_first_run_from_the_start_reads_the_log_and_not_what_was_rotated_before(log: Path) -> None:
    """T21."""
    append(log, numbered(1, 5))
    append(log.with_name("access.log.1"), numbered(100, 120))
    assert Tail(log, None, from_start=True).read() == numbered(1, 5)


def test_a_first_run_on_ten_gigabytes_begins_at_once(log: Path) -> None:
    """T21."""
    with log.open("wb") as file:
        file.truncate(10 << 30)
        file.seek(0, os.SEEK_END)
        file.write(b"\n" + numbered(1, 1)[0] + b"\n")
    tail = Tail(log, None)
    assert tail.read() == []
    append(log, numbered(2, 2))
    assert tail.read() == numbered(2, 2)


def test_what_was_not_committed_is_read_again(log: Path) -> None:
    """T20."""
    append(log, numbered(1, 3))
    tail = Tail(log)
    tail.read()
    append(log, numbered(4, 6))
    assert tail.follower.read(1001.0).lines == numbered(4, 6)
    tail.start()
    assert tail.read() == numbered(4, 6)


def test_an_older_state_gives_the_lines_since_then_and_none_begins_at_the_end(log: Path) -> None:
    """T21: marks that were restored from a backup, and marks that are lost."""
    append(log, numbered(1, 3))
    tail = Tail(log)
    tail.read()
    older = tail.marks
    append(log, numbered(4, 6))
    tail.read()
    assert Tail(log, older).read() == numbered(4, 6)
    assert Tail(log, None).read() == []


@pytest.mark.parametrize("cut", [1, 20, 70])
def test_a_line_written_in_parts_is_one_line(log: Path, cut: int) -> None:
    """T15: completed after a moment, or after ten seconds and a restart."""
    line = numbered(1, 1)[0]
    tail = Tail(log)
    with log.open("ab", buffering=0) as file:
        file.write(line[:cut])
        assert tail.read() == []
        file.write(line[cut:] + b"\n" + line[:cut])
        assert tail.read() == [line]
        tail.start()
        assert tail.read(10) == []
        file.write(line[cut:] + b"\n")
    assert tail.read() == [line]


@pytest.mark.parametrize(
    ("written", "lines"),
    [
        (b"a\r\nb\r\n", [b"a", b"b"]),
        (b"a\rb\nc\r\r\n", [b"a\rb", b"c\r"]),
        (b"\n\na\n", [b"", b"", b"a"]),
        (b"a\x85b\xe2\x80\xa8c\x0bd\x0ce\x1cf\n", [b"a\x85b\xe2\x80\xa8c\x0bd\x0ce\x1cf"]),
        (b"\xff\xfe \x1b]0;x\x07 [red] [link=http://x] \xe2\x80\xae a\0b\n", None),
    ],
)
def test_only_a_line_feed_ends_a_line_and_every_other_byte_stays(
    log: Path, written: bytes, lines: list[bytes] | None
) -> None:
    """T16, T18."""
    log.write_bytes(written)
    assert Tail(log).read() == (lines or [written[:-1]])


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_lines_that_end_anywhere_in_a_buffer_keep_their_bytes(log: Path, ending: bytes) -> None:
    """T16."""
    lines = [("é" * length).encode() for length in range(1, 1500)]
    log.write_bytes(b"".join(line + ending for line in lines))
    tail = Tail(log)
    assert tail.read() == lines
    for most in (1, 2, 3, 257):
        log.write_bytes(lines[700] + ending)
        follower, read = Follower(log, ()), []
        while (got := follower.read(1.0, most)).lag:
            read += got.lines
        assert read + got.lines == [lines[700]]
        follower.close()


@pytest.mark.parametrize("size", [200_000, 5_000_000])
def test_a_long_line_is_cut_and_counted_and_the_next_are_read(log: Path, size: int) -> None:
    """T17."""
    tail = Tail(log)
    append(log, [b"before", b"x" * size, b"after"])
    assert tail.read() == [b"before", b"x" * RAW_MAX, b"after"]
    assert tail.kinds() == ["long lines"]
    assert tail.notices[0].lost_bytes == size - RAW_MAX


def test_two_hundred_megabytes_without_an_end_take_little_memory_and_cost_no_other_line(log: Path) -> None:
    """T17."""
    tail = Tail(log)
    append(log, numbered(1, 1))
    tail.read()
    with log.open("ab") as file:
        for _ in range(200):
            file.write(b"x" * 1_000_000)
    tracemalloc.start()
    assert tail.read() == []
    append(log, [b"", *numbered(2, 2)])
    assert tail.read() == [b"x" * RAW_MAX, *numbered(2, 2)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16_000_000


def test_a_hole_left_by_a_writer_that_does_not_append_is_passed_over(log: Path) -> None:
    """T10: copytruncate under a writer that keeps its place, here at eight gigabytes."""
    with log.open("wb", buffering=0) as file:
        tail = Tail(log)
        file.write(numbered(1, 1)[0] + b"\n")
        tail.read()
        os.truncate(log, 0)
        file.seek(8 << 30)
        file.write(numbered(2, 2)[0] + b"\n")
        assert tail.read() == numbered(2, 2)
        file.write(numbered(3, 3)[0] + b"\n")
        assert tail.read() == numbered(3, 3)
    assert tail.kinds() == ["truncated", "hole"]
    tail.start()
    assert tail.read() == []


def test_nuls_before_a_line_are_passed_over_where_the_file_system_knows_no_holes(log: Path) -> None:
    """T10."""
    log.write_bytes(b"\0" * 3_000_000 + numbered(1, 1)[0] + b"\n")
    tail = Tail(log)
    assert tail.read() == numbered(1, 1)
    tail.start()
    assert tail.read() == []


def test_a_clock_that_stands_and_times_that_do_not_change_hide_nothing(log: Path) -> None:
    """T24."""
    tail = Tail(log)
    for number in range(1, 5):
        append(log, numbered(number, number))
        os.utime(log, (1, 1))
        os.utime(log.parent, (1, 1))
        assert tail.read(0) == numbered(number, number)
        log.rename(log.with_name(f"access.log.{5 - number}"))


def test_a_path_that_is_no_file_is_told_and_followed_once_it_is_one(log: Path) -> None:
    os.mkfifo(log)
    tail = Tail(log)
    tail.read()
    assert tail.state.startswith("unreadable")
    log.unlink()
    append(log, numbered(1, 1))
    assert tail.read() == numbered(1, 1)


@contextmanager
def as_somebody() -> Iterator[None]:
    """Without the rights of root."""
    if os.geteuid() != 0:
        yield
        return
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


@pytest.fixture
def open_log() -> Iterator[Path]:
    """A log in a directory that anybody may enter."""
    directory = Path(tempfile.mkdtemp())
    directory.chmod(0o755)
    yield directory / "access.log"
    directory.chmod(0o755)
    shutil.rmtree(directory)


def test_a_log_that_may_not_be_read_names_the_group_and_is_read_once_it_may(open_log: Path) -> None:
    """T22: squid's log is 0640 proxy:proxy."""
    append(open_log, numbered(1, 3))
    open_log.chmod(0o040)
    tail = Tail(open_log)
    with as_somebody():
        tail.read()
    group = open_log.group()
    assert tail.state.endswith(f"access.log is 0040 {open_log.owner()}:{group}; join group {group}")
    open_log.chmod(0o644)
    with as_somebody():
        assert tail.read() == numbered(1, 3)


def test_a_new_file_for_root_alone_is_told_and_the_old_one_is_read_on(open_log: Path) -> None:
    """T22: ``create 0600 root`` after rotation."""
    append(open_log, numbered(1, 1))
    tail = Tail(open_log)
    with as_somebody():
        tail.read()
    rotated = open_log.with_name("access.log.1")
    open_log.rename(rotated)
    append(open_log, numbered(3, 3))
    open_log.chmod(0o000)
    append(rotated, numbered(2, 2))
    with as_somebody():
        assert tail.read() == numbered(2, 2)
    assert "no group may read it" in tail.state
    open_log.chmod(0o644)
    with as_somebody():
        assert tail.read() == numbered(3, 3)
    assert tail.state == "following"


def test_a_first_run_that_may_not_read_the_log_begins_at_its_end_once_it_may(open_log: Path) -> None:
    """T22."""
    append(open_log, numbered(1, 3))
    open_log.chmod(0o000)
    tail = Tail(open_log, None)
    with as_somebody():
        tail.read()
        assert tail.marks is None
    open_log.chmod(0o644)
    with as_somebody():
        tail.start()
        assert tail.read() == []
    append(open_log, numbered(4, 4))
    with as_somebody():
        assert tail.read() == numbered(4, 4)


def test_a_directory_that_may_be_entered_and_not_listed_is_told_once_and_the_log_is_followed(open_log: Path) -> None:
    """T22."""
    append(open_log, numbered(1, 1))
    open_log.parent.chmod(0o311)
    tail = Tail(open_log)
    with as_somebody():
        assert tail.read() == numbered(1, 1)
        tail.read(11)
    assert tail.kinds() == ["unlistable"]
    open_log.parent.chmod(0o755)
