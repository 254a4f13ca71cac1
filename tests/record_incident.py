"""Record an incident on the host for tests, for the pictures: ``python -m tests.record_incident MINUTES FILE``.

Real sockets of real processes in containers, seen from the host by the real collector: Retool's services at work, a new
image of api, a database inside, licence checks that a firewall drops from the middle on, a webhook that a filter cuts
off, a name that does not resolve any more, telemetry and an AI provider that nobody allowed, and code-executor that
sends tens of megabytes to an address without a name and then gives an allowed name for another. Beside them the host's
own agents and a container of another project, which are not judged. Names are looked up, and sent in real handshakes.

All of it lives in namespaces of its own (network, processes, mounts, host name), so that nothing of the machine that
records can be in the record. Needs root.
"""

import hashlib
import os
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.host import RetoolHost, first_line
from tests.host.containers import SHAPES, Containers
from tests.host.engine import FakeEngine, listed
from tests.host.layout import NAMESERVER, PUBLIC_NETWORKS, SERVICE_TYPES, SERVICES
from tests.host.namespaces import Namespace, linked_to_the_machine, namespace
from tests.host.outside import program

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = Path(__file__).with_name("host")
NODE = "retool-prod-1"
INSIDE = "RETOOL_EGRESS_RECORDS_INSIDE"
HOST = "the host"
FIRST_PID = 20_400

CONFIG = f"""
[names]
nameservers = ["{NAMESERVER}"]

[[service]]
id = "warehouse"
category = "Your resources"
hosts = ["warehouse.example.com"]
ports = [5432]
purpose = "orders, read by the sales app"
"""
ALLOWLIST = """
[[allow]]
host = "api.openai.com"
roles = ["workflows-worker"]
reason = "CHG-4511 AI steps in workflows"

[[allow]]
host = "api.stripe.com"
reason = "CHG-4600 payments resource"

[[allow]]
host = "github.com"
roles = ["jobs-runner"]
reason = "CHG-4602 source control"

[[allow]]
host = "hooks.slack.com"
reason = "CHG-4633 on-call messages"

[[allow]]
host = "warehouse.example.com"
ports = [5432]
reason = "CHG-4640 orders"
"""

ZONE = {
    "licensing.tryretool.com": ["203.0.113.10"],
    "invites.tryretool.com": ["203.0.113.11"],
    "email-service.retool.com": ["203.0.113.12"],
    "p.tryretool.com": ["198.51.100.13"],
    "api.openai.com": ["198.51.100.14", "2001:db8::14"],
    "telemetry.retool.com": ["198.51.100.20"],
    "api.stripe.com": ["198.51.100.21"],
    "github.com": ["198.51.100.22"],
    "api.anthropic.com": ["198.51.100.23"],
    "hooks.slack.com": ["198.51.100.24"],
    "warehouse.example.com": ["198.51.100.25"],
    "registry-1.docker.io": ["198.51.100.60"],
}
MAIL = "email-service.retool.com"
LICENSING = "203.0.113.10"
SLACK = "198.51.100.24"
STRANGER, POINTS_TO = "203.0.113.77", "vm-77.hosting.example"
FORGED = "203.0.113.66"
"""An address that no name has, and to which one is given."""
MORE_SERVICES = {
    "workflows-backend": ("10.77.0.15", "fd00:77::15"),
    "postgres": ("10.77.0.16", "fd00:77::16"),
    "grafana": ("10.77.0.17", "fd00:77::17"),
}
"""What this host has beside those of the tests."""
IMAGES = {
    "code-executor": "tryretool/code-executor-service:3.196.2",
    "postgres": "postgres:16.4",
    "grafana": "grafana/grafana:11.2.0",
}
OLD_IMAGE, IMAGE = "tryretool/backend:3.148.4", "tryretool/backend:3.196.2"
COMMANDS = {"postgres": "postgres", "grafana": "grafana", "code-executor": "python3"}
"""How the process of a service is called, where not `node`."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Connections of one process; it begins and ends at these parts of the whole time."""

    service: str
    to: str
    """A name, an address, or a name and the address that is connected to all the same: `NAME@IP`."""
    every_s: float
    hold_s: float
    send: int = 900
    receive: int = 4_000
    begins: float = 0.0
    ends: float = 1.0
    port: int = 443
    process: str = "node"

    @property
    def host_and_ip(self) -> tuple[str, str]:
        """As the program takes them."""
        host, _, ip = self.to.partition("@")
        return ("-", host) if host[-1:].isdigit() else (host, ip or "-")


