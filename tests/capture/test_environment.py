"""What is kept of an environment: the role, the proxies, and never a credential."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.capture.environment import PROXY_VARIABLES, SCHEMES, VALUE_LIMIT, Environment, environment_of, plain


def test_role_and_proxies_are_kept_and_nothing_else() -> None:
    content = b"PATH=/bin\0SERVICE_TYPE=WORKFLOW_TEMPORAL_WORKER\0WORKER_TEMPORAL_TASKQUEUE=agent\0SECRET=hunter2\0"
    content += b"https_proxy=http://proxy:3128\0HTTP_PROXY=\0MY_HTTP_PROXY=http://other:1\0NO_PROXY=.svc, 10.0.0.0/8\0"
    kept = (("NO_PROXY", ".svc,10.0.0.0/8"), ("https_proxy", "http://proxy:3128"))
    assert environment_of(content) == Environment("agent-worker", kept)


def test_of_a_variable_that_stands_there_twice_the_first_counts() -> None:
    assert environment_of(b"SERVICE_TYPE=JOBS_RUNNER\0SERVICE_TYPE=MAIN_BACKEND\0").role == "jobs-runner"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("http://proxy.example:3128", "http://proxy.example:3128"),
        ("HTTP://proxy.example:3128/", "http://proxy.example:3128"),
        ("proxy.example:3128", "proxy.example:3128"),
        ("socks5h://[2001:db8::1]:1080", "socks5h://[2001:db8::1]:1080"),
        ("http://u:secret@proxy:3128", "http://proxy:3128"),
        ("u:secret@proxy:3128", "proxy:3128"),
        ("http://u:se@cret@proxy:3128", "http://proxy:3128"),
        ("http://u:se/secret@proxy:3128", "http://proxy:3128"),
        ("http://u:se#secret?@proxy:3128/x", "http://proxy:3128"),
        ("http://u:secret%40proxy:3128", "http://proxy:3128"),
        ("http:/u:secret@proxy:3128", "proxy:3128"),
        ("http:\\\\u:secret@proxy:3128", "proxy:3128"),
        ("http://u:secret\n@proxy:3128", "http://proxy:3128"),
        ("http://u:secret＠proxy:3128", "http://proxy:3128"),
        ("http://proxy:3128/?token=secret", "http://proxy:3128"),
        ("http://proxy:secret", "http://proxy"),
        ("http://proxy:123456secret", "http://proxy"),
        ("secret://u@proxy:1", "proxy:1"),
        ("http://u:secret@", ""),
        ("  ", ""),
    ],
)
def test_a_proxy_is_shown_as_scheme_host_and_port_alone(value: str, shown: str) -> None:
    assert plain("HTTPS_PROXY", value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("*", "*"),
        ("localhost,127.0.0.1,.svc,*.internal", "localhost,127.0.0.1,.svc,*.internal"),
        ("10.0.0.0/8, fd00::/8,::1", "10.0.0.0/8,fd00::/8,::1"),
        ("a.example:8080,,b.example", "a.example:8080,b.example"),
        (" a.example .svc\t10.0.0.1", "a.example,.svc,10.0.0.1"),
        ("http://u:sec,ret@b.example,c.example", "b.example,c.example"),
    ],
)
def test_places_without_a_proxy_are_a_list_without_credentials(value: str, shown: str) -> None:
    assert plain("no_proxy", value) == shown


@given(st.sampled_from(sorted(PROXY_VARIABLES)), st.text())
def test_a_value_is_inert_and_bounded_whatever_it_holds(variable: str, value: str) -> None:
    shown = plain(variable, value)
    assert shown.isprintable()
    assert len(shown) <= VALUE_LIMIT


@given(st.text(), st.sampled_from(["", "http://", "//", "x://", "http:/"]), st.sampled_from(["@", "%40"]))
def test_nothing_before_the_last_at_sign_is_left(secret: str, scheme: str, at: str) -> None:
    shown = plain("HTTP_PROXY", f"{scheme}{secret}{at}proxy:3128")
    assert shown in {f"{known}proxy:3128" for known in ("", *SCHEMES)}


@given(st.binary())
def test_any_bytes_are_an_environment(content: bytes) -> None:
    environment_of(b"HTTP_PROXY=" + content)
    assert environment_of(content).role is None


@pytest.mark.parametrize("piece", ["%4", "@", "a", ",", "1.1.1.1,", "http://", "[", "x:"])
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "NO_PROXY"])
def test_a_huge_value_takes_no_longer_than_it_must(variable: str, piece: str) -> None:
    before_s = time.process_time()
    plain(variable, piece * (262_144 // len(piece)))
    assert time.process_time() - before_s < 0.5
