"""HAProxy's lines say where clients went, what came of it, and when."""

import re
import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings

from tests.proxylog.edge_lines import CLOCK, hostile, one
from tests.proxylog.ledger import LOGS, load
from tests.proxylog.reading import is_inert, lines_of, told
from tui.model.connection import Endpoint, Outcome
from tui.model.request import Request
from tui.proxylog.format import LINE_MAX, Clock
from tui.proxylog.formats.haproxy import FORMATS, log_format_reader

FOLDER = LOGS / "haproxy"
BY_NAME = {known.name: known for known in FORMATS}
HTTP = BY_NAME["haproxy-httplog"]
TCP = BY_NAME["haproxy-tcplog"]
CLF = BY_NAME["haproxy-clf"]
SNI = log_format_reader(
    "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %U/%B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq sni=%[capture.req.hdr(0)] dst=%si:%sp"
)
HR = log_format_reader("%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %U/%B %ts %sq/%bq %hr dst=%si:%sp")
STARTED = 1_795_429_363_000_000
"""23/Nov/2026:10:22:43 UTC."""


def http_line(request: bytes, end: bytes = b"200 54 - - ----") -> bytes:
    return (
        b"172.18.0.6:50784 [23/Nov/2026:10:22:43.046] fe squids/squid1 0/0/0/0/1002 %s 1/1/0/0/0 0/0 " % end
        + b'"%s"' % request
    )


def test_a_line_of_a_connection_that_lasted_for_ages_is_none() -> None:
    """Its end would be in no year that the record can hold."""
    line = http_line(b"CONNECT api.stripe.com:443 HTTP/1.1")
    assert HTTP.begin(b"").read(line, CLOCK)
    assert HTTP.begin(b"").read(line.replace(b"/1002 ", b"/%d " % 10**16), CLOCK) is None


def test_a_log_without_server_names_still_tells_how_each_connection_went() -> None:
    lines = [line.partition(b"]: ")[2] for line in lines_of(FOLDER / "syslog_tcplog_rfc3339.log")]
    by_port = {request.client.port: request for request in told(TCP.begin(b""), lines, CLOCK) if request.client}
    expected = {
        "ok_tls": {Outcome.CLOSED},
        "denied_tls": {Outcome.DENIED},
        "dns_nxdomain": {Outcome.FAILED},
        "dns_servfail": {Outcome.FAILED},
        "dns_timeout": {Outcome.FAILED},
        "tcp_refused": {Outcome.REFUSED},
        "tcp_timeout": {Outcome.TIMED_OUT},
        "peer_reset": {Outcome.RESET},
        "origin_reset_after_request": {Outcome.RESET},
    }
    ledger = [entry for entry in load(LOGS / "haproxy/syslog_tcplog.ledger.jsonl") if entry["case"] in expected]
    assert len(ledger) == 69
    for entry in ledger:
        assert by_port[entry["local_port"]].outcome in expected[entry["case"]], entry["case"]
    assert {request.host for request in by_port.values()} == {None}
    assert "add %hr" in TCP.lacks


