"""Histories for the viewer's tests, written as the collector writes them; and an app that shows one, step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tui.allowlist.policy import policy_of
from tui.catalog import load_catalogue
from tui.config.settings import load_settings
from tui.history.batch import Batch, CoverageSpan, KeptLog, KeptLoss, KeptWorkload, Run
from tui.history.place import Holder, hold
from tui.history.write import Writer, open_for_writing
from tui.model.alert import Alert, AlertKind, Urgency
from tui.model.answer import EVERYWHERE, Answer
from tui.model.connection import (
    INTERNAL_CATEGORY,
    UNRECOGNISED,
    Claim,
    Connection,
    Endpoint,
    Evidence,
    Judgement,
    Label,
    Name,
    Origin,
    Outcome,
    Phase,
    Process,
    Recorded,
    Verdict,
)
from tui.model.filter import Filter
from tui.model.times import HOUR_US, MINUTE_US, SECOND_US
from tui.model.workload import Workload, WorkloadKind
from tui.viewer import ViewerOptions
from tui.viewer.app import ViewerApp
from tui.viewer.snapshot import Follower, Snapshot
from tui.viewer.theme import Look

NOW_US = 1_795_403_564_000_000
"""2026-11-23 03:12:44 UTC."""
NOTE = "psutil looks every 1 s into one namespace: shorter connections and other containers are missed"
HOLDER = Holder(4711, "detached", "ana", NOW_US - 4 * MINUTE_US, NOW_US + 12 * HOUR_US - 4 * MINUTE_US, "0.1.0")


class Scene:
    """A history that grows by hand."""

    def __init__(self, directory: Path, began_us: int = NOW_US - 4 * MINUTE_US) -> None:
        self.path = directory / "history.db"
        self.config = directory / "config.toml"
        self.began_us = began_us
        db = open_for_writing(self.path)
        db.execute("UPDATE meta SET value = 'retool-prod-1' WHERE key = 'node'")
        self._db = db
        self._writer = Writer(db)
        self._batch = Batch()
        self._connections = 0
        self._alerts = 0
        self._workloads = 0
        self._losses = 0
        self._spans = 100
        self._namespaces: dict[str, str] = {}
        """Of what runs, by role."""

    def recorded(self, until_us: int = NOW_US, note: str = NOTE, kind: str = "detached") -> Scene:
        """Say that a collector watched from the beginning until then, and lives."""
        self._batch.run = Run(1, self.began_us, until_us, None, HOLDER.until_us, kind, 4711, "ana", "0.1.0")
        self._batch.coverage[1] = CoverageSpan(1, "sockets", "net:[1]", self.began_us, until_us, note)
        self._batch.coverage[2] = CoverageSpan(2, "names", "net:[1]", self.began_us, until_us, "")
        return self.commit()

    def container(
        self, role: str | None, *, image: str = "tryretool/backend:3.196.2", started_ago_us: int = 90 * HOUR_US,
        gone_ago_us: int | None = None, watched_ago_us: int | None = 0, pid: int = 20_417,
        proxy: tuple[tuple[str, str], ...] = (), name: str = "", kind: WorkloadKind = WorkloadKind.CONTAINER,
    ) -> Scene:  # fmt: skip
        """Add something that runs in a namespace of its own; it was watched until `watched_ago_us`, None: never."""
        self._workloads += 1
        id, started = self._workloads, NOW_US - started_ago_us
        namespace = f"net:[{10 + id}]"
        is_container = kind is WorkloadKind.CONTAINER
        called = (name or f"retool-{role}-1") if is_container else None
        told = Workload(
            namespace, kind, f"{id:064x}" if is_container else None, called,
            role, image if is_container else None, "retool" if role else "other", True, pid, proxy, started,
        )  # fmt: skip
        gone = None if gone_ago_us is None else NOW_US - gone_ago_us
        self._batch.workloads[id] = KeptWorkload(id, told, gone)
        if role and gone is None:
            self._namespaces[role] = namespace
        if watched_ago_us is not None:
            self._spans += 1
            begins = max(self.began_us, started)
            self._batch.coverage[self._spans] = CoverageSpan(
                self._spans, "sockets", namespace, begins, (gone or NOW_US) - watched_ago_us, "",
                growing=gone is None and not watched_ago_us, gone=gone is not None,
            )  # fmt: skip
        return self

    def watched_again(self, role: str, *, since_ago_us: int) -> Scene:
        """Say that a container is watched since then until now, after it was not."""
        self._spans += 1
        self._batch.coverage[self._spans] = CoverageSpan(
            self._spans, "sockets", self._namespaces[role], NOW_US - since_ago_us, NOW_US, ""
        )
        return self

    def lost(
        self, events: int, *roles: str, ago_us: int = 10 * MINUTE_US, source: str = "sockets"
    ) -> Scene:  # fmt: skip
        """Say that so many ends of sockets, or packets, were lost, in a second that ended `ago_us` before now."""
        self._losses += 1
        namespaces = tuple(self._namespaces[role] for role in roles)
        ended = NOW_US - ago_us
        found = KeptLoss(self._losses, source, namespaces, ended - SECOND_US, ended, events)
        self._batch.losses[self._losses] = found
        return self

    def read(self, *roles: str, begins_ago_us: int | None = None, ended_ago_us: int = 0) -> Scene:
        """Say that packets were read in the containers of these roles, or beside the screen where none is named."""
        for namespace in [self._namespaces[role] for role in roles] or ["net:[1]"]:
            self._spans += 1
            begins = self.began_us if begins_ago_us is None else NOW_US - begins_ago_us
            self._batch.coverage[self._spans] = CoverageSpan(
                self._spans, "wire", namespace, begins, NOW_US - ended_ago_us, "", growing=not ended_ago_us
            )
        return self

    def log(
        self, path: str = "/var/log/squid/access.log", *, state: str = "following", formats: str = "squid",
        lacks: str = "", lines: int = 812, requests: int = 640, unparsed: int = 0, last: str = "", lag: int = 0,
        news_ago_us: int = 0, read: Sequence[tuple[int, int]] = ((240, 0),),
    ) -> Scene:  # fmt: skip
        """Follow the log of a proxy; ``read`` are the times in which that could be done, in seconds before now."""
        self._batch.logs[path] = KeptLog(
            path, b"", b"", NOW_US - news_ago_us, state, formats, lacks, lines, requests, unparsed, last, lag
        )
        for begin_s, end_s in read:
            self._spans += 1
            begins, ends = NOW_US - begin_s * SECOND_US, NOW_US - end_s * SECOND_US
            self._batch.coverage[self._spans] = CoverageSpan(
                self._spans, f"proxy:{path}", "", begins, ends, "", growing=not end_s
            )
        return self

    def saw_nothing_since(self, at_us: int) -> Scene:
        """Say that the sockets could not be looked at from then on."""
        self._batch.coverage[1] = CoverageSpan(1, "sockets", "net:[1]", self.began_us, at_us, NOTE, growing=False)
        return self.commit()

    def ended(self, at_us: int) -> Scene:
        """Say that the collector ended."""
        self._batch.run = Run(1, self.began_us, at_us, at_us, HOLDER.until_us, "detached", 4711, "ana", "0.1.0")
        self._batch.coverage[1] = CoverageSpan(1, "sockets", "net:[1]", self.began_us, at_us, NOTE)
        return self.commit()

    def resumed(self, from_us: int) -> Scene:
        """Say that another collector watches from then until now."""
        self._batch.run = Run(2, from_us, NOW_US, None, HOLDER.until_us, "detached", 4711, "ana", "0.1.0")
        self._batch.coverage[3] = CoverageSpan(3, "sockets", "net:[1]", from_us, NOW_US, NOTE)
        return self.commit()

    def connect(
        self, host: str | None, ip: str, *, role: str | None = "api", category: str = UNRECOGNISED,
        service: str | None = None, port: int = 443, verdict: Verdict = Verdict.ALLOWED, rule: str | None = None,
        outcome: Outcome = Outcome.CLOSED, ago_us: int = MINUTE_US, times: int = 1, every_us: int = SECOND_US,
        sent: int | None = None, received: int | None = None, process: str = "node",
        candidates: tuple[str, ...] = (), container: str | None = None, evidence: Evidence = Evidence.FORWARD,
        claim: Claim | None = None, is_outer: bool = False, connect_us: int | None = None, phase: Phase | None = None,
        via: str | None = None, source: str = "sockets", by: Evidence | None = None,
    ) -> Scene:  # fmt: skip
        """Add connections, the last of them opened `ago_us` before now; `by` is how a nameless one is known."""
        name = Name(host, evidence if host or candidates else by, candidates, claim, is_outer)
        for place in range(times):
            self._connections += 1
            opened = NOW_US - ago_us - (times - 1 - place) * every_us
            is_open = outcome.is_open
            closed = None if is_open else min(opened + 2 * SECOND_US, NOW_US)
            found = Connection(
                self._connections, opened, False, closed, NOW_US if is_open else closed or opened, source, "tcp",
                Endpoint("10.0.3.7", 40_000 + self._connections % 20_000), Endpoint(ip, port),
                self._origin(role, container), Process(20_417, process, "1001", self.began_us),
                name, Label(category, service), Judgement(verdict, rule, 31, ""),
                outcome, sent, received, via, Recorded.LIVE, connect_us, phase,
            )  # fmt: skip
            self._batch.connections[found.id] = (found, not is_open)
        return self

    def alert(
        self, destination: str, role: str | None = "api", *, port: int = 443, urgency: Urgency = Urgency.REVIEW,
        why: str = "", ago_us: int = MINUTE_US, category: str = UNRECOGNISED, count: int = 1,
    ) -> Scene:  # fmt: skip
        """Add an open off-allowlist alert, in the collector's words."""
        self._alerts += 1
        summary = f"{role} connects to {destination}:{port} ({category}), which is not on the allowlist"
        summary += f"; {why}" if why else ""
        cause = f"off-allowlist|{role or ''}|{destination}|{port}"
        self._batch.alerts[self._alerts] = Alert(
            self._alerts, AlertKind.OFF_ALLOWLIST, cause, urgency, summary, role, destination, port, count,
            NOW_US - ago_us, NOW_US,
        )  # fmt: skip
        return self

    def _origin(self, role: str | None, container: str | None) -> Origin:
        namespace = self._namespaces.get(role or "")
        if namespace is None:
            return Origin("net:[1]", role, container)
        return Origin(namespace, role, container or f"retool-{role}-1", "tryretool/backend:3.196.2")

    def found(
        self, kind: AlertKind, summary: str, *, destination: str | None = None, role: str | None = "api",
        port: int | None = 443, urgency: Urgency = Urgency.ACT_NOW, ago_us: int = 14 * MINUTE_US, count: int = 1,
        cause: str = "",
    ) -> Scene:  # fmt: skip
        """Add an open alert of any kind, in the collector's words."""
        self._alerts += 1
        made = Alert(
            self._alerts, kind, cause or f"{kind}|{role}|{destination}|{port}", urgency, summary, role, destination,
            port, count, NOW_US - ago_us, NOW_US - SECOND_US,
        )  # fmt: skip
        self._batch.alerts[self._alerts] = made
        return self

    def blocked(
        self, host: str = "licensing.tryretool.com", *, category: str = "License checks", role: str = "api",
        how: str = "gets no answer from", count: int = 4, ago_us: int = 14 * MINUTE_US, port: int = 443,
        change: str = "",
    ) -> Scene:  # fmt: skip
        """Add an open alert of a destination that is blocked."""
        verb = "are" if category.endswith("s") else "is"
        summary = f"{category} {verb} being blocked: {role} {how} {host}:{port} (192.0.2.10), "
        summary += f"{count} attempts in a row since 02:58:44Z" if count > 1 else "1 attempt, at 02:58:44Z"
        return self.found(AlertKind.BLOCKED, summary + change, destination=host, role=role, port=port, count=count,
                          ago_us=ago_us, cause=f"blocked|{role}|{host}|{port}")  # fmt: skip

    def unresolved(
        self, host: str, *, category: str = "Usage reporting", role: str = "api", count: int = 4,
        why: str = "the name does not exist (NXDOMAIN)", port: int | None = 443,
    ) -> Scene:  # fmt: skip
        """Add an open alert of a name that does not resolve."""
        verb = "are" if category.endswith("s") else "is"
        summary = f"{category} {verb} being blocked: {host} does not resolve in {role} ({why}), "
        summary += f"{count} attempts in a row since 02:58:44Z" if count > 1 else "1 attempt, at 02:58:44Z"
        return self.found(AlertKind.BLOCKED, summary, destination=host, role=role, port=port, count=count,
                          cause=f"blocked|{role}|{host}|dns")  # fmt: skip

    def upload(self, destination: str, role: str = "code-executor", *, ago_us: int = 30 * MINUTE_US) -> Scene:
        """Add an open alert of much that was sent."""
        summary = f"{role} sent 48.2 MB to {destination}:443 in the last 24 h and got 61 kB back"
        return self.found(AlertKind.UPLOAD, summary, destination=destination, role=role, ago_us=ago_us)

    def burst(self, role: str = "code-executor", *, number: int = 48, urgency: Urgency = Urgency.ACT_NOW) -> Scene:
        """Add the open alert of a burst of new destinations."""
        summary = (
            f"{role} connects to {number} new destinations within 10 min, none on the allowlist; the latest: "
            f"203.0.113.9:443; see: retool-egress export 'role:{role} verdict:off-allowlist'"
        )
        return self.found(AlertKind.OFF_ALLOWLIST, summary, role=role, port=None, urgency=urgency, count=number,
                          cause=f"burst|{role}")  # fmt: skip

    def fault(self, summary: str) -> Scene:
        """Add an open coverage alert."""
        self._alerts += 1
        found = Alert(self._alerts, AlertKind.COVERAGE, f"coverage|{self._alerts}", Urgency.TODAY, summary,
                      None, None, None, 1, NOW_US - MINUTE_US, NOW_US)  # fmt: skip
        self._batch.alerts[self._alerts] = found
        return self

    def answer(
        self, host: str, ip: str, *, evidence: Evidence = Evidence.FORWARD, role: str = "",
        from_ago_us: int | None = None, lasts_us: int | None = None,
    ) -> Scene:  # fmt: skip
        """Add an answer: of our own look-ups, or one that the container of a role got."""
        from_us = self.began_us if from_ago_us is None else NOW_US - from_ago_us
        until_us = NOW_US + MINUTE_US if lasts_us is None else from_us + lasts_us
        found = Answer(host, ip, from_us, until_us, self._namespaces[role] if role else EVERYWHERE, evidence)
        self._batch.answers[found.key] = found
        return self

    def commit(self) -> Scene:
        """Write what was added."""
        self._writer.commit(self._batch)
        self._batch = Batch()
        return self

    def close(self) -> None:
        """Close the file."""
        self._writer.close()


