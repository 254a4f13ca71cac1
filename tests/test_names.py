"""True names, end to end: what the record says of real clients, resolvers and proxies on the host for tests."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.collectors import Collecting
from tests.host import RetoolHost, children, first_line, outside
from tests.host.namespaces import resolving_through
from tests.host.service import Service
from tui.history.read import Reader
from tui.history.sums import destinations
from tui.model.filter import Filter
from tui.model.times import DAY_US

pytestmark = pytest.mark.root

LICENSING = "licensing.tryretool.com"
USAGE = "p.tryretool.com"
SHARED_IP = "203.0.113.30"
SHORT_TLS = Path(__file__).parent / "host" / "short_tls.py"
DNS_SERVER = SHORT_TLS.with_name("dns_server.py")
PROXY = ("198.51.100.200", 8888)
"""As the environment of api names it."""
WRITTEN, WRITTEN_IP = "database.corp.example", "203.0.113.60"
"""A name that stands in the hosts file of workflows-worker, and in no zone."""
STRANGER = "203.0.113.77"
"""A public address that serves and that no name leads to."""


@dataclass(frozen=True)
class Wanted:
    """One connection that a client is to make."""

    name: str | None
    """Looked up, and given as SNI unless that says otherwise."""
    sni: str | None = None
    ip: str | None = None
    """Used in the place of a look-up."""
    family: int = 0
    long: bool = False
    """Whether the hello is longer than a segment."""
    cut: list[int] = field(default_factory=list)
    """The hello goes out in parts of these sizes, and the rest."""
    port: int = 443
    proxy: tuple[str, int] | None = None
    """Address and port of the proxy that is asked for the name."""


def named(name: str, **options: Any) -> Wanted:
    return Wanted(name, name, **options)


TEN = [
    named(LICENSING),
    named(USAGE),  # at the same address
    named("invites.tryretool.com"),  # through two other names
    named("email-service.retool.com"),  # through another name
    named("api.openai.com", family=6),
    named("api.anthropic.com", family=6),
    named("specs.tryretool.com", long=True),
    named("bedrock-runtime.us-east-1.amazonaws.com", cut=[1, 4, 60, 100]),
    named("db.example.com", long=True, cut=[700, 700]),
    named("hooks.example.org", family=6, long=True, cut=[5, 1300]),
]


class Names:
    """A Retool host whose names are the test's, and a collector beside it that sees every namespace."""

    def __init__(self, stack: ExitStack, directory: Path) -> None:
        self.host = stack.enter_context(RetoolHost())
        self.zone = self.host.zone
        self.api = self.host.service("api")
        self.worker = self.host.service("workflows-worker")
        self.api.environment |= {"HTTPS_PROXY": "http://{}:{}".format(*PROXY), "NO_PROXY": ".example.org"}
        self.proxy: subprocess.Popen[str] | None = None
        self.collecting = Collecting(directory, self.start)
        hosts = Path("/etc/netns", self.worker.netns, "hosts")
        hosts.write_text(f"127.0.0.1 localhost\n{WRITTEN_IP} {WRITTEN} # extra_hosts\n")
        self._idle = [self._keep(service) for service in (self.api, self.worker)]
        for child in self._idle:
            stack.callback(children.release, child)
        self._directory = directory
        self.zone.set(LICENSING, [SHARED_IP])
        self.zone.set(USAGE, [SHARED_IP])
        self.zone.alias("invites.tryretool.com", "invites.cdn.example.net")
        self.zone.alias("invites.cdn.example.net", "edge-7.cdn.example.net", ttl=60)
        self.zone.set("edge-7.cdn.example.net", ["203.0.113.31"], ttl=20)
        self.zone.alias("email-service.retool.com", "mail.cdn.example.net")
        self.zone.set("mail.cdn.example.net", ["203.0.113.32"])
        for number, wanted in enumerate(TEN[4:]):
            self.zone.set(str(wanted.name), [f"203.0.113.{40 + number}", f"2001:db8::{40 + number}"])

    def start(self, argv: Any, **streams: Any) -> "subprocess.Popen[str]":
        """Beside the services, in a namespace without a role of Retool."""
        return self.host.service("code-executor").popen(argv, visitor=True, **streams)

    @staticmethod
    def _keep(service: Service) -> "subprocess.Popen[str]":
        """A process that makes a service live before it does anything."""
        code = "import sys; print('up', flush=True); sys.stdin.read()"
        child = service.popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        first_line(child)
        return child

    def listens(self, end: tuple[str, int]) -> None:
        """Wait until somebody listens there. Asks from the outside itself: no service connects."""
        code = (
            "import socket, sys, time\nfor _ in range(100):\n"
            "    try:\n        socket.create_connection((sys.argv[1], int(sys.argv[2]))).close(); break\n"
            "    except OSError:\n        time.sleep(0.05)\nelse:\n    sys.exit('nobody listens')\n"
        )
        subprocess.run(self.host.outside.argv([sys.executable, "-c", code, *map(str, end)]), check=True, timeout=20)

    def connect(self, plan: list[Wanted], *, service: Service | None = None, threads: int = 1) -> list[dict[str, Any]]:
        """Make the connections; each with its four-tuple."""
        file = self._directory / "plan.json"
        file.write_text(json.dumps([asdict(one) for one in plan]))
        argv = [sys.executable, "-P", str(SHORT_TLS), str(self.host.ca_file), str(file), str(threads)]
        done = (service or self.api).run(argv, timeout_s=120)
        assert done.returncode == 0, done.stderr
        made: list[dict[str, Any]] = json.loads(done.stdout)
        return made

    def rows(self, *words: str, service: Service | None = None) -> list[dict[str, Any]]:
        """What is recorded of one service's TCP connections that are decided."""
        namespace = (service or self.api).namespace
        return [
            row
            for row in self.collecting.export(*words)
            if (row["namespace"], row["protocol"]) == (namespace, "tcp") and row["verdict"] != "pending"
        ]

    def wait_for_rows(self, count: int, *words: str, service: Service | None = None) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.collecting.wait_for(
            lambda: len(rows := self.rows(*words, service=service)) >= count and rows
        )
        return found

    def alerts(self, kind: str) -> list[dict[str, Any]]:
        return [alert for alert in self.collecting.alerts() if alert["kind"] == kind]


