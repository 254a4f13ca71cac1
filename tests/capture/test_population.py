"""Who lives in which namespace: told from a /proc of files, and from real processes."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Set
from pathlib import Path

import pytest

from tests.capture.fake_proc import HOST_NS, NOW_US, OWN, A, B, FakeProc, docker
from tests.capture.running import running
from tests.host.namespaces import namespace, unique_prefix
from tui.capture.census import Census
from tui.capture.engine import Described
from tui.capture.population import ENVIRONMENTS_MAX, Population
from tui.capture.processes import Procfs
from tui.model.connection import Origin
from tui.model.workload import VISITOR, Workload, WorkloadKind

API = {"SERVICE_TYPE": "MAIN_BACKEND,DB_CONNECTOR"}
JOBS = {"SERVICE_TYPE": "JOBS_RUNNER"}
LOOK_US = 200_000
CGROUP_BASES = (Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup"))
CONTAINER, HOST, BARE = WorkloadKind.CONTAINER, WorkloadKind.HOST, WorkloadKind.NAMESPACE


class Names:
    """An engine that knows what a test gives it."""

    def __init__(self, **known: Described) -> None:
        self.known = known
        self.asked: list[Set[str]] = []

    def look(self, ids: Set[str]) -> Mapping[str, Described]:
        self.asked.append(ids)
        return {id: known for id, known in self.known.items() if id in ids}


class Watched:
    """A population over files, whose clock goes on by a fifth of a second with each scan."""

    def __init__(self, folder: Path) -> None:
        self.proc = FakeProc(folder)
        self.names = Names()
        self.at_us = NOW_US
        self.population = Population(str(folder), self.names, OWN)

    def scan(self, later_us: int = LOOK_US) -> Census:
        self.at_us += later_us
        return self.population.scan(self.at_us)

    def origin(self, pid: int) -> Origin | None:
        owner = self.population.owner(pid, self.at_us)
        return owner.origin if owner is not None else None


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def reads_of(really: Callable[[Procfs, int], object], monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The pids that a method of ``Procfs`` is asked for from now on."""
    read: list[int] = []

    def counted(self: Procfs, pid: int) -> object:
        read.append(pid)
        return really(self, pid)

    monkeypatch.setattr(Procfs, really.__name__, counted)
    return read


def only(census: Census, kind: WorkloadKind) -> Workload:
    (found,) = [workload for workload in census.workloads if workload.kind is kind]
    return found


def test_each_namespace_is_entered_by_its_oldest_process(watched: Watched) -> None:
    watched.proc.add(30, "net:[2]", docker(A), age_s=10)
    watched.proc.add(20, "net:[2]", docker(A), age_s=20)
    watched.proc.add(40, "net:[2]", docker(A), age_s=300)
    census = watched.scan()
    assert census.places == {HOST_NS: 1, "net:[2]": 40}
    assert census.pids == {HOST_NS: (1, OWN), "net:[2]": (40, 20, 30)}


def test_a_container_has_the_engine_s_names_and_the_role_of_its_environment(watched: Watched) -> None:
    watched.names.known = {A: Described("retool-api-1", "tryretool/backend", "retool", "api")}
    watched.proc.add(20, "net:[2]", docker(A), API | {"https_proxy": "http://u:secret@proxy:3128"}, age_s=50)
    found = only(watched.scan(), CONTAINER)
    assert (found.namespace, found.container_id, found.container) == ("net:[2]", A, "retool-api-1")
    assert (found.role, found.image, found.project) == ("api", "tryretool/backend", "retool")
    assert (found.described, found.pid, found.proxy) == (True, 20, (("https_proxy", "http://proxy:3128"),))
    assert abs(NOW_US - 50_000_000 - found.started_us) < 100_000


def test_a_process_that_comes_later_names_no_proxy_for_its_container(watched: Watched) -> None:
    """Whoever runs code there would have a server of his own believed like a proxy."""
    watched.proc.add(20, "net:[2]", docker(A), {"http_proxy": "http://proxy:3128"}, age_s=50)
    watched.proc.add(30, "net:[2]", docker(A), {"HTTPS_PROXY": "http://192.0.2.66:1"}, age_s=5)
    assert only(watched.scan(), CONTAINER).proxy == (("http_proxy", "http://proxy:3128"),)


def test_a_container_of_which_no_engine_tells_has_its_short_id_and_its_pod(watched: Watched) -> None:
    pod = "0f3c1d0e-5a3b-4c6d-8e9f-0123456789ab"
    watched.proc.add(20, "net:[2]", f"0::/kubepods/burstable/pod{pod}/{A}\n")
    found = only(watched.scan(), CONTAINER)
    assert (found.container, found.project, found.described) == (A[:12], pod, False)


