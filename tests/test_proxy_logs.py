"""Following the log of a proxy, end to end, as any user: what the record says of lines that are written."""

import json
import os
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from sqlite3 import connect
from typing import Any

import pytest

from tests.collectors import Collecting

CONFIG = """
[sockets]
source = "psutil"
[names]
forward = false
[[proxy.log]]
path = "{}"
"""
SQUID = "{:.3f}     46 172.18.0.3 {} 2730 CONNECT {}:443 - HIER_DIRECT/198.51.100.22 -"


class Followed:
    """A collector that follows one log."""

    def __init__(self, directory: Path) -> None:
        self.log = directory / "access.log"
        self.log.touch()
        self.collecting = Collecting(directory, config=CONFIG.format(self.log))

    def write(self, *lines: str) -> None:
        with self.log.open("a") as file:
            file.writelines(f"{line}\n" for line in lines)

    def rows(self) -> list[dict[str, Any]]:
        return self.collecting.export("evidence:proxy")

    def wait(self, what: Callable[[], Any]) -> Any:
        return self.collecting.wait_for(what)

    def logs(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.collecting.run("status", "--json").stdout)["proxy_logs"]
        return found

    def alerts(self, kind: str) -> list[dict[str, Any]]:
        return [each for each in self.collecting.alerts() if each["kind"] == kind]


@pytest.fixture
def followed(tmp_path: Path) -> Followed:
    return Followed(tmp_path)


def squid(host: str, status: str = "TCP_TUNNEL/200") -> str:
    return SQUID.format(time.time(), status, host)


def test_a_line_is_recorded_within_a_second_and_what_was_there_before_is_not(followed: Followed) -> None:
    followed.write(squid("before.example"))
    with followed.collecting:
        followed.write(squid("api.stripe.com"))
        written = time.monotonic()
        (row,) = followed.wait(followed.rows)
        took_s = time.monotonic() - written
    assert (row["host"], row["port"], row["verdict"], row["outcome"]) == (
        "api.stripe.com", 443, "off-allowlist", "closed",
    )  # fmt: skip
    assert row["source"] == f"proxy:{followed.log}"
    print(f"recorded and exported after {took_s:.2f} s")


def test_two_denials_of_what_retool_needs_block_with_the_proxys_own_word(followed: Followed) -> None:
    with followed.collecting:
        followed.write(*[squid("licensing.tryretool.com", "TCP_DENIED/403")] * 2)
        (alert,) = followed.wait(lambda: followed.alerts("blocked"))
    assert "is denied licensing.tryretool.com:443 by its proxy" in alert["summary"]
    assert "TCP_DENIED/403" in alert["summary"]


def test_no_secret_of_a_line_reaches_the_record(followed: Followed) -> None:
    headers = (
        "[Host: a.example\\r\\nProxy-Authorization: Basic hunter2\\r\\nAuthorization: Bearer hunter2] [HTTP/1.1 200 OK]"
    )
    get = SQUID.replace("CONNECT {}:443", "GET http://ann:hunter2@{}/v1?token=hunter2") + " " + headers
    begun = f"{squid('c.example')[:40]} GET http://x:hunter2@c.example/?key=hunter2"
    half = json.dumps({"log": begun, "stream": "stdout", "time": "2026-11-25T10:00:00Z"})
    with followed.collecting:
        followed.write(get.format(time.time(), "TCP_MISS/200", "a.example"))
        followed.write("what is http://ann:hunter2@b.example/?token=hunter2 [Authorization: Bearer hunter2]")
        followed.write(squid("last.example"), half)
        followed.wait(lambda: len(followed.rows()) >= 2)
        time.sleep(1)
    kept = b"".join(each.read_bytes() for each in followed.log.parent.glob("history.db*"))
    assert b"last.example" in kept
    assert b"a.example" in kept
    assert b"hunter2" not in kept


@pytest.mark.skipif(os.geteuid() != 0, reason="gives the log to a group, and records as a user who is not in it: root")
def test_an_unreadable_log_names_the_group_to_join_and_is_read_when_it_may_be(followed: Followed) -> None:
    directory = followed.log.parent
    for each in (directory, *directory.parents[:2]):
        each.chmod(0o755)
    os.chown(directory, 65534, 65534)
    followed.log.chmod(0o640)
    os.chown(followed.log, 0, 13)  # proxy, as Debian's Squid has it
    start = followed.collecting.start

    def as_nobody(argv: Any, **streams: Any) -> Any:
        return start(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *argv], **streams)

    followed.collecting.start = as_nobody
    with followed.collecting:
        (alert,) = followed.wait(lambda: followed.alerts("coverage"))
        assert "join group proxy" in alert["summary"]
        followed.write(squid("early.example"))
        followed.log.chmod(0o644)
        followed.wait(lambda: [a for a in followed.alerts("coverage") if a["state"] == "resolved"])
        followed.write(squid("late.example"))
        followed.wait(lambda: "late.example" in {row["host"] for row in followed.rows()})


