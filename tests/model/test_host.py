"""Which texts are host names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.model.host import host_of


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("Licensing.TryRetool.COM.", "licensing.tryretool.com"),
        ("_dmarc.example.com", "_dmarc.example.com"),
        ("db", "db"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        (".".join(["a" * 49] * 5) + ".abc", ".".join(["a" * 49] * 5) + ".abc"),
    ],
)
def test_a_name_is_lower_case_and_has_no_trailing_dot(text: str, host: str) -> None:
    assert host_of(text) == host


@pytest.mark.parametrize(
    "text",
    [
        "", ".", "a..b", "example.com..", "-a.example", "a-.example", "a b.example", "a|b.example", "bücher.example",
        "\N{KELVIN SIGN}.example", "203.0.113.7", "2001:db8::1", "a\n", "x" * 64 + ".example", "a." * 126 + "aa",
    ],
)  # fmt: skip
def test_what_is_no_name_is_left_out(text: str) -> None:
    assert host_of(text) is None


@given(st.text(max_size=300))
def test_any_text_gives_a_name_that_stays_itself_or_nothing(text: str) -> None:
    host = host_of(text)
    assert host is None or (host_of(host) == host and host.isascii() and host.isprintable() and len(host) <= 253)
