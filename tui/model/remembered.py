"""Answers that are wanted again and again, remembered, and bounded whatever is asked."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar, TypeVarTuple, cast

KEY_MAX = 320
"""Bytes: a name has up to 253 (RFC 1035 §2.3.4). What is longer is made to be long, and does not come again."""
ANSWERS_MAX = 8_192

_Rest = TypeVarTuple("_Rest")
_Answer = TypeVar("_Answer")


def remembered(function: Callable[[bytes, *_Rest], _Answer]) -> Callable[[bytes, *_Rest], _Answer]:
    """The same pure function of a text, which knows what it said of those that came last, and of short ones only."""
    known = cast("Callable[[bytes, *_Rest], _Answer]", lru_cache(maxsize=ANSWERS_MAX)(function))

    @wraps(function)
    def answer(text: bytes, *rest: *_Rest) -> _Answer:
        return known(text, *rest) if len(text) <= KEY_MAX else function(text, *rest)

    return answer
