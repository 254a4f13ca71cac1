"""nginx's lines say where clients went, what came of it, and when."""

import re
import time

import pytest
from hypothesis import given, settings

from tests.proxylog.edge_lines import CLOCK, hostile, one
from tests.proxylog.ledger import LOGS
from tests.proxylog.reading import is_inert, lines_of, told
from tui.model.connection import Endpoint, Outcome
from tui.model.request import Request
from tui.proxylog.format import LINE_MAX
from tui.proxylog.formats.nginx import FORMATS, log_format_reader

FOLDER = LOGS / "nginx"
BY_NAME = {known.name: known for known in FORMATS}
COMBINED = BY_NAME["nginx-combined"]
STREAM = BY_NAME["nginx-stream-sni"]
JSON = log_format_reader(
    '{"t":"$time_iso8601","ms":$msec,"c":"$remote_addr","p":"$remote_port","u":"$remote_user","r":"$request",'
    '"uri":"$request_uri","h":"$host","s":$status,"b":$bytes_sent,"l":$request_length,"rt":$request_time,'
    '"up":"$upstream_addr","us":"$upstream_status","ua":"$http_user_agent"}',
    "json",
)
BARE = log_format_reader(
    "$remote_addr|$remote_port|$msec|$request|$status|$bytes_sent|$request_time|$upstream_addr|$http_user_agent", "none"
)


def test_a_denied_server_name_is_denied_by_name() -> None:
    denied = [
        r
        for r in told(STREAM.begin(b""), lines_of(FOLDER / "stream_sni.log"), CLOCK)
        if r.outcome is Outcome.DENIED and r.host
    ]
    without_address = {"nx.example", "servfail.example", "v6only.example"}
    assert {request.host for request in denied} == {"evil.example", "webhook.site", "pastebin.com"} | without_address
    assert {request.reason for request in denied} == {"500 (denied, or no such name)"}


def test_a_stream_line_tells_all_that_it_has() -> None:
    request = one(
        STREAM,
        b'172.18.0.3:45688 [2026-11-23T10:27:09+00:00] 200 2459/224 0.006 sni="o447951.ingest.sentry.io"'
        b' alpn="h2,http/1.1" proto="TLSv1.3" upstream="198.51.100.26:443"',
    )
    ended = 1_795_429_629_000_000
    assert request == Request(
        "o447951.ingest.sentry.io", 443, Outcome.CLOSED, ended - 6_000, ended, Endpoint("172.18.0.3", 45688),
        "198.51.100.26", 224, 2459, "200",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rest", "outcome"),
    [
        (b'500 0/0 3.005 sni="a.example" alpn="-" proto="-" upstream="-"', Outcome.FAILED),
        (b'500 0/0 0.001 sni="a.example" alpn="-" proto="-" upstream="-"', Outcome.DENIED),
        (b'502 0/0 0.000 sni="a.example" alpn="-" proto="-" upstream="203.0.113.50:443"', Outcome.REFUSED),
        (b'502 0/0 3.003 sni="a.example" alpn="-" proto="-" upstream="10.1.0.9:443, 10.1.0.8:443"', Outcome.TIMED_OUT),
        (b'403 0/0 0.000 sni="a.example" alpn="-" proto="-" upstream="-"', Outcome.DENIED),
        (b'200 0/0 0.100 sni="a.example" alpn="-" proto="-" upstream="-"', Outcome.UNKNOWN),
    ],
)
def test_a_session_that_failed_says_how(rest: bytes, outcome: Outcome) -> None:
    assert one(STREAM, b"172.18.0.3:1 [2026-11-23T10:27:09+00:00] " + rest).outcome is outcome


def test_a_health_check_is_no_request() -> None:
    line = b'172.18.0.3:48187 [2026-11-23T10:27:22+00:00] 200 0/0 0.551 sni="-" alpn="-" proto="-" upstream="-"'
    assert STREAM.begin(b"").read(line, CLOCK) == ()
    for request in (b"GET /health HTTP/1.1", b"-", b"", rb"\x16\x03\x01\x00", b"CONNECT api.op", b"OPTIONS * HTTP/1.1"):
        line = b'10.0.0.1 - - [23/Nov/2026:10:29:29 +0000] "%s" 400 0 "-" "-"' % request
        assert COMBINED.begin(b"").read(line, CLOCK) == (), request


@pytest.mark.parametrize("status", [b"400", b"405"])
def test_an_nginx_that_is_no_proxy_fails_every_tunnel(status: bytes) -> None:
    line = b'127.0.0.1 - - [25/Nov/2026:13:27:35 +0100] "CONNECT con.example:443 HTTP/1.1" %s 157 "-" "-"' % status
    request = one(COMBINED, line)
    assert (request.host, request.port, request.outcome) == ("con.example", 443, Outcome.FAILED)
    assert request.ended_us == 1_795_609_655_000_000  # 12:27:35 UTC
    assert request.started_us is None


