"""Rows leave in five formats, readable by the programs that expect them and inert whatever they hold."""

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.cells import cell_len

from tui.model.text import clean
from tui.output.formats import SAMPLE_ROWS, Format, Row, write_rows

COLUMNS = ("host", "port", "host_candidates", "process")
HOSTILE = [
    "\x1b[2J\x1b]0;title\x07",
    "\x9b31m",
    "user\u202egnp.exe",
    "a\u200bb\u2066c",
    "line\r\nbreak\ttab\x00",
    '=HYPERLINK("http://evil.test","x")',
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "  =1+1",
    "x;=1+1",
    "＝1+1",
    "a|b|c",
    "a\\|b",
    "a\\",
    "`code` ``more``",
    "`@ana|`\\|",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](http://evil.test)",
    "![pixel](http://evil.test/p.png)",
    "[x]: http://evil.test",
    "<http://evil.test>",
    "https://evil.test/x",
    "www.evil.test",
    "ana@evil.test",
    "@ana please look",
    "fixes #12 and GH-7",
    "**bold** _it_ ~~gone~~ # head",
    "&lt;b&gt; &#64;ana",
    "$\\text{math}$",
    "python[/]",
    "[bold red]markup[/bold red]",
    "--- | ---",
    '"quoted", and, commas',
    "n" * 10_000,
    "\ud800 lone",
]

values = st.text(st.characters(exclude_categories=()), max_size=40) | st.text(
    st.sampled_from("|\\`@#<>[]()*_!~&$;=+-w./: \x1b\u202e\u0301'\"a"), max_size=15
)


def written(rows: Sequence[Row], fmt: Format, columns: Sequence[str] = COLUMNS, width: int | None = None) -> str:
    stream = io.StringIO(newline="")
    assert write_rows(rows, columns, fmt, stream, width) == len(rows)
    return stream.getvalue()


def shown(text: str) -> str:
    return clean(text, 4_096)


