"""When one of Retool's services sends much and gets little back."""

import time

import pytest

from tui.collector.alerts import AlertBook
from tui.collector.upload import KEYS_MAX, UploadWatch
from tui.model.alert import Alert, AlertKind, Finding, Urgency
from tui.model.times import HOUR_US

MB = 1_000_000
IP = "203.0.113.77"


def sent(watch: UploadWatch, hour: float, count: int, received: int = 0, destination: str = IP) -> Finding | None:
    at_us = round(hour * HOUR_US)
    return watch.add("code-executor", "code-executor", destination, 443, count, received, at_us)


def opened(finding: Finding | None) -> Alert:
    assert finding is not None
    return AlertBook((), 1).raise_(finding)


def test_twenty_five_megabytes_in_pieces_are_told_once_in_words() -> None:
    watch = UploadWatch()
    told = [sent(watch, 100 + piece / 10, 5 * MB, 1_000) for piece in range(9)]
    (finding,) = [each for each in told if each is not None]
    assert told.index(finding) == 4
    assert (finding.kind, finding.urgency, finding.role) == (AlertKind.UPLOAD, Urgency.ACT_NOW, "code-executor")
    assert finding.summary == "code-executor sent 25.0 MB to 203.0.113.77:443 in the last 24 h and got 5.0 kB back"


def test_it_counts_again_for_each_further_twenty_five_megabytes() -> None:
    watch = UploadWatch()
    assert sent(watch, 100, 48 * MB)
    assert sent(watch, 101, 24 * MB) is None
    again = sent(watch, 102, 1 * MB)
    assert again is not None
    assert "sent 73.0 MB" in again.summary


def test_what_gets_a_tenth_back_is_an_exchange_until_it_is_not() -> None:
    watch = UploadWatch()
    assert sent(watch, 100, 30 * MB, 4 * MB) is None
    assert sent(watch, 100, 10 * MB)


def test_what_is_older_than_a_day_is_not_added() -> None:
    watch = UploadWatch()
    assert sent(watch, 100, 24 * MB) is None
    assert sent(watch, 124, 24 * MB) is None
    assert sent(watch, 147, 1 * MB)


@pytest.mark.parametrize("destination", ["203.0.113.78", "2001:db8::1"])
def test_each_destination_counts_for_itself(destination: str) -> None:
    watch = UploadWatch()
    assert sent(watch, 100, 24 * MB) is None
    assert sent(watch, 100, 24 * MB, destination=destination) is None


def test_a_process_of_no_role_is_named_and_an_ipv6_address_is_readable() -> None:
    finding = UploadWatch().add("rsync", None, "2001:db8::1", 873, 26 * MB, 0, 0)
    assert finding is not None
    assert (finding.role, "rsync sent 26.0 MB to [2001:db8::1]:873" in finding.summary) == (None, True)


def test_a_restart_goes_on_with_what_the_record_has() -> None:
    watch = UploadWatch()
    watch.seed("code-executor", IP, 443, 98, 20 * MB, 0)
    watch.seed("code-executor", IP, 443, 100, 4 * MB, 0)
    finding = sent(watch, 101, 1 * MB)
    assert finding is not None
    assert "25.0 MB" in finding.summary


def test_a_restart_does_not_tell_again_what_was_told() -> None:
    before = UploadWatch()
    alert = opened(sent(before, 100, 30 * MB))
    after = UploadWatch([alert])
    after.seed("code-executor", IP, 443, 100, 30 * MB, 0)
    after.seed("code-executor", IP, 443, 102, 10 * MB, 0)
    assert sent(after, 103, 10 * MB) is None
    assert sent(after, 104, 5 * MB)


def test_too_many_destinations_push_out_the_small_ones_only() -> None:
    watch = UploadWatch()
    sent(watch, 100, 24 * MB)
    for number in range(KEYS_MAX + 10):
        sent(watch, 100, 100, destination=f"host-{number}")
    assert len(watch._sums) <= KEYS_MAX
    assert sent(watch, 101, 1 * MB)


def test_what_is_old_makes_room_first() -> None:
    watch = UploadWatch()
    for number in range(KEYS_MAX):
        sent(watch, 100, 100, destination=f"host-{number}")
    sent(watch, 130, 100)
    assert len(watch._sums) == 1


def test_ten_thousand_calls_take_a_small_part_of_a_second() -> None:
    watch = UploadWatch()
    began = time.process_time()
    for number in range(10_000):
        watch.add("api", "api", IP, number % 500, 700, 5_000, 100 * HOUR_US)
    assert time.process_time() - began < 0.25
