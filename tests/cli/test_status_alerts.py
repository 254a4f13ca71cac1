"""`status` says what is recorded and what is not; `alerts` what somebody should look at."""

import json
from dataclasses import replace

import pytest

from tests.cli.conftest import Invoke
from tests.cli.program import Desk
from tests.cli.records import BEGAN_US, ENDED_US, HOUR_US, SECOND_US, Call, alert, container, record, span
from tui.history.batch import KeptLoss
from tui.history.place import Holder, hold
from tui.model.alert import AlertKind, Urgency


def test_status_says_loudly_that_nobody_records(desk: Desk, invoke: Invoke) -> None:
    record(desk.history, [Call(), Call()])
    result = invoke("status")
    assert result.exit_code == 0
    assert "NO. Nobody records now" in result.stdout
    assert "2 connections" in result.stdout
    assert "2026-11-23T02:00:00.000000Z" in result.stdout


def test_status_names_who_records(desk: Desk, invoke: Invoke) -> None:
    record(desk.history)
    with hold(desk.history, Holder(4711, "service", "ana", BEGAN_US, ENDED_US, "0.1.0")):
        words = invoke("status").stdout
        status = json.loads(invoke("status", "--json").stdout)
    assert "process 4711 (service, ana)" in words
    assert status["recording"] is True
    assert status["recorder"] == {
        "pid": 4711,
        "kind": "service",
        "user": "ana",
        "version": "0.1.0",
        "since": "2026-11-23T02:00:00.000000Z",
        "until": "2026-11-23T04:00:00.000000Z",
    }


def test_status_for_programs_has_the_same_facts(desk: Desk, invoke: Invoke) -> None:
    record(desk.history, [Call()], [alert(1, "a.example.com"), alert(2, "b.example.com", urgency=Urgency.ACT_NOW)])
    status = json.loads(invoke("status", "--json").stdout)
    assert status["history"] == str(desk.history)
    assert (status["recording"], status["recorder"], status["connections"]) == (False, None, 1)
    assert status["open_alerts"] == {"act now": 1, "today": 0, "review": 1}
    assert (status["baseline_reviewed"], status["baseline_waiting"]) == (False, 1)


def test_status_counts_more_alerts_than_a_screen_holds(desk: Desk, invoke: Invoke) -> None:
    record(desk.history, alerts=[alert(id, f"h{id}.example.com") for id in range(1, 1202)])
    assert json.loads(invoke("status", "--json").stdout)["open_alerts"]["review"] == 1201


API = container(10, "api")
JOBS = container(11, "jobs-runner", pid=4343)


def test_status_says_which_containers_are_seen_and_which_are_not(desk: Desk, invoke: Invoke) -> None:
    record(desk.history, workloads=[API, JOBS], spans=[span(10, "net:[10]")])
    with hold(desk.history, Holder(4711, "service", "ana", BEGAN_US, None, "0.1.0")):
        words = invoke("status").stdout
        status = json.loads(invoke("status", "--json").stdout)
    assert "sockets: 1 of 2 containers; NOT jobs-runner" in words
    assert status["containers"] == {"running": 2, "seen": 1, "unseen": ["jobs-runner"]}


def test_status_says_by_what_destinations_can_be_named_now(desk: Desk, invoke: Invoke) -> None:
    wire = replace(span(11, "net:[10]"), source="wire")
    record(desk.history, workloads=[API], spans=[span(10, "net:[10]"), wire])
    assert json.loads(invoke("status", "--json").stdout)["names"] is None
    assert "Names " not in invoke("status").stdout
    with hold(desk.history, Holder(4711, "service", "ana", BEGAN_US, None, "0.1.0")):
        told = invoke("status").stdout
        names = json.loads(invoke("status", "--json").stdout)["names"]
    assert "Names       SNI and DNS read in 1 of 2 namespaces; no look-ups of our own\n" in told
    assert {"namespaces": 2, "read": 1, "look_ups": False, "lost_packets_24h": 0}.items() <= names.items()


def test_status_tells_no_containers_where_nobody_records(desk: Desk, invoke: Invoke) -> None:
    record(desk.history, workloads=[API], spans=[span(10, "net:[10]")])
    assert json.loads(invoke("status", "--json").stdout)["containers"] == {"running": 0, "seen": 0, "unseen": []}


