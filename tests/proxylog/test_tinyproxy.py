"""What tinyproxy logs, beside what was really asked of it."""

import time
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.proxylog.ledger import LOGS
from tests.proxylog.reading import HOSTILE, clock, is_inert, latest, lines_of, named, told, us
from tui.model.connection import Endpoint, Outcome
from tui.model.request import Request
from tui.proxylog.format import Clock, Reader
from tui.proxylog.formats.tinyproxy import FORMATS
from tui.proxylog.formats.tinyproxy_clients import REMEMBERED_MAX

TINYPROXY = named(FORMATS, "tinyproxy")
NOTICE = named(FORMATS, "tinyproxy-notice")
LOG = LOGS / "tinyproxy" / "info.log"
CLIENT = Endpoint("172.18.0.3", 0)
LATER = us("2027-06-01T00:00:00Z")


def line(ms: int, message: str, pid: int = 7, level: str = "CONNECT") -> str:
    """A line of 1.11, some milliseconds after ten."""
    return f"{level:<9} Nov 23 10:00:{ms // 1000:02}.{ms % 1000:03} [{pid}]: {message}"


def at(ms: int) -> int:
    """Microseconds of the same."""
    return us("2026-11-23T10:00:00Z") + ms * 1_000


def asks(ms: int, fd: int, target: str, client: str = "172.18.0.3", pid: int = 7) -> list[str]:
    """A client that connects and asks."""
    return [
        line(ms, f"Connect (file descriptor {fd}): {client}", pid),
        line(ms, f"Request (file descriptor {fd}): CONNECT {target} HTTP/1.1", pid),
    ]


def established(ms: int, host: str, fd: int, pid: int = 7) -> str:
    """A far side that was reached."""
    return line(ms, f'Established connection to host "{host}" using file descriptor {fd}.', pid)


def closed(ms: int, fd: int, server_fd: int, pid: int = 7) -> str:
    """The end of both."""
    message = f"Closed connection between local client (fd:{fd}) and remote client (fd:{server_fd})"
    return line(ms, message, pid, "INFO")


def brief(requests: list[Request]) -> list[tuple[str | None, int | None, Outcome]]:
    """What was asked for, and how it went."""
    return [(r.host, r.port, r.outcome) for r in requests]


def read(*lines: str | bytes) -> list[Request]:
    """What a new reader makes of lines."""
    return told(TINYPROXY.begin(b""), lines, clock())


def test_nothing_is_kept_of_a_log_whose_requests_have_all_ended() -> None:
    reader = TINYPROXY.begin(b"")
    assert told(reader, lines_of(LOG), clock())
    reader.settle(LATER)
    assert reader.save() == b""


def test_a_tunnel_is_told_when_it_is_established_and_again_at_its_end() -> None:
    opened = Request("a.example", 443, Outcome.OPEN, at(0), None, CLIENT)
    ended = Request("a.example", 443, Outcome.CLOSED, at(0), at(9_500), CLIENT, again=True)
    assert read(*asks(0, 5, "a.example:443"), established(3, "a.example", 6)) == [opened]
    assert read(*asks(0, 5, "a.example:443"), established(3, "a.example", 6), closed(9_500, 5, 6)) == [opened, ended]


@pytest.mark.parametrize(
    ("message", "outcome"),
    [
        ('Proxying refused on filtered domain "a.example"', Outcome.DENIED),
        ('Proxying refused on filtered url "http://a.example/?t=s3cr3t"', Outcome.DENIED),
        ("Refused CONNECT method on port 443", Outcome.DENIED),
        ("Failed auth attempt (file descriptor: 5), ip 172.18.0.3", Outcome.DENIED),
        ("opensock: Could not retrieve address info for a.example:443: Name or service not known", Outcome.FAILED),
        ("opensock: Could not retrieve info for a.example", Outcome.FAILED),
        ("opensock: Could not establish a connection to a.example:443", Outcome.FAILED),
        ("opensock: Could not establish a connection to a.example", Outcome.FAILED),
        ("Could not connect to upstream proxy.", Outcome.FAILED),
        ("process_request: Bad Request on file descriptor 5", Outcome.FAILED),
    ],
)
def test_what_did_not_get_through_is_told_once(message: str, outcome: Outcome) -> None:
    (request,) = read(*asks(0, 5, "a.example:443"), line(4, message, level="NOTICE"))
    assert request[:6] == ("a.example", 443, outcome, at(0), at(4), CLIENT)
    assert "s3cr3t" not in request.reason


