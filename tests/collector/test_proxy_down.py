"""When a proxy itself cannot be reached."""

from dataclasses import replace
from typing import Any

import pytest

from tests.collector.test_bypass import API, Watched, at
from tests.history.sample import judged, workload
from tui.model.alert import Alert, AlertKind, Urgency
from tui.model.connection import NO_NAME, Connection, Endpoint, Evidence, Label, Name, Outcome, Verdict
from tui.model.proxy_variables import Place
from tui.model.workload import VISITOR

PROXY = Endpoint("10.0.4.20", 3128)
JOBS = workload(namespace="2", container_id="cd" * 32, container="jobs", role="jobs-runner", proxy=())
AT_PROXY: dict[str, Any] = {
    "remote": PROXY, "name": NO_NAME, "label": Label("Internal"), "judgement": judged(Verdict.INTERNAL),
    "bytes_received": None,
}  # fmt: skip


def watched(*alerts: Alert) -> Watched:
    """A host whose configuration names a proxy."""
    return Watched(workload(proxy=()), JOBS, known=[Place(*PROXY)], alerts=alerts)


def fails(on: Watched, second: float, outcome: Outcome = Outcome.REFUSED, **changes: Any) -> Connection:
    return on.tried(second, **AT_PROXY | {"outcome": outcome} | changes)


def carries(on: Watched, second: float, service: str = "licensing", received: int = 500) -> Connection:
    name = Name(f"{service}.example.com", Evidence.CONNECT)
    return on.tried(second, remote=Endpoint(PROXY.ip, 443), via=str(PROXY), name=name, label=Label("x", service),
                    bytes_received=received)  # fmt: skip


def test_a_proxy_that_refuses_is_one_alert_for_all_that_it_carries() -> None:
    on = watched()
    for number in range(7):
        carries(on, number, f"s{number}")
    for second in (100, 101, 102, 103):
        fails(on, second)
    on.settle(105)
    assert on.only.summary == (
        "proxy 10.0.4.20:3128 refuses api: 7 services affected, 4 attempts in a row since 12:01:40Z"
    )
    assert (on.only.kind, on.only.urgency, on.only.count) == (AlertKind.BLOCKED, Urgency.ACT_NOW, 4)
    assert (on.only.destination, on.only.port, on.only.first_us) == (PROXY.ip, PROXY.port, at(100))


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Outcome.TIMED_OUT, "proxy 10.0.4.20:3128 does not answer api, 2 attempts"),
        (Outcome.UNANSWERED, "proxy 10.0.4.20:3128 does not answer api, 2 attempts"),
        (Outcome.UNREACHABLE, "proxy 10.0.4.20:3128 is unreachable for api, 2 attempts"),
    ],
)
def test_what_is_not_known_of_what_it_carries_is_not_told(outcome: Outcome, words: str) -> None:
    on = watched()
    fails(on, 1, outcome)
    fails(on, 2, outcome)
    on.settle(10)
    assert on.only.summary.startswith(words)


def test_everybody_who_asks_it_is_in_the_one_alert() -> None:
    on = watched()
    fails(on, 1)
    fails(on, 2, origin=JOBS.origin)
    on.settle(10)
    assert on.only.summary.startswith("proxy 10.0.4.20:3128 refuses api and jobs-runner, 2 attempts")


def test_the_name_that_is_known_for_it_is_told_beside_its_address() -> None:
    on = watched()
    for second in (1, 2):
        fails(on, second, name=Name("proxy.corp.example", Evidence.DNS))
    on.settle(10)
    assert on.only.summary.startswith("proxy 10.0.4.20:3128 (proxy.corp.example) refuses api")


def test_the_port_that_the_kernel_has_forgotten_is_that_of_the_proxy() -> None:
    on = watched()
    for second in (1, 2):
        fails(on, second, remote=Endpoint(PROXY.ip, 0))
    on.settle(10)
    assert on.only.port == 3128


def test_a_proxy_that_an_environment_names_counts_where_that_holds() -> None:
    named = replace(API, proxy=(("HTTP_PROXY", f"http://{PROXY}"),))
    on = Watched(named, JOBS)
    for second in (1, 2, 3):
        fails(on, second, origin=JOBS.origin)
    on.settle(10)
    assert on.alerts == {}
    for second in (11, 12):
        fails(on, second)
    on.settle(20)
    assert on.only.role == "api"


NOTHING: dict[str, dict[str, Any]] = {
    "another port": {"remote": Endpoint(PROXY.ip, 3129)},
    "a visitor": {"origin": replace(API.origin, role=VISITOR)},
    "what is not judged": {"judgement": judged(Verdict.NOT_JUDGED)},
    "one that had connected": {"outcome": Outcome.TIMED_OUT, "connect_us": 900},
    "one that had been answered": {"outcome": Outcome.TIMED_OUT, "bytes_received": 39},
}


@pytest.mark.parametrize("changes", NOTHING.values(), ids=NOTHING)
def test_nothing_is_told_of(changes: dict[str, Any]) -> None:
    on = watched()
    for second in (1, 2, 3):
        fails(on, second, **changes)
    on.settle(10)
    assert on.alerts == {}


def test_one_failure_is_nothing_to_tell_and_neither_are_two_with_a_success_between() -> None:
    on = watched()
    fails(on, 1)
    on.settle(100)
    carries(on, 101)
    fails(on, 102)
    on.settle(200)
    assert on.alerts == {}


def test_attempts_that_end_after_a_later_one_has_got_through_tell_nothing() -> None:
    on = watched()
    hanging = [fails(on, second, Outcome.OPEN) for second in (1, 2, 3)]
    carries(on, 10)
    for made in hanging:
        on.again(replace(made, outcome=Outcome.TIMED_OUT), 130)
    on.settle(140)
    assert on.alerts == {}


def test_an_attempt_that_hangs_and_then_ends_counts_once() -> None:
    on = watched()
    made = fails(on, 1, Outcome.UNANSWERED)
    on.again(replace(made, outcome=Outcome.TIMED_OUT), 100)
    on.settle(110)
    assert on.alerts == {}


def test_it_is_over_when_the_proxy_carries_again_also_where_it_says_no() -> None:
    on = watched()
    fails(on, 1)
    fails(on, 2)
    on.settle(10)
    carries(on, 20, received=39)
    assert on.only.resolution == "api reached proxy 10.0.4.20:3128 again at 12:00:20Z"


def test_a_tunnel_that_was_opened_before_the_failures_ends_nothing() -> None:
    on = watched()
    tunnel = carries(on, 0)
    fails(on, 1)
    fails(on, 2)
    on.settle(10)
    on.again(replace(tunnel, bytes_received=9_000), 20)
    assert on.only.is_open


def test_a_collector_that_begins_anew_goes_on_counting_and_ends_it() -> None:
    before = watched()
    fails(before, 1)
    fails(before, 2)
    before.settle(10)
    after = watched(before.only)
    fails(after, 20)
    assert after.only.count == 3
    carries(after, 30)
    assert not after.only.is_open
