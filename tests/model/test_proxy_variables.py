"""Which proxy a variable names, for which port it holds, and what is excepted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.model.proxy_variables import Place, place_of, variables_of

HTTPS, HTTP, ALL = (
    ("HTTPS_PROXY", "http://secure:1"),
    ("HTTP_PROXY", "http://plain:2"),
    ("ALL_PROXY", "socks5h://any:3"),
)


@pytest.mark.parametrize(
    ("pairs", "port", "variable"),
    [
        ((HTTPS, HTTP, ALL), 443, "HTTPS_PROXY"),
        ((HTTPS, HTTP, ALL), 80, "HTTP_PROXY"),
        ((HTTPS, HTTP, ALL), 5432, "ALL_PROXY"),
        ((ALL,), 443, "ALL_PROXY"),
        ((ALL,), 80, "ALL_PROXY"),
        ((HTTPS,), 80, None),
        ((HTTP,), 443, None),
        ((HTTPS, HTTP), 5432, "HTTPS_PROXY"),
        ((HTTP,), 5432, "HTTP_PROXY"),
        ((("https_proxy", "proxy:1"),), 443, "https_proxy"),
        ((("HTTPS_PROXY", "a b"),), 443, None),
        ((), 443, None),
    ],
)
def test_each_port_has_the_variable_of_its_scheme(
    pairs: tuple[tuple[str, str], ...], port: int, variable: str | None
) -> None:
    holding = variables_of(pairs).holding(port)
    assert (holding and holding[0]) == variable


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("http://proxy.corp.example:3128", ("proxy.corp.example", 3128)),
        ("HTTP://Proxy.Corp.Example.:3128/", ("proxy.corp.example", 3128)),
        ("10.0.4.20:3128", ("10.0.4.20", 3128)),
        ("socks5h://[2001:DB8:0::1]:1080", ("2001:db8::1", 1080)),
        ("[::ffff:10.0.4.20]:3128", ("10.0.4.20", 3128)),
        ("proxy", ("proxy", None)),
        ("proxy:0", None),
        ("proxy:65536", None),
        ("proxy:http", None),
        ("a b:1", None),
        ("", None),
    ],
)
def test_a_place_is_host_and_port(text: str, place: tuple[str, int | None] | None) -> None:
    assert place_of(text) == place


@pytest.mark.parametrize("place", ["proxy.corp.example:3128", "[2001:db8::1]:1080", "10.0.4.20"])
def test_a_place_is_written_as_it_is_read(place: str) -> None:
    assert str(place_of(place)) == place


EXCEPTED = [
    ("*", "hooks.slack.com", "203.0.113.9", 443, True),
    ("a.example,*", "hooks.slack.com", "203.0.113.9", 443, True),
    ("slack.com", "slack.com", "203.0.113.9", 443, True),
    ("slack.com", "hooks.slack.com", "203.0.113.9", 443, True),
    (".slack.com", "hooks.slack.com", "203.0.113.9", 443, True),
    (".slack.com", "slack.com", "203.0.113.9", 443, True),
    ("*.slack.com", "hooks.slack.com", "203.0.113.9", 443, True),
    ("SLACK.com.", "hooks.slack.com", "203.0.113.9", 443, True),
    ("slack.com", "evil-slack.com", "203.0.113.9", 443, False),
    ("slack.com", "slack.com.evil.example", "203.0.113.9", 443, False),
    ("hooks.slack.com", "slack.com", "203.0.113.9", 443, False),
    ("slack.com:443", "hooks.slack.com", "203.0.113.9", 443, True),
    ("slack.com:8443", "hooks.slack.com", "203.0.113.9", 443, False),
    ("a.example slack.com", "hooks.slack.com", "203.0.113.9", 443, True),
    ("203.0.113.0/24", "hooks.slack.com", "203.0.113.9", 443, True),
    ("203.0.113.9/24", None, "203.0.113.200", 443, True),
    ("203.0.113.0/24", None, "203.0.114.9", 443, False),
    ("203.0.113.9", None, "203.0.113.9", 443, True),
    ("203.0.113.9:80", None, "203.0.113.9", 443, False),
    ("2001:db8::9", None, "2001:db8::9", 443, True),
    ("[2001:db8::9]:443", None, "2001:db8::9", 443, True),
    ("2001:db8::/32", None, "203.0.113.9", 443, False),
    ("203.0.113", None, "203.0.113.9", 443, False),
    ("slack.com", None, "203.0.113.9", 443, False),
    (",, ,", "hooks.slack.com", "203.0.113.9", 443, False),
]


@pytest.mark.parametrize(("value", "host", "ip", "port", "excepted"), EXCEPTED)
def test_no_proxy_has_names_what_is_below_them_addresses_networks_and_ports(
    value: str, host: str | None, ip: str, port: int, excepted: bool
) -> None:
    variables = variables_of([HTTPS, ("no_proxy", value)])
    assert variables.excepts((host,) if host else (), ip, port) is excepted
    assert variables.places == {Place("secure", 1)}


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_is_read(proxy: str, exceptions: str) -> None:
    variables = variables_of([("HTTPS_PROXY", proxy), ("NO_PROXY", exceptions)])
    variables.holding(443)
    variables.excepts(("a.example",), "203.0.113.9", 443)