SCENARIO = (
    Traffic("api", "p.tryretool.com", 3, 0.2, 4_600, 300),
    Traffic("api", "licensing.tryretool.com", 80, 0.3, 2_100, 5_100, ends=0.5),
    Traffic("api", "licensing.tryretool.com", 30, 0.3, 2_100, 5_100, begins=0.58),
    Traffic("api", "invites.tryretool.com", 400, 0.4, 1_800, 2_400, begins=0.2, ends=0.4),
    Traffic("api", "api.stripe.com", 4, 0.4, 2_300, 9_000),
    Traffic("api", "telemetry.retool.com", 60, 2, 130_000, 600),
    Traffic("api", "warehouse.example.com", 12, 6, 30_000, 800_000, port=5432),
    Traffic("api", "10.77.0.16", 2, 1.5, 3_000, 20_000, port=5432),
    Traffic("api", "10.77.0.14", 15, 1, 8_000, 8_000, port=3004),
    Traffic("workflows-backend", "10.77.0.16", 5, 2, 3_000, 20_000, port=5432),
    Traffic("workflows-backend", "api.stripe.com", 50, 0.4, 2_300, 9_000),
    Traffic("workflows-worker", "10.77.0.15", 7, 1, 5_000, 9_000, port=3000),
    Traffic("workflows-worker", "api.openai.com@198.51.100.14", 8, 3, 110_000, 22_000),
    Traffic("workflows-worker", "api.openai.com@2001:db8::14", 15, 3, 90_000, 22_000),
    Traffic("workflows-worker", "api.anthropic.com", 70, 4, 60_000, 12_000, begins=0.3),
    Traffic("jobs-runner", "10.77.0.16", 9, 1, 3_000, 20_000, port=5432),
    Traffic("jobs-runner", "github.com", 45, 2, 30_000, 400_000),
    Traffic("jobs-runner", "hooks.slack.com", 40, 0.2, 1_200, 400),
    Traffic("code-executor", STRANGER, 40, 25, 4_800_000, 6_000, begins=0.55, process="python3"),
    Traffic("code-executor", f"api.openai.com@{FORGED}", 60, 8, 90_000, 4_000, begins=0.7, process="python3"),
    Traffic("api", MAIL, 25, 0.4, 1_800, 2_400, begins=0.2),
    Traffic("grafana", "198.51.100.91", 30, 0.5, 2_000, 9_000, process="grafana"),
    Traffic(HOST, "registry-1.docker.io", 90, 3, 3_000, 900_000, process="dockerd"),
    Traffic(HOST, "198.51.100.92", 10, 0.3, 14_000, 300, process="agent"),
    Traffic(HOST, "203.0.113.123", 60, 0.2, 300, 300, process="chronyd"),
    Traffic(HOST, "198.51.100.94", 300, 2, 900, 300_000, process="apt"),
)


def main(minutes: float, file: Path) -> None:
    """Play the scenario, recorded, and leave the history in ``file``."""
    seconds = minutes * 60
    SERVICES.update(MORE_SERVICES)
    SERVICE_TYPES["workflows-backend"] = "WORKFLOW_BACKEND"
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        host = stack.enter_context(RetoolHost(linked=True))
        for name, addresses in ZONE.items():
            host.zone.set(name, addresses)
        host.zone.point(STRANGER, POINTS_TO)
        world = stack.enter_context(built_world(host))
        resolve_through(directory / "resolv.conf")
        containers = stack.enter_context(Containers(host, image=IMAGE))
        engine = stack.enter_context(FakeEngine(containers.all.values()))
        for name, image in IMAGES.items():
            engine.containers[name].image = image
        engine.containers["grafana"].labels["com.docker.compose.project"] = "monitoring"
        engine.containers["grafana"].name = "monitoring-grafana-1"
        stage = Stage(host, containers, engine, seconds)
        engine.containers["api"].image = OLD_IMAGE
        serve(host)
        for name in SERVICES:
            stage.main_process(name)
        history = directory / "history.db"
        collector = collect(history, engine)
        time.sleep(8)
        stage.play(world)
        copy(history, file)
        collector.terminate()
        collector.wait(timeout=20)
        sys.stderr.write(history.with_name("stderr").read_text())