def test_a_request_line_tells_all_that_it_has() -> None:
    assert one(HTTP, http_line(b"CONNECT github.com:443 HTTP/1.1", b"200 2513 - - ----")) == Request(
        "github.com", 443, Outcome.CLOSED, STARTED + 46_000, STARTED + 1_048_000, Endpoint("172.18.0.6", 50784), None,
        None, 2513, "200 ----",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("request_line", "end", "outcome"),
    [
        (b"CONNECT evil.example:443 HTTP/1.1", b"403 192 - - PR--", Outcome.DENIED),
        (b"CONNECT evil.example:443 HTTP/1.1", b"-1 0 - - PR--", Outcome.DENIED),
        (b"CONNECT evil.example:443 HTTP/1.1", b"403 192 - - PT--", Outcome.DENIED),
        (b"CONNECT evil.example:443 HTTP/1.1", b"200 192 - - LR--", Outcome.DENIED),
        (b"CONNECT evil.example:443 HTTP/1.1", b"407 192 - - ----", Outcome.DENIED),
        (b"CONNECT nx.example:443 HTTP/1.1", b"500 192 - - ----", Outcome.FAILED),
        (b"CONNECT a.example:443 HTTP/1.1", b"504 192 - - ----", Outcome.TIMED_OUT),
        (b"CONNECT a.example:443 HTTP/1.1", b"503 217 - - SC--", Outcome.REFUSED),
        (b"CONNECT a.example:443 HTTP/1.1", b"503 217 - - sC--", Outcome.TIMED_OUT),
        (b"CONNECT a.example:443 HTTP/1.1", b"200 217 - - CD--", Outcome.CLOSED),
        (b"CONNECT a.example:443 HTTP/1.1", b"200 217 - - sD--", Outcome.CLOSED),
        (b"GET http://a.example/ HTTP/1.1", b"200 217 - - CD--", Outcome.RESET),
        (b"GET http://a.example/ HTTP/1.1", b"200 217 - - SD--", Outcome.RESET),
        (b"GET http://a.example/ HTTP/1.1", b"504 217 - - sH--", Outcome.TIMED_OUT),
        (b"GET http://a.example/ HTTP/1.1", b"502 217 - - SH--", Outcome.FAILED),
        (b"GET http://a.example/ HTTP/1.1", b"404 217 - - ----", Outcome.CLOSED),
        (b"GET http://a.example/ HTTP/1.1", b"400 217 - - ----", Outcome.UNKNOWN),
        (b"GET http://a.example/ HTTP/1.1", b"-1 0 - - CC--", Outcome.RESET),
        (b"GET http://a.example/ HTTP/1.1", b"503 0 - - RC--", Outcome.FAILED),
    ],
)
def test_the_termination_state_says_how_it_went(request_line: bytes, end: bytes, outcome: Outcome) -> None:
    request = one(HTTP, http_line(request_line, end))
    assert request.outcome is outcome
    assert request.reason == (end[:3].strip() + b" " + end[-4:]).decode().replace("-1  ", "-1 ")


def test_what_has_no_server_was_not_refused_by_one() -> None:
    line = http_line(b"CONNECT a.example:443 HTTP/1.1", b"503 217 - - SC--").replace(
        b"squids/squid1", b"squids/<NOSRV>"
    )
    assert one(HTTP, line).outcome is Outcome.FAILED


@pytest.mark.parametrize("request_line", [b"<BADREQ>", b"GET /health HTTP/1.1", b"OPTIONS * HTTP/1.1"])
def test_a_health_check_is_no_request(request_line: bytes) -> None:
    assert HTTP.begin(b"").read(http_line(request_line, b"400 0 - - PR--"), CLOCK) == ()


@pytest.mark.parametrize(
    "line",
    [
        b"Server squids/squid1 is DOWN, reason: Layer4 connection problem, check duration: 0ms.",
        b"backend squids has no server available!",
        b"Proxy proxy_lb started.",
        b"172.18.0.6:33430 [23/Nov/2026:10:22:43.046] https/1: SSL handshake failure",
    ],
)
def test_what_haproxy_says_of_itself_is_no_request(line: bytes) -> None:
    for format_ in FORMATS:
        assert format_.begin(b"").read(line, CLOCK) == ()


def test_a_frontend_without_a_log_option_has_a_format_that_says_what_it_lacks() -> None:
    line = b"Connect from 172.18.0.6:33430 to 172.18.0.2:18445 (sni_default_log/TCP)"
    assert [each.name for each in FORMATS if each.begin(b"").read(line, CLOCK) == ()] == ["haproxy-default"]
    assert "add option httplog" in BY_NAME["haproxy-default"].lacks


def test_a_captured_host_header_is_no_destination() -> None:
    line = http_line(b"CONNECT evil.example:443 HTTP/1.1").replace(b' "CON', b' {api.stripe.com:443|curl} {} "CON')
    assert one(HTTP, line).host == "evil.example"
    format_ = log_format_reader("%ci:%cp [%tr] %ST host=%[capture.req.hdr(0)] %hr %HM")
    assert "add %{+Q}r" in format_.lacks
    assert "captured header is not one" in format_.lacks
    line = b"10.0.0.1:5 [23/Nov/2026:10:22:43.046] 200 host=api.stripe.com {api.stripe.com} GET"
    assert format_.begin(b"").read(line, CLOCK) == ()


