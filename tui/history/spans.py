"""Reason about what was watched: join spans, find the holes between them. Pure."""

from collections.abc import Iterable

from tui.history.rows import Hole

JOIN_US = 2_000_000
"""Spans closer than this are one: a collector that is replaced at once leaves no hole worth telling."""


def holes(source: str, watched: Iterable[tuple[int, int]], from_us: int, to_us: int) -> list[Hole]:
    """The parts of ``from_us``..``to_us`` that no watched span covers, oldest first.

    ``watched`` must have the spans that come within ``JOIN_US`` of the time asked for. Up to ``JOIN_US`` at its edges
    is not told either, unless that is all of it.
    """
    joined = list[tuple[int, int]]()
    for start, end in sorted(watched):
        if joined and start <= joined[-1][1] + JOIN_US:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    edges = [from_us, *(min(max(edge, from_us), to_us) for span in joined for edge in span), to_us]
    gaps = list(zip(edges[::2], edges[1::2], strict=True))
    told = [(a, b) for a, b in gaps if b - a > JOIN_US]
    if not told and not any(start <= to_us and end >= from_us for start, end in joined):
        told = [(from_us, to_us)]
    return [Hole(source, a, b) for a, b in told]