def test_a_client_that_may_not_use_the_proxy_is_denied_without_a_destination() -> None:
    refused = line(1, 'Unauthorized connection from "172.18.0.3".', level="NOTICE")
    assert brief(read(line(0, "Connect (file descriptor 5): 172.18.0.3"), refused)) == [(None, None, Outcome.DENIED)]


@pytest.mark.parametrize(
    ("message", "outcome"),
    [
        ('process_server_headers failed: Connection reset by peer. host "a.example" using file descriptor 6.', "reset"),
        (
            'process_server_headers failed: Resource temporarily unavailable. host "a" using file descriptor 6.',
            "timed-out",
        ),
    ],
)
def test_a_far_side_that_does_not_answer_ends_what_was_open(message: str, outcome: str) -> None:
    lines = [*asks(0, 5, "a.example:80"), established(1, "a.example", 6), line(9, message, level="INFO")]
    assert [r.outcome for r in read(*lines)] == ["open", outcome]


@pytest.mark.parametrize("fd", [5, 6])
def test_a_side_that_breaks_off_is_a_reset(fd: int) -> None:
    broken = line(8, f"read_buffer: read() failed on fd {fd}: Connection reset by peer", level="ERROR")
    lines = [*asks(0, 5, "a.example:443"), established(1, "a.example", 6), broken, closed(9, 5, 6)]
    assert [r.outcome for r in read(*lines)] == ["open", "reset"]


def test_lines_of_clients_at_once_are_kept_apart() -> None:
    requests = read(
        *asks(0, 5, "a.example:443", "172.18.0.3"),
        *asks(1, 6, "b.example:443", "172.18.0.4"),
        *asks(2, 5, "a.example:443", "172.18.0.5", pid=8),
        established(3, "b.example", 9),
        line(4, 'Proxying refused on filtered domain "a.example"', 8, "NOTICE"),
        established(5, "a.example", 10),
        closed(6, 6, 9),
        closed(7, 5, 10),
    )
    assert [(r.client.ip if r.client else "", r.host, r.outcome) for r in requests] == [
        ("172.18.0.4", "b.example", "open"),
        ("172.18.0.5", "a.example", "denied"),
        ("172.18.0.3", "a.example", "open"),
        ("172.18.0.4", "b.example", "closed"),
        ("172.18.0.3", "a.example", "closed"),
    ]


def test_a_tunnel_that_another_was_taken_for_is_told_when_it_ends_and_the_other_when_it_fails() -> None:
    """Both for one host, at two ports: the line that a far side was reached tells neither port nor client."""
    lines = [
        *asks(0, 5, "a.example:8443"), *asks(1, 6, "a.example:443", "172.18.0.4"), established(2, "a.example", 7),
        closed(3, 6, 7), line(4, "opensock: Could not establish a connection to a.example:8443"),
    ]  # fmt: skip
    told = {(one.client, one.port): one.outcome for one in read(*lines)}
    assert told == {(CLIENT, 8443): Outcome.FAILED, (Endpoint("172.18.0.4", 0), 443): Outcome.CLOSED}
    told = {(one.client, one.port): one.outcome for one in read(*lines[:-2], lines[-1], lines[-2])}
    assert told == {(CLIENT, 8443): Outcome.FAILED, (Endpoint("172.18.0.4", 0), 443): Outcome.CLOSED}


def test_a_denial_that_was_taken_for_anothers_is_both_once() -> None:
    """The first line is of the second client: its descriptor is given away before the first client's line comes."""
    denied = 'Proxying refused on filtered domain "a.example"'
    other = Endpoint("172.18.0.4", 0)
    requests = read(
        *asks(0, 5, "a.example:443"), *asks(1, 6, "a.example:443", other.ip), line(2, denied),
        *asks(3, 6, "b.example:443", "172.18.0.5"), line(4, denied),
    )  # fmt: skip
    assert [(one.client, one.outcome, one.again) for one in requests] == [
        (CLIENT, Outcome.DENIED, False), (other, Outcome.DENIED, False),
    ]  # fmt: skip


def test_requests_of_one_millisecond_stay_apart_when_their_lines_are_out_of_order() -> None:
    lines = [*asks(5, 5, "a.example:443"), *asks(4, 6, "a.example:443"), *asks(5, 7, "a.example:443")]
    requests = read(*lines, *(established(6, "a.example", fd) for fd in (8, 9, 10)))
    assert len({one.started_us for one in requests}) == 3