def test_a_name_that_the_engine_tells_later_is_taken_up(watched: Watched) -> None:
    watched.proc.add(20, "net:[2]", docker(A))
    watched.scan()
    watched.names.known = {A: Described("late", None, None, None)}
    assert watched.scan().residents["net:[2]"].container == "late"


@pytest.mark.parametrize(
    ("service", "role"), [("code-executor", "code-executor"), ("postgres", "postgres"), ("evil", None), (None, None)]
)
def test_a_compose_service_is_a_role_only_if_it_is_one_of_retool_s(
    watched: Watched, service: str | None, role: str | None
) -> None:
    watched.names.known = {A: Described("x", None, "p", service), B: Described("y", None, "p", "api")}
    watched.proc.add(20, "net:[2]", docker(A), {"SERVICE_TYPE": "made up"})
    watched.proc.add(30, "net:[3]", docker(B), JOBS)
    assert watched.scan().residents["net:[2]"].role == role


@pytest.mark.parametrize(
    ("image", "role"),
    [("tryretool/backend:3.1", "api"), ("registry.corp/tryretool/backend", "api"), ("shop/api:1", None), (None, None)],
)
def test_another_project_s_service_called_api_is_none_of_retool_s(
    watched: Watched, image: str | None, role: str | None
) -> None:
    watched.names.known = {A: Described("shop-api-1", image, "shop", "api")}
    watched.proc.add(20, "net:[2]", docker(A))
    assert only(watched.scan(), CONTAINER).role == role


def test_an_environment_s_role_is_stronger_than_the_compose_service(watched: Watched) -> None:
    watched.names.known = {A: Described("x", None, "p", "api")}
    watched.proc.add(20, "net:[2]", docker(A), JOBS)
    assert only(watched.scan(), CONTAINER).role == "jobs-runner"


def test_what_runs_in_the_code_executor_cannot_take_another_service_s_role(watched: Watched) -> None:
    watched.names.known = {A: Described("x", "tryretool/code-executor-service:3.1", "p", "code-executor")}
    watched.proc.add(20, "net:[2]", docker(A))
    watched.proc.add(21, "net:[2]", docker(A), API, age_s=50)
    assert only(watched.scan(), CONTAINER).role == "code-executor"


def test_processes_of_one_container_make_one_role_of_all_their_services(watched: Watched) -> None:
    watched.proc.add(20, "net:[2]", docker(A), JOBS)
    watched.proc.add(21, "net:[2]", docker(A), API)
    watched.proc.add(22, "net:[2]", docker(A), {"SERVICE_TYPE": "DB_CONNECTOR"})
    assert only(watched.scan(), CONTAINER).role == "api+jobs-runner"


def test_a_namespace_that_a_container_nests_is_the_container_s(watched: Watched) -> None:
    image = "tryretool/code-executor-service:3.1"
    watched.names.known = {A: Described("executor", image, "retool", "code-executor")}
    watched.proc.add(20, "net:[2]", docker(A))
    watched.proc.add(21, "net:[3]", f"0::/system.slice/docker-{A}.scope/NSJAIL.21\n")
    residents = watched.scan().residents
    assert residents["net:[3]"] == Origin("net:[3]", "code-executor", "executor", image)
    assert watched.origin(21) == residents["net:[3]"]


def test_who_is_in_a_container_s_namespace_without_its_control_group_is_a_visitor(watched: Watched) -> None:
    watched.names.known = {A: Described("retool-api-1", "tryretool/backend", "retool", "api")}
    watched.proc.add(20, "net:[2]", docker(A), API)
    watched.proc.add(99, "net:[2]", "0::/user.slice/session-3.scope\n", JOBS, comm="curl", age_s=0.1)
    census = watched.scan()
    visitor = only(census, WorkloadKind.VISITOR)
    assert (visitor.role, visitor.container, visitor.container_id) == (VISITOR, "retool-api-1", A)
    assert (visitor.image, visitor.project, visitor.pid) == (None, "retool", 99)
    assert only(census, CONTAINER).role == "api"
    assert census.residents["net:[2]"] == Origin("net:[2]", "api+visitor", "retool-api-1")
    assert watched.origin(99) == Origin("net:[2]", VISITOR, "retool-api-1")
    assert watched.origin(20) == Origin("net:[2]", "api", "retool-api-1", "tryretool/backend")