@pytest.mark.parametrize(
    ("target", "host", "port"),
    [
        (rb"CONNECT b\xC3\xBCcher.example:443", "xn--bcher-kva.example", 443),
        (b"CONNECT LICENSING.TryRetool.COM.:00443", "licensing.tryretool.com", 443),
        (b"CONNECT [::ffff:192.0.2.66]:443", "192.0.2.66", 443),
        (b"GET http://user:secret@a.example/p?token=secret", "a.example", 80),
        (b"GET http://a.example?token=secret", "a.example", 80),
        (b"GET ftp://a.example/x", "a.example", 21),
    ],
)
def test_a_target_is_made_usual_and_keeps_no_secret(target: bytes, host: str, port: int) -> None:
    line = b'10.0.0.1 - joe [23/Nov/2026:10:29:29 +0000] "%s HTTP/1.1" 200 12 "-" "secret"' % target
    request = one(COMBINED, line)
    assert (request.host, request.port) == (host, port)
    assert "secret" not in repr(request)


def test_the_host_header_is_no_destination() -> None:
    format_ = log_format_reader('$remote_addr [$time_local] "$request" $status $host $http_host')
    line = (
        b'10.0.0.1 [23/Nov/2026:10:29:29 +0000] "CONNECT evil.example:443 HTTP/1.1" 200 api.stripe.com api.stripe.com'
    )
    assert one(format_, line).host == "evil.example"
    only = log_format_reader("$remote_addr [$time_local] $status $host")
    assert "add $request" in only.lacks
    assert "$host is not one" in only.lacks
    assert only.begin(b"").read(b"10.0.0.1 [23/Nov/2026:10:29:29 +0000] 200 api.stripe.com", CLOCK) == ()


def test_json_is_read_with_its_escapes() -> None:
    line = (
        b'{"t":"2026-11-25T13:27:36+00:00","ms":1795613256.920,"c":"127.0.0.1","p":"50644","u":"","r":"GET http://h'
        b'.example/\\"two HTTP/1.1","uri":"/two","h":"h.example","s":502,"b":314,"l":122,"rt":0.250,'
        b'"up":"127.0.0.1:1, 127.0.0.1:2","us":"502, 502","ua":"a\\"b\\\\c"}'
    )
    assert one(JSON, line) == Request(
        "h.example", 80, Outcome.FAILED, 1_795_613_256_670_000, 1_795_613_256_920_000, Endpoint("127.0.0.1", 50644),
        "127.0.0.1", 122, 314, "502",
    )  # fmt: skip


def test_without_escapes_the_first_that_fits_counts() -> None:
    line = b'127.0.0.1|50702|1795613257.142|GET http://b\xc3\xbccher.example/"\x01 HTTP/1.1|400|309|0.001||'
    request = one(BARE, line)
    assert (request.host, request.outcome, request.reason) == ("xn--bcher-kva.example", Outcome.FAILED, "400")
    forged = b"127.0.0.1|1|1795613257.142|GET http://evil.example/|200|1|0.001|1.2.3.4:80| HTTP/1.1|403|309|0.001||curl"
    assert one(BARE, forged).host == "evil.example"


def test_where_the_line_says_who_was_asked_the_answer_of_the_far_side_is_its_own() -> None:
    line = b"10.0.0.1|1|1795613257.142|GET http://a.example/ HTTP/1.1|403|309|0.001|%s|curl"
    assert one(BARE, line % b"198.51.100.7:80").outcome is Outcome.CLOSED
    assert one(BARE, line % b"").outcome is Outcome.DENIED
    assert one(BARE, (line % b"").replace(b"|403|", b"|499|")).outcome is Outcome.RESET


def test_the_connect_module_names_host_port_and_address() -> None:
    format_ = log_format_reader("$remote_addr:$remote_port $msec $status $connect_host $connect_port $connect_addr")
    request = one(format_, b"2001:db8::7:5000 1795613257.142 502 a.example 8443 198.51.100.7:8443")
    assert request.client == Endpoint("2001:db8::7", 5000)
    assert (request.host, request.port, request.address) == ("a.example", 8443, "198.51.100.7")
    assert request.outcome is Outcome.REFUSED
    assert one(format_, b"10.0.0.1:5000 1795613257.142 502 a.example 8443 -").outcome is Outcome.FAILED


def test_a_tunnel_is_not_as_small_as_its_request() -> None:
    format_ = log_format_reader('$msec "$request" $status $request_length $bytes_sent')
    assert one(format_, b'1795613257.142 "CONNECT a.example:443 HTTP/1.1" 200 110 99').bytes_sent is None
    assert one(format_, b'1795613257.142 "GET http://a.example/ HTTP/1.1" 200 110 99').bytes_sent == 110


def test_a_line_without_a_time_ended_when_it_was_read() -> None:
    format_ = log_format_reader("$ssl_preread_server_name $session_time")
    request = one(format_, b"a.example 2.500")
    assert (request.started_us, request.ended_us) == (CLOCK.now_us - 2_500_000, CLOCK.now_us)