def test_a_descriptor_given_to_the_next_client_ends_what_the_log_level_hides() -> None:
    requests = read(*asks(0, 5, "a.example:443"), established(1, "a.example", 6), *asks(9, 5, "b.example:22"),
                    *asks(20, 5, "c.example:443"))  # fmt: skip
    assert brief(requests) == [
        ("a.example", 443, Outcome.OPEN),
        ("a.example", 443, Outcome.CLOSED),
        ("b.example", 22, Outcome.UNKNOWN),
    ]
    assert requests[1].ended_us is None


def test_a_new_process_ends_what_the_old_one_had() -> None:
    requests = read(
        *asks(0, 5, "a.example:443"),
        established(1, "a.example", 6),
        *asks(2, 7, "b.example:443"),
        line(9, "Initializing tinyproxy ...", 99, "NOTICE"),
    )
    assert brief(requests)[1:] == [("b.example", 443, Outcome.UNKNOWN), ("a.example", 443, Outcome.CLOSED)]


def test_two_requests_of_one_millisecond_are_two() -> None:
    lines = [*asks(0, 5, "a.example:443"), *asks(0, 7, "a.example:443"), established(1, "a.example", 6),
             established(1, "a.example", 8), closed(5, 5, 6), closed(9, 7, 8)]  # fmt: skip
    ends = [(r.ended_us, r.outcome) for r in latest(read(*lines))]
    assert ends == [(at(5), Outcome.CLOSED), (at(9), Outcome.CLOSED)]


def test_through_an_upstream_proxy_the_request_names_the_destination() -> None:
    parent = 'Established connection to http proxy "parent.example" using file descriptor 6.'
    assert brief(read(*asks(0, 5, "a.example:443"), line(1, parent))) == [("a.example", 443, Outcome.OPEN)]
    down = line(1, "opensock: Could not establish a connection to parent.example:3128", level="ERROR")
    lost = line(1, "Could not connect to upstream proxy.", level="WARNING")
    assert brief(read(*asks(0, 5, "a.example:443"), down, lost)) == [("a.example", 443, Outcome.FAILED)]


def test_a_path_without_a_host_goes_where_tinyproxy_took_it() -> None:
    lines = [
        line(0, "Connect (file descriptor 7): 172.18.0.3"),
        line(0, "Request (file descriptor 7): GET /index.html HTTP/1.1"),
        line(0, "process_request: trans Host GET http://a.example:80/index.html for 7", level="INFO"),
        established(1, "a.example", 8),
    ]
    assert brief(read(*lines)) == [("a.example", 80, Outcome.OPEN)]


def test_its_own_statistics_and_open_ports_are_no_requests() -> None:
    reader = TINYPROXY.begin(b"")
    lines = [
        line(0, "Connect (file descriptor 5): 172.18.0.3"),
        line(0, "Request (file descriptor 5): GET http://tinyproxy.stats/ HTTP/1.1"),
        line(1, "Connect (file descriptor 6): 172.18.0.4"),
        line(2, "read_request_line: Client (file descriptor: 6) closed socket before read.", level="ERROR"),
        line(3, "Connect (file descriptor 7): 172.18.0.4"),
    ]
    assert told(reader, lines, clock()) == []
    assert reader.settle(LATER) == []
    assert reader.save() == b""


@pytest.mark.parametrize(
    ("text", "ip"),
    [
        ("172.18.0.3", "172.18.0.3"),
        ("2001:db8::3", "2001:db8::3"),
        ("::ffff:172.18.0.3", "172.18.0.3"),
        ("host.example [172.18.0.3]", "172.18.0.3"),
        ("10.9.9.9 [172.18.0.3]", "172.18.0.3"),
        ("172.18.0.3 at [10.0.0.1]", "172.18.0.3"),
        ("host.example [172.18.0.3] at [10.0.0.1]", "172.18.0.3"),
        ("", None),
    ],
)
def test_the_client_is_an_address_and_never_the_name_it_gives_itself(text: str, ip: str | None) -> None:
    (request,) = read(*asks(0, 5, "a.example:443", text), established(1, "a.example", 6))
    assert request.client == (Endpoint(ip, 0) if ip else None)


def test_versions_before_1_11_write_no_milliseconds() -> None:
    old = [
        "CONNECT   Nov  3 10:00:01 [7]: Connect (file descriptor 5): h [172.18.0.3]",
        "CONNECT   Nov  3 10:00:01 [7]: Request (file descriptor 5): CONNECT a.example:443 HTTP/1.0",
        'CONNECT   Nov  3 10:00:02 [7]: Established connection to host "a.example" using file descriptor 6.',
        "INFO      Nov  3 10:00:04 [7]: Closed connection between local client (fd:5) and remote client (fd:6)",
    ]
    last = read(*old)[-1]
    assert (last.started_us, last.ended_us) == (us("2026-11-03T10:00:01Z"), us("2026-11-03T10:00:04Z"))