def test_a_runtime_on_its_way_into_a_container_is_no_visitor_unless_it_stays(watched: Watched) -> None:
    watched.proc.add(20, "net:[2]", docker(A), API)
    watched.proc.add(99, "net:[2]", comm="runc:[2:INIT]", age_s=0.1)
    assert watched.scan().residents["net:[2]"].role == "api"
    assert watched.scan(3_000_000).residents["net:[2]"].role == "api+visitor"


def test_a_namespace_in_which_only_a_runtime_is_at_work_holds_no_workload_yet(watched: Watched) -> None:
    watched.proc.add(20, "net:[2]", comm="runc:[2:INIT]", age_s=0.1)
    census = watched.scan()
    assert [workload.namespace for workload in census.workloads] == [HOST_NS]
    assert census.residents["net:[2]"] == watched.origin(20) == Origin("net:[2]")
    watched.proc.add(20, "net:[2]", docker(A), API, age_s=0.1, program=2)
    assert watched.scan().residents["net:[2]"].role == "api"


def test_a_container_in_the_host_s_namespace_is_a_container_there_beside_one_host(watched: Watched) -> None:
    watched.proc.add(20, HOST_NS, docker(A), API)
    watched.proc.add(21, HOST_NS, comm="sshd")
    census = watched.scan()
    assert [(w.kind, w.role) for w in census.workloads] == [(CONTAINER, "api"), (HOST, None)]
    assert census.residents[HOST_NS] == Origin(HOST_NS, "api+host", A[:12])
    assert watched.origin(20) == Origin(HOST_NS, "api", A[:12])
    assert watched.origin(21) == Origin(HOST_NS)


def test_a_process_of_the_host_has_a_role_of_its_own_environment_and_the_host_has_none(watched: Watched) -> None:
    watched.proc.add(20, HOST_NS, environment=JOBS)
    assert watched.scan().residents[HOST_NS] == Origin(HOST_NS)
    assert watched.origin(20) == Origin(HOST_NS, "jobs-runner")


def test_a_namespace_without_a_container_has_the_role_of_its_processes(watched: Watched) -> None:
    watched.proc.add(20, "net:[2]", environment=JOBS)
    assert only(watched.scan(), BARE).origin == watched.origin(20) == Origin("net:[2]", "jobs-runner")


def test_containers_that_share_a_namespace_are_told_as_a_set_and_apart_by_process(watched: Watched) -> None:
    watched.names.known = {A: Described("b", "i", "p", None), B: Described("a", "i", "p", None)}
    watched.proc.add(20, "net:[2]", docker(A), JOBS)
    watched.proc.add(21, "net:[2]", docker(B), API)
    assert watched.scan().residents["net:[2]"] == Origin("net:[2]", "api+jobs-runner", "a+b", "i")
    assert watched.origin(20) == Origin("net:[2]", "jobs-runner", "b", "i")


def test_escape_sequences_never_become_names_or_roles(watched: Watched) -> None:
    evil = {"SERVICE_TYPE": "\x1b[2J", "HTTP_PROXY": "http://\x1b[2J:1"}
    watched.proc.add(20, "net:[2]", docker(A), evil, comm="\x1b[2J")
    found = only(watched.scan(), CONTAINER)
    owner = watched.population.owner(20, watched.at_us)
    assert found.role is None
    assert all(value.isprintable() for _, value in found.proxy)
    assert owner is not None
    assert owner.process.name == "�[2J"


def test_a_process_that_ends_leaves_its_namespace(watched: Watched) -> None:
    watched.proc.add(20, "net:[2]", docker(A))
    watched.scan()
    watched.proc.remove(20)
    census = watched.scan()
    assert set(census.places) == set(census.residents) == {HOST_NS}
    assert watched.origin(20) is None


def test_a_pid_that_is_used_again_is_another_process(watched: Watched) -> None:
    watched.proc.add(20, "net:[2]", docker(A), API, age_s=500)
    watched.scan()
    watched.proc.add(20, "net:[3]", docker(B), JOBS, age_s=-1)
    assert watched.origin(20) is None  # younger than what was seen
    watched.at_us += 1_500_000
    assert watched.origin(20) == Origin("net:[3]", "jobs-runner", B[:12])
    assert set(watched.scan().places) == {HOST_NS, "net:[3]"}


def test_a_young_process_that_moves_is_seen_in_the_next_scan_and_an_old_one_in_seconds(watched: Watched) -> None:
    watched.proc.add(20, "net:[2]", age_s=0.5)
    watched.proc.add(21, "net:[3]", age_s=500)
    watched.scan()
    watched.proc.add(20, "net:[4]", age_s=0.5)
    watched.proc.add(21, "net:[5]", age_s=500)
    assert set(watched.scan().places) == {HOST_NS, "net:[4]", "net:[3]"}
    assert set(watched.scan(5_000_000).places) == {HOST_NS, "net:[4]", "net:[5]"}


