"""Whether a record could be begun at a place, asked without touching it."""

import os
from pathlib import Path

import pytest

from tests.history.as_nobody import as_nobody
from tui.history.place import lock_path, prepare, refusal


def test_a_place_that_does_not_exist_yet_may_be_written_and_is_not_made(tmp_path: Path) -> None:
    assert refusal(tmp_path / "a" / "b" / "history.db") is None
    assert list(tmp_path.iterdir()) == []


def test_a_history_of_one_s_own_may_be_written_and_is_left_as_it_is(tmp_path: Path) -> None:
    history = tmp_path / "history.db"
    prepare(history)
    before = history.stat()
    assert refusal(history) is None
    assert history.stat() == before


@pytest.mark.parametrize("place", [lambda path: path, lock_path])
def test_what_is_no_regular_file_is_refused(tmp_path: Path, place: "type[Path]") -> None:
    history = tmp_path / "history.db"
    odd = place(history)
    odd.symlink_to(tmp_path / "elsewhere")
    assert refusal(history) == f"{odd} is not a regular file"


def test_a_file_where_a_folder_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert refusal(tmp_path / "file" / "history.db") is not None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody")
def test_a_user_without_rights_is_refused_by_the_folder_that_forbids_it() -> None:
    assert as_nobody(lambda: refusal(Path("/var/lib/retool-egress-test/history.db"))) == (
        "/var/lib may not be written by this user"
    )
