"""Make outside text inert. Owns what may reach a terminal; refuses to know where text came from or goes to."""

from __future__ import annotations

import unicodedata

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
MARKS_MAX = 3
"""Combining marks kept in one run: enough for every living script, too few to climb out of a table row."""

_INVISIBLE = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0\U0001d159"  # joiner, fillers, blanks
    + "".join(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))  # variation selectors
)
"""Printable by their category, yet drawn as nothing or changing their neighbour (UCD, Default_Ignorable)."""


def clean(value: str | bytes, limit: int = 255) -> str:
    """The text with every character that is not plainly printable shown as U+FFFD, at most `limit` characters long.

    Printable is `str.isprintable`: no control or format characters (ESC, bidi, zero width), no line ends, surrogates,
    private use or unassigned code points, no space but U+0020. Bytes are read as UTF-8. Of a run of combining marks
    the first three stay and one U+FFFD stands for the rest. Longer text ends in an ellipsis. Idempotent.
    Raises ValueError when `limit` is below 1.
    """
    if limit < 1:
        raise ValueError(f"The limit must be at least 1, not {limit}.")
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    if not (text.isascii() and text.isprintable()):
        text = _inert(text, limit)
    return text if len(text) <= limit else text[: limit - 1] + ELLIPSIS


def _inert(text: str, limit: int) -> str:
    """The inert form, complete up to one character past `limit`, so that a long text costs no more than it shows."""
    kept: list[str] = []
    marks = 0
    for char in text:
        shown = char if char.isprintable() and char not in _INVISIBLE else REPLACEMENT
        if unicodedata.category(shown).startswith("M"):
            marks += 1
            if marks > MARKS_MAX + 1:
                continue
            if marks > MARKS_MAX or not kept:
                shown = REPLACEMENT
        else:
            marks = 0
        kept.append(shown)
        if len(kept) > limit:
            break
    return "".join(kept)
