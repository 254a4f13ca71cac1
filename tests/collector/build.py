"""Build what a collector is made of, without its sockets, clock and disk. Asserts nothing."""

from collections.abc import Callable, Iterable
from pathlib import Path

from tui.allowlist.judge import Allowlist
from tui.allowlist.load import parse_rules
from tui.allowlist.policy import policy_of
from tui.catalog import load_catalogue
from tui.collector.alerts import AlertBook
from tui.collector.burst import Burst
from tui.collector.claims import Claims
from tui.collector.coverage import Coverage
from tui.collector.hops import Hops
from tui.collector.judging import Judge
from tui.collector.overdue import OverdueWatch
from tui.collector.pipeline import Pipeline
from tui.collector.scope import Mode, Scope
from tui.collector.seen import Seen
from tui.collector.track import Tracker
from tui.collector.upload import UploadWatch
from tui.collector.watches import Watches
from tui.collector.workloads import WorkloadBook
from tui.config.settings import load_settings
from tui.history.batch import CoverageSpan, KeptWorkload
from tui.model.alert import Alert
from tui.model.observation import Dump, Sighting
from tui.names.table import NameTable

CATALOGUE = load_catalogue()
POLICY = policy_of(load_settings(Path("/nonexistent/config.toml"), named=False), CATALOGUE)


def allowlist(rules: str = "", revision: int = 1) -> Allowlist:
    """The rules that every installation has, and these."""
    return POLICY.allowlist((*POLICY.defaults, *parse_rules(Path("allowlist.toml"), rules)), revision)


def judge(rules: str = "", *, scope: Scope | None = None, table: NameTable | None = None) -> Judge:
    """Judges by these rules; without a scope, everything."""
    known, within = table or NameTable(), scope or Scope("all", retool_seen=False)
    return Judge(known, Claims(known), CATALOGUE, allowlist(rules), within, Hops(known, within))


def watches(
    alerts: Iterable[Alert] = (), workloads: WorkloadBook | None = None, *, since_us: int = 0, hops: Hops | None = None,
    proxy_required: bool = False,
) -> Watches:  # fmt: skip
    """The watches of a collector that finds these alerts open."""
    known = tuple(alerts)
    book = AlertBook(known, max((alert.id for alert in known), default=0) + 1)
    overdue = OverdueWatch(CATALOGUE, since_us, {}, known)
    return Watches(
        book, CATALOGUE, workloads or WorkloadBook(1), overdue, UploadWatch(), Burst(), hops or judge().hops,
        proxy_required=proxy_required,
    )  # fmt: skip


def pipeline(
    rules: str = "",
    *,
    own_pid: int = 999,
    settled: Callable[[], bool] = lambda: True,
    mode: Mode = "all",
    next_connection: int = 1,
    recorded: Iterable[str] = (),
    spans: Iterable[CoverageSpan] = (),
    alerts: Iterable[Alert] = (),
    past: Iterable[KeptWorkload] = (),
    looks_up: bool = True,
    proxy_required: bool = False,
) -> Pipeline:
    """A pipeline that goes on after what is given of the past."""
    workloads = WorkloadBook(1, past)
    known = tuple(spans)
    judging = judge(rules, scope=Scope(mode, retool_seen=False))
    return Pipeline(
        Tracker(next_connection, own_pid, recorded),
        judging,
        watches(alerts, workloads, hops=judging.hops, proxy_required=proxy_required),
        Seen(Coverage(max((span.id for span in known), default=0) + 1), 1, known),
        workloads,
        settled,
        looks_up=looks_up,
    )


def look(dump: Dump) -> Sighting:
    """A sighting of a dump and nothing else, as a source without events gives it."""
    return Sighting(dump.at_us, dumps=(dump,))