def test_what_a_young_process_executes_brings_its_environment(watched: Watched) -> None:
    watched.proc.add(20, "net:[2]", docker(A), age_s=0.2)
    assert only(watched.scan(), CONTAINER).role is None
    watched.proc.add(20, "net:[2]", docker(A), API, age_s=0.2, program=2)
    assert only(watched.scan(), CONTAINER).role == "api"


def test_a_clock_that_is_set_back_does_not_stop_the_looks(watched: Watched) -> None:
    watched.proc.add(20, "net:[2]", age_s=500)
    watched.scan()
    watched.proc.add(20, "net:[3]", age_s=500)
    assert "net:[3]" in watched.scan(-3_600_000_000).places


def test_where_nothing_changes_the_census_is_the_same_object(watched: Watched) -> None:
    watched.proc.add(20, "net:[2]", docker(A), API)
    first = watched.scan()
    assert watched.scan() is first
    assert watched.scan(5_000_000) is first


def test_a_known_process_is_not_read_in_every_scan(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    for pid in range(1000, 1050):
        watched.proc.add(pid, "net:[2]", docker(A), API)
    watched.scan()
    read = reads_of(Procfs.stat, monkeypatch)
    watched.scan()
    assert read == []
    for _ in range(25):
        watched.scan()
    assert set(range(1000, 1050)) <= set(read)


def test_of_a_container_without_a_role_no_more_than_twenty_environments_are_read(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = reads_of(Procfs.environment, monkeypatch)
    for pid in range(1000, 1015):
        watched.proc.add(pid, "net:[2]", docker(A))
    watched.scan()
    for pid in range(1015, 1040):
        watched.proc.add(pid, "net:[2]", docker(A))
    watched.scan()
    assert len(read) == ENVIRONMENTS_MAX


def test_once_a_role_is_known_no_newcomer_s_environment_is_read(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.proc.add(20, "net:[2]", docker(A), API)
    watched.scan()
    read = reads_of(Procfs.environment, monkeypatch)
    watched.proc.add(21, "net:[2]", docker(A), JOBS)
    assert only(watched.scan(), CONTAINER).role == "api"
    assert read == []


def test_a_role_stays_when_the_process_that_told_it_is_replaced(watched: Watched) -> None:
    for pid in range(1000, 1030):
        watched.proc.add(pid, "net:[2]", docker(A), API, age_s=100)
    watched.scan()
    for pid in range(1000, 1029):
        watched.proc.remove(pid)
    assert only(watched.scan(), CONTAINER).role == "api"


def test_the_collector_and_the_screen_that_started_it_are_no_visitors_and_who_comes_by_its_pid_later_is(
    tmp_path: Path,
) -> None:
    proc = FakeProc(tmp_path)
    proc.leave_first_namespace()
    proc.add(20, "net:[2]", docker(A), {"SERVICE_TYPE": "MAIN_BACKEND"})
    proc.add(OWN, "net:[2]")
    proc.add(99, "net:[2]", age_s=50)
    population = Population(str(tmp_path), None, OWN, screen_pid=99)
    assert population.scan(NOW_US).residents["net:[2]"].role == "api"
    proc.add(99, "net:[2]", age_s=1)
    assert population.scan(NOW_US + 6_000_000).residents["net:[2]"].role == "api+visitor"


def test_a_visitor_s_arrival_is_told_once(watched: Watched) -> None:
    watched.proc.add(20, "net:[2]", docker(A), API)
    assert watched.scan().arrived == frozenset()
    watched.proc.add(99, "net:[2]", age_s=0)
    assert watched.scan().arrived == {"net:[2]"}
    assert watched.scan().arrived == frozenset()


def test_a_process_that_moves_into_a_container_s_namespace_arrives_there(watched: Watched) -> None:
    watched.proc.add(20, "net:[2]", docker(A), API)
    watched.proc.add(99, HOST_NS, age_s=0.1)
    watched.scan()
    watched.proc.add(99, "net:[2]", age_s=0.1)
    assert watched.scan().arrived == {"net:[2]"}


def test_any_newcomer_arrives_where_several_share_a_namespace_and_nowhere_else(watched: Watched) -> None:
    for pid, id, place in ((20, A, "net:[2]"), (21, B, "net:[2]"), (22, "c" * 64, "net:[3]")):
        watched.proc.add(pid, place, docker(id))
    watched.scan()
    watched.proc.add(30, "net:[2]", docker(A))
    watched.proc.add(31, "net:[3]", docker("c" * 64))
    watched.proc.add(32, HOST_NS)
    assert watched.scan().arrived == {"net:[2]"}


def test_a_newcomer_that_an_owner_is_asked_of_first_still_arrives(watched: Watched) -> None:
    watched.proc.add(20, "net:[2]", docker(A), API)
    watched.scan()
    watched.proc.add(99, "net:[2]", age_s=0)
    assert watched.origin(99) == Origin("net:[2]", VISITOR, A[:12])
    assert watched.scan().arrived == {"net:[2]"}


def test_what_may_not_be_read_is_counted_and_left_out(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    really = Procfs.namespace

    def refuse(self: Procfs, pid: int) -> str:
        if pid in (1, 20):
            raise PermissionError
        return really(self, pid)

    monkeypatch.setattr(Procfs, "namespace", refuse)
    watched.proc.add(20, "net:[2]", docker(A))
    census = watched.scan()
    assert (census.unreadable, set(census.places)) == (2, {HOST_NS})
    assert only(census, HOST).namespace == HOST_NS  # our own, where pid 1 hides its own
    assert watched.origin(20) is None


def test_what_vanishes_while_it_is_read_was_never_there(watched: Watched) -> None:
    (watched.proc.root / "20").mkdir()
    (watched.proc.root / "self").mkdir()
    census = watched.scan()
    assert (census.unreadable, census.pids) == (0, {HOST_NS: (1, OWN)})


def test_the_host_s_namespace_is_that_of_pid_1_wherever_we_are(tmp_path: Path) -> None:
    proc = FakeProc(tmp_path)
    proc.leave_first_namespace()
    proc.add(OWN, "net:[7]")
    census = Population(str(tmp_path), None, OWN).scan(NOW_US)
    assert {w.namespace: w.kind for w in census.workloads} == {HOST_NS: HOST, "net:[7]": BARE}


def test_our_own_namespace_is_the_one_we_began_in_though_a_thread_is_elsewhere(watched: Watched) -> None:
    watched.scan()
    watched.proc.add(OWN, "net:[7]", age_s=1000)
    assert watched.scan(6_000_000).pids == {HOST_NS: (1, OWN)}


def test_a_proc_that_lists_nothing_leaves_ourselves(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Procfs) -> list[int]:
        raise PermissionError

    monkeypatch.setattr(Procfs, "pids", refuse)
    assert watched.scan().places == {HOST_NS: OWN}


def test_real_processes_are_found_by_their_namespace_name_and_start() -> None:
    with running(environment=JOBS) as pid:
        population = Population()
        now_us = time.time_ns() // 1000
        census = population.scan(now_us)
        owner = population.owner(pid, now_us)
    assert {pid, os.getpid()} <= set(census.pids[population.own_namespace])
    assert owner is not None
    assert 0 <= now_us - owner.process.started_us < 60_000_000


@pytest.fixture
def control_group() -> Iterator[Path]:
    """A control group such as Docker makes; skips where none can be made."""
    bases = [base for base in CGROUP_BASES if (base / "cgroup.procs").exists()]
    if not bases:
        pytest.skip("no control groups of version 2 here")
    group = bases[0] / f"docker-{os.urandom(32).hex()}.scope"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"control groups cannot be made here: {error}")
    yield group
    group.rmdir()


@pytest.mark.root
def test_a_real_service_in_a_real_control_group_and_a_visitor_beside_it_are_told_apart(control_group: Path) -> None:
    short = control_group.name.removeprefix("docker-")[:12]
    join = ["sh", "-c", f'echo $$ > {control_group}/cgroup.procs && exec "$@"', "sh"]
    with namespace(unique_prefix() + "who") as netns:
        enter = netns.argv([])
        with running(environment=API, before=join + enter) as api, running(environment=JOBS, before=enter) as curl:
            population, now_us = Population(), time.time_ns() // 1000
            census = population.scan(now_us)
            owners = {pid: population.owner(pid, now_us) for pid in (api, curl)}
            place = os.readlink(f"/proc/{api}/ns/net")
        left = population.scan(now_us + LOOK_US)
    assert set(census.pids[place]) == {api, curl}
    assert census.residents[place] == Origin(place, "api+visitor", short)
    assert {pid: owner and owner.origin.role for pid, owner in owners.items()} == {api: "api", curl: VISITOR}
    assert place not in left.places
