"""What Squid's own formats tell, against what was really asked of it."""

from collections.abc import Sequence
from datetime import UTC

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.model.connection import Endpoint, Outcome
from tui.model.request import Request
from tui.proxylog.format import LINE_MAX, Clock, Format
from tui.proxylog.formats.squid import FORMATS
from tui.proxylog.formats.squid_logformat import logformat_reader

CLOCK = Clock(1_795_430_000_000_000, UTC)
FORMAT = {form.name: form for form in FORMATS}
NATIVE = FORMAT["squid"]
ISO = logformat_reader(
    "logformat isots %{%Y-%m-%dT%H:%M:%S%z}tl %6tr %>a:%>p %Ss/%03>Hs %<st %rm %ru %[un %Sh/%<a:%<p %mt"
)
SNI = logformat_reader('%ts.%03tu %6tr %>a %Ss/%03>Hs %<st %rm %ru %ssl::bump_mode "%ssl::>sni" %[un %Sh/%<a %mt')


def read(form: Format, lines: Sequence[bytes]) -> list[Request]:
    reader = form.begin(b"")
    requests: list[Request] = []
    for line in lines:
        got = reader.read(line, CLOCK)
        assert got is not None, line
        requests.extend(got)
    return [*requests, *reader.settle(CLOCK.now_us + 3_600_000_000)]


def one(line: str, form: Format = NATIVE) -> Request:
    (request,) = read(form, [line.encode()])
    return request


def test_a_line_tells_when_it_began_who_asked_and_where_the_proxy_went() -> None:
    assert one(
        "1795428524.336   5240 172.18.0.5 TCP_TUNNEL/200 2730 CONNECT api.stripe.com:443 - HIER_DIRECT/198.51.100.22 -"
    ) == Request(
        "api.stripe.com",
        443,
        Outcome.CLOSED,
        1_795_428_519_096_000,
        1_795_428_524_336_000,
        Endpoint("172.18.0.5", 0),
        "198.51.100.22",
        None,
        2730,
        "TCP_TUNNEL/200",
    )


