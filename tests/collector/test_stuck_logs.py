"""A log whose file system does not answer: told, and no obstacle to other logs, to the sockets, or to the end."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.collectors import ROOT, Collecting

CONFIG = """
[sockets]
source = "psutil"
[names]
forward = false
[[proxy.log]]
path = "{directory}/stuck.log"
[[proxy.log]]
path = "{directory}/other.log"
"""
STUCK = """
import pathlib, sys, time
from tui.collector import intake
from tui.proxylog.follow import Follower

intake.LOOK_S = 0.5
is_stuck = pathlib.Path({flag!r})
read = Follower.read

def hanging(self, *args):
    while self._path.endswith(b"stuck.log") and is_stuck.exists():
        time.sleep(0.05)
    return read(self, *args)

Follower.read = hanging
sys.argv[0] = "retool-egress"
from tui.cli import main
main()
"""
SQUID = "{:.3f}     46 172.18.0.3 TCP_TUNNEL/200 2730 CONNECT {}:443 - HIER_DIRECT/198.51.100.22 -\n"


class Stuck(Collecting):
    """A collector that follows two logs, one of which hangs while a file is there."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, config=CONFIG.format(directory=directory))
        self.flag = directory / "flag"
        for name in ("stuck.log", "other.log"):
            (directory / name).touch()

    def begin(self) -> None:
        (self.directory / "config.toml").write_text(self.config)
        argv = [sys.executable, "-c", STUCK.format(flag=str(self.flag)), *self.base[3:], "collect"]
        with (self.directory / "stderr").open("a") as stderr:
            self.process = subprocess.Popen(
                argv, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=stderr, text=True, env=dict(os.environ)
            )
        self.wait_for(lambda: "sockets" in self.watching())

    def write(self, name: str, host: str) -> None:
        with (self.directory / name).open("a") as file:
            file.write(SQUID.format(time.time(), host))

    def hosts(self) -> list[str]:
        return [row["host"] for row in self.export("evidence:proxy")]

    def told(self) -> list[dict[str, Any]]:
        return [each for each in self.alerts() if each["kind"] == "coverage" and "stuck.log" in each["summary"]]


@pytest.mark.parametrize("hangs_first", [True, False])
def test_a_log_that_does_not_answer_is_told_and_holds_up_nothing(tmp_path: Path, hangs_first: bool) -> None:
    stuck = Stuck(tmp_path)
    if hangs_first:
        stuck.flag.touch()
    with stuck:
        stuck.flag.touch()
        (alert,) = stuck.wait_for(stuck.told)
        assert "a look at it does not come back" in alert["summary"]
        stuck.write("other.log", "other.example")
        assert stuck.wait_for(stuck.hosts) == ["other.example"]
        stuck.wait_for(lambda: stuck.run("find", "nowhere.example").returncode == 3)  # a moment is no hole yet
        assert stuck.stop() < 5
    assert stuck.process.returncode == 0


def test_a_log_that_answers_again_is_read_on(tmp_path: Path) -> None:
    stuck = Stuck(tmp_path)
    with stuck:
        stuck.flag.touch()
        stuck.wait_for(stuck.told)
        stuck.write("stuck.log", "late.example")
        stuck.flag.unlink()
        assert stuck.wait_for(stuck.hosts) == ["late.example"]
        stuck.wait_for(lambda: stuck.told()[0]["resolved_at"])
        status = json.loads(stuck.run("status", "--json").stdout)
        assert [each["state"] for each in status["proxy_logs"]] == ["following", "following"]
