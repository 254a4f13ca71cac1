"""What reading names on the wire costs: ``python -m tests.bench.names [--rate N] [--size MB] [--runs N] ...``.

First the CPU of each short connection (a DNS query, a ClientHello, an orderly end), with names read and without, and of
tools that read packets. Then, of short TLS connections and of an upload: how many of the packets on the interface the
filter in the kernel passes. Then the time of an upload with and without a tap that is drained every 20 ms, in turn,
over a veth whose segmentation offload is on, and off. Without words: 2,000 connections a second for 10 s, three times;
2,000 connections; 1,000 MB, seven runs; some minutes. Needs root.
"""

import argparse
import os
import socket
import ssl
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Final

from tests.bench.names_cost import OFF, costs
from tests.bench.table import Measured, print_table
from tests.host import RetoolHost, first_line, refusal
from tests.host.layout import PUBLIC_NAMES
from tests.host.offload import set_offload
from tests.host.outside import program
from tests.host.service import Service
from tui.capture.netns import inside
from tui.capture.tap import Tap

SERVICE: Final = "api"
HOST: Final = "licensing.tryretool.com"
PORT: Final = 8443
TICK_S: Final = 0.02
PATIENCE_S: Final = 120.0
WITHOUT, WITH = "without tap", "tap"
RECORD: Final = b"\x17\x03\x03\x40\x11" + os.urandom(16_401)
"""As an upload through TLS looks; what is in it can be anything."""
SINK: Final = """
import socket, sys, threading
server = socket.create_server((sys.argv[1], int(sys.argv[2])))
def swallow():
    while True:
        with server.accept()[0] as accepted:
            while accepted.recv(1 << 20):
                pass
            accepted.sendall(b"all")
threading.Thread(target=swallow, daemon=True).start()
print("listening", flush=True)
sys.stdin.read()
"""


@contextmanager
def within(service: Service) -> Iterator[None]:
    """The block's sockets are made in the namespace of a service, and stay in it."""
    descriptor = os.open(f"/run/netns/{service.netns}", os.O_RDONLY)
    try:
        with inside(descriptor):
            yield
    finally:
        os.close(descriptor)


class Reading:
    """A tap that is drained in a thread, as a collector does it."""

    def __init__(self, service: Service) -> None:
        with within(service):
            self._tap = Tap()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._read)
        self.passed = self.lost = 0

    def _read(self) -> None:
        while not self._over.wait(TICK_S):
            self.passed += sum(1 for _ in self._tap.drain())

    def __enter__(self) -> "Reading":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.passed += sum(1 for _ in self._tap.drain())
        self.lost = self._tap.lost()
        self._tap.close()


def packets_on_the_interface(service: Service) -> int:
    """Received and sent; of what a card would cut into segments, one is counted (proc(5), net/dev)."""
    with within(service):
        lines = Path("/proc/thread-self/net/dev").read_text().splitlines()
    (counts,) = [line.split(":")[1].split() for line in lines if line.strip().startswith("eth0:")]
    return int(counts[1]) + int(counts[9])


def connect(service: Service, address: str, port: int) -> socket.socket:
    """A connection of the service."""
    with within(service):
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.settimeout(PATIENCE_S)
    made.connect((address, port))
    return made


def short_connections(host: RetoolHost, count: int) -> None:
    """One after the other: a handshake, a question, its answer, an orderly end."""
    service, context = host.service(SERVICE), ssl.create_default_context(cafile=host.ca_file)
    address = PUBLIC_NAMES[HOST][0]
    for _ in range(count):
        with context.wrap_socket(connect(service, address, 443), server_hostname=HOST) as connection:
            connection.sendall(b"question")
            connection.recv(100)
            with suppress(OSError):
                connection.unwrap()


def upload(host: RetoolHost, megabytes: int) -> float:
    """Seconds until the far side has all of it."""
    with connect(host.service(SERVICE), host.stranger, PORT) as connection:
        begun = time.perf_counter()
        for _ in range(megabytes * 1_000_000 // len(RECORD)):
            connection.sendall(RECORD)
        connection.shutdown(socket.SHUT_WR)
        if connection.recv(3) != b"all":
            raise RuntimeError("the far side has not got all of it")
        return time.perf_counter() - begun


def shares(host: RetoolHost, connections: int, megabytes: int) -> list[Measured]:
    """How much the filter passes."""
    service, rows = host.service(SERVICE), list[Measured]()
    loads: list[tuple[str, Callable[[], object]]] = [
        (f"{connections:,} TLS connections", lambda: short_connections(host, connections)),
        (f"{megabytes:,} MB", lambda: upload(host, megabytes)),
    ]
    for name, play in loads:
        before = packets_on_the_interface(service)
        with Reading(service) as reading:
            play()
        seen = packets_on_the_interface(service) - before
        rows += [
            Measured(WITH, f"{name}: packets seen", seen, ""),
            Measured(WITH, f"{name}: passed", reading.passed, ""),
            Measured(WITH, f"{name}: share passed", 100 * reading.passed / seen, "%"),
            Measured(WITH, f"{name}: lost", reading.lost, ""),
        ]
    return rows


def throughput(host: RetoolHost, megabytes: int, runs: int, *, offload: bool) -> list[Measured]:
    """With and without a tap, in turn, each first as often; the ratio is that of the times of each pair."""
    service = host.service(SERVICE)
    with within(service):
        set_offload("eth0", offload)
    seconds: dict[str, list[float]] = {WITHOUT: [], WITH: []}
    passed = 0
    upload(host, max(1, megabytes // 10))
    for run in range(runs):
        for tool in (WITHOUT, WITH) if run % 2 else (WITH, WITHOUT):
            reading = Reading(service) if tool == WITH else None
            with reading or nullcontext():
                seconds[tool].append(upload(host, megabytes))
            passed = reading.passed if reading else passed
    what = f"{megabytes:,} MB, offload {'on' if offload else 'off'}"
    ratios = [tapped / plain for plain, tapped in zip(seconds[WITHOUT], seconds[WITH], strict=True)]
    rows = [Measured(tool, what, statistics.median(times), "s") for tool, times in seconds.items()]
    rows.append(Measured(WITH, f"{what}: median ratio of time", statistics.median(ratios), ""))
    rows.append(Measured(WITH, f"{what}: least and most ratio", min(ratios), ""))
    rows.append(Measured(WITH, f"{what}: least and most ratio", max(ratios), ""))
    rows.append(Measured(WITH, f"{what}: passed", passed, ""))
    return rows


def main(words: Sequence[str]) -> None:
    """All parts."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.names")
    parser.add_argument("--rate", type=float, default=2000, help="short connections a second")
    parser.add_argument("--seconds", type=float, default=10, help="of them")
    parser.add_argument("--cost-runs", type=int, default=3, help="times that each tool has them")
    parser.add_argument("--size", type=int, default=1000, help="MB of an upload")
    parser.add_argument("--runs", type=int, default=7, help="pairs of uploads")
    parser.add_argument("--connections", type=int, default=2000)
    given = parser.parse_args(words)
    print_table(costs(given.rate, given.seconds, given.cost_runs), OFF)
    with RetoolHost() as host, program(host.outside, ["-c", SINK, host.stranger, str(PORT)]) as sink:
        first_line(sink)
        rows = shares(host, given.connections, given.size)
        for offload in (True, False):
            rows += throughput(host, given.size, given.runs, offload=offload)
    print_table(rows, WITHOUT)


if __name__ == "__main__":
    if reason := refusal():
        sys.exit(reason)
    main(sys.argv[1:])