@pytest.mark.parametrize(
    ("words", "outcome"),
    [
        ("9 1.2.3.4 TCP_MISS/200 40 CONNECT a.example:443 - DIRECT/1.2.3.5 -", Outcome.CLOSED),
        ("9 1.2.3.4 TCP_TUNNEL/200 39 CONNECT a.example:443 - HIER_DIRECT/1.2.3.5 -", Outcome.CLOSED),
        ("9 1.2.3.4 TAG_NONE/503 0 CONNECT a.example:443 - HIER_NONE/- -", Outcome.FAILED),
        ("9 1.2.3.4 NONE_NONE/500 0 CONNECT a.example:443 - HIER_NONE/- -", Outcome.FAILED),
        ("9 1.2.3.4 TCP_TUNNEL/503 3400 CONNECT a.example:443 - HIER_NONE/- -", Outcome.FAILED),
        ("0 1.2.3.4 NONE_NONE/503 0 CONNECT a.example:443 - HIER_DIRECT/1.2.3.5 -", Outcome.REFUSED),
        ("0 1.2.3.4 TCP_TUNNEL/503 3400 CONNECT a.example:443 - HIER_DIRECT/1.2.3.5 -", Outcome.REFUSED),
        ("60012 1.2.3.4 TCP_TUNNEL/503 3400 CONNECT a.example:443 - HIER_DIRECT/1.2.3.5 -", Outcome.TIMED_OUT),
        ("60012 1.2.3.4 TCP_MISS/503 3400 GET http://a.example/ - TIMEOUT_HIER_DIRECT/1.2.3.5 -", Outcome.TIMED_OUT),
        ("0 1.2.3.4 TCP_DENIED/403 3453 CONNECT a.example:443 - HIER_NONE/- text/html", Outcome.DENIED),
        ("0 1.2.3.4 TCP_DENIED_ABORTED/403 3453 CONNECT a.example:443 - HIER_NONE/- text/html", Outcome.DENIED),
        ("0 1.2.3.4 TCP_DENIED/407 3453 CONNECT a.example:443 - HIER_NONE/- text/html", Outcome.DENIED),
        ("0 1.2.3.4 TCP_DENIED_REPLY/403 3453 GET http://a.example/ - HIER_DIRECT/1.2.3.5 text/html", Outcome.DENIED),
        ("0 1.2.3.4 TCP_REDIRECT/302 353 GET http://a.example/ - HIER_NONE/- -", Outcome.DENIED),
        ("0 1.2.3.4 TCP_TUNNEL/403 353 CONNECT a.example:443 - FIRSTUP_PARENT/10.0.0.9 -", Outcome.DENIED),
        ("0 1.2.3.4 NONE_NONE/409 4000 CONNECT a.example:443 - HIER_NONE/- text/html", Outcome.DENIED),
        ("9 1.2.3.4 TCP_MISS/403 900 GET http://a.example/ - HIER_DIRECT/1.2.3.5 text/html", Outcome.CLOSED),
        ("9 1.2.3.4 TCP_MISS/500 900 GET http://a.example/ - HIER_DIRECT/1.2.3.5 text/html", Outcome.CLOSED),
        ("9 1.2.3.4 TCP_MISS/503 90 GET http://a.example/ - HIER_DIRECT/1.2.3.5 application/json", Outcome.CLOSED),
        ("9 1.2.3.4 TCP_MEM_HIT/200 90 GET http://a.example/ - HIER_NONE/- image/png", Outcome.CLOSED),
        ("9 1.2.3.4 TCP_CF_MISS/200 90 GET http://a.example/ - HIER_DIRECT/1.2.3.5 image/png", Outcome.CLOSED),
        ("9 1.2.3.4 TCP_MISS/502 3434 GET http://a.example/ - HIER_NONE/- text/html", Outcome.FAILED),
        ("9 1.2.3.4 TCP_MISS/503 3434 GET http://a.example/ - HIER_NONE/- text/html", Outcome.FAILED),
        ("9 1.2.3.4 TCP_MISS/502 3434 GET http://a.example/ - HIER_DIRECT/1.2.3.5 text/html", Outcome.FAILED),
        ("9 1.2.3.4 TCP_MISS_ABORTED/502 3434 GET http://a.example/ - HIER_DIRECT/1.2.3.5 text/html", Outcome.FAILED),
        ("9 1.2.3.4 TCP_MISS_ABORTED/503 3434 GET http://a.example/ - HIER_NONE/- text/html", Outcome.FAILED),
        ("9 1.2.3.4 TCP_MISS_ABORTED/503 3434 GET http://a.example/ - HIER_DIRECT/1.2.3.5 text/html", Outcome.REFUSED),
        ("9 1.2.3.4 TCP_MISS_TIMEDOUT/503 34 GET http://a.example/ - HIER_DIRECT/1.2.3.5 text/html", Outcome.TIMED_OUT),
        ("9 1.2.3.4 TCP_MISS/504 3434 GET http://a.example/ - HIER_DIRECT/1.2.3.5 text/html", Outcome.TIMED_OUT),
        ("9 1.2.3.4 TCP_MISS_ABORTED/000 0 GET http://a.example/ - HIER_DIRECT/1.2.3.5 -", Outcome.RESET),
        ("9 1.2.3.4 TCP_MISS_ABORTED/200 999 GET http://a.example/ - HIER_DIRECT/1.2.3.5 -", Outcome.RESET),
        ("9 1.2.3.4 NONE_NONE/000 0 CONNECT a.example:443 - HIER_NONE/- -", Outcome.RESET),
        ("9 1.2.3.4 NONE_NONE_ABORTED/200 0 CONNECT a.example:443 - HIER_NONE/- -", Outcome.RESET),
        ("9 1.2.3.4 TCP_TUNNEL/500 0 CONNECT a.example:443 - HIER_DIRECT/1.2.3.5 -", Outcome.RESET),
    ],
)  # fmt: skip
def test_every_version_s_words_for_an_outcome_are_known(words: str, outcome: Outcome) -> None:
    request = one(f"1795428518.343 {words}")
    assert (request.host, request.outcome) == ("a.example", outcome)
    assert request.reason == words.split()[2]