def answers(history: Path, namespace: str) -> list[str]:
    """The names that a namespace was told, by the record."""
    reader = Reader(history)
    try:
        found = reader.db.execute("SELECT host FROM answer WHERE namespace = ? AND evidence = 'dns'", (namespace,))
        return [host for (host,) in found]
    finally:
        reader.close()


def rows_on_screen(history: Path, host: str) -> set[tuple[str, str, int]]:
    """Category, verdict and number of connections of each row of a destination."""
    reader = Reader(history)
    try:
        now_us = time.time_ns() // 1000
        found = destinations(reader, Filter.parse(""), now_us - DAY_US, now_us)
        return {(row.category, row.verdict.value, row.connections) for row in found if row.name == host}
    finally:
        reader.close()


def of(made: dict[str, Any]) -> tuple[Any, ...]:
    return made["local_ip"], made["local_port"], made["ip"], made["port"]


@pytest.fixture
def names(tmp_path: Path) -> Iterator[Names]:
    with ExitStack() as stack:
        yield Names(stack, tmp_path)


def test_of_two_thousand_short_connections_to_ten_names_every_one_has_the_name_that_its_client_used(
    names: Names,
) -> None:
    plan = TEN * 200
    with names.collecting:
        made = names.connect(plan, threads=8)
        rows = names.wait_for_rows(len(plan))
    by_tuple = {of(row): row for row in rows}
    assert len(rows) == len(by_tuple) == len(plan)
    told = [(by_tuple[of(one)]["host"], by_tuple[of(one)]["host_evidence"]) for one in made]
    assert told == [(wanted.name, "sni") for wanted in plan]
    own = names.host.service("code-executor").namespace
    assert answers(names.collecting.history, own) == [], "the collector took its own look-ups for a container's"
    assert answers(names.collecting.history, names.api.namespace) != []
    assert {row["outcome"] for row in rows} == {"closed"}
    assert {row["verdict"] for row in rows if row["host"] in (LICENSING, USAGE)} == {"allowed"}
    assert {row["verdict"] for row in rows if row["host"] == "db.example.com"} == {"off-allowlist"}
    assert not any(row["host_candidates"] for row in rows)
    assert all(row["opened_at"] and row["opened_before"] is None for row in rows)
    assert names.alerts("name-mismatch") == []


