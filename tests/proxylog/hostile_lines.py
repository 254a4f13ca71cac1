"""Lines of proxies' logs, changed by somebody who means harm, for ``tests.capture.wire_targets``."""

import random
from collections.abc import Sequence
from datetime import UTC

from tests.capture.hostile import mutated
from tests.proxylog.reading import is_inert
from tests.proxylog.samples import SAMPLES
from tests.proxylog.wrapping import ALL, Wrap
from tui.model.text import clean
from tui.model.times import DAY_US
from tui.proxylog.catalogue import formats_for
from tui.proxylog.format import RAW_MAX, Clock
from tui.proxylog.reading import SHOWN_MAX, Reading

FORMATS = tuple({each.name: each for sample in SAMPLES for each in formats_for(sample.word)}.values())
"""All, and one of an operator's own."""
_GOOD = [line for sample in SAMPLES for line in sample.lines[::5]]
_WRAPS: Sequence[Wrap] = (*ALL.values(), *[lambda line: [line]] * len(ALL))


class Log:
    """Lines into one reading, which remembers what came before."""

    RESTART_EVERY = 50

    def __init__(self) -> None:
        self._reading = Reading(FORMATS)
        self._count = 0

    def make(self, chance: random.Random) -> list[bytes]:
        """A line that was changed before it was wrapped, or after."""
        wrap = chance.choice(_WRAPS)
        if chance.random() < 0.5:
            return wrap(mutated(chance, _GOOD))
        return [mutated(chance, wrap(chance.choice(_GOOD)))]

    def check(self, lines: list[bytes]) -> None:
        """Take it in."""
        self._count += 1
        assert all(len(line) <= RAW_MAX for line in lines)
        clock = Clock(1_795_430_000_000_000 + self._count * 1_000, UTC)
        assert all(is_inert(request) for request in self._reading.read(lines, clock))
        shown = self._reading.counts.last_unparsed
        assert clean(shown, SHOWN_MAX) == shown
        if self._count % self.RESTART_EVERY == 0:
            assert all(is_inert(request) for request in self._reading.settle(clock.now_us + DAY_US))
            self._reading = Reading(FORMATS, self._reading.save())
