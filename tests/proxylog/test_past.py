"""Whole logs that are over: plain, compressed, cut, from standard input."""

import gzip
import io
import random
import sys
import tracemalloc
from pathlib import Path

import pytest

from tests.proxylog.packing import PACK
from tests.proxylog.tail import numbered
from tui.proxylog.past import CutShort, lines_of

KINDS = ("", *PACK)


def joined(lines: list[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def read(path: Path) -> list[bytes]:
    """All its lines."""
    return [line for lines in lines_of(path, lambda _: None) for line in lines]


def read_what_there_is(path: Path) -> tuple[list[bytes], CutShort]:
    """The lines of an archive that is cut, and what is told of it."""
    lines: list[bytes] = []
    try:
        for some in lines_of(path, lambda _: None):
            lines += some
    except CutShort as cut:
        return lines, cut
    raise AssertionError("it is not cut")


@pytest.mark.parametrize("kind", KINDS)
def test_a_log_is_read_by_what_it_holds_whatever_its_name_is(tmp_path: Path, kind: str) -> None:
    """T23."""
    path = tmp_path / "access"
    path.write_bytes(PACK.get(kind, bytes)(joined(numbered(1, 999))))
    assert read(path) == numbered(1, 999)


@pytest.mark.parametrize("kind", PACK)
def test_an_archive_of_many_parts_is_read_whole(tmp_path: Path, kind: str) -> None:
    """T23: what appending to an archive, or packing in parallel, makes; a line may go on in the next part."""
    path = tmp_path / "access"
    text = joined(numbered(1, 900))
    path.write_bytes(b"".join(PACK[kind](text[place : place + 1000]) for place in range(0, len(text), 1000)))
    assert read(path) == numbered(1, 900)


@pytest.mark.parametrize("kind", PACK)
def test_an_archive_that_is_cut_gives_what_it_has_and_tells_how_far_it_was_read(tmp_path: Path, kind: str) -> None:
    """T23."""
    path, chance = tmp_path / "access", random.Random(1)
    lines = [b"%0100x" % chance.getrandbits(400) for _ in range(20_000)]
    packed = PACK[kind](joined(lines))
    path.write_bytes(packed[: len(packed) * 3 // 4])
    got, cut = read_what_there_is(path)
    assert got[:-1] == lines[: len(got) - 1]
    assert len(got) > 5000
    assert cut.text_bytes == len(joined(got)) - (got[-1] != lines[len(got) - 1])


@pytest.mark.parametrize("kind", PACK)
def test_an_archive_that_is_spoilt_is_told(tmp_path: Path, kind: str) -> None:
    """T23."""
    path, text = tmp_path / "access", random.Random(1).randbytes(200_000)
    packed = bytearray(PACK[kind](text))
    packed[len(packed) // 2 : len(packed) // 2 + 64] = bytes(64)
    path.write_bytes(packed)
    with pytest.raises(CutShort):
        read(path)


def test_what_follows_an_archive_and_is_none_is_told(tmp_path: Path) -> None:
    path = tmp_path / "access"
    path.write_bytes(gzip.compress(joined(numbered(1, 3))) + b"no archive")
    with pytest.raises(CutShort):
        read(path)


def test_a_last_line_without_an_end_is_a_line(tmp_path: Path) -> None:
    path = tmp_path / "access"
    path.write_bytes(b"one\ntwo")
    assert read(path) == [b"one", b"two"]
    path.write_bytes(b"")
    assert read(path) == []


@pytest.mark.parametrize("kind", KINDS)
def test_standard_input_is_read_like_a_file(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    packed = PACK.get(kind, bytes)(joined(numbered(1, 99)))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(packed)))
    assert [line for lines in lines_of("-", lambda _: None) for line in lines] == numbered(1, 99)


def test_progress_adds_up_to_the_size_of_the_file_as_it_is_stored(tmp_path: Path) -> None:
    path = tmp_path / "access.gz"
    path.write_bytes(gzip.compress(random.Random(1).randbytes(1_000_000)))
    steps: list[int] = []
    for _ in lines_of(path, steps.append):
        pass
    assert sum(steps) == path.stat().st_size
    assert len(steps) > 2


@pytest.mark.parametrize("kind", PACK)
def test_an_archive_that_unpacks_a_thousandfold_takes_little_memory(tmp_path: Path, kind: str) -> None:
    """One line of 100 MB, and no line feed in it."""
    path = tmp_path / "access"
    path.write_bytes(PACK[kind](b"x" * 100_000_000))
    tracemalloc.start()
    assert len(read(path)) == 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16_000_000
