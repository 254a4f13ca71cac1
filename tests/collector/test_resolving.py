"""When a name that Retool needs does not resolve."""

from typing import Any

import pytest

from tests.collector.test_blocked import CATALOGUE
from tests.history.sample import START_US
from tui.collector.alerts import AlertBook
from tui.collector.blocked import BlockedWatch
from tui.collector.failing import KEPT_MAX
from tui.collector.resolving import TOLD_MAX, ResolvingWatch
from tui.model.alert import Alert, AlertKind, Urgency
from tui.model.connection import Endpoint
from tui.model.times import SECOND_US
from tui.model.wire import Lookup
from tui.model.workload import VISITOR

LICENSING, USAGE, OPENAI, GIT = "licensing.tryretool.com", "p.tryretool.com", "api.openai.com", "git.corp.example"
NXDOMAIN, SERVFAIL = "the name does not exist (NXDOMAIN)", "the resolver failed (SERVFAIL)"
SILENT = "the resolver did not answer"
RESOLVER = Endpoint("127.0.0.11", 53)


def at(second: float) -> int:
    return START_US + round(second * SECOND_US)


class Watched:
    """A watch and its book; seconds after a whole hour, 12:00Z."""

    def __init__(self, *open_alerts: Alert) -> None:
        self.watch = ResolvingWatch(CATALOGUE, open_alerts)
        self.book = AlertBook(open_alerts, 10)
        self.alerts: dict[int, Alert] = {}

    def failed(
        self, second: float, why: str | None = NXDOMAIN, host: str = LICENSING, kind: str = "A", who: str = "api",
        *, allowed: bool = True,
    ) -> None:  # fmt: skip
        lookup = Lookup(at(second), "net:[1]", RESOLVER, host, kind, failure=why)
        self.watch.looked_up(lookup, who, who, allowed=allowed, now_us=at(second))

    def found(self, second: float, host: str = LICENSING, kind: str = "A", who: str = "api", **how: Any) -> None:
        address = "203.0.113.7" if kind == "A" else "2001:db8::7"
        lookup = Lookup(at(second), "net:[1]", RESOLVER, host, kind, ((address, 30.0),))
        self.watch.looked_up(lookup, who, who, allowed=how.get("allowed", True), now_us=at(second))

    def settle(self, second: float) -> None:
        self.alerts |= {alert.id: alert for alert in self.book.take(self.watch.settle(at(second)), at(second))}

    @property
    def only(self) -> Alert:
        (alert,) = self.alerts.values()
        return alert


def test_a_licence_host_that_does_not_resolve_is_told_after_a_second_with_what_the_resolver_said() -> None:
    watched = Watched()
    watched.failed(0)
    watched.settle(0.9)
    assert watched.alerts == {}
    watched.settle(1)
    alert = watched.only
    assert (alert.kind, alert.urgency, alert.count) == (AlertKind.BLOCKED, Urgency.ACT_NOW, 1)
    assert alert.summary == (
        "License checks are being blocked: licensing.tryretool.com does not resolve in api "
        "(the name does not exist (NXDOMAIN)), 1 attempt, at 12:00:00Z"
    )
    assert (alert.role, alert.destination, alert.port) == ("api", LICENSING, 443)
    assert alert.cause == "blocked|api|licensing.tryretool.com|dns"


def test_an_answer_ends_it_and_says_when() -> None:
    watched = Watched()
    watched.failed(0)
    watched.settle(1)
    watched.found(60)
    watched.settle(60)
    assert watched.only.resolution == "api resolves licensing.tryretool.com again at 12:01:00Z"


def test_an_answer_that_another_role_or_another_name_gets_ends_nothing() -> None:
    watched = Watched()
    watched.failed(0)
    watched.settle(1)
    watched.found(60, who="jobs-runner")
    watched.found(60, host=USAGE)
    watched.settle(60)
    assert watched.only.is_open


def test_other_services_are_told_at_the_second_failure_in_a_row_and_the_alert_begins_at_the_first() -> None:
    watched = Watched()
    watched.failed(0, SERVFAIL, USAGE)
    watched.settle(10)
    assert watched.alerts == {}
    watched.failed(200, SERVFAIL, USAGE)
    watched.settle(201)
    alert = watched.only
    assert (alert.urgency, alert.count, alert.first_us, alert.last_us) == (Urgency.TODAY, 2, at(0), at(200))
    assert "Usage reporting is being blocked: p.tryretool.com does not resolve in api" in alert.summary


def test_an_answer_between_two_failures_leaves_nothing_to_tell() -> None:
    watched = Watched()
    watched.failed(0, host=USAGE)
    watched.found(100, host=USAGE)
    watched.failed(200, host=USAGE)
    watched.settle(300)
    assert watched.alerts == {}


def test_each_further_attempt_counts_and_both_families_of_one_attempt_count_once() -> None:
    watched = Watched()
    for second in (0, 20, 40):
        for kind, later in (("A", 0), ("A", 0.3), ("AAAA", 4)):
            watched.failed(second + later, SILENT, kind=kind)
        watched.settle(second + 5)
    assert watched.only.count == 3
    assert "3 attempts in a row since 12:00:00Z" in watched.only.summary


@pytest.mark.parametrize("why", [SERVFAIL, SILENT, NXDOMAIN])
@pytest.mark.parametrize("answered_s", [-9, -0.01, 0.01, 0.9])
def test_a_family_that_fails_beside_one_that_is_answered_is_no_failure(why: str, answered_s: float) -> None:
    watched = Watched()
    for begin in (0, 100, 200):
        events = [(begin + answered_s, True), (begin, False)]
        for second, good in sorted(events):
            if good:
                watched.found(second)
            else:
                watched.failed(second, why, kind="AAAA")
            watched.settle(second)
        watched.settle(begin + 50)
    assert watched.alerts == {}


