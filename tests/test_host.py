"""The Retool host for tests keeps its promises: connections, names, separation, and nothing left behind."""

import socket
import subprocess
import sys
from ipaddress import IPv4Address
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import pytest

from tests.host import EndedError, HoldError, RetoolHost, Zone, first_line

pytestmark = pytest.mark.root

SIX = [
    "licensing.tryretool.com:443",
    "invites.tryretool.com:443",
    "email-service.retool.com:443",
    "p.tryretool.com:443",
    "api.openai.com:443",
    "203.0.113.77:443",
]
SIX_NAMES = [
    "licensing.tryretool.com",
    "invites.tryretool.com",
    "email-service.retool.com",
    "p.tryretool.com",
    "api.openai.com",
    None,
]
SERVICES = {
    "api": "MAIN_BACKEND,DB_CONNECTOR,DB_SSH_CONNECTOR",
    "jobs-runner": "JOBS_RUNNER",
    "workflows-worker": "WORKFLOW_TEMPORAL_WORKER",
    "code-executor": None,
}
ESTABLISHED, TIME_WAIT = "01", "06"

ASK = """
import sys, dns.message, dns.query, dns.resolver
server = dns.resolver.Resolver().nameservers[0]
ask = {"udp": dns.query.udp, "tcp": dns.query.tcp}[sys.argv[3]]
print(ask(dns.message.make_query(sys.argv[1], sys.argv[2], use_edns=False), server, timeout=5).to_text())
"""
ECHO = """
import socket, ssl, sys
name, ca_file = sys.argv[1:]
plain = socket.create_connection((name, 443), timeout=5)
with ssl.create_default_context(cafile=ca_file).wrap_socket(plain, server_hostname=name) as held:
    held.sendall(b"ping")
    print(held.recv(4).decode())
"""
WAIT = [sys.executable, "-c", "import sys; print('started', flush=True); sys.stdin.read()"]
DETACH = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], start_new_session=True,
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(child.pid)
child.returncode = 0
"""


def ask(host: RetoolHost, name: str, rdtype: str = "A", transport: str = "udp") -> dns.message.Message:
    """The answer that a program in the api service gets from the name server of its resolv.conf."""
    done = host.service("api").run([sys.executable, "-c", ASK, name, rdtype, transport])
    assert done.returncode == 0, done.stderr
    return dns.message.from_text(done.stdout)


def records(answer: dns.message.Message) -> list[tuple[str, int]]:
    """Each record's data with its TTL."""
    return sorted((item.to_text(), rrset.ttl) for rrset in answer.answer for item in rrset)


def tcp_rows(proc_net_tcp: str) -> set[tuple[int, str, int, str]]:
    """Local port, remote address, remote port and state of each IPv4 connection (proc_net_tcp.rst of Linux)."""
    rows = [line.split() for line in proc_net_tcp.splitlines()[1:]]
    endpoints = [(*row[1].split(":"), *row[2].split(":"), row[3]) for row in rows]
    return {(int(port, 16), _address(ip), int(ip_port, 16), state) for _, port, ip, ip_port, state in endpoints}


def _address(word: str) -> str:
    return str(IPv4Address(int(word, 16).to_bytes(4, sys.byteorder)))


def namespaces_named(prefix: str) -> list[str]:
    return [path.name for folder in ("/run/netns", "/etc/netns") for path in Path(folder).glob(f"{prefix}*")]


def pids_in(host: RetoolHost) -> set[int]:
    """The processes in all namespaces of a host."""
    names = [path.name for path in Path("/run/netns").glob(f"{host.prefix}*")]
    return {int(pid) for name in names for pid in ip("netns", "pids", name).split()}


def default_routes(netns: str) -> list[str]:
    lines = [ip("-n", netns, family, "route", "show", "default").split() for family in ("-4", "-6")]
    return [words[words.index("via") + 1] for words in lines if words]


def ip(*arguments: str) -> str:
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout


