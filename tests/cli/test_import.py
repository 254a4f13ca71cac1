"""``retool-egress import``: past logs come into the record once, whatever happens meanwhile."""

import json
import os
import pty
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import Desk, run, without_file_privileges
from tests.collectors import PATIENCE_S, Collecting
from tests.proxylog.ledger import LOGS
from tests.proxylog.packing import PACK
from tui.collector.spool import Spool, spool_path
from tui.history.errors import HistoryError
from tui.history.read import Reader

BEGAN_S = 1_795_399_200
"""2026-11-23T02:00:00Z."""
MANY = 30_000
QUIET = '[sockets]\nsource = "psutil"\ninterval_s = 0.5\n[names]\nforward = false\n'


def line(number: int, host: str = "api.stripe.com", end: str = "TCP_TUNNEL/200") -> str:
    """A line of Squid's of a request that began so many seconds after the beginning and took 120 ms."""
    return f"{BEGAN_S + number}.120 120 172.18.0.3 {end} 39 CONNECT {host}:443 - HIER_DIRECT/198.51.100.22 -\n"


def text(numbers: Iterable[int]) -> bytes:
    """The lines of these."""
    return "".join(map(line, numbers)).encode()


def numbers(rows: list[dict[str, Any]]) -> list[int]:
    """Of the rows of lines, in order."""
    begun = (row["opened_at"] for row in rows)
    return sorted(sum(int(part) * unit for part, unit in zip(at[11:19].split(":"), (3600, 60, 1), strict=True))
                  - 7200 + 86_400 * (int(at[8:10]) - 23) for at in begun)  # fmt: skip


def is_inert(text: str) -> bool:
    """True if nothing in it steers a terminal."""
    return text.replace("\n", "").isprintable()


def exported(desk: Desk, *words: str) -> list[dict[str, Any]]:
    done = desk.run("export", *words, "--format", "ndjson")
    assert done.returncode == 0, done.stderr
    return [json.loads(each) for each in done.stdout.splitlines()]


def imported(desk: Desk, *words: str) -> str:
    """What an import says that ends well."""
    done = desk.run("import", *words)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def count(history: Path) -> int:
    """How many connections are recorded by now."""
    try:
        reader = Reader(history)
    except HistoryError:
        return 0
    try:
        return reader.count_connections()
    finally:
        reader.close()