def incident(directory: Path) -> Scene:
    """The night of the sketches: licence checks are dropped, a bare address is sent much, an upgrade went before."""
    scene = Scene(directory, NOW_US - 91 * HOUR_US)
    scene.container("api", image="tryretool/backend:3.148.4", gone_ago_us=332 * MINUTE_US)
    scene.container("api", started_ago_us=5 * HOUR_US + 32 * MINUTE_US)
    for role in ("workflows-backend", "workflows-worker", "jobs-runner", "code-executor", "postgres"):
        scene.container(role)
    scene.container(None, kind=WorkloadKind.HOST)
    default = "allow {}:443 (Retool default)"
    scene.connect(
        "licensing.tryretool.com",
        "192.0.2.10",
        category="License checks",
        service="licensing",
        rule=default.format("licensing.tryretool.com"),
        sent=2_100,
        received=5_100,
        times=7,
        ago_us=200 * MINUTE_US,
        every_us=6 * HOUR_US,
    )
    scene.connect(
        "licensing.tryretool.com",
        "192.0.2.10",
        category="License checks",
        service="licensing",
        rule=default.format("licensing.tryretool.com"),
        sent=0,
        received=0,
        times=4,
        ago_us=2 * MINUTE_US,
        every_us=4 * MINUTE_US,
        outcome=Outcome.TIMED_OUT,
    )
    scene.connect(
        "p.tryretool.com",
        "192.0.2.12",
        category="Usage reporting",
        service="usage",
        sent=31_000,
        received=900,
        times=60,
        rule=default.format("p.tryretool.com"),
        ago_us=13 * SECOND_US,
        every_us=47 * SECOND_US,
    )
    scene.connect(
        "api.openai.com",
        "198.51.100.20",
        role="workflows-worker",
        category="Retool AI",
        service="openai",
        rule="allow api.openai.com:443 for workflows-worker (allowlist.toml)",
        sent=420_000,
        received=60_000,
        times=25,
        ago_us=4 * SECOND_US,
        every_us=97 * SECOND_US,
    )
    scene.connect(
        "telemetry.retool.com",
        "192.0.2.14",
        category="Telemetry",
        service="telemetry",
        sent=130_000,
        received=700,
        times=31,
        verdict=Verdict.OFF_ALLOWLIST,
        ago_us=3 * MINUTE_US,
        every_us=45 * MINUTE_US,
    )
    scene.connect(
        "api.stripe.com",
        "198.51.100.40",
        category="Your resources",
        sent=16_000,
        received=44_000,
        times=48,
        ago_us=SECOND_US,
        rule="allow api.stripe.com:443 (allowlist.toml)",
        every_us=61 * SECOND_US,
    )
    scene.connect(
        "github.com",
        "198.51.100.44",
        role="jobs-runner",
        category="Your resources",
        sent=100_000,
        received=900_000,
        times=12,
        rule="allow github.com:443 for jobs-runner (allowlist.toml)",
        ago_us=22 * MINUTE_US,
        every_us=HOUR_US,
    )
    scene.connect(
        None,
        "203.0.113.77",
        role="code-executor",
        verdict=Verdict.OFF_ALLOWLIST,
        sent=5_100_000,
        received=6_800,
        times=8,
        process="python3",
        ago_us=90 * SECOND_US,
        every_us=8 * MINUTE_US,
    )
    scene.connect(
        None,
        "203.0.113.77",
        role="code-executor",
        verdict=Verdict.OFF_ALLOWLIST,
        process="python3",
        sent=7_400_000,
        received=6_600,
        outcome=Outcome.OPEN,
        ago_us=40 * SECOND_US,
    )
    for last in range(1, 8):
        scene.connect(
            None,
            f"10.0.0.{last}",
            category=INTERNAL_CATEGORY,
            verdict=Verdict.INTERNAL,
            port=5432,
            times=3,
            ago_us=5 * MINUTE_US,
        )
    for place, category in (("198.51.100.60", "Image pulls"), ("198.51.100.61", UNRECOGNISED)):
        scene.connect(None, place, role=None, category=category, verdict=Verdict.NOT_JUDGED, process="dockerd", times=2)
    scene.alert(
        "203.0.113.77",
        "code-executor",
        urgency=Urgency.ACT_NOW,
        why="no name explains this public address",
        ago_us=59 * MINUTE_US,
        count=9,
    )
    scene.alert("telemetry.retool.com", category="Telemetry", ago_us=23 * HOUR_US, count=31)
    scene.blocked(change="; api's image changed 5 h 18 min before (3.148.4 to 3.196.2)")
    scene.upload("203.0.113.77")
    for name, ip in (("licensing", "192.0.2.10"), ("p", "192.0.2.12")):
        scene.answer(f"{name}.tryretool.com", ip)
    return scene.recorded(note="")


