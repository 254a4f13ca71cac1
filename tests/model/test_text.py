"""Outside text is inert once cleaned."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.model.text import clean

anything = st.one_of(st.text(st.characters(exclude_categories=()), max_size=400), st.binary(max_size=400))
limits = st.integers(1, 300)


def test_plain_text_stays_as_it_is() -> None:
    assert clean("api.openai.com:443 (node)") == "api.openai.com:443 (node)"


def test_letters_of_other_scripts_stay_as_they_are() -> None:
    assert clean("größe 数据 नमस्ते") == "größe 数据 नमस्ते"


def test_an_escape_sequence_loses_its_escape() -> None:
    assert clean("a\x1b[31mred\x1b]0;title\x07") == "a\ufffd[31mred\ufffd]0;title\ufffd"


@pytest.mark.parametrize(
    "char",
    [
        *("\x00", "\t", "\n", "\r", "\x7f", "\x85", "\x9b"),  # C0, DEL, C1
        *("\u202a", "\u202e", "\u2066", "\u2069", "\u200e", "\u200f", "\u061c"),  # bidi
        *("\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad"),  # zero width
        *("\u2028", "\u2029", "\u00a0", "\u3000"),  # line, paragraph, other spaces
        *("\ud800", "\udfff", "\ue000", "\U0010ffff", "\U000e0041"),  # surrogates, private, no character, tags
        *("\u3164", "\u2800", "\ufe0f", "\U000e0100", "\u034f"),  # printable by name, invisible in fact
    ],
)
def test_a_character_that_is_not_plainly_printable_becomes_the_replacement(char: str) -> None:
    assert clean(f"a{char}b") == "a\ufffdb"


def test_bytes_are_read_as_utf8_and_wrong_ones_are_replaced() -> None:
    assert clean("é".encode() + b"\xff\x1bz") == "é\ufffd\ufffdz"


def test_long_text_ends_in_an_ellipsis_at_the_limit() -> None:
    assert clean("abcdef", 4) == "abc…"
    assert clean("abcd", 4) == "abcd"
    assert len(clean("x" * 10_000)) == 255


def test_a_tower_of_marks_is_cut_to_three_and_a_sign_that_more_stood_there() -> None:
    assert clean("e" + "\u0300" * 500 + "x") == "e" + "\u0300" * 3 + "\ufffdx"


def test_a_mark_without_a_letter_cannot_join_what_stands_before_the_text() -> None:
    assert clean("\u0301abc") == "\ufffdabc"


def test_a_limit_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        clean("a", 0)


@settings(deadline=None)
@given(anything, limits)
def test_nothing_that_is_not_printable_is_left(value: str | bytes, limit: int) -> None:
    assert clean(value, limit).isprintable()


@settings(deadline=None)
@given(anything, limits)
def test_the_result_is_never_longer_than_the_limit(value: str | bytes, limit: int) -> None:
    assert len(clean(value, limit)) <= limit


@settings(deadline=None)
@given(anything, limits)
def test_cleaning_clean_text_changes_nothing(value: str | bytes, limit: int) -> None:
    once = clean(value, limit)
    assert clean(once, limit) == once


@settings(deadline=None)
@given(st.text(st.sampled_from("ab\u0300\u0301\u20dd \x1b\ufe0f"), max_size=60))
def test_no_more_than_three_marks_ever_follow_each_other(text: str) -> None:
    run = longest = 0
    for char in clean(text):
        run = run + 1 if unicodedata.category(char).startswith("M") else 0
        longest = max(longest, run)
    assert longest <= 3
