"""What `doctor` says of the logs of proxies: whether they can be read, what they name, and what would mend it."""

import os
import pwd
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from tests.proxylog.ledger import LOGS
from tui.capture.census import Census
from tui.capture.local_proxies import local_proxies
from tui.capture.reach import Reach
from tui.capture.remedies import Remedies
from tui.collector.log_checks import check_logs
from tui.config.settings import ConfigFile, ProxyLog
from tui.config.strict_toml import decode
from tui.model.diagnosis import Check, Seen, What
from tui.model.proxy_variables import Place
from tui.model.workload import Workload, WorkloadKind
from tui.proxylog import advice
from tui.proxylog.unreadable import refusal

ANA = Remedies("retool-egress", 1000, "ana", False, Reach(frozenset(), False, False, None))
NATIVE = (
    b"1795428391.220      5 172.18.0.4 TCP_TUNNEL/200 2730 CONNECT a.example.com:443 - HIER_DIRECT/198.51.100.22 -\n"
)


def checks(path: Path | str, format: str = "auto", remedies: Remedies = ANA) -> dict[What, Check]:
    """What is said of one log, by what it is about."""
    found = list(check_logs([ProxyLog(str(path), format)], remedies, {}))
    assert {check.where for check in found} == {str(path)}
    return {check.what: check for check in found}


def written(tmp_path: Path, text: bytes) -> Path:
    log = tmp_path / "access.log"
    log.write_bytes(text)
    return log


def test_a_log_that_names_destinations_and_clients_with_ports_lacks_nothing() -> None:
    found = checks(LOGS / "smokescreen/report.log")
    assert [check.seen for check in found.values()] == [Seen.YES, Seen.YES]
    assert found[What.PROXY_LOG].reason == "it may be read; smokescreen, which names destinations"


def test_a_log_without_the_client_s_port_is_told_the_format_that_carries_it() -> None:
    found = checks(LOGS / "squid/squid.log")
    assert found[What.PROXY_LOG].seen is Seen.YES
    lines = found[What.PROXY_LINES]
    assert (lines.seen, lines.remedy) == (Seen.PARTLY, advice.SQUID.lines)
    assert "they lack the client's port" in lines.reason
    assert "ssl" not in lines.reason
    assert "logformat retool_egress %ts.%03tu %6tr %>a:%>p " in str(lines.remedy)


def test_what_squid_looks_into_is_told_the_word_that_says_how_it_ended() -> None:
    lines = checks(LOGS / "squid/sslbump_splice_squid.log")[What.PROXY_LINES]
    assert "without %ssl::bump_mode what it denies looks like a tunnel for up to 5 s" in lines.reason
    assert lines.remedy == advice.SQUID_BUMP.lines


def test_a_log_that_names_no_client_at_all_says_so() -> None:
    lines = checks(LOGS / "envoy/http_default.log")[What.PROXY_LINES]
    assert (lines.seen, lines.remedy) == (Seen.PARTLY, advice.ENVOY.lines)
    assert lines.reason == "they do not name the client, so that nobody knows whose they are"


def test_a_proxy_that_cannot_log_the_port_is_not_told_to() -> None:
    lines = checks(LOGS / "tinyproxy/info.log")[What.PROXY_LINES]
    assert (lines.seen, lines.remedy) == (Seen.PARTLY, None)
    assert "no format of tinyproxy has it" in lines.reason


def test_a_format_of_ones_own_is_told_where_the_port_would_stand(tmp_path: Path) -> None:
    log = written(tmp_path, b'172.18.0.4 [23/Nov/2026:10:09:19 +0000] "CONNECT a.example:443 HTTP/1.1" 200\n')
    lines = checks(log, 'nginx: $remote_addr [$time_local] "$request" $status')[What.PROXY_LINES]
    assert "write $remote_addr:$remote_port in its log_format" in lines.reason


