"""``collect --since`` reads the past of a proxy's log that was never followed, and only that."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Invoke
from tests.collectors import Collecting

BEGAN_S = 1_795_399_200
"""2026-11-23T02:00:00Z."""
CONFIG = '[sockets]\nsource = "psutil"\ninterval_s = 0.5\n[names]\nforward = false\n[[proxy.log]]\npath = {}\n'


def line(host: str, ended_s: int) -> str:
    """A line of Squid's of a request that took a minute."""
    return f"{ended_s}.000 60000 172.18.0.3 TCP_TUNNEL/200 39 CONNECT {host}:443 - HIER_DIRECT/198.51.100.22 -\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "access.log"
    path.write_text(line("before.example", BEGAN_S - 1) + line("across.example", BEGAN_S + 30))
    return path


@pytest.fixture
def collecting(tmp_path: Path, log: Path) -> Collecting:
    return Collecting(tmp_path, config=CONFIG.format(json.dumps(str(log))))


def told(collecting: Collecting) -> list[str]:
    """The hosts that the log told, by the record."""
    return sorted(row["host"] for row in collecting.export() if row["source"].startswith("proxy:"))


def test_a_first_run_takes_from_the_log_what_ended_since_then(collecting: Collecting, log: Path) -> None:
    collecting.options = ("--since", "2026-11-23T02:00Z")
    with collecting:
        collecting.wait_for(lambda: "across.example" in told(collecting))
        with log.open("a") as stream:
            stream.write(line("after.example", BEGAN_S + 60))
        collecting.wait_for(lambda: "after.example" in told(collecting))
        assert told(collecting) == ["across.example", "after.example"]


def test_without_it_a_first_run_begins_at_the_end_of_the_log(collecting: Collecting, log: Path) -> None:
    with collecting:
        with log.open("a") as stream:
            stream.write(line("after.example", BEGAN_S + 60))
        collecting.wait_for(lambda: told(collecting))
        assert told(collecting) == ["after.example"]


def test_a_log_that_was_followed_before_is_read_on_and_not_again(collecting: Collecting, log: Path) -> None:
    with collecting:
        with log.open("a") as stream:
            stream.write(line("after.example", BEGAN_S + 60))
        collecting.wait_for(lambda: told(collecting))
    collecting.options = ("--since", "2026-11-20")
    with collecting:
        with log.open("a") as stream:
            stream.write(line("later.example", BEGAN_S + 90))
        collecting.wait_for(lambda: "later.example" in told(collecting))
        assert told(collecting) == ["after.example", "later.example"]


def test_a_time_that_is_none_is_told_before_anything_begins(invoke: Invoke, tmp_path: Path) -> None:
    result = invoke("collect", "--since", "teatime")
    assert result.exit_code == 2
    assert "is not a time" in result.output
    assert not (tmp_path / "history.db").exists()