def test_no_secret_leaves_the_line() -> None:
    line = http_line(b"GET http://user:secret@internal-api.corp.example/v1?token=secret HTTP/1.1")
    line = line.replace(b' "GET', b' {secret} "GET').replace(b" - - ", b" session=secret secret=1 ")
    request = one(HTTP, line)
    assert (request.host, request.port) == ("internal-api.corp.example", 80)
    assert "secret" not in repr(request)


def test_a_line_cut_at_1024_bytes_counts_as_far_as_it_goes() -> None:
    [cut] = [line for line in lines_of(FOLDER / "httplog_raw.log") if len(line) == 1023]
    request = one(HTTP, cut)
    assert (request.host, request.port, request.outcome) == ("internal-api.corp.example", 80, Outcome.CLOSED)
    denied = http_line(b"GET http://evil.example/" + b"a" * 2000, b"403 192 - - PR--")[:960]
    assert (one(HTTP, denied).host, one(HTTP, denied).outcome) == ("evil.example", Outcome.DENIED)
    hidden = http_line(b"GET http://" + b"a" * 2000 + b"@evil.example/", b"403 192 - - PR--")[:960]
    assert (one(HTTP, hidden).host, one(HTTP, hidden).outcome) == (None, Outcome.DENIED)


def test_a_line_written_early_is_of_a_connection_that_is_open() -> None:
    line = http_line(b"CONNECT a.example:443 HTTP/1.1", b"200 +99 - - ----").replace(b"/1002 ", b"/+0 ")
    request = one(HTTP, line)
    assert (request.outcome, request.started_us, request.ended_us) == (Outcome.OPEN, STARTED + 46_000, None)
    assert request.bytes_received is None
    assert one(HTTP, line.replace(b"200 +99 - - ----", b"403 +99 - - PR--")).outcome is Outcome.DENIED


def test_clf_and_https_are_read() -> None:
    clf = (
        b'127.0.0.1 - - [25/Nov/2026:13:15:18 +0000] "CONNECT con.example:443 HTTP/1.1" 200 99 "" "" 44492 714 "clf"'
        b' "b" "s1" 0 0 0 0 17 ---- 1 1 0 0 0 0 0 "" "" "con.example" '
    )
    request = one(CLF, clf)
    started = 1_795_612_518_000_000
    assert (request.host, request.port, request.client) == ("con.example", 443, Endpoint("127.0.0.1", 44492))
    assert (request.started_us, request.ended_us) == (started, started + 17_000)
    bad = (
        b'127.0.0.1 - - [25/Nov/2026:13:15:18 +0000] "<BADREQ>" 400 0 "" "" 44510 920 "clf" "clf" "<NOSRV>" -1 -1 -1 -1'
        b' 0 PR-- 1 1 0 0 0 0 0 "" "" '
    )
    assert CLF.begin(b"").read(bad, CLOCK) == ()
    https = http_line(b"CONNECT con.example:443 HTTP/1.1") + b" 0/-/-/-/0 proxy.corp.example/TLSv1.3/TLS_AES_128"
    assert one(BY_NAME["haproxy-httpslog"], https).host == "con.example"
    assert HTTP.begin(b"").read(https, CLOCK) is None


def test_a_captured_server_name_is_a_destination() -> None:
    start = b"127.0.0.1:56414 [23/Nov/2026:10:22:43.295] sni "
    through = start + b"d/s1 2/0/3 721/7055 -- 1/1/0/0/0 0/0 sni=api.openai.com dst=198.51.100.20:443"
    assert one(SNI, through) == Request(
        "api.openai.com", 443, Outcome.CLOSED, STARTED + 295_000, STARTED + 298_000, Endpoint("127.0.0.1", 56414),
        "198.51.100.20", 721, 7055, "--",
    )  # fmt: skip
    denied = start + b"sni/<NOSRV> -1/-1/1 517/0 PR 1/1/0/0/0 0/0 sni=evil.example dst=-:-"
    assert (one(SNI, denied).host, one(SNI, denied).outcome) == ("evil.example", Outcome.DENIED)
    assert (one(SNI, denied).port, one(SNI, denied).address) == (None, None)
    nameless = start + b"sni/<NOSRV> -1/-1/2 18/0 PR 1/1/0/0/0 0/0 sni=- dst=-:-"
    assert (one(SNI, nameless).host, one(SNI, nameless).outcome) == (None, Outcome.DENIED)
    health_check = start + b"sni/<NOSRV> -1/-1/1000 0/0 PR 1/1/0/0/0 0/0 sni=- dst=-:-"
    assert SNI.begin(b"").read(health_check, CLOCK) == ()


