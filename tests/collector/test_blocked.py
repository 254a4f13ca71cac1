"""When a destination that Retool needs cannot be reached."""

from dataclasses import replace
from typing import Any

import pytest

from tests.history.sample import START_US, connection
from tui.catalog import Basis, Service, load_catalogue
from tui.collector.alerts import AlertBook
from tui.collector.blocked import BlockedWatch
from tui.collector.failing import KEPT_MAX
from tui.collector.reach import is_or_are, reached
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
    Recorded,
    Verdict,
)
from tui.model.times import SECOND_US
from tui.model.workload import VISITOR

OPERATORS = Service(id="own-ai", category="Retool AI", hosts=("ai.example.com",), basis=Basis.OPERATOR)
CATALOGUE = load_catalogue([OPERATORS])
USAGE: dict[str, Any] = {"name": Name("p.tryretool.com", Evidence.SNI), "label": Label("Usage reporting", "usage")}
EITHER: dict[str, Any] = {
    "name": Name(None, Evidence.DNS, ("licensing.tryretool.com", "p.tryretool.com")),
    "label": Label("Retool service (one of licensing.tryretool.com, p.tryretool.com)"),
}


class Watched:
    """A watch and its book; seconds after a whole hour, 12:00Z."""

    def __init__(self, *open_alerts: Alert) -> None:
        self.watch = BlockedWatch(CATALOGUE, open_alerts)
        self.book = AlertBook(open_alerts, 10)
        self.alerts: dict[int, Alert] = {}
        self._id = 0

    def tried(self, second: float, outcome: Outcome, received: int | None = None, **changes: Any) -> Connection:
        """A connection of that second, or as long ago as ``took`` says."""
        at_us = START_US + round(second * SECOND_US)
        self._id += 1
        changes.setdefault("opened_us", at_us)
        changes.setdefault("bytes_sent", 0 if received is not None else None)
        made = connection(self._id, outcome=outcome, bytes_received=received, **changes)
        self.watch.tried(made, at_us)
        return made

    def again(self, second: float, made: Connection, outcome: Outcome, received: int | None = None) -> None:
        """The same connection at another second."""
        changed = replace(
            made, outcome=outcome, bytes_received=received, bytes_sent=0 if received is not None else None
        )
        self.watch.tried(changed, START_US + round(second * SECOND_US))

    def settle(self, second: float) -> None:
        at_us = START_US + round(second * SECOND_US)
        self.alerts |= {alert.id: alert for alert in self.book.take(self.watch.settle(at_us), at_us)}

    @property
    def only(self) -> Alert:
        (alert,) = self.alerts.values()
        return alert


def test_a_licence_check_that_gets_no_answer_is_told_after_a_second_in_words() -> None:
    watched = Watched()
    watched.tried(0, Outcome.UNANSWERED)
    watched.settle(0.9)
    assert watched.alerts == {}
    watched.settle(1)
    assert (watched.only.kind, watched.only.urgency) == (AlertKind.BLOCKED, Urgency.ACT_NOW)
    assert watched.only.summary == (
        "License checks are being blocked: api gets no answer from licensing.tryretool.com:443 (203.0.113.7), "
        "1 attempt, at 12:00:00Z"
    )
    assert (watched.only.role, watched.only.destination, watched.only.port) == ("api", "licensing.tryretool.com", 443)


def test_each_further_failure_counts_again_and_renews_the_summary() -> None:
    watched = Watched()
    for second in (0, 20, 40, 60):
        watched.tried(second, Outcome.REFUSED)
        watched.settle(second + 1)
    assert (watched.only.count, watched.only.first_us) == (4, START_US)
    assert "api is refused by licensing.tryretool.com:443 (203.0.113.7), 4 attempts in a row since" in (
        watched.only.summary
    )


def test_another_service_is_told_at_the_second_failure_in_a_row_and_the_alert_begins_at_the_first() -> None:
    watched = Watched()
    watched.tried(0, Outcome.RESET, 0, **USAGE)
    watched.settle(100)
    assert watched.alerts == {}
    watched.tried(200, Outcome.RESET, 0, **USAGE)
    watched.settle(201)
    assert (watched.only.urgency, watched.only.count, watched.only.first_us) == (Urgency.TODAY, 2, START_US)
    assert watched.only.summary.startswith("Usage reporting is being blocked: api is cut off by p.tryretool.com:443")
    assert "before its first byte" in watched.only.summary


def test_failures_that_never_pause_are_told_all_the_same() -> None:
    watched = Watched()
    for tenth in range(30):
        watched.tried(tenth / 10, Outcome.REFUSED, **USAGE)
        watched.settle(tenth / 10)
    assert watched.only.count == 30


