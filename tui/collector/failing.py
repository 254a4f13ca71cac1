"""What is told of failures in a row, whatever it was that failed. Pure; counts nothing itself."""

from collections.abc import Iterable
from dataclasses import replace

from tui.catalog import Service
from tui.collector.reach import is_or_are
from tui.model.alert import Finding, Urgency
from tui.model.times import SECOND_US, short_utc

STANDS_US = SECOND_US
"""A failure is told after this long without a success: IPv6 may fail where IPv4 works at once."""
FAILURES = 2
"""So many in a row are told; of a service with a stated cadence the first is."""
KEPT_MAX = 20_000
"""How many failing places are remembered."""


def is_regular(services: Iterable[Service]) -> bool:
    """True if one of the services must be reached from time to time."""
    return any(service.cadence_s is not None for service in services)


def urgency(services: Iterable[Service]) -> Urgency:
    """How soon somebody should look at an allowed destination that fails."""
    return Urgency.ACT_NOW if is_regular(services) else Urgency.TODAY


def summary(what: str, how: str, failures: int, first_us: int, now_us: int) -> str:
    """``License checks are being blocked: api is refused by …, 4 attempts in a row since 12:00:00Z``."""
    return f"{what} {is_or_are(what)} being blocked: {how}, {attempts(failures, first_us, now_us)}"


def attempts(failures: int, first_us: int, now_us: int) -> str:
    """``4 attempts in a row since 12:00:00Z``."""
    times = f"{failures} attempts in a row since" if failures > 1 else "1 attempt, at"
    return f"{times} {short_utc(first_us, now_us)}"


def untold(latest: Finding, failures: int, told: int, first_us: int) -> list[Finding]:
    """What the book has not counted yet; at first, the first failure on its own, so that the alert begins there."""
    more = failures - told
    if told or more == 1:
        return [replace(latest, times=more)]
    return [replace(latest, at_us=first_us, times=1), replace(latest, times=more - 1)]
