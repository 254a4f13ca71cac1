"""Lines of logs, whatever they are wrapped in, found to be in the format that they are in."""

import json
import time
from collections.abc import Sequence
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.proxylog.reading import HOSTILE, clock, is_inert, us
from tests.proxylog.samples import SAMPLES, Sample
from tests.proxylog.wrapping import ALL, SYSLOG, cri, docker, wrapped
from tui.model.request import Request
from tui.proxylog.catalogue import FORMATS, formats_for
from tui.proxylog.envelope import REPEATS_MAX
from tui.proxylog.format import LINE_MAX, RAW_MAX, Clock
from tui.proxylog.reading import RECENT_LINES, SHOWN_MAX, Reading

CLOCK = Clock(us("2026-11-23T11:00:00Z"), UTC)
LATER_US = us("2027-06-01T00:00:00Z")
SQUID = b"1795428518.343      8 172.18.0.3 TCP_TUNNEL/200 2498 CONNECT github.com:443 - HIER_DIRECT/198.51.100.26 -"
NGINX = b'172.18.0.3 - - [23/Nov/2026:10:29:29 +0000] "CONNECT github.com:443 HTTP/1.1" 200 2518 "-" "curl"'
TCPLOG = b"172.18.0.3:54046 [23/Nov/2026:10:20:37.910] sni_egress direct/clear 2/0/9 2483 -- 1/1/0/0/0 0/0"
NOTICE = b'NOTICE    Nov 23 10:16:23.441 [1210]: Proxying refused on filtered domain "evil.example"'
CPU_MAX_S = 0.05
"""For one line."""


def auto(saved: bytes = b"") -> Reading:
    return Reading(FORMATS, saved)


def read(reading: Reading, *lines: bytes) -> list[Request]:
    return reading.read(lines, CLOCK)


def all_of(reading: Reading, lines: Sequence[bytes]) -> list[Request]:
    """All that lines tell, and what waits after them."""
    requests = reading.read(lines, CLOCK)
    assert (reading.counts.unparsed, reading.counts.last_unparsed) == (0, "")
    return [*requests, *reading.settle(LATER_US)]


def by_its_own(sample: Sample) -> list[Request]:
    """What the reader of a log's own format makes of it."""
    form = next(each for each in formats_for(sample.format) if each.name == sample.format or ":" in sample.format)
    reader = form.begin(b"")
    told = [reader.read(line, CLOCK) for line in sample.lines]
    assert None not in told
    return [*(request for each in told for request in each or ()), *reader.settle(LATER_US)]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.file)
def test_every_log_tells_what_its_own_reader_tells_of_it(sample: Sample) -> None:
    reading = Reading(formats_for(sample.word))
    expected = by_its_own(sample)
    assert len(expected) > 70
    assert all_of(reading, sample.lines) == expected
    assert (reading.counts.lines, reading.counts.requests) == (len(sample.lines), len(expected))
    if sample.is_found:
        assert [each.name for each in reading.formats] == [sample.format]


@pytest.mark.parametrize("wrapping", ALL)
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.file)
def test_every_log_tells_the_same_when_it_is_wrapped(sample: Sample, wrapping: str) -> None:
    if "Docker" in wrapping:  # which replaces bytes that are no UTF-8
        sample_lines = [line.decode("utf-8", "replace").encode() for line in sample.lines]
        expected = Reading(formats_for(sample.word))
        want = [*expected.read(sample_lines, CLOCK), *expected.settle(LATER_US)]
    else:
        sample_lines, want = sample.lines, by_its_own(sample)
    assert all_of(Reading(formats_for(sample.word)), wrapped(sample_lines, ALL[wrapping])) == want


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.file)
def test_a_restart_anywhere_changes_nothing(sample: Sample) -> None:
    lines = wrapped(sample.lines, lambda line: cri(line, size=64))
    formats = formats_for(sample.word)
    requests, saved = list[Request](), b""
    for at in range(0, len(lines), 41):
        reading = Reading(formats, saved)
        requests += reading.read(lines[at : at + 41], CLOCK)
        saved = reading.save()
    requests += Reading(formats, saved).settle(LATER_US)
    assert sorted(map(repr, requests)) == sorted(map(repr, by_its_own(sample)))


@pytest.mark.parametrize("saved", [b"", b"\x00", b"nonsense", b"\x93\x90\x80\x80" + b"x"])
def test_what_was_saved_and_is_not_understood_is_begun_anew(saved: bytes) -> None:
    assert len(read(auto(saved), SQUID)) == 1


def test_a_proxy_that_is_not_asked_for_any_more_is_forgotten() -> None:
    reading = auto()
    read(reading, SQUID)
    other = Reading(formats_for("nginx"), reading.save())
    assert len(read(other, SQUID, NGINX)) == 1
    assert other.counts.unparsed == 1


