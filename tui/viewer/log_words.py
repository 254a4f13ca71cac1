"""How the logs of proxies are read, in the few words that a status has room for, and in sentences. Pure."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from tui.history.rows import Hole
from tui.model.size import size_text
from tui.output.log_sight import LogSight, hole_sentence
from tui.viewer.snapshot import Snapshot
from tui.viewer.words import plural, when


class _Flaw(NamedTuple):
    """What is amiss with a log."""

    words: str
    """Behind `proxy log`, or behind a number of them."""
    brief: str


_UNREADABLE = _Flaw("NOT READ", "log NOT READ")
_MISSING = _Flaw("not there", "log missing")
_UNKNOWN = _Flaw("in no known format", "log unknown")
_NAMELESS = _Flaw("without destinations", "log nameless")


def log_words(snapshot: Snapshot, now_us: int) -> tuple[str, tuple[str, ...]] | None:
    """The style, and the same in fewer and fewer words; None where no log is followed."""
    logs = snapshot.logs
    if not logs:
        return None
    flaws = Counter(flaw for log in logs if (flaw := _flaw(log, now_us)) is not None)
    whole = plural(len(logs), "proxy log")
    if not flaws:
        return "text", (whole, plural(len(logs), "log"))
    worst, number = min(flaws.items(), key=lambda item: _rank(item[0]))
    if len(logs) == 1:
        first = f"proxy log {worst.words}"
        return "review", (f"{first} (? tells)", first, worst.brief)
    others = [f"{count} {flaw.words}" for flaw, count in sorted(flaws.items(), key=lambda item: _rank(item[0]))]
    first = f"{number} of {len(logs)} proxy logs {worst.words}"
    return "review", (f"{whole}: {', '.join(others)} (? tells)", first, worst.brief)


def log_sentences(snapshot: Snapshot, now_us: int) -> list[str]:
    """The whole of it, for the help."""
    return [_sentence(log, now_us) for log in snapshot.logs]


def _sentence(log: LogSight, now_us: int) -> str:
    holes = [hole_sentence(hole, _span(hole, now_us)) for hole in log.holes]
    return "; ".join(filter(None, [f"proxy log {log.log.path}: {log.words}", log.lacks_words, *holes]))


def _span(hole: Hole, now_us: int) -> str:
    began, ended = when(hole.from_us, now_us), when(hole.to_us, now_us)
    return began if began == ended else f"{began}-{ended}"


def _flaw(log: LogSight, now_us: int) -> _Flaw | None:
    """The worst."""
    if log.is_unreadable:
        return _UNREADABLE
    if log.is_missing:
        return _MISSING
    if log.is_unknown:
        return _UNKNOWN
    if log.is_nameless:
        return _NAMELESS
    if log.is_behind:
        return _Flaw(f"{size_text(log.log.lag)} behind", "log behind")
    if log.is_away(now_us):
        return _Flaw(f"rotated away since {when(log.log.read_us, now_us)}", "log away")
    return _of_past(log, now_us)


def _of_past(log: LogSight, now_us: int) -> _Flaw | None:
    losses = [hole for hole in log.holes if hole.lost is not None]
    if losses:
        lost = sum(hole.lost or 0 for hole in losses)
        much = f"up to {size_text(lost)}" if lost else "an unknown number of bytes"
        return _Flaw(f"may lack {much}, {when(max(hole.to_us for hole in losses), now_us)}", "log lossy")
    if not log.holes:
        return None
    last = max(log.holes, key=lambda hole: hole.to_us)
    return _Flaw(f"not read {_span(last, now_us)}", "log hole")


_BRIEFS = tuple(flaw.brief for flaw in (_UNREADABLE, _MISSING, _UNKNOWN, _NAMELESS))


def _rank(flaw: _Flaw) -> tuple[int, str]:
    return (_BRIEFS.index(flaw.brief) if flaw.brief in _BRIEFS else len(_BRIEFS)), flaw.words
