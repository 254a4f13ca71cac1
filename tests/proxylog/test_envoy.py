"""What Envoy and Istio log, beside what was really asked of them."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.proxylog.ledger import LOGS
from tests.proxylog.reading import HOSTILE, clock, is_inert, lines_of, named, told, us
from tui.model.connection import Endpoint, Outcome
from tui.model.request import Request
from tui.proxylog.format import Format
from tui.proxylog.formats.envoy import DEFAULT, FORMATS, ISTIO, ISTIO_JSON, format_reader

CONNECT = (
    '[2026-11-23T10:36:25.192Z] "CONNECT - HTTP/1.1" %s - "-" "axios/1.6.8" "c62ae6c4" '
    '"o447951.ingest.sentry.io:443" "%s"'
)
TCP = '[2026-11-23T10:37:04.423Z] "- - -" 0 %s - "-" "-" "-" "-" "198.51.100.26:443"'
ISTIO_LINE = (
    '[2026-11-23T10:37:04.423Z] "- - -" 0 %s - %s "%s" 741 2483 8 - "-" "-" "-" "-" "198.51.100.26:443" '
    "%s 10.0.0.1:32846 198.51.100.26:443 172.18.0.3:34992 %s -"
)


def read(name: str, *lines: str | bytes) -> list[Request]:
    """What a format makes of lines."""
    return told(named(FORMATS, name).begin(b""), lines, clock())


def custom(spec: str, line: str) -> Request:
    """The one request of a line in an operator's format."""
    (request,) = told(format_reader(spec).begin(b""), [line], clock())
    return request


def test_a_tunnel_that_its_client_ends_got_through() -> None:
    assert read("envoy", CONNECT % ("200 DC 741 2459 9", "198.51.100.26:443")) == [
        Request(
            host="o447951.ingest.sentry.io",
            port=443,
            outcome=Outcome.CLOSED,
            started_us=us("2026-11-23T10:36:25.192Z"),
            ended_us=us("2026-11-23T10:36:25.201Z"),
            client=None,
            address="198.51.100.26",
            bytes_sent=741,
            bytes_received=2459,
            reason="200 DC",
        )
    ]


@pytest.mark.parametrize(
    ("end", "upstream", "outcome"),
    [
        ("403 - 0 19 0", "-", Outcome.DENIED),
        ("403 UAEX 0 19 0", "-", Outcome.DENIED),
        ("429 RL 0 19 0", "-", Outcome.DENIED),
        ("404 NR 0 0 0", "-", Outcome.DENIED),
        ("503 DF 0 22 0", "-", Outcome.FAILED),
        ("503 UH 0 22 0", "-", Outcome.FAILED),
        ("503 UF 0 98 0", "203.0.113.50:443", Outcome.FAILED),
        ("503 UF,URX 0 98 0", "203.0.113.50:443", Outcome.FAILED),
        ("503 UC 0 95 3", "203.0.113.50:443", Outcome.FAILED),
        ("200 UC 0 0 2", "203.0.113.51:443", Outcome.RESET),
        ("0 DC 0 0 2003", "-", Outcome.RESET),
        ("504 UT 0 24 15000", "203.0.113.51:443", Outcome.TIMED_OUT),
    ],
)
def test_how_a_tunnel_went_is_told_by_code_and_flags(end: str, upstream: str, outcome: Outcome) -> None:
    (request,) = read("envoy", CONNECT % (end, upstream))
    assert request.outcome is outcome


@pytest.mark.parametrize(
    ("code", "upstream", "outcome"),
    [(403, "172.20.0.10:80", Outcome.CLOSED), (500, "172.20.0.10:80", Outcome.CLOSED), (403, "-", Outcome.DENIED)],
)
def test_an_error_of_the_far_side_is_no_denial(code: int, upstream: str, outcome: Outcome) -> None:
    line = f'[2026-11-23T10:36:38.976Z] "GET /ip HTTP/1.1" {code} - 0 19 0 - "-" "-" "-" "203.0.113.77" "{upstream}"'
    (request,) = read("envoy", line)
    assert (request.host, request.port, request.outcome) == ("203.0.113.77", 80, outcome)