class StepFeed:
    """A feed without a thread: it looks when it is told to."""

    def __init__(self, path: Path, clock: Callable[[], int]) -> None:
        self._follower = Follower(path)
        self._clock = clock
        self._filter = Filter()
        self._latest: Snapshot | None = None
        self._arrived: Callable[[], None] = lambda: None

    def start(self, arrived: Callable[[], None]) -> None:
        self._arrived = arrived
        self.step()

    def ask(self, filter: Filter) -> None:
        self._filter = filter
        self.step()

    def step(self) -> None:
        """Look once."""
        latest = self._follower.look(self._clock(), self._filter)
        if latest is not None:
            self._latest = latest
            self._arrived()

    def take(self) -> Snapshot | None:
        latest, self._latest = self._latest, None
        return latest

    def stop(self) -> None:
        self._follower.close()


class Clock:
    """A clock that is set by hand."""

    def __init__(self, now_us: int = NOW_US) -> None:
        self.now_us = now_us

    def __call__(self) -> int:
        return self.now_us


class Shown:
    """A history with everything needed to show it."""

    def __init__(self, path: Path, config: Path, look: Look = Look(), now_us: int = NOW_US) -> None:  # noqa: B008
        self.clock = Clock(now_us)
        self.feed = StepFeed(path, self.clock)
        self.app = ViewerApp(options(path, config), look, self.feed, self.clock, "ana")

    @property
    def lines(self) -> list[str]:
        """The screen as text."""
        strips = self.app.screen._compositor.render_strips()
        return [strip.text for strip in strips]

    @property
    def text(self) -> str:
        """The screen as one text."""
        return "\n".join(self.lines)

    def line(self, part: str) -> str:
        """The first line with this in it."""
        return next((line for line in self.lines if part in line), "")


def options(path: Path, config: Path) -> ViewerOptions:
    """The viewer's options for a history and its configuration."""
    settings = load_settings(config, named=False)
    catalogue = load_catalogue(settings.services)
    return ViewerOptions(path, config, policy_of(settings, catalogue), catalogue, False, "0.1.0")


@contextmanager
def recording(path: Path, **changes: object) -> Iterator[Holder]:
    """A collector's lock on a history, as if one recorded."""
    holder = replace(HOLDER, **changes)  # type: ignore[arg-type]
    with hold(path, holder):
        yield holder
