"""Keep the record of what was watched: spans that grow while a source works, and end when it stops. Pure."""

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

    def stopped(self, source: str) -> list[CoverageSpan]:
        """Say that a source has stopped: its spans end where it was last known to work, and a hole begins."""
        ended = [key for key in self._growing if key[0] == source]
        return [replace(self._growing.pop(key), growing=False) for key in ended]
