"""What reading, judging and keeping the log of a proxy costs: ``python -m tests.bench.proxylog [LINES]`` (1,000,000
unless told, about two minutes).

Lines as Squid writes them are generated, and read in the same run by this program, step by step and by its ``import``
as a process; by GoAccess and lnav, where they are present; by ``wc -l``; and by a loop that only splits each line.
GoAccess sums up and stores no request, lnav indexes the file and stores none either; ``import`` makes a row of each,
with all indexes and sums. At the end: how soon a line that is written is a row that a viewer can read.
"""

import json
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC
from functools import partial
from pathlib import Path
from typing import Final

from tests.bench.table import Measured, print_table
from tests.cli.program import Desk
from tests.collector import build
from tests.collectors import Collecting
from tui.collector.chunks import Chunk
from tui.collector.importing import keys_of, take
from tui.collector.past_logs import Family, PastLog, Read, told_of
from tui.collector.proxied import name_of, remote_of
from tui.collector.spool import AHEAD
from tui.history.read import Reader
from tui.history.write import Writer, open_for_writing
from tui.model.connection import Origin
from tui.model.request import Request
from tui.proxylog.catalogue import AUTO, formats_for
from tui.proxylog.format import Clock
from tui.proxylog.past import lines_of
from tui.proxylog.reading import Reading

HOSTS: Final = 500
BEGAN_S: Final = 1_790_000_000
NOW_US: Final = 1_795_500_000_000_000
RULES: Final = '[[allow]]\nhost = "*.example.net"\nports = [80, 443]\nreason = "x"\n'
RUNS: Final = 3
"""Of what takes seconds; the best of them counts."""
WRITTEN: Final = 50
"""Lines of which it is measured how soon they are rows."""
SPEED: Final = "log lines a second"
SPLIT: Final = "split() of each, in Python"
CONFIG: Final = '[sockets]\nsource = "psutil"\n[names]\nforward = false\n'
LNAV: Final = {
    "squid_native": {
        "title": "Squid",
        "description": "Squid's native format",
        "regex": {
            "line": {
                "pattern": r"^(?<timestamp>\d+\.\d{3})\s+(?<elapsed>\d+) (?<client>[^ ]+) (?<result>\w+)/\d+ "
                r"(?<size>\d+) (?<method>\w+) (?<target>[^ ]+) (?<body>.*)$"
            }
        },
        "timestamp-format": ["%s.%L"],
        "value": {"client": {"kind": "string"}, "size": {"kind": "integer"}, "target": {"kind": "string"}},
        "sample": [
            {"line": "1790000000.040  27 172.18.0.4 TCP_TUNNEL/200 9 CONNECT a.example:443 - HIER_DIRECT/::1 -"}
        ],
    }
}
GOACCESS: Final = "GoAccess (stores none)"
GOACCESS_FORMAT: Final = ("--log-format=%x.%^ %~%L %h %^/%s %b %m %U %^", "--datetime-format=%s", "--no-global-config")


def made_up(count: int) -> Iterator[str]:
    """Lines, 40 ms apart, of four clients to 500 hosts of two addresses each: four of five are tunnels, four of a
    hundred are off the list below, and one of a hundred is denied by the proxy.
    """
    chance = random.Random(1)
    for number in range(count):
        place = chance.randrange(HOSTS)
        host = f"host{place}.example.{'org' if place % 25 == 0 else 'net'}"
        at = f"{BEGAN_S + number * 0.04:.3f} {chance.randrange(1, 900):6d} 172.18.0.{chance.randrange(3, 7)}"
        size, via = chance.randrange(39, 90_000), f"HIER_DIRECT/198.51.{place % 250}.{chance.randrange(2)}"
        if place % 100 == 7:
            yield f"{at} TCP_DENIED/403 {size} CONNECT {host}:443 - HIER_NONE/- text/html\n"
        elif number % 5:
            yield f"{at} TCP_TUNNEL/200 {size} CONNECT {host}:443 - {via} -\n"
        else:
            yield f"{at} TCP_MISS/200 {size} GET http://{host}/v1/orders/{number}? - {via} application/json\n"


def parsed(log: Path) -> Iterator[list[Request]]:
    """The requests of a log, many at a time."""
    reading, clock = Reading(formats_for(AUTO)), Clock(NOW_US, UTC)
    for lines in lines_of(log, lambda _: None):
        yield reading.read(lines, clock)


def parse(log: Path) -> None:
    """Read it."""
    for _ in parsed(log):
        pass


def parse_and_judge(log: Path) -> None:
    """Read it, and ask the list of each request."""
    judge, origin = build.judge(RULES), Origin("")
    for requests in parsed(log):
        for request in requests:
            judge.find_at(origin, name_of(request.host), remote_of(request), NOW_US, via_proxy=True)


def split(log: Path) -> None:
    """Do nothing but split."""
    with log.open("rb") as stream:
        for line in stream:
            line.split()


def store_s(log: Path, history: Path) -> float:
    """Seconds that recording takes of what an import has read: judging, commits and all."""
    pipeline, spent = build.pipeline(RULES), 0.0
    with closing(Writer(open_for_writing(history))) as writer:
        family = Family((PastLog(log, str(log), NOW_US),), formats_for(AUTO))
        for number, (path, told, _) in enumerate(told_of([family], UTC, Read())):
            chunk = Chunk(number, path, tuple(told))
            began = time.perf_counter()
            take(chunk, writer.known(keys_of(chunk)), pipeline, NOW_US)
            if number % AHEAD == AHEAD - 1:
                writer.commit(pipeline.take())
            spent += time.perf_counter() - began
        began = time.perf_counter()
        writer.commit(pipeline.take())
        spent += time.perf_counter() - began
    return spent


