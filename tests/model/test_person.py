"""Who is written down as the one who decided."""

import os
import pwd
from pathlib import Path

import pytest

from tui.model.person import user_name, who

NOBODY = pwd.getpwnam("nobody")


def login(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "loginuid"
    path.write_text(text)
    return path


def test_the_login_user_counts_whatever_sudo_says(tmp_path: Path) -> None:
    assert who({"SUDO_USER": "mallory"}, login(tmp_path, str(NOBODY.pw_uid))) == "nobody"


@pytest.mark.parametrize("text", ["4294967295", "", "x"])
def test_without_a_login_the_user_behind_sudo_counts(tmp_path: Path, text: str) -> None:
    assert who({"SUDO_USER": "ana"}, login(tmp_path, text)) == "ana"


@pytest.mark.parametrize("environ", [{}, {"SUDO_USER": ""}])
def test_without_login_and_sudo_the_user_of_the_process_counts(tmp_path: Path, environ: dict[str, str]) -> None:
    assert who(environ, tmp_path / "none") == user_name(os.geteuid())


def test_a_hostile_name_is_made_inert(tmp_path: Path) -> None:
    name = who({"SUDO_USER": "a\x1b[2Jb\n" + "x" * 500}, tmp_path / "none")
    assert name.isprintable()
    assert len(name) <= 64


def test_a_user_without_a_name_is_told_by_number() -> None:
    assert user_name(3_999_999_999) == "3999999999"