def test_what_a_log_of_the_past_tells_counts_with_the_proxy_s_own_word() -> None:
    denied: dict[str, Any] = {"recorded": Recorded.IMPORTED, "via": "10.0.0.7:3128", "reason": "TCP_DENIED/403"}
    watched = Watched()
    for second in (0, 5):
        watched.tried(second, Outcome.DENIED, **denied)
    watched.settle(20)
    assert "is denied licensing.tryretool.com:443 by its proxy (10.0.0.7:3128: TCP_DENIED/403)" in watched.only.summary


def test_a_success_between_two_failures_leaves_nothing_to_tell() -> None:
    watched = Watched()
    watched.tried(0, Outcome.REFUSED, **USAGE)
    watched.tried(5, Outcome.OPEN, 100, **USAGE)
    watched.tried(10, Outcome.REFUSED, **USAGE)
    watched.settle(20)
    assert watched.alerts == {}


def test_ipv6_that_fails_where_ipv4_works_at_once_is_nothing_to_tell() -> None:
    watched = Watched()
    six: dict[str, Any] = {"remote": Endpoint("2001:db8::7", 443)}
    watched.tried(0, Outcome.UNREACHABLE, **six)
    watched.tried(0.3, Outcome.OPEN, 100)
    watched.settle(2)
    hanging = watched.tried(10, Outcome.OPEN, **six)
    watched.tried(10.3, Outcome.OPEN, 100)
    watched.again(13, hanging, Outcome.UNANSWERED)
    watched.settle(20)
    assert watched.alerts == {}


def test_the_next_success_resolves_the_alert_and_says_when() -> None:
    watched = Watched()
    watched.tried(0, Outcome.TIMED_OUT)
    watched.settle(1)
    watched.tried(62, Outcome.OPEN, 5100)
    watched.settle(62)
    assert watched.only.resolution == "api reached licensing.tryretool.com:443 again at 12:01:02Z"


def test_a_success_of_another_role_or_port_resolves_nothing() -> None:
    watched = Watched()
    watched.tried(0, Outcome.TIMED_OUT)
    watched.tried(3, Outcome.OPEN, 5100, origin=Origin("1", "jobs-runner"))
    watched.tried(3, Outcome.OPEN, 5100, remote=Endpoint("203.0.113.7", 8443))
    watched.settle(5)
    assert watched.only.is_open


@pytest.mark.parametrize(("role", "over"), [("api", True), ("jobs-runner", False)])
def test_what_may_have_been_a_visitor_s_or_a_role_s_is_over_when_that_role_gets_through(role: str, over: bool) -> None:
    watched = Watched()
    watched.tried(0, Outcome.REFUSED, origin=Origin("net:[1]", "api+visitor"))
    watched.settle(1)
    watched.tried(20, Outcome.CLOSED, 300, origin=Origin("net:[1]", role))
    watched.settle(21)
    assert watched.only.is_open is not over


def test_unanswered_and_then_timed_out_is_one_failure() -> None:
    watched = Watched()
    hanging = watched.tried(3, Outcome.UNANSWERED, **USAGE)
    watched.again(130, hanging, Outcome.TIMED_OUT)
    watched.settle(140)
    assert watched.alerts == {}


def test_an_attempt_that_is_answered_late_resolves_what_it_raised() -> None:
    watched = Watched()
    hanging = watched.tried(3, Outcome.UNANSWERED, opened_us=START_US)
    watched.settle(4)
    watched.again(8, hanging, Outcome.OPEN, 100)
    watched.settle(8)
    assert not watched.only.is_open


def test_the_end_of_a_connection_that_was_open_before_is_no_success() -> None:
    watched = Watched()
    old = watched.tried(0, Outcome.OPEN, 100)
    watched.tried(60, Outcome.TIMED_OUT)
    watched.settle(61)
    watched.again(90, old, Outcome.CLOSED, 200)
    watched.settle(90)
    assert watched.only.is_open


def test_a_success_after_a_restart_resolves_and_a_failure_counts_on() -> None:
    before = Watched()
    before.tried(0, Outcome.TIMED_OUT)
    before.tried(10, Outcome.TIMED_OUT)
    before.settle(11)
    after = Watched(before.only)
    after.tried(30, Outcome.TIMED_OUT)
    after.settle(30)
    assert after.only.count == 3
    assert "3 attempts in a row since 12:00:00Z" in after.only.summary
    again = Watched(after.only)
    again.tried(60, Outcome.OPEN, 100)
    again.settle(60)
    assert not again.only.is_open


