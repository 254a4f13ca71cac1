"""`find` answers yes, no or cannot tell, and never takes a hole for a no."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from tests.cli.conftest import Invoke
from tests.cli.program import Desk
from tests.cli.records import BEGAN_US, ENDED_US, NAMESPACE, SECOND_US, Call, container, log, record, span
from tui.history.batch import KeptLoss
from tui.model.answer import Answer
from tui.model.connection import Evidence

AT_START = ("--at", "2026-11-23T02:20Z", "--within", "10m")
HOLE = ((BEGAN_US, BEGAN_US + 900 * SECOND_US), (BEGAN_US + 1500 * SECOND_US, ENDED_US))


def recorded(desk: Desk, calls: Iterable[Call], watched: Iterable[tuple[int, int]] = ((BEGAN_US, ENDED_US),)) -> None:
    record(desk.history, calls, watched=watched)


def test_a_connection_in_the_span_is_a_yes(desk: Desk, invoke: Invoke) -> None:
    recorded(desk, [Call(ip="203.0.113.77", host=None, after_s=1200)])
    result = invoke("find", "203.0.113.77", *AT_START)
    assert result.exit_code == 0
    assert result.stdout.startswith("Yes: 1 connection to 203.0.113.77 ")
    assert "api" in result.stdout.splitlines()[1]


@pytest.mark.parametrize("what", ["api.openai.com", "API.OpenAI.com.", "203.0.113.20", "::ffff:203.0.113.20"])
def test_a_name_is_found_in_any_spelling_and_an_address_in_any_form(desk: Desk, invoke: Invoke, what: str) -> None:
    recorded(desk, [Call("api.openai.com", "203.0.113.20", after_s=1200)])
    assert invoke("find", what, *AT_START).exit_code == 0


def test_a_name_that_is_one_of_several_counts(desk: Desk, invoke: Invoke) -> None:
    recorded(desk, [Call(None, candidates=("licensing.tryretool.com", "p.tryretool.com"), after_s=1200)])
    result = invoke("find", "p.tryretool.com", *AT_START)
    assert result.exit_code == 0
    assert "licensing.tryretool.com or p.tryretool.com" in result.stdout


def test_nothing_in_a_span_without_a_hole_is_a_no(desk: Desk, invoke: Invoke) -> None:
    recorded(desk, [Call(after_s=1200)])
    result = invoke("find", "203.0.113.77", *AT_START)
    assert result.exit_code == 1
    assert result.stdout.startswith("No: ")
    assert "no hole in that span" in result.stdout


def test_nothing_in_a_span_with_a_hole_cannot_be_told(desk: Desk, invoke: Invoke) -> None:
    recorded(desk, [Call(after_s=1200)], HOLE)
    result = invoke("find", "203.0.113.77", *AT_START)
    assert result.exit_code == 3
    assert result.stdout.startswith("Cannot tell: ")
    assert "2026-11-23T02:15:00Z-2026-11-23T02:25:00Z" in result.stdout


def test_a_hole_of_one_container_is_told_with_its_role(desk: Desk, invoke: Invoke) -> None:
    api = container(10, "api")
    spans = [span(10, "net:[10]", to_us=HOLE[0][1]), span(11, "net:[10]", HOLE[1][0])]
    record(desk.history, [Call(after_s=1200)], workloads=[api], spans=spans)
    result = invoke("find", "203.0.113.77", *AT_START)
    assert result.exit_code == 3
    assert "not recorded 2026-11-23T02:15:00Z-2026-11-23T02:25:00Z in api" in result.stdout


def test_lost_events_cannot_be_told_from_none(desk: Desk, invoke: Invoke) -> None:
    at_us = BEGAN_US + 1200 * SECOND_US
    lost = KeptLoss(1, "sockets", ("net:[10]",), at_us, at_us + SECOND_US, 37)
    record(desk.history, [Call(after_s=1200)], workloads=[container(10, "api")], losses=[lost])
    result = invoke("find", "203.0.113.77", *AT_START)
    assert result.exit_code == 3
    assert "37 events lost 2026-11-23T02:20:00Z-2026-11-23T02:20:01Z in api" in result.stdout


def test_a_hole_does_not_hide_a_yes_and_is_told_all_the_same(desk: Desk, invoke: Invoke) -> None:
    recorded(desk, [Call(ip="203.0.113.77", host=None, after_s=660)], HOLE)
    result = invoke("find", "203.0.113.77", *AT_START)
    assert result.exit_code == 0
    assert "Not recorded in that span: 2026-11-23T02:15:00Z" in result.stdout


def test_the_whole_record_has_what_an_import_told_of_the_time_before_it(desk: Desk, invoke: Invoke) -> None:
    told = "proxy:/var/log/squid/access.log.1"
    recorded(desk, [Call("a.example", after_s=60), Call("a.example", after_s=-86_400, source=told)])
    result = invoke("find", "a.example")
    assert result.exit_code == 0
    assert result.stdout.startswith("Yes: 2 connections to a.example between 2026-11-22 02:00:00Z ")
    first, second = result.stdout.splitlines()[1:3]
    assert first.startswith("  2026-11-23T02:01:00Z ")
    assert second.startswith("  2026-11-22T02:00:00Z ")
    assert "told by proxy log /var/log/squid/access.log.1" in second
    assert "Not recorded in that span: 2026-11-22T02:00:00Z" in result.stdout


def test_what_waits_in_a_proxys_log_cannot_be_told(desk: Desk, invoke: Invoke) -> None:
    path = "/var/log/squid/access.log"
    read = replace(span(50, ""), source=f"proxy:{path}")
    record(desk.history, [Call(after_s=1200)], spans=[read], logs=[log(path, lag=2_100_000)])
    result = invoke("find", "203.0.113.77", *AT_START)
    assert result.exit_code == 3
    assert result.stdout.startswith("Cannot tell: ")
    assert "not read yet: 2.1 MB of the proxy log /var/log/squid/access.log." in result.stdout


def test_what_no_import_told_is_looked_for_since_recording_began(desk: Desk, invoke: Invoke) -> None:
    recorded(desk, [Call("a.example", after_s=-86_400, source="proxy:/var/log/squid/access.log.1")])
    assert " between 2026-11-23 02:00:00Z and " in invoke("find", "203.0.113.77").stdout


def test_a_time_before_the_record_cannot_be_told(desk: Desk, invoke: Invoke) -> None:
    recorded(desk, [Call()])
    result = invoke("find", "203.0.113.77", "--at", "2026-11-20T02:20Z")
    assert result.exit_code == 3
    assert result.stdout.startswith("Cannot tell: ")


def test_a_time_that_has_not_come_is_refused_and_not_answered_with_no(desk: Desk, invoke: Invoke) -> None:
    recorded(desk, [Call()])
    result = invoke("find", "203.0.113.77", "--at", "2999-01-01")
    assert (result.exit_code, result.stdout) == (2, "")


@pytest.mark.parametrize("what", ["not a host", "\x1b[2J", "", "203.0.113.0/24"])
def test_what_is_neither_address_nor_name_is_a_usage_error(desk: Desk, what: str) -> None:
    recorded(desk, [Call()])
    done = desk.run("find", what)
    assert (done.returncode, done.stdout) == (2, "")
    assert "\x1b" not in done.stderr
    assert "Traceback" not in done.stderr


def test_another_host_that_ends_alike_is_not_taken_for_it(desk: Desk, invoke: Invoke) -> None:
    recorded(desk, [Call("evil-tryretool.com", after_s=1200), Call("licensing.tryretool.com.evil.net", after_s=1200)])
    assert invoke("find", "tryretool.com", *AT_START).exit_code == 1
    assert invoke("find", "licensing.tryretool.com", *AT_START).exit_code == 1


def test_the_names_that_an_address_had_in_the_span_are_told_with_their_evidence(desk: Desk, invoke: Invoke) -> None:
    at_us = BEGAN_US + 1200 * SECOND_US
    ip = "203.0.113.77"
    answers = [
        Answer("a.example.com", ip, at_us, at_us + 9, NAMESPACE, Evidence.DNS),
        Answer("a.example.com", ip, at_us, at_us + 8, "net:[7]", Evidence.DNS),
        Answer("ptr.example.net", ip, at_us, at_us + 7, evidence=Evidence.REVERSE),
        Answer("old.example.com", ip, BEGAN_US, BEGAN_US + 1),
        Answer("other.example.com", "203.0.113.78", at_us, at_us + 9),
    ]
    record(desk.history, [Call(ip=ip, host=None, after_s=1200)], answers=answers)
    result = invoke("find", ip, *AT_START)
    assert result.exit_code == 0
    assert "(no name; its PTR record says ptr.example.net) 203.0.113.77 port 443" in result.stdout
    assert (
        result.stdout.splitlines()[-1] == f"Names of {ip} in that span: a.example.com (dns), ptr.example.net (reverse)."
    )


def test_of_many_names_some_are_told_and_the_rest_is_counted(desk: Desk, invoke: Invoke) -> None:
    ip = "203.0.113.77"
    record(desk.history, answers=[Answer(f"n{id}.example.com", ip, BEGAN_US, ENDED_US - id) for id in range(8)])
    told = invoke("find", ip).stdout
    assert "n0.example.com (forward)" in told
    assert told.rstrip().endswith("n4.example.com (forward) and 3 more.")


def test_a_name_that_a_container_looked_up_was_looked_up_and_a_ptr_name_was_not(desk: Desk, invoke: Invoke) -> None:
    answers = [
        Answer("a.example.com", "203.0.113.9", BEGAN_US, ENDED_US, NAMESPACE, Evidence.DNS),
        Answer("ptr.example.net", "203.0.113.77", BEGAN_US, ENDED_US, evidence=Evidence.REVERSE),
    ]
    record(desk.history, [Call(ip="203.0.113.77", host=None, after_s=1200)], answers=answers)
    assert invoke("find", "a.example.com", *AT_START).exit_code == 1
    assert invoke("find", "ptr.example.net", *AT_START).exit_code == 3
