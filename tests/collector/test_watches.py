"""What connections show, on its way into the one book of alerts."""

from tests.collector.build import watches
from tests.history.sample import START_US, connection, judged
from tui.collector.burst import SINGLE_MAX, is_burst
from tui.collector.watches import Watches
from tui.model.connection import NO_NAME, Connection, Endpoint, Label, Origin, Verdict


def off_list(number: int, role: str | None = None) -> Connection:
    return connection(
        number, remote=Endpoint(f"198.51.100.{number}", 443), name=NO_NAME, label=Label("Not recognised"),
        origin=Origin("1", role), judgement=judged(Verdict.OFF_ALLOWLIST),
    )  # fmt: skip


def bursting() -> Watches:
    """Watches with an open burst of processes of no role, all of it handed over."""
    watched = watches()
    for number in range(1, SINGLE_MAX + 2):
        watched.off_list(off_list(number), None)
    watched.settle(START_US)
    watched.take()
    return watched


def test_what_comes_right_after_a_burst_was_resolved_is_an_alert_of_its_own() -> None:
    watched = bursting()
    watched.forget_unjudged(START_US + 1)
    watched.off_list(off_list(100), None)
    watched.off_list(off_list(101, "api"), None)
    watched.settle(START_US + 2)
    told = {alert.destination for alert in watched.take().values() if alert.is_open}
    assert told == {"198.51.100.100", "198.51.100.101"}


def test_a_burst_that_begins_right_after_another_ended_stays_one() -> None:
    watched = bursting()
    watched.forget_unjudged(START_US + 1)
    for number in range(100, 100 + SINGLE_MAX + 1):
        watched.off_list(off_list(number), None)
    watched.settle(START_US + 2)
    watched.off_list(off_list(200), None)
    watched.settle(START_US + 3)
    (alert,) = [alert for alert in watched.take().values() if alert.is_open]
    assert is_burst(alert.cause)