@pytest.mark.parametrize(
    "words",
    [
        "172.18.0.4 NONE_NONE/000 0 - error:transaction-end-before-headers - HIER_NONE/- -",
        "172.18.0.4 TAG_NONE/400 4056 NONE error:invalid-request - HIER_NONE/- text/html",
        "172.18.0.4 NONE_NONE/431 3671 GET error:request-too-large - HIER_NONE/- text/html",
        "172.18.0.4 NONE_NONE/400 4116 CONNECT error:invalid-request - HIER_NONE/- text/html",
        "172.18.0.4 NONE_NONE/400 3616 GET /index.html - HIER_NONE/- text/html",
        "172.18.0.4 TCP_MISS/200 3616 GET cache_object://localhost/info - HIER_NONE/- text/plain",
        "172.18.0.4 UDP_MISS/000 64 ICP_QUERY http://a.example/ - HIER_NONE/- -",
    ],
)
def test_health_checks_and_broken_requests_are_no_requests(words: str) -> None:
    assert read(NATIVE, [f"1795428518.343 0 {words}".encode()]) == []


@pytest.mark.parametrize(
    ("words", "is_claimed"),
    [
        ("TCP_TUNNEL/200 2427 CONNECT api.stripe.com:443 - ORIGINAL_DST/192.0.2.66 -", True),
        ("TCP_TUNNEL/200 2427 CONNECT api.stripe.com:443 - HIER_DIRECT/198.51.100.22 -", False),
        ("TCP_TUNNEL/200 2427 CONNECT 192.0.2.66:443 - ORIGINAL_DST/192.0.2.66 -", False),
    ],
)
def test_the_name_in_an_intercepted_tunnel_is_only_what_its_client_claims(words: str, is_claimed: bool) -> None:
    assert one(f"1795428391.220 6000 172.18.0.4 {words}").is_claimed is is_claimed


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("HIER_DIRECT/198.51.100.26", "198.51.100.26"),
        ("ORIGINAL_DST/2001:db8:a::66", "2001:db8:a::66"),
        ("TIMEOUT_HIER_DIRECT/198.51.100.26", "198.51.100.26"),
        ("PINNED/198.51.100.26", "198.51.100.26"),
        ("FIRSTUP_PARENT/10.0.0.1", None),
        ("HIER_DIRECT/names.example", None),
        ("HIER_NONE/-", None),
    ],
)
def test_only_the_destination_s_own_address_is_its_address(peer: str, address: str | None) -> None:
    assert one(f"1795428518.343 8 ::1 TCP_TUNNEL/200 98 CONNECT a.example:443 - {peer} -").address == address


def test_a_user_with_spaces_shifts_no_field_and_goes_nowhere() -> None:
    request = one(
        "1795428537.648 0 172.18.0.5 TCP_MISS/200 257 GET http://u:pw@a.example/secret?t=1 al ice "
        "HIER_DIRECT/172.20.0.10 application/json"
    )
    assert (request.host, request.port, request.address) == ("a.example", 80, "172.20.0.10")
    for secret in ("al ice", "ice", "pw", "secret", "t=1"):
        assert secret not in str(request)


