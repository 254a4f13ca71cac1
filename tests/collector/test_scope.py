"""What is judged: Retool and its siblings; everything, while no Retool has been seen."""

import pytest

from tests.history.sample import workload
from tui.collector.scope import Scope
from tui.model.connection import Origin
from tui.model.workload import VISITOR, Workload, WorkloadKind

API = workload(namespace="net:[1]")
HOST = Workload("net:[9]", WorkloadKind.HOST)


def container(namespace: str, project: str | None, *, described: bool = True) -> Workload:
    return workload(
        namespace=namespace, container_id=namespace[5:6] * 64, container=f"c-{namespace}", role=None, image=None,
        project=project, described=described,
    )  # fmt: skip


SIBLING = container("net:[2]", "retool")
STRANGER = container("net:[3]", "monitoring")
LONER = container("net:[4]", None)
UNDESCRIBED = container("net:[5]", None, described=False)
BARE = Workload("net:[6]", WorkloadKind.NAMESPACE)
EVERYTHING = (API, SIBLING, STRANGER, LONER, UNDESCRIBED, BARE, HOST)


def scope(*running: Workload, seen: bool = False) -> Scope:
    found = Scope("retool", retool_seen=seen)
    found.learn(running)
    return found


@pytest.mark.parametrize(
    ("workload", "judged"),
    [(API, True), (SIBLING, True), (STRANGER, False), (LONER, False), (UNDESCRIBED, True), (BARE, True), (HOST, False)],
)
def test_with_retool_on_the_host_its_own_project_is_judged_and_what_is_known_to_be_another_is_not(
    workload: Workload, judged: bool
) -> None:
    assert scope(*EVERYTHING).judges(workload.origin) is judged


@pytest.mark.parametrize("workload", EVERYTHING)
def test_all_means_all(workload: Workload) -> None:
    found = Scope("all", retool_seen=True)
    found.learn(EVERYTHING)
    assert found.judges(workload.origin)


def test_everything_is_judged_while_no_role_of_retool_was_ever_seen() -> None:
    found = scope(STRANGER, HOST)
    assert found.judges(STRANGER.origin)
    assert found.judges(HOST.origin)


def test_a_retool_that_was_seen_earlier_counts_also_while_it_is_down() -> None:
    assert not scope(STRANGER, HOST, seen=True).judges(HOST.origin)
    found = scope(API, HOST)
    found.learn([HOST])
    assert not found.judges(HOST.origin)


def test_a_visitor_makes_no_retool_and_is_judged() -> None:
    visitor = workload(kind=WorkloadKind.VISITOR, role=VISITOR, namespace="net:[3]")
    found = scope(visitor, HOST)
    assert found.judges(HOST.origin)
    found.learn([API, visitor, STRANGER, HOST])
    assert found.judges(visitor.origin)


def test_a_role_is_judged_also_where_it_shares_the_hosts_own_namespace() -> None:
    assert scope(*EVERYTHING).judges(Origin(HOST.namespace, "jobs-runner"))


def test_an_origin_that_is_not_known_is_judged() -> None:
    assert scope(*EVERYTHING).judges(Origin("net:[77]"))


def test_two_containers_in_one_namespace_are_judged_apart() -> None:
    stranger = workload(role=None, container="sidecar", container_id="cd" * 32, project="monitoring")
    found = scope(API, workload(), stranger)
    assert found.judges(workload().origin)
    assert not found.judges(stranger.origin)


def test_it_says_whether_what_is_judged_has_changed() -> None:
    found = Scope("retool", retool_seen=False)
    assert found.learn(EVERYTHING)
    assert not found.learn(EVERYTHING)
    assert found.learn([API, HOST])
    assert not found.learn([HOST])


def test_the_resolver_of_a_container_that_ended_before_its_file_was_read_is_one_that_another_uses() -> None:
    """Else each short job that asks a public resolver pages somebody."""
    found = scope(API)
    found.learn_resolvers({"net:[1]": frozenset({"198.51.100.53"}), "net:[2]": frozenset({"10.0.0.2"})})
    assert found.is_resolver("net:[7]", "198.51.100.53", 53)
    assert not found.is_resolver("net:[7]", "203.0.113.53", 53)
    assert not found.is_resolver("net:[7]", "198.51.100.53", 443)
    assert not found.is_resolver("net:[2]", "198.51.100.53", 53), "it has one of its own"
