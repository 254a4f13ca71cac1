"""The containers of the host for tests: control groups as engines make them, an engine that tells of them, links."""

import http.client
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.host import RetoolHost, first_line
from tests.host.containers import SHAPES, Containers, refusal, writable_hierarchy
from tests.host.engine import FakeEngine, listed
from tests.host.layout import SERVICES

pytestmark = [pytest.mark.root, pytest.mark.skipif(refusal() is not None, reason=str(refusal()))]

WAIT = [sys.executable, "-c", "import sys; print('started', flush=True); sys.stdin.read()"]
FORK = """
import os, signal
if os.fork() == 0:
    signal.pause()
print("started", flush=True)
signal.pause()
"""


class Unix(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, timeout_s: float = 5) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def ask(engine: FakeEngine, path: str = "/containers/json", timeout_s: float = 5) -> Any:
    connection = Unix(engine.socket, timeout_s)
    try:
        connection.request("GET", path)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


@pytest.fixture
def containers(retool_host: RetoolHost) -> Iterator[Containers]:
    with Containers(retool_host) as made:
        yield made


@pytest.fixture
def engine(containers: Containers) -> Iterator[FakeEngine]:
    with FakeEngine(containers.all.values()) as running:
        yield running


@pytest.mark.parametrize("shape", SHAPES)
def test_what_a_service_starts_is_in_its_namespace_and_its_control_group(retool_host: RetoolHost, shape: str) -> None:
    api = retool_host.service("api")
    with Containers(retool_host, shape) as containers:
        container = containers.all["api"]
        with api.popen(WAIT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            first_line(child)
            assert container.pids() == [child.pid]
            lines = Path(f"/proc/{child.pid}/cgroup").read_text().splitlines()
            assert [line for line in lines if line.endswith("/" + SHAPES[shape].format(id=container.id))]
            assert Path(f"/proc/{child.pid}/ns/net").stat().st_ino == Path("/run/netns", api.netns).stat().st_ino
            assert b"SERVICE_TYPE=MAIN_BACKEND" in Path(f"/proc/{child.pid}/environ").read_bytes()


def test_what_is_held_and_run_is_in_the_control_group_too(retool_host: RetoolHost, containers: Containers) -> None:
    api = retool_host.service("api")
    assert containers.all["api"].id in api.run(["cat", "/proc/self/cgroup"]).stdout
    with api.hold(["licensing.tryretool.com:443"]) as held:
        assert containers.all["api"].pids() == [held.pid]


def test_a_visitor_is_in_the_namespace_and_not_in_the_control_group(
    retool_host: RetoolHost, containers: Containers
) -> None:
    api = retool_host.service("api")
    with api.popen(WAIT, visitor=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        first_line(child)
        assert containers.all["api"].pids() == []
        assert Path(f"/proc/{child.pid}/ns/net").stat().st_ino == Path("/run/netns", api.netns).stat().st_ino


def test_nothing_is_left_of_containers_with_processes_in_them(retool_host: RetoolHost) -> None:
    with Containers(retool_host) as containers:
        api = retool_host.service("api")
        first_line(api.popen([sys.executable, "-c", FORK], stdout=subprocess.PIPE))
        pids = containers.all["api"].pids()
        assert len(pids) == 2
    hierarchy = writable_hierarchy()
    assert hierarchy is not None
    assert not list(hierarchy.glob(f"{retool_host.prefix.rstrip('-')}*"))
    assert api.cgroup is None
    assert "docker" not in api.run(["cat", "/proc/self/cgroup"]).stdout


def test_the_engine_tells_of_the_containers_as_compose_labels_them(containers: Containers, engine: FakeEngine) -> None:
    told = {one["Labels"]["com.docker.compose.service"]: one for one in ask(engine)}
    assert set(told) == set(SERVICES)
    executor = told["code-executor"]
    assert executor["Id"] == containers.all["code-executor"].id
    assert (executor["Names"], executor["State"]) == (["/retool-code-executor-1"], "running")
    assert executor["Labels"]["com.docker.compose.project"] == "retool"
    assert ask(engine, "/v1.41/containers/json?all=0") == ask(engine)


def test_the_engines_list_changes_while_it_runs(containers: Containers, engine: FakeEngine) -> None:
    engine.containers["api"].image = "tryretool/backend:3.149.0"
    engine.containers["jobs-runner"].state = "exited"
    del engine.containers["workflows-worker"]
    told = {one["Names"][0]: one for one in ask(engine)}
    assert set(told) == {"/retool-api-1", "/retool-code-executor-1"}
    assert told["/retool-api-1"]["Image"] == "tryretool/backend:3.149.0"
    assert "/retool-jobs-runner-1" in {one["Names"][0] for one in ask(engine, "/containers/json?all=true")}
    engine.containers["workflows-worker"] = listed(containers.all["workflows-worker"])
    assert len(ask(engine)) == 3


def test_an_engine_that_hangs_says_nothing_until_it_goes_on(engine: FakeEngine) -> None:
    engine.hang()
    with pytest.raises(TimeoutError):
        ask(engine, timeout_s=0.2)
    engine.go_on()
    assert len(ask(engine)) == len(SERVICES)


def test_another_path_is_not_found_and_what_was_asked_is_remembered(engine: FakeEngine) -> None:
    assert ask(engine, "/images/json") == {"message": "page not found"}
    assert engine.asked == ["/images/json"]
    assert engine.environment == {"DOCKER_HOST": f"unix://{engine.socket}"}


def test_a_linked_host_gives_every_service_an_id_on_the_machine_and_leaves_no_link() -> None:
    with RetoolHost(linked=True) as host:
        devices = links(host)
        assert len(devices) == len(SERVICES)
        assert all(one["operstate"] == "UP" and "link_netnsid" in one for one in devices)
        routes = host.service("api").run(["ip", "route", "show", "dev", "machine0"]).stdout.splitlines()
        assert [route.split()[0].rpartition("/")[2] for route in routes] == ["31"]
    assert links(host) == []


def links(host: RetoolHost) -> list[dict[str, Any]]:
    """The machine's ends of a host's links."""
    shown = subprocess.run(["ip", "-j", "link", "show", "type", "veth"], check=True, capture_output=True, text=True)
    unique = host.prefix.split("-")[2]
    return [one for one in json.loads(shown.stdout or "[]") if one.get("ifname", "").startswith(f"rt{unique}-")]
