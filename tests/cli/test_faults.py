"""Whatever is wrong with a file, the environment or a pipe ends in a sentence and a next step, never in a traceback."""

import os
import pty
import random
import shlex
import sqlite3
import struct
import subprocess
import termios
from fcntl import ioctl
from pathlib import Path

import pytest

from tests.cli.program import PROGRAM, Desk, run, without_file_privileges
from tests.cli.records import Call, record

READERS = [["status"], ["export"], ["alerts"], ["find", "203.0.113.77"]]
reading = pytest.mark.parametrize("words", READERS, ids=lambda words: str(words[0]))


def told(done: subprocess.CompletedProcess[str]) -> str:
    """The sentence and the next step of a fault; nothing else may be said."""
    assert (done.returncode, done.stdout) == (2, "")
    lines = done.stderr.splitlines()
    assert len(lines) == 2, done.stderr
    assert lines[0].startswith("Error: ")
    assert lines[1]
    return done.stderr


@reading
def test_a_missing_history_is_named_with_how_to_begin_one(desk: Desk, words: list[str]) -> None:
    text = told(desk.run(*words))
    assert str(desk.history) in text
    assert "retool-egress collect" in text
    assert not desk.history.exists()


@reading
def test_a_history_that_may_not_be_read_is_an_error_and_not_an_empty_answer(desk: Desk, words: list[str]) -> None:
    before = without_file_privileges()
    if before is None:
        pytest.skip("setpriv is needed to take root's file privileges away")
    record(desk.history, [Call()])
    desk.history.chmod(0)
    text = told(run([*before, *desk.argv(*words)], desk.environment()))
    assert "may not read" in text
    assert "sudo" in text


@reading
def test_a_file_that_is_no_history_is_kept_and_named(desk: Desk, words: list[str]) -> None:
    junk = random.Random(7).randbytes(8192)
    desk.history.write_bytes(junk)
    text = told(desk.run(*words))
    assert "not a sound history" in text
    assert "mv " in text
    assert desk.history.read_bytes() == junk


