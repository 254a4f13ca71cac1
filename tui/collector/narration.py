"""What the collector says to whoever started it, and its clock. Decides nothing."""

import sys
import time


def now_us() -> int:
    """The time, in microseconds since the epoch, UTC."""
    return time.time_ns() // 1000


def say(text: str) -> None:
    """Tell a sentence on stderr."""
    print(f"retool-egress: {text}", file=sys.stderr, flush=True)  # noqa: T201
