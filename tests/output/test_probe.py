"""The test for a blocked destination is filled in, and no value of it can break out of its word."""

import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.history.batch import KeptWorkload
from tui.model.alert import Alert, AlertKind, Urgency
from tui.model.workload import Workload, WorkloadKind
from tui.output.probe import place_of, test_command, test_of

test_command.__test__ = test_of.__test__ = False  # type: ignore[attr-defined]


def blocked(destination: str | None = "licensing.tryretool.com", port: int | None = 443, **changes: object) -> Alert:
    given = {
        "role": "api",
        "kind": AlertKind.BLOCKED,
        "resolved_us": None,
        "cause": f"blocked|api|{destination}|{port}",
    }
    told = given | changes
    return Alert(
        1, told["kind"], str(told["cause"]), Urgency.ACT_NOW, "", told["role"], destination, port, 4, 0, 0,  # type: ignore[arg-type]
        told["resolved_us"],  # type: ignore[arg-type]
    )  # fmt: skip


def running(
    pid: int = 4242, *, role: str | None = "api", gone: int | None = None, proxy: tuple[tuple[str, str], ...] = (),
    container: str = "retool-api-1", kind: WorkloadKind = WorkloadKind.CONTAINER, started: int = 0,
) -> KeptWorkload:  # fmt: skip
    told = Workload(f"net:[{pid}]", kind, f"{pid:064}", container, role, None, None, True, pid, proxy, started)
    return KeptWorkload(pid, told, gone)


def test_the_command_is_that_of_the_manual() -> None:
    assert test_of(blocked(), [running()]) == "sudo nsenter -t 4242 -n curl -sv -m 5 https://licensing.tryretool.com"


def test_proxy_variables_of_the_role_stand_before_curl() -> None:
    kept = running(proxy=(("HTTPS_PROXY", "http://proxy:3128"), ("NO_PROXY", ".internal,10.0.0.0/8")))
    told = test_of(blocked(), [kept])
    assert told is not None
    assert " -n env HTTPS_PROXY=http://proxy:3128 NO_PROXY=.internal,10.0.0.0/8 curl " in told


def test_a_name_that_does_not_resolve_is_looked_up_among_the_container_s_own_files() -> None:
    alert = blocked(cause="blocked|api|licensing.tryretool.com|dns")
    kept = running(proxy=(("HTTPS_PROXY", "http://proxy:3128"),))
    assert test_of(alert, [kept]) == "sudo nsenter -t 4242 -n -m getent hosts licensing.tryretool.com"


def test_a_proxy_that_is_down_is_asked_itself_and_not_through_a_proxy() -> None:
    alert = blocked("proxy.corp.example", 3128, cause="blocked-proxy|fd00::4|3128")
    kept = running(proxy=(("HTTPS_PROXY", "http://proxy.corp.example:3128"),))
    assert test_of(alert, [kept]) == "sudo nsenter -t 4242 -n curl -sv -m 5 --noproxy '*' 'http://[fd00::4]:3128'"


@pytest.mark.parametrize(
    ("destination", "port", "urls"),
    [
        ("licensing.tryretool.com", 8443, ["https://licensing.tryretool.com:8443"]),
        ("licensing.tryretool.com", 80, ["http://licensing.tryretool.com"]),
        ("licensing.tryretool.com", None, ["https://licensing.tryretool.com"]),
        ("2001:db8::10", 443, ["https://[2001:db8::10]"]),
        ("2001:db8::10", 8443, ["https://[2001:db8::10]:8443"]),
        ("a.example.com or b.example.com", 443, ["https://a.example.com", "https://b.example.com"]),
    ],
)
def test_the_url_has_the_port_that_is_not_usual_and_brackets_for_version_six(
    destination: str, port: int | None, urls: list[str]
) -> None:
    told = test_of(blocked(destination, port), [running()])
    assert told is not None
    assert shlex.split(told)[9:] == urls


@given(
    st.text(min_size=1, max_size=40).filter(lambda text: "\0" not in text and " or " not in text), st.text(max_size=40)
)
def test_hostile_values_stay_in_their_words(host: str, value: str) -> None:
    workload = running(proxy=(("HTTPS_PROXY", value),)).workload
    words = shlex.split(test_command(blocked(host), workload))
    assert words[:5] == ["sudo", "nsenter", "-t", "4242", "-n"]
    assert words[5:10] == ["env", f"HTTPS_PROXY={value}", "curl", "-sv", "-m"]
    assert len(words) == 12


@pytest.mark.parametrize("value", ["$(id)", "`id`", "'; id; '", "a\nid", '"$HOME"', "x & id"])
def test_a_shell_runs_nothing_of_a_hostile_value(value: str) -> None:
    told = test_command(blocked("x.example.com"), running(proxy=(("NO_PROXY", value),)).workload)
    printed = subprocess.run(["sh", "-c", "printf '%s|' " + told], capture_output=True, text=True, check=True).stdout
    assert f"|NO_PROXY={value}|curl|" in printed


def test_a_variable_whose_name_is_none_is_left_out() -> None:
    assert "env" not in test_command(blocked(), running(proxy=(("A;id", "x"),)).workload)


def test_where_nothing_of_the_role_runs_there_is_no_command() -> None:
    others = [running(gone=5), running(role="jobs-runner"), running(0), running(kind=WorkloadKind.VISITOR)]
    assert test_of(blocked(), others) is None


@pytest.mark.parametrize("alert", [blocked(resolved_us=9), blocked(kind=AlertKind.UPLOAD), blocked(None)])
def test_only_what_is_blocked_now_has_a_test(alert: Alert) -> None:
    assert test_of(alert, [running()]) is None


def test_a_container_without_a_role_is_known_by_the_name_in_the_cause() -> None:
    alert = blocked(role=None, cause="blocked|retool-x-1|licensing.tryretool.com|443")
    found = place_of(alert, [running(1, role=None, container="other"), running(2, role=None, container="retool-x-1")])
    assert found is not None
    assert found.pid == 2


def test_of_several_replicas_the_one_that_failed_is_taken_then_the_youngest() -> None:
    replicas = [running(1, started=1), running(2, started=3), running(3, started=2)]
    first, youngest = place_of(blocked(), replicas, ["net:[9]", "net:[3]"]), place_of(blocked(), replicas)
    assert first is not None
    assert youngest is not None
    assert (first.pid, youngest.pid) == (3, 2)
