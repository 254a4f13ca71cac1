"""One value of a filter: which test it means under its key, and what fits that test. Splits no text into words."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network

from tui.model.address import parse_address
from tui.model.connection import Evidence, Outcome, Recorded, Verdict
from tui.model.text import clean

WORDS: Mapping[str, tuple[str, ...]] = {
    "verdict": tuple(Verdict),
    "outcome": tuple(Outcome),
    "evidence": tuple(Evidence),
    "protocol": ("tcp", "udp"),
    "recorded": tuple(Recorded),
}
"""Keys whose values are words of the glossary, compared whole."""

_NUMBERS = {"port": 65_535, "local_port": 65_535, "pid": 2**31 - 1}
_ADDRESSES = ("ip", "local_ip")
_TEXTS = ("host", "category", "role", "process", "user", "container", "namespace", "image", "rule", "source", "via")
KEYS = (*_TEXTS, *WORDS, *_NUMBERS, *_ADDRESSES)

_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
_RANGE = re.compile(r"([0-9]{1,10})(?:-([0-9]{1,10}))?")


class FilterError(ValueError):
    """A filter that cannot be read: what is wrong and what would be right, and the column (from 1) where."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__(f"Filter, column {column}: {message}")
        self.message = message
        self.column = column


def fold(text: str) -> str:
    """The text with A to Z in lower case and nothing else changed, as SQLite's `lower` does."""
    return text.translate(_LOWER)


@dataclass(frozen=True, slots=True)
class Contains:
    """The value holds this text, which is folded already."""

    text: str

    def fits(self, value: object) -> bool:
        return self.text in fold(str(value))


@dataclass(frozen=True, slots=True)
class Equals:
    """The value is this word, which is folded already."""

    text: str

    def fits(self, value: object) -> bool:
        return self.text == value


@dataclass(frozen=True, slots=True)
class Regex:
    """The pattern, which Python's `re` accepts, is found somewhere in the value's text; case does not count."""

    pattern: str

    def fits(self, value: object) -> bool:
        return re.search(self.pattern, str(value), re.IGNORECASE) is not None


@dataclass(frozen=True, slots=True)
class Range:
    """The value is a number from `low` to `high`, both included."""

    low: int
    high: int

    def fits(self, value: object) -> bool:
        return isinstance(value, int) and self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Network:
    """The value is the text of an address in the network; v4-mapped ones count as IPv4 on both sides."""

    network: IPv4Network | IPv6Network

    def fits(self, value: object) -> bool:
        try:
            return parse_address(str(value)) in self.network
        except ValueError:
            return False


Test = Contains | Equals | Regex | Range | Network


class Quoting(StrEnum):
    """How a value was written."""

    BARE = "word"
    QUOTED = "quoted text"
    REGEX = "regular expression"


@dataclass(frozen=True, slots=True)
class Value:
    """A value as written, without its quotes or slashes, and the column of its first character."""

    text: str
    quoting: Quoting
    column: int


def free_test(value: Value) -> Test:
    return _pattern(value) if value.quoting is Quoting.REGEX else Contains(fold(value.text))


def key_test(key: str, value: Value) -> Test:
    if key in _NUMBERS:
        return _number(key, value)
    if value.quoting is Quoting.REGEX:
        return _pattern(value)
    if key in WORDS:
        return _word(key, value)
    return _network(value) if key in _ADDRESSES else Contains(fold(value.text))


def _pattern(value: Value) -> Test:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "possible nested set" and the like: the terminal is not ours to write on
            re.compile(value.text, re.IGNORECASE)
    except re.error as error:
        raise FilterError(
            f"The regular expression is wrong: {clean(error.msg)}.", value.column + (error.pos or 0)
        ) from None
    except (OverflowError, RecursionError, ValueError) as error:
        raise FilterError(f"The regular expression cannot be used: {clean(str(error))}.", value.column) from None
    return Regex(value.text)


def _word(key: str, value: Value) -> Test:
    word = fold(value.text)
    if word in WORDS[key]:
        return Equals(word)
    known = ", ".join(sorted(WORDS[key], key=lambda known: _likeness(word, known), reverse=True))
    raise FilterError(f'{key}: does not know "{clean(value.text, 40)}". Known are {known}.', value.column)


def _likeness(written: str, known: str) -> float:
    """From 0 to 1, and one more where the known word begins as the written one."""
    return known.startswith(written) + SequenceMatcher(None, written, known).ratio()


def _number(key: str, value: Value) -> Test:
    found = _RANGE.fullmatch(value.text)
    if found is None or value.quoting is Quoting.REGEX:
        raise FilterError(f"{key}: takes a number or a range, such as 443 or 1-1024.", value.column)
    low, high = int(found[1]), int(found[2] or found[1])
    if high > _NUMBERS[key] or low > _NUMBERS[key]:
        raise FilterError(f"{key}: goes from 0 to {_NUMBERS[key]}.", value.column)
    if low > high:
        raise FilterError(f"{key}: the range runs backwards; write {high}-{low}.", value.column)
    return Range(low, high)


def _network(value: Value) -> Test:
    try:
        network = ip_network(value.text, strict=False)
    except ValueError:
        raise FilterError("An address or a CIDR is needed, such as 10.0.0.0/8 or fd00::1.", value.column) from None
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    if mapped is None or network.prefixlen < 96:
        return Network(network)
    return Network(ip_network((mapped, network.prefixlen - 96)))
