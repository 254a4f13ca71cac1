"""Lines that belong to one request: where Squid looks into TLS, and where it asks for a password."""

from datetime import UTC

import pytest

from tui.model.connection import Outcome
from tui.model.request import Request
from tui.proxylog.format import Clock, Reader
from tui.proxylog.formats.squid import FORMATS
from tui.proxylog.formats.squid_logformat import logformat_reader
from tui.proxylog.formats.squid_pairs import KEPT_MAX

NATIVE = FORMATS[0]
SECOND_US = 1_000_000
T0 = 1_795_428_747


def line(at: float, words: str, ms: int = 1) -> bytes:
    return f"{T0 + at:.3f} {ms:6d} 172.18.0.6 {words}".encode()


FIRST = "NONE_NONE/200 0 CONNECT api.stripe.com:443 - HIER_NONE/- -"
TUNNEL = "TCP_TUNNEL/200 2427 CONNECT api.stripe.com:443 - HIER_DIRECT/198.51.100.22 -"


def feed(reader: Reader, at: float, words: str, ms: int = 1) -> list[Request]:
    got = reader.read(line(at, words, ms), Clock(int((T0 + at) * SECOND_US), UTC))
    assert got is not None
    return list(got)


def settle(reader: Reader, at: float) -> list[Request]:
    return list(reader.settle(int((T0 + at) * SECOND_US)))


def test_a_spliced_tunnel_is_one_request_from_its_connect_to_its_end() -> None:
    reader = NATIVE.begin(b"")
    assert feed(reader, 0.540, FIRST) == []
    (request,) = feed(reader, 2.547, TUNNEL, ms=2007)
    assert (request.outcome, request.address, request.bytes_received) == (Outcome.CLOSED, "198.51.100.22", 2427)
    assert request.started_us == T0 * SECOND_US + 539_000
    assert settle(reader, 900) == []


def test_a_first_line_that_nothing_follows_is_a_denial() -> None:
    reader = NATIVE.begin(b"")
    feed(reader, 0, "NONE_NONE/200 0 CONNECT evil.example:443 - HIER_NONE/- -")
    assert settle(reader, 4) == []
    (request,) = settle(reader, 5)
    assert (request.host, request.port, request.outcome) == ("evil.example", 443, Outcome.DENIED)
    assert request.reason == "NONE_NONE/200"
    assert settle(reader, 900) == []


def test_the_log_s_own_time_settles_where_past_lines_are_read_at_once() -> None:
    reader = NATIVE.begin(b"")
    clock = Clock((T0 + 9_000) * SECOND_US, UTC)
    assert reader.read(line(0, "NONE_NONE/200 0 CONNECT evil.example:443 - HIER_NONE/- -"), clock) == []
    got = reader.read(line(6, "TCP_MISS/200 9 GET http://a.example/ - HIER_DIRECT/192.0.2.1 -"), clock)
    assert got is not None
    assert [(request.host, request.outcome) for request in got] == [
        ("a.example", Outcome.CLOSED),
        ("evil.example", Outcome.DENIED),
    ]


def test_a_tunnel_that_fails_after_its_first_line_is_that_failure() -> None:
    reader = NATIVE.begin(b"")
    feed(reader, 0, "NONE_NONE/200 0 CONNECT nx.example:443 - HIER_NONE/- -")
    (request,) = feed(reader, 0, "NONE_NONE/500 0 CONNECT nx.example:443 - HIER_NONE/- -", ms=0)
    assert request.outcome is Outcome.FAILED
    assert feed(reader, 0, "NONE_NONE/000 0 - error:transaction-end-before-headers - HIER_NONE/- -", ms=0) == []
    assert settle(reader, 900) == []


def test_an_open_tunnel_to_where_the_client_was_let_through_before_is_no_denial() -> None:
    reader = NATIVE.begin(b"")
    feed(reader, 0, FIRST)
    feed(reader, 1, TUNNEL, ms=1000)
    feed(reader, 10, FIRST)
    assert settle(reader, 100) == []
    (request,) = feed(reader, 110, TUNNEL, ms=100_000)
    assert request.outcome is Outcome.CLOSED


def test_a_destination_that_is_no_longer_let_through_becomes_a_denial() -> None:
    reader = NATIVE.begin(b"")
    feed(reader, 0, FIRST)
    feed(reader, 1, TUNNEL, ms=1000)
    outcomes = []
    for at in (1_000, 2_000, 3_000, 4_000, 5_000):
        feed(reader, at, FIRST)
        outcomes += [request.outcome for request in settle(reader, at + 130)]
    assert outcomes == [Outcome.UNKNOWN] * 3 + [Outcome.DENIED] * 2


def test_another_client_is_not_taken_for_the_one_that_was_let_through() -> None:
    reader = NATIVE.begin(b"")
    feed(reader, 0, FIRST)
    reader.read(line(1, TUNNEL, 1000).replace(b"172.18.0.6", b"172.18.0.7"), Clock(0, UTC))
    (request,) = settle(reader, 9)
    assert request.outcome is Outcome.DENIED


def test_each_request_within_a_connection_that_squid_decrypts_is_one() -> None:
    reader = NATIVE.begin(b"")
    feed(reader, 0, FIRST)
    get = "TCP_MISS/200 900 GET https://api.stripe.com/v1/x - HIER_DIRECT/198.51.100.22 application/json"
    assert [len(feed(reader, at, get)) for at in (1, 2, 3)] == [1, 1, 1]
    assert settle(reader, 900) == []


