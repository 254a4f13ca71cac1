"""The tools that see connections: how each is started beside a service, and what it has seen at the end."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import psutil

from tests.collectors import Collecting
from tests.host import RetoolHost, children
from tests.host.service import Service

OURS: Final = "retool-egress"
SERVICE: Final = "api"
"""The one whose namespace the load is in: the peers see no other."""
_POLL: Final = Path(__file__).with_name("poll_psutil.py")
_CONFIG: Final = "[names]\nforward = false\n"

Ends = tuple[str, int, str, int]
"""Local address and port, remote address and port."""


class Seen(NamedTuple):
    """What a tool knows of one connection beyond that it was there."""

    with_bytes: bool = False
    with_role: bool = False


class Unusable(Exception):
    """A tool cannot be used here; the message says why."""


class Running:
    """A tool that runs, in a process of its own; what it has seen is read when it has been stopped."""

    note = ""
    """What the reader of its figures should know."""

    def __init__(self, child: "subprocess.Popen[str]", seen: Callable[[], Mapping[Ends, Seen]]) -> None:
        self._child = child
        self._seen = seen

    def cpu_s(self) -> float:
        """CPU seconds of its process and of what that has started."""
        return cpu_s(self._child.pid)

    def stop(self) -> None:
        """End it."""
        children.end(self._child)

    def seen(self) -> Mapping[Ends, Seen]:
        """All connections that it told of, once it is stopped."""
        return self._seen()


def cpu_s(pid: int) -> float:
    """CPU seconds of a process and its children, those that have ended included."""
    process = psutil.Process(pid)
    used = process.cpu_times()
    below = sum(cpu_s(child.pid) for child in process.children())
    return float(used.user + used.system + used.children_user + used.children_system) + below


class RunningCollector(Running):
    """This program, on the machine itself."""

    def __init__(self, collecting: Collecting) -> None:
        super().__init__(collecting.process, self._exported)
        self._collecting = collecting

    def _exported(self) -> Mapping[Ends, Seen]:
        return {
            (row["local_ip"], row["local_port"], row["ip"], row["port"]): Seen(
                row["bytes_sent"] is not None and row["bytes_received"] is not None, row["role"] == SERVICE
            )
            for row in self._collecting.export()
        }

    def stop(self) -> None:
        self._collecting.stop()


@dataclass(frozen=True, slots=True)
class Tool:
    """One of them."""

    name: str
    start: Callable[[RetoolHost, Path], Running]
    """Raises Unusable."""


def start_collector(host: RetoolHost, folder: Path) -> Running:
    """`collect` on the machine itself, with a history of its own."""
    collecting = Collecting(folder, config=_CONFIG)
    collecting.begin()
    return RunningCollector(collecting)


def start_psutil(every_s: float) -> Callable[[RetoolHost, Path], Running]:
    """psutil, asked again and again."""

    def start(host: RetoolHost, folder: Path) -> Running:
        file = folder / "seen.json"
        argv = [sys.executable, "-P", str(_POLL), str(every_s), str(file)]
        child = host.service(SERVICE).popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        children.first_line(child)
        return Running(child, lambda: {_ends(*row[:4]): Seen() for row in json.loads(file.read_text())})

    return start


def start_ss(host: RetoolHost, folder: Path) -> Running:
    """`ss` telling of each socket that the kernel destroys; a line at a time, else it keeps the last ones to itself."""
    return _lines(host.service(SERVICE), ["stdbuf", "-oL", "ss", "-E", "-n", "-t", "-i", "-O", "-H"], folder, _of_ss)


def start_conntrack(host: RetoolHost, folder: Path) -> Running:
    """`conntrack` telling of each flow that begins and ends. A rule that needs tracking turns it on; ends are told
    after a second instead of two minutes."""
    service = host.service(SERVICE)
    needs("nft")
    _must(
        service, ["nft", "table inet bench { chain out { type filter hook output priority 0; ct state new accept; }; }"]
    )
    for name, value in (("acct", 1), ("tcp_timeout_time_wait", 1), ("tcp_timeout_close", 1)):
        _must(service, ["sh", "-c", f"echo {value} > /proc/sys/net/netfilter/nf_conntrack_{name}"])
    argv = ["conntrack", "-E", "-p", "tcp", "-e", "NEW,DESTROY", "-b", str(2**25)]
    running = _lines(service, argv, folder, _of_conntrack)
    running.note = "conntrack tells bytes when the kernel clears a flow away, up to minutes later, and counts headers"
    return running


def start_nethogs(host: RetoolHost, folder: Path) -> Running:
    """`nethogs`, which sums by process and tells of no connection."""
    running = _lines(host.service(SERVICE), ["nethogs", "-t", "-d", "1", "eth0"], folder, lambda text: {})
    running.note = "nethogs sums by process and lists no connections"
    return running


def _lines(service: Service, argv: Sequence[str], folder: Path, read: Callable[[str], Mapping[Ends, Seen]]) -> Running:
    """A tool that writes to its standard output. Raises Unusable if it is not there or ends at once."""
    needs(argv[2] if argv[0] == "stdbuf" else argv[0])
    file = folder / "told"
    with file.open("w") as told:
        child = service.popen(argv, stdin=subprocess.PIPE, stdout=told, stderr=subprocess.STDOUT)
    try:
        child.wait(1.0)
    except subprocess.TimeoutExpired:
        return Running(child, lambda: read(file.read_text(errors="replace")))
    raise Unusable(f"it ended at once: {file.read_text(errors='replace').strip()[:200]}")


def needs(program: str) -> None:
    """Raises Unusable if a program is not installed."""
    if shutil.which(program) is None:
        raise Unusable(f"{program} is not installed")


def _must(service: Service, argv: Sequence[str]) -> None:
    done = service.run(argv)
    if done.returncode != 0:
        raise Unusable(f"{' '.join(argv[:2])}: {done.stderr.strip()[:200]}")


_SS_ENDS: Final = re.compile(r"(\S+):(\d+)\s+(\S+):(\d+)\s")


def _of_ss(text: str) -> Mapping[Ends, Seen]:
    """Lines of `ss -E -n -t -i -O`. Zero bytes are left out there; a connection that had segments has its counters."""
    found = (_SS_ENDS.search(line + " ") for line in text.splitlines())
    return {
        _ends(one[1].strip("[]"), int(one[2]), one[3].strip("[]"), int(one[4])): Seen("segs_out:" in one.string)
        for one in found
        if one
    }


_CONNTRACK: Final = re.compile(r"src=(\S+) dst=(\S+) sport=(\d+) dport=(\d+)(?: packets=\d+ bytes=(\d+))?")


def _of_conntrack(text: str) -> Mapping[Ends, Seen]:
    """Lines of `conntrack -E`; bytes, those of the headers included, come with the end."""
    seen: dict[Ends, Seen] = {}
    for line in text.splitlines():
        if one := _CONNTRACK.search(line):
            ends = _ends(one[1], int(one[3]), one[2], int(one[4]))
            seen[ends] = Seen(one[5] is not None or seen.get(ends, Seen()).with_bytes)
    return seen


def _ends(local_ip: str, local_port: int, ip: str, port: int) -> Ends:
    return local_ip.removeprefix("::ffff:"), local_port, ip.removeprefix("::ffff:"), port


PSUTIL_1S: Final = "psutil at 1 s"
SS: Final = "ss -E"
TOOLS: Final = (
    Tool(SS, start_ss),
    Tool(OURS, start_collector),
    Tool(PSUTIL_1S, start_psutil(1.0)),
    Tool("psutil at 0.1 s", start_psutil(0.1)),
    Tool("conntrack -E", start_conntrack),
    Tool("nethogs -t", start_nethogs),
)
