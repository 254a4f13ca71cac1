"""What was watched and what was not: a hole is told exactly, and never where somebody looked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.history.spans import JOIN_US, Watched, holes

S = 1_000_000
SPAN = (100 * S, 200 * S)


def between(*watched: tuple[int, int], span: tuple[int, int] = SPAN) -> list[tuple[int, int]]:
    spans = [Watched("net:[1]", a * S, b * S) for a, b in watched]
    return [(h.from_us // S, h.to_us // S) for h in holes("sockets", spans, *span)]


@pytest.mark.parametrize(
    ("watched", "expected"),
    [
        ([], [(100, 200)]),
        ([(100, 200)], []),
        ([(0, 300)], []),
        ([(100, 150)], [(150, 200)]),
        ([(150, 200)], [(100, 150)]),
        ([(120, 130), (160, 170)], [(100, 120), (130, 160), (170, 200)]),
        ([(160, 170), (120, 130)], [(100, 120), (130, 160), (170, 200)]),
        ([(100, 150), (110, 120), (150, 200)], []),
        ([(100, 150), (152, 200)], []),
        ([(100, 150), (153, 200)], [(150, 153)]),
        ([(0, 50)], [(100, 200)]),
        ([(250, 300)], [(100, 200)]),
        ([(101, 199)], []),
    ],
)
def test_what_no_span_covers_is_a_hole(watched: list[tuple[int, int]], expected: list[tuple[int, int]]) -> None:
    assert between(*watched) == expected


def test_a_second_in_which_nobody_looked_is_a_hole_when_it_is_all_that_is_asked_for() -> None:
    assert between(span=(100 * S, 101 * S)) == [(100, 101)]
    assert between((0, 50), (150, 200), span=(100 * S, 101 * S)) == [(100, 101)]
    assert between(span=(100 * S, 100 * S)) == [(100, 100)]


def test_a_second_between_two_spans_that_count_as_one_is_none() -> None:
    assert between((50, 100), (101, 200), span=(100 * S + S // 4, 100 * S + S // 2)) == []


times = st.integers(0, 300).map(lambda s: s * S)


@given(st.lists(st.tuples(times, times).map(lambda pair: (min(pair), max(pair)))), times, times)
def test_every_second_is_in_a_hole_or_near_a_span_and_never_within_both(
    watched: list[tuple[int, int]], one: int, other: int
) -> None:
    begin, end = min(one, other), max(one, other)
    spans = [Watched("net:[1]", a, b) for a, b in watched]
    found = [(h.from_us, h.to_us) for h in holes("sockets", spans, begin, end)]
    assert found == sorted(found)
    for moment in range(begin, end + 1, S):
        in_hole = any(a < moment < b for a, b in found)
        inside = any(a < moment < b for a, b in watched)
        near = any(a - JOIN_US <= moment <= b + JOIN_US for a, b in watched)
        edge = moment - begin <= JOIN_US or end - moment <= JOIN_US
        assert not (in_hole and inside)
        assert in_hole or near or edge


ONE, OTHER = "net:[1]", "net:[2]"


def partial(*watched: tuple[str, int, int] | tuple[str, int, int, bool]) -> list[tuple[tuple[str, ...], int, int]]:
    """Holes as (namespaces, from, to) in seconds; spans as (namespace, from, to, ended with it)."""
    spans = [Watched(each[0], each[1] * S, each[2] * S, *each[3:]) for each in watched]
    return [(hole.namespaces, hole.from_us // S, hole.to_us // S) for hole in holes("sockets", spans, *SPAN)]


def test_a_namespace_that_was_not_watched_while_another_was_is_a_hole_of_its_own() -> None:
    assert partial((ONE, 100, 200), (OTHER, 100, 130), (OTHER, 160, 200)) == [((OTHER,), 130, 160)]


def test_a_namespace_that_is_no_longer_watched_and_has_not_ended_is_a_hole_as_long_as_anything_is_watched() -> None:
    assert partial((ONE, 100, 200), (OTHER, 100, 130)) == [((OTHER,), 130, 200)]
    assert partial((ONE, 100, 180), (OTHER, 100, 130)) == [((), 180, 200), ((OTHER,), 130, 180)]


def test_a_namespace_that_has_ended_leaves_no_hole() -> None:
    assert partial((ONE, 100, 200), (OTHER, 100, 130, True)) == []


def test_a_namespace_that_begins_later_was_no_hole_before() -> None:
    assert partial((ONE, 100, 200), (OTHER, 150, 200)) == []


def test_another_namespace_under_the_name_of_one_that_ended_leaves_no_hole_between_them() -> None:
    assert partial((ONE, 100, 200), (OTHER, 100, 130, True), (OTHER, 160, 200)) == []


def test_a_hole_in_a_namespace_that_ends_later_is_told() -> None:
    assert partial((ONE, 100, 200), (OTHER, 100, 120), (OTHER, 150, 160, True)) == [((OTHER,), 120, 150)]


def test_a_time_in_which_nothing_was_watched_is_one_hole_and_not_one_for_each_namespace() -> None:
    assert partial((ONE, 100, 130), (ONE, 160, 200), (OTHER, 100, 130), (OTHER, 160, 200)) == [((), 130, 160)]