def copy(history: Path, file: Path) -> None:
    """The history as it is while it is recorded, so that the pictures show a recording that lives."""
    file.unlink(missing_ok=True)
    with sqlite3.connect(history) as db:
        db.execute("VACUUM INTO ?", (str(file),))
    with sqlite3.connect(file) as db:
        db.execute(_PASSING)
        db.execute(_INSIDE)


_PASSING = """
DELETE FROM workload WHERE kind = 'container' AND namespace IN (SELECT namespace FROM workload WHERE kind = 'host')
"""
"""What a test starts in a container is in its control group a moment before it is in its namespace."""
_INSIDE = "UPDATE coverage SET note = '' WHERE note LIKE '%/proc of a container%'"
"""That there may be more outside is true of the stage and not of the host that it stands for."""


@dataclass(frozen=True, slots=True)
class World:
    """All public addresses, and what firewalls do to them."""

    namespace: Namespace
    servers: "subprocess.Popen[str]"

    def cut(self) -> None:
        """From now on the webhook is cut off before its first byte: what a firewall that reads names looks like."""
        self.servers.send_signal(signal.SIGUSR1)

    def drop(self) -> None:
        """From now on nothing answers for licence checks: what a firewall that drops looks like."""
        self.namespace.configure([f"route add blackhole {LICENSING}/32 table local"])


@contextmanager
def built_world(host: RetoolHost) -> Iterator[World]:
    """All public addresses, reached by the services over their bridge and by the host over a link; servers on them."""
    with ExitStack() as stack:
        world = stack.enter_context(namespace(host.prefix + "world"))
        hub = Namespace(host.prefix + "hub")
        hub.configure(
            [f"link add world type veth peer name eth0 netns {world.name}", "link set world master bridge up"]
        )
        world.configure(
            [
                "address add 10.77.0.2/24 dev eth0",
                "address add fd00:77::2/64 dev eth0 nodad",
                "link set eth0 up",
                *(f"route add local {network} dev lo" for network in PUBLIC_NETWORKS),
            ]
        )
        for name in SERVICES:
            inside = Namespace(host.service(name).netns)
            inside.configure(["route replace default via 10.77.0.2", "route replace default via fd00:77::2"])
        stack.enter_context(linked_to_the_machine(world, "eth0", "10.79.0.0", "10.79.0.1"))
        ip("route", "add", "default", "via", "10.79.0.1")
        certificate = host.ca_file.with_name("server.pem")
        servers = stack.enter_context(
            program(world, [str(PROGRAMS / "world.py"), "443,5432,123", str(certificate), SLACK])
        )
        names = stack.enter_context(program(world, [str(PROGRAMS / "dns_server.py"), NAMESERVER, str(host.zone.file)]))
        for each in (servers, names):
            first_line(each)
        yield World(world, servers)


def resolve_through(file: Path) -> None:
    """From now on the host, too, asks the name server of the outside; the mount is this run's own."""
    file.write_text(f"nameserver {NAMESERVER}\n")
    subprocess.run(["mount", "--bind", str(file), "/etc/resolv.conf"], check=True)


def ip(*arguments: str) -> None:
    """Configure the host's own network."""
    subprocess.run(["ip", *arguments], check=True)


def serve(host: RetoolHost) -> None:
    """What listens inside the containers."""
    for name, port in (("postgres", 5432), ("code-executor", 3004), ("workflows-backend", 3000)):
        argv = [sys.executable, "-P", str(PROGRAMS / "world.py"), str(port)]
        first_line(host.service(name).popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE))


def collect(history: Path, engine: FakeEngine) -> "subprocess.Popen[str]":
    """The collector on the host, as systemd starts it."""
    config = history.with_name("config.toml")
    config.write_text(CONFIG)
    config.with_name("allowlist.toml").write_text(ALLOWLIST)
    argv = [sys.executable, "-m", "tui", "--history", str(history), "--config", str(config), "collect"]
    environment = os.environ | engine.environment | {"INVOCATION_ID": "0" * 32}
    with history.with_name("stderr").open("w") as stderr:
        return subprocess.Popen(argv, env=environment, cwd=ROOT, stderr=stderr, text=True)