def test_a_format_that_changes_in_mid_file_is_found_again() -> None:
    reading = auto()
    groups = [
        [SQUID] * 3, [NGINX] * 3, wrapped([TCPLOG] * 3, SYSLOG["RFC 3339"]), wrapped([SQUID] * 3, docker), [SQUID] * 3,
        wrapped([SQUID] * 3, SYSLOG["RFC 5424"]), wrapped([NGINX] * 3, cri), [TCPLOG] * 3,
    ]  # fmt: skip
    for lines in groups:
        assert len(read(reading, *lines)) == 3
    assert reading.counts.unparsed == 0
    assert [each.name for each in reading.formats] == ["haproxy-tcplog", "nginx-combined", "squid"]


def test_lines_of_several_formats_may_take_turns() -> None:
    logs = [sample for sample in SAMPLES if sample.is_found and "sslbump" not in sample.file]
    every = [sample.lines for sample in logs]
    in_turns = [lines[at] for at in range(max(map(len, every))) for lines in every if at < len(lines)]
    expected = [request for sample in logs for request in by_its_own(sample)]
    assert sorted(map(repr, all_of(auto(), in_turns))) == sorted(map(repr, expected))


def test_several_alike_that_syslog_has_put_into_one_are_several() -> None:
    prefix = b"Nov 23 10:21:51 gateway squid: "
    repeated = prefix + b"message repeated 3 times: [ " + SQUID + b"]"
    assert len(read(auto(), prefix + SQUID, repeated)) == 4
    assert len(read(auto(), repeated.replace(b"3 times", b"999999999 times"))) == REPEATS_MAX


def test_a_long_line_that_docker_has_split_is_one_and_is_not_begun_anew_in_its_middle() -> None:
    long = b'172.18.0.3 - - [23/Nov/2026:10:29:29 +0000] "GET http://a.example/'.ljust(16_384, b"x") + NGINX
    parts = docker(long)
    assert len(parts) == 2
    other = docker(NGINX.replace(b"github.com", b"b.example"), "stderr")
    requests = read(auto(), *docker(NGINX), parts[0], *other, parts[1], *docker(NGINX))
    assert [request.host for request in requests] == ["github.com", "b.example", "a.example", "github.com"]


def test_a_line_of_docker_may_be_six_times_as_long_as_what_it_holds() -> None:
    long = b'172.18.0.3 - - [23/Nov/2026:10:29:29 +0000] "GET http://a.example/'.ljust(16_384, b"\x01") + NGINX
    pieces = [long[:16_384].decode(), long[16_384:].decode() + "\n"]
    parts = [json.dumps({"log": text, "stream": "stdout", "time": ""}).encode() for text in pieces]
    assert LINE_MAX < len(parts[0]) < RAW_MAX
    reading = auto()
    assert [request.host for request in read(reading, *parts)] == ["a.example"]
    assert reading.counts.unparsed == 0


def test_parts_that_never_end_are_kept_in_bounds() -> None:
    reading = auto()
    part = cri(SQUID)[0].replace(b" F ", b" P ") + b"x" * 10_000
    assert read(reading, *[part] * 100) == []
    assert len(reading.save()) < LINE_MAX + 100
    assert len(read(reading, *cri(SQUID, "stdout"))) == 1


def test_an_object_that_is_like_docker_s_is_none() -> None:
    form = """nginx: {"log":"$remote_addr","stream":"$request","time":"$time_iso8601","s":"$status"}"""
    line = (
        b'{"log":"172.18.0.3","stream":"CONNECT a.example:443 HTTP/1.1","time":"2026-11-23T10:29:29+00:00","s":"200"}'
    )
    assert [request.host for request in read(Reading(formats_for(form)), line)] == ["a.example"]


@pytest.mark.parametrize("end", [b"", b"\r"])
def test_empty_lines_and_carriage_returns_are_no_junk(end: bytes) -> None:
    reading = auto()
    assert len(read(reading, b"" + end, SQUID + end, b"   " + end, TCPLOG + end, *docker(NGINX + end))) == 3
    assert reading.counts == (5, 3, 0, "")


def test_junk_is_counted_and_the_last_is_shown_so_that_it_does_no_harm() -> None:
    reading = auto()
    assert len(read(reading, SQUID, b"first", SQUID, b"\x1b]0;x\x07[red]\xff\xe2\x80\xae" + b"y" * 500, SQUID)) == 3
    assert (reading.counts.lines, reading.counts.requests, reading.counts.unparsed) == (5, 3, 2)
    shown = reading.counts.last_unparsed
    assert shown.isprintable()
    assert len(shown) == SHOWN_MAX
    assert shown.startswith("\ufffd]0;x\ufffd[red]")
    read(reading, SQUID)
    assert reading.counts.last_unparsed == shown


@pytest.mark.parametrize(
    "line",
    [
        b"what? GET http://alice:hunter2@a.example/",
        b"what: GET http://a.example/?token=hunter2 HTTP/1.1",
        b"what: [Authorization: Basic hunter2\\r\\n] x",
        b'what: {"authorization": "Bearer hunter2"}',
        b"what: Proxy-Authorization=hunter2",
    ],
)
def test_the_junk_that_is_shown_has_no_secrets(line: bytes) -> None:
    reading = auto()
    read(reading, line)
    assert reading.counts.last_unparsed.startswith("what")
    assert "hunter2" not in reading.counts.last_unparsed


