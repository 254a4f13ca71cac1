"""When a service that is due was not seen."""

from typing import Any

import pytest

from tests.history.sample import START_US, connection
from tui.catalog import load_catalogue
from tui.collector.alerts import AlertBook
from tui.collector.overdue import OverdueWatch
from tui.model.alert import Alert, AlertKind, Urgency
from tui.model.connection import Evidence, Judgement, Label, Name, Origin, Outcome, Verdict
from tui.model.times import HOUR_US
from tui.model.workload import VISITOR

CATALOGUE = load_catalogue()
NO_HOLE = "the record has no hole in that time"


class Watched:
    """A watch and its book; hours after 23 Nov 12:00Z."""

    def __init__(self, last: float | None = 0, *open_alerts: Alert, running: float | None = -100,
                 covered: float | None = -100, recorded: float = -100) -> None:  # fmt: skip
        seen = {} if last is None else {"licensing": hour(last)}
        self.watch = OverdueWatch(CATALOGUE, hour(recorded), seen, open_alerts)
        self.watch.roles_running(None if running is None else hour(running))
        self.watch.covered_since(None if covered is None else hour(covered))
        self.book = AlertBook(open_alerts, 10)
        self.alerts: dict[int, Alert] = {}

    def check(self, *at: float) -> None:
        for each in at:
            news = self.watch.check(hour(each))
            self.alerts |= {alert.id: alert for alert in self.book.take(news, hour(each))}

    @property
    def only(self) -> Alert:
        (alert,) = self.alerts.values()
        return alert


def hour(number: float) -> int:
    return START_US + round(number * HOUR_US)


def test_a_licence_check_is_overdue_a_tenth_past_its_day_and_says_how_that_is_known() -> None:
    watched = Watched()
    watched.check(26.4)
    assert watched.alerts == {}
    watched.check(27)
    assert (watched.only.kind, watched.only.urgency) == (AlertKind.OVERDUE, Urgency.TODAY)
    assert watched.only.summary == (
        f"License checks: not seen since 23 Nov 12:00Z (27 h); due at least once in 24 h; {NO_HOLE}"
    )


def test_one_that_was_never_seen_is_measured_from_the_begin_of_the_record() -> None:
    watched = Watched(None, recorded=0, covered=0)
    watched.check(27)
    assert watched.only.summary == (
        f"License checks: not seen since recording began 27 h ago; due within 24 h; {NO_HOLE}"
    )


def test_while_no_role_runs_nothing_is_due_and_after_a_pause_the_time_begins_anew() -> None:
    stopped = Watched(running=None)
    stopped.check(500)
    assert stopped.alerts == {}
    started = Watched(running=480)
    started.check(500)
    assert started.alerts == {}
    started.check(508)
    assert "not seen since Retool started 28 h ago; last seen 23 Nov 12:00Z; due at least" in started.only.summary


def test_with_a_hole_it_cannot_be_told_and_is_for_the_review() -> None:
    watched = Watched(covered=10)
    watched.check(27)
    assert watched.only.urgency is Urgency.REVIEW
    assert watched.only.summary == (
        "cannot tell whether License checks are overdue: last seen 23 Nov 12:00Z, but the record has a hole until "
        "23 Nov 22:00Z; due at least once in 24 h"
    )


def test_a_hole_that_lasts_is_told_as_such() -> None:
    watched = Watched(covered=None)
    watched.check(27)
    assert "but the record has a hole that lasts" in watched.only.summary


def test_enough_time_after_a_hole_makes_it_certain_and_raises_the_urgency_of_the_same_alert() -> None:
    watched = Watched(covered=10)
    watched.check(27, 36, 37)
    assert (watched.only.urgency, watched.only.count) == (Urgency.TODAY, 2)
    assert watched.only.summary == (
        "License checks: not seen since the record's last hole ended 27 h ago; before that last seen 23 Nov 12:00Z; "
        "due at least once in 24 h"
    )


def test_one_cause_is_told_once_and_again_after_another_day() -> None:
    watched = Watched()
    watched.check(27, 27.1, 30, 50.9)
    assert watched.only.count == 1
    watched.check(51)
    assert (watched.only.count, "(51 h)" in watched.only.summary) == (2, True)


def test_the_next_success_resolves_it_and_says_who_and_when() -> None:
    watched = Watched()
    watched.check(27)
    watched.watch.tried(connection(opened_us=hour(28), outcome=Outcome.OPEN, bytes_received=10))
    watched.check(28)
    assert watched.only.resolution == "api reached it at 16:00:00Z"
    watched.check(50)
    assert not watched.only.is_open


def test_a_restart_neither_tells_it_again_nor_forgets_to_resolve_it() -> None:
    before = Watched()
    before.check(27)
    after = Watched(0, before.only)
    after.check(28)
    assert after.alerts == {}
    after.watch.succeeded("licensing", hour(29))
    after.check(29)
    assert not after.only.is_open


@pytest.mark.parametrize(
    "changes",
    [
        {"outcome": Outcome.TIMED_OUT},
        {"outcome": Outcome.OPEN},
        {"origin": Origin("1", VISITOR)},
        {"origin": Origin("1", f"api+{VISITOR}")},
        {"judgement": Judgement(Verdict.OFF_ALLOWLIST, None, 1, "")},
        {"label": Label("Usage reporting", "usage")},
    ],
)
def test_what_is_no_success_of_it_does_not_count(changes: dict[str, Any]) -> None:
    watched = Watched()
    first: dict[str, Any] = {"opened_us": hour(20), "outcome": Outcome.CLOSED}
    watched.watch.tried(connection(**(first | changes)))
    watched.check(27)
    assert watched.only.is_open


def test_one_of_several_names_counts_so_that_nobody_is_paged_for_nothing() -> None:
    watched = Watched()
    several = Name(None, Evidence.DNS, ("licensing.tryretool.com", "p.tryretool.com"))
    watched.watch.tried(connection(opened_us=hour(20), outcome=Outcome.CLOSED, name=several, label=Label("One of (")))
    watched.check(27)
    assert watched.alerts == {}


def test_a_service_without_a_cadence_is_never_overdue() -> None:
    watched = Watched(None, recorded=-1000, covered=-1000, running=-1000)
    watched.check(27)
    assert [alert.cause for alert in watched.alerts.values()] == ["overdue|licensing"]
