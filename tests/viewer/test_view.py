"""The table's order holds still, and the filter decides what is in it."""

from dataclasses import replace

import pytest

from tui.history.rows import DestinationRow
from tui.model.connection import Verdict
from tui.model.filter import Filter
from tui.viewer.view import Sort, View, asked_for, changes_between, shown


def row(
    id: int,
    name: str = "",
    *,
    verdict: Verdict = Verdict.ALLOWED,
    last: int = 0,
    conns: int = 1,
    sent: int | None = None,
    failed_us: int | None = None,
) -> DestinationRow:
    named = name or f"host-{id}"
    return DestinationRow(id, named, True, 443, "api", "x", verdict, conns, 0, 0, sent, None, 0, last, failed_us, None)


def ids(view: View) -> list[int]:
    return [row.destination_id for row in view.rows]


OFF = Verdict.OFF_ALLOWLIST


def test_at_first_what_is_off_the_list_comes_first_then_what_was_seen_last() -> None:
    rows = [row(1, last=9), row(2, last=5, verdict=OFF), row(3, last=7, verdict=OFF), row(4, last=20)]
    assert ids(View().following(rows)) == [3, 2, 4, 1]


def test_what_is_loud_comes_before_what_waits_for_the_review() -> None:
    rows = [row(1, last=9, verdict=OFF), row(2, last=5, verdict=OFF)]
    assert ids(View().following(rows, frozenset({(2, "api", False)}))) == [2, 1]


def test_a_row_keeps_its_place_while_its_numbers_change() -> None:
    view = View(Sort.LAST_SEEN).following([row(1, last=9), row(2, last=5)])
    moved = view.following([row(1, last=9), row(2, last=50, conns=7)])
    assert ids(moved) == [1, 2]
    assert moved.rows[1].connections == 7


def test_a_new_row_comes_last_and_is_marked_until_the_next_sort() -> None:
    view = View(Sort.NAME).following([row(2), row(3)]).following([row(2), row(3), row(1)])
    assert ids(view) == [2, 3, 1]
    assert view.new == {(1, "api", False)}
    sorted_view = view.sorted(Sort.NAME)
    assert ids(sorted_view) == [1, 2, 3]
    assert not sorted_view.new


def test_a_row_that_is_gone_leaves_its_place() -> None:
    view = View(Sort.NAME).following([row(1), row(2), row(3)]).following([row(3), row(1)])
    assert ids(view) == [1, 3]


@pytest.mark.parametrize(
    ("sort", "order"),
    [(Sort.NAME, [1, 2, 3]), (Sort.LAST_SEEN, [3, 1, 2]), (Sort.CONNECTIONS, [2, 3, 1]), (Sort.BYTES, [3, 2, 1])],
)
def test_each_order_is_by_its_column(sort: Sort, order: list[int]) -> None:
    rows = [row(1, "a", last=5, conns=1), row(2, "b", last=1, conns=9, sent=10), row(3, "c", last=9, conns=4, sent=99)]
    view = View().following(rows).sorted(sort)
    assert ids(view) == order


def test_sorting_goes_through_every_order_and_round() -> None:
    seen, sort = [], Sort.ATTENTION
    for _ in Sort:
        seen.append(sort)
        sort = sort.next()
    assert set(seen) == set(Sort)
    assert sort is Sort.ATTENTION


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ("", [1]),
        ("verdict:internal", [1, 2]),
        ("verdict:not-judged", [1, 3]),
        ("verdict:internal,not-judged", [1, 2, 3]),
        ("-verdict:internal", [1]),
        ("host:internal", [1]),
        ("verdict:internal -verdict:not-judged", [1, 2]),
    ],
)
def test_what_is_not_judged_is_shown_only_when_the_filter_asks_for_it(filter: str, expected: list[int]) -> None:
    rows = [row(1), row(2, verdict=Verdict.INTERNAL), row(3, verdict=Verdict.NOT_JUDGED)]
    assert [r.destination_id for r in shown(rows, Filter.parse(filter))] == expected


def test_what_is_allowed_and_fails_comes_before_what_waits_for_the_review() -> None:
    rows = [row(1, last=9, verdict=OFF), row(2, last=5, failed_us=5), row(3, last=7), row(4, last=3, verdict=OFF)]
    assert ids(View().following(rows, frozenset({(4, "api", False)}))) == [4, 2, 1, 3]


def test_no_filter_asks_for_what_is_judged() -> None:
    assert asked_for(Filter.parse("verdict:allowed")) == frozenset()


def test_the_same_destination_of_two_roles_is_two_rows() -> None:
    other = replace(row(1), role="jobs-runner")
    assert len(View().following([row(1), other]).rows) == 2


def test_changes_count_what_is_new_or_different() -> None:
    before = [row(1), row(2)]
    assert changes_between(before, [row(1), row(2, conns=5), row(3)]) == 2
