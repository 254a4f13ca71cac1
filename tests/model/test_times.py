"""People write times in many ways; one moment comes out."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.model.times import ago, echo_both, host_zone, iso_utc, parse_span, parse_time, short_utc

BERLIN = ZoneInfo("Europe/Berlin")
DAY_US = 86_400_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def us(text: str) -> int:
    """The moment of an ISO 8601 text with a zone, by another way than the code under test."""
    since = datetime.fromisoformat(text) - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


NOW = us("2026-11-23T03:12:44.123456+00:00")


@pytest.fixture
def posix_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A host whose zone is no file but a POSIX rule."""
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("now", "2026-11-23T03:12:44.123456+00:00"),
        ("45s", "2026-11-23T03:11:59.123456+00:00"),
        ("30m", "2026-11-23T02:42:44.123456+00:00"),
        ("2h", "2026-11-23T01:12:44.123456+00:00"),
        ("3d", "2026-11-20T03:12:44.123456+00:00"),
        ("1w", "2026-11-16T03:12:44.123456+00:00"),
        ("2026-11-23T03:12:44.123456Z", "2026-11-23T03:12:44.123456+00:00"),
        ("2026-11-23T03:12+05:30", "2026-11-22T21:42:00+00:00"),
        ("2026-11-23T03:12", "2026-11-23T02:12:00+00:00"),
        ("2026-11-23 03:12:10", "2026-11-23T02:12:10+00:00"),
        ("2026-07-01 12:00", "2026-07-01T10:00:00+00:00"),
        ("20261123T031200Z", "2026-11-23T03:12:00+00:00"),
        ("2026-11-23", "2026-11-22T23:00:00+00:00"),
        ("02:13", "2026-11-23T01:13:00+00:00"),
        ("04:12", "2026-11-23T03:12:00+00:00"),
        ("04:13", "2026-11-22T03:13:00+00:00"),
        ("02:13:30", "2026-11-23T01:13:30+00:00"),
        ("02:58Z", "2026-11-23T02:58:00+00:00"),
        ("03:13Z", "2026-11-22T03:13:00+00:00"),
        ("yesterday 02:13", "2026-11-22T01:13:00+00:00"),
        ("Yesterday  02:13", "2026-11-22T01:13:00+00:00"),
        ("yesterday", "2026-11-21T23:00:00+00:00"),
        (" NOW ", "2026-11-23T03:12:44.123456+00:00"),
    ],
)
def test_a_time_that_a_person_writes_is_understood(text: str, moment: str) -> None:
    assert parse_time(text, NOW, BERLIN) == us(moment)


@pytest.mark.parametrize(
    "text",
    [
        *("", "soon", "25:00", "02:61", "2:13", "2026-13-01", "2026-02-30", "1.5h", "-2h", "0s", "3 days", "h"),
        *("０２:13", "yesterday noon", "2026-11-23T", "12:00+99:00", "1" * 5000 + "h"),
    ],
)
def test_what_is_no_time_is_refused_with_the_forms_that_are(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a time\. Write 2026-11-23T03:12Z, .* yesterday 02:13 or now"):
        parse_time(text, NOW, BERLIN)


@pytest.mark.parametrize("text", ["99999999w", "0001-01-01", "1969-12-31T23:59Z", "9999-12-31T23:59-23:00"])
def test_a_time_outside_the_calendar_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not between the years 1970 and 9998|is not a time"):
        parse_time(text, NOW, BERLIN)


def test_an_error_shows_hostile_text_inert() -> None:
    with pytest.raises(ValueError, match="is not a time") as caught:
        parse_time("\x1b]0;x\x07", NOW, BERLIN)
    assert str(caught.value).isprintable()


def test_the_hour_that_daylight_saving_repeats_is_the_latest_one_before_now() -> None:
    assert parse_time("02:30", us("2026-10-25T05:00:00+00:00"), BERLIN) == us("2026-10-25T01:30:00+00:00")
    assert parse_time("02:30", us("2026-10-25T01:00:00+00:00"), BERLIN) == us("2026-10-25T00:30:00+00:00")


def test_a_clock_time_that_daylight_saving_skips_is_still_a_moment_before_now() -> None:
    now = us("2026-03-29T12:00:00+00:00")
    assert us("2026-03-29T00:00:00+00:00") < parse_time("02:30", now, BERLIN) < now
    assert parse_time("2026-03-29T02:30", now, BERLIN) == us("2026-03-29T01:30:00+00:00")


@settings(deadline=None)
@given(st.integers(0, 23), st.integers(0, 59), st.integers(us("2020-01-01T00:00+00:00"), us("2030-01-01T00:00+00:00")))
def test_a_clock_time_is_never_ahead_and_at_most_a_day_and_an_hour_back(hour: int, minute: int, now: int) -> None:
    moment = parse_time(f"{hour:02}:{minute:02}", now, BERLIN)
    assert now - DAY_US - 3_600_000_000 <= moment <= now


@settings(deadline=None)
@given(st.text(max_size=30))
def test_any_text_is_a_time_or_a_value_error(text: str) -> None:
    try:
        parse_time(text, NOW, BERLIN)
    except ValueError as error:
        refusal = str(error)
    else:
        return
    assert "Write 2026-11-23" in refusal


@settings(deadline=None)
@given(st.integers(0, us("9998-12-31T00:00+00:00")))
def test_no_microsecond_is_lost_between_writing_and_reading(moment: int) -> None:
    assert parse_time(iso_utc(moment), NOW, BERLIN) == moment


def test_iso_utc_always_shows_six_digits_and_the_zone() -> None:
    assert iso_utc(NOW) == "2026-11-23T03:12:44.123456Z"
    assert iso_utc(0) == "1970-01-01T00:00:00.000000Z"


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("10m", 600), ("12h", 43_200), ("3d", 259_200), ("1w", 604_800), (" 2H ", 7_200)]
)
def test_a_span_is_understood(text: str, seconds: int) -> None:
    assert parse_span(text) == seconds * 1_000_000