def begun(desk: Desk, *words: str) -> "subprocess.Popen[str]":
    """An import that runs."""
    return subprocess.Popen(
        desk.argv("import", *words), env=desk.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def wait_until(is_so: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    ends = time.monotonic() + PATIENCE_S
    while not is_so():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < ends
        time.sleep(0.01)


@pytest.fixture
def log(desk: Desk) -> Path:
    """A log of one hundred lines."""
    path = desk.folder / "access.log"
    path.write_bytes(text(range(100)))
    return path


@pytest.fixture
def many(desk: Desk) -> Path:
    """A log that takes some seconds."""
    path = desk.folder / "many.log"
    path.write_bytes(text(range(MANY)))
    return path


@pytest.fixture
def collecting(desk: Desk) -> Iterator[Collecting]:
    """A collector that runs on the desk's history."""
    with Collecting(desk.folder, config=QUIET) as running:
        yield running


def test_every_line_becomes_a_connection_of_the_log_and_the_end_says_how_many(desk: Desk, log: Path) -> None:
    said = imported(desk, str(log))
    rows = exported(desk)
    assert numbers(rows) == list(range(100))
    assert {(r["source"], r["host"], r["ip"], r["port"], r["outcome"], r["recorded"], r["local_ip"]) for r in rows} == {
        (f"proxy:{log}", "api.stripe.com", "198.51.100.22", 443, "closed", "imported", "172.18.0.3")
    }
    assert "Lines        100\n" in said
    assert "Connections  100 new, 0 known already\n" in said
    assert "Not parsed   0\n" in said


def test_the_span_is_told_in_utc_and_in_local_time(desk: Desk, log: Path) -> None:
    done = desk.run("import", str(log), env={"TZ": "CET-1"})
    assert "2026-11-23 02:00:00Z (03:00:00 CET)" in done.stdout
    assert "2026-11-23 02:01:39Z (03:01:39 CET)" in done.stdout


def test_a_repeated_import_adds_nothing(desk: Desk, log: Path) -> None:
    imported(desk, str(log))
    before = exported(desk)
    assert "Connections  0 new, 100 known already\n" in imported(desk, str(log))
    assert exported(desk) == before


@pytest.mark.parametrize("kind", PACK)
def test_a_packed_log_is_the_same_log(desk: Desk, log: Path, kind: str) -> None:
    packed = log.with_name(f"access.log.1{kind}")
    packed.write_bytes(PACK[kind](text(range(50, 150))))
    assert "Connections  100 new" in imported(desk, str(packed))
    assert "Connections  50 new, 50 known already\n" in imported(desk, str(log))
    rows = exported(desk)
    assert numbers(rows) == list(range(150))
    assert {row["source"] for row in rows} == {f"proxy:{log}"}


def test_several_logs_may_overlap_and_stand_in_any_order(desk: Desk, log: Path) -> None:
    old = log.with_name("access.log.2.gz")
    old.write_bytes(PACK[".gz"](text(range(-100, 20))))
    os.utime(old, (BEGAN_S, BEGAN_S))
    other = desk.folder / "elsewhere.log"
    other.write_bytes(text(range(90, 130)))
    said = imported(desk, str(log), str(old), str(other), str(log))
    assert "Lines        260\n" in said
    assert "Connections  230 new, 30 known already\n" in said
    assert numbers(exported(desk)) == list(range(-100, 130))


def test_lines_that_are_the_same_are_as_many_connections_as_there_are_lines(desk: Desk, log: Path) -> None:
    log.write_text(line(1) * 3 + line(2))
    imported(desk, str(log))
    log.write_text(line(1) * 3 + line(2) * 2)
    imported(desk, str(log))
    assert Counter(numbers(exported(desk))) == {1: 3, 2: 2}


def test_standard_input_is_a_log_also_a_packed_one(desk: Desk) -> None:
    for content in (text(range(30)), PACK[".zst"](text(range(20, 50)))):
        done = subprocess.run(
            desk.argv("import", "-"), env=desk.environment(), input=content, capture_output=True, timeout=30
        )
        assert (done.returncode, done.stderr) == (0, b"")
    rows = exported(desk)
    assert numbers(rows) == list(range(50))
    assert {row["source"] for row in rows} == {"proxy:-"}


def test_a_tunnel_that_the_log_tells_twice_is_one_connection_also_over_two_imports(desk: Desk, log: Path) -> None:
    """Smokescreen tells a tunnel when it is let through and when it ends."""
    lines = (LOGS / "smokescreen/report.log").read_bytes().splitlines(keepends=True)
    whole = log.with_name("whole.log")
    whole.write_bytes(b"".join(lines))
    for part in (len(lines) // 3, len(lines) // 2, len(lines)):
        log.write_bytes(b"".join(lines[:part]))
        imported(desk, str(log))
    rows = exported(desk)
    other = Desk(desk.folder / "other")
    other.folder.mkdir()
    other.config.touch(mode=0o600)
    imported(other, str(whole))
    kept = ("opened_at", "closed_at", "host", "port", "outcome", "bytes_sent", "bytes_received", "local_port")
    told = Counter(tuple(row[key] for key in kept) for row in exported(other))
    assert Counter(tuple(row[key] for key in kept) for row in rows) == told


def test_what_is_off_the_list_raises_an_alert_at_its_own_time(desk: Desk, log: Path) -> None:
    imported(desk, str(log))
    done = desk.run("alerts", "--format", "json")
    (alert,) = json.loads(done.stdout)
    assert (alert["kind"], alert["destination"], alert["count"]) == ("off-allowlist", "api.stripe.com", 100)
    assert alert["last_at"] == "2026-11-23T02:01:39.000000Z"


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT])
def test_an_import_that_is_stopped_and_repeated_is_whole(desk: Desk, many: Path, sent: signal.Signals) -> None:
    process = begun(desk, str(many))
    wait_until(lambda: count(desk.history) > 0, process)
    process.send_signal(sent)
    said = process.communicate(timeout=30)[1]
    if sent is signal.SIGINT:
        assert process.returncode == 130
        assert said.startswith("Stopped")
        assert not spool_path(desk.history).exists()
    assert 0 < count(desk.history) < MANY
    imported(desk, str(many))
    assert numbers(exported(desk)) == list(range(MANY))
    assert not spool_path(desk.history).exists()


def test_a_collector_that_runs_records_it_and_goes_on(desk: Desk, log: Path, collecting: Collecting) -> None:
    assert "Connections  100 new, 0 known already\n" in imported(desk, str(log))
    assert "Connections  0 new, 100 known already\n" in imported(desk, str(log))
    assert numbers(exported(desk, "host:api.stripe.com")) == list(range(100))
    assert collecting.process.poll() is None
    assert not spool_path(desk.history).exists()


def test_an_import_beside_a_collector_that_is_killed_and_repeated_has_all_of_it_once(
    desk: Desk, many: Path, collecting: Collecting
) -> None:
    process = begun(desk, str(many))
    wait_until(lambda: count(desk.history) > 2000, process)
    process.kill()
    process.communicate(timeout=30)
    assert count(desk.history) < MANY
    imported(desk, str(many))
    assert numbers(exported(desk, "host:api.stripe.com")) == list(range(MANY))


def test_an_import_goes_on_by_itself_when_the_collector_is_killed(
    desk: Desk, many: Path, collecting: Collecting
) -> None:
    process = begun(desk, str(many))
    wait_until(lambda: count(desk.history) > 2000, process)
    collecting.stop(signal.SIGKILL)
    said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert "the collector has ended" in said[1]
    assert numbers(exported(desk, "host:api.stripe.com")) == list(range(MANY))


def test_a_collector_takes_what_a_killed_import_left_behind(desk: Desk, many: Path) -> None:
    process = begun(desk, str(many))
    wait_until(lambda: count(desk.history) > 0, process)
    process.kill()
    process.communicate(timeout=30)
    spool = Spool.find(desk.history)
    assert spool is not None
    waits = spool.first() is not None
    spool.close()
    with Collecting(desk.folder, config=QUIET) as running:
        running.wait_for(lambda: not any(name.isdigit() for name in os.listdir(spool_path(desk.history))))
    found = numbers(exported(desk, "host:api.stripe.com"))
    assert found == list(range(len(found)))
    assert waits or found


def test_a_second_import_at_the_same_time_is_refused(desk: Desk, log: Path) -> None:
    spool = Spool.begin(desk.history)
    done = desk.run("import", str(log))
    spool.end()
    assert (done.returncode, done.stdout) == (2, "")
    assert f"another import into {desk.history} runs" in done.stderr


def test_a_link_in_the_place_of_the_folder_is_refused(desk: Desk, log: Path) -> None:
    (desk.folder / "elsewhere").mkdir()
    spool_path(desk.history).symlink_to(desk.folder / "elsewhere")
    done = desk.run("import", str(log))
    assert done.returncode == 2
    assert f"ls -ld {spool_path(desk.history)}" in done.stderr
    assert list((desk.folder / "elsewhere").iterdir()) == []


def test_logs_that_cannot_be_read_are_told_all_at_once_and_nothing_is_begun(desk: Desk, log: Path) -> None:
    done = desk.run("import", str(log), str(desk.folder / "missing.log"), str(desk.folder))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{desk.folder}/missing.log does not exist. See what is there: ls -l {desk.folder}" in done.stderr
    assert f"{desk.folder} is a folder. Name the logs in it: {desk.folder}/access.log*" in done.stderr
    assert not desk.history.exists()


def test_a_log_that_may_not_be_read_names_the_group_to_join(desk: Desk, log: Path) -> None:
    before = without_file_privileges()
    if before is None or os.geteuid() != 0:
        pytest.skip("needs root, and setpriv to do without its right to read everything")
    os.chown(log, 65_534, 4)
    log.chmod(0o040)
    done = run([*before, *desk.argv("import", str(log))], desk.environment())
    assert done.returncode == 2
    assert "join group adm" in done.stderr


def test_an_archive_that_is_cut_gives_what_it_has_and_says_how_far_it_was_read(desk: Desk, many: Path) -> None:
    packed = PACK[".gz"](many.read_bytes())
    cut = desk.folder / "cut.log.gz"
    cut.write_bytes(packed[: len(packed) // 2])
    done = desk.run("import", str(cut))
    assert done.returncode == 2
    assert f"{cut} is cut or damaged after " in done.stderr
    assert "bytes of text" in done.stderr
    found = numbers(exported(desk))
    assert found == list(range(len(found)))
    assert len(found) > 1000
    whole = desk.run("import", str(many))
    assert f"Connections  {MANY - len(found):,} new, {len(found):,} known already" in whole.stdout


def test_an_unknown_format_is_answered_with_the_nearest(desk: Desk, log: Path) -> None:
    done = desk.run("import", "--log-format", "squit", str(log))
    assert done.returncode == 2
    assert "do you mean 'squid'?" in done.stderr


def test_a_format_in_the_proxy_s_own_words_is_taken(desk: Desk, log: Path) -> None:
    log.write_text("to=api.stripe.com:443 at=1795399200.000 from=172.18.0.3\n")
    strange = desk.run("import", str(log))
    assert strange.returncode == 2
    assert f"no line of {log} is in a format that is known" in strange.stderr
    assert "--log-format" in strange.stderr
    imported(desk, "--log-format", "squid: to=%ru at=%ts.%03tu from=%>a", str(log))
    assert [row["host"] for row in exported(desk)] == ["api.stripe.com"]


def test_the_format_that_the_configuration_has_for_a_log_is_used(desk: Desk, log: Path) -> None:
    log.write_text("to=api.stripe.com:443 at=1795399200.000 from=172.18.0.3\n")
    packed = log.with_name("access.log.1.gz")
    packed.write_bytes(PACK[".gz"](log.read_bytes().replace(b"200.000", b"100.000")))
    words = "squid: to=%ru at=%ts.%03tu from=%>a"
    desk.config.write_text(f"[[proxy.log]]\npath = {json.dumps(str(log))}\nformat = {json.dumps(words)}\n")
    assert "Connections  2 new" in imported(desk, str(log), str(packed))


def test_a_log_that_cannot_name_destinations_says_so(desk: Desk) -> None:
    said = imported(desk, str(LOGS / "haproxy/syslog_tcplog_rfc3339.log"))
    assert "Names no destinations: " in said
    assert "%hr" in said


def test_the_last_line_that_is_not_understood_is_shown_inert(desk: Desk, log: Path) -> None:
    with log.open("ab") as stream:
        stream.write(b"strange \x1b]52;c;aGk=\x07 \xe2\x80\xae line\n")
    said = imported(desk, str(log))
    assert "Not parsed   1, the last: strange " in said
    assert is_inert(said)


def test_a_name_that_would_steer_the_terminal_does_not(desk: Desk) -> None:
    path = desk.folder / "a\x1b[31m.log"
    path.write_bytes(text(range(3)))
    said = imported(desk, str(path))
    missing = desk.run("import", str(desk.folder / "b\x1b[31m.log"))
    rows = exported(desk)
    assert len(rows) == 3
    assert is_inert(said)
    assert is_inert(missing.stderr)
    assert is_inert(rows[0]["source"])


def test_lines_without_a_year_are_of_the_year_in_which_the_file_was_written(desk: Desk, log: Path) -> None:
    log.write_bytes((LOGS / "tinyproxy/info.log").read_bytes())
    written_s = datetime(2023, 12, 1, tzinfo=UTC).timestamp()
    os.utime(log, (written_s, written_s))
    imported(desk, str(log))
    assert {row["opened_at"][:10] for row in exported(desk)} == {"2023-11-23"}


def test_a_bar_is_shown_where_stderr_is_a_terminal_and_nowhere_else(desk: Desk, many: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        desk.argv("import", str(many)), env=desk.environment(TERM="xterm", COLUMNS="80"), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 65_536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    assert process.stdout is not None
    said = process.stdout.read()
    process.stdout.close()
    os.close(ours)
    assert process.wait(timeout=30) == 0
    assert b"MB" in shown
    assert b"Lines" in said
    assert b"\x1b" not in said


def test_an_import_is_no_recording(desk: Desk, log: Path) -> None:
    imported(desk, str(log))
    status = json.loads(desk.run("status", "--json").stdout)
    assert (status["recording"], status["recorded_since"], status["holes_24h"]) == (False, None, [])
