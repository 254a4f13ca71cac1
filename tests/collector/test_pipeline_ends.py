"""What comes out of ends, counters and workloads: rows, verdicts, and the alerts of every watch."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from tests.collector.build import allowlist, pipeline
from tests.collector.kernel import HERE, SECOND, THERE, alive, attempted, counted, end
from tests.history.sample import workload
from tui.collector.scope import Mode
from tui.history.batch import Run
from tui.model.alert import Alert, AlertKind, Urgency
from tui.model.connection import Connection, Endpoint, Evidence, Origin, Outcome, Verdict
from tui.model.observation import Counters, Dump, Sighting, Socket, SocketEnd, SocketState
from tui.model.workload import Workload, WorkloadKind
from tui.names.forward import Found

HOST, API_NET = "net:[9]", "net:[1]"
API = Origin(API_NET, "api", "retool-api-1", "tryretool/backend:3.196.2")
LICENSING, OPENAI = "licensing.tryretool.com", "api.openai.com"
LICENSED, AI = Endpoint("203.0.113.10", 443), Endpoint("203.0.113.14", 443)
LICENSED_V6 = Endpoint("2001:db8::10", 443)
MB = 1_000_000
OLD = workload(namespace="net:[5]", container_id="01" * 32, image="tryretool/backend:3.148.4", started_us=0)
HOUR = 3600


class Recording:
    """A pipeline that knows two names and who lives where, and what it has said so far."""

    def __init__(
        self, *sockets: tuple[Socket, Counters | None], rules: str = "", settled: bool = True, mode: Mode = "all",
        begins_s: float = 10, resumed: Iterable[Connection] = (), proxy_required: bool = False,
    ) -> None:  # fmt: skip
        """``sockets`` are there at the first look."""
        self.settled = settled
        self.connections: dict[int, Connection] = {}
        self.final: set[int] = set()
        self.withdrawn: set[int] = set()
        self.counters: dict[int, tuple[int | None, int | None]] = {}
        self.alerts: dict[int, Alert] = {}
        known = tuple(resumed)
        self.pipeline = pipeline(
            rules,
            settled=lambda: self.settled,
            mode=mode,
            recorded=[API_NET, HOST],
            next_connection=len(known) + 1,
            proxy_required=proxy_required,
        )
        self.pipeline.resume(known, us(begins_s))
        residents = {API_NET: API, HOST: Origin(HOST)}
        self.see(Sighting(us(begins_s), dumps=(self.dump(begins_s, *sockets),), residents=residents))
        for host, address in ((LICENSING, LICENSED.ip), (LICENSING, LICENSED_V6.ip), (OPENAI, AI.ip)):
            self.pipeline.learn(Found(host, (address,), 10 * 24 * HOUR, us(begins_s)), API_NET)
        self.take()

    def dump(self, at_s: float, *sockets: tuple[Socket, Counters | None]) -> Dump:
        return Dump(
            us(at_s), API_NET, tuple(each for each, _ in sockets), frozenset(), {}, 0,
            tuple(counters for _, counters in sockets),
        )  # fmt: skip

    def see(self, sighting: Sighting) -> None:
        self.pipeline.observe(sighting)
        self.take()

    def hear(self, *ends: SocketEnd, at_s: float | None = None) -> None:
        now_us = ends[-1].at_us if at_s is None else us(at_s)
        self.see(Sighting(now_us, ends=ends))

    def look(self, at_s: float, *sockets: tuple[Socket, Counters | None]) -> None:
        self.see(Sighting(us(at_s), dumps=(self.dump(at_s, *sockets),)))

    def run(self, at_s: float, *workloads: Workload) -> None:
        self.see(Sighting(us(at_s), workloads=workloads))

    def count(self, at_s: float) -> None:
        self.pipeline.count(us(at_s))
        self.take()

    def settle(self, at_s: float) -> None:
        self.pipeline.settle(us(at_s))
        self.take()

    def take(self) -> None:
        batch = self.pipeline.take()
        self.withdrawn |= batch.withdrawn.keys()
        for id, (connection, final) in batch.connections.items():
            from_log = connection.name.evidence is Evidence.PROXY
            assert id not in self.final or from_log, "nothing more was to come of it"
            self.connections[id] = connection
            self.final |= {id} if final else set()
        self.counters |= batch.counters
        self.alerts |= batch.alerts

    @property
    def only(self) -> Connection:
        (connection,) = self.connections.values()
        return connection

    @property
    def only_alert(self) -> Alert:
        (alert,) = self.alerts.values()
        return alert


def us(at_s: float) -> int:
    return round(at_s * SECOND)


def to(remote: Endpoint, *, cookie: int = 7, state: SocketState = SocketState.ESTABLISHED) -> Socket:
    return Socket("tcp", HERE, remote, state, None, cookie)


def test_a_connection_that_no_look_saw_is_one_final_row_with_name_verdict_role_and_bytes() -> None:
    recording = Recording()
    recording.hear(end(11, counted(300, 500), remote=LICENSED))
    found = recording.only
    assert (found.name.host, found.judgement.verdict, found.origin) == (LICENSING, Verdict.ALLOWED, API)
    assert (found.outcome, found.bytes_sent, found.bytes_received) == (Outcome.CLOSED, 300, 500)
    assert recording.final == {found.id}
    assert recording.alerts == {}


def test_many_short_connections_off_the_list_are_one_alert_that_counts_them_all() -> None:
    recording = Recording()
    recording.hear(*(end(11 + n / 1000, remote=AI, cookie=100 + n) for n in range(500)))
    assert len(recording.connections) == 500
    alert = recording.only_alert
    assert (alert.kind, alert.destination, alert.count) == (AlertKind.OFF_ALLOWLIST, OPENAI, 500)


def test_a_connection_that_is_over_waits_for_its_name_and_is_final_once_it_has_its_verdict() -> None:
    recording = Recording(settled=False)
    recording.hear(end(11, remote=Endpoint("203.0.113.77", 443)))
    assert (recording.only.judgement.verdict, recording.final) == (Verdict.PENDING, set())
    recording.settle(14)
    assert recording.only.judgement.verdict is Verdict.OFF_ALLOWLIST
    assert recording.final == {recording.only.id}


def test_an_end_that_is_told_late_does_not_wait_and_is_final_too() -> None:
    recording = Recording(settled=False)
    recording.hear(end(11, remote=Endpoint("203.0.113.77", 443)), at_s=15)
    assert recording.only.judgement.verdict is Verdict.OFF_ALLOWLIST
    recording.settle(20)
    assert recording.final == {recording.only.id}


def test_what_ends_while_it_waits_is_decided_all_the_same_and_then_final() -> None:
    recording = Recording(settled=False)
    stranger = Endpoint("203.0.113.77", 443)
    recording.look(11, (to(stranger), alive(100, 0)))
    recording.hear(end(11.5, counted(100, 5), remote=stranger, cookie=7))
    assert (recording.only.judgement.verdict, recording.final) == (Verdict.PENDING, set())
    recording.settle(14.5)
    assert recording.only.outcome is Outcome.CLOSED
    assert recording.final == {recording.only.id}


def test_the_kernels_word_after_the_look_that_missed_the_socket_corrects_the_row_and_makes_it_final() -> None:
    recording = Recording()
    recording.look(11, (to(LICENSED), alive(100, 0)))
    recording.look(12)
    assert (recording.only.outcome, recording.final) == (Outcome.UNKNOWN, set())
    recording.hear(end(12.5, counted(300, 500), remote=LICENSED, cookie=7))
    assert (recording.only.outcome, recording.only.bytes_sent, recording.only.closed_us) == (
        Outcome.CLOSED, 300, us(12),
    )  # fmt: skip
    assert recording.final == {recording.only.id}


def test_bytes_of_open_connections_are_handed_over_and_the_row_is_not_written_again() -> None:
    recording = Recording()
    recording.look(11, (to(LICENSED), alive(100, 0)))
    id = recording.only.id
    recording.look(12, (to(LICENSED), alive(900, 40)))
    recording.connections.clear()
    recording.count(13)
    assert (recording.counters, recording.connections) == ({id: (900, 40)}, {})


def test_a_licence_check_that_hangs_and_then_times_out_counts_once() -> None:
    recording = Recording()
    attempt = (to(LICENSED, state=SocketState.ATTEMPT), attempted())
    for second in (11, 12, 13, 14, 15.1):
        recording.look(second, attempt)
    hangs = recording.only_alert
    assert (hangs.kind, hangs.urgency, hangs.count) == (AlertKind.BLOCKED, Urgency.ACT_NOW, 1)
    assert recording.only.outcome is Outcome.UNANSWERED
    recording.hear(end(140, attempted(retransmits=6, total_retrans=6), remote=LICENSED, cookie=7))
    recording.settle(142)
    assert recording.only.outcome.value == "timed-out"
    assert (recording.only_alert.count, recording.only_alert.is_open) == (1, True)


def test_a_blocked_service_is_reached_again_and_its_alert_ends() -> None:
    recording = Recording()
    recording.hear(end(11, attempted(segs_in=1), remote=LICENSED))
    recording.settle(13)
    assert recording.only_alert.is_open
    recording.hear(end(20, counted(300, 500), remote=LICENSED, cookie=8))
    assert not recording.only_alert.is_open


def test_ipv6_that_fails_where_ipv4_works_at_once_raises_nothing() -> None:
    recording = Recording()
    recording.hear(end(11, attempted(segs_in=1), remote=LICENSED_V6), end(11.2, counted(300, 500), remote=LICENSED))
    recording.settle(13)
    assert recording.alerts == {}


def test_ipv6_that_fails_where_ipv4_fails_too_is_told() -> None:
    recording = Recording()
    recording.hear(
        end(11, attempted(segs_in=1), remote=LICENSED_V6), end(11.2, attempted(segs_in=1), remote=LICENSED, cookie=8)
    )
    recording.settle(13)
    assert (recording.only_alert.kind, recording.only_alert.count) == (AlertKind.BLOCKED, 2)


def test_metadata_is_one_loud_alert_of_its_own_kind() -> None:
    recording = Recording()
    recording.hear(end(11, remote=Endpoint("169.254.169.254", 80)))
    alert = recording.only_alert
    assert (alert.kind, alert.urgency, alert.role) == (AlertKind.METADATA, Urgency.ACT_NOW, "api")


def test_more_than_twenty_new_destinations_of_one_role_are_one_open_alert() -> None:
    recording = Recording()
    recording.hear(*(end(11, remote=Endpoint(f"203.0.113.{n}", 443), cookie=n) for n in range(100, 125)))
    assert len([alert for alert in recording.alerts.values() if alert.is_open]) == 1


def test_what_an_open_connection_uploads_is_told_by_its_counters() -> None:
    recording = Recording()
    for second, sent in ((11, 10), (16, 20), (21, 26)):
        assert recording.alerts == {}
        recording.look(second, (to(LICENSED), alive(sent * MB, 500)))
    alert = recording.only_alert
    assert (alert.kind, alert.urgency, alert.destination) == (AlertKind.UPLOAD, Urgency.ACT_NOW, LICENSING)
    assert "sent 26.0 MB" in alert.summary


def test_the_end_of_an_upload_that_was_told_adds_only_what_came_since() -> None:
    recording = Recording()
    recording.look(11, (to(LICENSED), alive(20 * MB, 500)))
    recording.count(11)
    recording.hear(end(12, counted(24 * MB, 500), remote=LICENSED, cookie=7))
    assert recording.alerts == {}


def test_what_was_sent_before_a_restart_is_not_counted_again_by_the_next_collector() -> None:
    before = Recording()
    before.look(11, (to(LICENSED), alive(24 * MB, 500)))
    known = replace(before.only, bytes_sent=24 * MB, bytes_received=500)
    after = Recording((to(LICENSED), alive(24 * MB + 10, 500)), begins_s=20, resumed=[known])
    after.look(25, (to(LICENSED), alive(48 * MB, 500)))
    after.count(25)
    assert after.alerts == {}
    after.look(30, (to(LICENSED), alive(50 * MB, 500)))
    after.count(30)
    assert "sent 26.0 MB" in after.only_alert.summary


def test_an_attempt_that_hung_when_the_last_collector_ended_is_the_same_attempt_to_the_next() -> None:
    before = Recording()
    attempt = (to(LICENSED, state=SocketState.ATTEMPT), attempted())
    for second in (11, 14):
        before.look(second, attempt)
    assert before.only.outcome is Outcome.UNANSWERED
    after = Recording(attempt, begins_s=20, resumed=[before.only])
    after.look(21, attempt)
    assert set(after.connections) <= {before.only.id}
    after.hear(end(22, attempted(), remote=LICENSED, cookie=7))
    assert (after.only.id, after.only.outcome) == (before.only.id, Outcome.TIMED_OUT)


def test_an_upload_inside_is_none() -> None:
    recording = Recording()
    recording.hear(end(11, counted(900 * MB, 5), remote=Endpoint("10.9.8.7", 5432)))
    assert recording.alerts == {}


def test_a_blocked_alert_quotes_the_change_of_image_before_it() -> None:
    recording = Recording()
    changed = workload(namespace=API_NET, image="tryretool/backend:3.196.2", started_us=us(100), proxy=())
    recording.run(50, OLD)
    recording.run(100, changed)
    later = 100 + 5 * HOUR
    recording.hear(end(later, attempted(segs_in=1), remote=LICENSED))
    recording.settle(later + 2)
    assert recording.only_alert.kind is AlertKind.BLOCKED
    assert recording.only_alert.summary.endswith("; api's image changed 5 h before (3.148.4 to 3.196.2)")


def test_a_new_list_holds_for_the_next_short_connection() -> None:
    recording = Recording()
    recording.hear(end(11, remote=AI))
    recording.pipeline.use_allowlist(allowlist(f'[[allow]]\nhost = "{OPENAI}"\n', revision=2), us(12))
    recording.hear(end(12.1, remote=AI, cookie=8))
    assert [c.judgement.verdict for c in recording.connections.values()] == [Verdict.OFF_ALLOWLIST, Verdict.ALLOWED]


def test_a_learnt_name_holds_for_the_next_short_connection() -> None:
    recording = Recording()
    recording.hear(end(11, remote=THERE._replace(ip="203.0.113.20")))
    recording.pipeline.learn(Found("p.tryretool.com", ("203.0.113.20",), 60, us(11.1)), API_NET)
    recording.hear(end(11.2, remote=THERE._replace(ip="203.0.113.20"), cookie=8))
    assert [c.name.host for c in recording.connections.values()] == [None, "p.tryretool.com"]


def test_a_new_day_holds_for_the_next_short_connection() -> None:
    recording = Recording(rules=f'[[allow]]\nhost = "{OPENAI}"\nexpires = 1970-01-01\n')
    recording.hear(end(11, remote=AI))
    recording.hear(end(24 * HOUR + 1, remote=AI, cookie=8))
    assert [c.judgement.verdict for c in recording.connections.values()] == [Verdict.ALLOWED, Verdict.OFF_ALLOWLIST]


def test_once_retool_is_seen_the_hosts_own_connections_are_not_judged_any_more() -> None:
    recording = Recording(mode="retool")
    recording.hear(end(11, remote=AI, namespace=HOST))
    recording.run(12, Workload(HOST, WorkloadKind.HOST), workload(namespace=API_NET))
    recording.hear(end(13, remote=AI, namespace=HOST, cookie=8), end(13, remote=AI, cookie=9))
    assert [c.judgement.verdict for c in recording.connections.values()] == [
        Verdict.OFF_ALLOWLIST, Verdict.NOT_JUDGED, Verdict.OFF_ALLOWLIST,
    ]  # fmt: skip


def test_what_is_open_is_judged_again_when_the_scope_changes() -> None:
    recording = Recording(mode="retool")
    open_one = Dump(us(11), HOST, (to(AI),), frozenset(), {}, 0, (alive(),))
    recording.see(Sighting(us(11), dumps=(open_one,)))
    recording.settle(15)
    assert recording.only.judgement.verdict is Verdict.OFF_ALLOWLIST
    recording.run(16, Workload(HOST, WorkloadKind.HOST), workload(namespace=API_NET))
    assert recording.only.judgement.verdict.value == "not-judged"


def test_what_runs_is_written_when_it_changes_and_only_then() -> None:
    recording = Recording()
    running = workload(namespace=API_NET)
    recording.pipeline.observe(Sighting(us(11), workloads=(running,)))
    assert [kept.workload for kept in recording.pipeline.take().workloads.values()] == [running]
    recording.pipeline.observe(Sighting(us(12), workloads=(running,)))
    assert recording.pipeline.take().workloads == {}


def test_everything_watched_reaches_the_end_of_the_run_and_stops_there() -> None:
    recording = Recording()
    recording.pipeline.end(Run(1, us(10), us(500), us(500), None, "foreground", 1, "ana", "0"))
    reach = {(each.source, each.to_us, each.growing) for each in recording.pipeline.take().coverage.values()}
    assert ("sockets", us(500), False) in reach
    assert all(not growing for _, _, growing in reach)


@pytest.mark.parametrize("remote", [AI, LICENSED])
def test_what_predates_the_record_is_no_upload_of_today(remote: Endpoint) -> None:
    made = pipeline()
    known = Dump(us(10), API_NET, (to(remote),), frozenset(), {}, 0, (alive(900 * MB, 500),))
    made.observe(Sighting(us(10), dumps=(known,)))
    made.count(us(14))
    assert [alert for alert in made.take().alerts.values() if alert.kind is AlertKind.UPLOAD] == []
