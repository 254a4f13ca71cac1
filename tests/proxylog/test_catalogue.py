"""The words by which an operator names the format of a log."""

import pytest

from tests.proxylog.reading import clock
from tui.model.connection import Outcome
from tui.model.request import Request
from tui.proxylog.catalogue import FORMATS, PROXIES, formats_for


def names(word: str) -> list[str]:
    return [each.name for each in formats_for(word)]


def one(word: str, line: bytes) -> Request:
    """The one request of a line in the format of these words."""
    [form] = formats_for(word)
    told = form.begin(b"").read(line, clock())
    assert told is not None
    [request] = told
    return request


def test_auto_is_every_format_once() -> None:
    assert formats_for("auto") == FORMATS
    every = [each.name for each in FORMATS]
    assert len(set(every)) == len(every)
    assert {name.partition("-")[0] for name in every} == set(PROXIES)


def test_a_format_that_another_reads_too_comes_before_it() -> None:
    every = [each.name for each in FORMATS]
    for each in FORMATS:
        if each.part_of:
            assert every.index(each.name) < every.index(each.part_of)


def test_a_proxy_is_all_of_its_formats() -> None:
    assert names("squid")[0] == "squid"
    assert {"squid-common", "squid-combined"} < set(names("squid"))
    assert names("tinyproxy") == ["tinyproxy-notice", "tinyproxy"]
    assert names("istio") == ["istio-json", "istio"]
    assert names("envoy") == ["envoy-tcp", "envoy"]
    assert names("smokescreen") == ["smokescreen"]
    assert names(" Mitmdump ") == ["mitmdump"]
    assert sorted(name for proxy in PROXIES for name in names(proxy)) == sorted(each.name for each in FORMATS)


def test_a_format_is_itself() -> None:
    assert names("squid-combined") == ["squid-combined"]
    assert names("haproxy-tcplog") == ["haproxy-tcplog"]


@pytest.mark.parametrize(
    "words",
    ["squid: %ts.%03tu %>a %Ss/%03>Hs %rm %ru", "squid:logformat mine %ts.%03tu %>a %Ss/%03>Hs %rm %ru"],
)
def test_squid_s_own_words(words: str) -> None:
    request = one(words, b"1795428518.343 172.18.0.3 TCP_TUNNEL/200 CONNECT github.com:443")
    assert (request.host, request.port, request.outcome) == ("github.com", 443, Outcome.CLOSED)


@pytest.mark.parametrize(
    "words",
    [
        'nginx: $remote_addr [$time_local] "$request" $status',
        "nginx: log_format main '$remote_addr [$time_local] '\n    '\"$request\" $status';",
        'nginx: log_format main escape=json "$remote_addr [$time_local] \\"$request\\" $status";',
    ],
)
def test_nginx_s_own_words(words: str) -> None:
    request = one(words, b'172.18.0.3 [23/Nov/2026:10:29:29 +0000] "CONNECT github.com:443 HTTP/1.1" 200')
    assert (request.host, request.port, request.outcome) == ("github.com", 443, Outcome.CLOSED)


def test_nginx_s_escape_is_taken_from_its_words() -> None:
    line = b'{"c":"172.18.0.3","r":"CONNECT [2001:db8::20]:443 HTTP\\/1.1","s":"200","u":"a \\" b"}'
    spec = """'{"c":"$remote_addr","r":"$request","s":"$status","u":"$http_user_agent"}'"""
    assert one(f"nginx: log_format j escape=json {spec};", line).host == "2001:db8::20"


@pytest.mark.parametrize(
    "words",
    [
        "haproxy: %ci:%cp [%t] %ft %ST %{+Q}r",
        'haproxy: log-format "%ci:%cp [%t] %ft %ST %{+Q}r"',
        r"haproxy: log-format %ci:%cp\ [%t]\ %ft\ %ST\ %{+Q}r",
    ],
)
def test_haproxy_s_own_words(words: str) -> None:
    request = one(words, b'10.0.0.1:5 [23/Nov/2026:10:22:43.046] fe 403 "CONNECT evil.example:443 HTTP/1.1"')
    assert (request.host, request.port, request.outcome) == ("evil.example", 443, Outcome.DENIED)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            'envoy: [%START_TIME%] "%REQ(:METHOD)%" %RESPONSE_CODE% "%REQ(:AUTHORITY)%"',
            b'[2026-11-23T10:36:25.192Z] "CONNECT" 200 "github.com:443"',
        ),
        (
            'istio: {"t": "%START_TIME%", "m": "%REQ(:METHOD)%", "c": "%RESPONSE_CODE%", "a": "%REQ(:AUTHORITY)%"}',
            b'{"t":"2026-11-23T10:36:25.192Z","m":"CONNECT","c":200,"a":"github.com:443"}',
        ),
    ],
)
def test_envoy_s_own_words(words: str, line: bytes) -> None:
    request = one(words, line)
    assert (request.host, request.port, request.outcome) == ("github.com", 443, Outcome.CLOSED)


def test_own_words_that_name_no_destination_say_what_would() -> None:
    [form] = formats_for("nginx: $remote_addr $status $host")
    assert "add $request" in form.lacks


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("squit", "'squit' is no format of a proxy's log: do you mean 'squid'?"),
        ("haproxy-httpslogs", "do you mean 'haproxy-httpslog'?"),
        ("", "it is one of auto, squid,"),
        ("apache", "'apache' is no format"),
        ("tinyproxy: %s", "'tinyproxy' has no format in words of its own"),
        ("squids: %ru", "do you mean 'squid'?"),
        ("nginx:", "the format of nginx is missing after the colon"),
        ("nginx: $remote_addr $", "a $ in the log_format is not followed by the name of a variable"),
        ("nginx: log_format a '$remote_addr ' '$request", "a quote is not closed: '$request"),
        ("squid: %ts %nonsense", "%n"),
        ("envoy: %START_TIME% %NO_SUCH(%", "%NO_SUCH"),
        ("haproxy: %ci %zz", "%zz"),
    ],
)
def test_what_is_not_understood_is_named(word: str, said: str) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011 - its sentence is what is looked at
        formats_for(word)
    assert said in str(error.value)
