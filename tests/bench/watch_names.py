"""A program: a collector without its history: its source, tracker and pipeline, and its clock.

    python -m tests.bench.watch_names on|off NAMESPACE [PROFILE]

Names are read off packets, or not. It prints a line once it watches, and when its standard input ends how many
connections of the namespace it has recorded, how many of them by the name that the client gave, and the packets that
were lost; with PROFILE it leaves there where the time went (cProfile).
"""

import cProfile
import gc
import json
import os
import select
import sys
import time
from dataclasses import replace

from tests.collector.build import pipeline
from tui.capture.census import Census
from tui.capture.engine import Engine
from tui.capture.netns import own_namespace
from tui.capture.own import OwnSockets
from tui.capture.population import Population
from tui.capture.sources import open_source
from tui.collector.loop import COMMIT_EVERY_S, GARBAGE, TICK_S
from tui.model.connection import Evidence

INTERVAL_S = 1.0


class Only(Population):
    """Knows one namespace beside our own: the far side, which is here too, is elsewhere in truth."""

    def __init__(self, namespace: str) -> None:
        super().__init__(engine=Engine())
        self._only = namespace

    def scan(self, at_us: int) -> Census:
        census = super().scan(at_us)
        wanted = (own_namespace(), self._only)
        return replace(census, places={name: pid for name, pid in census.places.items() if name in wanted})


def watch(wire: bool, namespace: str) -> dict[str, int]:
    """Until standard input ends."""
    source = open_source("netlink", INTERVAL_S, OwnSockets(), Only(namespace), wire=wire)
    following = pipeline(own_pid=os.getpid(), looks_up=False)
    recorded, lost, taken = dict[int, Evidence | None](), 0, time.monotonic()
    following.observe(source.look())
    gc.freeze()
    gc.set_threshold(*GARBAGE)
    print("watching", flush=True)
    ended, watched = False, source.fileno()
    assert watched is not None
    while not ended:
        heard = select.select([watched, sys.stdin.fileno()], [], [], source.wait_s())[0]
        ended = sys.stdin.fileno() in heard
        time.sleep(TICK_S if heard else 0.0)
        sighting = source.look()
        lost += sum(loss.events for loss in sighting.packet_losses)
        following.observe(sighting)
        if ended or time.monotonic() - taken > COMMIT_EVERY_S:
            taken = time.monotonic()
            for connection, _ in following.take().connections.values():
                if connection.origin.namespace == namespace and connection.protocol == "tcp":
                    recorded[connection.id] = connection.name.evidence
    source.close()
    return {"recorded": len(recorded), "sni": sum(one is Evidence.SNI for one in recorded.values()), "lost": lost}


def main(wire: bool, namespace: str, profile: str) -> None:
    """Watch, tell."""
    profiler = cProfile.Profile()
    told = profiler.runcall(watch, wire, namespace) if profile else watch(wire, namespace)
    print(json.dumps(told), flush=True)
    if profile:
        profiler.dump_stats(profile)


if __name__ == "__main__":
    main(sys.argv[1] == "on", sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else "")
