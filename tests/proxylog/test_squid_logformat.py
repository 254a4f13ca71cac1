"""A ``logformat`` in the operator's own words reads what Squid writes with it."""

import re
import time
from datetime import UTC, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from tui.model.connection import Endpoint, Outcome
from tui.model.request import Request
from tui.proxylog.format import LINE_MAX, Clock
from tui.proxylog.formats.squid_logformat import logformat_reader

CLOCK = Clock(1_795_700_000_000_000, UTC)
KEYS = (
    "logformat kv time=%ts.%03tu duration_ms=%tr src=%>a src_port=%>p status=%>Hs action=%Ss err=%err_code/%err_detail "
    'bytes_in=%>st bytes_out=%<st method=%rm host=%>rd port=%>rP url="%ru" user="%un" hier=%Sh dst=%<a dst_port=%<p '
    'ct="%mt" ua="%{User-Agent}>h"'
)
JSON = (
    '{"ts":%ts.%03tu,"elapsed":%tr,"client":"%>a","action":"%Ss","status":%03>Hs,"bytes":%<st,"method":"%rm",'
    '"url":"%ru","user":"%[un","hier":"%Sh","dst":"%<a","mime":"%mt","ua":"%{User-Agent}>h"}'
)
ODD = '%{%d/%b/%Y:%H:%M:%S %z}tg|%-8tr|%10>a|%Ss:%Sh|%>Hs|%<Hs|%>st|%<st|%>ru|%"{User-Agent}>h|%#{Referer}>h|%tS|%%'
PARTS = "%ts.%03tu %>a %Ss/%>Hs %>rm %>rs %>rd %>rP %<a"


def one(spec: str, line: str, clock: Clock = CLOCK) -> Request:
    got = logformat_reader(spec).begin(b"").read(line.encode(), clock)
    assert got is not None
    (request,) = got
    return request


def test_named_values_with_a_user_agent_that_imitates_them() -> None:
    line = (
        "time=1795613238.169 duration_ms=3 src=127.0.0.1 src_port=53444 status=404 action=TCP_MISS err=-/- "
        'bytes_in=183 bytes_out=604 method=GET host=127.0.0.1 port=8199 url="http://127.0.0.1:8199/nothing?" user="-" '
        'hier=HIER_DIRECT dst=127.0.0.1 dst_port=8199 ct="text/html" ua="ev\\" url=\\"http://forged/\\" [x] \\\\ a"'
    )
    assert one(KEYS, line) == Request(
        "127.0.0.1",
        8199,
        Outcome.CLOSED,
        1_795_613_238_166_000,
        1_795_613_238_169_000,
        Endpoint("127.0.0.1", 53444),
        "127.0.0.1",
        183,
        604,
        "TCP_MISS/404",
    )


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ("ERR_CONNECT_FAIL/errno=111", Outcome.REFUSED),
        ("ERR_CONNECT_FAIL/errno=110", Outcome.TIMED_OUT),
        ("ERR_CONNECT_FAIL/errno=113", Outcome.FAILED),
        ("ERR_DNS_FAIL/WITH_SERVER", Outcome.FAILED),
        ("ERR_ACCESS_DENIED/-", Outcome.DENIED),
        ("ERR_CLIENT_GONE/WITH_CLIENT", Outcome.RESET),
        ("ERR_READ_TIMEOUT/WITH_SERVER", Outcome.TIMED_OUT),
    ],
)
def test_the_error_code_tells_what_the_status_does_not(error: str, outcome: Outcome) -> None:
    line = (
        f"time=1795613238.202 duration_ms=0 src=127.0.0.1 src_port=53488 status=503 action=NONE_NONE err={error} "
        'bytes_in=106 bytes_out=0 method=CONNECT host=127.0.0.1 port=1 url="127.0.0.1:1" user="-" hier=HIER_DIRECT '
        'dst=127.0.0.1 dst_port=1 ct="-" ua="curl/7.88.1"'
    )
    request = one(KEYS, line)
    assert (request.outcome, request.reason) == (outcome, f"NONE_NONE/503 {error.partition('/')[0]}")


def test_json_that_is_none_is_read_all_the_same() -> None:
    line = (
        '{"ts":1795613250.257,"elapsed":12049,"client":"127.0.0.1","action":"NONE_NONE","status":000,"bytes":0,'
        '"method":"CONNECT","url":"no.such.example:443","user":"-","hier":"HIER_NONE","dst":"-","mime":"-","ua":"x\x01"}'
    )
    request = one(JSON, line)
    assert (request.host, request.port, request.outcome) == ("no.such.example", 443, Outcome.RESET)


def test_quotes_in_a_host_are_what_they_were() -> None:
    line = (
        '{"ts":1795613250.257,"elapsed":0,"client":"127.0.0.1","action":"TCP_DENIED","status":403,"bytes":0,'
        '"method":"CONNECT","url":"ev\\"il.example:443","user":"-","hier":"HIER_NONE","dst":"-","mime":"-","ua":"x"}'
    )
    assert one(JSON, line).host == '\\ev"il.example'


