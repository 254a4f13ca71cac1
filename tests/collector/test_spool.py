"""What stands between an import and whoever records it: nothing that is in the folder does harm."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tui.collector.chunks import VERSION, Answer, Told, encode_chunk
from tui.collector.spool import CHUNK_MAX, Spool, Strange, spool_path
from tui.model.connection import Endpoint, Outcome
from tui.model.request import Request

NOON_US = 1_795_435_200_000_000
REQUEST = Request(
    "api.stripe.com", 443, Outcome.DENIED, NOON_US, NOON_US + 9, Endpoint("172.18.0.3", 40_000), "2001:db8::1", 10, 20,
    "TCP_DENIED/403",
)  # fmt: skip
TOLD = [
    Told(REQUEST, (498_732, -(1 << 63)), None),
    Told(Request(None, None, Outcome.OPEN, None, None, None), (0, (1 << 63) - 1), (1, 2)),
]
LINE = [[1, 2], None, "a.example", 443, "closed", NOON_US, NOON_US, ["172.18.0.3", 1], None, 1, 2, "", False]
PLACES = {"host": 2, "port": 3, "outcome": 4, "started_us": 5, "client": 7, "address": 8, "sent": 9, "reason": 11}


@pytest.fixture
def history(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


@pytest.fixture
def spool(history: Path) -> Iterator[Spool]:
    begun = Spool.begin(history)
    yield begun
    begun.close()


def chunk_of(**changed: Any) -> bytes:
    """A chunk of one line in which something is as nobody would write it."""
    line = list(LINE)
    for name, value in changed.items():
        line[PLACES[name]] = value
    return msgspec.msgpack.encode([VERSION, "/var/log/access.log", [line]])


def test_chunks_come_out_as_they_were_put_in_and_in_order(spool: Spool) -> None:
    first, second = spool.put("/a", TOLD), spool.put("/b", TOLD[:1])
    found = spool.first()
    assert found is not None
    assert (found.number, found.path, list(found.told)) == (first, "/a", TOLD)
    spool.answer(first, Answer(1, 1))
    following = spool.first()
    assert following is not None
    assert (following.number, following.path, list(following.told)) == (second, "/b", TOLD[:1])


def test_what_follows_a_chunk_is_found_before_that_is_recorded(spool: Spool) -> None:
    first, second = spool.put("/a", TOLD), spool.put("/b", TOLD[:1])
    following = spool.first(first)
    assert following is not None
    assert following.number == second
    assert spool.first(second) is None


def test_what_became_of_a_chunk_is_told_once_it_is_recorded(spool: Spool) -> None:
    number = spool.put("/a", TOLD)
    assert spool.take_answer(number) is None
    spool.answer(number, Answer(2, 0))
    assert spool.take_answer(number) == Answer(2, 0)
    assert spool.first() is None


def test_a_chunk_that_went_without_an_answer_is_not_waited_for(spool: Spool) -> None:
    number = spool.put("/a", TOLD)
    (spool.path / f"{number:010}").unlink()
    assert spool.take_answer(number) == Answer(0, 0)


def test_of_two_chunks_that_are_recorded_before_anybody_asks_each_has_its_own_answer(spool: Spool) -> None:
    numbers = []
    for new in (3, 5):
        numbers.append(spool.put("/log", TOLD))
        spool.answer(numbers[-1], Answer(new, 0))
    assert [spool.take_answer(number) for number in numbers] == [Answer(3, 0), Answer(5, 0)]


def test_nobody_else_can_read_or_write_there(spool: Spool) -> None:
    spool.put("/a", TOLD)
    assert stat.S_IMODE(spool.path.stat().st_mode) == 0o700
    assert [stat.S_IMODE(each.stat().st_mode) for each in spool.path.iterdir()] == [0o600]


def test_the_folder_goes_with_the_import_unless_something_waits(history: Path) -> None:
    spool = Spool.begin(history)
    number = spool.put("/a", TOLD)
    spool.end()
    assert spool_path(history).is_dir()
    again = Spool.begin(history)
    again.answer(number, Answer(2, 0))
    again.end()
    assert not spool_path(history).exists()


def test_only_one_import_has_the_folder(history: Path, spool: Spool) -> None:
    with pytest.raises(BlockingIOError):
        Spool.begin(history)
    found = Spool.find(history)
    assert found is not None
    found.close()


def test_where_nothing_is_imported_there_is_no_folder(history: Path) -> None:
    assert Spool.find(history) is None


def test_a_link_or_a_file_in_its_place_is_refused(history: Path) -> None:
    (history.parent / "elsewhere").mkdir()
    spool_path(history).symlink_to("elsewhere")
    for take in (Spool.find, Spool.begin):
        with pytest.raises(OSError, match=r"directory|link"):
            take(history)
    spool_path(history).unlink()
    spool_path(history).touch()
    for take in (Spool.find, Spool.begin):
        with pytest.raises(OSError, match="directory"):
            take(history)


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
def test_a_folder_that_others_may_write_is_refused(history: Path, mode: int) -> None:
    spool_path(history).mkdir()
    spool_path(history).chmod(mode)
    with pytest.raises(PermissionError):
        Spool.find(history)


def test_a_folder_of_another_user_is_refused(history: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to make one")
    spool_path(history).mkdir(mode=0o700)
    os.chown(spool_path(history), 65_534, 65_534)
    with pytest.raises(PermissionError):
        Spool.find(history)


def test_root_imports_for_the_user_who_owns_the_folder_of_the_history(history: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    os.chown(history.parent, 65_534, 65_534)
    spool = Spool.begin(history)
    spool.put("/a", TOLD)
    assert {each.stat().st_uid for each in (spool.path, *spool.path.iterdir())} == {65_534}
    assert spool.first() is not None
    spool.end()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00",
        b"\xff" * 100,
        b"\xdd\xff\xff\xff\xff",
        msgspec.msgpack.encode([VERSION + 1, "/a", []]),
        msgspec.msgpack.encode({"version": VERSION}),
        msgspec.msgpack.encode([VERSION, "/a", [[]]]),
        encode_chunk("/a", TOLD)[:-1],
        chunk_of(host=""),
        chunk_of(host="a" * 256),
        chunk_of(host="a\x1b]52;c;aGk=\x07"),
        chunk_of(port=65_536),
        chunk_of(outcome="eaten"),
        chunk_of(started_us=-1),
        chunk_of(started_us=1 << 62),
        chunk_of(client=["not an address", 1]),
        chunk_of(client=["172.18.0.3", -1]),
        chunk_of(address="1.2.3"),
        chunk_of(sent=1 << 63),
        chunk_of(sent=True),
        chunk_of(reason="\x1b[2J"),
        b"\0" * (CHUNK_MAX + 1),
    ],
)
def test_a_chunk_that_no_import_would_write_is_refused_and_put_away(spool: Spool, content: bytes) -> None:
    (spool.path / "0000000001").write_bytes(content)
    number = spool.put("/a", TOLD)
    with pytest.raises(Strange) as strange:
        spool.first()
    assert str(strange.value).isprintable()
    spool.refuse(strange.value)
    answer = spool.take_answer(1)
    assert answer is not None
    assert answer.fault == strange.value.why
    following = spool.first()
    assert following is not None
    assert following.number == number


def test_what_is_no_file_is_put_away_too(spool: Spool) -> None:
    target = spool.path.parent / "secret"
    target.write_bytes(encode_chunk("/a", TOLD))
    (spool.path / "0000000001").symlink_to(target)
    os.mkfifo(spool.path / "0000000002")
    (spool.path / "0000000003").mkdir()
    (spool.path / "0000000004").write_bytes(encode_chunk("/a", TOLD))
    for _ in range(3):
        with pytest.raises(Strange) as strange:
            spool.first()
        spool.refuse(strange.value)
    found = spool.first()
    assert found is not None
    assert found.number == 4
    assert target.read_bytes() == encode_chunk("/a", TOLD)


def test_files_of_other_names_are_let_be(spool: Spool) -> None:
    for name in ("1", "notes", "0000000001.new", "00000000001", "-000000001"):
        (spool.path / name).write_bytes(b"x")
    assert spool.first() is None
    assert spool.put("/a", TOLD) == 1
