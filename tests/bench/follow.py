"""Follow logs to which anything happens: ``python -m tests.bench.follow [SEEDS [FIRST]]`` (10,000 unless told).

First how fast a plain backlog is read, and a live log that is renamed every half second, with what was lost of it; then
the seeds, two minutes of them. One that fails is printed; it fails again where inodes are given out in the same order.
"""

import multiprocessing
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.table import Measured, print_table
from tests.proxylog.follow_model import World
from tui.proxylog.follow import Follower

LINE = (
    b"1795428391.220      5 172.18.0.4 TCP_TUNNEL/200 2730 CONNECT api.stripe.com:443 - HIER_DIRECT/198.51.100.22 -\n"
)
BACKLOG = 5_000_000
LIVE_S = 10
LIVE_RATE = 20_000
OURS, PLAIN = "retool-egress", "for line in file"


def backlog(directory: Path) -> list[Measured]:
    """Lines a second of a file that is there."""
    path = directory / "backlog.log"
    with path.open("wb") as file:
        for _ in range(BACKLOG // 10_000):
            file.write(LINE * 10_000)
    began = time.perf_counter()
    with path.open("rb") as file:
        count = sum(1 for _ in file)
    plain = count / (time.perf_counter() - began)
    follower = Follower(path, None, from_start=True)
    began, count = time.perf_counter(), 0
    while True:
        got = follower.read(time.monotonic())
        count += len(got.lines)
        if not got.lag:
            break
    ours = count / (time.perf_counter() - began)
    began = time.perf_counter()
    for _ in range(1000):
        follower.read(time.monotonic())
    idle_ms = time.perf_counter() - began
    follower.close()
    path.unlink()
    assert count == BACKLOG
    return [
        Measured(PLAIN, "backlog", plain, "lines/s"),
        Measured(OURS, "backlog", ours, "lines/s"),
        Measured(OURS, "one look at a log that is quiet", idle_ms, "ms"),
    ]


def write_live(path: Path) -> None:
    """A proxy whose log is renamed every half second, and that reopens it a tenth of a second later."""
    began, number = time.monotonic(), 0
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    renamed_s, is_old = 0.5, False
    while (now_s := time.monotonic() - began) < LIVE_S:
        if not is_old and now_s >= renamed_s:
            for place in range(5, 0, -1):
                older = path.with_name(f"{path.name}.{place}")
                if older.exists():
                    older.rename(path.with_name(f"{path.name}.{place + 1}"))
            path.rename(path.with_name(f"{path.name}.1"))
            is_old = True
        elif is_old and now_s >= renamed_s + 0.1:
            os.close(descriptor)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            renamed_s, is_old = renamed_s + 0.5, False
        wanted = int(now_s * LIVE_RATE)
        os.write(descriptor, b"".join(b"%d %s" % (each, LINE) for each in range(number, wanted)))
        number = wanted
        time.sleep(0.005)
    os.write(descriptor, b"end %d\n" % number)
    os.close(descriptor)


def live(directory: Path) -> list[Measured]:
    """A log that is written and renamed as it is read."""
    path = directory / "live.log"
    follower, read = Follower(path, ()), []
    process = multiprocessing.get_context("spawn").Process(target=write_live, args=(path,))
    process.start()
    written, cpu_s = None, time.process_time()
    while written is None:
        got = follower.read(time.monotonic())
        for line in got.lines:
            number, _, rest = line.partition(b" ")
            if number == b"end":
                written = int(rest)
            else:
                read.append(int(number))
        if not got.lag:
            time.sleep(0.25)
    cpu_s = time.process_time() - cpu_s
    process.join()
    follower.close()
    return [
        Measured(OURS, "live, renamed every 0.5 s: written", written, "lines"),
        Measured(OURS, "live: lost", written - len(set(read)), "lines"),
        Measured(OURS, "live: twice", len(read) - len(set(read)), "lines"),
        Measured(OURS, "live: CPU", 100 * cpu_s / LIVE_S, "%"),
    ]


def run_seed(seed: int) -> str | None:
    """What fails with a seed, if anything."""
    with tempfile.TemporaryDirectory() as directory:
        try:
            World(Path(directory), seed).run(60)
        except AssertionError as error:
            return f"seed {seed}: {error}"
    return None


def main(count: int, first: int) -> None:
    """Measure, run the seeds, print."""
    with tempfile.TemporaryDirectory() as directory:
        print_table([*backlog(Path(directory)), *live(Path(directory))], PLAIN)
    print(f"memory of the process at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
    began, failed = time.monotonic(), 0
    with multiprocessing.get_context("spawn").Pool() as pool:
        for fault in pool.imap_unordered(run_seed, range(first, first + count), chunksize=50):
            if fault:
                failed += 1
                print(fault, flush=True)
    print(f"{count:,} seeds from {first}, {failed} failed, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000, int(sys.argv[2]) if len(sys.argv) > 2 else 0)
