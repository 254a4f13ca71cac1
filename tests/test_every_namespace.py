"""All containers of a host, end to end: who connected, what was blocked, what came and went, and what was lost."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.collectors import ROOT, Collecting
from tests.host import RetoolHost, children, first_line
from tests.host.containers import Containers, refusal
from tests.host.engine import FakeEngine, listed
from tests.host.firewall import drop
from tests.host.layout import MACHINE_LINKS
from tests.host.namespaces import unique_prefix
from tests.host.service import Service
from tui.history.read import Reader

pytestmark = [pytest.mark.root, pytest.mark.skipif(refusal() is not None, reason=str(refusal()))]

LICENSING = "licensing.tryretool.com"
LICENSING_IP = "203.0.113.10"
NOBODYS = "203.0.113.249"
"""An address that no test connects to."""
WAIT = "import sys; print('up', flush=True); sys.stdin.read()"
HOLD = """
import socket, sys, time
held = [socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10) for _ in range(int(sys.argv[3]))]
print("held", flush=True)
sys.stdin.read()
"""
SHORT = """
import socket, sys
for _ in range(int(sys.argv[3])):
    one = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10)
    one.close()
"""
TRY = """
import select, socket, sys
one = socket.socket()
one.setblocking(False)
one.connect_ex((sys.argv[1], 443))
print("trying", flush=True)
select.select([], [one], [], float(sys.argv[2]))
one.close()
"""
SEND = """
import socket, sys
one = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10)
block = bytes(65536)
for _ in range(int(sys.argv[3]) // len(block) + 1):
    one.sendall(block)
print("sent", flush=True)
sys.stdin.read()
"""
SINK = """
import socket, sys, threading
def swallow(one):
    while one.recv(1 << 20):
        pass
listening = socket.create_server(("0.0.0.0", int(sys.argv[1])))
print("ready", flush=True)
while True:
    threading.Thread(target=swallow, args=(listening.accept()[0],), daemon=True).start()
"""


class Deployment:
    """Four containers, their engine, and a collector that sees them all from the namespace of api."""

    def __init__(self, stack: ExitStack, directory: Path, *, config: str = "", linked: bool = False) -> None:
        self.host = stack.enter_context(RetoolHost(linked=linked))
        self.containers = stack.enter_context(Containers(self.host))
        self.engine = stack.enter_context(FakeEngine(self.containers.all.values()))
        self.api = self.host.service("api")
        self.collecting = Collecting(directory, self._start, config=config)
        self._stack = stack
        self._idle = {name: self.keep(self.host.service(name)) for name in self.containers.all}
        stack.callback(self._release)

    def _release(self) -> None:
        for child in self._idle.values():
            children.release(child)

    def _start(self, argv: Any, *, env: Any, cwd: Path, stdout: Any, stderr: Any) -> "subprocess.Popen[str]":
        return self.api.popen(
            argv, env=dict(env) | self.engine.environment, cwd=cwd, stdout=stdout, stderr=stderr, visitor=True
        )

    def keep(self, service: Service) -> "subprocess.Popen[str]":
        """A process that makes a container run."""
        child = service.popen(
            [sys.executable, "-c", WAIT],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        first_line(child)
        return child

    def stop(self, name: str) -> None:
        """End a container."""
        kill(self._idle.pop(name))
        del self.engine.containers[name]

    def upgrade(self, name: str, image: str) -> None:
        """End a container and start one of the same name from another image, as Compose does."""
        old = self.containers.all[name]
        self.stop(name)
        id = hashlib.sha256(image.encode()).hexdigest()
        folder = old.folder.with_name(old.folder.name.replace(old.id, id))
        folder.mkdir()
        self.containers.all[name] = new = replace(old, id=id, image=image, folder=folder)
        self.host.service(name).cgroup = folder
        self.engine.containers[name] = listed(new)
        self._idle[name] = self.keep(self.host.service(name))

    def rows(self, *words: str) -> list[dict[str, Any]]:
        """What was recorded of this deployment's namespaces."""
        own = {service.namespace for service in map(self.host.service, self.containers.all)}
        return [row for row in self.collecting.export(*words) if row["namespace"] in own]

    def alert(self, kind: str, state: str = "open") -> dict[str, Any] | None:
        """The newest alert of a kind in a state."""
        found = [a for a in self.collecting.alerts() if (a["kind"], a["state"]) == (kind, state)]
        return found[0] if found else None


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    with ExitStack() as stack:
        yield Deployment(stack, tmp_path)


def python(service: Service, code: str, *words: object, visitor: bool = False) -> "subprocess.Popen[str]":
    """Start a program in a service, and wait for its first line."""
    argv = [sys.executable, "-c", code, *map(str, words)]
    child = service.popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, visitor=visitor)
    first_line(child)
    return child


