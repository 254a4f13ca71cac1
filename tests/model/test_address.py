"""Addresses and networks: one spelling for each, and whether one lies in the other."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.model.address import Networks, pack, parse_address, parse_network, unpack


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_an_address_has_one_spelling(text: str, plain: str) -> None:
    assert str(parse_address(text)) == plain
    assert unpack(pack(text)) == plain


@pytest.mark.parametrize("text", ["", "a.example.com", "192.0.2.1:443", "192.0.2.256", "192.0.2.01", "10.0.0.0/8", "1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"does not appear to be"):
        parse_address(text)


@given(st.ip_addresses())
def test_a_kept_address_reads_as_it_was_written(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    assert unpack(pack(str(address))) == str(parse_address(str(address)))


@pytest.mark.parametrize("packed", [b"", b"abc", b"12345", b"x" * 17])
def test_bytes_that_are_no_address_are_refused(packed: bytes) -> None:
    with pytest.raises(ValueError, match="4 or 16 bytes"):
        unpack(packed)


@pytest.mark.parametrize(
    ("network", "ip", "inside"),
    [
        ("10.0.0.0/8", "10.255.255.255", True),
        ("10.0.0.0/8", "11.0.0.0", False),
        ("10.0.0.0/8", "::ffff:10.0.0.1", True),
        ("::ffff:10.0.0.0/104", "10.0.0.1", True),
        ("::ffff:10.0.0.0/104", "11.0.0.1", False),
        ("fc00::/7", "fd00::1", True),
        ("::/0", "10.0.0.1", False),
        ("0.0.0.0/0", "::1", False),
        ("192.0.2.7", "192.0.2.7", True),
    ],
)
def test_a_network_holds_its_addresses_and_no_others(network: str, ip: str, inside: bool) -> None:
    networks = Networks([network])
    assert (ip in networks) is inside
    assert (ip in networks) is inside


def test_a_network_with_host_bits_is_refused() -> None:
    with pytest.raises(ValueError, match="host bits"):
        Networks(["10.0.0.1/8"])
    with pytest.raises(ValueError, match="host bits"):
        parse_network("::ffff:10.0.0.1/104")


def test_no_networks_hold_nothing() -> None:
    assert "127.0.0.1" not in Networks([])
