"""Put a collector together: its options, its source, and a pipeline that goes on where the record ends."""

import contextlib
import os
import resource
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tui.allowlist.judge import Allowlist
from tui.allowlist.policy import Policy
from tui.capture.engine import Engine
from tui.capture.netns import own_namespace
from tui.capture.own import OwnSockets
from tui.capture.population import Population
from tui.capture.sources import Source, open_source
from tui.catalog import Catalogue
from tui.collector.claims import Claims
from tui.collector.coverage import Coverage
from tui.collector.hops import Hops
from tui.collector.judging import Judge
from tui.collector.logs import FollowedLog
from tui.collector.past import watches_again
from tui.collector.pipeline import Pipeline
from tui.collector.scope import Scope
from tui.collector.seen import Seen
from tui.collector.track import Tracker
from tui.collector.workloads import WorkloadBook
from tui.config.errors import ConfigError
from tui.config.settings import Settings
from tui.history.batch import KeptLog
from tui.history.resume import Past
from tui.model.times import host_zone
from tui.names.table import NameTable
from tui.proxylog.catalogue import formats_for
from tui.proxylog.format import Format


@dataclass(frozen=True, slots=True)
class CollectOptions:
    """What a collector is told."""

    history: Path
    settings: Settings
    catalogue: Catalogue
    policy: Policy
    kind: str
    for_s: float | None
    """Ends by itself after this many seconds; None: when it is told to."""
    since_us: int | None = None
    """A log that was never followed is read from its start, for what ended since then; None: from its end."""


def allow_descriptors() -> None:
    """As many as are permitted: a namespace without a link to ours takes one, and the usual 1,024 are soon gone."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def source_of(options: CollectOptions, own: OwnSockets) -> Source:
    """The source that the configuration asks for.

    :raises ConfigError: if it asks for netlink and the kernel refuses it
    """
    settings = options.settings
    screen_pid = os.getppid() if options.kind == "detached" else None
    try:
        population = Population(engine=Engine(), screen_pid=screen_pid)
        return open_source(
            settings.sockets.source, settings.sockets.interval_s, own, population, wire=settings.names.wire
        )
    except OSError as error:
        raise ConfigError(
            settings.path,
            f'`source = "netlink"`: the kernel refuses it here ({error.strerror or error})',
            'Use source = "auto", or see what is missing: retool-egress doctor',
        ) from error


def formats_of(settings: Settings) -> list[tuple[Path, tuple[Format, ...]]]:
    """The logs of proxies that the configuration names, each with the formats that its lines may be in.

    :raises ConfigError: if a format is none
    """
    wanted = list[tuple[Path, tuple[Format, ...]]]()
    for log in settings.proxy.log:
        try:
            wanted.append((Path(log.path), formats_for(log.format)))
        except ValueError as error:
            hint = 'Use format = "auto", the name of a proxy, or its own words: "squid: LOGFORMAT".'
            raise ConfigError(settings.path, f"`format` of {log.path}: {error}", hint) from error
    return wanted


def logs_of(options: CollectOptions, kept: Mapping[str, KeptLog]) -> list[FollowedLog]:
    """The logs of proxies that are to be followed.

    :raises ConfigError: if a format is none
    """
    zone, since_us = host_zone(), options.since_us
    return [
        FollowedLog(str(path), formats, kept.get(str(path)), zone, since_us)
        for path, formats in formats_of(options.settings)
    ]


def pipeline_of(
    past: Past, options: CollectOptions, allowlist: Allowlist, now_us: int, settled: Callable[[], bool]
) -> Pipeline:
    """A pipeline that goes on where the record ends."""
    table = NameTable()
    for answer in past.answers:
        table.learn(answer)
    workloads = WorkloadBook(past.next_workload, past.workloads)
    scope = Scope(options.settings.scope.judge, retool_seen=past.roles_seen)
    proxy = options.settings.proxy
    hops = Hops(table, scope, proxy.places)
    return Pipeline(
        Tracker(past.next_connection, os.getpid(), past.namespaces, host=own_namespace()),
        Judge(table, Claims(table), options.catalogue, allowlist, scope, hops),
        watches_again(past, options.catalogue, workloads, hops, now_us, proxy_required=proxy.required),
        Seen(Coverage(past.next_coverage), past.next_loss, past.spans),
        workloads,
        settled,
        looks_up=options.settings.names.forward,
    )