def test_a_name_among_captured_headers_is_decoded_and_others_are_not() -> None:
    start = b"127.0.0.1:56414 [23/Nov/2026:10:22:43.295] sni d/s1 2/0/3 721/7055 -- "
    assert one(HR, start + b"0/0 {api.openai.com} dst=198.51.100.20:443").host == "api.openai.com"
    odd = one(HR, start + b"0/0 {ev#22il [red] #1B#FF#7B.example} dst=198.51.100.20:443").host
    assert odd == '\\ev"il [red] \ufffd\\xff{.example'
    assert one(HR, start + b"0/0 {} dst=198.51.100.20:443").host is None
    raw = one(SNI, start + b"1/1/0/0/0 0/0 sni=api#2Eopenai.com dst=198.51.100.20:443").host
    assert raw != "api.openai.com"


@pytest.mark.parametrize(
    ("item", "is_name"),
    [
        ("%[ssl_fc_sni]", True), ("%[req.ssl_sni,lower]", True), ("%[var(txn.sni)]", True),
        ("%{+Q}[var(sess.ssl_sni)]", True), ("%[capture.req.hdr(0)]", True), ("%hr", True),
        ("%[var(txn.dst)]", False), ("%[req.ssl_sni,sha1,hex]", False), ("host=%[capture.req.hdr(0)]", False),
        ("%[capture.req.hdr(1)]", False), ("%[ssl_fc_alpn]", False),
    ],
)  # fmt: skip
def test_which_items_name_a_server(item: str, is_name: bool) -> None:
    assert bool(log_format_reader(f"%ci:%cp [%t] %ts {item} %B").lacks) is not is_name


@pytest.mark.parametrize(
    ("spec", "line", "host"),
    [
        ("%[src]:%[src_port] %HM|%HU|%ST", b"10.0.0.1:5 CONNECT|a.example:443|200", "a.example"),
        ("%[src]:%[src_port] %HM|%HP|%ST", b"10.0.0.1:5 GET|http://a.example/x|200", "a.example"),
        ('{"c":"%ci","p":%cp,"u":"%HU"}', b'{"c":"10.0.0.1","p":5,"u":"http://a.example/?secret"}', "a.example"),
        ("%{+Q}o %ci %cp %r %ST", b'"10.0.0.1" 5 "CONNECT a.example:443 HTTP/1.1" 200', "a.example"),
        ("%{+X}ci:%{+X}cp %{-Q,+E}r", b"0A000001:0005 CONNECT a.example:443 HTTP/1.1", "a.example"),
        ("%{Q}r\\ 100%%\\ %ci:%cp", b'"CONNECT a.example:443 HTTP/1.1" 100% 10.0.0.1:5', "a.example"),
        ("%(c)ci:%cp %{+Q}(line)r", b'10.0.0.1:5 "CONNECT a.example:443 HTTP/1.1"', "a.example"),
        ("%ci:%cp  %hr  %hs %r", b"10.0.0.1:5 CONNECT a.example:443 HTTP/1.1", "a.example"),
    ],
)
def test_flags_and_items_are_read_as_haproxy_writes_them(spec: str, line: bytes, host: str) -> None:
    request = one(log_format_reader(spec), line)
    assert (request.host, request.client) == (host, Endpoint("10.0.0.1", 5))


def test_times_with_a_zone_of_their_own_are_taken_as_they_are() -> None:
    line = b"10.0.0.1:5 %s CONNECT a.example:443 HTTP/1.1"
    for item, text in (
        ("%T", b"23/Nov/2026:10:22:43 +0000"),
        ("%Tl", b"23/Nov/2026:11:22:43 +0100"),
        ("%trl", b"23/Nov/2026:05:52:43 -0430"),
        ("%Ts", b"1795429363"),
        ("%{+X}Ts", b"6B0413F3"),
    ):
        assert one(log_format_reader(f"%ci:%cp {item} %r"), line % text).started_us == STARTED, item
    with_ms = log_format_reader("%ci:%cp %Ts.%ms %Tt %r")
    request = one(with_ms, line % b"1795429363.046 1000")
    assert (request.started_us, request.ended_us) == (STARTED + 46_000, STARTED + 1_046_000)