HEADERS = " [User-Agent: x HIER_DIRECT/6.6.6.6 y\\r\\nAuthorization: Basic c2VjcmV0\\r\\n] [HTTP/1.1 200\\r\\n%5Bx\\r]"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (
            "squid",
            "1795428537.648 0 172.18.0.5 TCP_MISS/200 257 GET http://a.example/ - HIER_DIRECT/172.20.0.10 text/html",
        ),
        (
            "squid-common",
            '172.18.0.5 - - [23/Nov/2026:10:08:57 +0000] "GET http://a.example/ HTTP/1.1" 200 257 TCP_MISS:HIER_DIRECT',
        ),
        (
            "squid-combined",
            '172.18.0.5 - - [23/Nov/2026:10:08:57 +0000] "GET http://a.example/ HTTP/1.1" 200 257 "-" "curl/7.88.1" '
            "TCP_MISS:HIER_DIRECT",
        ),
    ],
)
def test_headers_in_the_log_change_nothing(name: str, line: str) -> None:
    plain = one(line, FORMAT[name])
    assert (plain.host, plain.outcome, plain.bytes_received) == ("a.example", Outcome.CLOSED, 257)
    assert one(line + HEADERS, FORMAT[name]) == plain


def test_a_user_agent_cannot_forge_the_end_of_a_combined_line() -> None:
    request = one(
        '172.18.0.5 - - [23/Nov/2026:10:08:57 +0000] "CONNECT evil.example:443 HTTP/1.1" 403 257 "-" '
        '"x" TCP_TUNNEL:HIER_DIRECT [a] [" TCP_DENIED:HIER_NONE [User-Agent: %5B] [HTTP/1.1 403]',
        FORMAT["squid-combined"],
    )
    assert (request.outcome, request.reason) == (Outcome.DENIED, "TCP_DENIED/403")


def test_times_with_a_zone_are_moved_to_utc() -> None:
    request = one(
        '::1 - - [23/Nov/2026:15:38:57 +0530] "CONNECT a.example:443 HTTP/1.1" 200 39 TCP_TUNNEL:HIER_DIRECT',
        FORMAT["squid-common"],
    )
    assert (request.started_us, request.ended_us) == (None, 1_795_428_537_000_000)


def test_the_referrer_log_names_a_destination_and_the_user_agent_log_says_that_it_cannot() -> None:
    request = one("1795613238.169 127.0.0.1 http://r/ b http://evil.example/x", FORMAT["squid-referrer"])
    assert (request.host, request.outcome, FORMAT["squid-referrer"].lacks) == ("evil.example", Outcome.UNKNOWN, "")
    assert "%ru" in FORMAT["squid-useragent"].lacks
    line = '127.0.0.1 [25/Nov/2026:13:27:18 +0000] "ev" url="http://forged/" [x] \\ a"'
    assert one(line, FORMAT["squid-useragent"]).host is None


@pytest.mark.parametrize("host", [b"ev\x1b[31mil", b"[red]x[/red]", b"\xff\xfevil.example", b'ev"il', b"\x00", b"\x85"])
def test_hostile_hosts_are_seen_and_inert(host: bytes) -> None:
    line = b"1795428548.280 0 172.18.0.3 TCP_DENIED/403 3487 CONNECT %b:443 - HIER_NONE/- text/html" % host
    (request,) = read(NATIVE, [line])
    assert request.outcome is Outcome.DENIED
    assert request.host is None or (request.host.startswith("\\") and request.host.isprintable())


def test_a_path_too_long_for_the_line_does_not_hide_its_destination() -> None:
    line = b"1795428548.280 0 ::1 TCP_MISS/200 34 POST http://evil.example/" + b"a" * LINE_MAX
    (request,) = read(NATIVE, [line[:LINE_MAX]])
    assert (request.host, request.port, request.outcome) == ("evil.example", 80, Outcome.CLOSED)
    line = b'::1 - - [23/Nov/2026:15:38:57 +0530] "POST http://evil.example/' + b"a" * LINE_MAX
    (request,) = read(FORMAT["squid-combined"], [line[:LINE_MAX]])
    assert (request.host, request.port, request.outcome) == ("evil.example", 80, Outcome.UNKNOWN)