def test_a_page_of_envoys_own_is_no_request() -> None:
    line = '[2026-11-23T10:36:38.976Z] "GET /healthz HTTP/1.1" 200 - 0 19 0 - "-" "kube-probe" "-" "10.0.0.1" "-"'
    assert read("envoy", line) == []
    assert read("envoy", '[2026-11-23T10:36:25.597Z] "- - HTTP/1.1" 400 DPE 0 11 1 - "-" "-" "-" "-" "-"') == []


def test_the_query_and_the_agent_are_not_told() -> None:
    line = (
        '[2026-11-23T10:36:38.852Z] "GET /?t=s3cr3t HTTP/1.1" 200 - 0 12 0 0 "-" "s3cr3t" "-" "a.test" "192.0.2.1:80"'
    )
    assert "s3cr3t" not in repr(read("envoy", line))


def test_default_text_names_no_destination_of_a_connection_that_is_not_http() -> None:
    (request,) = read("envoy-tcp", TCP % "- 741 2483 8")
    assert (request.host, request.address, request.outcome) == (None, "198.51.100.26", Outcome.CLOSED)
    assert "REQUESTED_SERVER_NAME" in named(FORMATS, "envoy-tcp").lacks
    assert named(FORMATS, "envoy-tcp").begin(b"").read((CONNECT % ("200 DC 1 1 1", "-")).encode(), clock()) is None
    assert read("envoy", TCP % "- 741 2483 8") == [request]


def test_a_denial_that_looks_like_success_is_not_called_one() -> None:
    (request,) = read("envoy-tcp", TCP % "- 517 0 1")
    assert request.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("flags", "termination", "failure", "cluster", "outcome"),
    [
        ("-", "-", "-", "PassthroughCluster", Outcome.CLOSED),
        ("UH", "-", "-", "BlackHoleCluster", Outcome.DENIED),
        ("UH", "-", "-", "outbound|443||api.openai.com", Outcome.FAILED),
        ("-", "rbac_access_denied_matched_policy[none]", "-", "dfp", Outcome.DENIED),
        ("UF,URX", "-", "delayed_connect_error:_111", "dfp", Outcome.REFUSED),
        ("UF,URX", "-", "delayed connect error: Connection refused", "dfp", Outcome.REFUSED),
        ("UF,URX", "-", "connection_timeout", "dfp", Outcome.TIMED_OUT),
        ("UR", "-", "-", "dfp", Outcome.RESET),
    ],
)
def test_istio_text_tells_how_a_connection_went(
    flags: str, termination: str, failure: str, cluster: str, outcome: Outcome
) -> None:
    (request,) = read("istio", ISTIO_LINE % (flags, termination, failure, cluster, "api.openai.com"))
    assert (request.host, request.port, request.outcome) == ("api.openai.com", 443, outcome)
    assert request.client == Endpoint("172.18.0.3", 34992)


@pytest.mark.parametrize(
    ("cluster", "host"),
    [
        ("BlackHoleCluster", "198.51.100.26"),
        ("PassthroughCluster", "198.51.100.26"),
        ("outbound|443||db.example", "db.example"),
        ("dfp", None),
    ],
)
def test_without_a_server_name_istio_names_what_was_dialled_or_registered(cluster: str, host: str | None) -> None:
    (request,) = read("istio", ISTIO_LINE % ("-", "-", "-", cluster, "-"))
    assert (request.host, request.port) == (host, 443)


@pytest.mark.parametrize(
    ("cluster", "is_claimed"), [("PassthroughCluster", True), ("outbound|443||api.openai.com", False)]
)
def test_the_server_name_of_what_istio_passes_on_is_only_what_its_client_claims(cluster: str, is_claimed: bool) -> None:
    (request,) = read("istio", ISTIO_LINE % ("-", "-", "-", cluster, "api.openai.com"))
    assert (request.host, request.is_claimed) == ("api.openai.com", is_claimed)


def test_a_host_header_does_not_name_what_istio_passes_on() -> None:
    line = {
        "start_time": "2026-11-23T10:37:04.423Z", "method": "GET", "protocol": "HTTP/1.1", "response_code": 200,
        "response_flags": "-", "bytes_received": 0, "bytes_sent": 12, "duration": 8, "authority": "api.stripe.com",
        "upstream_host": "192.0.2.66:80", "upstream_cluster": "PassthroughCluster",
        "downstream_local_address": "192.0.2.66:80", "downstream_remote_address": "172.18.0.3:34992",
    }  # fmt: skip
    (request,) = read("istio-json", json.dumps(line))
    assert (request.host, request.port) == ("192.0.2.66", 80)
    (registered,) = read("istio-json", json.dumps(line | {"upstream_cluster": "outbound|80||api.stripe.com"}))
    assert (registered.host, registered.port) == ("api.stripe.com", 80)