def test_a_history_that_is_damaged_in_the_middle_is_named_too(desk: Desk) -> None:
    record(desk.history, [Call(f"h{number}.example.com", after_s=number) for number in range(2000)])
    with desk.history.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(size // 3 // 4096 * 4096)
        file.write(b"\xff" * (size // 2))
    done = desk.run("export", "--format", "ndjson")
    assert done.returncode == 2
    assert "damaged" in done.stderr or "not a sound history" in done.stderr
    assert "Traceback" not in done.stderr


@reading
def test_a_history_of_a_later_version_asks_for_an_upgrade(desk: Desk, words: list[str]) -> None:
    record(desk.history)
    with sqlite3.connect(desk.history) as db:
        db.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) "
            "VALUES ('retool-egress', 'm999_later', '2027-01-01')"
        )
    db.close()
    text = told(desk.run(*words))
    assert "later version" in text
    assert "Upgrade" in text


def test_a_folder_is_no_history(desk: Desk) -> None:
    done = run([*PROGRAM, "--history", str(desk.folder), "status"], desk.environment())
    assert done.returncode == 2
    assert "is a directory" in done.stderr


def test_a_collector_that_may_not_write_says_so(desk: Desk) -> None:
    wall = desk.folder / "wall"
    wall.write_text("")
    text = told(run([*PROGRAM, "--history", str(wall / "history.db"), "collect", "--for", "1s"], desk.environment()))
    assert "cannot write" in text
    assert "--history FILE" in text


@pytest.mark.parametrize(
    ("toml", "line", "hint"),
    [
        ("[sockets]\ninterval = 2\n", 2, "`interval_s`"),
        ("# x\n[names\nforward = true\n", 2, ""),
        ("[names]\nforward = maybe\n", 2, ""),
        ("[sockets]\n\ninterval_s = 0\n", 3, ""),
        ('[names]\nnameservers = ["nine"]\n', 2, ""),
        ('[internal]\nnetworks = ["10.0.0.5/8"]\n', 2, "CIDR"),
        ("[sokcets]\n", 1, "`sockets`"),
    ],
)
def test_a_broken_configuration_is_named_with_file_and_line(desk: Desk, toml: str, line: int, hint: str) -> None:
    desk.config.write_text(toml)
    text = told(desk.run("catalog", "show"))
    assert f"{desk.config}:{line}: " in text
    assert hint in text


def test_a_configuration_that_was_named_and_is_not_there_is_an_error(desk: Desk) -> None:
    desk.config.unlink()
    assert "no such file" in told(desk.run("catalog", "show"))


def test_files_come_from_the_environment(desk: Desk) -> None:
    record(desk.history, [Call("from-env.example.com")])
    desk.config.write_text('[[service]]\nid = "x"\ncategory = "Mine"\nhosts = ["mine.example.com"]\n')
    env = desk.environment(RETOOL_EGRESS_HISTORY=str(desk.history), RETOOL_EGRESS_CONFIG=str(desk.config))
    assert "from-env.example.com" in run([*PROGRAM, "export"], env).stdout
    assert "mine.example.com" in run([*PROGRAM, "catalog", "show"], env).stdout


def test_an_option_wins_over_the_environment(desk: Desk) -> None:
    record(desk.history, [Call("from-option.example.com")])
    elsewhere = str(desk.folder / "elsewhere.db")
    env = {"RETOOL_EGRESS_HISTORY": elsewhere, "RETOOL_EGRESS_CONFIG": str(desk.folder / "elsewhere.toml")}
    assert "from-option.example.com" in desk.run("export", env=env).stdout
    assert desk.run("allowlist", "show", env=env).returncode == 0


@pytest.mark.parametrize(
    "words", [["export", "--format", "ndjson"], ["catalog", "show"], ["find", "203.0.113.10"], ["--help"]], ids="-".join
)
def test_a_reader_that_goes_away_is_told_by_141_and_no_traceback(desk: Desk, words: list[str]) -> None:
    record(desk.history, [Call(after_s=number) for number in range(1000)])
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as gone:
        done = subprocess.run(
            desk.argv(*words), env=desk.environment(), stdout=gone, stderr=subprocess.PIPE, text=True, timeout=30
        )
    assert done.returncode == 141
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_the_first_line_can_be_taken_alone(desk: Desk) -> None:
    record(desk.history, [Call(after_s=number) for number in range(3000)])
    with subprocess.Popen(
        desk.argv("export", "--format", "csv"), env=desk.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b"id,opened_at,")
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()


@pytest.mark.parametrize("words", [["status"], ["export"], ["alerts"], ["find", "203.0.113.10"], ["catalog", "show"]])
def test_a_locale_without_unicode_loses_letters_and_not_the_answer(desk: Desk, words: list[str]) -> None:
    record(desk.history, [Call(process="caf\u00e9\u202e\u4e16")])
    env = desk.environment(LC_ALL="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    done = run(desk.argv(*words), env)
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert done.stdout


@pytest.mark.parametrize(("columns", "widest"), [(None, 100), ("80", 80)])
def test_a_table_fits_the_terminal_or_what_columns_says(desk: Desk, columns: str | None, widest: int) -> None:
    record(desk.history, [Call("a-rather-long-name." * 6 + "example.com", process="a-process-with-a-name")])
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    env = desk.environment(**({"COLUMNS": columns} if columns else {}))
    subprocess.run(desk.argv("export"), env=env, stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL, timeout=30)
    os.close(theirs)
    lines = read_all(ours).splitlines()
    assert len(lines) == 2
    assert max(map(len, lines)) <= widest
    assert "…" in lines[1]


def read_all(descriptor: int) -> str:
    """What was written to a pty whose other end is closed."""
    found = b""
    try:
        while part := os.read(descriptor, 65536):
            found += part
    except OSError:  # EIO: Linux's end of a pty
        pass
    finally:
        os.close(descriptor)
    return found.decode()


def test_a_table_that_nobody_looks_at_is_not_cut(desk: Desk) -> None:
    name = "a-rather-long-name." * 6 + "example.com"
    record(desk.history, [Call(name)])
    assert name in desk.run("export", env={"COLUMNS": "40"}).stdout


def test_the_screen_is_refused_on_a_dumb_terminal(desk: Desk) -> None:
    ours, theirs = pty.openpty()
    env = desk.environment(TERM="dumb")
    done = subprocess.run(desk.argv(), env=env, stdin=theirs, stdout=theirs, stderr=theirs, timeout=30)
    os.close(theirs)
    assert done.returncode == 2
    assert "TERM is dumb" in read_all(ours)


STREAMS = ("stdin", "stdout", "stderr")


@pytest.mark.parametrize("elsewhere", STREAMS)
def test_the_screen_needs_a_terminal_at_all_three_streams(desk: Desk, elsewhere: str) -> None:
    ours, theirs = pty.openpty()
    given, shown, told_to = (subprocess.DEVNULL if elsewhere == name else theirs for name in STREAMS)
    env = desk.environment(TERM="xterm")
    done = subprocess.run(desk.argv(), env=env, stdin=given, stdout=shown, stderr=told_to, timeout=30)
    os.close(theirs)
    told = read_all(ours)
    assert done.returncode == 2
    assert "\x1b" not in told
    assert "no terminal" in told or elsewhere == "stderr"


def test_the_screen_is_refused_where_there_is_no_terminal_with_what_works(desk: Desk) -> None:
    done = desk.run()
    assert (done.returncode, done.stdout) == (2, "")
    assert "no terminal" in done.stderr
    for command in ("status", "alerts", "export"):
        assert f"retool-egress {command}" in done.stderr
    assert not desk.history.exists()


def test_a_regular_expression_that_never_ends_is_given_up_with_a_word(desk: Desk) -> None:
    record(desk.history, [Call("a" * 60 + "!.example.com")])
    done = desk.run("export", "host:/^(a|aa)+$/")
    assert (done.returncode, done.stdout.count("\n")) == (2, 0)
    assert "takes too long" in done.stderr


def test_a_full_disk_behind_stdout_is_told_and_is_no_answer(desk: Desk) -> None:
    with Path("/dev/full").open("w") as full:
        argv, env = desk.argv("catalog", "show"), desk.environment()
        done = subprocess.run(argv, env=env, stdout=full, stderr=subprocess.PIPE, text=True, timeout=30)
    assert done.returncode == 2
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_streams_that_the_caller_has_closed_end_nothing_half_way(desk: Desk, closed: str) -> None:
    shell = f"{shlex.join(desk.argv('allowlist', 'check', 'api.openai.com'))} {closed}"
    done = subprocess.run(["sh", "-c", shell], env=desk.environment(), capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["history.db.lock", "allowlist.toml"])
def test_a_pipe_in_the_place_of_a_file_hangs_nothing(desk: Desk, name: str) -> None:
    record(desk.history, [])
    desk.folder.joinpath(name).unlink(missing_ok=True)
    os.mkfifo(desk.folder / name, 0o600)
    for command in (["status"], ["allowlist", "show"], ["collect", "--for", "1s"]):
        assert "Traceback" not in desk.run(*command).stderr
    assert "not a regular file" in (desk.run("collect", "--for", "1s").stderr)