def kill(child: "subprocess.Popen[str]") -> None:
    child.kill()
    children.reap(child)


def test_a_held_connection_of_every_container_has_its_role_container_image_and_process(deployment: Deployment) -> None:
    with deployment.collecting:
        held = {
            name: python(deployment.host.service(name), HOLD, "203.0.113.77", 443, 1)
            for name in ("api", "jobs-runner", "workflows-worker", "code-executor")
        }
        rows = deployment.collecting.wait_for(lambda: len(found := deployment.rows("ip:203.0.113.77")) == 4 and found)
        by_role = {row["role"]: row for row in rows}
        assert set(by_role) == set(held)
        for name, row in by_role.items():
            assert (row["container"], row["image"]) == (f"retool-{name}-1", "tryretool/backend:3.148.2")
            assert (row["pid"], row["process"]) == (held[name].pid, "python")
            assert row["outcome"] == "open"
        for child in held.values():
            children.release(child)
        deployment.collecting.wait_for(
            lambda: all(row["outcome"] == "closed" for row in deployment.rows("ip:203.0.113.77"))
        )


def test_a_visitor_in_a_containers_namespace_is_never_the_role(deployment: Deployment) -> None:
    worker = deployment.host.service("workflows-worker")
    with deployment.collecting:
        visiting = python(worker, HOLD, "203.0.113.77", 443, 1, visitor=True)
        (row,) = deployment.collecting.wait_for(lambda: deployment.rows("ip:203.0.113.77"))
        assert (row["role"], row["container"]) == ("visitor", "retool-workflows-worker-1")
        short = worker.run([sys.executable, "-c", SHORT, "203.0.113.78", "443", "1"])
        assert short.returncode == 0, short.stderr
        (brief,) = deployment.collecting.wait_for(lambda: deployment.rows("ip:203.0.113.78"))
        assert brief["role"] in ("visitor+workflows-worker", "workflows-worker+visitor")
        children.release(visiting)