def read_csv(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def read_markdown(text: str) -> list[list[list[tuple[str, str]]]]:
    """The rows of the one table: for each cell the kinds and contents of what a renderer sees in it."""
    renderer = MarkdownIt("gfm-like")
    assert renderer.linkify is not None
    renderer.linkify.set({"fuzzy_link": False})
    rows: list[list[list[tuple[str, str]]]] = []
    tokens = renderer.parse(text)
    assert [token.type for token in tokens if token.level == 0] == ["table_open", "table_close"]
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append([(child.type, child.content) for child in token.children or []])
    return rows


ROWS: list[Row] = [
    {"host": "api.openai.com", "port": 443, "host_candidates": None, "process": "node"},
    {"host": None, "port": 8443, "host_candidates": ["licensing.tryretool.com", "p.tryretool.com"], "process": None},
]


def test_csv_has_a_header_crlf_line_ends_and_nothing_where_nothing_is_known() -> None:
    assert written(ROWS, Format.CSV) == (
        "host,port,host_candidates,process\r\n"
        "api.openai.com,443,,node\r\n"
        ",8443,licensing.tryretool.com p.tryretool.com,\r\n"
    )


def test_ndjson_is_one_compact_object_a_line_with_null_for_the_unknown() -> None:
    assert written(ROWS, Format.NDJSON) == (
        '{"host":"api.openai.com","port":443,"host_candidates":null,"process":"node"}\n'
        '{"host":null,"port":8443,"host_candidates":["licensing.tryretool.com","p.tryretool.com"],"process":null}\n'
    )


def test_json_is_one_array_of_the_same_objects() -> None:
    assert json.loads(written(ROWS, Format.JSON)) == ROWS


def test_markdown_is_a_table_with_a_header() -> None:
    assert written(ROWS, Format.MARKDOWN) == (
        "| host | port | host\\_candidates | process |\n"
        "| --- | --- | --- | --- |\n"
        "| api.openai.com | 443 | - | node |\n"
        "| - | 8443 | licensing.tryretool.com p.tryretool.com | - |\n"
    )


def test_a_table_aligns_its_columns_and_sets_numbers_to_the_right() -> None:
    assert written(ROWS, Format.TABLE, ("host", "port", "process")) == (
        "HOST            PORT  PROCESS\n"  #
        "api.openai.com   443  node\n"
        "-               8443  -\n"
    )


@pytest.mark.parametrize(
    ("fmt", "text"),
    [
        (Format.TABLE, "HOST  PORT\n"),
        (Format.CSV, "host,port\r\n"),
        (Format.JSON, "[]\n"),
        (Format.NDJSON, ""),
        (Format.MARKDOWN, "| host | port |\n| --- | --- |\n"),
    ],
)
def test_no_rows_are_still_a_valid_document(fmt: Format, text: str) -> None:
    assert written([], fmt, ("host", "port")) == text


@pytest.mark.parametrize("fmt", Format)
def test_a_column_that_a_row_lacks_is_unknown(fmt: Format) -> None:
    assert written([{"port": 1}], fmt) == written([{"host": None, "port": 1, "process": None}], fmt)


@pytest.mark.parametrize("fmt", Format)
def test_rows_are_written_while_they_come(fmt: Format) -> None:
    stream = io.StringIO(newline="")
    lengths: list[int] = []

    def coming() -> Iterator[Row]:
        for number in range(SAMPLE_ROWS + 3):
            lengths.append(len(stream.getvalue()))
            yield {"host": f"host-{number}"}

    assert write_rows(coming(), ("host",), fmt, stream) == SAMPLE_ROWS + 3
    assert lengths[-3] < lengths[-2] < lengths[-1] < len(stream.getvalue())


@pytest.mark.parametrize("fmt", Format)
@pytest.mark.parametrize("text", HOSTILE, ids=repr)
def test_hostile_text_leaves_only_printable_lines_of_bounded_length(fmt: Format, text: str) -> None:
    output = written([{"host": text, "port": 1, "host_candidates": [text, text], "process": "node"}], fmt)
    lines = output.replace("\r\n", "\n").split("\n")
    assert all(line.isprintable() for line in lines)
    assert len(lines) == {Format.TABLE: 3, Format.CSV: 3, Format.JSON: 4, Format.NDJSON: 2, Format.MARKDOWN: 4}[fmt]
    assert max(map(len, lines)) < 16_000


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "  =1", "＝1", "x;=1", "x; +1"])
def test_a_spreadsheet_finds_no_formula(text: str) -> None:
    row = read_csv(written([{"host": text, "port": -5}], Format.CSV, ("host", "port")))[1]
    for cell in row[0].split(";"):
        assert not cell.strip().startswith(("=", "+", "-", "@", "＝", "\t", "\r"))
    assert row[1] == "-5"


@settings(deadline=None)
@given(st.lists(st.tuples(values, st.none() | st.integers()), max_size=5))
def test_csv_read_again_gives_the_same_values_but_for_the_quote_that_defuses(
    pairs: list[tuple[str, int | None]],
) -> None:
    output = written([{"host": host, "port": port} for host, port in pairs], Format.CSV, ("host", "port"))
    back = read_csv(output)[1:]
    assert [row[0].replace("'", "") for row in back] == [shown(host).replace("'", "") for host, _ in pairs]
    assert [row[1] for row in back] == ["" if port is None else str(port) for _, port in pairs]


@pytest.mark.parametrize("fmt", [Format.JSON, Format.NDJSON])
@settings(deadline=None)
@given(texts=st.lists(values, max_size=4))
def test_json_read_again_gives_the_same_values_and_is_ascii(fmt: Format, texts: list[str]) -> None:
    output = written([{"host": text, "host_candidates": texts} for text in texts], fmt, ("host", "host_candidates"))
    assert output.isascii()
    back = json.loads(output) if fmt is Format.JSON else [json.loads(line) for line in output.splitlines()]
    assert back == [{"host": shown(text), "host_candidates": list(map(shown, texts))} for text in texts]


