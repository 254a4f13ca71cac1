"""`status` says what is recorded and what is not; `alerts` what somebody should look at."""

import json
from dataclasses import replace

import pytest

from tests.cli.conftest import Invoke
from tests.cli.program import Desk
from tests.cli.records import BEGAN_US, ENDED_US, HOUR_US, SECOND_US, Call, alert, container, log, record, span
from tui.history.batch import CoverageSpan, KeptLoss
from tui.history.place import Holder, hold
from tui.model.alert import AlertKind, Urgency
from tui.model.answer import Answer
from tui.model.connection import Evidence, Outcome


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


LOG = "/var/log/squid/access.log"
SERVICE = Holder(4711, "service", "ana", BEGAN_US, None, "0.1.0")


def told_of_logs(invoke: Invoke, desk: Desk) -> list[str]:
    """The lines of ``status`` about logs, while somebody records."""
    with hold(desk.history, SERVICE):
        lines = invoke("status").stdout.splitlines()
    begin = next(place for place, line in enumerate(lines) if line.startswith("Proxy log"))
    end = next(place for place, line in enumerate(lines) if line.startswith("Allowlist"))
    return lines[begin:end]


def followed(*spans: tuple[int, int], path: str = LOG) -> list[CoverageSpan]:
    """The times in which a log was read; one that reaches the end of the recording grows."""
    return [
        CoverageSpan(50 + place, f"proxy:{path}", "", BEGAN_US + a * SECOND_US, BEGAN_US + b * SECOND_US, "",
                     growing=b == 7200)
        for place, (a, b) in enumerate(spans)
    ]  # fmt: skip


def test_status_tells_of_each_followed_log_how_it_is_read(desk: Desk, invoke: Invoke) -> None:
    record(desk.history, spans=followed((0, 7200)), logs=[log(unparsed=3, last="what [is] this", lag=2_100_000)])
    line = told_of_logs(invoke, desk)[0]
    assert line.startswith(f"Proxy log   {LOG}: following; squid; 812 lines in this run, 640 requests; ")
    assert "3 unparsed, the last: what [is] this; 2.1 MB wait; last news 2026-11-23T04:00:00.000000Z" in line
    (told,) = json.loads(invoke("status", "--json").stdout)["proxy_logs"]
    assert {
        "path": LOG, "state": "following", "formats": ["squid"], "lacks": None, "lines": 812, "requests": 640,
        "unparsed": 3, "last_unparsed": "what [is] this", "lag_bytes": 2_100_000,
        "last_read": "2026-11-23T04:00:00.000000Z",
    }.items() <= told.items()  # fmt: skip


def test_status_says_what_an_unreadable_log_needs(desk: Desk, invoke: Invoke) -> None:
    state = f"unreadable: {LOG} is 0640 proxy:proxy; join group proxy"
    record(desk.history, logs=[log(state=state, formats="", lines=0, requests=0)])
    assert f"{LOG}: {state}; its format is not known yet" in told_of_logs(invoke, desk)[0]


def test_status_says_of_a_log_without_destinations_what_would_give_it_them(desk: Desk, invoke: Invoke) -> None:
    record(desk.history, spans=followed((0, 7200)), logs=[log(formats="tinyproxy-notice", lacks="set LogLevel Info")])
    assert told_of_logs(invoke, desk)[1] == "            This log cannot name destinations: set LogLevel Info"


def test_status_says_that_no_line_is_in_a_known_format(desk: Desk, invoke: Invoke) -> None:
    record(desk.history, spans=followed((0, 7200)), logs=[log(formats="", lines=9, requests=0, unparsed=9, last="?")])
    assert "no line is in a known format; 9 lines in this run, 0 requests; 9 unparsed, the last: ?" in told_of_logs(
        invoke, desk
    )[0]  # fmt: skip


def test_status_names_no_log_that_is_not_followed_any_more(desk: Desk, invoke: Invoke) -> None:
    record(desk.history, logs=[log("/old.log", read_us=BEGAN_US - 1)])
    assert json.loads(invoke("status", "--json").stdout)["proxy_logs"] == []
    assert "Proxy log" not in invoke("status").stdout