def test_without_sni_the_answer_that_the_namespace_got_before_tells_the_name(names: Names) -> None:
    plan = [Wanted(wanted.name, None, family=wanted.family) for wanted in TEN[2:]]
    with names.collecting:
        made = names.connect(plan)
        rows = {of(row): row for row in names.wait_for_rows(len(plan))}
    told = [(rows[of(one)]["host"], rows[of(one)]["host_evidence"]) for one in made]
    assert told == [(wanted.name, "dns") for wanted in plan]


def test_without_sni_an_address_of_two_names_is_the_one_that_was_asked_for_or_both_as_candidates(names: Names) -> None:
    with names.collecting:
        names.connect([Wanted(USAGE, None)], service=names.worker)
        names.connect([Wanted(USAGE, None), Wanted(LICENSING, None)])
        (worker,) = names.wait_for_rows(1, service=names.worker)
        first, second = sorted(names.wait_for_rows(2), key=lambda row: row["opened_at"])
    assert (worker["host"], worker["host_evidence"], worker["category"]) == (USAGE, "dns", "Usage reporting")
    assert (first["host"], first["host_evidence"]) == (USAGE, "dns")
    assert (second["host"], second["host_candidates"]) == (None, [LICENSING, USAGE])
    assert second["category"] == f"Retool service (one of {LICENSING}, {USAGE})"
    assert second["verdict"] == "allowed"


def test_with_the_wire_off_there_are_candidates_and_never_a_wrong_name(names: Names) -> None:
    names.collecting.config = "[names]\nwire = false\n"
    plan = TEN * 5
    with names.collecting:
        made = names.connect(plan)
        rows = {of(row): row for row in names.wait_for_rows(len(plan))}
        status = json.loads(names.collecting.run("status", "--json").stdout)
    for one, wanted in zip(made, plan, strict=True):
        row = rows[of(one)]
        assert row["host"] in (wanted.name, None)
        if wanted.name in (LICENSING, USAGE):
            assert (row["host"], row["host_candidates"], row["host_evidence"]) == (
                None,
                [LICENSING, USAGE],
                "forward",
            )
            assert row["category"] == f"Retool service (one of {LICENSING}, {USAGE})"
    assert {row["host"] for row in rows.values()} > {None, "invites.tryretool.com"}
    assert "SNI and DNS not read" in status["names"]["in_words"]


def test_an_allowed_name_in_the_hello_to_an_address_that_it_never_had_is_off_the_list_and_an_alert(
    names: Names,
) -> None:
    with names.collecting:
        names.connect([named(LICENSING)])
        began = time.monotonic()
        names.connect([Wanted(None, LICENSING, ip=STRANGER)])
        names.collecting.wait_for(lambda: names.alerts("name-mismatch"))
        assert time.monotonic() - began < 6
        (row,) = names.wait_for_rows(1, f"ip:{STRANGER}")
        (alert,) = names.alerts("name-mismatch")
        (right,) = names.rows(f"ip:{SHARED_IP}")
    assert (row["host"], row["host_evidence"], row["verdict"]) == (LICENSING, "sni", "off-allowlist")
    assert row["category"] == "False name"
    assert rows_on_screen(names.collecting.history, LICENSING) == {
        ("License checks", "allowed", 1), ("False name", "off-allowlist", 1),
    }, "what bears the name rightly is hidden by what does not"  # fmt: skip
    assert right["verdict"] == "allowed"
    assert alert["urgency"] == "act now"
    assert LICENSING in json.dumps(alert)
    assert STRANGER in json.dumps(alert)


