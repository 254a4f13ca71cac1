"""What a person types for a destination."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.allowlist.target import Target, parse_target


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("api.openai.com", Target("api.openai.com", None, None, None)),
        (" API.OpenAI.com.:8443 ", Target("api.openai.com", None, None, 8443)),
        ("*.example.com:443", Target("*.example.com", None, None, 443)),
        ("192.0.2.1", Target(None, "192.0.2.1/32", "192.0.2.1", None)),
        ("192.0.2.1:22", Target(None, "192.0.2.1/32", "192.0.2.1", 22)),
        ("2001:db8::1", Target(None, "2001:db8::1/128", "2001:db8::1", None)),
        ("[2001:db8::1]", Target(None, "2001:db8::1/128", "2001:db8::1", None)),
        ("[2001:db8::1]:443", Target(None, "2001:db8::1/128", "2001:db8::1", 443)),
        ("[::ffff:192.0.2.1]:443", Target(None, "192.0.2.1/32", "192.0.2.1", 443)),
        ("198.51.100.0/24", Target(None, "198.51.100.0/24", None, None)),
        ("198.51.100.0/24:8443", Target(None, "198.51.100.0/24", None, 8443)),
        ("2001:db8::/32", Target(None, "2001:db8::/32", None, None)),
        ("[2001:db8::/32]:443", Target(None, "2001:db8::/32", None, 443)),
        ("https://api.openai.com/v1/chat?x=1", Target("api.openai.com", None, None, 443)),
        ("http://api.openai.com/", Target("api.openai.com", None, None, 80)),
        ("https://user:pw@api.openai.com:8443/", Target("api.openai.com", None, None, 8443)),
        ("https://[2001:db8::1]/", Target(None, "2001:db8::1/128", "2001:db8::1", 443)),
        ("grpc://temporal.example.com:7233", Target("temporal.example.com", None, None, 7233)),
    ],
)
def test_a_destination_is_read_as_it_is_meant(text: str, target: Target) -> None:
    assert parse_target(text) == target


@pytest.mark.parametrize(
    "text",
    ["", " ", ":443", "a b", "a.com:0", "a.com:65536", "a.com:99999999999999999999", "a.com:x", "a.com/v1",
     "10.0.0.1/8", "10.0.0.0/33", "10.0.0.256", "[::1", "[a.com]:443x", "https://", "https:///path", "https://a.com:0/",
     "https://a.com:99999/", "https://[::1/", "http://a b/", "*", "*.com", "\x1b[31m", "a.com:٤٤٣", "[]:1"],
)  # fmt: skip
def test_nonsense_is_refused_in_a_sentence_that_is_safe_to_print(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w+ \w+") as caught:
        parse_target(text)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "text", ["api.openai.com", "192.0.2.1", "2001:db8::1", "198.51.100.0/24", "2001:db8::/32", "*.example.com"]
)
@pytest.mark.parametrize("port", [None, 443])
def test_what_is_suggested_to_a_person_can_be_typed_back(text: str, port: int | None) -> None:
    target = parse_target(text)
    again = parse_target(target.text(port))
    assert (again.host, again.network, again.port) == (target.host, target.network, port)


@given(st.text(max_size=30) | st.from_regex(r"[a-z0-9.:/\[\]%@*-]{1,30}"))
def test_any_text_is_a_destination_or_a_sentence(text: str) -> None:
    try:
        target = parse_target(text)
    except ValueError:
        return
    assert (target.host is None) != (target.network is None)
