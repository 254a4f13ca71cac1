"""The plot of each line of the services panel: connections opened, step by step, and where nothing was seen. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tui.model.times import HOUR_US, MINUTE_US
from tui.viewer.seen import whole
from tui.viewer.snapshot import STEP_MINUTES, STEPS, Snapshot


def steps_by_line(snapshot: Snapshot, line_of: Callable[[str], str]) -> Mapping[str, list[int | None]]:
    """Counts by line of the panel; the entry for "" is that of a line without any. ``line_of`` takes a category."""
    step_us = STEP_MINUTES * MINUTE_US
    end_us = (snapshot.at_us // MINUTE_US + 1) * MINUTE_US
    first_us = snapshot.recording.first_us if snapshot.recording else None
    unseen = [(hole.from_us, hole.to_us) for hole in whole(snapshot.holes) if hole.to_us > end_us - HOUR_US]
    unseen.append((0, end_us if first_us is None else first_us))
    empty: list[int | None] = []
    for step in range(STEPS):
        start = end_us - (STEPS - step) * step_us
        covered = any(a <= start and start + step_us <= b for a, b in unseen)
        empty.append(None if covered else 0)
    found: dict[str, list[int | None]] = {"": empty}
    for category, counts in snapshot.activity.items():
        line = found.setdefault(line_of(category), list(empty))
        for step, number in enumerate(counts):
            if number:
                line[step] = (line[step] or 0) + number
    return found