def test_answers_that_rotate_raise_nothing(names: Names) -> None:
    """Of 1,000 answers no two hold the same addresses; the client goes to one that it was told."""
    many = [f"203.0.113.{last}" for last in range(100, 200)] + [f"198.51.100.{last}" for last in range(100, 200)]
    names.zone.set(LICENSING, many, ttl=1, shown=3)
    plan = [named(LICENSING, family=4)] * 1000
    with names.collecting:
        names.connect(plan, threads=8)
        rows = names.wait_for_rows(len(plan))
        assert LICENSING not in {alert["destination"] for alert in names.alerts("name-mismatch")}
    assert len({row["ip"] for row in rows}) > 150
    assert {(row["host"], row["verdict"]) for row in rows} == {(LICENSING, "allowed")}


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        ("NXDOMAIN", "does not exist"),
        ("SERVFAIL", "the resolver failed"),
        ("silence", "did not answer"),
    ],
)
def test_a_needed_name_that_does_not_resolve_is_blocked_with_that_reason_until_it_does(
    names: Names, failure: str, words: str
) -> None:
    look_up = "import socket, sys\ntry:\n    socket.getaddrinfo(sys.argv[1], 443)\nexcept OSError as e:\n    print(e)\n"
    names.collecting.config = "[names]\nforward = false\n"
    with names.collecting:
        if failure == "NXDOMAIN":
            names.zone.remove(LICENSING)
        else:
            names.zone.fail(LICENSING, failure)
        for _ in range(3):
            names.api.run([sys.executable, "-c", look_up, LICENSING])
        (alert,) = names.collecting.wait_for(lambda: names.alerts("blocked"))
        assert (alert["state"], alert["urgency"]) == ("open", "act now")
        told = json.dumps(alert)
        assert f"{LICENSING} does not resolve in api" in told
        assert words in told
        names.zone.set(LICENSING, [SHARED_IP])
        names.connect([named(LICENSING)])
        names.collecting.wait_for(lambda: {alert["state"] for alert in names.alerts("blocked")} == {"resolved"})


def test_a_question_to_another_resolver_than_the_one_that_is_set_is_a_destination_and_its_answer_no_name(
    names: Names,
) -> None:
    """A resolver of an attacker's own would else make every name true."""
    ask = (
        "import socket, sys\nimport dns.message, dns.query\n"
        "q = dns.message.make_query(sys.argv[1], 'A')\nprint(dns.query.udp(q, sys.argv[2], timeout=5))\n"
    )
    other = "198.51.100.54"
    forged = names.host.zone.file.with_name("forged.json")
    forged.write_text(json.dumps({LICENSING: {"ttl": 300, "addresses": [STRANGER]}}))
    with outside.program(names.host.outside, [str(DNS_SERVER), other, str(forged)]) as serving, names.collecting:
        first_line(serving)
        done = names.api.run([sys.executable, "-c", ask, LICENSING, other])
        assert STRANGER in done.stdout, done.stderr
        names.connect([Wanted(None, LICENSING, ip=STRANGER), Wanted(None, None, ip=STRANGER)])
        rows = names.wait_for_rows(2, f"ip:{STRANGER}")
        asked = names.collecting.wait_for(
            lambda: [row for row in names.collecting.export(f"ip:{other}") if row["verdict"] != "pending"]
        )
        names.collecting.wait_for(lambda: names.alerts("name-mismatch"))
    assert {row["verdict"] for row in rows} == {"off-allowlist"}
    assert {row["host"] for row in rows} == {LICENSING, None}
    (row,) = asked
    assert (row["protocol"], row["port"], row["verdict"]) == ("udp", 53, "off-allowlist")


def test_a_containers_hosts_file_names_what_no_resolver_knows(names: Names) -> None:
    with names.collecting:
        names.connect([Wanted(WRITTEN, None)], service=names.worker)
        (row,) = names.wait_for_rows(1, service=names.worker)
    assert (row["host"], row["host_evidence"], row["ip"]) == (WRITTEN, "hosts", WRITTEN_IP)