def test_a_log_that_cannot_name_destinations_says_what_would() -> None:
    found = checks(LOGS / "haproxy/syslog_tcplog_rfc3339.log")
    assert list(found) == [What.PROXY_LOG]
    check = found[What.PROXY_LOG]
    assert (check.seen, check.remedy) == (Seen.NO, advice.HAPROXY_TCP.lines)
    assert check.reason.startswith("haproxy-tcplog: this log cannot name destinations: ")


def test_a_file_that_is_not_there_is_waited_for(tmp_path: Path) -> None:
    (check,) = checks(tmp_path / "access.log").values()
    assert (check.seen, check.reason) == (Seen.NO, "there is no such file yet; collect waits for it")
    (check,) = checks(tmp_path / "squid" / "access.log").values()
    assert check.reason == f"there is no {tmp_path}/squid; collect waits for it"


@pytest.mark.parametrize("text", [b"", b"half a line"])
def test_a_log_without_a_line_has_no_format_yet_unless_one_is_given(tmp_path: Path, text: bytes) -> None:
    log = written(tmp_path, text)
    assert checks(log)[What.PROXY_LOG].seen is Seen.PARTLY
    assert list(checks(log, "smokescreen")) == [What.PROXY_LOG]
    assert checks(log, "smokescreen")[What.PROXY_LOG].seen is Seen.YES
    assert checks(log, "haproxy-tcplog")[What.PROXY_LOG].seen is Seen.NO


def test_a_log_in_no_known_format_shows_its_last_line_and_how_to_name_one(tmp_path: Path) -> None:
    log = written(tmp_path, b"first\n\x1b[2Jwhat [red]is this\n")
    (check,) = checks(log).values()
    assert check.seen is Seen.NO
    assert "none of its last 2 lines is in a format that is known; the last of them: \ufffd[2Jwhat [red]is this" in (
        check.reason
    )
    assert str(check.remedy).startswith('format = "PROXY: ITS FORMAT"')
    (given,) = checks(log, "squid").values()
    assert "is in the format that is given for it" in given.reason
    assert str(given.remedy).startswith('format = "auto"')


def test_a_log_of_which_few_lines_are_known_is_seen_in_part(tmp_path: Path) -> None:
    log = written(tmp_path, NATIVE + b"what\n" * 3)
    check = checks(log)[What.PROXY_LOG]
    assert check.seen is Seen.PARTLY
    assert "3 of its last 4 lines are in no known format, the last of them: what" in check.reason
    assert checks(written(tmp_path, NATIVE * 3 + b"what\n"))[What.PROXY_LOG].seen is Seen.YES


def test_a_format_that_is_none_keeps_collect_from_starting(tmp_path: Path) -> None:
    (check,) = checks(written(tmp_path, NATIVE), "sqiud").values()
    assert check.seen is Seen.NO
    assert "do you mean 'squid'?. Collect does not start" in check.reason
    assert str(check.remedy).startswith('format = "auto"')


