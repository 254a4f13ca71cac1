"""What the end of a log tells, and what a proxy has to be told so that its lines say all that is needed."""

import gzip
import os
import sys
import tomllib
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path

import pytest

from tests.proxylog.ledger import LOGS
from tests.proxylog.reading import us
from tui.model.connection import Endpoint, Outcome
from tui.proxylog import advice
from tui.proxylog.advice import Advice, advice_for
from tui.proxylog.catalogue import formats_for
from tui.proxylog.format import Clock, Format
from tui.proxylog.glance import BYTES_MAX, LINES_MAX, Glance, glance
from tui.proxylog.reading import Reading

CLOCK = Clock(us("2026-11-23T11:00:00Z"), UTC)
CLIENT = Endpoint("172.18.0.4", 51234)
NATIVE = (
    b"1795428391.220      5 172.18.0.4 TCP_TUNNEL/200 2730 CONNECT a%d.example.com:443 - HIER_DIRECT/198.51.100.22 -\n"
)


def at(path: Path, formats: Sequence[Format] = formats_for("auto")) -> Glance:
    return glance(os.fsencode(path), formats, CLOCK)


def read(words: str, line: bytes) -> Glance:
    """What one line tells in a format."""
    reading = Reading(formats_for(words))
    requests = reading.read([line], CLOCK)
    assert reading.counts.unparsed == 0
    return Glance(1, reading.formats, " ".join(reading.lacks), requests=tuple(requests))


LINES = {
    advice.SQUID: b"1795428391.220      5 172.18.0.4:51234 TCP_TUNNEL/200 2730 CONNECT api.stripe.com:443 - "
    b"HIER_DIRECT/198.51.100.22 -",
    advice.SQUID_BUMP: b"1795428391.220      5 172.18.0.4:51234 TCP_TUNNEL/200 2730 CONNECT api.stripe.com:443 splice "
    b"- HIER_DIRECT/198.51.100.22 -",
    advice.NGINX_HTTP: b'172.18.0.4:51234 [2026-11-23T10:36:25+00:00] "CONNECT api.stripe.com:443 HTTP/1.1" 200 2730 '
    b"0.005",
    advice.NGINX_STREAM: b"172.18.0.4:51234 [2026-11-23T10:36:25+00:00] 200 2730/517 0.005 "
    b'sni="api.stripe.com" alpn="h2" proto="TLSv1.3" upstream="198.51.100.22:443"',
    advice.HAPROXY_TCP: b"172.18.0.4:51234 [23/Nov/2026:10:36:25.192] egress names/resolved 1/2/30 2730 -- "
    b"1/1/0/0/0 0/0 {api.stripe.com}",
    advice.ENVOY: b'[2026-11-23T10:36:25.192Z] "CONNECT - HTTP/1.1" 200 DC 741 2459 9 - "-" "axios" "c6" '
    b'"api.stripe.com:443" "198.51.100.22:443" "172.18.0.4:51234" "-"',
}
"""A line as each proxy writes it that is set up as it is told to."""


@pytest.mark.parametrize("told", LINES, ids=lambda told: f"{told.proxy} {told.directive[:40]}")
def test_what_a_proxy_is_told_to_log_gives_the_client_with_its_port_and_the_destination(told: Advice) -> None:
    words = f"{told.proxy}: {told.words}" if told.words else "auto"
    found = read(words, LINES[told])
    (request,) = found.requests
    assert (request.client, request.host, request.outcome) == (CLIENT, "api.stripe.com", Outcome.CLOSED)
    assert found.has_port
    assert not found.lacks


def test_what_squid_ends_says_so_itself_where_it_is_told_to_log_its_bump_mode() -> None:
    line = b"1795428391.220      0 172.18.0.4:51234 NONE_NONE/200 0 CONNECT evil.example:443 terminate - HIER_NONE/- -"
    (request,) = read(f"squid: {advice.SQUID_BUMP.words}", line).requests
    assert (request.outcome, request.client) == (Outcome.DENIED, CLIENT)


@pytest.mark.parametrize("told", [*LINES, advice.HAPROXY_HTTP, advice.TINYPROXY])
def test_what_is_to_be_copied_is_one_line_for_the_proxy_and_one_for_us(told: Advice) -> None:
    first, *rest = told.lines.split("\n")
    assert first.startswith(f"{told.directive}   # ")
    assert len(rest) == (1 if told.words else 0)
    for line in rest:
        assert formats_for(tomllib.loads(line)["format"])[0].lacks == ""