def test_a_line_that_goes_on_from_another_tells_no_format() -> None:
    reading = auto()
    assert read(reading, b"Traceback (most recent call last):", b'    File "x.py", line 1, in f') == []
    assert (reading.counts.unparsed, reading.formats) == (2, ())


def test_a_log_that_cannot_name_destinations_says_so() -> None:
    reading = auto()
    read(reading, TCPLOG)
    [lacks] = reading.lacks
    assert "add %hr" in lacks
    assert auto(reading.save()).lacks == (lacks,)
    reading = auto()
    read(reading, b"Connect from 172.18.0.6:33430 to 172.18.0.2:18445 (sni/TCP)")
    assert "add option httplog" in reading.lacks[0]
    read(reading, SQUID)
    assert len(reading.lacks) == 1
    read(reading, *[SQUID] * RECENT_LINES)
    assert not reading.lacks
    assert [each.name for each in reading.formats] == ["squid"]


def test_a_log_of_denials_alone_says_what_it_lacks_until_it_has_more() -> None:
    reading = auto()
    read(reading, NOTICE)
    assert "set LogLevel Info" in reading.lacks[0]
    read(reading, b"CONNECT   Nov 23 10:16:24.000 [1210]: Connect (file descriptor 5): 172.18.0.3")
    assert not reading.lacks
    assert [request.host for request in read(reading, NOTICE)] == ["evil.example"]
    assert [each.name for each in reading.formats] == ["tinyproxy"]


@pytest.mark.parametrize(
    "prefix", [b"Nov 23 10:15:22 gateway tinyproxy[7]: ", b"<30>1 2026-11-23T10:15:22Z gateway tinyproxy 7 - - ",
               b"2026-11-23T11:15:22.000000+01:00 gateway tinyproxy[7]: "]
)  # fmt: skip
def test_tinyproxy_leaves_level_and_time_to_syslog(prefix: bytes) -> None:
    messages = [
        b"Connect (file descriptor 5): 172.18.0.3", b"Request (file descriptor 5): CONNECT a.example:443 HTTP/1.1",
        b'Established connection to host "a.example" using file descriptor 6.',
        b"Closed connection between local client (fd:5) and remote client (fd:6)",
    ]  # fmt: skip
    opened, closed = all_of(auto(), [prefix + message for message in messages])
    start = us("2026-11-23T10:15:22Z")
    assert (opened.host, opened.port, opened.started_us) == ("a.example", 443, start)
    assert (closed.host, closed.ended_us) == ("a.example", start)


@pytest.mark.parametrize("line", HOSTILE, ids=lambda line: repr(line[:8]))
@pytest.mark.parametrize("before", [b"", SQUID, NGINX], ids=["new", "squid", "nginx"])
def test_a_flood_of_junk_costs_no_more_than_its_lines(line: bytes, before: bytes) -> None:
    for wrap in (lambda line: [line], docker, *SYSLOG.values()):
        reading = auto()
        read(reading, before, *wrap(line))
        began = time.thread_time()
        read(reading, *wrap(line) * 3)
        assert time.thread_time() - began < 3 * CPU_MAX_S


LINES = [line for sample in SAMPLES for line in sample.lines[::29]]
PIECES = [
    b'"',
    b" ",
    b'" ',
    b"\\x",
    b"9" * 40,
    b"\x1b[31m",
    b"://",
    b"@",
    b"x" * 2_000,
    b"]",
    b"]: ",
    b"{",
    b"F ",
    b"[",
]


@given(
    st.lists(
        st.tuples(
            st.one_of(st.binary(max_size=60), st.sampled_from(LINES)),
            st.sampled_from([*ALL.values(), lambda line: [line]]),
            st.integers(0, 5_000),
            st.sampled_from(PIECES),
        ),
        max_size=8,
    ),
    st.integers(0, 8),
)
def test_whatever_comes_nothing_is_raised_and_nothing_may_do_harm(
    hostile: list[tuple[bytes, object, int, bytes]], restart: int
) -> None:
    reading = auto()
    for number, (line, wrap, at, piece) in enumerate(hostile):
        lines = wrap(line)  # type: ignore[operator]
        lines[-1] = lines[-1][: at % (len(lines[-1]) + 1)] + piece + lines[-1][at % (len(lines[-1]) + 1) :]
        assert all(is_inert(request) for request in reading.read(lines, clock()))
        if number == restart:
            reading = auto(reading.save())
    assert all(is_inert(request) for request in reading.settle(LATER_US))
    assert reading.counts.last_unparsed.isprintable()


@pytest.mark.parametrize("damaged", [b" 4611686018427387903 CONNECT", b"4000000000000.343 "])
def test_a_number_that_no_proxy_can_have_meant_is_not_told(damaged: bytes) -> None:
    """Their sums would be too large for a history, and no calendar has such a year."""
    is_time = damaged.startswith(b"4000")
    line = SQUID.replace(b"1795428518.343 ", damaged) if is_time else SQUID.replace(b" 2498 CONNECT", damaged)
    (told,) = read(auto(), line)
    assert (told.host, told.port) == ("github.com", 443)
    assert (told.ended_us is None, told.bytes_received is None) == (is_time, not is_time)