def is_running(pid: int) -> bool:
    """A process that only waits to be reaped has ended: some inits take their time."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_six_held_connections_are_established_in_the_namespace_of_their_process(retool_host: RetoolHost) -> None:
    with retool_host.service("api").hold(SIX) as held:
        assert [connection.name for connection in held.connections] == SIX_NAMES
        wanted = {(one.local_port, one.ip, one.port, ESTABLISHED) for one in held.connections}
        assert tcp_rows(Path(f"/proc/{held.pid}/net/tcp").read_text()) >= wanted


def test_held_connections_belong_to_a_process_named_node_with_its_service_type(retool_host: RetoolHost) -> None:
    with retool_host.service("workflows-worker").hold(SIX[:1]) as held:
        assert Path(f"/proc/{held.pid}/comm").read_text() == "node\n"
        environment = Path(f"/proc/{held.pid}/environ").read_bytes().split(b"\0")
        assert b"SERVICE_TYPE=WORKFLOW_TEMPORAL_WORKER" in environment


def test_closing_held_connections_ends_their_process_and_leaves_time_wait_with_the_client(
    retool_host: RetoolHost,
) -> None:
    api = retool_host.service("api")
    with api.hold(SIX) as held:
        pass
    assert not is_running(held.pid)
    wanted = {(one.local_port, one.ip, one.port, TIME_WAIT) for one in held.connections}
    assert tcp_rows(api.run(["cat", "/proc/net/tcp"]).stdout) >= wanted


def test_a_name_can_be_sent_to_an_address_that_the_dns_does_not_give(retool_host: RetoolHost) -> None:
    with retool_host.service("api").hold([("licensing.tryretool.com:443", "2001:db8::bad")]) as held:
        (connection,) = held.connections
        assert (connection.name, connection.ip) == ("licensing.tryretool.com", "2001:db8::bad")


def test_holding_a_name_that_does_not_exist_says_so_and_leaves_no_process(retool_host: RetoolHost) -> None:
    held = retool_host.service("api").hold(["nowhere.example:443"])
    with pytest.raises(HoldError, match="not known"), held:
        pass
    assert not is_running(held.pid)


def test_a_popened_program_runs_under_the_pid_that_popen_gives(retool_host: RetoolHost) -> None:
    api = retool_host.service("api")
    with api.popen(WAIT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        first_line(child)
        netns = Path("/run/netns", api.netns).stat()
        inside = Path(f"/proc/{child.pid}/ns/net").stat()
        assert (inside.st_dev, inside.st_ino) == (netns.st_dev, netns.st_ino)


def test_the_server_proves_its_name_and_echoes(retool_host: RetoolHost) -> None:
    argv = [sys.executable, "-c", ECHO, "p.tryretool.com", str(retool_host.ca_file)]
    done = retool_host.service("jobs-runner").run(argv)
    assert (done.stdout, done.stderr) == ("ping\n", "")


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize(
    ("rdtype", "addresses"), [("A", ["203.0.113.20", "203.0.113.21"]), ("AAAA", ["2001:db8::20"]), ("TXT", [])]
)
def test_a_changed_name_is_answered_with_its_new_addresses_and_ttl(
    retool_host: RetoolHost, zone: Zone, rdtype: str, addresses: list[str], transport: str
) -> None:
    zone.set("API.openai.com", ["203.0.113.20", "203.0.113.21", "2001:db8::20"], ttl=7)
    answer = ask(retool_host, "api.OpenAI.com", rdtype, transport)
    assert answer.rcode() == 0
    assert records(answer) == [(address, 7) for address in addresses]


def test_programs_resolve_names_by_the_system_resolver(retool_host: RetoolHost, zone: Zone) -> None:
    zone.set("licensing.tryretool.com", ["203.0.113.99"])
    done = retool_host.service("code-executor").run(["getent", "ahostsv4", "licensing.tryretool.com"])
    assert {line.split()[0] for line in done.stdout.splitlines()} == {"203.0.113.99"}


@pytest.mark.parametrize("removed", ["api.openai.com", None])
def test_a_name_without_records_does_not_exist(retool_host: RetoolHost, zone: Zone, removed: str | None) -> None:
    if removed:
        zone.remove(removed)
    assert ask(retool_host, removed or "stranger.example").rcode() == dns.rcode.NXDOMAIN


def test_an_answer_too_long_for_a_datagram_is_whole_over_tcp(retool_host: RetoolHost, zone: Zone) -> None:
    many = [f"203.0.113.{last}" for last in range(1, 101)]
    zone.set("api.openai.com", many)
    assert ask(retool_host, "api.openai.com").flags & dns.flags.TC
    assert len(records(ask(retool_host, "api.openai.com", transport="tcp"))) == 100


def test_a_services_environment_is_its_containers_and_not_ours(
    retool_host: RetoolHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    seen = {name: retool_host.service(name).run(["env"], env={"EXTRA": "1"}).stdout.splitlines() for name in SERVICES}
    assert not [line for lines in seen.values() for line in lines if "PROXY" in line]
    types = {name: [line for line in lines if line.startswith("SERVICE_TYPE=")] for name, lines in seen.items()}
    assert types == {name: [f"SERVICE_TYPE={kind}"] if kind else [] for name, kind in SERVICES.items()}
    assert all("EXTRA=1" in lines for lines in seen.values())


def test_a_service_does_not_reach_what_listens_on_the_machine(retool_host: RetoolHost) -> None:
    with socket.create_server(("127.0.0.1", 0)) as machine:
        connect = f"import socket; socket.create_connection({machine.getsockname()!r}, timeout=5)"
        done = retool_host.service("api").run([sys.executable, "-c", connect])
    assert "ConnectionRefusedError" in done.stderr


def test_there_is_no_way_out_of_the_hosts_own_namespaces(retool_host: RetoolHost) -> None:
    ways = {name: default_routes(retool_host.prefix + name) for name in ["hub", "outside", *SERVICES]}
    to_the_outside = ["10.77.0.1", "fd00:77::1"]
    assert ways == {"hub": [], "outside": []} | {name: to_the_outside for name in SERVICES}


def test_nothing_is_left_after_the_host() -> None:
    with RetoolHost() as host:
        api = host.service("api")
        ca_file = host.ca_file
        popened = api.popen(WAIT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        first_line(popened)
        held = api.hold(SIX).__enter__()
        detached = int(api.run([sys.executable, "-c", DETACH]).stdout)
        inside = pids_in(host)
        assert inside >= {popened.pid, held.pid, detached}
    assert not [pid for pid in inside if is_running(pid)]
    assert namespaces_named(host.prefix) == []
    assert not ca_file.parent.exists()


def test_nothing_is_left_after_an_exception_in_the_block() -> None:
    host = RetoolHost()
    with pytest.raises(KeyError, match="no-such-service"), host:
        host.service("no-such-service")
    assert namespaces_named(host.prefix) == []


def test_nothing_is_left_of_a_host_whose_servers_do_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.host.outside.NAMESERVER", "192.0.2.53")
    host = RetoolHost()
    with pytest.raises(EndedError), host:
        pass
    assert namespaces_named(host.prefix) == []


def test_two_hosts_stand_side_by_side_with_records_of_their_own(retool_host: RetoolHost, zone: Zone) -> None:
    zone.set("api.openai.com", ["203.0.113.20"])
    with RetoolHost() as other:
        other.zone.set("api.openai.com", ["203.0.113.21"])
        answers = [records(ask(host, "api.openai.com")) for host in (retool_host, other)]
    assert answers == [[("203.0.113.20", 300)], [("203.0.113.21", 300)]]