@pytest.mark.parametrize(
    ("log", "format", "has_client", "has_port", "is_bumped"),
    [
        ("squid/squid.log", "squid", True, False, False),
        ("squid/combined.log", "squid-combined", True, False, False),
        ("squid/sslbump_splice_squid.log", "squid", True, False, True),
        ("smokescreen/report.log", "smokescreen", True, True, False),
        ("envoy/http_default.log", "envoy", False, False, False),
        ("envoy/sni_istio_json.log", "istio-json", True, True, False),
        ("nginx/stream_sni.log", "nginx-stream-sni", True, True, False),
        ("nginx/connect_module_combined.log", "nginx-combined", True, False, False),
        ("haproxy/httplog_raw.log", "haproxy-httplog", True, True, False),
        ("tinyproxy/info.log", "tinyproxy", True, False, False),
        ("mitmdump/default_fd1.log", "mitmdump", True, True, False),
    ],
)
def test_a_real_log_is_known_by_its_end(
    log: str, format: str, has_client: bool, has_port: bool, is_bumped: bool
) -> None:
    found = at(LOGS / log)
    assert found.formats[0].name == format
    assert (found.has_client, found.has_port, found.is_bumped) == (has_client, has_port, is_bumped)
    assert found.requests


@pytest.mark.parametrize(
    ("answer", "is_bumped"), [(b"200 0 NONE_NONE:HIER_NONE", True), (b"503 0 NONE_NONE:HIER_NONE", False)]
)
def test_what_squid_looks_into_is_known_in_the_formats_of_httpd_too(
    tmp_path: Path, answer: bytes, is_bumped: bool
) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(b'172.18.0.4 - - [23/Nov/2026:10:09:19 +0000] "CONNECT a.example:443 HTTP/1.1" %b\n' % answer)
    found = at(log)
    assert found.formats[0].name == "squid-common"
    assert found.is_bumped is is_bumped
    assert advice_for("squid-common", is_bumped=True) is advice.SQUID_BUMP


def test_no_more_than_the_last_lines_are_looked_at(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    with log.open("wb") as file:
        file.write(b"what is this\n" * 1_000)
        file.writelines(NATIVE % number for number in range(LINES_MAX))
        file.write(b"not whole yet")
    found = at(log)
    assert (found.lines, len(found.requests), found.unparsed) == (LINES_MAX, LINES_MAX, 0)
    assert found.requests[0].host == "a0.example.com"


def test_a_log_of_any_size_costs_the_same(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    with log.open("wb") as file:
        file.truncate(1 << 40)
        file.seek(0, os.SEEK_END)
        file.write(b"\n" + NATIVE % 7)
    found = at(log)
    assert [request.host for request in found.requests] == ["a7.example.com"]


def test_a_line_that_fills_the_whole_end_is_no_line(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(b"x" * (2 * BYTES_MAX))
    assert at(log).lines == 0


@pytest.mark.parametrize("text", [b"", b"\n", b"half a line", b"\0" * 100])
def test_what_has_no_line_has_no_format(tmp_path: Path, text: bytes) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(text)
    found = at(log)
    assert (found.formats, found.requests) == ((), ())


def test_a_look_leaves_no_descriptor_and_the_file_as_it_was(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(NATIVE % 1)
    before, open_ones = log.stat(), set(os.listdir("/proc/self/fd"))
    at(log)
    assert set(os.listdir("/proc/self/fd")) == open_ones
    assert (log.stat().st_mtime_ns, log.stat().st_size) == (before.st_mtime_ns, before.st_size)


def test_what_is_no_file_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "access.log")
    with pytest.raises(OSError, match="Not a regular file"):
        at(tmp_path / "access.log")


def test_an_archive_is_told_as_such(tmp_path: Path) -> None:
    log = tmp_path / "access.log.gz"
    log.write_bytes(gzip.compress(NATIVE % 1))
    assert at(log).is_packed


def test_hostile_lines_are_told_inert(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(b"\x1b[2J\xe2\x80\xae [red]\xff\n")
    assert at(log).last_unparsed.isprintable()
    assert sys.getsizeof(at(log).last_unparsed) < 2_000
