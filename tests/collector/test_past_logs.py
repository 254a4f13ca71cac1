"""Past logs are told in the order of their lines, each request once, whatever they were cut into."""

import os
from datetime import UTC
from pathlib import Path

import pytest

from tests.proxylog.ledger import LOGS
from tests.proxylog.packing import PACK
from tui.collector.chunks import Told
from tui.collector.past_logs import CHUNK, OPEN_MAX, Family, PastLog, Read, told_of
from tui.collector.past_sources import sources_of
from tui.model.connection import Outcome
from tui.proxylog.catalogue import FORMATS, formats_for
from tui.proxylog.siblings import log_of

NOW_US = 1_795_610_000_000_000


def squid(number: int) -> bytes:
    return b"%d.000 0 172.18.0.3 TCP_TUNNEL/200 39 CONNECT a.example:443 - HIER_DIRECT/198.51.100.22 -\n" % number


def smokescreen(folder: Path) -> Path:
    path = folder / "report.log"
    path.write_bytes((LOGS / "smokescreen/report.log").read_bytes())
    return path


def of_files(*paths: Path) -> Family:
    return Family(tuple(PastLog(path, str(path), NOW_US) for path in paths), FORMATS)


def told(family: Family, read: Read | None = None) -> list[Told]:
    return [each for _, some, _ in told_of([family], UTC, read or Read()) for each in some]


def test_chunks_are_bounded_and_tell_how_far_the_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    path.write_bytes(b"".join(map(squid, range(3 * CHUNK + 5))))
    read = Read()
    chunks = list(told_of([of_files(path)], UTC, read))
    assert [len(some) for _, some, _ in chunks] == [CHUNK, CHUNK, CHUNK, 5]
    done = [bytes_ for _, _, bytes_ in chunks]
    assert done == sorted(done)
    assert done[-1] == path.stat().st_size
    assert (read.lines, read.unparsed) == (3 * CHUNK + 5, 0)
    assert (read.first_us, read.last_us) == (0, (3 * CHUNK + 4) * 1_000_000)


def test_a_tunnel_is_told_at_its_end_with_what_it_was_known_by_while_it_was_open(tmp_path: Path) -> None:
    found = told(of_files(smokescreen(tmp_path)))
    tunnels = [each for each in found if each.opened is not None]
    assert tunnels
    assert all(each.request.outcome is not Outcome.OPEN for each in tunnels)
    assert all(each.opened != each.key for each in tunnels)