def test_an_agent_full_of_quotes_does_not_name_the_destination() -> None:
    forged = 'x" "id" "api.stripe.com:443" "198.51.100.22:443'
    line = (
        f'[2026-11-23T10:36:25.1Z] "CONNECT - HTTP/1.1" 200 DC 1 2 3 - "-" "{forged}" "id" '
        '"evil.example:443" "192.0.2.66:443"'
    )
    (request,) = read("envoy", line)
    assert (request.host, request.address, request.outcome) == ("evil.example", "192.0.2.66", Outcome.CLOSED)
    assert request.bytes_sent == 1


def test_a_server_name_with_spaces_does_not_shift_the_fields() -> None:
    forged = ISTIO_LINE % ("-", "-", "-", "dfp", "evil 1.1.1.1:1 2.2.2.2:2 api.stripe.com")
    assert named(FORMATS, "istio").begin(b"").read(forged.encode(), clock()) is None


@pytest.mark.parametrize(
    ("spec", "line", "host", "client", "start"),
    [
        (
            "%START_TIME(%Y/%m/%dT%H:%M:%S%z)%|%DOWNSTREAM_REMOTE_ADDRESS%|%REQ(:METHOD)%|%REQ(:AUTHORITY):100%|"
            "%RESPONSE_CODE%|%UPSTREAM_HOST%",
            "2026/11/23T12:36:25+0200|172.18.0.3:50456|CONNECT|x|200|-",
            None,
            Endpoint("172.18.0.3", 50456),
            "2026-11-23T10:36:25Z",
        ),
        (
            "%START_TIME(%s.%3f)% %DOWNSTREAM_DIRECT_REMOTE_ADDRESS% %REQ(X-FORWARDED-FOR)% %REQUEST_HEADER(:METHOD)% "
            "%REQUEST_HEADER(:AUTHORITY)% %RESPONSE_FLAGS_LONG% %RESPONSE_CODE%",
            "1795430185.192 [2001:db8::3]:50456 1.1.1.1 CONNECT A.Example.:00443 DownstreamConnectionTermination 200",
            "a.example",
            Endpoint("2001:db8::3", 50456),
            "2026-11-23T10:36:25.192Z",
        ),
        (
            "[%START_TIME%] sni=%REQUESTED_SERVER_NAME% from=%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% "
            "to=%UPSTREAM_HOST% %BYTES_RECEIVED%/%BYTES_SENT% %DURATION%ms %RESPONSE_FLAGS%",
            "[2026-11-23T10:36:25.192Z] sni=api.openai.com from=172.18.0.3 to=198.51.100.20:443 741/2459 9ms -",
            "api.openai.com",
            Endpoint("172.18.0.3", 0),
            "2026-11-23T10:36:25.192Z",
        ),
        (
            '{"t": "%START_TIME%", "http": {"to": "%REQ(:METHOD)% %REQ(:AUTHORITY)%", "n": 1}, '
            '"ends": ["x"], "who": "%DOWNSTREAM_REMOTE_ADDRESS%", "code": "%RESPONSE_CODE%"}',
            '{"t":"2026-11-23T10:36:25.192Z","http":{"to":"CONNECT api.openai.com:443","n":1},"code":200,'
            '"who":"172.18.0.3:50456"}',
            "api.openai.com",
            Endpoint("172.18.0.3", 50456),
            "2026-11-23T10:36:25.192Z",
        ),
    ],
)
def test_an_operators_own_format_is_read(spec: str, line: str, host: str | None, client: Endpoint, start: str) -> None:
    request = custom(spec, line)
    assert (request.host, request.client, request.started_us) == (host, client, us(start))
    assert request.outcome is Outcome.CLOSED


def test_the_built_in_formats_are_such_formats() -> None:
    assert custom(DEFAULT + "\n", CONNECT % ("200 DC 741 2459 9", "198.51.100.26:443")).bytes_sent == 741
    line = ISTIO_LINE % ("-", "-", "-", "PassthroughCluster", "api.openai.com")
    assert custom(ISTIO, line).host == "api.openai.com"
    json_line = lines_of(LOGS / "envoy" / "sni_istio_json.log")[0]
    assert custom(ISTIO_JSON, json_line.decode()).host == "o447951.ingest.sentry.io"


