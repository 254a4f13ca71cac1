"""That remembered answers are forgotten as soon as they may be wrong."""

from typing import Any

import pytest

from tests.collector.build import allowlist, judge
from tests.history.sample import connection
from tui.collector.judging import REMEMBERED, Judge
from tui.collector.label import Finding
from tui.collector.scope import Scope
from tui.model.answer import Answer
from tui.model.connection import NO_NAME, Endpoint, Evidence, Name, Origin, Verdict
from tui.model.workload import Workload, WorkloadKind

SECOND, DAY = 1_000_000, 86_400_000_000
IP = "203.0.113.30"
STRIPE = "api.stripe.com"
API, HOST = Origin("net:[1]", "api"), Origin("net:[9]")
ALLOW = f'[[allow]]\nhost = "{STRIPE}"\n'


def found(
    asked: Judge, name: Name = NO_NAME, *, origin: Origin = API, now_us: int = SECOND, port: int = 443, ip: str = IP
) -> Finding:
    """What is found of such a connection."""
    return asked.find(connection(name=name, origin=origin, remote=Endpoint(ip, port)), now_us)


def verdict(asked: Judge, name: Name = NO_NAME, **what: Any) -> str:
    return found(asked, name, **what).judgement.verdict


NAMED = Name(STRIPE, Evidence.FORWARD)


def test_the_same_destination_is_judged_once() -> None:
    asked = judge()
    assert found(asked, NAMED) is found(asked, NAMED, now_us=2 * SECOND)


@pytest.mark.parametrize(
    "other",
    [
        {"name": NO_NAME},
        {"origin": Origin("net:[1]", "jobs-runner")},
        {"port": 8443},
    ],
)
def test_another_name_role_or_port_is_judged_on_its_own(other: dict[str, Any]) -> None:
    asked = judge(f'{ALLOW}roles = ["api"]\n')
    assert verdict(asked, NAMED) == Verdict.ALLOWED
    assert verdict(asked, **{"name": NAMED} | other) == Verdict.OFF_ALLOWLIST


def test_a_new_list_holds_at_once() -> None:
    asked = judge()
    assert verdict(asked, NAMED) == Verdict.OFF_ALLOWLIST
    asked.allowlist = allowlist(ALLOW, revision=2)
    asked.forget()
    assert verdict(asked, NAMED) == Verdict.ALLOWED


def test_a_name_that_was_learnt_holds_at_once() -> None:
    asked = judge()
    assert asked.name(API.namespace, IP, SECOND) == NO_NAME
    asked.table.learn(Answer(STRIPE, IP, 0, DAY))
    assert asked.name(API.namespace, IP, SECOND) == NAMED


def test_a_name_ends_with_its_answer() -> None:
    asked = judge()
    asked.table.learn(Answer(STRIPE, IP, 0, 10 * SECOND))
    hours = [asked.name(API.namespace, IP, second * SECOND).host for second in (5, 10_000)]
    assert hours == [STRIPE, None]


def test_a_rule_expires_with_its_day() -> None:
    asked = judge(f"{ALLOW}expires = 1970-01-01\n")
    assert verdict(asked, NAMED, now_us=DAY - SECOND) == Verdict.ALLOWED
    assert verdict(asked, NAMED, now_us=DAY + SECOND) == Verdict.OFF_ALLOWLIST


def test_a_clock_that_is_set_back_over_midnight_brings_the_rule_back() -> None:
    asked = judge(f"{ALLOW}expires = 1970-01-01\n")
    assert verdict(asked, NAMED, now_us=DAY + SECOND) == Verdict.OFF_ALLOWLIST
    assert verdict(asked, NAMED, now_us=DAY - SECOND) == Verdict.ALLOWED


def test_a_changed_scope_holds_at_once_without_being_told() -> None:
    scope = Scope("retool", retool_seen=False)
    asked = judge(scope=scope)
    assert verdict(asked, NAMED, origin=HOST) == Verdict.OFF_ALLOWLIST
    scope.learn([Workload(HOST.namespace, WorkloadKind.HOST), Workload("net:[1]", WorkloadKind.CONTAINER, role="api")])
    assert verdict(asked, NAMED, origin=HOST) == Verdict.NOT_JUDGED
    assert verdict(asked, NAMED, origin=API) == Verdict.OFF_ALLOWLIST


def test_what_is_not_judged_is_so_but_for_metadata_and_deny_rules() -> None:
    scope = Scope("retool", retool_seen=True)
    scope.learn([Workload(HOST.namespace, WorkloadKind.HOST)])
    asked = judge(f'[[deny]]\nhost = "{STRIPE}"\n', scope=scope)
    assert verdict(asked, NAMED, origin=HOST) == Verdict.OFF_ALLOWLIST
    assert verdict(asked, origin=HOST) == Verdict.NOT_JUDGED
    assert verdict(asked, origin=HOST, ip="169.254.169.254", port=80) == Verdict.OFF_ALLOWLIST


def test_more_destinations_than_are_remembered_are_judged_all_the_same() -> None:
    asked = judge(ALLOW)
    verdicts = {verdict(asked, NAMED, port=port) for port in range(1, REMEMBERED + 50)}
    assert verdicts == {Verdict.ALLOWED, Verdict.OFF_ALLOWLIST}
    assert verdict(asked, NAMED) == Verdict.ALLOWED