def test_a_port_that_the_kernel_forgot_is_the_service_s_own() -> None:
    watched = Watched()
    watched.tried(0, Outcome.REFUSED, remote=Endpoint("203.0.113.7", 0))
    watched.settle(1)
    assert (watched.only.port, "licensing.tryretool.com:443" in watched.only.summary) == (443, True)
    watched.tried(5, Outcome.OPEN, 100)
    watched.settle(5)
    assert not watched.only.is_open


def test_of_several_names_the_alert_says_both_and_a_success_of_one_resolves_it() -> None:
    watched = Watched()
    watched.tried(0, Outcome.REFUSED, **EITHER)
    watched.settle(1)
    assert watched.only.urgency is Urgency.ACT_NOW
    assert watched.only.summary.startswith(
        "License checks or Usage reporting is being blocked: api is refused by "
        "licensing.tryretool.com or p.tryretool.com:443 (203.0.113.7)"
    )
    watched.tried(9, Outcome.OPEN, 100)
    watched.settle(9)
    assert not watched.only.is_open


def test_a_name_that_others_share_an_address_with_is_resolved_by_itself_only() -> None:
    watched = Watched()
    watched.tried(0, Outcome.RESET, 0)
    watched.tried(5, Outcome.OPEN, 100, **USAGE)
    watched.tried(6, Outcome.OPEN, 100, **EITHER)
    watched.settle(10)
    assert watched.only.is_open


def test_a_proxy_that_denies_is_named_and_its_own_page_is_no_answer() -> None:
    watched = Watched()
    watched.tried(0, Outcome.DENIED, 3800, via="10.0.0.9:3128")
    watched.settle(1)
    assert "api is denied licensing.tryretool.com:443 by its proxy (10.0.0.9:3128), 1 attempt" in watched.only.summary


@pytest.mark.parametrize(
    "changes",
    [
        {"judgement": Judgement(Verdict.OFF_ALLOWLIST, None, 1, "")},
        {"judgement": Judgement(Verdict.PENDING, None, 1, "")},
        {"label": Label("Your resources")},
        {"label": Label("Retool AI", "own-ai")},
        {"label": Label("Cloud metadata", "cloud-metadata")},
        {"origin": Origin("1", VISITOR, "retool-api-1")},
        {"name": Name(None, Evidence.DNS, ("licensing.tryretool.com", "api.stripe.com")), "label": Label("One of (")},
    ],
)
def test_what_is_not_allowed_or_not_retool_s_or_not_now_is_left_alone(changes: dict[str, Any]) -> None:
    watched = Watched()
    watched.tried(0, Outcome.REFUSED, **changes)
    watched.tried(5, Outcome.REFUSED, **changes)
    watched.settle(20)
    assert watched.alerts == {}


@pytest.mark.parametrize(
    ("outcome", "sent", "received", "answer"),
    [
        (Outcome.OPEN, None, None, None),
        (Outcome.OPEN, 0, 0, None),
        (Outcome.OPEN, 0, 1, True),
        (Outcome.RESET, 10, 0, False),
        (Outcome.RESET, None, None, False),
        (Outcome.RESET, 10, 1, True),
        (Outcome.NO_REPLY, 10, 0, False),
        (Outcome.CLOSED, 0, 0, None),
        (Outcome.CLOSED, None, None, True),
        (Outcome.UNKNOWN, None, None, None),
        (Outcome.FAILED, 10, 500, False),
    ],
)
def test_a_byte_is_an_answer_and_silence_is_told_by_the_outcome(
    outcome: Outcome, sent: int | None, received: int | None, answer: bool | None
) -> None:
    assert reached(connection(outcome=outcome, bytes_sent=sent, bytes_received=received)) is answer


def test_the_end_of_a_udp_flow_says_nothing() -> None:
    assert reached(connection(protocol="udp", outcome=Outcome.CLOSED)) is None


def test_categories_take_their_verb() -> None:
    assert [is_or_are(word) for word in ("License checks", "Inviting users", "Retool AI", "Workflows and Agents")] == [
        "are", "is", "is", "are",
    ]  # fmt: skip


def test_what_is_remembered_is_bounded() -> None:
    watched = Watched()
    for number in range(KEPT_MAX + 50):
        watched.tried(number, Outcome.REFUSED, **USAGE, origin=Origin("1", f"role-{number}"))
        watched.tried(number, Outcome.OPEN, 5, origin=Origin("1", f"role-{number}"))
    kept = (watched.watch._streaks, watched.watch._counted, watched.watch._reached)
    assert [len(each) for each in kept] == [KEPT_MAX] * 3
