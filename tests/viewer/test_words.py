"""Numbers, times and states fit their columns and say what they are."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.viewer.scene import NOW_US
from tui.model.connection import Outcome, Verdict, is_failed
from tui.model.times import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from tui.viewer.words import (
    ASCII,
    HOW,
    STATE_WIDTH,
    UNICODE,
    Glyphs,
    count,
    counted,
    fit,
    fit_middle,
    plain,
    plural,
    size,
    spark,
    verdict_words,
    when,
)


@pytest.mark.parametrize(
    ("given_bytes", "said"),
    [(0, "0 B"), (512, "512 B"), (2_100, "2.1 kB"), (48_200_000, "48.2 MB"), (999_960, "1.0 MB"), (None, "—")],
)
def test_bytes_are_said_in_decimal_units_and_a_dash_where_not_known(given_bytes: int | None, said: str) -> None:
    assert size(given_bytes) == said


@given(st.integers(0, 10**17))
def test_bytes_never_need_more_than_seven_characters(number: int) -> None:
    assert len(size(number)) <= 7


@given(st.integers(0, 10**9 - 1))
def test_a_count_never_needs_more_than_five_characters(number: int) -> None:
    assert len(count(number)) <= 5


@pytest.mark.parametrize(
    ("ago_us", "said"),
    [
        (3 * SECOND_US, "now"),
        (73 * SECOND_US, "03:11Z"),
        (23 * HOUR_US, "04:12Z"),
        (4 * DAY_US, "19 Nov"),
        (400 * DAY_US, "2025"),
        (-12 * HOUR_US, "15:12Z"),
    ],
)
def test_a_time_is_as_short_as_is_clear(ago_us: int, said: str) -> None:
    assert when(NOW_US - ago_us, NOW_US) == said


def test_a_line_of_activity_tells_none_from_not_recorded() -> None:
    assert spark([None, 0, 1, 4, 8]) == " ·▁▄█"
    assert spark([None, 0, 1, 4, 8], ASCII) == " .148"


def test_activity_is_measured_against_its_own_highest_step() -> None:
    assert spark([1, 2]) == "▄█"


@given(st.text(max_size=40), st.integers(0, 60))
def test_fitted_text_has_exactly_the_cells_it_was_given(text: str, width: int) -> None:
    assert cell_len(fit(text, width)) == width


def test_a_wide_character_is_never_cut_in_half() -> None:
    assert fit("数据数据", 6) == "数据… "


def test_a_long_name_keeps_its_domain_and_its_port() -> None:
    shown = fit_middle("bedrock-runtime.eu-central-1.amazonaws.com", 443, 30)
    assert shown.startswith("bedroc")
    assert shown.endswith("amazonaws.com:443")


def test_an_address_of_version_six_stands_in_brackets() -> None:
    assert fit_middle("2001:db8::77", 443, 24).rstrip() == "[2001:db8::77]:443"


def test_without_utf8_every_character_is_ascii() -> None:
    assert plain("größe · 数 → x…", ASCII).isascii()
    assert plain("größe", UNICODE) == "größe"


WAYS = (None, *(((outcome, 3),) for outcome in HOW))


@pytest.mark.parametrize("verdict", list(Verdict))
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
@pytest.mark.parametrize("failures", WAYS, ids=lambda ways: ways[0][0].value if ways else "reached")
def test_every_state_is_a_word_that_fits_its_column(
    verdict: Verdict, glyphs: Glyphs, failures: tuple[tuple[Outcome, int], ...] | None
) -> None:
    for loud, false, unresolved in product((True, False), repeat=3):
        _, words = verdict_words(
            verdict, failures=failures, loud=loud, false=false, unresolved=unresolved, glyphs=glyphs
        )  # fmt: skip
        assert cell_len(words) <= STATE_WIDTH
        assert len(words.split(" ", 1)[1]) >= 4


def test_only_what_is_allowed_and_reached_is_green() -> None:
    green = {v for v in Verdict if verdict_words(v, loud=False)[0] == "ok"}
    assert green == {Verdict.ALLOWED}
    assert verdict_words(Verdict.ALLOWED, failures=(), loud=False) == ("alarm", "✕ failing")
    assert verdict_words(Verdict.ALLOWED, loud=True) == ("alarm", "! upload")


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (Outcome.REFUSED, "refused"),
        (Outcome.TIMED_OUT, "no answer"),
        (Outcome.UNANSWERED, "no answer"),
        (Outcome.NO_REPLY, "no reply"),
        (Outcome.RESET, "cut off"),
        (Outcome.UNREACHABLE, "no route"),
    ],
)
def test_what_fails_is_said_in_the_operator_s_words(outcome: Outcome, said: str) -> None:
    ways = ((outcome, 1), (Outcome.REFUSED, 9))
    assert verdict_words(Verdict.ALLOWED, failures=ways, loud=False) == ("alarm", f"✕ {said}")


def test_failures_are_counted_by_how_they_failed_and_what_hangs_is_told_apart() -> None:
    ways = ((Outcome.UNANSWERED, 1), (Outcome.REFUSED, 4), (Outcome.TIMED_OUT, 2))
    assert counted(ways) == "1 hanging now, 4 refused, 2 no answer"


def test_every_way_to_fail_has_words() -> None:
    assert {outcome for outcome in Outcome if is_failed(outcome, 0)} == set(HOW)


def test_one_is_not_many() -> None:
    assert [plural(n, "change") for n in (0, 1, 2)] == ["0 changes", "1 change", "2 changes"]


def test_a_minute_is_not_now() -> None:
    assert when(NOW_US - MINUTE_US, NOW_US) != "now"
