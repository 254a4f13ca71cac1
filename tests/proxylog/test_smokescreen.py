"""What Smokescreen logs, beside what was really asked of it."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.proxylog.ledger import LOGS
from tests.proxylog.reading import HOSTILE, clock, is_inert, latest, lines_of, told, us
from tui.model.connection import Endpoint, Outcome
from tui.model.request import Request
from tui.proxylog.formats.smokescreen import FORMATS, REMEMBERED_MAX

SMOKESCREEN = FORMATS[0]
LOG = LOGS / "smokescreen" / "report.log"
DECISION = {
    "allow": True, "decision_reason": "host matched allowed domain in rule", "enforce_would_deny": False,
    "id": "dc21fkb8", "inbound_remote_addr": "172.18.0.3:60908", "level": "info", "msg": "CANONICAL-PROXY-DECISION",
    "project": "retool", "proxy_type": "connect", "requested_host": "o447951.ingest.sentry.io:443", "role": "",
    "start_time": "2026-11-23T10:39:13.036520982Z", "time": "2026-11-23T10:39:13Z", "trace_id": "",
}  # fmt: skip
CLOSE = {
    **DECISION, "msg": "CANONICAL-PROXY-CN-CLOSE", "bytes_in": 2459, "bytes_out": 741, "duration": 0.009079402,
    "end_time": "2026-11-23T10:39:13.0434Z", "error": "", "outbound_remote_addr": "198.51.100.26:443",
}  # fmt: skip
ERROR = {
    **DECISION,
    "level": "error",
    "msg": "Failed to connect to remote host: <nil> (*net.OpError)",
    "status_code": 502,
}
START = us("2026-11-23T10:39:13.036520Z")
CLIENT = Endpoint("172.18.0.3", 60908)


def read(*lines: dict[str, object]) -> list[Request]:
    """What a new reader makes of lines."""
    return told(SMOKESCREEN.begin(b""), [json.dumps(line) for line in lines], clock())


def test_a_url_of_another_scheme_is_taken_for_http_as_the_scheme_is_not_logged() -> None:
    requests = latest(told(SMOKESCREEN.begin(b""), lines_of(LOG), clock()))
    ftp = [(r.host, r.port) for r in requests if r.client == Endpoint("172.18.0.6", 41675)]
    assert ftp == [("internal-api.corp.example", 80)]


def test_a_private_address_is_denied_with_the_reason() -> None:
    requests = told(SMOKESCREEN.begin(b""), lines_of(LOG), clock())
    denied = [r for r in requests if r.host == "internal-api.corp.example"]
    assert len(denied) > 20
    assert {r.outcome for r in denied} == {Outcome.DENIED}
    assert all("denied by rule 'Deny: Private Range'" in r.reason for r in denied)


def test_a_tunnel_is_told_at_the_decision_and_again_at_its_end() -> None:
    opened = Request(
        "o447951.ingest.sentry.io", 443, Outcome.OPEN, START, None, CLIENT, reason="host matched allowed domain in rule"
    )
    closed = Request(
        host="o447951.ingest.sentry.io",
        port=443,
        outcome=Outcome.CLOSED,
        started_us=START,
        ended_us=us("2026-11-23T10:39:13.0434Z"),
        client=CLIENT,
        address="198.51.100.26",
        bytes_sent=741,
        bytes_received=2459,
        again=True,
    )
    assert read(DECISION, CLOSE) == [opened, closed]


@pytest.mark.parametrize(
    ("change", "outcome", "reason"),
    [
        (
            {"allow": False, "decision_reason": "default rule policy used", "status_code": 407},
            Outcome.DENIED,
            "default",
        ),
        (
            {"allow": None, "decision_reason": None, "error": "invalid domain", "status_code": 407},
            Outcome.DENIED,
            "invalid domain",
        ),
        ({"enforce_would_deny": True, "decision_reason": "default"}, Outcome.OPEN, "would be denied: default"),
        ({"error": "lookup x: no such host", "status_code": 502}, Outcome.FAILED, "lookup x"),
        ({"error": "lookup x: i/o timeout", "status_code": 504}, Outcome.FAILED, "lookup x"),
        ({"error": "dial tcp 192.0.2.1:443: connect: connection refused", "status_code": 502}, Outcome.REFUSED, "dial"),
        ({"error": "dial tcp 192.0.2.1:443: i/o timeout", "status_code": 504}, Outcome.TIMED_OUT, "dial"),
        ({"proxy_type": "http", "requested_host": "a.example", "content_length": 12}, Outcome.CLOSED, "host matched"),
    ],
)
def test_a_decision_says_how_it_went(change: dict[str, object], outcome: Outcome, reason: str) -> None:
    (request,) = read({key: value for key, value in {**DECISION, **change}.items() if value is not None})
    assert request.outcome is outcome
    assert request.reason.startswith(reason)
    assert (request.ended_us is None) is (outcome is Outcome.OPEN)


def test_plain_http_goes_to_port_80_unless_the_host_says_otherwise() -> None:
    plain = {**DECISION, "proxy_type": "http"}
    ports = [
        r.port for r in read({**plain, "requested_host": "a.example"}, {**plain, "requested_host": "a.example:81"})
    ]
    assert ports == [80, 81]


def test_a_connect_that_fails_ends_what_was_let_through() -> None:
    first, second = read(DECISION, ERROR)
    assert (first.outcome, second.outcome) == (Outcome.OPEN, Outcome.FAILED)
    assert (first.started_us, first.client, first.host) == (second.started_us, second.client, second.host)


def test_an_error_before_its_decision_is_told_once_and_with_the_reason() -> None:
    error = {**ERROR, "msg": "Failed to resolve remote hostname: lookup x: no such host"}
    decision = {**DECISION, "error": "lookup x: no such host", "status_code": 502, "level": "error"}
    (request,) = read(error, decision)
    assert (request.outcome, request.reason) == (Outcome.FAILED, "lookup x: no such host")


def test_an_error_waits_for_its_decision_over_a_restart_but_not_for_ever() -> None:
    reader = SMOKESCREEN.begin(b"")
    assert told(reader, [json.dumps(ERROR)], clock()) == []
    again = SMOKESCREEN.begin(reader.save())
    assert again.settle(us("2026-11-23T11:00:30Z")) == []
    assert [r.outcome for r in again.settle(us("2026-11-23T11:02:00Z"))] == [Outcome.FAILED]
    assert again.save() == b""
    third = SMOKESCREEN.begin(reader.save())
    decision = {**DECISION, "error": "connection refused", "status_code": 502}
    assert [r.outcome for r in told(third, [json.dumps(decision)], clock())] == [Outcome.REFUSED]
    assert third.save() == b""


def test_errors_without_decisions_do_not_pile_up() -> None:
    reader = SMOKESCREEN.begin(b"")
    many = [json.dumps({**ERROR, "id": str(number)}) for number in range(REMEMBERED_MAX + 10)]
    assert len(told(reader, many, clock())) == 10
    assert len(reader.settle(us("2027-01-01T00:00:00Z"))) == REMEMBERED_MAX


def test_a_broken_off_tunnel_is_a_reset() -> None:
    (request,) = read({**CLOSE, "error": "read tcp 192.0.2.1:1->192.0.2.2:2: read: connection reset by peer"})
    assert (request.outcome, request.bytes_sent) == (Outcome.RESET, 741)


def test_its_words_about_itself_are_no_requests() -> None:
    reader = SMOKESCREEN.begin(b"")
    for line in (
        b'{"level":"info","msg":"starting","time":"2026-11-23T10:39:11Z"}',
        b"2026/11/23 10:38:42 [065] WARN: Error copying to client: readfrom tcp 192.0.2.1:1->192.0.2.2:2",
        json.dumps({**ERROR, "msg": "rejectResponse called with unexpected error"}).encode(),
    ):
        assert reader.read(line, clock()) == ()
    for line in (b'{"a":1}', b"[1]", b"2026/11/23 hello", b'{"level":"info","msg":1,"time":2}', b"x"):
        assert reader.read(line, clock()) is None


def test_a_url_in_an_error_is_not_told() -> None:
    (request,) = read({**DECISION, "error": 'Get "http://u:s3cr3t@a.example/?t=s3cr3t": refused', "status_code": 502})
    assert "s3cr3t" not in repr(request)


@pytest.mark.parametrize("host", ["[red]evil.example:443", "\x1b[31mevil.example:443", "ev\ufffdil.example:443", ""])
def test_a_hostile_target_is_seen_and_inert(host: str) -> None:
    (request,) = read({**DECISION, "requested_host": host})
    assert is_inert(request)
    assert request.host is None or request.host.startswith("\\")


def test_bytes_that_are_no_utf8_do_not_hide_a_line() -> None:
    line = json.dumps(DECISION).encode().replace(b"o447951", b"o\xff")
    (request,) = told(SMOKESCREEN.begin(b""), [line], clock())
    assert request.host is not None
    assert request.host.startswith("\\")


def test_a_line_that_was_cut_tells_nothing() -> None:
    line = json.dumps(CLOSE).encode()
    reader = SMOKESCREEN.begin(b"")
    assert all(reader.read(line[:length], clock()) is None for length in range(len(line)))


@pytest.mark.parametrize("saved", [b"x", b"{}", b"[1]", b"\xff", b'[["a"]]'])
def test_a_saved_state_of_another_is_refused(saved: bytes) -> None:
    with pytest.raises(ValueError, match="no saved state"):
        SMOKESCREEN.begin(saved)


def test_no_line_takes_long() -> None:
    started = time.process_time()
    for line in HOSTILE:
        SMOKESCREEN.begin(b"").read(line, clock())
    assert time.process_time() - started < 2.0


VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=30))


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=200),
            st.builds(
                lambda base, key, value: json.dumps({**base, key: value}).encode(),
                st.sampled_from([DECISION, CLOSE, ERROR]),
                st.sampled_from(sorted(CLOSE)),
                VALUES,
            ),
        ),
        max_size=6,
    )
)
def test_reading_never_fails_and_tells_nothing_that_could_do_harm(lines: list[bytes]) -> None:
    reader = SMOKESCREEN.begin(b"")
    for line in lines:
        assert all(is_inert(request) for request in reader.read(line, clock()) or ())
    reader = SMOKESCREEN.begin(reader.save())
    assert all(is_inert(request) for request in reader.settle(us("2030-01-01T00:00:00Z")))
