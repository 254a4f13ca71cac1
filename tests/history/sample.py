"""Connections, runs and histories that tests write. Asserts nothing."""

import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tui.history.batch import Batch, CoverageSpan, KeptLoss, Run
from tui.history.write import Writer, open_for_writing
from tui.model.alert import Alert, AlertKind, Urgency
from tui.model.connection import (
    Connection,
    Endpoint,
    Evidence,
    Judgement,
    Label,
    Name,
    Origin,
    Outcome,
    Process,
    Recorded,
    Verdict,
)
from tui.model.workload import Workload, WorkloadKind

START_US = 1_795_435_200_000_000
"""A whole hour."""
SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US

_FIRST = Connection(
    id=1,
    opened_us=START_US,
    opened_exact=False,
    closed_us=None,
    last_seen_us=START_US,
    source="sockets",
    protocol="tcp",
    local=Endpoint("172.18.0.5", 40000),
    remote=Endpoint("203.0.113.7", 443),
    origin=Origin("4026532288", "api"),
    process=Process(4711, "node", "retool", START_US - HOUR_US),
    name=Name("licensing.tryretool.com", Evidence.FORWARD),
    label=Label("License checks", "licensing"),
    judgement=Judgement(Verdict.ALLOWED, "allow licensing.tryretool.com:443 (Retool default)", 1, "because"),
    outcome=Outcome.OPEN,
    bytes_sent=None,
    bytes_received=None,
    via=None,
    recorded=Recorded.LIVE,
)


def connection(id: int = 1, **changes: Any) -> Connection:
    """One connection; it is last seen when it was opened, unless told otherwise."""
    if "opened_us" in changes:
        changes.setdefault("last_seen_us", changes["opened_us"])
    return replace(_FIRST, id=id, **changes)


def judged(verdict: Verdict, rule: str | None = None) -> Judgement:
    return Judgement(verdict, rule, 1, "")


def run(id: int = 1, **changes: Any) -> Run:
    return replace(Run(id, START_US, START_US, None, None, "foreground", 99, "ana", "1"), **changes)


def alert(id: int = 1, **changes: Any) -> Alert:
    first = Alert(
        id, AlertKind.OFF_ALLOWLIST, "cause", Urgency.REVIEW, "summary", "api", "a.b", 443, 1, START_US, START_US
    )
    return replace(first, **changes)


def span(id: int, from_us: int, to_us: int, source: str = "sockets", note: str = "", **changes: Any) -> CoverageSpan:
    return replace(CoverageSpan(id, source, "4026532288", from_us, to_us, note), **changes)


def workload(**changes: Any) -> Workload:
    """A container of Retool's api, described by an engine."""
    api = Workload(
        "4026532288", WorkloadKind.CONTAINER, "ab" * 32, "retool-api-1", "api", "tryretool/backend:3.196.2", "retool",
        True, 4711, (("HTTPS_PROXY", "http://proxy.corp:3128"), ("NO_PROXY", ".corp")), START_US,
    )  # fmt: skip
    return replace(api, **changes)


def loss(id: int, from_us: int, to_us: int, events: int, *namespaces: str) -> KeptLoss:
    return KeptLoss(id, "sockets", namespaces, from_us, to_us, events)


def batch(*connections: Connection, final: bool = False, **parts: Any) -> Batch:
    return Batch({c.id: (c, final) for c in connections}, **parts)


class Recorder:
    """A history that is being written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.db: sqlite3.Connection = open_for_writing(path)
        self.writer = Writer(self.db)

    def write(self, *connections: Connection, final: bool = False) -> int:
        return self.writer.commit(batch(*connections, final=final))

    def write_rest(
        self, *, run: Run | None = None, alerts: Iterable[Alert] = (), coverage: Iterable[CoverageSpan] = ()
    ) -> int:
        return self.writer.commit(
            Batch(alerts={a.id: a for a in alerts}, coverage={s.id: s for s in coverage}, run=run)
        )

    def close(self) -> None:
        self.writer.close()
