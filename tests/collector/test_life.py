"""The life of a real collector: how it begins, how it ends, and what it does when its files fail it."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import pytest

from tests.collectors import ROOT, Collecting, start_here
from tui.capture.netns import own_namespace
from tui.history.place import holder_of
from tui.history.read import HEARTBEAT_US, Reader

QUIET = "[sockets]\ninterval_s = 0.1\n[names]\nforward = false\n"
"""Looks often and asks no resolver."""
ALONE = '[sockets]\nsource = "psutil"\ninterval_s = 0.1\n[names]\nforward = false\n'
"""Looks into its own namespace alone, where little changes."""


@pytest.fixture
def collecting(tmp_path: Path) -> Collecting:
    """A collector in this process's own namespace, not yet begun."""
    return Collecting(tmp_path, config=QUIET, namespace=own_namespace())


@pytest.fixture
def server() -> Iterator[int]:
    """A port on loopback that accepts connections."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def revision(collecting: Collecting) -> int:
    reader = Reader(collecting.history)
    try:
        return reader.revision()
    finally:
        reader.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_in_order_and_what_was_open_is_in_the_record(
    collecting: Collecting, server: int, number: int
) -> None:
    with collecting, socket.create_connection(("127.0.0.1", server)):
        collecting.wait_for(lambda: collecting.export(f"port:{server}"))
        collecting.stop(number)
    assert collecting.process.returncode == 0
    (row,) = collecting.export(f"port:{server}")
    assert (row["outcome"], row["verdict"]) == ("open", "internal")
    reader = Reader(collecting.history)
    run = reader.last_run()
    reader.close()
    assert run is not None
    assert run.ended_us is not None


def test_it_ends_by_itself_when_its_time_is_over(collecting: Collecting) -> None:
    collecting.options = ("--for", "3s")
    with collecting:
        assert collecting.process.wait(timeout=20) == 0


def test_both_ends_of_a_connection_on_this_host_are_one_outbound_connection(
    collecting: Collecting, server: int
) -> None:
    with collecting, socket.create_connection(("127.0.0.1", server)) as client:
        local = client.getsockname()[1]
        rows = collecting.wait_for(lambda: collecting.export(f"port:{server}"))
        assert [(row["local_port"], row["port"]) for row in rows] == [(local, server)]
        assert collecting.export(f"port:{local}") == []


def test_a_second_collector_on_the_same_history_is_refused_and_told_who_records(collecting: Collecting) -> None:
    with collecting:
        second = collecting.run("collect", "--for", "1s")
        assert second.returncode == 2
        assert f"process {collecting.process.pid}" in second.stderr
        assert "retool-egress status" in second.stderr


def test_a_killed_collector_leaves_no_lock_behind(collecting: Collecting) -> None:
    with collecting:
        collecting.stop(signal.SIGKILL)
        assert holder_of(collecting.history) is None
        assert "NO" in collecting.run("status").stdout
        collecting.begin()
        assert holder_of(collecting.history) is not None


def test_a_history_that_another_program_locks_loses_nothing(collecting: Collecting, server: int) -> None:
    with collecting:
        other = sqlite3.connect(collecting.history, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with socket.create_connection(("127.0.0.1", server)):
            collecting.wait_for(lambda: "cannot be written" in collecting.said)
        other.execute("ROLLBACK")
        other.close()
        rows = collecting.wait_for(lambda: collecting.export(f"port:{server}"))
        assert len(rows) == 1, rows

        def written_again() -> list[str]:
            said = [a for a in collecting.alerts() if a["kind"] == "coverage" and a["state"] == "resolved"]
            return [a["summary"] for a in said if "could not be written" in a["summary"]]

        assert len(collecting.wait_for(written_again)) == 1


def test_while_nothing_changes_only_the_heartbeat_is_written(collecting: Collecting) -> None:
    collecting.config = ALONE
    with collecting:
        first = revision(collecting)
        reader = Reader(collecting.history)
        run = reader.last_run()
        assert run is not None

        def two_beats_later() -> bool:
            now = reader.last_run()
            return now is not None and now.seen_us >= run.seen_us + 2 * HEARTBEAT_US

        before = len(collecting.export())
        collecting.wait_for(two_beats_later)
        reader.close()
        changed = len(collecting.export()) - before
        assert revision(collecting) - first <= 4 + 4 * changed


@pytest.mark.parametrize(
    ("content", "place", "says"),
    [
        ("[sockets\n", 1, "no valid TOML"),
        ("[sockets]\nintervall_s = 1\n", 2, "Did you mean `interval_s`?"),
        ("[names]\nforward = 3\n", 2, "`names.forward`"),
    ],
)
def test_a_wrong_configuration_is_told_with_its_line_before_anything_is_touched(
    collecting: Collecting, content: str, place: int, says: str
) -> None:
    (collecting.directory / "config.toml").write_text(content)
    done = collecting.run("collect", "--for", "1s")
    assert done.returncode == 2
    assert f"config.toml:{place}: " in done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not collecting.history.exists()


def test_a_history_that_is_no_database_is_kept_as_it_is(collecting: Collecting) -> None:
    (collecting.directory / "config.toml").touch()
    collecting.history.write_text("not a database, but somebody's notes\n" * 100)
    before = collecting.history.read_bytes()
    done = collecting.run("collect", "--for", "1s")
    assert done.returncode == 2
    assert "not a sound history" in done.stderr
    assert "mv " in done.stderr
    assert collecting.history.read_bytes() == before


def test_a_history_that_cannot_be_made_names_the_place_and_a_way_out(collecting: Collecting) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tui", "--history", "/proc/history.db", "collect", "--for", "1s"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "/proc/history.db" in done.stderr
    assert "--history" in done.stderr


def test_a_process_title_full_of_escape_sequences_comes_out_inert_everywhere(
    collecting: Collecting, server: int
) -> None:
    script = (
        f"printf '\\033]0;pwn\\007\\033[2J' > /proc/$$/comm;exec 3<>/dev/tcp/127.0.0.1/{server}; echo ready; read -r _"
    )
    hostile = "\x1b[31m" * 820
    child = subprocess.Popen([hostile, "-c", script], executable="/bin/bash", stdin=-1, stdout=-1, text=True)
    assert child.stdout is not None
    assert child.stdin is not None
    with collecting, child:
        child.stdout.readline()
        (row,) = collecting.wait_for(lambda: [r for r in collecting.export(f"port:{server}") if r["process"]])
        assert row["pid"] == child.pid
        for form in ("table", "csv", "json", "ndjson", "markdown"):
            assert "\x1b" not in collecting.run("export", f"port:{server}", "--format", form).stdout
        child.stdin.close()


AS_NOBODY = (
    "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all,+dac_read_search",
    "--ambient-caps=-all,+dac_read_search", "--bounding-set=-all,+dac_read_search",
)  # fmt: skip
"""Nobody, who may yet read where this interpreter lies; whose sockets are whose takes another capability."""


def start_as_nobody(
    argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, stdout: IO[str] | int, stderr: IO[str] | int
) -> "subprocess.Popen[str]":
    """Start the same command without privileges."""
    return start_here([*AS_NOBODY, *argv], env=env, cwd=cwd, stdout=stdout, stderr=stderr)


def give_to_nobody(collecting: Collecting) -> None:
    os.chown(collecting.directory, 65534, 65534)
    collecting.directory.parent.chmod(0o711)
    collecting.directory.parent.parent.chmod(0o711)


@pytest.mark.root
@pytest.mark.parametrize("config", [ALONE, QUIET], ids=["psutil", "netlink"])
def test_without_privilege_the_coverage_says_whose_sockets_cannot_be_read(
    collecting: Collecting, server: int, config: str
) -> None:
    collecting.config = config
    give_to_nobody(collecting)
    with socket.create_connection(("127.0.0.1", server)):
        collecting.start = start_as_nobody
        with collecting:
            (row,) = collecting.wait_for(lambda: collecting.export(f"port:{server}"))
            assert (row["pid"], row["process"]) == (None, None)
            assert "use sudo" in collecting.run("status").stdout


def test_a_history_that_is_moved_away_while_recording_ends_the_collector_with_a_word(collecting: Collecting) -> None:
    with collecting:
        collecting.history.rename(collecting.directory / "moved.db")
        assert collecting.process.wait(timeout=20) == 2
    assert "was moved, replaced or removed" in collecting.said
    assert "retool-egress collect" in collecting.said


def test_an_end_that_cannot_be_written_is_no_good_end(collecting: Collecting) -> None:
    with collecting:
        other = sqlite3.connect(collecting.history, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        collecting.stop()
        other.execute("ROLLBACK")
        other.close()
    assert collecting.process.returncode == 2
    assert "the end of the record could not be written" in collecting.said


def test_a_collector_under_nohup_outlives_the_terminal(collecting: Collecting) -> None:
    def start_under_nohup(
        argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, stdout: IO[str] | int, stderr: IO[str] | int
    ) -> "subprocess.Popen[str]":
        return start_here(["nohup", *argv], env=env, cwd=cwd, stdout=stdout, stderr=stderr)

    collecting.start = start_under_nohup
    with collecting:
        before = revision(collecting)
        collecting.process.send_signal(signal.SIGHUP)
        collecting.wait_for(lambda: revision(collecting) > before)


def test_a_rule_with_the_last_day_of_the_calendar_does_no_harm(collecting: Collecting) -> None:
    collecting.allowlist.write_text('[[allow]]\nhost = "a.example.com"\nexpires = 9999-12-31\nreason = "x"\n')
    with collecting:
        assert "9999-12-31" in collecting.run("allowlist", "show").stdout
        assert collecting.run("allowlist", "check", "a.example.com").returncode == 0


@pytest.mark.parametrize(
    ("content", "place", "says"),
    [
        (2 * '[[service]]\nid = "a"\ncategory = "B"\nhosts = ["a.b"]\n',
         5, "two services have the id `a`"),
        ('[[service]]\nid = "a"\ncategory = "B"\nhosts = ["a.b"]\ndefault = true\n', 1, "`default`"),
        (f"[sockets]\ninterval_s = {'9' * 5000}\n", 2, "no valid TOML"),
    ],
)  # fmt: skip
def test_a_configuration_that_would_mislead_is_refused(
    collecting: Collecting, content: str, place: int, says: str
) -> None:
    (collecting.directory / "config.toml").write_text(content)
    done = collecting.run("catalog", "show")
    assert done.returncode == 2
    assert f"config.toml:{place}: " in done.stderr
    assert says in done.stderr


def test_a_configuration_that_others_may_write_is_refused(collecting: Collecting) -> None:
    config = collecting.directory / "config.toml"
    config.touch()
    config.chmod(0o666)
    done = collecting.run("collect", "--for", "1s")
    assert done.returncode == 2
    assert "chmod go-w" in done.stderr