def test_an_archive_is_not_what_a_proxy_writes_to(tmp_path: Path) -> None:
    log = tmp_path / "access.log.1.gz"
    log.write_bytes(b"\x1f\x8b\x08" + bytes(20))
    assert "it is an archive" in checks(log)[What.PROXY_LOG].reason


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A log that only root and a group may read, for one who is neither."""
    log = written(tmp_path, NATIVE)
    log.chmod(0o640)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tui.collector.log_checks.glance", refuse)
    return log


def test_a_log_that_may_not_be_read_names_the_group_and_the_command_to_join_it(refused: Path) -> None:
    group = str(refusal(os.fsencode(refused), PermissionError(13, "")).group)
    (check,) = checks(refused).values()
    assert check.seen is Seen.NO
    owner = pwd.getpwuid(os.geteuid()).pw_name
    assert check.reason == f"unreadable: {refused} is 0640 {owner}:{group}; join group {group}"
    assert check.remedy == f"sudo usermod -aG {group} ana   # then log in again"
    (service,) = checks(refused, remedies=replace(ANA, is_service=True)).values()
    assert service.remedy == f"SupplementaryGroups={group}   # in the [Service] part of the unit"


def test_a_log_that_no_group_may_read_takes_root(refused: Path) -> None:
    refused.chmod(0o600)
    (check,) = checks(refused).values()
    assert "no group may read it" in check.reason
    assert check.remedy == "sudo retool-egress"
    (root,) = checks(refused, remedies=replace(ANA, uid=0)).values()
    assert root.remedy is None


def test_hostile_paths_are_told_inert(tmp_path: Path) -> None:
    evil = tmp_path / "\x1b[2J\u202e\n● seen"
    for path in (evil, evil / "access.log"):
        found = list(check_logs([ProxyLog(str(path))], ANA, {}))
        for check in found:
            assert all(map(str.isprintable, (check.where, check.reason, str(check.remedy))))


# Without a log


def container(role: str | None, name: str, proxy: str, namespace: str = "net:[2]", project: str = "retool") -> Workload:
    variables = (("HTTPS_PROXY", proxy),) if proxy else ()
    return Workload(namespace, WorkloadKind.CONTAINER, name * 2, name, role, "image", project, True, 7, variables)


def here(*workloads: Workload) -> dict[Place, tuple[str, ...]]:
    """The proxies on a host whose own address is 10.0.4.1."""
    tables = {"/proc/1/net": {"10.0.4.1"}, "/proc/7/net": {"172.18.0.3"}}
    return local_proxies(Census(places={"net:[1]": 1, "net:[2]": 7}, workloads=workloads), lambda path: tables[path])


@pytest.mark.parametrize(
    "proxy",
    ["http://10.0.4.1:3128", "http://172.18.0.3:3128", "http://127.0.0.1:3128", "http://squid:3128",
     "http://retool-squid-1:3128", "http://host.docker.internal:3128"],
)  # fmt: skip
def test_a_proxy_on_this_host_is_found_by_its_address_or_its_container(proxy: str) -> None:
    found = here(container("api", "retool-api-1", proxy), container(None, "retool-squid-1", ""))
    assert [str(place) for place in found] == [proxy.removeprefix("http://")]
    assert list(found.values()) == [("api",)]


@pytest.mark.parametrize("proxy", ["http://10.0.4.20:3128", "http://proxy.corp:3128", "", "http://retool:3128"])
def test_a_proxy_elsewhere_has_no_log_here(proxy: str) -> None:
    assert here(container("api", "retool-api-1", proxy), container(None, "retool-squid-1", "")) == {}


def test_only_roles_are_asked_for_their_proxies() -> None:
    assert here(container(None, "other-1", "http://10.0.4.1:3128")) == {}


def test_a_proxy_whose_log_nobody_follows_is_told_with_how_to() -> None:
    found = here(container("api", "a-api-1", "http://10.0.4.1:3128"), container("jobs-runner", "j", "10.0.4.1:3128"))
    (check,) = check_logs([], ANA, found, usual=["/nowhere/squid/access.log"])
    assert (check.what, check.where, check.seen) == (What.PROXY_LOG, "10.0.4.1:3128", Seen.PARTLY)
    assert check.reason.startswith("api, jobs-runner go through this proxy, which is on this host: follow its log, ")
    text = "[proxy]\n" + str(check.remedy)
    assert decode(Path("config.toml"), text, ConfigFile).proxy.log == (ProxyLog("/PATH/OF/ITS/access.log"),)
    assert tomllib.loads(text)


def test_a_log_that_lies_where_proxies_log_is_named(tmp_path: Path) -> None:
    log = written(tmp_path, NATIVE)
    (check,) = check_logs([], ANA, here(container("api", "a", "http://10.0.4.1:3128")), usual=["/nowhere", str(log)])
    assert f"follow its log, perhaps {log}, as" in check.reason
    assert f'path = "{log}"' in str(check.remedy)


def test_with_a_log_no_other_is_asked_for(tmp_path: Path) -> None:
    found = here(container("api", "a", "http://10.0.4.1:3128"))
    log = ProxyLog(str(written(tmp_path, NATIVE)))
    assert {check.where for check in check_logs([log], ANA, found)} == {log.path}