def test_a_line_without_a_time_ended_when_it_was_read() -> None:
    request = one(log_format_reader("%ci:%cp %Tt %r"), b"10.0.0.1:5 2500 CONNECT a.example:443 HTTP/1.1")
    assert (request.started_us, request.ended_us) == (CLOCK.now_us - 2_500_000, CLOCK.now_us)


@pytest.mark.parametrize(
    ("now", "started"),
    [("2026-10-25T00:30:30", "2026-10-25T00:30:00"), ("2026-10-25T01:30:30", "2026-10-25T01:30:00")],
)
def test_the_hour_that_comes_twice_is_the_last_that_has_come(now: str, started: str) -> None:
    now_us, started_us = (
        int(datetime.fromisoformat(t).replace(tzinfo=UTC).timestamp()) * 1_000_000 for t in (now, started)
    )
    line = http_line(b"CONNECT a.example:443 HTTP/1.1").replace(
        b"23/Nov/2026:10:22:43.046", b"25/Oct/2026:02:30:00.000"
    )
    assert one(HTTP, line, Clock(now_us, ZoneInfo("Europe/Berlin"))).started_us == started_us


@pytest.mark.parametrize(
    ("spec", "word"),
    [
        ("nothing in it", "no %item"),
        ("%ci %nosuch", "%nosuch"),
        ("%{+json}o %ci", "flags"),
        ("%ci %[]", "cannot read"),
        ("%ci 5% %r", "cannot read"),
        ("%ci %r%[var(txn.x)]", "side by side"),
        ("%ci " * 2000, "longer than"),
    ],
)
def test_a_format_that_cannot_be_read_says_why(spec: str, word: str) -> None:
    with pytest.raises(ValueError, match=re.escape(word)):
        log_format_reader(spec)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        http_line(b"CONNECT a.example:443 HTTP/1.1").replace(b"23/Nov", b"99/Foo"),
        b'172.18.0.3 - - [23/Nov/2026:10:29:29 +0000] "CONNECT a.example:443 HTTP/1.1" 200 2518 "-" "axios/1.6.8"',
        b"172.18.0.3:54046 [23/Nov/2026:10:20:37.910] sni_egress direct/clear 2/0/9 2483 -- 1/1/0/0/0 0/0",
    ],
)
def test_another_format_is_not_taken_for_this_one(line: bytes) -> None:
    assert HTTP.begin(b"").read(line, CLOCK) is None


def test_nothing_is_remembered() -> None:
    for format_ in FORMATS:
        reader = format_.begin(b"")
        assert (reader.save(), list(reader.settle(CLOCK.now_us))) == (b"", [])
        with pytest.raises(ValueError, match="remembers nothing"):
            format_.begin(b"x")


@given(
    hostile(
        lines_of(FOLDER / "httplog_raw.log")
        + [line.partition(b"]: ")[2] for line in lines_of(FOLDER / "syslog_tcplog_rfc3339.log")]
    )
)
@settings(max_examples=400, deadline=None)
def test_no_line_does_harm(line: bytes) -> None:
    for format_ in (*FORMATS, SNI, HR):
        assert all(is_inert(request) for request in format_.begin(b"").read(line, CLOCK) or ())


@pytest.mark.parametrize("piece", [b" ", b'" ', b"- - ", b"a", b" ---- 1/1/0/0/0 0/0 ", b"{", b"/", b'" "', b"#22"])
def test_no_line_takes_long(piece: bytes) -> None:
    starts = [http_line(b"GET http://")[:-1], http_line(b"", b"200 1 ")[:90], b"10.0.0.1:5 [23/Nov/2026:10:22:43.295] "]
    began = time.process_time()
    for start in starts:
        for format_ in (*FORMATS, SNI, HR):
            format_.begin(b"").read((start + piece * LINE_MAX)[:LINE_MAX], CLOCK)
    assert time.process_time() - began < 2