def test_an_intercepted_connection_is_named_by_its_second_line() -> None:
    reader = NATIVE.begin(b"")
    feed(reader, 0, "NONE_NONE/000 0 CONNECT 198.51.100.22:443 - HIER_NONE/- -")
    (request,) = feed(
        reader, 1, "TCP_TUNNEL/200 2427 CONNECT api.stripe.com:443 - ORIGINAL_DST/198.51.100.22 -", ms=999
    )
    assert (request.host, request.address, request.outcome) == ("api.stripe.com", "198.51.100.22", Outcome.CLOSED)
    assert settle(reader, 900) == []


def test_an_intercepted_connection_that_is_denied_has_its_address_alone() -> None:
    reader = NATIVE.begin(b"")
    feed(reader, 0, "NONE_NONE/000 0 CONNECT 192.0.2.66:443 - HIER_NONE/- -")
    (request,) = settle(reader, 6)
    assert (request.host, request.outcome) == ("192.0.2.66", Outcome.DENIED)


def test_a_name_that_does_not_have_the_address_is_one_denial() -> None:
    reader = NATIVE.begin(b"")
    feed(reader, 0, "NONE_NONE/000 0 CONNECT 192.0.2.66:443 - HIER_NONE/- -")
    (request,) = feed(reader, 0.01, "NONE_NONE/409 4000 CONNECT api.openai.com:443 - HIER_NONE/- text/html", ms=0)
    assert (request.host, request.outcome) == ("api.openai.com", Outcome.DENIED)
    assert settle(reader, 900) == []


def test_a_password_that_is_asked_for_and_given_is_one_request() -> None:
    reader = NATIVE.begin(b"")
    assert feed(reader, 0, "TCP_DENIED/407 4000 CONNECT api.stripe.com:443 - HIER_NONE/- text/html") == []
    (request,) = feed(reader, 1, TUNNEL.replace(" - HIER", " alice HIER"), ms=900)
    assert request.outcome is Outcome.CLOSED
    assert settle(reader, 900) == []


def test_a_password_that_is_not_given_is_a_denial() -> None:
    reader = NATIVE.begin(b"")
    feed(reader, 0, "TCP_DENIED/407 4000 CONNECT api.stripe.com:443 - HIER_NONE/- text/html")
    (request,) = settle(reader, 6)
    assert (request.outcome, request.reason) == (Outcome.DENIED, "TCP_DENIED/407")


def test_a_denial_that_is_told_within_the_tls_is_one() -> None:
    reader = NATIVE.begin(b"")
    (request,) = feed(reader, 0, "TCP_DENIED/200 0 CONNECT github.com:22 - HIER_NONE/- -")
    assert request.outcome is Outcome.DENIED
    assert feed(reader, 0.1, "NONE_NONE/403 4000 GET https://github.com:22/ - HIER_NONE/- text/html") == []
    assert settle(reader, 900) == []


def test_the_bump_mode_tells_a_denial_at_once() -> None:
    form = logformat_reader('%ts.%03tu %6tr %>a %Ss/%03>Hs %<st %rm %ru %ssl::bump_mode "%ssl::>sni" %[un %Sh/%<a %mt')
    reader = form.begin(b"")
    (request,) = feed(reader, 0, 'NONE_NONE/000 0 CONNECT 192.0.2.66:443 terminate "evil.example" - HIER_NONE/- -')
    assert (request.host, request.address, request.outcome) == ("evil.example", "192.0.2.66", Outcome.DENIED)
    assert feed(reader, 0, 'NONE_NONE/200 0 CONNECT api.stripe.com:443 splice "api.stripe.com" - HIER_NONE/- -') == []
    assert settle(reader, 900) == []


def test_a_restart_in_the_middle_of_a_request_loses_and_doubles_nothing() -> None:
    reader = NATIVE.begin(b"")
    assert reader.save() == b""
    feed(reader, 0, FIRST)
    feed(reader, 0, "NONE_NONE/200 0 CONNECT evil.example:443 - HIER_NONE/- -")
    reader = NATIVE.begin(reader.save())
    (request,) = feed(reader, 1, TUNNEL, ms=999)
    assert (request.outcome, request.started_us) == (Outcome.CLOSED, T0 * SECOND_US - 1_000)
    reader = NATIVE.begin(reader.save())
    assert [(request.host, request.outcome) for request in settle(reader, 6)] == [("evil.example", Outcome.DENIED)]
    feed(reader, 10, FIRST)
    assert settle(NATIVE.begin(reader.save()), 20) == []


@pytest.mark.parametrize("saved", [b"{}", b"[", b"[[]]", b'[[["x",1,2]],[]]', b"\xff", b"[1,2]"])
def test_what_no_reader_saved_is_refused(saved: bytes) -> None:
    with pytest.raises(ValueError, match="no memory of a Squid log"):
        NATIVE.begin(saved)


def test_a_flood_of_first_lines_is_given_out_and_not_kept() -> None:
    reader = NATIVE.begin(b"")
    given = 0
    for number in range(KEPT_MAX + 500):
        given += len(feed(reader, 0, f"NONE_NONE/200 0 CONNECT h{number}.example:443 - HIER_NONE/- -"))
    assert given == 500
    assert len(reader.save()) < 400_000
    assert len(settle(reader, 900)) == KEPT_MAX
