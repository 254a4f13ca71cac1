"""Keep the record of what was watched: spans that grow while a source works, and end when it stops. Pure."""

from dataclasses import replace

from tui.history.batch import CoverageSpan


class Coverage:
    """The open spans of every source and namespace."""

    def __init__(self, next_id: int) -> None:
        self._next_id = next_id
        self._open: dict[tuple[str, str], CoverageSpan] = {}

    def watched(self, source: str, namespace: str, at_us: int, note: str) -> CoverageSpan | None:
        """Say that a source works, with what it cannot see; returns a span that must be written now, if any."""
        key = (source, namespace)
        known = self._open.get(key)
        if known is not None and known.note == note:
            self._open[key] = replace(known, to_us=max(known.to_us, at_us))
            return None
        start = known.to_us if known is not None else at_us
        span = CoverageSpan(self._next_id, source, namespace, start, max(start, at_us), note)
        self._next_id += 1
        self._open[key] = span
        return span

    def stopped(self, source: str) -> list[CoverageSpan]:
        """Say that a source has stopped: its spans end where it was last seen to work, and a hole begins."""
        ended = [key for key in self._open if key[0] == source]
        return [self._open.pop(key) for key in ended]

    @property
    def open(self) -> tuple[CoverageSpan, ...]:
        """The spans as they now stand."""
        return tuple(self._open.values())
