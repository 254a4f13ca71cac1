"""What one look costs: ``python -m tests.bench.looks [SOCKETS]`` (2,000 unless told, a few seconds).

Connections are held on loopback by this process's children; each tool looks at all of them five times in the same run:
psutil alone, ``ss`` where it is installed, and this program's look, by each of its sources, with everything that
follows it up to the batch. By netlink it is a look into every namespace of the machine. CPU is that of the tool and of
what it starts.
"""

import resource
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import Literal

import psutil

from tests.bench.table import Measured, print_table
from tests.collector.build import pipeline
from tui.capture.own import OwnSockets
from tui.capture.sources import Source, open_source

LOOKS = 5
KINDS: tuple[Literal["psutil", "netlink"], ...] = ("psutil", "netlink")
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


def follow(source: Source) -> Callable[[], object]:
    """A look of this source at all that it can see, with everything that follows it up to the batch."""
    following = pipeline(own_pid=-1)

    def look() -> object:
        following.observe(source.look())
        return following.take()

    return look


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
        rows = [Measured(PEER, what, cost_ms(lambda: psutil.net_connections("inet")), "CPU ms")]
        for kind in KINDS:
            try:
                source = open_source(kind, 0.0, OwnSockets())
            except OSError as error:
                print(f"{kind}: {error}")
                continue
            held.callback(source.close)
            rows.append(Measured(f"retool-egress, {kind}", what, cost_ms(follow(source)), "CPU ms"))
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
