"""Loads that only stand: what a collector and a polling psutil cost while nothing happens."""

import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import psutil

from tests.bench.capture_tools import OURS, PSUTIL_1S, cpu_s
from tests.bench.table import Measured
from tests.collectors import Collecting
from tests.host import children
from tests.host.layout import MACHINE_LINKS, PUBLIC_NETWORKS, SERVICE_TYPES
from tests.host.namespaces import Namespace, linked_to_the_machine, namespace, unique_prefix
from tests.host.outside import program

PEER: Final = PSUTIL_1S
MEASURED_S: Final = 20.0
WARM_S: Final = 5.0
"""What a tool has to get to know what is there; not measured."""
QUIET: Final = (12, 17)
"""Namespaces, and connections in each: 204."""
OPEN: Final = (1, 5_000)
"""Both ends are in the namespace: 10,000 sockets."""
_ADDRESS: Final = "10.77.0.11"
_HOLD: Final = Path(__file__).with_name("hold_sockets.py")
_POLL: Final = Path(__file__).with_name("poll_psutil.py")
_CONFIG: Final = "[names]\nforward = false\n"

Cost = tuple[float, float]
"""Percent of a core, and MiB."""


def standing() -> list[Measured]:
    """Both loads, both tools."""
    rows = list[Measured]()
    for what, size in (("204 quiet in 12 namespaces", QUIET), ("10,000 open sockets in one", OPEN)):
        with held(*size) as namespaces:
            for tool, start in ((PEER, pollers), (OURS, collector)):
                with start(namespaces) as (pids, recorded):
                    core, memory = cost(pids)
                    rows.append(Measured(tool, f"{what}: CPU", core, "% of core"))
                    rows.append(Measured(tool, f"{what}: memory", memory, "MiB"))
                    if recorded is not None:
                        rows.append(Measured(tool, f"{what}: recorded", recorded(), "rows"))
    return rows


@contextmanager
def held(count: int, each: int) -> Iterator[list[Namespace]]:
    """So many namespaces with a link to the machine, in each a process that holds so many connections."""
    prefix, unique = unique_prefix(), secrets.token_hex(3)
    network = f"{MACHINE_LINKS}.{int(unique[:2], 16)}"
    with ExitStack() as stack:
        made = []
        for place in range(count):
            inside = stack.enter_context(namespace(f"{prefix}{place}"))
            ends = (f"{network}.{2 * place}", f"{network}.{2 * place + 1}")
            stack.enter_context(linked_to_the_machine(inside, f"rt{unique}-{place}", *ends))
            inside.configure([f"address add {_ADDRESS}/32 dev lo"])
            inside.configure([f"route add local {PUBLIC_NETWORKS[0]} dev lo src {_ADDRESS}"])
            environment = {"SERVICE_TYPE": SERVICE_TYPES["api"]}
            children.first_line(stack.enter_context(program(inside, [str(_HOLD), str(each)], environment)))
            made.append(inside)
        yield made


Begun = tuple[Sequence[int], Callable[[], int] | None]
"""The processes of a tool, and how many connections it has recorded."""


@contextmanager
def collector(namespaces: Sequence[Namespace]) -> Iterator[Begun]:
    """One on the machine itself, looking once a second."""
    with tempfile.TemporaryDirectory() as folder, Collecting(Path(folder), config=_CONFIG) as collecting:
        yield [collecting.process.pid], lambda: len(collecting.export(f"ip:{PUBLIC_NETWORKS[0]}"))


@contextmanager
def pollers(namespaces: Sequence[Namespace]) -> Iterator[Begun]:
    """One in each namespace: psutil sees no other."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        argv = [str(_POLL), "1.0"]
        started = [stack.enter_context(program(one, [*argv, str(folder / one.name)])) for one in namespaces]
        for child in started:
            children.first_line(child)
        yield [child.pid for child in started], None


def cost(pids: Sequence[int]) -> Cost:
    """CPU and memory of processes together, over a while that begins when they have got to know what is there."""
    time.sleep(WARM_S)
    before, began = sum(map(cpu_s, pids)), time.monotonic()
    time.sleep(MEASURED_S)
    core = (sum(map(cpu_s, pids)) - before) / (time.monotonic() - began)
    return 100 * core, sum(psutil.Process(pid).memory_info().rss for pid in pids) / 2**20