@pytest.mark.parametrize("name", ["squid", "squid-combined", "squid-common"])
def test_a_line_cut_short_names_no_half_host(name: str) -> None:
    line = {
        "squid": b"1795428518.343 8 172.18.0.3 TCP_MISS/200 24 GET http://sentry.example/ - HIER_DIRECT/192.0.2.1 -",
        "squid-common": b'::1 - - [23/Nov/2026:15:38:57 +0530] "GET http://sentry.example/ HTTP/1.1" 200 9 '
        b"TCP_MISS:HIER_DIRECT",
        "squid-combined": b'::1 - - [23/Nov/2026:15:38:57 +0530] "GET http://sentry.example/ HTTP/1.1" 200 9 "-" "x" '
        b"TCP_MISS:HIER_DIRECT",
    }[name]  # fmt: skip
    for end in range(len(line)):
        for request in FORMAT[name].begin(b"").read(line[:end], CLOCK) or ():
            assert request.host == "sentry.example"


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b" ",
        b"nonsense",
        b"1795428518.343 8 172.18.0.3 TCP_TUNNEL/200",
        b"1795428518 8 172.18.0.3 TCP_TUNNEL/200 98 CONNECT a.example:443 - HIER_DIRECT/198.51.100.26 -",
        b"1795428518.343 8 172.18.0.3 TCP_TUNNEL/20x 98 CONNECT a.example:443 - HIER_DIRECT/198.51.100.26 -",
        b"1795428518.343 8 172.18.0.3 TCP_TUNNEL/200 -98 CONNECT a.example:443 - HIER_DIRECT/198.51.100.26 -",
        b"1795428518.343 8 172.18.0.3 TCP_TUNNEL/200 98 CONNECT a.example:443 - a -",
        b"1795428518.343 8 172.18.0.3 TCP_TUNNEL/200 %b CONNECT a.example:443 - HIER_DIRECT/- -" % (b"9" * 5_000),
        b"9" * 40 + b".343 8 172.18.0.3 TCP_TUNNEL/200 98 CONNECT a.example:443 - HIER_DIRECT/- -",
        b"2026/11/25 13:27:15| Starting Squid Cache version 5.7 for x86_64-pc-linux-gnu...",
    ],
)
def test_lines_of_other_kinds_are_not_of_this_format(line: bytes) -> None:
    assert NATIVE.begin(b"").read(line, CLOCK) is None


TEXT = st.binary(max_size=60)
WORD = st.one_of(
    TEXT,
    st.sampled_from([b"-", b"CONNECT", b"NONE_NONE/200", b"NONE_NONE/000", b"TCP_DENIED/407", b"0", b"1795428518.343"]),
    st.sampled_from([b"a.example:443", b"http://[::1", b"HIER_DIRECT/1.2.3.4", b"1.2.3.4", b"ORIGINAL_DST/::", b"[x]"]),
)


@settings(max_examples=400, deadline=None)
@given(
    lines=st.lists(st.one_of(TEXT, st.lists(WORD, max_size=14).map(b" ".join)), max_size=8),
    form=st.sampled_from([*FORMATS, ISO, SNI]),
)
def test_no_line_raises_and_no_host_can_move_a_terminal(lines: list[bytes], form: Format) -> None:
    reader = form.begin(b"")
    requests = [request for line in lines for request in reader.read(line, CLOCK) or ()]
    saved = reader.save()
    requests += reader.settle(CLOCK.now_us + 3_600_000_000)
    assert form.begin(saved).save() == saved
    for request in requests:
        assert request.host is None or request.host.isprintable()
        assert request.reason.isprintable()


@settings(max_examples=400, deadline=None)
@given(words=st.tuples(*[WORD] * 10))
def test_no_words_in_a_native_line_raise(words: tuple[bytes, ...]) -> None:
    line = b"1795428518.343 8 172.18.0.3 TCP_MISS/200 98 " + b" ".join(words)
    for request in NATIVE.begin(b"").read(line, CLOCK) or ():
        assert request.host is None or request.host.isprintable()
        assert request.address is None or request.address.isprintable()