def test_a_log_that_cannot_name_destinations_is_an_alert(followed: Followed) -> None:
    with followed.collecting:
        followed.write("Connect from 172.18.0.6:33430 to 172.18.0.2:18445 (sni/TCP)")
        (alert,) = followed.wait(lambda: followed.alerts("coverage"))
    assert "cannot name destinations" in alert["summary"]


def test_a_log_of_which_no_line_is_understood_is_an_alert_until_one_is(followed: Followed) -> None:
    with followed.collecting:
        followed.write(*(f"{number} words of something else" for number in range(20)))
        (alert,) = followed.wait(lambda: followed.alerts("coverage"))
        assert "none of its lines is in a known format" in alert["summary"]
        followed.write(squid("a.example"))
        followed.wait(lambda: [each for each in followed.alerts("coverage") if each["state"] == "resolved"])


def test_lines_are_counted_anew_by_each_collector(followed: Followed) -> None:
    for host in ("one.example", "two.example"):
        with followed.collecting:
            followed.write(squid(host), "words of something else")
            found = followed.wait(lambda: [log for log in followed.logs() if log["lines"] >= 2])
        assert [(log["lines"], log["requests"], log["unparsed"]) for log in found] == [(2, 1, 1)]


def test_what_was_cut_off_a_log_is_a_hole_in_bytes(followed: Followed) -> None:
    with followed.collecting:
        followed.write(squid("one.example"), squid("two.example"))
        followed.wait(lambda: len(followed.rows()) == 2)
        os.truncate(followed.log, 0)
        followed.write(squid("three.example"))
        (alert,) = followed.wait(lambda: followed.alerts("coverage"))
        followed.wait(lambda: len(followed.rows()) == 3)
        (note,) = _losses(followed.collecting.history)
    assert "truncated at offset" in alert["summary"]
    assert "may be" in note


def _losses(history: Path) -> list[str]:
    with closing(connect(history)) as db:
        return [row[0] for row in db.execute("SELECT note FROM loss WHERE source LIKE 'proxy:%'")]


def test_a_rotation_is_no_hole_and_a_log_that_may_not_be_read_is_one(followed: Followed) -> None:
    with followed.collecting:
        followed.write(squid("one.example"))
        followed.wait(followed.rows)
        followed.log.rename(followed.log.with_suffix(".log.1"))
        time.sleep(2)
        followed.write(squid("two.example"))
        followed.wait(lambda: len(followed.rows()) == 2)
        assert len(spans(followed)) == 1
        followed.log.rename(followed.log.with_suffix(".log.2"))
        followed.log.mkdir()  # nobody can read that as a log
        time.sleep(2)
        followed.log.rmdir()
        followed.write(squid("three.example"))
        followed.wait(lambda: len(followed.rows()) == 3)
        found = followed.wait(lambda: len(told := spans(followed)) == 2 and told)
    assert found[1][0] - found[0][1] > 500_000


def spans(followed: Followed) -> list[tuple[int, int]]:
    with closing(connect(followed.collecting.history)) as db:
        sql = "SELECT from_us, to_us FROM coverage WHERE source LIKE 'proxy:%' ORDER BY id"
        return [(int(begin), int(end)) for begin, end in db.execute(sql)]


def test_what_was_imported_while_nobody_recorded_is_not_told_again(followed: Followed) -> None:
    with followed.collecting:
        followed.write(squid("one.example"))
        followed.wait(followed.rows)
    followed.write(squid("two.example"))
    done = followed.collecting.run("import", str(followed.log))
    assert done.returncode == 0, done.stderr
    assert {row["host"] for row in followed.rows()} == {"one.example", "two.example"}
    followed.write(squid("three.example"))
    with followed.collecting:
        followed.wait(lambda: len(followed.rows()) >= 3)
        time.sleep(1)
        rows = followed.rows()
    assert sorted(row["host"] for row in rows) == ["one.example", "three.example", "two.example"]


def test_damaged_lines_with_more_bytes_than_can_be_added_up_end_no_collector(followed: Followed) -> None:
    with followed.collecting:
        followed.write(*[squid("damaged.example").replace(" 2730 ", f" {(1 << 62) - 1} ")] * 8, squid("sound.example"))
        followed.wait(lambda: "sound.example" in [row["host"] for row in followed.rows()])
        assert len(followed.rows()) == 9


def test_a_target_that_only_looks_like_an_address_ends_no_collector(followed: Followed) -> None:
    with followed.collecting:
        followed.write(squid("intranet.123"), squid("sound.example"))
        followed.wait(lambda: {row["host"] for row in followed.rows()} == {"intranet.123", "sound.example"})
