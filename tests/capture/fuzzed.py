"""Bytes that a parser must survive: anything at all, and good messages that something has happened to."""

import random
from collections.abc import Callable, Sequence

from hypothesis import strategies as st

from tui.capture.netlink import Malformed, Refused

Parser = Callable[[bytes], object]
INTERESTING = (0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 0x7F, 0x80, 0xFF)


def survives(parser: Parser, data: bytes) -> None:
    """Parse, and let no other error out than the two that callers know."""
    try:
        parser(data)
    except (Malformed, Refused):
        return


def mutations(good: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """One of the messages, or several of them, with up to eight bytes changed, and perhaps cut."""
    place = st.tuples(st.integers(0, 2**16), st.sampled_from(INTERESTING) | st.integers(0, 255))
    parts = st.lists(st.sampled_from(good), min_size=1, max_size=3)
    return st.builds(changed, parts, st.lists(place, max_size=8), st.integers(0, 64))


def changed(parts: Sequence[bytes], places: Sequence[tuple[int, int]], cut: int) -> bytes:
    """The parts joined, with these bytes at these places, and so many taken off the end (few of the cuts cut)."""
    data = bytearray(b"".join(parts))
    for at, value in places:
        data[at % len(data)] = value
    return bytes(data[: len(data) - max(0, cut - 48)])


def run(parsers: Sequence[tuple[Parser, Sequence[bytes]]], count: int, seed: int) -> None:
    """So many mutations, quickly and always the same."""
    chance = random.Random(seed)
    for _ in range(count):
        parser, good = chance.choice(parsers)
        parts = chance.choices(good, k=chance.randint(1, 3))
        places = [
            (chance.randrange(2**16), chance.choice((chance.choice(INTERESTING), chance.randrange(256))))
            for _ in range(chance.randint(0, 8))
        ]
        survives(parser, changed(parts, places, chance.randint(0, 64)))