def test_without_the_right_to_read_packets_look_ups_name_what_they_can_and_everybody_is_told(names: Names) -> None:
    before = ["setpriv", "--bounding-set=-net_raw"]
    names.collecting.start = lambda argv, **streams: names.start([*before, *argv], **streams)
    with names.collecting:
        names.connect([named(LICENSING), named("invites.tryretool.com"), Wanted(None, LICENSING, ip=STRANGER)])
        rows = {row["ip"]: row for row in names.wait_for_rows(3)}
        status = names.collecting.run("status")
        exported = names.collecting.run("export", "--format", "markdown")
        doctor = names.host.service("code-executor").run([*before, *names.collecting.base, "doctor"], visitor=True)
    told = [(rows[ip]["host"], rows[ip]["host_evidence"]) for ip in (SHARED_IP, "203.0.113.31", STRANGER)]
    assert told == [(None, "forward"), ("invites.tryretool.com", "forward"), (None, None)]
    assert names.alerts("name-mismatch") == []
    assert "CAP_NET_RAW" in status.stdout
    assert "look-ups" in exported.stdout + exported.stderr
    assert "CAP_NET_RAW" in doctor.stdout


def test_a_router_that_says_unreachable_is_believed(names: Names) -> None:
    forward = "echo 1 > /proc/sys/net/ipv4/ip_forward"  # a machine that is no router says nothing
    subprocess.run(names.host.outside.argv(["sh", "-c", forward]), check=True)
    names.host.outside.configure([f"route add unreachable {STRANGER}/32 table local"])
    code = (
        "import socket, sys\ntry:\n    socket.create_connection((sys.argv[1], 443), timeout=9)\n"
        "except OSError as e:\n    print(e)\n"
    )
    with names.collecting:
        done = names.api.run([sys.executable, "-c", code, STRANGER])
        assert "No route to host" in done.stdout
        (row,) = names.wait_for_rows(1, f"ip:{STRANGER}")
    assert (row["outcome"], row["port"], row["local_port"] > 0) == ("unreachable", 443, True)


UNSPEC = """
import ctypes, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
one = socket.socket()
for ip in sys.argv[1:]:
    one.connect((ip, 443))
    assert libc.connect(one.fileno(), struct.pack("=H14x", socket.AF_UNSPEC), 16) == 0
"""


def test_a_socket_that_is_used_again_and_again_hides_none_of_its_connections(names: Names) -> None:
    """By connect(2) to nobody: the kernel tells of the last one alone."""
    addresses = [f"203.0.113.{last}" for last in (81, 82, 83)]
    with names.collecting:
        done = names.api.run([sys.executable, "-c", UNSPEC, *addresses])
        assert done.returncode == 0, done.stderr
        rows = names.wait_for_rows(3)
    assert sorted(row["ip"] for row in rows) == addresses
    assert {row["role"] for row in rows} == {"api"}


def test_an_answer_over_tcp_tells_the_name_too(names: Names) -> None:
    ask = (
        "import socket, sys\nimport dns.message, dns.query\n"
        "r = dns.query.tcp(dns.message.make_query(sys.argv[1], 'A'), sys.argv[2], timeout=5)\n"
        "socket.create_connection((next(iter(r.answer[-1])).address, 443)).close()\n"
    )
    with names.collecting:
        done = names.api.run([sys.executable, "-c", ask, "invites.tryretool.com", names.host.nameserver])
        assert done.returncode == 0, done.stderr
        (row,) = names.wait_for_rows(1, "port:443")
    assert (row["host"], row["host_evidence"]) == ("invites.tryretool.com", "dns")


EMBEDDED = """
add table ip docker
add chain ip docker out { type nat hook output priority -100 ; }
add chain ip docker in { type nat hook postrouting priority 100 ; }
add rule ip docker out ip daddr 127.0.0.11 udp dport 53 dnat to 127.0.0.11:34567
add rule ip docker in ip saddr 127.0.0.11 udp sport 34567 snat to 127.0.0.11:53
"""
"""How an engine puts its own resolver into a container."""


