"""Reason about what was watched: join spans, find the holes between them. Pure."""

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from tui.history.rows import Hole

JOIN_US = 2_000_000
"""Spans closer than this are one: a collector that is replaced at once leaves no hole worth telling."""

Span = tuple[int, int]


class Watched(NamedTuple):
    """A time in which a namespace was watched."""

    namespace: str
    from_us: int
    to_us: int
    gone: bool = False
    """It ended because the namespace did."""


def holes(source: str, watched: Iterable[Watched], from_us: int, to_us: int) -> list[Hole]:
    """The parts of ``from_us``..``to_us`` in which nothing was watched, oldest first, then those in which a namespace
    was there and was not watched.

    ``watched`` must have the spans that come within ``JOIN_US`` of the time asked for. Up to ``JOIN_US`` at its edges
    is not told either, unless that is all of it.
    """
    spans = list(watched)
    joined = _join((span.from_us, span.to_us) for span in spans)
    blind = _gaps(joined, from_us, to_us)
    if not blind and not any(start <= to_us and end >= from_us for start, end in joined):
        blind = [(from_us, to_us)]
    return [Hole(source, a, b) for a, b in blind] + _partial(source, spans, blind, from_us, to_us)


def watched_us(spans: Iterable[Span]) -> int:
    """For how long anything was watched; times that lie within ``JOIN_US`` count as one."""
    return sum(end - start for start, end in _join(spans))


def _partial(source: str, spans: list[Watched], blind: list[Span], from_us: int, to_us: int) -> list[Hole]:
    """Where a namespace was not watched although others were. One ends with its namespace, or with all watching."""
    found = list[Hole]()
    last_us = min(max((span.to_us for span in spans), default=from_us), to_us)
    for namespace in sorted({span.namespace for span in spans}):
        mine = sorted(span for span in spans if span.namespace == namespace)
        end = to_us if mine[-1].gone else last_us
        seen = [*_join((s.from_us, s.to_us) for s in mine), *blind, *_pauses(mine)]
        if mine[-1].gone:
            seen.append((mine[-1].to_us, end))
        found += [Hole(source, a, b, (namespace,)) for a, b in _gaps(_join(seen), max(from_us, mine[0].from_us), end)]
    return found


def _pauses(mine: list[Watched]) -> list[Span]:
    """The times between the end of a namespace and the next one that the kernel called by the same name."""
    return [(a.to_us, b.from_us) for a, b in pairwise(mine) if a.gone]


def _join(spans: Iterable[Span]) -> list[Span]:
    joined = list[Span]()
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1] + JOIN_US:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _gaps(joined: list[Span], from_us: int, to_us: int) -> list[Span]:
    edges = [from_us, *(min(max(edge, from_us), to_us) for span in joined for edge in span), to_us]
    gaps = zip(edges[::2], edges[1::2], strict=True)
    return [(a, b) for a, b in gaps if b - a > JOIN_US]