def test_status_tells_lost_events_with_where(desk: Desk, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.cli.status.now_us", lambda: ENDED_US)
    lost = KeptLoss(1, "sockets", ("net:[10]",), BEGAN_US + HOUR_US, BEGAN_US + HOUR_US + SECOND_US, 37)
    record(desk.history, workloads=[API], spans=[span(10, "net:[10]")], losses=[lost])
    status = json.loads(invoke("status", "--json").stdout)
    assert status["lost_events_24h"] == 37
    assert {"namespaces": ["api"], "lost_events": 37}.items() <= status["holes_24h"][0].items()
    assert "37 events lost, 2026-11-23T03:00:00.000000Z" in invoke("status").stdout


def test_status_tells_the_latest_changes_of_retool_s_containers(
    desk: Desk, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.cli.status.now_us", lambda: ENDED_US)
    before = container(9, "api", image="tryretool/backend:3.148.4", gone_us=BEGAN_US + 10, started_us=BEGAN_US - 10)
    record(desk.history, workloads=[before, container(10, "api", started_us=BEGAN_US + HOUR_US)])
    change = json.loads(invoke("status", "--json").stdout)["changes_7d"][0]
    assert (change["role"], change["kind"]) == ("api", "image")
    assert (change["image_before"], change["image"]) == ("tryretool/backend:3.148.4", "tryretool/backend:3.196.2")
    assert "Change      2026-11-23T03:00:00.000000Z api: image 3.148.4 → 3.196.2" in invoke("status").stdout


def test_a_blocked_alert_has_a_test_to_run_and_others_have_none(desk: Desk, invoke: Invoke) -> None:
    summary = "License checks are being blocked: api gets no answer from licensing.tryretool.com:443"
    blocked = replace(
        alert(1, "licensing.tryretool.com", urgency=Urgency.ACT_NOW), kind=AlertKind.BLOCKED, summary=summary
    )
    record(desk.history, alerts=[blocked, alert(2, "b.example.com")], workloads=[API])
    rows = json.loads(invoke("alerts", "--format", "json").stdout)
    command = "sudo nsenter -t 4242 -n curl -sv -m 5 https://licensing.tryretool.com"
    assert [row["test"] for row in rows] == [command, None]
    assert "nsenter" not in invoke("alerts").stdout


def test_alerts_are_listed_with_the_most_urgent_on_top(desk: Desk, invoke: Invoke) -> None:
    record(desk.history, alerts=[alert(1, "a.example.com"), alert(2, "b.example.com", urgency=Urgency.ACT_NOW)])
    rows = json.loads(invoke("alerts", "--format", "json").stdout)
    assert [row["destination"] for row in rows] == ["b.example.com", "a.example.com"]
    assert rows[0]["first_at"] == "2026-11-23T02:01:00.000000Z"
    assert rows[0]["count"] == 3


def test_resolved_alerts_are_left_out_on_request(desk: Desk, invoke: Invoke) -> None:
    record(desk.history, alerts=[alert(1, "a.example.com"), alert(2, "b.example.com", resolved=True)])
    every = [json.loads(line) for line in invoke("alerts", "--format", "ndjson").stdout.splitlines()]
    assert [(row["id"], row["state"]) for row in every] == [(1, "open"), (2, "resolved")]
    assert [
        json.loads(line)["id"] for line in invoke("alerts", "--open", "--format", "ndjson").stdout.splitlines()
    ] == [1]


@pytest.mark.parametrize("extra", [[], ["--open"]])
def test_an_open_alert_ends_with_1_only_when_asked(desk: Desk, invoke: Invoke, extra: list[str]) -> None:
    record(desk.history, alerts=[alert(1, "a.example.com")])
    assert invoke("alerts", *extra).exit_code == 0
    assert invoke("alerts", *extra, "--exit-code").exit_code == 1


def test_resolved_alerts_alone_end_with_0(desk: Desk, invoke: Invoke) -> None:
    record(desk.history, alerts=[alert(1, "a.example.com", resolved=True)])
    assert invoke("alerts", "--exit-code").exit_code == 0


def test_no_alert_is_cut_off_a_long_list(desk: Desk, invoke: Invoke) -> None:
    record(desk.history, alerts=[alert(id, f"h{id}.example.com") for id in range(1, 1202)])
    assert len(invoke("alerts", "--format", "ndjson").stdout.splitlines()) == 1201


def test_a_hostile_summary_reaches_no_terminal(desk: Desk) -> None:
    record(desk.history, alerts=[replace(alert(1, "a.example.com"), summary="\x1b[2J\u202emine")])
    done = desk.run("alerts")
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert "\u202e" not in done.stdout