def test_the_answers_of_an_engines_own_resolver_on_loopback_tell_names(names: Names) -> None:
    if shutil.which("nft") is None:
        pytest.skip("Debian's package nftables is needed")
    service = names.host.service("jobs-runner")
    Path("/etc/netns", service.netns, "resolv.conf").write_text("nameserver 127.0.0.11\n")
    subprocess.run(["ip", "netns", "exec", service.netns, "nft", "-f", "-"], input=EMBEDDED, text=True, check=True)
    server = [sys.executable, "-P", str(DNS_SERVER), "127.0.0.11", str(names.zone.file), "34567"]
    resolver = service.popen(server, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    first_line(resolver)
    with names.collecting:
        names.connect([Wanted("invites.tryretool.com", None)], service=service)
        (row,) = names.wait_for_rows(1, service=service)
        looked_up = [row for row in names.collecting.export("port:53") if row["namespace"] == service.namespace]
    assert (row["host"], row["host_evidence"]) == ("invites.tryretool.com", "dns")
    assert {row["verdict"] for row in looked_up} <= {"internal", "not-judged"}


TINYPROXY = """
Port 8888
Listen 198.51.100.200
Timeout 60
MaxClients 100
ConnectPort 443
Filter "{folder}/filter"
PidFile "{folder}/pid"
LogFile "{folder}/log"
"""


@pytest.fixture
def proxied(names: Names, tmp_path: Path) -> Iterator[Names]:
    """A real proxy outside, which denies everything of email-service.retool.com."""
    if shutil.which("tinyproxy") is None:
        pytest.skip("Debian's package tinyproxy is needed")
    (tmp_path / "filter").write_text("email-service\\.retool\\.com\n")
    (tmp_path / "tinyproxy.conf").write_text(TINYPROXY.format(folder=tmp_path))
    with resolving_through(names.host.outside, names.host.nameserver):
        argv = names.host.outside.argv(["tinyproxy", "-d", "-c", str(tmp_path / "tinyproxy.conf")])
        names.proxy = subprocess.Popen(argv, stdout=subprocess.DEVNULL, text=True)
        try:
            names.listens(PROXY)
            yield names
        finally:
            children.end(names.proxy)


def test_through_a_proxy_the_name_that_it_was_asked_for_is_the_destination(proxied: Names) -> None:
    plan = [
        named(LICENSING, proxy=PROXY),
        Wanted("db.example.com", None, proxy=PROXY),
        named("invites.tryretool.com", long=True, cut=[3, 700], proxy=PROXY),
    ]
    with proxied.collecting:
        made = proxied.connect(plan)
        rows = {row["local_port"]: row for row in proxied.wait_for_rows(3)}
    told = [rows[one["local_port"]] for one in made]
    assert [(row["host"], row["host_evidence"], row["port"], row["via"]) for row in told] == [
        (wanted.name, "connect", 443, "198.51.100.200:8888") for wanted in plan
    ]
    assert [(row["category"], row["verdict"]) for row in told] == [
        ("License checks", "allowed"), ("Not recognised", "off-allowlist"), ("Inviting users", "allowed"),
    ]  # fmt: skip
    assert {row["outcome"] for row in told} == {"closed"}


def test_what_a_proxy_denies_is_denied_and_a_needed_one_blocked(proxied: Names) -> None:
    denied = "email-service.retool.com"
    with proxied.collecting:
        proxied.connect([named(denied, proxy=PROXY)] * 2)
        row, _ = proxied.wait_for_rows(2)
        (alert,) = proxied.collecting.wait_for(lambda: proxied.alerts("blocked"))
    assert (row["host"], row["outcome"], row["verdict"]) == (denied, "denied", "allowed")
    assert f"is denied {denied}:443 by its proxy" in json.dumps(alert)


def test_another_name_inside_the_tunnel_than_the_proxy_was_asked_for_is_a_false_name(proxied: Names) -> None:
    with proxied.collecting:
        proxied.connect([Wanted(LICENSING, "db.example.com", proxy=PROXY)])
        (row,) = proxied.wait_for_rows(1)
        (alert,) = proxied.collecting.wait_for(lambda: proxied.alerts("name-mismatch"))
    assert (row["host"], row["verdict"]) == (LICENSING, "off-allowlist")
    assert "db.example.com" in json.dumps(alert)


def test_what_a_service_reaches_past_its_proxy_is_an_alert_and_what_goes_through_or_needs_none_is_not(
    proxied: Names,
) -> None:
    with proxied.collecting:
        proxied.connect([named(LICENSING)], service=proxied.worker)  # which has no proxy
        proxied.connect([named("invites.tryretool.com", proxy=PROXY), named("hooks.example.org")])  # NO_PROXY has it
        proxied.connect([named(LICENSING)] * 2)
        (alert,) = proxied.collecting.wait_for(lambda: [a for a in proxied.alerts("bypass") if a["count"] == 2])
        proxied.wait_for_rows(4)
    assert (alert["urgency"], alert["role"], alert["destination"]) == ("today", "api", LICENSING)
    assert alert["summary"] == (
        f"api reached {LICENSING}:443 directly, although its HTTPS_PROXY names 198.51.100.200:8888"
    )
    assert proxied.alerts("bypass") == [alert]


def test_where_the_configuration_requires_a_proxy_no_service_of_retool_may_do_without(names: Names) -> None:
    names.collecting.config = f"[proxy]\nrequired = true\naddresses = ['{STRANGER}:443']\n"
    with names.collecting:
        names.connect([Wanted(None, None, ip=STRANGER), named(LICENSING)], service=names.worker)
        (alert,) = names.collecting.wait_for(lambda: names.alerts("bypass"))
        names.wait_for_rows(2, service=names.worker)
    assert (alert["role"], alert["destination"]) == ("workflows-worker", LICENSING)
    assert names.alerts("bypass") == [alert]


REFUSED = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=5)
except ConnectionRefusedError:
    print("refused")