def test_a_format_without_a_destination_says_what_to_add() -> None:
    for spec in (
        "%START_TIME% %RESPONSE_CODE%",
        "%START_TIME% %REQ(X-ENVOY-ORIGINAL-HOST?:AUTHORITY)%",
        "%START_TIME% %REQUESTED_SERVER_NAME(HOST_FIRST)%",
    ):
        assert "add %REQ(:AUTHORITY)%" in format_reader(spec).lacks
    assert format_reader(DEFAULT).lacks == ""


@pytest.mark.parametrize(
    ("spec", "word"),
    [
        ("%START_TIME%%REQ(:AUTHORITY)%", "nothing between"),
        ("%START_TIME(%Q)% %REQ(:AUTHORITY)%", "%Q"),
        ("%CEL(request.url_path.contains('x'))% %REQ(:AUTHORITY)%", "%CEL"),
        ("{", "JSON object"),
        ('{"host": "%REQ(:AUTHORITY)%"}', "to be known by"),
    ],
)
def test_a_format_that_cannot_be_read_is_refused_with_the_reason(spec: str, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        format_reader(spec)


def test_a_json_line_may_leave_out_what_is_empty_but_not_what_it_is_known_by() -> None:
    reader = named(FORMATS, "istio-json").begin(b"")
    whole = json.loads(lines_of(LOGS / "envoy" / "sni_istio_json.log")[0])
    short = {key: value for key, value in whole.items() if value is not None}
    (request,) = told(reader, [json.dumps(short)], clock())
    assert request.host == "o447951.ingest.sentry.io"
    del short["start_time"]
    assert reader.read(json.dumps(short).encode(), clock()) is None


@pytest.mark.parametrize(
    ("authority", "host"),
    [
        (b"[red]evil.example:443", "\\[red]evil.example:443"),
        (b"\x1b[31mevil.example:443", "\\\ufffd[31mevil.example:443"),
        (b"ev\xffil.example:443", "\\ev\\xffil.example"),
    ],
)
def test_a_hostile_target_is_seen_and_inert(authority: bytes, host: str) -> None:
    line = (CONNECT % ("403 - 0 19 0", "-")).encode().replace(b"o447951.ingest.sentry.io:443", authority)
    (request,) = read("envoy", line)
    assert request.host == host
    assert is_inert(request)


def test_a_line_that_was_cut_is_not_half_believed() -> None:
    line = (CONNECT % ("200 DC 741 2459 9", "198.51.100.26:443")).encode()
    reader = named(FORMATS, "envoy").begin(b"")
    assert all(reader.read(line[:length], clock()) is None for length in range(len(line)))


def test_there_is_nothing_to_restore() -> None:
    for one in FORMATS:
        assert one.begin(b"").save() == b""
        assert one.begin(b"").settle(us("2030-01-01T00:00:00Z")) == ()
        with pytest.raises(ValueError, match="remembers nothing"):
            one.begin(b"x")


def test_no_line_takes_long() -> None:
    started = time.process_time()
    for one in FORMATS:
        for line in (*HOSTILE, (CONNECT % ("200 DC 1 2 3", "-")).encode() + b'" "' * 5_000):
            one.begin(b"").read(line, clock())
    assert time.process_time() - started < 2.0


@given(
    st.sampled_from(FORMATS),
    st.one_of(
        st.binary(max_size=400),
        st.builds(
            lambda line, at, what: line[:at] + what + line[at:],
            st.sampled_from(
                [
                    *lines_of(LOGS / "envoy" / "http_default.log")[40:60],
                    *lines_of(LOGS / "envoy" / "sni_istio_json.log")[40:60],
                    (ISTIO_LINE % ("-", "-", "-", "dfp", "x")).encode(),
                ]
            ),
            st.integers(0, 400),
            st.binary(max_size=12),
        ),
    ),
)
def test_reading_never_fails_and_tells_nothing_that_could_do_harm(one: Format, line: bytes) -> None:
    reader = one.begin(b"")
    assert all(is_inert(request) for request in reader.read(line, clock()) or ())
