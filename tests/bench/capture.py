"""What seeing connections costs, and how many are seen: ``python -m tests.bench.capture [SECONDS [RATE ...]]``.

Without words: 10 s at 100, 1,000 and 10,000 connections a second, about seven minutes. Each tool has each load to
itself, on a host for tests of its own: connections of a millisecond from one container, half of them closed by the
server first. Then two loads that only stand: 200 quiet connections in 12 namespaces, and 10,000 sockets in one. CPU is
that of the tool's process and its children. Needs root; a tool that is not installed is left out, and named.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.capture_standing import PEER as STANDING_PEER
from tests.bench.capture_standing import standing
from tests.bench.capture_tools import SERVICE, SS, TOOLS, Tool, Unusable
from tests.bench.table import Measured, print_table
from tests.host import RetoolHost, refusal
from tests.host.ledger import Entry
from tests.host.storm import PLAIN, Storm, StormServer

RATES: Final = (100, 1_000, 10_000)
SECONDS: Final = 10.0
LAST_WORDS_S: Final = 3.0
"""What a tool has after the load to tell of its end; its CPU counts."""


@dataclass(frozen=True, slots=True)
class Load:
    """So many connections a second, for so long."""

    rate: int
    seconds: float

    @property
    def name(self) -> str:
        return f"{self.rate:,}/s"


def under_load(tool: Tool, load: Load) -> list[Measured]:
    """What a tool sees of a load, and what that costs. Raises Unusable."""
    with ExitStack() as stack:
        host = stack.enter_context(RetoolHost(linked=True))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(StormServer(host))
        service = host.service(SERVICE)
        storm = Storm([service], folder, int(load.rate * load.seconds), load.rate, mix=PLAIN, large_share=0)
        storm.prepare()
        running = tool.start(host, folder)
        stack.callback(running.stop)
        before = running.cpu_s()
        entries = storm.play()
        time.sleep(LAST_WORDS_S)
        cpu_s = running.cpu_s() - before
        running.stop()
        seen = running.seen()
        known = [seen.get(entry.key[1:]) for entry in entries]
    there = [one for one in known if one is not None]
    shares = {
        "recorded": len(there),
        "with bytes": sum(one.with_bytes for one in there),
        "with role": sum(one.with_role for one in there),
    }
    rows = [Measured(tool.name, f"{load.name}: real rate", storm.rates[SERVICE], "1/s")]
    rows += [Measured(tool.name, f"{load.name}: {what}", 100 * part / len(known), "%") for what, part in shares.items()]
    rows.append(Measured(tool.name, f"{load.name}: CPU", cpu_s, "s"))
    rows.append(Measured(tool.name, f"{load.name}: CPU a connection", cpu_s / len(known) * 1e6, "µs"))
    tell(tool, load, entries, running.note)
    return rows


def tell(tool: Tool, load: Load, entries: Sequence[Entry], note: str) -> None:
    """Say what was done, and what to know of the figures."""
    troubled = sum(bool(entry.trouble) for entry in entries)
    words = [f"{tool.name} at {load.name} done", note, f"{troubled} connections went otherwise" if troubled else ""]
    print("; ".join(word for word in words if word), file=sys.stderr)


def main(seconds: float, rates: Sequence[int]) -> None:
    """All tools under all loads, then the standing loads."""
    rows, missing = list[Measured](), set[str]()
    for load in (Load(rate, seconds) for rate in rates):
        for tool in TOOLS:
            try:
                rows += under_load(tool, load)
            except Unusable as error:
                missing.add(f"{tool.name} is missing: {error}")
    print_table(by_figure(rows), SS)
    print()
    print_table(standing(), STANDING_PEER)
    print("\n".join(sorted(missing)))


def by_figure(rows: Sequence[Measured]) -> list[Measured]:
    """The tools under each other, figure by figure."""
    figures = list(dict.fromkeys(row.what for row in rows))
    return sorted(rows, key=lambda row: figures.index(row.what))


if __name__ == "__main__":
    if reason := refusal():
        sys.exit(reason)
    words = sys.argv[1:]
    main(float(words[0]) if words else SECONDS, [int(word) for word in words[1:]] or RATES)
