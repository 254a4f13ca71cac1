"""Read and write points in time and spans. Integer microseconds since the epoch, UTC; reads no clock of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from tui.model.text import clean

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
NOW_US = 10 * SECOND_US
"""Younger is "now": twice the pace at which counters of open connections are written, so that it does not flicker."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_ZERO = timedelta()
LAST_US = (datetime(9999, 1, 1, tzinfo=UTC) - _EPOCH) // _MICROSECOND
"""The beginning of the year 9999."""
_UNITS_US = {"s": SECOND_US, "m": MINUTE_US, "h": HOUR_US, "d": DAY_US, "w": 7 * DAY_US}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SPAN = re.compile(r"([0-9]{1,9})([smhdw])")
_CLOCK = re.compile(r"(?P<day>yesterday)?\s*(?P<clock>[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?(?:z|[+-][0-9:]+)?)?")
_TIME_HINT = "Write 2026-11-23T03:12Z, 2026-11-23, 2h, 3d, 02:13, yesterday 02:13 or now."
_SPAN_HINT = "Write a number and s, m, h, d or w, such as 30s, 10m, 12h or 3d."


class _HostZone(tzinfo):
    """The C library's idea of local time, at every instant and not only now (daylight saving; TZ of any form)."""

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        return None if moment is None else moment.replace(tzinfo=None).astimezone().utcoffset()

    def dst(self, moment: datetime | None) -> timedelta | None:
        return None

    def tzname(self, moment: datetime | None) -> str | None:
        return None if moment is None else moment.replace(tzinfo=None).astimezone().tzname()

    def fromutc(self, moment: datetime) -> datetime:
        there = moment.replace(tzinfo=UTC).astimezone()
        local = there.replace(tzinfo=self, fold=0)
        return local if local.utcoffset() == there.utcoffset() else local.replace(fold=1)


def host_zone() -> tzinfo:
    """The zone of this host, or of the environment variable TZ."""
    return _HostZone()


def parse_time(text: str, now_us: int, zone: tzinfo) -> int:
    """The point in time that a person wrote, in microseconds since the epoch.

    Takes ISO 8601 with or without a zone (without: `zone`), a date alone (its midnight), a span ago (`2h`, `3d`), a
    clock time (the latest such one not after `now_us`), `yesterday` with or without a clock time, and `now`.
    A local time that daylight saving skips or repeats is taken as PEP 495 reads it.
    Raises ValueError with a sentence that says what would be right.
    """
    word = " ".join(text.lower().split())
    try:
        moment_us = _moment(word, now_us, zone) if word.isascii() else None
    except (ValueError, OverflowError, OSError):
        moment_us = None
    if moment_us is None:
        raise ValueError(f'"{clean(text, 60)}" is not a time. {_TIME_HINT}')
    if not 0 <= moment_us < LAST_US:
        raise ValueError(f'"{clean(text, 60)}" is not between the years 1970 and 9998. {_TIME_HINT}')
    return moment_us


def parse_span(text: str) -> int:
    """The length in microseconds of `30s`, `10m`, `12h`, `3d` or `1w`. Raises ValueError with a sentence."""
    found = _SPAN.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError(f'"{clean(text, 60)}" is not a span of time. {_SPAN_HINT}')
    if not int(found[1]):
        raise ValueError(f'"{clean(text, 60)}" is no time at all. {_SPAN_HINT}')
    return int(found[1]) * _UNITS_US[found[2]]


def iso_utc(us: int) -> str:
    """ISO 8601 in UTC with microseconds: `2026-11-23T03:12:44.123456Z`. Raises OverflowError past the year 9999."""
    return _utc(us).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def short_utc(us: int, now_us: int) -> str:
    """UTC as short as is clear: `03:12:44Z` today, `19 Nov 03:12Z` this year, `19 Nov 2025` before."""
    moment, now = _utc(us), _utc(now_us)
    if moment.date() == now.date():
        return f"{moment:%H:%M:%S}Z"
    day = f"{moment.day} {_MONTHS[moment.month - 1]}"
    return f"{day} {moment:%H:%M}Z" if moment.year == now.year else f"{day} {moment.year:04}"


def ago(us: int, now_us: int) -> str:
    """How long before `now_us`, rounded down to two units: `now`, `40 s`, `4 min`, `3 d 19 h`; if ahead, `in 2 h`."""
    if abs(now_us - us) < NOW_US:
        return "now"
    return _span(now_us - us) if us < now_us else f"in {_span(us - now_us)}"


def echo_both(us: int, zone: tzinfo) -> str:
    """One moment in UTC and in `zone`: `2026-11-23 03:12:44Z (04:12:44 CET)`, the local date where it differs."""
    moment = _utc(us)
    local = moment.astimezone(zone)
    shown = f"{_date(moment)} {moment:%H:%M:%S}Z"
    if local.utcoffset() == _ZERO:
        return f"{shown} (local time is {local.tzname() or 'UTC'})"
    day = "" if local.date() == moment.date() else f"{_date(local)} "
    return f"{shown} ({day}{local:%H:%M:%S} {local.tzname() or 'local time'})"


def _utc(us: int) -> datetime:
    return _EPOCH + us * _MICROSECOND


def _date(moment: datetime) -> str:
    return moment.date().isoformat()


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _span(length_us: int) -> str:
    if length_us < MINUTE_US:
        return f"{length_us // SECOND_US} s"
    if length_us < HOUR_US:
        return f"{length_us // MINUTE_US} min"
    large, small = (DAY_US, HOUR_US) if length_us >= DAY_US else (HOUR_US, MINUTE_US)
    units = ("d", "h") if large == DAY_US else ("h", "min")
    rest = length_us % large // small
    return f"{length_us // large} {units[0]}" + (f" {rest} {units[1]}" if rest else "")


def _moment(word: str, now_us: int, zone: tzinfo) -> int | None:
    """The moment, or None where the word has no form that is known. Raises as datetime does for wrong numbers."""
    if word == "now":
        return now_us
    if _SPAN.fullmatch(word):
        return now_us - parse_span(word)
    found = _CLOCK.fullmatch(word)
    if found and word:
        clock = time.fromisoformat((found["clock"] or "00:00").upper())
        clock = clock if clock.tzinfo else clock.replace(tzinfo=zone)
        return _yesterday(clock, now_us) if found["day"] else _latest(clock, now_us)
    moment = datetime.fromisoformat(word.upper())
    return _micros(moment if moment.tzinfo else moment.replace(tzinfo=zone))


def _today(clock: time, now_us: int) -> date:
    return _utc(now_us).astimezone(clock.tzinfo).date()


def _yesterday(clock: time, now_us: int) -> int:
    return _micros(datetime.combine(_today(clock, now_us) - timedelta(days=1), clock))


def _latest(clock: time, now_us: int) -> int:
    """The latest moment not after now that shows this clock time; a repeated hour counts twice."""
    return max(moment for moment in _showing(clock, now_us) if moment <= now_us)


def _showing(clock: time, now_us: int) -> Iterator[int]:
    for days_back in range(3):
        day = _today(clock, now_us) - timedelta(days=days_back)
        for fold in (0, 1):
            yield _micros(datetime.combine(day, clock.replace(fold=fold)))
