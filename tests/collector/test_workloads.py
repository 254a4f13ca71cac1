"""What is recorded of what runs: when it came and went, and which image came after which."""

from collections.abc import Iterable

import pytest

from tests.history.sample import HOUR_US, START_US, workload
from tui.collector.workloads import QUOTED_US, WorkloadBook
from tui.history.batch import KeptWorkload
from tui.model.times import DAY_US
from tui.model.workload import VISITOR, Workload, WorkloadKind

OLD, NEW = "tryretool/backend:3.148.4", "tryretool/backend:3.196.2"


class Running:
    """A book, and what it has told to be written, by id."""

    def __init__(self, *past: KeptWorkload) -> None:
        self.book = WorkloadBook(len(past) + 1, past)
        self.kept: dict[int, KeptWorkload] = {}

    def learn(self, hour: float, *workloads: Workload) -> list[KeptWorkload]:
        changed = self.book.learn(workloads, at(hour))
        self.kept |= {each.id: each for each in changed}
        return changed

    def said(self, hour: float, role: str | None = "api", container: str | None = None) -> str | None:
        return self.book.change_before(role, container, at(hour))


def at(hour: float) -> int:
    return START_US + round(hour * HOUR_US)


def api(hour: float, image: str, number: str = "ab", **changes: object) -> Workload:
    """The api container that started at an hour; another number is another container of the same name."""
    return workload(started_us=at(hour), image=image, container_id=number * 32, namespace=f"net:[{number}]", **changes)


def test_what_comes_and_goes_is_one_entry_with_its_times() -> None:
    running = Running()
    (came,) = running.learn(0, api(0, OLD))
    assert (came.id, came.workload, came.gone_us) == (1, api(0, OLD), None)
    assert running.learn(1, api(0, OLD)) == []
    (went,) = running.learn(2)
    assert (went.id, went.gone_us) == (1, at(2))
    assert running.learn(3) == []


def test_what_becomes_better_known_stays_one_entry_that_began_when_it_was_first_seen() -> None:
    running = Running()
    running.learn(0, api(0, OLD, described=False, project=None, role=None))
    (better,) = running.learn(1, api(0.5, OLD))
    assert (better.id, better.workload) == (1, api(0, OLD))


def test_what_starts_again_in_its_place_is_another_entry() -> None:
    running = Running()
    running.learn(0, api(0, OLD))
    changed = running.learn(1, api(1, OLD, "cd"))
    assert {(each.id, each.gone_us) for each in changed} == {(1, at(1)), (2, None)}


def test_fifty_containers_up_and_down_are_fifty_entries_that_have_all_gone() -> None:
    running = Running()
    for number in range(50):
        running.learn(number, api(number, OLD, f"{number:02x}"))
    running.learn(50)
    assert sorted(running.kept) == list(range(1, 51))
    assert [running.kept[id].gone_us for id in sorted(running.kept)] == [at(number) for number in range(1, 51)]
    assert running.learn(51) == []


def test_another_image_under_the_same_name_is_quoted_in_words() -> None:
    running = Running()
    running.learn(0, api(0, OLD))
    running.learn(10, api(10, NEW, "cd"))
    expected = "api's image changed 5 h before (3.148.4 to 3.196.2)"
    assert running.said(15) == expected
    assert running.said(15, role=None, container="retool-api-1") == expected.replace("api's", "retool-api-1's")


def test_a_change_just_now_reads_so() -> None:
    running = Running()
    running.learn(0, api(0, OLD))
    running.learn(10, api(10, NEW, "cd"))
    assert running.said(10) == "api's image changed just before (3.148.4 to 3.196.2)"


@pytest.mark.parametrize("hour", [9.9, 10 + QUOTED_US / HOUR_US + 0.1])
def test_a_change_after_the_alert_or_long_before_it_is_not_quoted(hour: float) -> None:
    running = Running()
    running.learn(0, api(0, OLD))
    running.learn(10, api(10, NEW, "cd"))
    assert running.said(hour) is None


def test_of_two_changes_the_latest_is_quoted() -> None:
    running = Running()
    for hour, tag in ((0, "1"), (10, "2"), (20, "3")):
        running.learn(hour, api(hour, f"tryretool/backend:{tag}", f"{hour:02}"))
    assert running.said(21) == "api's image changed 1 h before (2 to 3)"


def test_the_same_image_again_is_no_change() -> None:
    running = Running()
    running.learn(0, api(0, OLD))
    running.learn(10, api(10, OLD, "cd"))
    assert running.said(15) is None


def test_another_role_and_another_project_change_nothing_here() -> None:
    running = Running()
    running.learn(0, api(0, OLD), api(0, OLD, "cd", container="other-api-1", project="other"))
    running.learn(10, api(0, OLD), api(10, NEW, "ef", container="other-api-1", project="other", role="other"))
    assert running.said(15) is None
    assert running.said(15, role="jobs-runner") is None


def test_a_change_across_two_collectors_is_quoted_too() -> None:
    running = Running(KeptWorkload(1, api(0, OLD), None))
    changed = running.learn(10, api(10, NEW, "cd"))
    assert {(each.id, each.gone_us) for each in changed} == {(1, at(10)), (2, None)}
    assert running.said(15) == "api's image changed 5 h before (3.148.4 to 3.196.2)"


def test_what_an_earlier_collector_saw_and_still_runs_is_no_news() -> None:
    running = Running(KeptWorkload(1, api(0, OLD), None))
    assert running.learn(10, api(0, OLD)) == []


def test_an_image_without_a_tag_is_named_and_one_by_digest_by_its_tag() -> None:
    running = Running()
    running.learn(0, api(0, "registry.corp:5000/retool"))
    running.learn(1, api(1, f"registry.corp:5000/retool:3@sha256:{'0' * 64}", "cd"))
    assert running.said(2) == "api's image changed 1 h before (retool to 3)"


def runs_since(workloads: Iterable[Workload]) -> int | None:
    book = WorkloadBook(1)
    book.learn(workloads, at(0))
    return book.retool_since()


def test_retool_runs_since_the_first_of_its_roles_that_run_now() -> None:
    assert runs_since([api(-2, OLD), api(-5, OLD, "cd"), Workload("net:[9]", WorkloadKind.HOST, started_us=1)]) == at(
        -5
    )
    assert runs_since([workload(kind=WorkloadKind.VISITOR, role=VISITOR)]) is None
    assert runs_since([]) is None


def test_a_week_is_how_long_a_change_is_quoted() -> None:
    assert QUOTED_US == 7 * DAY_US