def test_a_resolver_that_is_dead_beside_one_that_answers_is_no_failure() -> None:
    watched = Watched()
    watched.found(0)
    watched.failed(5, SILENT)
    watched.settle(20)
    assert watched.alerts == {}


def test_a_name_without_an_address_of_version_six_proves_nothing() -> None:
    watched = Watched()
    for second in range(0, 100, 20):
        watched.failed(second, None, kind="AAAA")
    watched.settle(200)
    assert watched.alerts == {}


def test_a_name_without_any_address_does_not_resolve() -> None:
    watched = Watched()
    watched.failed(0, None)
    watched.failed(0.01, None, kind="AAAA")
    watched.settle(1.01)
    assert "does not resolve in api (it has no address)" in watched.only.summary


def test_a_name_that_has_addresses_of_version_six_alone_resolves() -> None:
    watched = Watched()
    watched.failed(0, None)
    watched.found(0.01, kind="AAAA")
    watched.failed(20, None)
    watched.found(20.01, kind="AAAA")
    watched.settle(50)
    assert watched.alerts == {}


@pytest.mark.parametrize("kind", ["HTTPS", "PTR", "SRV", "TXT"])
def test_records_that_nobody_connects_by_prove_nothing(kind: str) -> None:
    watched = Watched()
    watched.failed(0, kind=kind)
    watched.settle(50)
    assert watched.alerts == {}


@pytest.mark.parametrize(
    "host",
    [f"{LICENSING}.cluster.local", "www.example.com", f"{LICENSING}.", "ai.example.com", "x\x1b[2J.openai.azure.com"],
)
def test_names_that_retool_does_not_need_are_left_out(host: str) -> None:
    watched = Watched()
    for second in (0, 20, 40):
        watched.failed(second, host=host, allowed=False)
    watched.settle(50)
    assert watched.alerts == {}


def test_a_name_that_only_the_allowlist_knows_is_told_at_the_second_failure() -> None:
    watched = Watched()
    watched.failed(0, host=GIT)
    watched.failed(20, host=GIT)
    watched.settle(30)
    alert = watched.only
    assert (alert.urgency, alert.destination, alert.port) == (Urgency.TODAY, GIT, None)
    assert "Your resources are being blocked: git.corp.example does not resolve in api (" in alert.summary


def test_a_name_that_is_catalogued_and_not_allowed_is_for_the_review() -> None:
    watched = Watched()
    watched.failed(0, host=OPENAI, allowed=False)
    watched.failed(20, host=OPENAI, allowed=False)
    watched.settle(30)
    assert watched.only.urgency is Urgency.REVIEW


def test_a_name_that_is_allowed_no_more_still_ends_its_alert_when_it_resolves() -> None:
    watched = Watched()
    watched.failed(0, host=GIT)
    watched.failed(20, host=GIT)
    watched.settle(30)
    watched.found(40, host=GIT, allowed=False)
    watched.settle(40)
    assert not watched.only.is_open


def test_what_a_visitor_asks_for_is_left_out() -> None:
    watched = Watched()
    watched.failed(0, who=VISITOR)
    watched.settle(10)
    assert watched.alerts == {}


def test_a_failure_after_a_restart_counts_on_and_an_answer_resolves() -> None:
    before = Watched()
    before.failed(0)
    before.failed(20)
    before.settle(21)
    after = Watched(before.only)
    after.failed(40, SERVFAIL)
    after.settle(40)
    assert after.only.count == 3
    assert "(the resolver failed (SERVFAIL)), 3 attempts in a row since 12:00:00Z" in after.only.summary
    again = Watched(after.only)
    again.found(60)
    again.settle(60)
    assert not again.only.is_open


def test_the_watch_of_connections_does_not_take_it_for_its_own_and_neither_does_this_one_the_others() -> None:
    watched = Watched()
    watched.failed(0)
    watched.settle(1)
    connections = BlockedWatch(CATALOGUE, [watched.only])
    assert not connections._streaks
    other = Alert(
        1, AlertKind.BLOCKED, f"blocked|api|{LICENSING}|443", Urgency.ACT_NOW, "", "api", LICENSING, 443, 1, 0, 0
    )
    restarted = Watched(other)
    restarted.found(5)
    restarted.settle(5)
    assert restarted.alerts == {}


def test_somebody_who_makes_up_names_below_a_wildcard_fills_neither_the_book_nor_memory() -> None:
    watched = Watched()
    for second in (0, 20):
        for number in range(TOLD_MAX + 30):
            watched.failed(second, host=f"{number}.example.com")
    watched.failed(20, who="jobs-runner")
    watched.settle(30)
    assert sorted(alert.role or "" for alert in watched.alerts.values()) == ["api"] * TOLD_MAX + ["jobs-runner"]
    watched.found(40, host="7.example.com")
    watched.failed(41, host=f"{TOLD_MAX + 7}.example.com")
    watched.settle(50)
    assert sum(alert.is_open and alert.role == "api" for alert in watched.alerts.values()) == TOLD_MAX
    for number in range(KEPT_MAX + 50):
        watched.failed(60, host=f"{number}.example.org")
        watched.found(60, host=f"{number}.example.net")
    assert len(watched.watch._streaks) == len(watched.watch._answered) == KEPT_MAX