def test_widths_encodings_and_a_start_time() -> None:
    line = (
        "25/Nov/2026:13:27:28 +0000|5002    | 127.0.0.1|NONE_NONE_ABORTED:HIER_NONE|0|-|116|0|http://%5B::1%5D:1/x|"
        'ev\\" | x|http://r/%20b|1795613243.242|%'
    )
    request = one(ODD, line)
    assert (request.host, request.port, request.outcome) == ("::1", 1, Outcome.RESET)
    assert (request.started_us, request.ended_us) == (1_795_613_243_242_000, 1_795_613_248_244_000)
    assert (request.bytes_sent, request.bytes_received) == (116, 0)


@pytest.mark.parametrize(
    ("line", "host", "port"),
    [
        ("1795613238.195 127.0.0.1 TCP_DENIED/403 CONNECT - evil.example 443 -", "evil.example", 443),
        ("1795613238.195 127.0.0.1 TCP_MISS/200 GET http evil.example 80 192.0.2.1", "evil.example", 80),
        ("1795613248.245 127.0.0.1 NONE_NONE_ABORTED/0 GET http %5B::1%5D 1 -", "::1", 1),
    ],
)
def test_a_destination_may_be_given_in_parts(line: str, host: str, port: int) -> None:
    request = one(PARTS, line)
    assert (request.host, request.port) == (host, port)


def test_the_far_side_s_own_status_tells_its_503_from_squid_s() -> None:
    spec = "%ts.%03tu %tr %>a %Ss/%>Hs/%<Hs %rm %ru %Sh"
    theirs = "1795613238.195 5 ::1 TCP_MISS/503/503 GET http://a.example/ HIER_DIRECT"
    assert one(spec, theirs).outcome is Outcome.CLOSED
    assert one(spec, theirs.replace("/503/503", "/503/-")).outcome is Outcome.REFUSED


def test_a_403_without_its_squid_status_is_not_taken_for_a_denial() -> None:
    assert one("%ts %>a %>Hs %rm %ru", "1795613238 ::1 403 GET http://a.example/").outcome is Outcome.UNKNOWN
    assert one("%ts %>a %>Hs %rm %ru", "1795613238 ::1 403 CONNECT a.example:443").outcome is Outcome.DENIED


def test_local_times_take_the_zone_of_the_proxy_and_global_ones_none() -> None:
    clock = Clock(1_795_700_000_000_000, timezone(timedelta(hours=5, minutes=30)))
    line = "2026-11-23 15:38:57 ::1 CONNECT a.example:443"
    assert one("%{%Y-%m-%d %H:%M:%S}tl %>a %rm %ru", line, clock).ended_us == 1_795_428_537_000_000
    assert one("%{%F %T}tg %>a %rm %ru", line, clock).ended_us == 1_795_448_337_000_000


def test_the_hour_that_comes_twice_is_the_later_one_that_has_been() -> None:
    zone = ZoneInfo("Europe/Berlin")  # 2026-10-25 03:00 CEST is 02:00 CET
    line = "2026-10-25 02:30:00 ::1 CONNECT a.example:443"
    first_us, second_us = 1_792_888_200_000_000, 1_792_891_800_000_000
    spec = "%{%F %T}tl %>a %rm %ru"
    assert one(spec, line, Clock(first_us + 1_000_000, zone)).ended_us == first_us
    assert one(spec, line, Clock(second_us + 1_000_000, zone)).ended_us == second_us


def test_a_format_without_a_time_takes_the_time_of_reading() -> None:
    assert one("%>a %rm %ru %>Hs %Ss", "::1 CONNECT a.example:443 200 TCP_TUNNEL").ended_us == CLOCK.now_us


@pytest.mark.parametrize(
    "spec", ["%ts.%03tu %6tr %>a %Ss/%03>Hs %<st %rm %[un %Sh/%<a %mt", "%ts %>a %ssl::>sni %Ss", "%>a %rp %>Hs"]
)
def test_a_format_without_a_destination_says_what_to_add(spec: str) -> None:
    assert "%ru" in logformat_reader(spec).lacks


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("", "%ru"),
        ("only text", "%ru"),
        ("%>a %wrong %ru", "%wrong"),
        ("%>a %ru %", "% is no token"),
        ("%>a %.20ru", "%.20ru"),
        ("%{%Q}tl %ru", "%Q"),
        ("%{%H:%M:%S}tl %ru", "the year"),
        ("%un%ui %ru", "%un"),
    ],
)
def test_a_format_that_cannot_be_read_is_refused_with_the_token(spec: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        logformat_reader(spec)


@pytest.mark.parametrize("spec", [KEYS, JSON, ODD, '%>a %un "%\'{Referer}>h" "%\'{User-Agent}>h" %ui %ru %Ss:%Sh'])
@pytest.mark.parametrize("filler", ['" "', '"', " ", "|", "\\", "%", "a", ' x="', "http://a/ ", "::1 - "])
def test_a_hostile_line_takes_no_longer_than_its_length(spec: str, filler: str) -> None:
    reader = logformat_reader(spec).begin(b"")
    heads = ["", "::1 ", "time=1.000 duration_ms=3 src=::1 src_port=1 status=404 action=TCP_MISS err=-/"]
    began = time.process_time()
    for head in heads:
        reader.read((head + filler * LINE_MAX).encode()[:LINE_MAX], CLOCK)
    assert time.process_time() - began < 1