class Stage:
    """The services, with what they do."""

    def __init__(self, host: RetoolHost, containers: Containers, engine: FakeEngine, seconds: float) -> None:
        self._host = host
        self._containers = containers
        self._engine = engine
        self._seconds = seconds
        self._running: dict[Traffic, subprocess.Popen[str]] = {}
        self._main: dict[str, subprocess.Popen[str]] = {}

    def main_process(self, name: str) -> None:
        """The first process of a container, which lives as long as it does."""
        comm = COMMANDS.get(name, "node")
        code = f"import time; open('/proc/self/comm', 'w').write({comm!r}); time.sleep(100000)"
        self._main[name] = self._host.service(name).popen([sys.executable, "-c", code])

    def play(self, world: World) -> None:
        """All traffic of the scenario, each in its own time; then everything ends."""
        began, waiting = time.monotonic(), sorted(SCENARIO, key=lambda t: t.begins)
        turns = {0.12: self._upgrade, 0.45: world.cut, 0.57: world.drop, 0.8: self._lose_mail}
        while (part := (time.monotonic() - began) / self._seconds) < 1:
            for turn in [each for each in turns if each <= part]:
                turns.pop(turn)()
            while waiting and waiting[0].begins <= part:
                self._start(waiting.pop(0), part)
            time.sleep(0.2)

    def _start(self, traffic: Traffic, part: float) -> None:
        rest = (traffic.ends - part) * self._seconds + 60 * (traffic.ends == 1)
        if rest <= 0:
            return
        numbers = (traffic.port, traffic.every_s, traffic.hold_s, traffic.send, traffic.receive, rest)
        script = [str(PROGRAMS / "traffic.py"), traffic.process, *traffic.host_and_ip]
        argv = [sys.executable, "-P", *script, *map(str, numbers)]
        if traffic.service == HOST:
            self._running[traffic] = subprocess.Popen(argv, text=True)
        else:
            self._running[traffic] = self._host.service(traffic.service).popen(argv)

    def _lose_mail(self) -> None:
        """From now on the name of the mail service does not exist."""
        self._host.zone.remove(MAIL)

    def _upgrade(self) -> None:
        """A new container of api, with a new image, in the place of the old one."""
        old, service = self._containers.all["api"], self._host.service("api")
        again = [traffic for traffic in self._running if traffic.service == "api"]
        for child in (self._main["api"], *(self._running.pop(traffic) for traffic in again)):
            child.kill()
            child.wait()
        while old.pids():
            time.sleep(0.05)
        del self._engine.containers["api"]
        time.sleep(4)
        id = hashlib.sha256(f"{old.id} anew".encode()).hexdigest()
        folder = old.folder.with_name(Path(SHAPES["docker-systemd"].format(id=id)).name)
        folder.mkdir()
        new = replace(old, id=id, folder=folder, image=IMAGE)
        self._containers.all["api"], service.cgroup = new, folder
        self._engine.containers["api"] = listed(new)
        self.main_process("api")
        time.sleep(12)  # it takes its time to begin, and its files are read meanwhile
        for traffic in again:
            self._start(traffic, 0.14)


_THREADS = "open('/proc/self/comm', 'w').write('kthreadd'); import time; time.sleep(100000)"
"""Process 2 of the namespace stands for the kernel's own threads, by which the host's network is known."""


def enter() -> int:
    """Run this again in namespaces of its own; returns its exit status."""
    unshare = shutil.which("unshare")
    if unshare is None:
        raise SystemExit("This needs unshare (util-linux).")
    script = (
        f"{sys.executable} -c {shlex.quote(_THREADS)} & "
        f"hostname {NODE} && mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns && ip link set lo up && "
        f'echo {FIRST_PID} > /proc/sys/kernel/ns_last_pid && exec "$@"'
    )
    flags = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--uts"]
    again = [sys.executable, "-m", "tests.record_incident", *sys.argv[1:]]
    return subprocess.run(
        [unshare, *flags, "sh", "-c", script, "sh", *again], cwd=ROOT, env=os.environ | {INSIDE: "1"}
    ).returncode


if __name__ == "__main__":
    if os.geteuid() != 0:
        sys.exit("This needs root, for namespaces.")
    if INSIDE not in os.environ:
        sys.exit(enter())
    main(float(sys.argv[1]), Path(sys.argv[2]))
