"""Keep the record of what was watched: spans that grow while a source works, and end when it stops. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import replace

from tui.history.batch import CoverageSpan


class Coverage:
    """The growing spans of every source and namespace. What a method returns must be written."""

    def __init__(self, next_id: int) -> None:
        self._next_id = next_id
        self._growing: dict[tuple[str, str], CoverageSpan] = {}

    def watched(self, source: str, namespace: str, at_us: int, note: str) -> list[CoverageSpan]:
        """Say that a source works, with what it cannot see; another note begins another span."""
        key = (source, namespace)
        known = self._growing.get(key)
        if known is not None and known.note == note:
            self._growing[key] = replace(known, to_us=max(known.to_us, at_us))
            return []
        start = known.to_us if known is not None else at_us
        ended = [replace(known, growing=False)] if known is not None else []
        self._growing[key] = CoverageSpan(self._next_id, source, namespace, start, max(start, at_us), note)
        self._next_id += 1
        return [*ended, self._growing[key]]

    def beat(self, at_us: int) -> list[CoverageSpan]:
        """Say that everything that is watched is watched still; between two looks, too, a source watches."""
        self._growing = {key: replace(s, to_us=max(s.to_us, at_us)) for key, s in self._growing.items()}
        return list(self._growing.values())

    def stopped(self, source: str, namespace: str | None = None) -> list[CoverageSpan]:
        """Say that a source has stopped, in one namespace or in all: spans end where it was last known to work."""
        ended = [key for key in self._growing if key[0] == source and namespace in (None, key[1])]
        return [replace(self._growing.pop(key), growing=False) for key in ended]

    def gone(self, namespace: str, at_us: int) -> list[CoverageSpan]:
        """Say that a namespace has ended: there is nothing to watch any more, so that no hole begins."""
        ended = [key for key in self._growing if key[1] == namespace]
        spans = [self._growing.pop(key) for key in ended]
        return [replace(span, to_us=max(span.to_us, at_us), growing=False, gone=True) for span in spans]

    def marked(
        self, source: str, namespace: str, at_us: int, *, gone: bool, note: str = ""
    ) -> list[CoverageSpan]:  # fmt: skip
        """A moment in which a namespace that is not watched, for the reason noted, was found to be there, or to have
        ended."""
        moment = CoverageSpan(self._next_id, source, namespace, at_us, at_us, note, growing=False, gone=gone)
        self._next_id += 1
        return [moment]

    def left_behind(self, past: Iterable[CoverageSpan], unseen: Collection[str]) -> list[CoverageSpan]:
        """Of the spans of earlier collectors, those whose namespaces are not there any more: they ended meanwhile.

        ``unseen`` are there and cannot be watched.
        """
        there = {namespace for _, namespace in self._growing}.union(unseen)
        ended = (span for span in past if span.namespace and span.namespace not in there)
        return [replace(span, growing=False, gone=True) for span in ended]