def test_a_user_name_with_spaces_moves_nothing() -> None:
    line = b'10.0.0.1 - al [x] ice [23/Nov/2026:10:29:29 +0000] "CONNECT a.example:443 HTTP/1.1" 200 12 "-" "-"'
    assert one(COMBINED, line).host == "a.example"


def test_a_line_cut_short_counts_as_far_as_it_goes() -> None:
    start = b'10.0.0.1 - - [23/Nov/2026:10:29:29 +0000] "'
    long = start + b"GET http://evil.example/?" + rb"\xFF" * LINE_MAX
    request = one(COMBINED, long[:LINE_MAX])
    assert (request.host, request.port, request.outcome) == ("evil.example", 80, Outcome.UNKNOWN)
    within = start + b"CONNECT " + b"a." * 600
    assert one(COMBINED, within).host is None
    behind = start + b'CONNECT a.example:443 HTTP/1.1" 403 12 "-" "' + b"x" * 1200
    assert (one(COMBINED, behind).host, one(COMBINED, behind).outcome) == ("a.example", Outcome.DENIED)


@pytest.mark.parametrize(
    ("spec", "lacks"),
    [
        ("$remote_addr [$time_local] $protocol $status $bytes_sent $session_time", "$ssl_preread_server_name"),
        ("$remote_addr $session_time $upstream_addr", "only the address that was reached"),
        ('$remote_addr "$request_method $request_uri" $status', "add $request"),
        ("$remote_addr $connect_host", ""),
    ],
)
def test_a_format_without_a_destination_says_what_to_add(spec: str, lacks: str) -> None:
    found = log_format_reader(spec).lacks
    assert lacks in found
    assert bool(found) == bool(lacks)


def test_a_stream_line_without_a_name_still_tells_how_it_went() -> None:
    basic = BY_NAME["nginx-stream-basic"]
    assert "$ssl_preread_server_name" in basic.lacks
    request = one(basic, b"10.0.0.1 [23/Nov/2026:10:29:29 +0000] TCP 502 0 0 60.001")
    assert (request.host, request.outcome, request.client) == (None, Outcome.TIMED_OUT, Endpoint("10.0.0.1", 0))


@pytest.mark.parametrize(
    ("spec", "escape", "word"),
    [
        ("no variables", "default", "no $variable"),
        ("$remote_addr costs 5$ $request", "default", "not followed by the name"),
        ("$remote_addr $request", "xml", "none of default, json and none"),
        ("$remote_addr $connect_host$http_user_agent", "default", "side by side"),
        ("$request " * 1000, "default", "longer than"),
    ],
)
def test_a_format_that_cannot_be_read_says_why(spec: str, escape: str, word: str) -> None:
    with pytest.raises(ValueError, match=re.escape(word)):
        log_format_reader(spec, escape)


def test_unneeded_variables_may_stand_side_by_side() -> None:
    format_ = log_format_reader('$scheme://$host$request_uri ${remote_addr} "$request" $status')
    assert one(format_, b'http://a.example/x 10.0.0.1 "GET http://b.example/x HTTP/1.1" 200').host == "b.example"


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"10.0.0.1",
        b'10.0.0.1 - - [99/Foo/2026:10:29:29 +0000] "CONNECT a.example:443 HTTP/1.1" 200 12 "-" "-"',
        b'10.0.0.1 - - [23/Nov/2026:10:29:29 +0000] "CONNECT a.b:443 HTTP/1.1" 200 1 "-" "-" TCP_TUNNEL:HIER_NONE',
        b"1795428391.220      5 172.18.0.4 TCP_TUNNEL/200 2730 CONNECT a.example:443 - HIER_DIRECT/198.51.100.22 -",
    ],
)
def test_another_format_is_not_taken_for_this_one(line: bytes) -> None:
    assert COMBINED.begin(b"").read(line, CLOCK) is None


def test_nothing_is_remembered() -> None:
    reader = COMBINED.begin(b"")
    assert (reader.save(), list(reader.settle(CLOCK.now_us))) == (b"", [])
    with pytest.raises(ValueError, match="remembers nothing"):
        COMBINED.begin(b"x")


@given(hostile(lines_of(FOLDER / "connect_module_combined.log") + lines_of(FOLDER / "stream_sni.log")))
@settings(max_examples=400, deadline=None)
def test_no_line_does_harm(line: bytes) -> None:
    for format_ in (*FORMATS, JSON, BARE):
        assert all(is_inert(request) for request in format_.begin(b"").read(line, CLOCK) or ())


@pytest.mark.parametrize("piece", [b" ", b'" ', b"[", b" [23/Nov/2026:10:29:29 +0000] ", b'" 200 1 "', b"|1|"])
def test_no_line_takes_long(piece: bytes) -> None:
    starts = [b"10.0.0.1 - ", b'10.0.0.1 - - [23/Nov/2026:10:29:29 +0000] "GET http://', b"10.0.0.1|1|1795613257.142|"]
    began = time.process_time()
    for start in starts:
        for format_ in (*FORMATS, JSON, BARE):
            format_.begin(b"").read((start + piece * LINE_MAX)[:LINE_MAX], CLOCK)
    assert time.process_time() - began < 2