"""


def test_a_proxy_that_is_down_is_one_alert_with_how_many_services_it_carried(proxied: Names) -> None:
    try_proxy = [sys.executable, "-c", REFUSED, *map(str, PROXY)]
    with proxied.collecting:
        proxied.connect([named(LICENSING, proxy=PROXY), named("invites.tryretool.com", proxy=PROXY)])
        proxied.wait_for_rows(2)
        assert proxied.proxy is not None
        children.end(proxied.proxy)
        for _ in range(3):
            assert proxied.api.run(try_proxy).stdout == "refused\n"
        (alert,) = proxied.collecting.wait_for(lambda: [a for a in proxied.alerts("blocked") if a["count"] == 3])
    assert (alert["state"], alert["urgency"], alert["destination"]) == ("open", "act now", PROXY[0])
    assert alert["summary"].startswith(
        "proxy 198.51.100.200:8888 refuses api: 2 services affected, 3 attempts in a row"
    )
    assert proxied.alerts("bypass") == []


def logged(names: Names, *lines: str) -> None:
    """Have the collector follow the proxy's log."""
    path = names.collecting.directory / "log"
    names.collecting.config = "\n".join([*lines, "[[proxy.log]]", f'path = "{path}"', ""])


def test_what_a_proxys_log_says_is_the_sockets_and_no_second_connection(proxied: Names) -> None:
    logged(proxied, "[names]", "wire = false")
    plan = [named(LICENSING, proxy=PROXY), named("db.example.com", proxy=PROXY)]
    with proxied.collecting:
        proxied.connect(plan)
        rows = proxied.wait_for_rows(2, "evidence:proxy")
        everything = proxied.rows()
    assert len(everything) == len(rows) == 2
    assert {(row["host"], row["host_evidence"], row["verdict"], row["role"]) for row in rows} == {
        (LICENSING, "proxy", "allowed", "api"), ("db.example.com", "proxy", "off-allowlist", "api"),
    }  # fmt: skip


def test_a_denial_in_a_proxys_log_blocks(proxied: Names) -> None:
    logged(proxied, "[names]", "wire = false")
    denied = "email-service.retool.com"
    with proxied.collecting:
        proxied.connect([named(denied, proxy=PROXY)] * 2)
        rows = proxied.wait_for_rows(2, "outcome:denied")
        proxied.collecting.wait_for(lambda: proxied.alerts("blocked"))
    assert {row["host"] for row in rows} == {denied}


def test_every_line_is_recorded_once_also_if_the_collector_is_killed(proxied: Names) -> None:
    logged(proxied, "[names]", "wire = false")
    with proxied.collecting:
        for _ in range(3):
            proxied.connect([named(LICENSING, proxy=PROXY)] * 10)
            proxied.collecting.stop(9)
            proxied.connect([named(LICENSING, proxy=PROXY)] * 5)
            proxied.collecting.begin()
        rows = proxied.wait_for_rows(45, "evidence:proxy")
    assert len(rows) == 45
