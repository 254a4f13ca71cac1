"""What goes to a public place directly although a proxy is configured."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from tests.collector.build import watches
from tests.history.sample import START_US, connection, judged, workload
from tui.collector.bypass import SINGLE_MAX
from tui.collector.hops import Hops
from tui.collector.scope import Scope
from tui.model.alert import Alert, AlertKind, Urgency
from tui.model.answer import EVERYWHERE, Answer
from tui.model.connection import (
    NO_NAME,
    Claim,
    Connection,
    Endpoint,
    Evidence,
    Label,
    Name,
    Origin,
    Outcome,
    Recorded,
    Verdict,
)
from tui.model.proxy_variables import Place
from tui.model.times import DAY_US, SECOND_US
from tui.model.workload import VISITOR, Workload, WorkloadKind
from tui.names.table import NameTable

SLACK = Endpoint("203.0.113.50", 443)
PROXY = "proxy.corp.example:3128"
HTTPS = ("HTTPS_PROXY", f"http://{PROXY}")
API = workload(proxy=(HTTPS,))


class Watched:
    """The watches of a collector on a host where these run; seconds after a whole hour, 12:00Z."""

    def __init__(
        self, *running: Workload, required: bool = False, known: Iterable[Place] = (), alerts: Iterable[Alert] = ()
    ) -> None:
        self.table = NameTable()
        self.hops = Hops(self.table, Scope("all", retool_seen=True), known)
        self._watches = watches(alerts, hops=self.hops, proxy_required=required)
        self._id = 0
        self.alerts = dict[int, Alert]()
        self.run(*(running or (API,)))

    def resume(self, *connections: Connection) -> None:
        self._watches.resume(connections)

    def run(self, *running: Workload, second: float = 0) -> None:
        self.hops.learn(running)
        self._watches.learn(running, at(second))
        self.take()

    def made(self, second: float = 0, **changes: Any) -> Connection:
        """A connection of api to a webhook, over and allowed unless told otherwise."""
        self._id = changes.pop("id", self._id + 1)
        told: dict[str, Any] = {
            "opened_us": at(second), "remote": SLACK, "name": Name("hooks.slack.com", Evidence.SNI),
            "label": Label("Your resources"), "judgement": judged(Verdict.ALLOWED), "origin": API.origin,
            "outcome": Outcome.CLOSED, "bytes_received": 500,
        } | changes  # fmt: skip
        return connection(self._id, **told)

    def tried(self, second: float = 0, **changes: Any) -> Connection:
        made = self.made(second, **changes)
        self.again(made, second)
        return made

    def again(self, made: Connection, second: float) -> None:
        self._watches.tried(made, at(second))
        self._watches.settle(at(second))
        self.take()

    def settle(self, second: float) -> None:
        self._watches.settle(at(second))
        self.take()

    def take(self) -> None:
        self.alerts |= self._watches.take()

    @property
    def only(self) -> Alert:
        (alert,) = self.alerts.values()
        return alert


def at(second: float) -> int:
    return START_US + round(second * SECOND_US)


def test_what_a_role_reaches_past_its_proxy_is_told_with_both() -> None:
    watched = Watched()
    watched.tried()
    assert watched.only.summary == (f"api reached hooks.slack.com:443 directly, although its HTTPS_PROXY names {PROXY}")
    assert (watched.only.kind, watched.only.urgency) == (AlertKind.BYPASS, Urgency.TODAY)
    assert (watched.only.role, watched.only.destination, watched.only.port) == ("api", "hooks.slack.com", 443)


@pytest.mark.parametrize("verdict", [Verdict.ALLOWED, Verdict.OFF_ALLOWLIST])
def test_a_list_that_allows_it_is_no_excuse(verdict: Verdict) -> None:
    watched = Watched()
    watched.tried(judgement=judged(verdict))
    assert watched.only.kind is AlertKind.BYPASS


def test_each_connection_counts_once_however_often_it_changes() -> None:
    watched = Watched()
    made = watched.tried(outcome=Outcome.OPEN, bytes_sent=1)
    watched.again(replace(made, bytes_sent=1000), 5)
    watched.again(replace(made, bytes_sent=1000, outcome=Outcome.CLOSED), 6)
    assert watched.only.count == 1
    watched.tried(10)
    watched.tried(11)
    assert watched.only.count == 3


def test_another_destination_and_another_role_are_alerts_of_their_own() -> None:
    jobs = workload(namespace="2", container_id="cd" * 32, container="jobs", role="jobs-runner", proxy=(HTTPS,))
    watched = Watched(API, jobs)
    watched.tried()
    watched.tried(name=Name("api.stripe.com", Evidence.SNI))
    watched.tried(origin=jobs.origin)
    assert [(alert.role, alert.destination) for alert in watched.alerts.values()] == [
        ("api", "hooks.slack.com"), ("api", "api.stripe.com"), ("jobs-runner", "hooks.slack.com"),
    ]  # fmt: skip


def test_an_attempt_that_a_firewall_stops_was_one_too_and_is_told_as_such() -> None:
    watched = Watched()
    watched.tried(outcome=Outcome.TIMED_OUT, bytes_received=None)
    assert watched.only.summary.startswith("api tried to reach hooks.slack.com:443 directly, although")


def test_a_database_driver_heeds_no_proxy_and_is_told_with_the_one_that_there_is() -> None:
    watched = Watched()
    watched.tried(remote=Endpoint("203.0.113.60", 5432), name=Name("orders.db.example.com", Evidence.DNS))
    assert watched.only.summary == (
        f"api reached orders.db.example.com:5432 directly, although its HTTPS_PROXY names {PROXY}"
    )


INNOCENT: dict[str, dict[str, Any]] = {
    "what is internal": {"judgement": judged(Verdict.INTERNAL)},
    "the resolver, and what is not judged": {"judgement": judged(Verdict.NOT_JUDGED)},
    "what waits for its name": {"judgement": judged(Verdict.PENDING)},
    "what goes through a proxy": {"via": "203.0.113.5:3128"},
    "a log of the past": {"recorded": Recorded.IMPORTED},
    "cloud metadata": {"remote": Endpoint("169.254.169.254", 80), "label": Label("Cloud metadata")},
    "UDP that may be empty": {"protocol": "udp", "bytes_received": None},
    "the proxy by name": {"remote": Endpoint("203.0.113.5", 3128), "name": Name("proxy.corp.example", Evidence.DNS)},
    "a visitor": {"origin": replace(API.origin, role=VISITOR)},
    "who may be a visitor": {"origin": replace(API.origin, role=f"api+{VISITOR}")},
    "who may be the host": {"origin": replace(API.origin, role="api+host")},
    "another namespace": {"origin": Origin("2", "api")},
    "a port of which no variable speaks": {"remote": Endpoint("203.0.113.50", 80)},
}


@pytest.mark.parametrize("changes", INNOCENT.values(), ids=INNOCENT)
def test_nothing_is_told_of(changes: dict[str, Any]) -> None:
    watched = Watched()
    watched.tried(**changes)
    watched.settle(10)
    assert [alert for alert in watched.alerts.values() if alert.kind is AlertKind.BYPASS] == []


def test_udp_of_which_a_packet_was_read_is_told() -> None:
    watched = Watched()
    watched.tried(protocol="udp", bytes_received=None, opened_exact=True, outcome=Outcome.UNKNOWN)
    assert watched.only.kind is AlertKind.BYPASS


def test_no_proxy_is_honoured_by_every_name_that_the_destination_may_have_and_by_its_address() -> None:
    watched = Watched(workload(proxy=(HTTPS, ("NO_PROXY", ".slack.com,203.0.113.64/26"))))
    watched.tried()
    watched.tried(name=Name(None, Evidence.DNS, ("a.example.com", "hooks.slack.com")))
    watched.tried(remote=Endpoint("203.0.113.77", 443), name=NO_NAME)
    assert watched.alerts == {}
    watched.tried(name=Name("hooks.slack.com", Evidence.SNI, claim=Claim.MISMATCH))
    assert watched.only.kind is AlertKind.BYPASS, "a name that is not its own is no excuse"


def test_the_proxy_itself_is_known_by_what_it_resolves_to_and_no_other_port_of_it() -> None:
    watched = Watched()
    watched.table.learn(Answer("proxy.corp.example", "203.0.113.5", 0, START_US + DAY_US, EVERYWHERE))
    watched.tried(remote=Endpoint("203.0.113.5", 3128), name=NO_NAME)
    watched.tried(remote=Endpoint("203.0.113.5", 0), name=NO_NAME, outcome=Outcome.REFUSED, bytes_received=None)
    assert watched.alerts == {}
    watched.tried(remote=Endpoint("203.0.113.5", 443), name=NO_NAME)
    assert watched.only.destination == "203.0.113.5"


def test_what_a_proxy_is_asked_may_be_read_a_moment_after_the_connection_was_seen() -> None:
    watched = Watched()
    made = watched.tried(outcome=Outcome.OPEN, name=NO_NAME, bytes_received=None)
    assert watched.alerts == {}
    watched.again(replace(made, via="203.0.113.5:3128", name=Name("hooks.slack.com", Evidence.CONNECT)), 1)
    watched.settle(10)
    assert watched.alerts == {}


def test_an_open_connection_that_says_nothing_is_told_after_three_seconds() -> None:
    watched = Watched()
    watched.tried(outcome=Outcome.OPEN, name=NO_NAME, bytes_received=None)
    watched.settle(2.9)
    assert watched.alerts == {}
    watched.settle(3)
    assert watched.only.destination == "203.0.113.50"
    watched.settle(10)
    assert watched.only.count == 1


def test_what_was_open_before_the_record_began_is_one_entry_to_review() -> None:
    watched = Watched()
    for last in (50, 51, 52):
        remote = Endpoint(f"203.0.113.{last}", 443)
        watched.tried(10, recorded=Recorded.PREDATES_RECORD, remote=remote, name=NO_NAME, outcome=Outcome.OPEN)
    watched.settle(20)
    assert (watched.only.urgency, watched.only.count) == (Urgency.REVIEW, 3)
    assert "before recording began" in watched.only.summary


def test_more_than_twenty_destinations_of_one_in_ten_minutes_are_one_alert() -> None:
    watched = Watched()
    for number in range(SINGLE_MAX + 5):
        watched.tried(number, name=Name(f"h{number}.example.com", Evidence.SNI))
    (left,) = [alert for alert in watched.alerts.values() if alert.is_open]
    assert left.destination is None
    assert left.summary.startswith("api reaches more than 20 destinations directly, although its HTTPS_PROXY names")
    assert left.summary.endswith("the latest: h24.example.com:443")
    ended = [alert for alert in watched.alerts.values() if not alert.is_open]
    assert len(ended) == SINGLE_MAX
    assert all("see the alert about all that api reaches directly" in (alert.resolution or "") for alert in ended)


def test_twenty_destinations_each_hour_stay_alerts_of_their_own() -> None:
    watched = Watched()
    for number in range(2 * SINGLE_MAX):
        watched.tried(number // SINGLE_MAX * 3600, name=Name(f"h{number}.example.com", Evidence.SNI))
    assert len(watched.alerts) == 2 * SINGLE_MAX
    assert all(alert.is_open for alert in watched.alerts.values())


def test_a_collector_that_begins_anew_goes_on_with_the_alert_about_many() -> None:
    before = Watched()
    for number in range(SINGLE_MAX + 1):
        before.tried(0, name=Name(f"h{number}.example.com", Evidence.SNI))
    held = before.tried(1, name=Name("held.example.com", Evidence.SNI), outcome=Outcome.OPEN)
    after = Watched(alerts=[alert for alert in before.alerts.values() if alert.is_open])
    after.resume(held)
    after.again(held, 99)
    assert after.alerts == {}
    after.tried(100, id=99, name=Name("new.example.com", Evidence.SNI))
    assert after.only.summary.endswith("the latest: new.example.com:443")


def test_a_collector_that_begins_anew_does_not_count_again_what_is_still_open() -> None:
    before = Watched()
    made = before.tried(outcome=Outcome.OPEN)
    after = Watched(alerts=before.alerts.values())
    after.resume(made)
    after.again(replace(made, bytes_received=1_000), 100)
    assert after.alerts == {}
    after.tried(101, id=99)
    assert after.only.count == 2


def test_where_a_connection_may_be_of_several_each_must_have_a_proxy() -> None:
    sidecar = workload(container_id="cd" * 32, container="sidecar", role=None, proxy=())
    watched = Watched(API, sidecar)
    watched.tried(origin=Origin(API.namespace, "api", "retool-api-1+sidecar"))
    assert watched.alerts == {}
    watched.tried()
    assert watched.only.role == "api"


@pytest.mark.parametrize("kind", [WorkloadKind.HOST, WorkloadKind.VISITOR])
def test_the_environment_of_whoever_came_in_configures_nothing(kind: WorkloadKind) -> None:
    watched = Watched(replace(API, kind=kind))
    watched.tried()
    assert watched.alerts == {}


def test_where_a_proxy_is_required_every_role_of_retool_must_use_one_whatever_its_environment_says() -> None:
    watched = Watched(workload(proxy=()), required=True)
    watched.tried(origin=Origin(API.namespace, None, "postgres"))
    watched.tried(origin=Origin("9", VISITOR))
    assert watched.alerts == {}
    watched.tried()
    assert watched.only.summary == (
        "api reached hooks.slack.com:443 directly, although every service of Retool must use a proxy ([proxy] required)"
    )


def test_where_a_proxy_is_required_its_exceptions_and_the_known_proxies_still_hold() -> None:
    running = workload(proxy=(("NO_PROXY", "slack.com"),))
    watched = Watched(running, required=True, known=[Place("203.0.113.5", 3128)])
    watched.tried()
    watched.tried(remote=Endpoint("203.0.113.5", 3128), name=NO_NAME)
    assert watched.alerts == {}
    watched.tried(remote=Endpoint("203.0.113.5", 3129), name=NO_NAME)
    assert watched.only.port == 3129


@pytest.mark.parametrize("proxy", [(), (HTTPS, ("NO_PROXY", "hooks.slack.com"))])
def test_it_is_over_once_what_runs_needs_no_proxy_for_it(proxy: tuple[tuple[str, str], ...]) -> None:
    watched = Watched()
    watched.tried()
    watched.run(replace(API, started_us=at(10)), second=10)
    assert watched.only.is_open
    watched.run(second=20)
    assert watched.only.is_open, "nothing of it runs, so nobody knows"
    watched.run(replace(API, proxy=proxy), second=30)
    assert (watched.only.resolved_us, watched.only.resolution) == (at(30), "no proxy is configured for it any more")


def test_the_alert_about_many_is_over_too_and_what_comes_then_is_on_its_own() -> None:
    watched = Watched()
    for number in range(SINGLE_MAX + 1):
        watched.tried(0, name=Name(f"h{number}.example.com", Evidence.SNI))
    watched.run(replace(API, proxy=()), second=1)
    assert [alert for alert in watched.alerts.values() if alert.is_open] == []
    watched.run(API, second=1000)
    watched.tried(1001)
    (left,) = [alert for alert in watched.alerts.values() if alert.is_open]
    assert left.destination == "hooks.slack.com"


def test_the_last_connections_of_a_container_that_has_gone_are_told_late() -> None:
    watched = Watched()
    watched.run()
    watched.tried()
    assert watched.only.role == "api"
