"""What a connection costs whoever reads its name: CPU of the process, while another makes short ones."""

import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Final

from tests.bench.capture_tools import cpu_s
from tests.bench.short_names import PORT
from tests.bench.table import Measured
from tests.collectors import ROOT
from tests.host import RetoolHost, children
from tests.host.outside import program
from tests.host.service import Service

SERVICE: Final = "api"
CLIENTS: Final = 2
"""Processes that share the rate."""
KNOWN_S: Final = 1.5
"""What a tool has to find the processes of the load; its CPU does not count."""
LAST_WORDS_S: Final = 1.0
"""What a tool has after the load; its CPU counts."""
OFF, ON = "names off", "names on"
TCPDUMP: Final = "tcpdump -n"
PLAIN: Final = "Python, no filter"
_FILTER: Final = (
    "(tcp[tcpflags] & (tcp-syn|tcp-fin|tcp-rst) != 0) or port 53 or icmp[icmptype] = icmp-unreach or "
    f"(tcp dst port {PORT} and tcp[(tcp[12] & 0xf0) >> 2] = 0x16)"
)

Child = subprocess.Popen[str]


@dataclass(frozen=True, slots=True)
class Tool:
    """Something that reads packets, and how to start it so that it prints a line once it does."""

    name: str
    start: Callable[[Service], Child]
    tells: bool = False
    """It says at its end what it has recorded."""


def _module(name: str, *words: str) -> list[str]:
    return [sys.executable, "-m", f"tests.bench.{name}", *words]


def start_ours(service: Service, *, wire: bool) -> Child:
    """On the machine itself."""
    argv = _module("watch_names", "on" if wire else "off", service.namespace)
    return subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def start_plain(service: Service) -> Child:
    """In the namespace of the load."""
    return service.popen(_module("plain_tap"), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def start_tcpdump(service: Service) -> Child:
    """In the namespace of the load, with a filter that passes about the same. It reads names of DNS, and no others."""
    argv = ["sh", "-c", 'exec "$@" 2>&1 > /dev/null', "-", "tcpdump", "-n", "-i", "eth0", "-Z", "root", "-B", "8192"]
    return service.popen([*argv, _FILTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def tools() -> Sequence[Tool]:
    """Those that are here."""
    ours = [Tool(name, partial(start_ours, wire=wire), tells=True) for name, wire in ((OFF, False), (ON, True))]
    if shutil.which("tcpdump") is None:
        print("tcpdump is not installed", file=sys.stderr)
        return (*ours, Tool(PLAIN, start_plain))
    return (*ours, Tool(TCPDUMP, start_tcpdump), Tool(PLAIN, start_plain))


def costs(rate: float, seconds: float, runs: int) -> list[Measured]:
    """Each tool has the load to itself, in turn; the medians."""
    used: dict[str, list[float]] = {}
    rows = list[Measured]()
    with RetoolHost(linked=True) as host:
        environment = {"PYTHONPATH": str(ROOT)}
        with program(host.outside, ["-m", "tests.bench.short_names", "serve"], environment) as far:
            children.first_line(far)
            for run in range(runs):
                for tool in tools():
                    cost_us, real_rate, told = _under_load(host.service(SERVICE), tool, rate, seconds)
                    used.setdefault(tool.name, []).append(cost_us)
                    if run == 0:
                        rows.append(Measured(tool.name, "short connections: real rate", real_rate, "1/s"))
                        rows += [Measured(tool.name, f"short connections: {k}", v, "%") for k, v in told.items()]
    rows += [Measured(name, "CPU a connection", statistics.median(each), "µs") for name, each in used.items()]
    added = [on - off for on, off in zip(used[ON], used[OFF], strict=True)]
    rows.append(Measured(ON, "CPU a connection: added", statistics.median(added), "µs"))
    return rows


def _under_load(service: Service, tool: Tool, rate: float, seconds: float) -> tuple[float, float, Mapping[str, float]]:
    """CPU µs a connection, the real rate, and what the tool has recorded, in percent of all."""
    with ExitStack() as stack:
        reading = tool.start(service)
        stack.callback(children.end, reading)
        children.first_line(reading)
        argv = _module("short_names", "connect", str(rate / CLIENTS), str(seconds))
        clients = [service.popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(CLIENTS)]
        for client in clients:
            stack.callback(children.end, client)
            children.first_line(client)
        time.sleep(KNOWN_S)
        before = cpu_s(reading.pid)
        for client in clients:
            assert client.stdin is not None
            client.stdin.write("\n")
            client.stdin.flush()
        made = [children.first_line(client).split() for client in clients]
        time.sleep(LAST_WORDS_S)
        used_s = cpu_s(reading.pid) - before
        count, took_s = sum(int(one[0]) for one in made), max(float(one[1]) for one in made)
        told = dict[str, float]()
        if tool.tells:
            assert reading.stdin is not None
            reading.stdin.close()
            told = {what: 100 * number / count for what, number in json.loads(children.first_line(reading)).items()}
    return used_s / count * 1e6, count / took_s, told
