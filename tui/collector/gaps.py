"""Whether somebody looked all the time. Owns two clocks and no observation."""

import time
from collections.abc import Callable

LONGEST_S = 10.0
"""A look, with the pause after it, may take this long or three intervals before it counts as a hole."""
CLOCK_STEP_S = 2.0


def _clocks() -> tuple[float, float]:
    return time.clock_gettime(time.CLOCK_BOOTTIME), time.time()


def booted_us() -> int:
    """When the machine was started, in µs of the epoch, by its clock of now."""
    return (time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME)) // 1000


class Gaps:
    """Compares the time since the last look with what a look may take; counts sleep of the machine too."""

    def __init__(self, interval_s: float, clocks: Callable[[], tuple[float, float]] = _clocks) -> None:
        """``clocks`` gives seconds since boot (clock_gettime(2), CLOCK_BOOTTIME) and since the epoch."""
        self._longest_s = max(3 * interval_s, LONGEST_S)
        self._clocks = clocks
        self._last: tuple[float, float] | None = None

    def looked(self) -> None:
        """Say that a look has been taken."""
        self._last = self._clocks()

    def jumped(self) -> bool:
        """True if the last look is too long ago, or the clock of the epoch was set since then."""
        if self._last is None:
            return False
        boot_s, epoch_s = self._clocks()
        passed_s = boot_s - self._last[0]
        return passed_s > self._longest_s or abs(epoch_s - self._last[1] - passed_s) > CLOCK_STEP_S