@pytest.mark.parametrize("text", ["", "10", "m", "1h30m", "-3d", "1.5h", "3 d", "10min", "0s", "9" * 5000 + "s"])
def test_what_is_no_span_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="such as 30s, 10m, 12h or 3d"):
        parse_span(text)


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        ("2026-11-23T00:00:01+00:00", "00:00:01Z"),
        ("2026-11-22T21:40:59+00:00", "22 Nov 21:40Z"),
        ("2025-11-23T03:12:44+00:00", "23 Nov 2025"),
    ],
)
def test_a_short_time_says_as_much_as_is_needed_to_be_clear(moment: str, shown: str) -> None:
    assert short_utc(us(moment), NOW) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "now"),
        (9, "now"),
        (10, "10 s"),
        (59, "59 s"),
        (60, "1 min"),
        (4 * 60 + 59, "4 min"),
        (3_600, "1 h"),
        (5 * 3_600 + 12 * 60, "5 h 12 min"),
        (3 * 86_400 + 19 * 3_600 + 59, "3 d 19 h"),
        (4 * 86_400, "4 d"),
        (-9, "now"),
        (-7_200, "in 2 h"),
    ],
)
def test_an_age_is_told_in_at_most_two_units(seconds: int, shown: str) -> None:
    assert ago(NOW - seconds * 1_000_000, NOW) == shown


def test_a_moment_is_echoed_in_utc_and_in_local_time() -> None:
    assert echo_both(NOW, BERLIN) == "2026-11-23 03:12:44Z (04:12:44 CET)"


def test_the_local_date_is_told_where_it_is_another_one() -> None:
    assert echo_both(us("2026-11-22T23:30:00+00:00"), BERLIN) == "2026-11-22 23:30:00Z (2026-11-23 00:30:00 CET)"


def test_a_host_that_keeps_utc_says_so_instead_of_repeating() -> None:
    assert echo_both(NOW, UTC) == "2026-11-23 03:12:44Z (local time is UTC)"


def test_a_zone_without_a_name_is_told_by_its_offset() -> None:
    zone = timezone(timedelta(hours=-3))
    assert echo_both(NOW, zone) == "2026-11-23 03:12:44Z (00:12:44 UTC-03:00)"


@pytest.mark.usefixtures("posix_zone")
def test_the_host_zone_follows_daylight_saving_at_the_moment_in_question() -> None:
    zone = host_zone()
    assert parse_time("2026-07-01 12:00", NOW, zone) == us("2026-07-01T10:00:00+00:00")
    assert parse_time("2026-12-01 12:00", NOW, zone) == us("2026-12-01T11:00:00+00:00")
    assert echo_both(us("2026-07-01T10:00:00+00:00"), zone) == "2026-07-01 10:00:00Z (12:00:00 CEST)"


@pytest.mark.usefixtures("posix_zone")
@pytest.mark.parametrize("utc", ["2026-10-25T00:30:00+00:00", "2026-10-25T01:30:00+00:00", "2026-03-29T01:30:00+00:00"])
def test_the_host_zone_keeps_the_two_passes_of_a_repeated_hour_apart(utc: str) -> None:
    there = datetime.fromisoformat(utc).astimezone(host_zone())
    assert there - EPOCH == datetime.fromisoformat(utc) - EPOCH
    assert there.hour in (2, 3)
