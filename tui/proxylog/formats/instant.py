"""Points in time, of which a line tells no more than a part. Pure; what is none is None."""

from datetime import UTC, datetime, timedelta, tzinfo

from tui.model.times import DAY_US, MINUTE_US, SECOND_US
from tui.proxylog.format import Clock

YEARS_BACK = 9
"""In which a day comes that every year has, and 29 February too (2096 to 2104 is the longest way)."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def iso_us(text: str, zone: tzinfo) -> int | None:
    """Of ISO 8601 (RFC 3339) with any number of decimals; what a microsecond cannot hold is dropped.

    :param zone: of a time that bears none
    """
    try:
        moment = datetime.fromisoformat(text)
        us = ((moment if moment.tzinfo else moment.replace(tzinfo=zone)) - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError):
        return None
    return us if us >= 0 else None


def without_year_us(
    month: int, day: int, hour: int, minute: int, second: int, clock: Clock, last_us: int | None
) -> int | None:
    """The latest such local time that is not after now. A day is given away: the two clocks may be set apart.

    :param last_us: the time of the line before, which tells the two hours apart that a change of the clock makes alike
    """
    try:
        this = (_EPOCH + clock.now_us * _MICROSECOND).astimezone(clock.zone).year
    except (ValueError, OverflowError):
        return None
    for year in range(this + 1, this - YEARS_BACK, -1):
        try:
            local = datetime(year, month, day, hour, minute, min(second, 59))  # noqa: DTZ001 - the clock has its zone
            us = _unfolded_us(local, clock, last_us)
        except (ValueError, OverflowError):
            continue
        if us <= clock.now_us + DAY_US:
            return us
    return None


def without_date_us(hour: int, minute: int, second: int, micros: int, clock: Clock, last_us: int | None) -> int | None:
    """The latest such local time that is not after now. A minute is given away: what is a day old looks like new.

    :param last_us: as above
    """
    try:
        today = (_EPOCH + clock.now_us * _MICROSECOND).astimezone(clock.zone).replace(tzinfo=None)
        at = today.replace(hour=hour, minute=minute, second=min(second, 59), microsecond=micros, fold=0)
        for days in (1, 0, -1, -2):
            us = _unfolded_us(at + timedelta(days=days), clock, last_us)
            if us <= clock.now_us + MINUTE_US:
                return us
    except (ValueError, OverflowError):
        pass
    return None


def _unfolded_us(local: datetime, clock: Clock, last_us: int | None) -> int:
    """Of two times that look alike (PEP 495): the second if that is about now, else what goes on from the last."""
    first = (local.replace(tzinfo=clock.zone) - _EPOCH) // _MICROSECOND
    second = (local.replace(tzinfo=clock.zone, fold=1) - _EPOCH) // _MICROSECOND
    age = clock.now_us - second
    if second <= first or age < -SECOND_US:
        return first
    if age <= 5 * MINUTE_US or last_us is None:
        return second
    return first if first >= last_us - 2 * SECOND_US else second