def test_a_container_that_starts_while_recording_is_seen_within_a_second_and_one_that_stops_leaves_no_hole(
    deployment: Deployment,
) -> None:
    deployment.stop("jobs-runner")
    with deployment.collecting:
        deployment.collecting.wait_for(lambda: deployment.collecting.watching())
        deployment.engine.containers["jobs-runner"] = FakeEngine(deployment.containers.all.values()).containers[
            "jobs-runner"
        ]
        held = python(deployment.host.service("jobs-runner"), HOLD, "203.0.113.77", 443, 1)
        began = time.time()
        (row,) = deployment.collecting.wait_for(lambda: deployment.rows("ip:203.0.113.77 role:jobs-runner"))
        seen = row["opened_before"]
        assert row["recorded"] == "live"
        assert seen is not None
        assert time.mktime(time.strptime(seen[:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone - began < 1.5
        kill(held)
        time.sleep(1)
        deployment.collecting.stop()
    assert deployment.collecting.run("find", "198.51.100.250").returncode == 1


def test_an_attempt_without_an_answer_shows_while_it_hangs_and_blocks_licence_checks_until_one_gets_through(
    deployment: Deployment,
) -> None:
    with deployment.collecting:
        with deployment.api.hold([f"{LICENSING}:443"]):
            deployment.collecting.wait_for(lambda: deployment.rows(f"host:{LICENSING}"))
        drop(deployment.api, LICENSING_IP)
        trying = python(deployment.api, TRY, LICENSING_IP, 60)
        (row,) = deployment.collecting.wait_for(lambda: deployment.rows("outcome:unanswered"))
        assert (row["host"], row["closed_at"]) == (LICENSING, None)
        alert = deployment.collecting.wait_for(lambda: deployment.alert("blocked"))
        assert alert["urgency"] == "act now"
        assert alert["summary"].startswith(f"License checks are being blocked: api gets no answer from {LICENSING}:443")
        kill(trying)
        deployment.collecting.wait_for(lambda: deployment.rows("outcome:timed-out"))
        undone = deployment.api.run(["ip", "route", "del", f"{LICENSING_IP}/32", "via", "10.77.0.250"])
        assert undone.returncode == 0, undone.stderr
        with deployment.api.hold([f"{LICENSING}:443"]):
            resolved = deployment.collecting.wait_for(lambda: deployment.alert("blocked", "resolved"))
        assert f"api reached {LICENSING}:443 again" in resolved["resolution"]


def test_an_alert_quotes_the_change_of_image_that_came_before_it(deployment: Deployment) -> None:
    with deployment.collecting:
        deployment.collecting.wait_for(lambda: workloads(deployment.collecting, "retool-api-1"))
        deployment.upgrade("api", "tryretool/backend:3.196.2")
        deployment.collecting.wait_for(lambda: len(workloads(deployment.collecting, "retool-api-1")) == 2)
        drop(deployment.api, LICENSING_IP)
        trying = python(deployment.api, TRY, LICENSING_IP, 60)
        alert = deployment.collecting.wait_for(lambda: deployment.alert("blocked"))
        assert alert["summary"].endswith("before (3.148.2 to 3.196.2)"), alert["summary"]
        assert "api's image changed" in alert["summary"]
        kill(trying)
        old, new = workloads(deployment.collecting, "retool-api-1")
        assert old[1] is not None
        assert new == ("tryretool/backend:3.196.2", None)


def test_a_role_that_sends_much_and_gets_little_back_raises_an_upload_while_it_still_sends(
    deployment: Deployment, tmp_path: Path
) -> None:
    outside = deployment.host.prefix + "outside"
    sink = subprocess.Popen(
        ["ip", "netns", "exec", outside, sys.executable, "-c", SINK, "9443"], stdout=subprocess.PIPE, text=True
    )
    try:
        first_line(sink)
        with deployment.collecting:
            sending = python(deployment.host.service("code-executor"), SEND, "203.0.113.77", 9443, 48_200_000)
            alert = deployment.collecting.wait_for(lambda: deployment.alert("upload"))
            assert (alert["role"], alert["urgency"]) == ("code-executor", "act now")
            assert "203.0.113.77:9443" in alert["summary"]
            (row,) = deployment.rows("port:9443")
            assert row["outcome"] == "open"
            assert row["bytes_sent"] >= 25_000_000
            children.release(sending)
            deployment.collecting.wait_for(lambda: deployment.rows("port:9443 outcome:no-reply"))
    finally:
        kill(sink)


def test_the_hosts_own_agents_are_recorded_and_not_judged_once_a_retool_role_was_seen(tmp_path: Path) -> None:
    """What the machine itself connects to stands for them: its link to a service, which this list counts as outside."""
    with ExitStack() as stack:
        config = '[internal]\nnetworks = ["127.0.0.0/8"]\n[names]\nforward = false\n'
        deployment = Deployment(stack, tmp_path, config=config, linked=True)
        there = address_of_link(deployment.api)
        with deployment.collecting:
            deployment.collecting.wait_for(lambda: deployment.collecting.watching())
            refused = subprocess.run([sys.executable, "-c", REFUSED_BY, there], capture_output=True, text=True)
            assert refused.returncode == 0, refused.stderr
            (row,) = deployment.collecting.wait_for(lambda: deployment.collecting.export(f"ip:{there}"))
            assert (row["verdict"], row["outcome"], row["role"]) == ("not-judged", "refused", None)
            assert [a for a in deployment.collecting.alerts() if a["destination"] == there] == []


def test_what_the_kernel_could_not_tell_is_counted_exactly_and_is_a_hole(deployment: Deployment) -> None:
    """A collector that is stopped meanwhile stands for a machine that cannot keep up."""
    number = 80_000
    worker = deployment.host.service("workflows-worker")
    deployment.collecting.config = "[names]\nforward = false\nwire = false\n"
    with deployment.collecting:
        os.kill(deployment.collecting.process.pid, signal.SIGSTOP)
        try:
            for part in range(4):
                done = worker.run([sys.executable, "-c", REFUSED, str(number // 4), str(part)], timeout_s=60)
                assert done.returncode == 0, done.stderr
        finally:
            os.kill(deployment.collecting.process.pid, signal.SIGCONT)
        deployment.collecting.wait_for(lambda: lost(deployment.collecting))
        deployment.collecting.wait_for(lambda: seen(deployment, worker) + lost(deployment.collecting) >= number)
        assert seen(deployment, worker) + lost(deployment.collecting) == number
        assert deployment.collecting.run("find", NOBODYS).returncode == 3
        alert = deployment.alert("coverage")
        assert alert is not None
        assert "lost" in alert["summary"]


REFUSED_BY = """
import socket, sys
one = socket.socket()
one.setblocking(False)
one.connect_ex((sys.argv[1], 9))
one.close()
"""
REFUSED = """
import socket, sys
for place in range(int(sys.argv[1])):
    one = socket.socket()
    one.setblocking(False)
    one.connect_ex(("10.77.0.1", 20000 + place % 20000))
    one.close()
"""


def seen(deployment: Deployment, service: Service) -> int:
    reader = subprocess.run(
        [sys.executable, "-c", COUNT, str(deployment.collecting.history), service.namespace],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return int(reader.stdout)


def lost(collecting: Collecting) -> int:
    reader = subprocess.run(
        [sys.executable, "-c", LOST, str(collecting.history)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return int(reader.stdout)


def workloads(collecting: Collecting, container: str) -> list[tuple[str | None, int | None]]:
    """The image and the end of each container of a name, in the order in which they came."""
    reader = Reader(collecting.history)
    try:
        found = [kept for kept in reader.workloads() if kept.workload.container == container]
    finally:
        reader.close()
    return [(kept.workload.image, kept.gone_us) for kept in found if kept.workload.kind == "container"][::-1]


COUNT = """
import sys
from pathlib import Path
from tui.history.read import Reader
sql = "SELECT count(*) FROM recorded WHERE namespace = ? AND protocol = 'tcp'"
print(Reader(Path(sys.argv[1])).db.execute(sql, (sys.argv[2],)).fetchone()[0])
"""
LOST = """
import sys
from pathlib import Path
from tui.history.read import Reader
sums = "SELECT coalesce(sum(events), 0) FROM loss WHERE source = 'sockets'"
print(Reader(Path(sys.argv[1])).db.execute(sums).fetchone()[0])
"""


@pytest.mark.parametrize("linked", [True, False])
def test_fifty_containers_up_and_down_leave_no_link_no_namespace_and_no_descriptor_behind(
    deployment: Deployment, linked: bool
) -> None:
    """`linked`: with a link to the collector's namespace, by which the kernel numbers it, as Docker's have."""
    prefix = unique_prefix()
    collector = deployment.api.netns
    with deployment.collecting:
        time.sleep(2)
        before = descriptors(deployment.collecting.process.pid)
        for round in range(50):
            name = f"{prefix}{round}"
            ip("netns", "add", name)
            if linked:
                ip("-n", collector, "link", "add", f"v{round}", "type", "veth", "peer", "name", "eth0", "netns", name)
            child = subprocess.Popen(
                ["ip", "netns", "exec", name, sys.executable, "-c", WAIT],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            first_line(child)
            if round % 10 == 0:
                time.sleep(1.2)
            ip("netns", "delete", name)
            kill(child)
        ends = time.monotonic() + 2.5
        while time.monotonic() < ends and (links(collector) or descriptors(deployment.collecting.process.pid) > before):
            time.sleep(0.1)
        assert links(collector) == []
        assert descriptors(deployment.collecting.process.pid) <= before


def address_of_link(service: Service) -> str:
    """The service's end of its link to the machine."""
    lines = service.run(["ip", "-4", "-o", "address"]).stdout.splitlines()
    return next(line.split()[3].partition("/")[0] for line in lines if f" {MACHINE_LINKS}." in line)


@pytest.mark.parametrize("stays_s", [2, 0])
def test_what_a_container_does_before_anybody_knows_of_it_is_recorded(tmp_path: Path, stays_s: int) -> None:
    """The kernel has a number for it and tells its ends; that it is there is found half a second later, or never."""
    with RetoolHost(linked=True) as host, Collecting(tmp_path, config="[names]\nforward = false\n") as collecting:
        worker = host.service("workflows-worker")
        code = f"{SHORT}import time; time.sleep({stays_s})"
        done = worker.run([sys.executable, "-c", code, "203.0.113.77", "443", "40"])
        assert done.returncode == 0, done.stderr

        def found() -> list[dict[str, Any]]:
            return [row for row in collecting.export("ip:203.0.113.77") if row["local_ip"] == worker.address]

        rows = collecting.wait_for(lambda: len(rows := found()) >= 40 and rows)
        assert len(rows) == 40
        if stays_s:
            assert {(row["namespace"], row["role"]) for row in rows} == {(worker.namespace, "workflows-worker")}


def ip(*words: str) -> str:
    return subprocess.run(["ip", *words], check=True, capture_output=True, text=True).stdout


def links(netns: str) -> list[str]:
    """The ends of links to namespaces that are there still."""
    lines = ip("-n", netns, "-o", "link", "show", "type", "veth").splitlines()
    return [line for line in lines if ": v" in line]


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))