def test_what_is_open_when_the_log_ends_is_told_then(tmp_path: Path) -> None:
    path = smokescreen(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    whole = {each.opened: each.key for each in told(of_files(path)) if each.opened is not None}
    cut = next(number for number, line in enumerate(lines) if b"CANONICAL-PROXY-CN-CLOSE" in line)
    path.write_bytes(b"".join(lines[:cut]))
    still = [each.key for each in told(of_files(path)) if each.request.outcome is Outcome.OPEN]
    assert still
    assert set(still) <= set(whole)


def test_what_one_file_begins_the_next_one_ends(tmp_path: Path) -> None:
    path = smokescreen(tmp_path)
    whole = [each.request for each in told(of_files(path))]
    lines = path.read_bytes().splitlines(keepends=True)
    for cut in (1, len(lines) // 3, len(lines) // 2, len(lines) - 1):
        old, new = tmp_path / "old", tmp_path / "new"
        old.write_bytes(b"".join(lines[:cut]))
        new.write_bytes(b"".join(lines[cut:]))
        assert [each.request for each in told(of_files(old, new))] == whole


@pytest.mark.parametrize("file", ["squid/sslbump_splice_squid.log", "tinyproxy/info.log", "mitmdump/default_fd1.log"])
def test_a_log_gives_the_same_keys_however_often_it_is_read(file: str) -> None:
    first, second = (told(of_files(LOGS / file)) for _ in range(2))
    assert first == second
    assert len({each.key for each in first}) == len(first)


def test_tunnels_that_never_end_are_told_when_there_are_too_many(tmp_path: Path) -> None:
    line = (
        b"172.18.0.3:%d [23/Nov/2026:10:22:43.046] fe squids/squid1 0/0/0/0/+2 200 +54 - - ---- 1/1/0/0/0 0/0 "
        b'"CONNECT a.example:443 HTTP/1.1"\n'
    )
    path = tmp_path / "haproxy.log"
    path.write_bytes(b"".join(line % (1024 + number) for number in range(OPEN_MAX + 100)))
    found = told(of_files(path))
    assert len({each.key for each in found}) == OPEN_MAX + 100
    assert {each.request.outcome for each in found} == {Outcome.OPEN}


@pytest.mark.parametrize("kind", PACK)
def test_what_follows_a_cut_archive_is_read_all_the_same(tmp_path: Path, kind: str) -> None:
    cut, after = tmp_path / "cut", tmp_path / "after"
    packed = PACK[kind](b"".join(map(squid, range(9000))))
    cut.write_bytes(packed[: len(packed) * 2 // 3])
    after.write_bytes(squid(10_000))
    read = Read()
    found = told(of_files(cut, after), read)
    assert found[-1].request.ended_us == 10_000_000_000
    (fault,) = read.faults
    assert fault.startswith(f"{cut} is cut or damaged after ")


def test_a_file_that_goes_before_it_is_read_is_a_fault_and_no_end(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    path.write_bytes(squid(1))
    read = Read()
    assert len(told(of_files(tmp_path / "gone", path), read)) == 1
    assert read.faults == [f"{tmp_path}/gone cannot be read any further: No such file or directory"]


def test_logs_are_grouped_by_what_they_were_rotated_from_and_read_the_oldest_first(tmp_path: Path) -> None:
    ages = {"access.log": 1, "access.log.1": 2, "access.log.2.gz": 3, "other.log": 9}
    for name, age in ages.items():
        (tmp_path / name).write_bytes(squid(age))
        os.utime(tmp_path / name, (1_000_000 - age, 1_000_000 - age))
    sources = sources_of([str(tmp_path / name) for name in ages], NOW_US, FORMATS, {})
    assert [[log.source for log in family.logs] for family in sources.families] == [
        [tmp_path / "access.log.2.gz", tmp_path / "access.log.1", tmp_path / "access.log"],
        [tmp_path / "other.log"],
    ]
    assert {log.path for log in sources.families[0].logs} == {f"{tmp_path}/access.log"}
    assert [log.written_us for log in sources.families[0].logs] == [999_997_000_000, 999_998_000_000, 999_999_000_000]
    assert sources.size == sum((tmp_path / name).stat().st_size for name in ages)


def test_a_rotated_log_whose_log_is_not_there_is_named_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "10.0.0.1.log"
    path.write_bytes(squid(1))
    (family,) = sources_of([str(path)], NOW_US, FORMATS, {}).families
    assert family.logs[0].path == str(path)


def test_a_log_that_is_followed_has_its_own_format_and_its_own_name(tmp_path: Path) -> None:
    path, log = tmp_path / "access.log.1", tmp_path / "access.log"
    path.write_bytes(squid(1))
    own = formats_for("squid: %ru")
    (family,) = sources_of([str(path)], NOW_US, FORMATS, {str(log): own}).families
    assert (family.formats, family.logs[0].path) == (own, str(log))


def test_the_same_file_named_twice_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    path.write_bytes(squid(1))
    (tmp_path / "link").symlink_to(path)
    (family,) = sources_of([str(path), f"{tmp_path}/./access.log", f"{tmp_path}/link"], NOW_US, FORMATS, {}).families
    assert [log.source for log in family.logs] == [path]


def test_of_a_pipe_nobody_knows_the_size_and_its_lines_are_of_now(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    sources = sources_of([str(tmp_path / "pipe")], NOW_US, FORMATS, {})
    assert sources.size is None
    assert sources.families[0].logs[0].written_us == NOW_US
    assert sources_of(["-"], NOW_US, FORMATS, {}).size is None


def test_files_that_cannot_be_read_are_all_named(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    sources = sources_of([str(tmp_path), str(tmp_path / "none"), str(loop)], NOW_US, FORMATS, {})
    assert [each.what.partition(" ")[2].partition(":")[0] for each in sources.unusable] == [
        "is a folder", "does not exist", "cannot be read",
    ]  # fmt: skip


NAMES: dict[str, str] = {
    "access.log": "access.log",
    "access.log.0": "access.log",
    "access.log.12.zst": "access.log",
    "access.log-20261125.gz": "access.log",
    "access.log-20261125-1795610000": "access.log",
    "access.1.log": "access.log",
    "access-2026-11-25.log.xz": "access.log",
    "0.log.20261125-101010": "0.log",
    "access.log.old": "access.log",
    "squid.log": "squid.log",
    "a": "a",
}


@pytest.mark.parametrize("name", NAMES)
def test_the_log_of_a_rotated_file_is_known_by_its_name(name: str) -> None:
    assert log_of(name) == NAMES[name]
