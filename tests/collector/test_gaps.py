"""When nobody looked."""

from tui.collector.gaps import CLOCK_STEP_S, LONGEST_S, Gaps


class Clocks:
    """Seconds since boot and since the epoch, moved by hand."""

    def __init__(self) -> None:
        self.boot_s, self.epoch_s = 100.0, 1_000.0

    def __call__(self) -> tuple[float, float]:
        return self.boot_s, self.epoch_s

    def pass_(self, seconds: float) -> None:
        self.boot_s += seconds
        self.epoch_s += seconds


def test_before_the_first_look_there_is_no_gap() -> None:
    assert not Gaps(1, Clocks()).jumped()


def test_a_look_may_take_a_while_and_a_sleeping_machine_is_a_gap() -> None:
    clocks = Clocks()
    gaps = Gaps(1, clocks)
    gaps.looked()
    clocks.pass_(LONGEST_S)
    assert not gaps.jumped()
    clocks.pass_(0.1)
    assert gaps.jumped()
    gaps.looked()
    assert not gaps.jumped()


def test_a_long_interval_is_no_gap() -> None:
    clocks = Clocks()
    gaps = Gaps(60, clocks)
    gaps.looked()
    clocks.pass_(61)
    assert not gaps.jumped()


def test_a_clock_that_is_set_is_a_gap_in_both_directions() -> None:
    for step_s in (3600.0, -3600.0):
        clocks = Clocks()
        gaps = Gaps(1, clocks)
        gaps.looked()
        clocks.pass_(1)
        clocks.epoch_s += step_s
        assert gaps.jumped()
    assert CLOCK_STEP_S < 3600