@pytest.mark.parametrize("text", HOSTILE, ids=repr)
def test_markdown_renders_hostile_text_as_the_text_it_is(text: str) -> None:
    cells = read_markdown(written([{"host": text, "port": 1}], Format.MARKDOWN, ("host", "port")))[1]
    assert len(cells) == 2
    assert {kind for kind, _ in cells[0]} <= {"text", "code_inline"}
    seen = "".join(content for _, content in cells[0])
    assert seen.replace("\\", "").strip() == shown(text).replace("\\", "").strip()


@settings(deadline=None)
@given(values)
def test_markdown_renders_any_text_as_text_in_its_own_cell(text: str) -> None:
    cells = read_markdown(written([{"host": text, "port": 1}], Format.MARKDOWN, ("host", "port")))[1]
    assert len(cells) == 2
    assert {kind for kind, _ in cells[0]} <= {"text", "code_inline"}
    assert "".join(content for _, content in cells[1]) == "1"
    seen = "".join(content for _, content in cells[0])
    assert seen.replace("\\", "").strip() == shown(text).replace("\\", "").strip()


@settings(deadline=None)
@example("@\\|")
@example("a\\|")
@given(values)
def test_a_renderer_that_pairs_backslashes_finds_no_more_cells_than_there_are(text: str) -> None:
    line = written([{"host": text, "port": 1}], Format.MARKDOWN, ("host", "port")).splitlines()[2]
    free = [found for found in re.finditer(r"(\\*)\|", line) if len(found[1]) % 2 == 0]
    assert len(free) == 3


@pytest.mark.parametrize(
    "text", ["@ana", "see #12", "GH-12", "https://evil.test", "www.evil.test", "ana@evil.test", "backend@sha256:ab"]
)
def test_what_github_would_link_or_notify_about_stands_in_a_code_span(text: str) -> None:
    cells = read_markdown(written([{"host": text}], Format.MARKDOWN, ("host",)))[1]
    assert cells == [[("code_inline", text)]]


def test_markdown_shows_a_pipe_and_a_backslash_as_they_are() -> None:
    assert written([{"host": "a\\|b"}], Format.MARKDOWN, ("host",)).splitlines()[2] == "| a\\\\\\|b |"


def test_a_table_for_a_terminal_is_no_wider_than_it() -> None:
    rows: list[Row] = [{"host": "h" * 300, "port": 443, "process": "数据" * 50}, {"host": "short", "port": 1}]
    lines = written(rows, Format.TABLE, ("host", "port", "process"), 80).splitlines()
    assert max(map(cell_len, lines)) <= 80
    assert lines[1].count("…") == 2
    assert " 443 " in lines[1]


def test_a_table_for_a_pipe_cuts_nothing() -> None:
    host = "h" * 300
    assert host in written([{"host": host, "port": 443}], Format.TABLE)


def test_one_long_name_does_not_pad_every_line_of_a_table() -> None:
    rows: list[Row] = [{"host": "h" * 4_000, "port": 1}, {"host": "short", "port": 2}]
    assert len(written(rows, Format.TABLE, ("host", "port")).splitlines()[2]) < 80


def test_a_wide_row_after_the_sample_is_cut_in_a_terminal_and_whole_in_a_pipe() -> None:
    rows: list[Row] = [*[{"host": "short"}] * SAMPLE_ROWS, {"host": "much-longer-name"}]
    assert written(rows, Format.TABLE, ("host",), 80).splitlines()[-1] == "much…"
    assert written(rows, Format.TABLE, ("host",)).splitlines()[-1] == "much-longer-name"


@settings(deadline=None)
@given(st.lists(values, min_size=1, max_size=5), st.integers(20, 120))
def test_a_table_holds_its_width_whatever_it_holds(texts: list[str], width: int) -> None:
    lines = written([{"host": text, "port": 1} for text in texts], Format.TABLE, ("host", "port"), width).split("\n")
    assert len(lines) == len(texts) + 2
    assert max(map(cell_len, lines)) <= width
