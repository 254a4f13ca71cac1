"""A look that never comes back: told as a hole and by an alert, and no obstacle to the collector's end."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.collectors import ROOT, Collecting

STUCK = """
import sys, threading
from tui.capture.psutil_sockets import PsutilSockets
from tui.collector import assemble, gaps, loop

class Stuck(PsutilSockets):
    looks = 0
    def look(self):
        self.looks += 1
        if self.looks > 1:
            print("stuck", flush=True)
            threading.Event().wait()
        return super().look()

gaps.LONGEST_S = loop.LONGEST_S = 1.0
assemble.open_source = lambda *_, **__: Stuck(0.2)
sys.argv[0] = "retool-egress"
from tui.cli import main
main()
"""


def test_a_look_that_never_comes_back_is_told_and_holds_up_no_end(tmp_path: Path) -> None:
    collecting = Collecting(tmp_path, config="[names]\nforward = false\n")
    (tmp_path / "config.toml").write_text(collecting.config)
    argv = [sys.executable, "-c", STUCK, *collecting.base[3:], "collect"]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        collecting.process = process
        assert process.stdout is not None
        process.stdout.readline()
        alert = collecting.wait_for(lambda: [a for a in collecting.alerts() if a["kind"] == "coverage"])[0]
        assert "a look does not come back" in alert["summary"]
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
        assert time.monotonic() - began < 15
    assert collecting.run("find", "203.0.113.249").returncode == 3
