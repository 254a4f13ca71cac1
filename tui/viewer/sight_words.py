"""By what destinations can be named, in the few words that a status has room for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from tui.history.rows import Hole
from tui.model.diagnosis import Seen
from tui.model.times import MINUTE_US
from tui.output.holes import hole_words, names_of
from tui.output.name_sight import NameSight
from tui.viewer.snapshot import Snapshot
from tui.viewer.words import clock, plural, when


def sight_words(snapshot: Snapshot, now_us: int) -> tuple[str, tuple[str, ...]] | None:
    """The style, and the same in fewer and fewer words; None where nothing is watched."""
    sight = snapshot.names
    if sight is None or not sight.namespaces:
        return None
    if not sight.read:
        left = "look-ups" if sight.look_ups is Seen.YES else "ranges"
        why = sight.why or "no SNI or DNS"
        return "review", (f"names: {left} only, {why} (? tells)", f"names: {left} only", "no SNI")
    flaws = _flaws(snapshot, sight, now_us)
    ours = ", look-ups" if sight.look_ups is Seen.YES else ""
    if not flaws:
        return "text", (f"names: SNI, DNS{ours}", "names SNI+DNS", "SNI+DNS")
    said = [f"names: SNI, DNS{ours}; {', '.join(flaws)}", f"SNI+DNS; {', '.join(flaws)}", f"SNI+DNS, {flaws[0]}"]
    return "review", (*said, "SNI partly", "SNI+DNS?")


def sight_sentence(snapshot: Snapshot) -> str:
    """The whole of it, for the help; empty where nothing is watched."""
    sight = snapshot.names
    if sight is None or not sight.namespaces:
        return ""
    missing = ". Why not in all: retool-egress doctor" if sight.read < sight.namespaces else ""
    return f"destinations are named by: {sight.words}{missing}"


def _flaws(snapshot: Snapshot, sight: NameSight, now_us: int) -> list[str]:
    """What is amiss with packets, the worst first: not read in some namespaces, not read for a time, lost."""
    flaws = list[str]()
    if sight.read < sight.namespaces:
        flaws.append(f"in {sight.read} of {sight.namespaces}")
    if snapshot.unread:
        last = max(snapshot.unread, key=lambda hole: hole.to_us)
        words = span_words(last, names_of(snapshot.workloads), now_us)
        flaws.append(f"not {words}" if len(snapshot.unread) == 1 else f"{len(snapshot.unread)} holes, last {words}")
    if sight.lost_packets:
        flaws.append(f"{plural(sight.lost_packets, 'packet')} lost")
    return flaws


def span_words(hole: Hole, names: Mapping[str, str], now_us: int) -> str:
    """`02:10Z-02:22Z in api`, to the second where it is short or has just ended."""
    brief = hole.to_us - hole.from_us < 2 * MINUTE_US or when(hole.to_us, now_us) == "now"
    return hole_words(hole, names, clock if brief else partial(when, now_us=now_us))
