"""What one look costs: ``python -m tests.bench.looks [SOCKETS]`` (2,000 unless told, a few seconds).

Connections are held on loopback by this process's children; each tool looks at all of them five times in the same run:
psutil alone, ``ss`` where it is installed, and this program's look with everything that follows it up to the batch.
CPU is that of the tool and of what it starts.
"""

import resource
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import psutil

from tests.bench.table import Measured, print_table
from tui.allowlist.policy import policy_of
from tui.capture.psutil_sockets import PsutilSockets
from tui.catalog import load_catalogue
from tui.collector.alerts import AlertBook
from tui.collector.coverage import Coverage
from tui.collector.pipeline import Pipeline
from tui.collector.track import Tracker
from tui.config.settings import load_settings
from tui.names.table import NameTable

LOOKS = 5
PEER = "psutil alone"
HOLD = """
import socket, sys
held = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for _ in range(int(sys.argv[2]))]
print("ready", flush=True)
sys.stdin.read()
"""


def cpu_s() -> float:
    """CPU seconds of this process and of its ended children."""
    used = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(u.ru_utime + u.ru_stime for u in used)


def cost_ms(look: Callable[[], object]) -> float:
    """CPU milliseconds of one look, over five of them after one that is not counted."""
    look()
    began = cpu_s()
    for _ in range(LOOKS):
        look()
    return (cpu_s() - began) / LOOKS * 1000


def pipeline() -> Pipeline:
    """A pipeline without names, which counts everybody but itself."""
    catalogue = load_catalogue()
    policy = policy_of(load_settings(Path("/nonexistent/config.toml"), named=False), catalogue)
    allowlist = policy.allowlist(policy.defaults, 1)
    return Pipeline(Tracker(1, -1), NameTable(), catalogue, allowlist, AlertBook((), 1), Coverage(1), lambda: True)


def main(count: int) -> None:
    """Hold, look, print."""
    with ExitStack() as held:
        server = held.enter_context(socket.create_server(("127.0.0.1", 0), backlog=count))
        child = held.enter_context(
            subprocess.Popen(
                [sys.executable, "-c", HOLD, str(server.getsockname()[1]), str(count)], stdin=-1, stdout=-1
            )
        )
        assert child.stdout is not None
        assert child.stdin is not None
        child.stdout.readline()
        what = f"a look at {count} held connections"
        source, following = PsutilSockets(), pipeline()
        rows = [
            Measured(PEER, what, cost_ms(lambda: psutil.net_connections("inet")), "CPU ms"),
            Measured("retool-egress", what,
                     cost_ms(lambda: following.observe(source.dump(), "")), "CPU ms"),
        ]  # fmt: skip
        if shutil.which("ss"):
            command = ["ss", "-tunapH"]
            ss = cost_ms(lambda: subprocess.run(command, stdout=subprocess.DEVNULL, check=True))
            rows.append(Measured("ss -tunap", what, ss, "CPU ms"))
        rows.append(
            Measured("retool-egress", "memory of the process", psutil.Process().memory_info().rss / 2**20, "MiB")
        )
        print_table(rows, PEER)
        child.stdin.close()


if __name__ == "__main__":
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20_000), hard))
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
