"""Host names and patterns: one spelling, and dots as the only borders."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.allowlist.hosts import matches, normalise_host, normalise_pattern


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("API.OpenAI.com", "api.openai.com"),
        ("api.openai.com.", "api.openai.com"),
        (" api.openai.com ", "api.openai.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example.", "xn--bcher-kva.example"),
        ("api。openai。com", "api.openai.com"),
        ("\uff41pi.openai.com", "api.openai.com"),
        ("\u212aelvin.example", "kelvin.example"),
        ("_dmarc.example.com", "_dmarc.example.com"),
        ("localhost", "localhost"),
    ],
)
def test_a_host_has_one_spelling(text: str, host: str) -> None:
    assert normalise_host(text) == host


@pytest.mark.parametrize(
    "text",
    ["", ".", "a..b", "a.b..", ".a", "-a.com", "a-.com", "a b", "a/b", "a:443", "a\nb", "x" * 64 + ".com",
     "a." * 128, "10.0.0.256", "10.0.0.1", "1", "[::1]", "*.a.com", "a\x00.com", "пример\u202e.com"],
)  # fmt: skip
def test_what_is_no_host_name_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="no host name") as caught:
        normalise_host(text)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("pattern", "host", "fits"),
    [
        ("tryretool.com", "tryretool.com", True),
        ("tryretool.com", "evil-tryretool.com", False),
        ("tryretool.com", "tryretool.com.evil.net", False),
        ("tryretool.com", "p.tryretool.com", False),
        ("*.tryretool.com", "p.tryretool.com", True),
        ("*.tryretool.com", "a.b.tryretool.com", True),
        ("*.tryretool.com", "tryretool.com", False),
        ("*.tryretool.com", "evil-tryretool.com", False),
        ("*.tryretool.com", "x.evil-tryretool.com", False),
        ("*.tryretool.com", "p.tryretool.com.evil.net", False),
        ("*.TryRetool.COM.", "p.tryretool.com", True),
        ("*.bücher.example", "a.xn--bcher-kva.example", True),
    ],
)
def test_patterns_match_on_dot_borders(pattern: str, host: str, fits: bool) -> None:
    assert matches(normalise_pattern(pattern), normalise_host(host)) is fits


@pytest.mark.parametrize("text", ["*", "*.", "*.com", "a.*.com", "**.a.com", "*a.com", "*.*.com", "api.*"])
def test_a_wildcard_that_is_too_wide_or_not_in_front_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"wildcard|no host name"):
        normalise_pattern(text)


@given(st.text(max_size=40))
def test_normalising_twice_changes_nothing(text: str) -> None:
    try:
        host = normalise_host(text)
    except ValueError:
        return
    assert normalise_host(host) == host
    assert host.isascii()
    assert host == host.lower()
