"""Adding and removing entries: nothing else in the file changes, nothing is lost, nothing is left half written."""

import errno
import fcntl
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.allowlist import edit
from tui.allowlist.load import load_file
from tui.config.errors import ConfigError

WRITTEN = '''# Ours. Ask ana before you change it.
[[allow]] # the CRM
host = "crm.example.com"
# a comment of the next entry

# about the deny
[[deny]]
host = "bad.example.com"   # seen in March
ports = [
  443, # tls
]

# about the mail
[[allow]]
host = "Mail.Example.com."
reason = """
two
# lines
"""
# the end
'''


def local(tmp_path: Path, text: str | None = WRITTEN) -> Path:
    path = tmp_path / "allowlist.local.toml"
    if text is not None:
        path.write_bytes(text.encode())
        path.chmod(0o644)
    return path


def add(path: Path, host: str | None = "new.example.com", reason: str = "CHG-1", action: str = "allow") -> None:
    edit.add_rule(path, action=action, host=host, network=None, ports=(443, 8443), roles=("api",),
                  expires=date(2027, 1, 31), reason=reason, by="ana", at="2026-11-23T12:00:00Z")  # fmt: skip


def remove(path: Path, host: str) -> bool:
    return edit.remove_rule(path, next(rule for rule in load_file(path) if rule.host == host))


def test_an_entry_is_appended_and_every_byte_before_it_stays(tmp_path: Path) -> None:
    path = local(tmp_path)
    add(path)
    text = path.read_text()
    assert text.startswith(WRITTEN)
    assert text.count("[[") == 4
    rule = load_file(path)[-1]
    assert (rule.host, rule.ports, rule.roles) == ("new.example.com", (443, 8443), ("api",))
    assert (rule.expires, rule.reason) == (date(2027, 1, 31), "CHG-1")


@pytest.mark.parametrize("text", [WRITTEN.rstrip("\n"), WRITTEN.replace("\n", "\r\n"), "# only a comment", ""])
def test_files_of_any_ending_take_an_entry(tmp_path: Path, text: str) -> None:
    path = local(tmp_path, text)
    before = len(load_file(path))
    add(path)
    assert path.read_bytes().startswith(text.encode())
    assert len(load_file(path)) == before + 1


def test_the_first_entry_makes_the_file_and_says_what_it_is(tmp_path: Path) -> None:
    path = local(tmp_path / "deeper" / "still", None)
    add(path)
    assert path.read_text().startswith("# Decisions taken with retool-egress.")
    assert path.stat().st_mode & 0o777 == 0o644
    assert [rule.host for rule in load_file(path)] == ["new.example.com"]


def test_taking_an_added_entry_out_again_gives_the_file_as_it_was_but_for_an_empty_line(tmp_path: Path) -> None:
    path = local(tmp_path)
    add(path)
    assert remove(path, "new.example.com")
    assert path.read_text() == WRITTEN + "\n"


@pytest.mark.parametrize(
    ("host", "gone"),
    [
        ("crm.example.com", '[[allow]] # the CRM\nhost = "crm.example.com"\n'),
        ("mail.example.com", '[[allow]]\nhost = "Mail.Example.com."\nreason = """\ntwo\n# lines\n"""\n'),
        (
            "bad.example.com",
            '[[deny]]\nhost = "bad.example.com"   # seen in March\nports = [\n  443, # tls\n]\n',
        ),
    ],
)
def test_removing_an_entry_takes_its_lines_and_no_others(tmp_path: Path, host: str, gone: str) -> None:
    path = local(tmp_path)
    assert remove(path, host)
    assert WRITTEN.count(gone) == 1
    assert path.read_text() == WRITTEN.replace(gone, "")


def test_removing_what_is_not_there_changes_nothing(tmp_path: Path) -> None:
    path = local(tmp_path)
    rule = load_file(path)[0]
    assert remove(path, rule.host or "")
    text = path.read_text()
    assert not edit.remove_rule(path, rule)
    assert path.read_text() == text


def test_an_entry_that_has_moved_since_it_was_read_is_still_found(tmp_path: Path) -> None:
    path = local(tmp_path)
    rule = next(rule for rule in load_file(path) if rule.host == "mail.example.com")
    path.write_text("# one more line\n" + WRITTEN)
    assert edit.remove_rule(path, rule)
    assert "Mail.Example.com" not in path.read_text()


def test_of_two_equal_entries_the_one_on_its_line_goes(tmp_path: Path) -> None:
    one = '[[allow]]\nhost = "a.example.com"\n'
    path = local(tmp_path, one + "# second\n" + one)
    assert edit.remove_rule(path, load_file(path)[1])
    assert path.read_text() == one + "# second\n"


@pytest.mark.parametrize(
    "text",
    [
        'allow = [{host = "a.example.com"}, {host = "b.example.com"}]\n',
        'allow = [\n  {host = "a.example.com"},\n  {host = "b.example.com"},\n]\n',
        '[[allow]]\nhost = "a.example.com"\nreason = """\n[[allow]]\n"""\n',
    ],
)
def test_a_file_written_in_another_way_is_left_alone_rather_than_spoilt(tmp_path: Path, text: str) -> None:
    path = local(tmp_path, text)
    rule = load_file(path)[0]
    with pytest.raises(ConfigError) as caught:
        edit.remove_rule(path, rule)
    assert caught.value.hint
    assert path.read_text() == text
    if text.startswith("allow"):
        with pytest.raises(ConfigError, match="no place for another entry"):
            add(path)
        assert path.read_text() == text