def starts(reader: Reader, written: str, now: Clock) -> int | None:
    """When a request that is denied at a time is told to have begun."""
    message = 'Proxying refused on filtered domain "a.example"'
    (request,) = told(reader, [f"NOTICE    {written} [7]: {message}"], now)
    return request.started_us


@pytest.mark.parametrize(
    ("written", "now", "start"),
    [
        ("Dec 31 23:59:59.900", "2027-01-01T00:00:01Z", "2026-12-31T23:59:59.900Z"),
        ("Jan 01 00:00:00.100", "2027-01-01T00:00:01Z", "2027-01-01T00:00:00.100Z"),
        ("Jan 01 00:00:00.100", "2026-12-31T23:59:59Z", "2027-01-01T00:00:00.100Z"),
        ("Feb 29 12:00:00.000", "2027-01-01T00:00:00Z", "2024-02-29T12:00:00Z"),
        ("Nov 23 12:00:00.000", "2026-11-20T00:00:00Z", "2025-11-23T12:00:00Z"),
    ],
)
def test_the_year_is_the_last_in_which_the_day_has_come(written: str, now: str, start: str) -> None:
    assert starts(TINYPROXY.begin(b""), written, clock(now)) == us(start)


def test_new_year_comes_by_the_proxys_zone() -> None:
    tokyo = ZoneInfo("Asia/Tokyo")
    now = Clock(us("2026-12-31T15:00:10Z"), tokyo)
    assert starts(TINYPROXY.begin(b""), "Jan 01 00:00:05.000", now) == us("2026-12-31T15:00:05Z")


def test_the_hour_that_comes_twice_is_told_by_now_or_by_the_line_before() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    live = TINYPROXY.begin(b"")
    assert starts(live, "Oct 25 02:30:00.000", Clock(us("2026-10-25T00:30:01Z"), berlin)) == us("2026-10-25T00:30:00Z")
    assert starts(live, "Oct 25 02:30:00.000", Clock(us("2026-10-25T01:30:01Z"), berlin)) == us("2026-10-25T01:30:00Z")
    past = TINYPROXY.begin(b"")
    now = Clock(us("2026-11-01T00:00:00Z"), berlin)
    written = ["01:59:00", "02:10:00", "02:50:00", "02:05:00", "02:50:00", "03:00:00"]
    assert [starts(past, f"Oct 25 {one}.000", now) for one in written] == [
        us(f"2026-{one}:00Z")
        for one in ["10-24T23:59", "10-25T00:10", "10-25T00:50", "10-25T01:05", "10-25T01:50", "10-25T02:00"]
    ]


def test_a_day_that_no_calendar_has_is_no_time() -> None:
    assert starts(TINYPROXY.begin(b""), "Feb 30 12:00:00.000", clock()) is None
    assert starts(TINYPROXY.begin(b""), "Nov 23 25:00:00.000", Clock(us("2026-11-23T12:00:00Z"), UTC)) is None


def test_a_request_goes_on_after_a_restart_between_any_two_of_its_lines() -> None:
    lines = [*asks(0, 5, "a.example:443"), established(1, "a.example", 6), closed(9, 5, 6)]
    whole = read(*lines)
    for cut in range(len(lines) + 1):
        first = TINYPROXY.begin(b"")
        before = told(first, lines[:cut], clock())
        second = TINYPROXY.begin(first.save())
        assert before + told(second, lines[cut:], clock()) == whole


def test_what_waits_too_long_is_unknown_and_what_is_open_stays() -> None:
    reader = TINYPROXY.begin(b"")
    lines = [*asks(0, 5, "a.example:443"), established(1, "a.example", 6), *asks(2, 7, "b.example:443")]
    told(reader, lines, clock())
    assert reader.settle(us("2026-11-23T11:01:00Z")) == []
    assert brief(list(reader.settle(LATER))) == [("b.example", 443, Outcome.UNKNOWN)]
    assert brief(told(reader, [closed(9, 5, 6)], clock())) == [("a.example", 443, Outcome.CLOSED)]


def test_clients_without_an_end_do_not_pile_up() -> None:
    reader = TINYPROXY.begin(b"")
    lines = [one for fd in range(REMEMBERED_MAX + 50) for one in asks(0, fd, "a.example:443")]
    assert {r.outcome for r in told(reader, lines, clock())} == {Outcome.UNKNOWN}
    assert len(reader.settle(LATER)) == REMEMBERED_MAX


