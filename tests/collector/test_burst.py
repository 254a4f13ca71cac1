"""When one role goes to many new places at once."""

from dataclasses import replace

from tests.history.sample import START_US, connection
from tui.collector.alerts import PREDATES, AlertBook, metadata, off_allowlist
from tui.collector.burst import MEMBERS_MAX, SINGLE_MAX, Burst, is_burst
from tui.model.alert import Alert, Finding, Urgency
from tui.model.connection import NO_NAME, Endpoint, Label, Origin, Recorded
from tui.model.times import MINUTE_US


def going(number: int, minute: float = 0, role: str | None = "code-executor", loud: str | None = None) -> Finding:
    """A finding of one of many destinations."""
    ip = f"198.51.{number // 250}.{number % 250}"
    made = connection(
        number + 1, remote=Endpoint(ip, 443), name=NO_NAME, label=Label("Not recognised"),
        origin=Origin("1", role), opened_us=at(minute),
    )  # fmt: skip
    return off_allowlist(made, loud)


def at(minute: float) -> int:
    return START_US + round(minute * MINUTE_US)


class Folding:
    """Bursts and their book."""

    def __init__(self, burst: Burst | None = None, open_alerts: tuple[Alert, ...] = ()) -> None:
        self.burst = burst or Burst()
        self.book = AlertBook(open_alerts, 100)
        self.alerts: dict[int, Alert] = {}

    def goes(self, finding: Finding, *, denied: bool = False) -> None:
        is_open = self.book.is_open(finding.cause)
        news = self.burst.fold(finding, finding.at_us, is_open=is_open, is_denied=denied)
        self.alerts |= {alert.id: alert for alert in self.book.take(news, finding.at_us)}

    @property
    def open(self) -> list[Alert]:
        return [alert for alert in self.alerts.values() if alert.is_open]

    @property
    def the_burst(self) -> Alert:
        (alert,) = [alert for alert in self.open if is_burst(alert.cause)]
        return alert


def filled(count: int = SINGLE_MAX + 1, minutes: float = 5, loud: str | None = None) -> Folding:
    folding = Folding()
    for number in range(count):
        folding.goes(going(number, minutes * number / count, loud=loud))
    return folding


def test_twenty_new_destinations_are_twenty_alerts() -> None:
    folding = filled(SINGLE_MAX)
    assert len(folding.open) == SINGLE_MAX


def test_one_more_makes_them_one_alert_and_ends_the_single_ones() -> None:
    folding = filled()
    (alert,) = folding.open
    assert alert.summary == (
        "code-executor connects to 21 new destinations within 10 min, none on the allowlist; "
        "the latest: 198.51.0.20:443; see: retool-egress export 'role:code-executor verdict:off-allowlist'"
    )
    assert (alert.count, alert.first_us, alert.role) == (21, START_US, "code-executor")
    ended = [each for each in folding.alerts.values() if not each.is_open]
    assert {each.resolution for each in ended} == {"one of many: see the burst of code-executor"}
    assert len(ended) == SINGLE_MAX


def test_the_same_number_over_a_longer_time_is_no_burst() -> None:
    folding = filled(40, minutes=25)
    assert len(folding.open) == 40


def test_one_destination_again_and_again_is_no_burst() -> None:
    folding = Folding()
    for _ in range(50):
        folding.goes(going(1))
    assert [alert.count for alert in folding.open] == [50]


def test_two_roles_do_not_add_up() -> None:
    folding = Folding()
    for number in range(30):
        folding.goes(going(number, role="api" if number % 2 else "jobs-runner"))
    assert len(folding.open) == 30


def test_further_ones_join_while_they_come_within_ten_minutes_of_the_last() -> None:
    folding = filled()
    folding.goes(going(100, 14))
    folding.goes(going(101, 23.5))
    (alert,) = folding.open
    assert "23 new destinations since 12:00:00Z" in alert.summary
    folding.goes(going(102, 40))
    assert len(folding.open) == 2


def test_what_belongs_to_the_burst_counts_with_it_later_too() -> None:
    folding = filled()
    folding.goes(going(3, 60))
    (alert,) = folding.open
    assert (alert.count, "21 new destinations" in alert.summary) == (22, True)


def test_an_alert_that_was_open_long_before_stays_its_own() -> None:
    folding = Folding()
    folding.goes(going(500))
    for number in range(SINGLE_MAX + 1):
        folding.goes(going(number, 30))
    folding.goes(going(500, 31))
    assert sorted(alert.count for alert in folding.open) == [2, 21]


def test_the_burst_is_as_urgent_as_the_most_urgent_in_it() -> None:
    calm = filled()
    assert calm.the_burst.urgency is Urgency.REVIEW
    calm.goes(going(100, 6, loud="no name explains this public address"))
    loud = filled(loud="no name explains this public address")
    assert [calm.the_burst.urgency, loud.the_burst.urgency] == [Urgency.ACT_NOW] * 2


def test_deny_rules_metadata_and_what_predates_the_record_are_never_folded() -> None:
    folding = filled()
    folding.goes(going(100, 6, loud="a deny rule names it"), denied=True)
    folding.goes(metadata(connection(remote=Endpoint("169.254.169.254", 80), opened_us=at(6))))
    nobody = connection(name=NO_NAME, recorded=Recorded.PREDATES_RECORD, origin=Origin("1", "code-executor"))
    unruled = replace(nobody, judgement=replace(nobody.judgement, rule=None), opened_us=at(6))
    before = off_allowlist(unruled, None)
    assert before.cause.startswith(PREDATES)
    folding.goes(before)
    assert len(folding.open) == 4


def test_one_that_is_denied_meanwhile_does_not_end_in_the_burst() -> None:
    folding = filled(SINGLE_MAX)
    folding.goes(going(0, 6, loud="a deny rule names it"), denied=True)
    folding.goes(going(100, 6))
    folding.goes(going(101, 6))
    assert sorted(alert.count for alert in folding.open) == [2, 21]


def test_its_destinations_are_told_until_it_has_ended() -> None:
    folding = filled()
    members = folding.burst.members("code-executor")
    assert members is not None
    assert (len(members), ("198.51.0.7", 443) in members) == (21, True)
    folding.burst.ended("code-executor")
    assert folding.burst.members("code-executor") is None


def test_after_a_restart_it_goes_on_with_the_members_of_the_record() -> None:
    before = filled()
    members = before.burst.members("code-executor")
    assert members is not None
    folding = Folding(Burst([(before.the_burst, members)]), (before.the_burst,))
    folding.goes(going(3, 9))
    folding.goes(going(100, 9))
    assert (folding.the_burst.count, folding.open) == (23, [folding.the_burst])
    assert "22 new destinations" in folding.the_burst.summary


def test_more_than_are_kept_are_told_as_such_and_no_members_are_claimed() -> None:
    folding = filled(MEMBERS_MAX + 5)
    assert f"more than {MEMBERS_MAX:,} new destinations" in folding.the_burst.summary
    assert folding.burst.members("code-executor") is None


def test_processes_of_no_role_are_one_burst_with_a_query_that_finds_them() -> None:
    folding = Folding()
    for number in range(SINGLE_MAX + 1):
        folding.goes(going(number, role=None))
    (alert,) = folding.open
    assert alert.summary.startswith("processes of no role connect to 21 new destinations within 10 min")
    assert alert.summary.endswith("see: retool-egress export 'verdict:off-allowlist'")