def import_it(log: Path, folder: Path) -> tuple[float, float, int]:
    """Seconds, MiB at the most and bytes of the history, of the command on a history of its own."""
    desk, memory_mib = Desk(folder), 0.0
    folder.mkdir()
    desk.config.touch()
    (folder / "allowlist.toml").write_text(RULES)
    began = time.perf_counter()
    with subprocess.Popen(
        desk.argv("import", str(log)), env=desk.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as process:
        while process.poll() is None:
            memory_mib = memory_so_far_mib(process.pid) or memory_mib
            time.sleep(0.02)
    spent = time.perf_counter() - began
    if process.returncode != 0:
        raise SystemExit("the import failed")
    return spent, memory_mib, sum(each.stat().st_size for each in folder.glob("history.db*") if each.is_file())


def memory_so_far_mib(pid: int) -> float | None:
    """The most that a process had at a time since it began its program (proc(5), VmHWM); None where it has ended.

    What wait4(2) tells would count the memory of the one that started it.
    """
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) / 1024 if found else None


def best_s(work: Callable[[], object]) -> float:
    """Seconds of the best run."""
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


def peers(log: Path, folder: Path) -> Iterator[tuple[str, Sequence[str]]]:
    """Other programs that read the log, with their command lines."""
    formats = folder / "lnav" / "formats" / "bench"
    formats.mkdir(parents=True)
    (formats / "squid.json").write_text(
        json.dumps({"$schema": "https://lnav.org/schemas/format-v1.schema.json"} | LNAV)
    )
    yield "wc -l", ("wc", "-l", str(log))
    yield (
        GOACCESS,
        ("goaccess", str(log), *GOACCESS_FORMAT, "--no-progress", "-o", str(folder / "goaccess.json")),
    )
    sums = ";SELECT target, count(*), sum(size) FROM squid_native GROUP BY target"
    yield "lnav (stores none)", ("lnav", "-I", str(folder / "lnav"), "-n", "-c", sums, str(log))


def run_peer(argv: Sequence[str]) -> None:
    """Run another program to its end."""
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def live_s(folder: Path) -> list[float]:
    """Seconds from a line that is written to its row, for some lines at any time of a collector's round."""
    chance, log, spent = random.Random(2), folder / "live.log", list[float]()
    log.touch()
    config = f'{CONFIG}[[proxy.log]]\npath = "{log}"\n'
    with Collecting(folder, config=config) as collecting, closing(Reader(collecting.history)) as reader:
        find = "SELECT 1 FROM recorded WHERE host = ?"
        for number in range(WRITTEN):
            time.sleep(chance.random())
            host, now = f"live{number}.example.net", time.time()
            began = time.perf_counter()
            with log.open("a") as stream:
                stream.write(
                    f"{now:.3f}     46 172.18.0.3 TCP_TUNNEL/200 2730 CONNECT {host}:443 - HIER_DIRECT/::1 -\n"
                )
            while reader.db.execute(find, (host,)).fetchone() is None:
                assert time.perf_counter() - began < 30, f"line {number} is no row"
                time.sleep(0.005)
            spent.append(time.perf_counter() - began)
    return spent


def main(count: int) -> None:
    """Generate, read, print."""
    with tempfile.TemporaryDirectory() as directory:
        folder, rows, absent = Path(directory), list[Measured](), list[str]()
        log, tenth = folder / "access.log", folder / "tenth.log"
        log.write_text("".join(made_up(count)))
        tenth.write_text("".join(made_up(count // 10)))

        def speed(tool: str, seconds: float) -> None:
            rows.append(Measured(tool, SPEED, count / seconds, "lines/s"))

        for tool, argv in peers(log, folder):
            if shutil.which(argv[0]) is None:
                absent.append(tool)
            else:
                speed(tool, best_s(partial(run_peer, argv)))
        speed(SPLIT, best_s(partial(split, log)))
        speed("retool-egress: parsed", best_s(partial(parse, log)))
        speed("  and judged", best_s(partial(parse_and_judge, log)))
        speed("  stored (without parsing)", store_s(log, folder / "stored.db"))
        for lines, source in ((count // 10, tenth), (count, log)):
            seconds, memory_mib, size = import_it(source, folder / f"import{lines}")
            tool = f"import of {lines:,} lines"
            rows.append(Measured(tool, SPEED, lines / seconds, "lines/s"))
            rows.append(Measured(tool, "memory of the process at most", memory_mib, "MiB"))
            rows.append(Measured(tool, "history, indexes included", size / lines, "bytes/row"))
        spent = live_s(folder)
        rows.append(Measured("collect", "from a line to its row, median", statistics.median(spent) * 1000, "ms"))
        rows.append(Measured("collect", f"from a line to its row, worst of {len(spent)}", max(spent) * 1000, "ms"))
        print_table(rows, GOACCESS)
        for tool in absent:
            print(f"{tool} is not installed")
        print(
            'GoAccess and lnav store no request; of ours, "stored" and "import" make a row of each, with its indexes.'
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