HOSTILE = ['"', "'''", '"""', "\\", "\n[[deny]]\nhost = 'x.y'\n", "\x1b]0;x\x07", "\x00", "\x7f", "\u2028", "\u202e",
           "#", "\ud800"]  # fmt: skip


@pytest.mark.parametrize("reason", [*HOSTILE, "".join(HOSTILE), "x" * 10_000])
def test_a_hostile_reason_stays_a_reason_and_inert(tmp_path: Path, reason: str) -> None:
    path = local(tmp_path)
    add(path, reason="a" + reason + "b")
    added = load_file(path)
    assert [rule.host for rule in added] == [
        "bad.example.com",
        "crm.example.com",
        "mail.example.com",
        "new.example.com",
    ]
    assert added[-1].reason.startswith("a")
    assert path.read_bytes().decode()[len(WRITTEN) :].replace("\n", "").isprintable()


@given(st.text(max_size=60).filter(str.isprintable))
def test_a_printable_reason_comes_back_as_it_was_given(tmp_path_factory: pytest.TempPathFactory, reason: str) -> None:
    path = local(tmp_path_factory.mktemp("reason"), None)
    add(path, reason=reason)
    assert all(char in reason + "\ufffd" for char in load_file(path)[0].reason)
    if reason.isascii():
        assert load_file(path)[0].reason == reason


@pytest.mark.parametrize("host", ["not a host", "*.com", "192.0.2.1", ""])
def test_an_entry_that_would_be_wrong_is_refused_and_the_file_stays(tmp_path: Path, host: str) -> None:
    path = local(tmp_path)
    with pytest.raises(ConfigError, match=r"host|wildcard"):
        add(path, host=host)
    assert path.read_text() == WRITTEN


def test_a_broken_file_is_told_and_not_replaced(tmp_path: Path) -> None:
    path = local(tmp_path, "[[allow]\n")
    with pytest.raises(ConfigError, match="no valid TOML"):
        add(path)
    assert path.read_text() == "[[allow]\n"


def test_a_file_that_others_may_write_is_not_made_to_look_trustworthy(tmp_path: Path) -> None:
    path = local(tmp_path)
    path.chmod(0o666)
    with pytest.raises(ConfigError, match="others may write"):
        add(path)
    assert path.stat().st_mode & 0o777 == 0o666
    assert path.read_text() == WRITTEN


def test_the_mode_of_the_file_stays(tmp_path: Path) -> None:
    path = local(tmp_path)
    path.chmod(0o600)
    add(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_link_to_the_file_stays_a_link(tmp_path: Path) -> None:
    real = tmp_path / "elsewhere.toml"
    real.write_text(WRITTEN)
    real.chmod(0o644)
    path = tmp_path / "allowlist.local.toml"
    path.symlink_to(real)
    add(path)
    assert path.is_symlink()
    assert "new.example.com" in real.read_text()


@pytest.mark.parametrize("fails", ["fsync", "fchmod"])
def test_a_full_disk_leaves_the_old_file_and_no_rubbish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = local(tmp_path)
    monkeypatch.setattr(os, fails, full)
    with pytest.raises(ConfigError, match="No space left") as caught:
        add(path)
    assert caught.value.hint
    assert path.read_text() == WRITTEN
    assert os.listdir(tmp_path) == [path.name]


def test_a_process_that_is_killed_while_it_writes_leaves_the_old_file(tmp_path: Path) -> None:
    path = local(tmp_path)
    program = (
        "import os, signal, sys; from pathlib import Path; from tui.allowlist import edit\n"
        "edit.os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        "edit.add_rule(Path(sys.argv[1]), action='allow', host='k.example.com', network=None, ports=None, roles=(),"
        " expires=None, reason='r', by='b', at='t')\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(path)], check=False, timeout=30)
    assert ended.returncode == -9
    assert path.read_text() == WRITTEN
    add(path)
    assert len(load_file(path)) == 4


def test_a_directory_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written") as caught:
        add(tmp_path / "file" / "allowlist.local.toml")
    assert "sudo" in caught.value.hint


def test_processes_that_add_at_once_lose_nothing(tmp_path: Path) -> None:
    path = local(tmp_path)
    program = (
        "import sys; from pathlib import Path; from tui.allowlist.edit import add_rule\n"
        "for n in range(5):\n"
        "    add_rule(Path(sys.argv[1]), action='allow', host=f'h{n}.p{sys.argv[2]}.example', network=None, ports=None,"
        " roles=(), expires=None, reason='r', by='b', at='t')\n"
    )
    children = [subprocess.Popen([sys.executable, "-c", program, str(path), str(n)]) for n in range(4)]
    assert [child.wait(30) for child in children] == [0] * 4
    hosts = {rule.host for rule in load_file(path)}
    assert {f"h{n}.p{p}.example" for n in range(5) for p in range(4)} < hosts
    assert path.read_text().startswith(WRITTEN)


def test_a_lock_that_nobody_lets_go_of_is_told_and_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edit, "LOCK_WAIT_S", 0.0)
    path = local(tmp_path)
    holder = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(holder, fcntl.LOCK_SH)
        with pytest.raises(ConfigError, match="locked"):
            add(path)
    finally:
        os.close(holder)
    add(path)
    assert len(load_file(path)) == 4
