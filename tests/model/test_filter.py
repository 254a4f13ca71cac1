"""The filter language as an operator writes it, and what it finds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.model.filter import FREE_COLUMNS, KEYS, Contains, Equals, Filter, FilterError, Network, Range, Regex

ROW: dict[str, object] = {
    "host": "api.OpenAI.com",
    "host_evidence": "sni",
    "category": "Retool AI",
    "role": "workflows-worker",
    "process": "my app",
    "pid": 4711,
    "user": "retool",
    "container": "retool-workflows-worker-1",
    "namespace": "4026532288",
    "image": "tryretool/backend:3.196.2",
    "verdict": "off-allowlist",
    "outcome": "timed-out",
    "protocol": "tcp",
    "recorded": "live",
    "rule": None,
    "source": "proxy:/var/log/squid/access.log",
    "via": "10.0.0.9:3128",
    "local_ip": "::ffff:172.18.0.5",
    "local_port": 40_022,
    "ip": "10.1.2.3",
    "port": 443,
}


def fits(text: str) -> bool:
    return Filter.parse(text).matches(ROW)


def problem(text: str) -> FilterError:
    with pytest.raises(FilterError) as caught:
        Filter.parse(text)
    return caught.value


@pytest.mark.parametrize("text", ["", "   ", "\t\n"])
def test_an_empty_filter_fits_everything(text: str) -> None:
    assert Filter.parse(text) == Filter()
    assert fits(text)
    assert Filter.parse(text).matches({})


@pytest.mark.parametrize(
    "text",
    [
        "host:openai",
        "HOST:OPENAI",
        "category:ai",
        'category:"retool ai"',
        "role:worker",
        'process:"my app"',
        "user:retool",
        "container:worker-1",
        "namespace:4026532288",
        "image:tryretool/backend:3.196",
        "source:proxy:/var/log",
        "via:3128",
        "verdict:off-allowlist",
        "verdict:Off-Allowlist",
        "outcome:timed-out",
        "evidence:sni",
        "protocol:tcp",
        "recorded:live",
        "port:443",
        "port:1-1024",
        "port:80,443",
        "pid:4711",
        "local_port:40000-50000",
        "ip:10.1.2.3",
        "ip:10.0.0.0/8",
        "ip:10.1.2.99/8",
        "ip:::ffff:10.0.0.0/104",
        "ip:192.0.2.0/24,10.0.0.0/8",
        "local_ip:172.16.0.0/12",
        "-role:api",
        "-host:tryretool",
        "-host:x,y",
        "openai",
        "10.1.2",
        '"my app"',
        "-stranger",
        "host:/^api\\.openai/",
        "host:/^nothing/,/com$/",
        "/workflows-(worker|backend)/",
        "-/^stranger$/",
        "verdict:/off/",
        "ip:/^10\\./",
        "host:openai category:ai role:worker verdict:off-allowlist outcome:timed-out port:443 ip:10.0.0.0/8 -role:api",
    ],
)
def test_a_word_finds_the_row_that_it_describes(text: str) -> None:
    assert fits(text)


@pytest.mark.parametrize(
    "text",
    [
        "host:tryretool",
        "-host:openai",
        "-host:tryretool,openai",
        "verdict:allowed",
        "port:80",
        "port:444-500",
        "ip:11.0.0.0/8",
        "ip:::/0",
        "stranger",
        "-openai",
        "host:/^openai/",
        "host:openai -category:ai",
        "host:o.enai",
        "host:%",
        "host:_",
        "retool-workflows-worker-1 stranger",
        "4026532288",
    ],
)
def test_a_word_leaves_out_the_row_that_it_does_not_describe(text: str) -> None:
    assert not fits(text)


@pytest.mark.parametrize("key", KEYS)
def test_what_is_unknown_fits_no_word_and_every_negated_one(key: str) -> None:
    value = {"verdict": "allowed", "outcome": "open", "evidence": "sni", "protocol": "tcp", "recorded": "live"}.get(
        key, "10" if key not in ("ip", "local_ip") else "::/0"
    )
    column = "host_evidence" if key == "evidence" else key
    assert not Filter.parse(f"{key}:{value}").matches({column: None})
    assert Filter.parse(f"-{key}:{value}").matches({column: None})


@pytest.mark.parametrize("column", FREE_COLUMNS)
def test_free_text_looks_into_every_column_that_names_a_thing(column: str) -> None:
    assert Filter.parse("needle").matches({column: "a NEEDLE here"})


def test_free_text_does_not_look_into_other_columns() -> None:
    assert not Filter.parse("needle").matches({"image": "needle", "user": "needle", "via": "needle"})


@pytest.mark.parametrize("text", ["fd00:ec2::254", "203.0.113.7:443", "[::1]:443", "a,b"])
def test_an_address_or_a_comma_in_free_text_is_only_text(text: str) -> None:
    (term,) = Filter.parse(text).terms
    assert (term.key, term.tests) == (None, (Contains(text),))


def test_a_quoted_value_keeps_spaces_commas_colons_quotes_and_backslashes() -> None:
    (term,) = Filter.parse(r'process:"a, b: \"c\" \\d"').terms
    assert term.tests == (Contains(r'a, b: "c" \d'),)


def test_a_quoted_slash_begins_no_regular_expression() -> None:
    (term,) = Filter.parse('"/usr/bin/"').terms
    assert term.tests == (Contains("/usr/bin/"),)


def test_a_regular_expression_may_hold_spaces_commas_and_escaped_slashes() -> None:
    (term,) = Filter.parse(r"process:/a b,c\/ d/").terms
    assert term.tests == (Regex(r"a b,c\/ d"),)
    assert term.matches({"process": "A B,C/ D"})


def test_only_a_to_z_are_folded_so_that_sqlite_agrees() -> None:
    assert Filter.parse("ÄB").terms[0].tests == (Contains("Äb"),)
    assert not Filter.parse("Ä").matches({"host": "ä"})


def test_a_filter_is_read_into_terms_with_the_columns_where_they_begin() -> None:
    terms = Filter.parse("host:a  -port:1-2 verdict:allowed ip:10.0.0.0/8").terms
    assert [(term.key, term.negated, term.column) for term in terms] == [
        ("host", False, 1),
        ("port", True, 9),
        ("verdict", False, 19),
        ("ip", False, 35),
    ]
    assert [type(test) for term in terms for test in term.tests] == [Contains, Range, Equals, Network]


def test_a_filter_knows_which_keys_it_uses() -> None:
    assert Filter.parse('host:a -role:b "text" host:c').keys == {"host", "role"}


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("hots:a", 1, "no key hots. Did you mean host:?"),
        ("host:a -catgory:x", 9, "Did you mean category:?"),
        ("local-ip:10.0.0.1", 1, "Did you mean local_ip:?"),
        ("zzzzqqq:1", 1, "Known are host, category"),
        ("host:", 6, "host: needs a value here"),
        ("host: openai", 6, "without a space before it"),
        ("host:a,", 8, "needs a value here"),
        ("host:,a", 6, "needs a value here"),
        ('host:""', 7, "This quoted text is empty"),
        ("//", 2, "This regular expression is empty"),
        ("-", 2, "A word must follow the - directly"),
        ("- role:api", 2, "A word must follow the - directly"),
        ('process:"my app', 9, 'This " has no closing "'),
        ('a "b', 3, 'This " has no closing "'),
        ('ab"c d"', 3, "put the whole value in quotes"),
        ('"ab"c', 5, "A space must follow here"),
        ("/usr/bin/node", 1, "has no closing /"),
        ("host:/a(b/", 8, "regular expression is wrong: missing )"),
        ("/a{9999999999999999999}/", 2, "regular expression cannot be used"),
        ("/(?u)(?a)x/", 2, "regular expression"),
        ("port:http", 6, "takes a number or a range, such as 443 or 1-1024"),
        ("port:/4/", 7, "takes a number or a range"),
        ("port:80,99999", 9, "goes from 0 to 65535"),
        ("port:1024-1", 6, "write 1-1024"),
        ("port:٤٤٣", 6, "takes a number"),
        ("pid:1-99999999999", 5, "takes a number"),
        ("ip:10.0.0", 4, "such as 10.0.0.0/8"),
        ("ip:10.0.0.1,10.0.0.0/40", 13, "such as 10.0.0.0/8"),
        ("verdict:off", 9, "Known are off-allowlist, allowed"),
        ("outcome:timeout", 9, "Known are timed-out"),
        ("evidence:snl", 10, "Known are sni"),
        ("protocol:icmp", 10, "Known are "),
        ("recorded:import", 10, "Known are imported"),
        ("x" * 2000, 1501, "at most 1500 characters"),
    ],
)
def test_an_error_says_what_would_be_right_and_points_to_the_place(text: str, column: int, says: str) -> None:
    error = problem(text)
    assert says in error.message
    assert error.column == column
    assert str(error) == f"Filter, column {column}: {error.message}"


def test_an_error_shows_hostile_text_inert() -> None:
    assert problem("verdict:\x1b]0;x\x07").message.isprintable()


def test_a_regular_expression_that_python_doubts_is_taken_in_silence() -> None:
    assert Filter.parse("/[[a]/").matches({"host": "["})


def read(text: str) -> Filter | FilterError:
    try:
        return Filter.parse(text)
    except FilterError as error:
        return error


grammar = st.lists(
    st.sampled_from(
        [
            *(f"{key}:" for key in KEYS),
            *'-"/\\,: .*()[]{}^$+?|%_aBé\x1b\ud800\u2028\x00',
            *("10.0.0.0", "::1", "443", "allowed", "sni", "(?", "{9"),
        ]
    ),
    max_size=25,
).map("".join)


@settings(deadline=None, max_examples=500)
@given(st.one_of(grammar, st.text(max_size=60)))
def test_any_text_is_a_filter_or_an_error_with_a_place_inside_it(text: str) -> None:
    found = read(text)
    if isinstance(found, FilterError):
        assert 1 <= found.column <= len(text) + 1
        assert found.message.isprintable()
    else:
        assert found.matches(ROW) in (True, False)
        assert found.matches({}) == all(term.negated for term in found.terms)


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_any_text_can_be_looked_for_in_quotes(text: str) -> None:
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    assert Filter.parse(f"host:{quoted}").matches({"host": f"x{text}x"})


@settings(deadline=None)
@given(st.integers(0, 65_535), st.integers(0, 65_535), st.integers(0, 65_535))
def test_a_range_holds_exactly_the_ports_between_its_ends(one: int, two: int, port: int) -> None:
    low, high = sorted((one, two))
    assert Filter.parse(f"port:{low}-{high}").matches({"port": port}) == (low <= port <= high)
