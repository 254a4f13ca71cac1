"""What the one line of an alert says."""

import pytest

from tests.history.sample import alert, connection
from tui.catalog import load_catalogue
from tui.collector.alerts import AlertBook, lost_packets, name_mismatch, off_allowlist
from tui.collector.resolving import ResolvingWatch
from tui.model.alert import Alert, AlertKind
from tui.model.connection import Claim, Endpoint, Evidence, Name, Origin
from tui.model.lookup_failure import NO_ANSWER, NO_SUCH_NAME, RESOLVER_FAILED
from tui.model.times import SECOND_US
from tui.model.wire import Lookup
from tui.viewer.alert_words import short_summary, sign
from tui.viewer.words import UNICODE


def mismatch(inner: str | None = None) -> Alert:
    evidence, via = (Evidence.CONNECT, "10.0.0.5:3128") if inner is not None else (Evidence.SNI, None)
    made = connection(
        remote=Endpoint("192.0.2.66", 443), name=Name("api.openai.com", evidence, claim=Claim.MISMATCH), via=via,
        origin=Origin("1", "api", None),
    )  # fmt: skip
    return AlertBook((), 1).raise_(name_mismatch(made, inner))


@pytest.mark.parametrize(
    ("inner", "said"),
    [
        (None, "mismatch: api claims api.openai.com on 192.0.2.66:443"),
        (
            "evil.example",
            "api asked proxy 10.0.0.5:3128 for api.openai.com:443 and then named evil.example inside the tunnel",
        ),
    ],
)
def test_a_forged_name_is_told_with_both_names_as_what_goes_out(inner: str | None, said: str) -> None:
    assert short_summary(mismatch(inner)) == said
    assert sign(mismatch(inner), UNICODE) == UNICODE.off_list


@pytest.mark.parametrize(
    ("why", "brief"),
    [(NO_SUCH_NAME, "NXDOMAIN"), (RESOLVER_FAILED, "SERVFAIL"), (NO_ANSWER, "the resolver did not answer")],
)
def test_a_name_that_does_not_resolve_says_where_and_why_before_how_often(why: str, brief: str) -> None:
    watch, book, alert = ResolvingWatch(load_catalogue(())), AlertBook((), 1), None
    for number in range(3):
        at_us = 10_000 * SECOND_US + number * 60 * SECOND_US
        failed = Lookup(at_us, "1", Endpoint("10.0.0.2", 53), "licensing.tryretool.com", "A", failure=why)
        watch.looked_up(failed, "api", "api", allowed=True, now_us=at_us)
        for changed in book.take(watch.settle(at_us + 5 * SECOND_US), at_us):
            alert = changed
    assert alert is not None
    told = f"License checks: licensing.tryretool.com does not resolve in api ({brief}), 3 in a row"
    assert short_summary(alert) == told
    assert short_summary(alert, "203.0.113.10") == told
    assert sign(alert, UNICODE) == UNICODE.failing


def test_a_name_that_could_not_be_confirmed_comes_after_the_address_that_is_known() -> None:
    made = connection(
        remote=Endpoint("192.0.2.66", 443), name=Name("api.openai.com", Evidence.SNI, claim=Claim.UNCONFIRMED),
        origin=Origin("1", "api", None),
    )  # fmt: skip
    alert = AlertBook((), 1).raise_(off_allowlist(made, "no name explains this public address"))
    told = "api to 192.0.2.66:443 off list; named api.openai.com, not confirmed"
    assert short_summary(alert) == short_summary(alert, "198.51.100.1") == told


def test_lost_packets_say_how_many_and_where_and_that_no_connection_is_missing() -> None:
    alert = AlertBook((), 1).raise_(lost_packets("api", 37, 1))
    assert short_summary(alert).startswith("37 packets were lost in api: names that the client used may be missing")
    assert short_summary(alert).endswith("no connection is")


def test_an_address_stands_in_the_place_of_the_name_where_an_alert_has_one() -> None:
    made = connection(name=Name("evil.example.com", Evidence.SNI), origin=Origin("1", "api", None))
    alert = AlertBook((), 1).raise_(off_allowlist(made, "a deny rule names it"))
    assert short_summary(alert) == "api to evil.example.com:443 off list; a deny rule names it"
    assert short_summary(alert, "2001:db8::1") == "api to [2001:db8::1]:443 off list; a deny rule names it"


@pytest.mark.parametrize(
    ("said", "brief"),
    [
        (
            "api reached a.b:443 directly, although its HTTPS_PROXY names proxy.corp.example:3128; api's image changed",
            "api reached a.b:443 directly, not through proxy.corp.example:3128",
        ),
        (
            "api tried to reach a.b:443 directly, although every service of Retool must use a proxy ([proxy] required)",
            "api tried to reach a.b:443 directly, not through a proxy",
        ),
        (
            "api reaches more than 20 destinations directly, although its ALL_PROXY names [fd00::4]:1; the latest: a:1",
            "api reaches more than 20 destinations directly, not through [fd00::4]:1",
        ),
    ],
)
def test_what_goes_past_a_proxy_says_past_which(said: str, brief: str) -> None:
    told = alert(kind=AlertKind.BYPASS, summary=said)
    assert short_summary(told) == brief
    assert short_summary(told, "203.0.113.9") == brief.replace("a.b:443", "203.0.113.9:443")
    assert sign(told, UNICODE) == UNICODE.off_list


@pytest.mark.parametrize("change", ["", "; api's image changed 5 h before (1 to 2)"])
def test_a_proxy_that_is_down_says_what_it_carries_before_how_often(change: str) -> None:
    said = f"proxy 10.0.4.20:3128 refuses api: 7 services affected, 4 attempts in a row since 12:01:40Z{change}"
    told = alert(kind=AlertKind.BLOCKED, cause="blocked-proxy|10.0.4.20|3128", summary=said, count=4)
    assert short_summary(told) == f"proxy 10.0.4.20:3128 refuses api: 7 services affected, 4 in a row{change}"
    assert sign(told, UNICODE) == UNICODE.failing
