"""Two ways of writing one destination are one."""

import tracemalloc

import pytest

from tui.proxylog.target import host_of, target_of


@pytest.mark.parametrize(
    ("raw", "host", "port"),
    [
        (b"api.stripe.com:443", "api.stripe.com", 443),
        (b"API.Stripe.COM.:00443", "api.stripe.com", 443),
        (b"api.stripe.com", "api.stripe.com", 8080),
        (b"[2001:DB8::20]:443", "2001:db8::20", 443),
        (b"[::ffff:192.0.2.66]:443", "192.0.2.66", 443),
        (b"3221226050:443", "192.0.2.66", 443),
        (b"0xC0000242:443", "192.0.2.66", 443),
        (b"192.0.2.66.:443", "192.0.2.66", 443),
        (b"http://user:secret@example.com/path?token=1", "example.com", 80),
        (b"https://example.com#at@evil.example", "example.com", 443),
        (b"http://example.com\\@evil.example/", "example.com", 80),
        (b"ws://example.com:8443/x", "example.com", 8443),
        ("b\u00fccher.example:443".encode(), "xn--bcher-kva.example", 443),
        ("\u212aelvin.example:443".encode(), "kelvin.example", 443),
    ],
)
def test_a_destination_has_one_form(raw: bytes, host: str, port: int) -> None:
    assert target_of(raw, 8080) == (host, port)


@pytest.mark.parametrize("raw", [b"", b":443", b"a:0", b"a:65536", b"a:b:443", b"/path", b"[::1", b"x" * 10_000])
def test_what_names_no_destination_is_none(raw: bytes) -> None:
    assert target_of(raw, 443) is None


@pytest.mark.parametrize("raw", [b"\x1b[31mevil", b"a b", b"evil\xff.example", b"[red]x", b"a\x00.b"])
def test_what_is_no_name_is_seen_and_inert(raw: bytes) -> None:
    host = host_of(raw)
    assert host is not None
    assert host.startswith("\\")
    assert host.isprintable()


def test_long_destinations_that_never_come_again_are_not_kept() -> None:
    tracemalloc.start()
    try:
        for number in range(2_000):
            target_of(b"%d" % number + b"x" * 8_000, 443)
            host_of(b"%d" % number + b"y" * 8_000)
            host_of(b"192.0.2.%d%%" % (number % 256) + b"z" * 8_000)
        assert tracemalloc.get_traced_memory()[0] < 1 << 20
    finally:
        tracemalloc.stop()