def test_status_says_that_nobody_follows_a_log_now(desk: Desk, invoke: Invoke) -> None:
    record(desk.history, spans=followed((0, 7200)), logs=[log()])
    assert f"Proxy log   {LOG}: NOT FOLLOWED NOW; it was: following; squid" in invoke("status").stdout


@pytest.mark.parametrize(("lost", "words"), [
    (812, "up to 812 bytes may be lost"), (1, "up to 1 byte may be lost"), (0, "an unknown number of bytes may be lost")
])  # fmt: skip
def test_what_may_be_lost_of_a_log_is_bytes_and_no_events(
    desk: Desk, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, lost: int, words: str
) -> None:
    monkeypatch.setattr("tui.cli.status.now_us", lambda: ENDED_US)
    loss = KeptLoss(1, f"proxy:{LOG}", (), BEGAN_US + HOUR_US, BEGAN_US + HOUR_US + SECOND_US, lost)
    record(desk.history, spans=followed((0, 7200)), logs=[log()], losses=[loss])
    status = json.loads(invoke("status", "--json").stdout)
    assert status["lost_events_24h"] == 0
    (hole,) = status["holes_24h"]
    assert (hole["source"], hole["lost_events"], hole["lost_bytes"]) == (f"proxy:{LOG}", None, lost)
    assert f"Hole        proxy log {LOG}: {words}, 2026-11-23T03:00:00.000000Z to " in invoke("status").stdout


