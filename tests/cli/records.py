"""Histories for tests of the command line, written by the collector's own writer. Captures nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tui.history.batch import Batch, CoverageSpan, KeptLog, KeptLoss, KeptWorkload, Run
from tui.history.write import Writer, open_for_writing
from tui.model.alert import Alert, AlertKind, Urgency
from tui.model.answer import Answer
from tui.model.connection import (
    NO_NAME,
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

SECOND_US = 1_000_000
HOUR_US = 3600 * SECOND_US
BEGAN_US = 1_795_399_200 * SECOND_US
"""2026-11-23T02:00:00Z, when the recording begins."""
ENDED_US = BEGAN_US + 2 * HOUR_US
NAMESPACE = "net:[4026531840]"


@dataclass(frozen=True, slots=True)
class Call:
    """One connection as a test tells it."""

    host: str | None = "licensing.tryretool.com"
    ip: str = "203.0.113.10"
    port: int = 443
    role: str | None = "api"
    category: str = "License checks"
    verdict: Verdict = Verdict.ALLOWED
    rule: str | None = None
    process: str = "node"
    after_s: float = 60
    """Seconds from the beginning of the recording to its start."""
    candidates: tuple[str, ...] = ()
    opened_exact: bool = True
    container: str | None = None
    outcome: Outcome = Outcome.CLOSED
    via: str | None = None
    evidence: Evidence = Evidence.FORWARD
    source: str = "sockets"
    local_port: int | None = None
    """None: one that no other call has; 0: not known."""


def connection(id: int, call: Call) -> Connection:
    """The connection that a call made; it lasted 30 s."""
    opened_us = BEGAN_US + round(call.after_s * SECOND_US)
    evidence = call.evidence if call.host or call.candidates else None
    return Connection(
        id,
        opened_us,
        call.opened_exact,
        None if call.outcome.is_open else opened_us + 30 * SECOND_US,
        opened_us + 30 * SECOND_US,
        call.source,
        "tcp",
        Endpoint("10.0.0.5", 40_000 + id if call.local_port is None else call.local_port),
        Endpoint(call.ip, call.port),
        Origin(NAMESPACE, call.role, call.container),
        Process(4000 + id, call.process, "retool", BEGAN_US - SECOND_US),
        Name(call.host, evidence, call.candidates) if evidence else NO_NAME,
        Label(call.category),
        Judgement(call.verdict, call.rule, 1, "as told"),
        call.outcome,
        None,
        None,
        call.via,
        Recorded.LIVE,
    )


def alert(id: int, destination: str, *, resolved: bool = False, urgency: Urgency = Urgency.REVIEW) -> Alert:
    """An alert of a destination off the allowlist."""
    return Alert(
        id,
        AlertKind.OFF_ALLOWLIST,
        f"off-allowlist {destination}",
        urgency,
        f"api connects to {destination}, which is off the allowlist",
        "api",
        destination,
        443,
        3,
        BEGAN_US + 60 * SECOND_US,
        BEGAN_US + 120 * SECOND_US,
        BEGAN_US + HOUR_US if resolved else None,
        "allowed" if resolved else None,
    )


def container(
    id: int, role: str, *, gone_us: int | None = None, image: str = "tryretool/backend:3.196.2", pid: int = 4242,
    started_us: int = BEGAN_US, proxy: tuple[tuple[str, str], ...] = (),
) -> KeptWorkload:  # fmt: skip
    """A container of Retool in a namespace of its own, `net:[ID]`."""
    told = Workload(f"net:[{id}]", WorkloadKind.CONTAINER, f"{id:064}", f"retool-{role}-1", role, image, "retool", True,
                    pid, proxy, started_us)  # fmt: skip
    return KeptWorkload(id, told, gone_us)


def span(id: int, namespace: str, from_us: int = BEGAN_US, to_us: int = ENDED_US) -> CoverageSpan:
    """A time in which a namespace was watched; it grows if it reaches the end of the recording."""
    return CoverageSpan(id, "sockets", namespace, from_us, to_us, "", growing=to_us == ENDED_US)


def log(
    path: str = "/var/log/squid/access.log", *, state: str = "following", formats: str = "squid", lacks: str = "",
    lines: int = 812, requests: int = 640, unparsed: int = 0, last: str = "", lag: int = 0, read_us: int = ENDED_US,
) -> KeptLog:  # fmt: skip
    """The log of a proxy as the collector last left it."""
    return KeptLog(path, b"", b"", read_us, state, formats, lacks, lines, requests, unparsed, last, lag)


def record(
    path: Path,
    calls: Iterable[Call] = (),
    alerts: Iterable[Alert] = (),
    watched: Iterable[tuple[int, int]] = ((BEGAN_US, ENDED_US),),
    workloads: Iterable[KeptWorkload] = (),
    spans: Iterable[CoverageSpan] = (),
    losses: Iterable[KeptLoss] = (),
    answers: Iterable[Answer] = (),
    logs: Iterable[KeptLog] = (),
) -> None:
    """Write a history at ``path`` whose collector has ended; ``watched`` are the times without a hole."""
    writer = Writer(open_for_writing(path))
    made = [connection(id, call) for id, call in enumerate(calls, 1)]
    covered = [CoverageSpan(id, "sockets", NAMESPACE, *span, "") for id, span in enumerate(watched, 1)]
    run = Run(1, BEGAN_US, ENDED_US, ENDED_US, None, "service", 77, "root", "0.1.0")
    batch = Batch(
        {each.id: (each, True) for each in made},
        {each.id: each for each in alerts},
        {span.id: span for span in [*covered, *spans]},
        answers={answer.key: answer for answer in answers},
        losses={loss.id: loss for loss in losses},
        workloads={kept.id: kept for kept in workloads},
        logs={log.path: log for log in logs},
        run=run,
    )
    writer.commit(batch)
    writer.close()
