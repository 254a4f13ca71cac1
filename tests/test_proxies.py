"""Logs of real proxies, end to end: what the record says of requests that clients made through Squid, tinyproxy,
HAProxy and nginx, each rotated under load by its own means."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from tests.host import RetoolHost, children, first_line, outside, proxies
from tests.host.layout import SERVICES
from tests.host.proxies import SQUID_WORDS
from tests.host.proxy import Proxy
from tests.host.zone import Zone
from tests.proxy_bench import ABORTED, HOSTS, REFUSED, Bench, ask

pytestmark = pytest.mark.root

ORIGIN = Path(__file__).parent / "host" / "origin.py"
ROLES = ("api", "workflows-worker")
LOAD = 1000
"""Requests of each role."""
THREADS = 4
ROTATIONS, KILLED_AT = 3, 2
FIRST_LINES = 50
"""So many of a part are written before the log is rotated."""
LAGS = 3
LATEST_S = 3.0
"""What a line may take from its proxy's file into the history; a second is meant."""
MIX = ("allowed",) * 14 + ("denied",) * 2 + ("refused",) * 2 + ("unknown",) + ("aborted",)

Begin = Callable[[RetoolHost], AbstractContextManager[Proxy]]
PROXIES: dict[str, Begin] = {
    "squid": proxies.squid,
    "squid with a logformat": lambda host: proxies.squid(host, SQUID_WORDS),
    "tinyproxy": proxies.tinyproxy,
    "haproxy": proxies.haproxy,
    "nginx": proxies.nginx,
}
IN_FRONT: dict[str, Begin] = {"haproxy before squid": proxies.haproxy_http}
"""Where the load would be that of another."""


@pytest.fixture
def names(retool_host: RetoolHost, zone: Zone) -> RetoolHost:
    """The host, with a name that leads to where nobody listens, and one more that leads to where somebody does."""
    zone.set(REFUSED, [SERVICES["code-executor"][0]])
    zone.set(ABORTED, ["203.0.113.20", "2001:db8::20"])
    return retool_host


@pytest.fixture
def living(names: RetoolHost) -> Iterator[RetoolHost]:
    """The host, in whose services a process lives before it does anything."""
    code = "import sys; print('up', flush=True); sys.stdin.read()"
    with ExitStack() as stack:
        for role in ROLES:
            argv, pipe = [sys.executable, "-c", code], subprocess.PIPE
            child = names.service(role).popen(argv, stdin=pipe, stdout=pipe)
            first_line(child)
            stack.callback(children.release, child)
        yield names


@pytest.fixture
def proxy(request: pytest.FixtureRequest, living: RetoolHost) -> Iterator[Proxy]:
    name: str = request.param
    for needed in {"haproxy", "squid", "nginx", "tinyproxy"} & set(name.split()):
        if (package := proxies.missing(needed)) is not None:
            pytest.skip(f"Debian's package {package} is needed")
    with (PROXIES | IN_FRONT)[name](living) as running:
        yield running


@pytest.fixture
def bench(living: RetoolHost, proxy: Proxy, tmp_path: Path) -> Bench:
    return Bench(living, proxy, tmp_path)


each_proxy = pytest.mark.parametrize("proxy", PROXIES, indirect=True)


@pytest.mark.parametrize(
    ("proxy", "wire"),
    [*((name, False) for name in PROXIES | IN_FRONT), ("squid", True), ("nginx", True)],
    indirect=["proxy"],
)
def test_what_is_allowed_denied_refused_unknown_or_aborted_is_recorded_as_that(
    living: RetoolHost, proxy: Proxy, tmp_path: Path, wire: bool
) -> None:
    bench = Bench(living, proxy, tmp_path, wire=wire)
    cases = ["allowed", *HOSTS] * 2
    asks = [ask(bench.proxy, case, number) for number, case in enumerate(cases)]
    with bench.collecting:
        ledger = [row for role in ROLES for row in bench.ledger(bench.make(role, asks), cases)]
        bench.settled(len(ledger))
    bench.compare(ledger)


@pytest.mark.parametrize("proxy", ["squid", "squid with a logformat", "tinyproxy"], indirect=True)
def test_a_request_without_a_tunnel_is_recorded_with_its_url_s_host_and_port(bench: Bench) -> None:
    cases = ["allowed", *HOSTS]
    asks = [replace(ask(bench.proxy, case), way="get", port=80) for case in cases]
    with outside.program(bench.host.outside, [str(ORIGIN)]) as origin, bench.collecting:
        first_line(origin)
        ledger = [row for role in ROLES for row in bench.ledger(bench.make(role, asks), cases)]
        bench.settled(len(ledger))
    bench.compare(ledger)


def rotate(bench: Bench, number: int) -> None:
    """Have the log rotated; at one time the collector is killed before that, and begins again after it."""
    is_down = number == KILLED_AT
    if is_down:
        bench.collecting.stop(signal.SIGKILL)
    bench.proxy.rotate(number)
    if is_down:
        bench.collecting.begin()


@each_proxy
def test_of_two_thousand_requests_under_which_the_log_is_rotated_three_times_each_is_one_row(bench: Bench) -> None:
    """Once while no collector runs, because it was killed."""
    cases = [MIX[number % len(MIX)] for number in range(LOAD)]
    asks = [ask(bench.proxy, case, number) for number, case in enumerate(cases)]
    proxy = bench.proxy
    with bench.collecting:
        clients = [bench.client(role, asks, THREADS, ROTATIONS + 1) for role in ROLES]
        for rotation in range(ROTATIONS + 1):
            for client in clients:
                client.begin()
            if rotation and not proxy.is_idle:
                bench.await_lines(FIRST_LINES)
                rotate(bench, rotation)
            for client in clients:
                client.end()
            if rotation and proxy.is_idle:
                rotate(bench, rotation)
        ledger = [row for client in clients for row in bench.ledger(client.made(), cases)]
        bench.settled(len(ledger))
    bench.compare(ledger)


@each_proxy
def test_a_line_is_in_the_history_within_a_second(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    with bench.collecting:
        took_s = [bench.lag_s(ROLES[0], number) for number in range(LAGS)]
    with capsys.disabled():
        print(f"  [{max(took_s) * 1000:.0f} ms at most from a proxy's line to the history]", end="")
    assert max(took_s) < LATEST_S