def test_a_log_of_notices_names_only_what_did_not_get_through() -> None:
    reader = NOTICE.begin(b"")
    refused = line(0, 'Proxying refused on filtered domain "Evil.Example."', level="NOTICE")
    failed = line(1, "opensock: Could not establish a connection to a.example:443", level="ERROR")
    assert told(reader, [refused, failed], clock()) == [
        Request("evil.example", None, Outcome.DENIED, at(0), at(0), None, reason="Proxying refused on filtered domain"),
        Request("a.example", 443, Outcome.FAILED, at(1), at(1), None, reason="Could not establish a connection"),
    ]
    assert reader.read(asks(0, 5, "a.example:443")[0].encode(), clock()) is None
    assert "LogLevel" in NOTICE.lacks


@pytest.mark.parametrize(
    ("target", "host"),
    [
        (b"[red]evil.example:443", b"[red]evil.example"),
        (b"\x1b[31mevil.example:443", b"\x1b[31mevil.example"),
        (b"\xff\xfe\xe9vil.example:443", b"\xff\xfe\xe9vil.example"),
        (b'ev"il.example:443', b'ev"il.example'),
    ],
)
def test_a_hostile_target_is_seen_and_inert(target: bytes, host: bytes) -> None:
    lines = [one.encode().replace(b"TARGET", target) for one in asks(0, 5, "TARGET")]
    refused = line(1, 'Proxying refused on filtered domain "TARGET"', level="NOTICE").encode().replace(b"TARGET", host)
    (request,) = read(*lines, refused)
    assert request.outcome is Outcome.DENIED
    assert request.host is not None
    assert request.host.startswith("\\")
    assert is_inert(request)


def test_a_path_full_of_words_of_the_log_forges_nothing() -> None:
    forged = 'GET http://evil.example/" using Established connection to host "api.stripe.com" HTTP/1.1'
    lines = [line(0, "Connect (file descriptor 5): 172.18.0.3"), line(0, f"Request (file descriptor 5): {forged}")]
    assert brief(read(*lines, established(1, "evil.example", 6))) == [("evil.example", 80, Outcome.OPEN)]


def test_other_lines_are_not_in_this_format() -> None:
    for other in (b"", b"x", b"CONNECT   Foo 23 10:00:00 [7]: x", b"HELLO     Nov 23 10:00:00 [7]: x"):
        assert TINYPROXY.begin(b"").read(other, clock()) is None


@pytest.mark.parametrize("saved", [b"x", b"{}", b"[1]", b"\xff"])
def test_a_saved_state_of_another_is_refused(saved: bytes) -> None:
    with pytest.raises(ValueError, match="no saved state"):
        TINYPROXY.begin(saved)


def test_no_line_takes_long() -> None:
    started = time.process_time()
    for hostile in HOSTILE:
        TINYPROXY.begin(b"").read(hostile, clock())
        for begin in ("Proxying refused on filtered domain ", "opensock: Could not retrieve info for ", "Connect ("):
            TINYPROXY.begin(b"").read(line(0, begin).encode() + hostile, clock())
    assert time.process_time() - started < 2.0


MESSAGES = st.sampled_from(
    [
        *asks(0, 5, "a.example:443"), *asks(0, 6, "a.example:443"), established(1, "a.example", 6), closed(9, 5, 6),
        line(2, 'Proxying refused on filtered domain "a.example"'), line(2, "Refused CONNECT method on port 443"),
        line(3, "read_buffer: read() failed on fd 6: x"), line(3, "Could not connect to upstream proxy."),
        line(4, 'process_server_headers failed: x. host "a" using file descriptor 6.'),
        line(5, "process_request: trans Host GET http://b.example/ for 5"), line(6, "Initializing tinyproxy ..."),
        line(7, "opensock: Could not establish a connection to 2001:db8::1:443"),
    ]
)  # fmt: skip


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=200),
            MESSAGES.map(str.encode),
            st.builds(
                lambda text, at, what: text[:at].encode() + what + text[at:].encode(),
                MESSAGES,
                st.integers(0, 120),
                st.binary(max_size=12),
            ),
        ),
        max_size=12,
    )
)
def test_reading_never_fails_and_tells_nothing_that_could_do_harm(lines: list[bytes]) -> None:
    reader = TINYPROXY.begin(b"")
    for one in lines:
        assert all(is_inert(request) for request in reader.read(one, clock()) or ())
        reader = TINYPROXY.begin(reader.save())
    assert all(is_inert(request) for request in reader.settle(LATER))
