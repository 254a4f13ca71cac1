"""The filter language: text to a frozen tree, and whether a row fits it. Knows no database, no clock and no screen.

    host:openai category:ai,"license checks" -role:api port:1-1024 ip:10.0.0.0/8 process:/^node/ "free text"

Words are AND, commas OR inside one key, a leading `-` negates, `/re/` is a regular expression of Python's `re`,
quotes hold spaces (`\\"` and `\\\\` inside them). What is unknown fits no word, hence every negated one. Case does not
count in the letters A to Z, as in SQLite; regular expressions ignore case altogether.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from tui.model.filter_value import (
    KEYS,
    Contains,
    Equals,
    FilterError,
    Network,
    Quoting,
    Range,
    Regex,
    Test,
    Value,
    fold,
    free_test,
    key_test,
)
from tui.model.text import clean

__all__ = [
    "FREE_COLUMNS",
    "KEYS",
    "Contains",
    "Equals",
    "Filter",
    "FilterError",
    "Network",
    "Range",
    "Regex",
    "Term",
    "Test",
]

LENGTH_MAX = 1_500
"""Characters of a filter: keeps its SQL below SQLite's limit of 1,000 nested expressions."""

FREE_COLUMNS = ("host", "ip", "process", "container", "role", "category", "rule")
"""The columns that free text looks at."""

_KEY = re.compile(r"([A-Za-z][A-Za-z_-]*):")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Term:
    """One word of a filter; `key` is None for free text, `column` (from 1) is where the word begins."""

    key: str | None
    negated: bool
    column: int
    tests: tuple[Test, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The export columns that the word looks at."""
        if self.key is None:
            return FREE_COLUMNS
        return ("host_evidence",) if self.key == "evidence" else (self.key,)

    def matches(self, row: Mapping[str, object]) -> bool:
        known = [value for value in map(row.get, self.columns) if value is not None]
        return any(test.fits(value) for value in known for test in self.tests) != self.negated


@dataclass(frozen=True, slots=True)
class Filter:
    """All words of a filter; the empty filter fits every row."""

    terms: tuple[Term, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Filter:
        """Read a filter. Raises FilterError."""
        return cls(_Reader(text).terms())

    @property
    def keys(self) -> frozenset[str]:
        """The keys that are used; free text has none."""
        return frozenset(term.key for term in self.terms if term.key is not None)

    def matches(self, row: Mapping[str, object]) -> bool:
        """Whether a row of export columns fits every word."""
        return all(term.matches(row) for term in self.terms)


class _Reader:
    """Reads the words of one text from left to right."""

    def __init__(self, text: str) -> None:
        if len(text) > LENGTH_MAX:
            raise FilterError(f"A filter has at most {LENGTH_MAX} characters.", LENGTH_MAX + 1)
        self._text = text
        self._at = 0

    def terms(self) -> tuple[Term, ...]:
        found: list[Term] = []
        while self._skip_space():
            found.append(self._term())
        return tuple(found)

    def _skip_space(self) -> bool:
        rest = self._text[self._at :].lstrip()
        self._at = len(self._text) - len(rest)
        return bool(rest)

    def _term(self) -> Term:
        column = self._at + 1
        negated = self._text[self._at] == "-"
        self._at += negated
        if self._ended():
            raise FilterError("A word must follow the - directly.", self._at + 1)
        named = _KEY.match(self._text, self._at)
        if named is None:
            test = free_test(self._value(" "))
            return Term(None, negated, column, (test,))
        key = _known_key(named[1], self._at + 1)
        self._at = named.end()
        return Term(key, negated, column, tuple(key_test(key, value) for value in self._values(key)))

    def _values(self, key: str) -> list[Value]:
        values: list[Value] = []
        while True:
            if self._ended(","):
                raise FilterError(f"{key}: needs a value here, without a space before it.", self._at + 1)
            values.append(self._value(","))
            if self._text[self._at : self._at + 1] != ",":
                return values
            self._at += 1

    def _value(self, separator: str) -> Value:
        first = self._text[self._at]
        value = {'"': self._quoted, "/": self._regex}.get(first, self._bare)(separator)
        if not value.text:
            raise FilterError(f"This {value.quoting} is empty.", value.column)
        if not self._ended(separator):
            raise FilterError("A space must follow here: put the whole value in quotes.", self._at + 1)
        return value

    def _bare(self, separator: str) -> Value:
        start = self._at
        while not self._ended(separator) and self._text[self._at] != '"':
            self._at += 1
        return Value(self._text[start : self._at], Quoting.BARE, start + 1)

    def _quoted(self, _separator: str) -> Value:
        found = _QUOTED.match(self._text, self._at)
        if found is None:
            raise FilterError('This " has no closing ".', self._at + 1)
        self._at = found.end()
        return Value(re.sub(r'\\(["\\])', r"\1", found[1]), Quoting.QUOTED, found.start(1) + 1)

    def _regex(self, separator: str) -> Value:
        start = self._at
        while not self._ended(None):
            self._at += 2 if self._text[self._at] == "\\" else 1
            if self._text[self._at : self._at + 1] == "/" and self._ended(separator, ahead=1):
                self._at += 1
                return Value(self._text[start + 1 : self._at - 1], Quoting.REGEX, start + 2)
        raise FilterError("This / begins a regular expression and has no closing /. Quote plain text.", start + 1)

    def _ended(self, separator: str | None = " ", ahead: int = 0) -> bool:
        """Whether a value ends here: at the text's end, a space or the separator; at the text's end only for None."""
        char = self._text[self._at + ahead : self._at + ahead + 1]
        return not char or (separator is not None and (char.isspace() or char == separator))


def _known_key(written: str, column: int) -> str:
    key = fold(written)
    if key in KEYS:
        return key
    near = get_close_matches(key.replace("-", "_"), KEYS, 1, 0.5)
    hint = f"Did you mean {near[0]}:?" if near else f"Known are {', '.join(KEYS)}."
    raise FilterError(f"There is no key {clean(written, 40)}. {hint} Put text with a colon in quotes.", column)