def test_a_time_in_which_a_log_could_not_be_read_is_its_hole_and_none_of_the_sockets(
    desk: Desk, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.cli.status.now_us", lambda: ENDED_US)
    record(desk.history, [Call()], spans=followed((600, 1200), (1800, 7200)), logs=[log()])
    status = json.loads(invoke("status", "--json").stdout)
    assert [(hole["source"], hole["from"][11:19], hole["to"][11:19]) for hole in status["holes_24h"]] == [
        (f"proxy:{LOG}", "02:20:00", "02:30:00")
    ]
    assert f"Hole        proxy log {LOG}: not read, 2026-11-23T02:20:00.000000Z to " in invoke("status").stdout


@pytest.mark.parametrize(("state", "answer"), [("following", 1), ("unreadable: Permission denied", 3)])
def test_what_a_log_tells_that_has_just_become_unreadable_cannot_be_told(
    desk: Desk, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, state: str, answer: int
) -> None:
    monkeypatch.setattr("tui.cli.find.now_us", lambda: ENDED_US)
    record(desk.history, [Call()], spans=followed((0, 7195)), logs=[log(state=state)])
    assert invoke("find", "evil.example").exit_code == answer


def test_what_was_not_read_of_a_log_may_be_what_is_looked_for(
    desk: Desk, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.cli.find.now_us", lambda: ENDED_US)
    loss = KeptLoss(1, f"proxy:{LOG}", (), BEGAN_US + HOUR_US, BEGAN_US + HOUR_US, 812)
    record(desk.history, [Call()], spans=followed((600, 1200), (1800, 7200)), logs=[log()], losses=[loss])
    found = invoke("find", "evil.example", "--at", "2026-11-23T02:25:00Z")
    assert found.exit_code == 3
    assert f"but not recorded 2026-11-23T02:20:00Z-2026-11-23T02:30:00Z in the proxy log {LOG}." in found.stdout
    lost = invoke("find", "203.0.113.99", "--at", "2026-11-23T03:00:00Z")
    assert f"up to 812 bytes may be lost 2026-11-23T03:00:00Z in the proxy log {LOG}" in lost.stdout
    assert "event" not in lost.stdout
    assert invoke("find", "203.0.113.99", "--at", "2026-11-23T03:30:00Z").exit_code == 1
    exported = invoke("export", "--since", "2026-11-23T02:00:00Z", "--until", "2026-11-23T03:55:00Z")
    assert f"in the proxy log {LOG}" in exported.stderr


PROXY = "10.0.4.20:3128"


def test_find_says_by_which_way_it_went_and_which_log_told_so(desk: Desk, invoke: Invoke) -> None:
    row = Call("api.stripe.com", "0.0.0.0", via=f"log {LOG}", evidence=Evidence.PROXY, source=f"proxy:{LOG}")
    record(desk.history, [row, Call("api.stripe.com", "10.0.4.20", via=PROXY, evidence=Evidence.PROXY)])
    told = invoke("find", "api.stripe.com").stdout
    assert f"api.stripe.com address not known port 443  License checks  allowed  closed  told by proxy log {LOG}\n" in (
        told
    )
    assert f"api.stripe.com 10.0.4.20 port 443  License checks  allowed  closed  via proxy {PROXY}\n" in told


def test_find_cannot_tell_where_tunnels_go_of_which_nothing_has_told(
    desk: Desk, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.cli.find.now_us", lambda: ENDED_US)
    tunnel = Call(None, "10.0.4.20", 3128, via=PROXY, outcome=Outcome.OPEN)
    known = Answer("evil.example", "192.0.2.66", BEGAN_US, ENDED_US)
    record(desk.history, [tunnel], spans=followed((0, 7200)), logs=[log()], answers=[known])
    found = invoke("find", "evil.example")
    assert found.exit_code == 3
    assert "but 1 connection went through a proxy, and nothing has told where to." in found.stdout
    assert "(open through the proxy, which logs it at its end)" in invoke("find", "10.0.4.20").stdout


def test_what_happened_to_a_log_is_told_where_nobody_knows_what_is_lost(
    desk: Desk, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.cli.status.now_us", lambda: ENDED_US)
    said = "access.log is deleted and its writer still writes: have it reopen its log"
    loss = KeptLoss(1, f"proxy:{LOG}", (), BEGAN_US + HOUR_US, BEGAN_US + HOUR_US, 0, said)
    record(desk.history, spans=followed((0, 7200)), logs=[log()], losses=[loss])
    (hole,) = json.loads(invoke("status", "--json").stdout)["holes_24h"]
    assert (hole["lost_bytes"], hole["note"]) == (0, said)
    assert f"Hole        proxy log {LOG}: {said}, 2026-11-23T03:00:00.000000Z to" in invoke("status").stdout


def test_a_log_that_could_never_be_read_has_a_hole_since_recording_began(
    desk: Desk, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.cli.status.now_us", lambda: ENDED_US)
    record(desk.history, logs=[log(state="unreadable: Permission denied", formats="")])
    (hole,) = json.loads(invoke("status", "--json").stdout)["holes_24h"]
    assert (hole["source"], hole["from"], hole["to"]) == (
        f"proxy:{LOG}", "2026-11-23T02:00:00.000000Z", "2026-11-23T04:00:00.000000Z",
    )  # fmt: skip


def test_while_nobody_recorded_a_log_has_no_hole_of_its_own(
    desk: Desk, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.cli.status.now_us", lambda: ENDED_US)
    at = [(0, 1200), (1800, 7200)]
    watched = [(BEGAN_US + a * SECOND_US, BEGAN_US + b * SECOND_US) for a, b in at]
    record(desk.history, watched=watched, spans=followed(*at), logs=[log()])
    assert [hole["source"] for hole in json.loads(invoke("status", "--json").stdout)["holes_24h"]] == ["sockets"]


def test_logs_are_told_apart_from_the_sources_that_see_containers(desk: Desk, invoke: Invoke) -> None:
    record(desk.history, workloads=[API], spans=[span(10, "net:[10]"), *followed((0, 7200))], logs=[log()])
    with hold(desk.history, SERVICE):
        words = invoke("status").stdout
        status = json.loads(invoke("status", "--json").stdout)
    assert "Coverage    sockets: 1 of 1 containers\n" in words
    assert status["coverage"] == ["sockets", f"proxy:{LOG}"]


def test_a_hostile_path_and_line_reach_no_terminal(desk: Desk) -> None:
    evil = "\x1b[2J\u202e\nRecording   yes"
    record(desk.history, logs=[log(f"/tmp/{evil}", unparsed=1, last=evil, lacks=evil, state=f"unreadable: {evil}")])
    for words in (("status",), ("status", "--json")):
        done = desk.run(*words)
        assert done.returncode == 0
        assert "\x1b" not in done.stdout
        assert "\u202e" not in done.stdout
        assert "\nRecording   yes" not in done.stdout


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
