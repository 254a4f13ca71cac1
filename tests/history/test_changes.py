"""What changed of what runs is told of each container, whatever its parts."""

from tui.history.batch import KeptWorkload
from tui.history.changes import ChangeKind, changes
from tui.model.workload import Workload, WorkloadKind

OLD, NEW = "tryretool/backend:3.148.4", "tryretool/backend:3.196.2"


def kept(
    id: int, started: int, gone: int | None = None, *, image: str | None = OLD, role: str | None = "api",
    container: str = "retool-api-1", container_id: str | None = None, kind: WorkloadKind = WorkloadKind.CONTAINER,
    namespace: str = "", described: bool = True,
) -> KeptWorkload:  # fmt: skip
    told = Workload(namespace or f"net:[{id}]", kind, container_id or f"{id:064}", container, role, image, "retool",
                    described, 100 + id, (), started)  # fmt: skip
    return KeptWorkload(id, told, gone)


def words(*lives: KeptWorkload) -> list[tuple[int, str, str]]:
    return [(change.at_us, change.who, change.what) for change in changes(lives)]


def test_another_image_under_the_same_name_is_a_change_of_image() -> None:
    assert words(kept(1, 10, 50), kept(2, 60, image=NEW)) == [
        (60, "api", "image 3.148.4 → 3.196.2"),
        (10, "api", "started (image 3.148.4)"),
    ]


def test_the_same_image_again_is_a_restart() -> None:
    assert [change.kind for change in changes([kept(1, 10, 50), kept(2, 60)])] == [
        ChangeKind.RESTARTED,
        ChangeKind.STARTED,
    ]


def test_what_does_not_come_again_has_stopped() -> None:
    assert words(kept(1, 10, 50))[0] == (50, "api", "stopped")


def test_replicas_that_run_at_once_are_no_restarts() -> None:
    lives = [kept(1, 10, described=False), kept(2, 20, described=False), kept(3, 30, 40, described=False)]
    assert [change.kind for change in changes(lives)] == [ChangeKind.STARTED] * 3


def test_a_container_with_several_namespaces_is_one() -> None:
    lives = [kept(1, 10, container_id="a" * 64), kept(2, 20, 30, container_id="a" * 64)]
    assert words(*lives) == [(10, "api", "started (image 3.148.4)")]


def test_another_name_of_the_image_is_told_in_full() -> None:
    assert words(kept(1, 10, 50, image="a/x:1"), kept(2, 60, image="b/x:1"))[0][2] == "image a/x:1 → b/x:1"


def test_visitors_the_host_and_what_is_not_retool_s_are_left_out() -> None:
    assert not words(kept(1, 10, role="visitor", kind=WorkloadKind.VISITOR), kept(2, 10, role=None))
    assert not words(kept(3, 10, kind=WorkloadKind.HOST), kept(4, 10, kind=WorkloadKind.NAMESPACE))
