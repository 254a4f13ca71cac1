"""What `export` hands over: columns that stay, the rows that a filter and a span choose, a file for its owner alone."""

import csv
import io
import json
import os
import re
import stat
from dataclasses import replace

import pytest

from tests.cli.conftest import Invoke
from tests.cli.program import Desk
from tests.cli.records import BEGAN_US, ENDED_US, SECOND_US, Call, container, record, span
from tui.history.batch import KeptLoss
from tui.model.answer import Answer
from tui.model.connection import Evidence, Outcome, Verdict

COLUMNS = [
    "id",
    "opened_at",
    "opened_before",
    "closed_at",
    "last_seen_at",
    "source",
    "protocol",
    "local_ip",
    "local_port",
    "ip",
    "port",
    "host",
    "host_evidence",
    "host_candidates",
    "category",
    "verdict",
    "rule",
    "allowlist_revision",
    "outcome",
    "bytes_sent",
    "bytes_received",
    "pid",
    "process",
    "user",
    "container",
    "role",
    "namespace",
    "via",
    "image",
    "recorded",
    "node",
    "history_id",
]
"""As the design has them."""

OPENAI = Call("api.openai.com", "203.0.113.20", role="jobs-runner", category="Retool AI", verdict=Verdict.OFF_ALLOWLIST)
STRANGER = Call(None, "203.0.113.77", role=None, category="Not recognised", verdict=Verdict.OFF_ALLOWLIST, after_s=3600)
LICENCE = Call()


@pytest.fixture
def recorded(desk: Desk) -> Desk:
    record(desk.history, [LICENCE, OPENAI, STRANGER])
    return desk


def hosts(text: str) -> list[str | None]:
    return [json.loads(line)["host"] for line in text.splitlines()]


@pytest.mark.usefixtures("recorded")
def test_ndjson_has_the_columns_of_the_design_in_their_order(invoke: Invoke) -> None:
    first = json.loads(invoke("export", "--format", "ndjson").stdout.splitlines()[0])
    assert list(first) == COLUMNS


@pytest.mark.usefixtures("recorded")
def test_json_is_one_array_with_the_same_columns(invoke: Invoke) -> None:
    rows = json.loads(invoke("export", "--format", "json").stdout)
    assert len(rows) == 3
    assert all(list(row) == COLUMNS for row in rows)


@pytest.mark.usefixtures("recorded")
def test_csv_has_the_same_columns_in_its_first_line(invoke: Invoke) -> None:
    rows = list(csv.reader(io.StringIO(invoke("export", "--format", "csv").stdout, newline="")))
    assert rows[0] == COLUMNS
    assert [row[COLUMNS.index("ip")] for row in rows[1:]] == ["203.0.113.10", "203.0.113.20", "203.0.113.77"]


@pytest.mark.usefixtures("recorded")
def test_markdown_is_a_table_with_the_same_columns(invoke: Invoke) -> None:
    lines = invoke("export", "--format", "markdown").stdout.splitlines()
    assert [cell.strip().replace("\\_", "_") for cell in lines[0].strip("|").split("|")] == COLUMNS
    assert len(lines) == 2 + 3


@pytest.mark.usefixtures("recorded")
def test_a_table_names_destination_category_and_verdict(invoke: Invoke) -> None:
    titles, *lines = invoke("export").stdout.splitlines()
    assert {"HOST", "IP", "PORT", "ROLE", "CATEGORY", "VERDICT"} <= set(titles.split())
    assert "api.openai.com" in lines[1]
    assert "off-allowlist" in lines[1]


@pytest.mark.usefixtures("recorded")
def test_times_are_utc_with_microseconds_and_what_is_not_known_is_null(invoke: Invoke) -> None:
    row = json.loads(invoke("export", "host:licensing", "--format", "ndjson").stdout)
    assert row["opened_at"] == "2026-11-23T02:01:00.000000Z"
    assert row["closed_at"] == row["last_seen_at"] == "2026-11-23T02:01:30.000000Z"
    assert row["opened_before"] is row["bytes_sent"] is row["container"] is row["via"] is None


def test_a_start_between_two_looks_stands_under_opened_before(desk: Desk, invoke: Invoke) -> None:
    record(desk.history, [Call(opened_exact=False)])
    row = json.loads(invoke("export", "--format", "ndjson").stdout)
    assert (row["opened_at"], row["opened_before"]) == (None, "2026-11-23T02:01:00.000000Z")


def test_a_port_that_the_kernel_has_forgotten_is_null_and_not_0(desk: Desk, invoke: Invoke) -> None:
    record(desk.history, [Call(port=0, local_port=0)])
    row = json.loads(invoke("export", "--format", "ndjson").stdout)
    assert (row["port"], row["local_port"]) == (None, None)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("verdict:not-judged", "198.51.100.1"),
        ("outcome:unanswered", "198.51.100.2"),
        ("container:grafana", "198.51.100.1"),
        ("container:/api-[0-9]+$/", "198.51.100.3"),
    ],
)
def test_words_of_containers_and_of_what_hangs_choose_rows(
    desk: Desk, invoke: Invoke, word: str, expected: str
) -> None:
    grafana = Call(None, "198.51.100.1", role=None, verdict=Verdict.NOT_JUDGED, container="monitoring-grafana-1")
    hangs = Call(None, "198.51.100.2", outcome=Outcome.UNANSWERED)
    record(desk.history, [grafana, hangs, Call(None, "198.51.100.3", container="retool-api-1")])
    rows = [json.loads(line) for line in invoke("export", word, "--format", "ndjson").stdout.splitlines()]
    assert [row["ip"] for row in rows] == [expected]


@pytest.mark.parametrize(
    ("word", "known"), [("verdict:x", "not-judged"), ("outcome:x", "unanswered"), ("contaner:x", "container:")]
)
@pytest.mark.usefixtures("recorded")
def test_the_words_that_would_be_right_are_all_named(invoke: Invoke, word: str, known: str) -> None:
    result = invoke("export", word)
    assert result.exit_code == 2
    assert known in result.stderr


def test_holes_of_one_container_and_lost_events_are_told_beside_the_rows(desk: Desk, invoke: Invoke) -> None:
    at_us = BEGAN_US + 600 * SECOND_US
    lost = KeptLoss(1, "sockets", ("net:[10]",), at_us, at_us + SECOND_US, 1)
    record(desk.history, workloads=[container(10, "api")], losses=[lost])
    told = invoke("export", "--until", "2026-11-23T03:00Z").stderr
    assert "1 event lost 2026-11-23T02:10:00.000000Z to 2026-11-23T02:10:01.000000Z in api" in told


def test_several_names_of_one_address_are_handed_over_as_a_list(desk: Desk, invoke: Invoke) -> None:
    record(desk.history, [Call(None, candidates=("licensing.tryretool.com", "p.tryretool.com"))])
    row = json.loads(invoke("export", "--format", "ndjson").stdout)
    assert row["host"] is None
    assert row["host_candidates"] == ["licensing.tryretool.com", "p.tryretool.com"]


PTR = Answer("licensing.tryretool.com", "203.0.113.77", BEGAN_US, ENDED_US, evidence=Evidence.REVERSE)


@pytest.mark.parametrize("form", ["ndjson", "table"])
def test_a_ptr_name_is_marked_as_one_in_every_form(desk: Desk, invoke: Invoke, form: str) -> None:
    record(desk.history, [STRANGER], answers=[PTR])
    told = invoke("export", "--format", form).stdout.splitlines()[-1]
    if form == "ndjson":
        row = json.loads(told)
        assert (row["host"], row["host_evidence"], row["verdict"]) == (PTR.host, "reverse", "off-allowlist")
    else:
        assert re.search(rf"{PTR.host} +reverse +203\.0\.113\.77", told)


def test_a_ptr_name_is_chosen_by_its_evidence_and_never_as_a_host(desk: Desk, invoke: Invoke) -> None:
    record(desk.history, [STRANGER, OPENAI], answers=[PTR])
    assert hosts(invoke("export", "evidence:reverse", "--format", "ndjson").stdout) == [PTR.host]
    assert hosts(invoke("export", "evidence:forward", "--format", "ndjson").stdout) == [OPENAI.host]
    assert hosts(invoke("export", "host:licensing", "--format", "ndjson").stdout) == []


def test_which_evidence_was_possible_is_told_beside_the_rows(desk: Desk, invoke: Invoke) -> None:
    wire = replace(span(11, "net:[10]"), source="wire")
    names = replace(span(12, "net:[10]"), source="names")
    record(desk.history, [STRANGER], spans=[span(10, "net:[10]"), wire, names])
    result = invoke("export", "--until", "2026-11-23T03:00Z")
    assert "Names in that span: SNI and DNS read in 1 of 2 namespaces; own look-ups\n" in result.stderr
    assert "SNI" not in result.stdout


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["host:openai"], ["api.openai.com"]),
        (["category:ai"], ["api.openai.com"]),
        (["verdict:off-allowlist", "role:jobs-runner"], ["api.openai.com"]),
        (["-role:api"], ["api.openai.com", None]),
        (["verdict:off-allowlist", "-host:openai"], [None]),
        (["verdict:off-allowlist -host:openai"], [None]),
        (["ip:203.0.113.0/28"], ["licensing.tryretool.com"]),
        (["host:openai,licensing"], ["licensing.tryretool.com", "api.openai.com"]),
        (['"203.0.113.77"'], [None]),
        (["host:/^api[.]/"], ["api.openai.com"]),
        (["host:nowhere"], []),
    ],
)
@pytest.mark.usefixtures("recorded")
def test_a_filter_chooses_rows(invoke: Invoke, words: list[str], expected: list[str | None]) -> None:
    result = invoke("export", *words, "--format", "ndjson")
    assert result.exit_code == 0
    assert hosts(result.stdout) == expected


@pytest.mark.usefixtures("recorded")
def test_a_negated_word_is_no_option_wherever_it_stands(invoke: Invoke) -> None:
    assert hosts(invoke("export", "-role:api", "--format", "ndjson", "host:openai").stdout) == ["api.openai.com"]
    assert hosts(invoke("export", "--format", "ndjson", "--", "-role:api", "host:openai").stdout) == ["api.openai.com"]
    assert "api.openai.com" not in hosts(invoke("export", "-openai", "--format", "ndjson").stdout)
    assert "api.openai.com" not in hosts(invoke("export", "-/open.i/", "--format", "ndjson").stdout)


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (["--since", "2026-11-23T02:30Z"], [None]),
        (["--until", "2026-11-23T02:30Z"], [LICENCE.host, OPENAI.host]),
        (["--since", "2026-11-23T02:01:29Z", "--until", "2026-11-23T02:02Z"], [LICENCE.host, OPENAI.host]),
        (["--since", "2026-11-23T02:02Z", "--until", "2026-11-23T02:03Z"], []),
    ],
)
@pytest.mark.usefixtures("recorded")
def test_a_span_chooses_what_lived_in_it(invoke: Invoke, span: list[str], expected: list[str | None]) -> None:
    assert hosts(invoke("export", "--format", "ndjson", *span).stdout) == expected


@pytest.mark.usefixtures("recorded")
def test_a_span_that_ends_before_it_begins_is_refused(invoke: Invoke) -> None:
    result = invoke("export", "--since", "2026-11-23T03:00Z", "--until", "2026-11-23T02:00Z")
    assert result.exit_code == 2
    assert "--since" in result.stderr


@pytest.mark.usefixtures("recorded")
def test_a_word_that_is_no_time_is_refused_with_what_would_be_one(invoke: Invoke) -> None:
    result = invoke("export", "--since", "teatime")
    assert (result.exit_code, result.stdout) == (2, "")
    assert '"teatime"' in result.stderr
    assert "2h" in result.stderr


def test_narration_goes_to_stderr_and_data_to_stdout(recorded: Desk) -> None:
    done = recorded.run("export", "host:openai", "--format", "ndjson")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 1
    assert "1 connection from the beginning" in done.stderr


def test_holes_of_the_record_are_told_beside_the_rows(desk: Desk, invoke: Invoke) -> None:
    record(desk.history, watched=[(BEGAN_US, BEGAN_US + 600 * SECOND_US), (BEGAN_US + 1200 * SECOND_US, ENDED_US)])
    result = invoke("export", "--until", "2026-11-23T03:00Z")
    assert "0 connections" in result.stderr
    assert "2026-11-23T02:10:00.000000Z to 2026-11-23T02:20:00.000000Z" in result.stderr


def test_a_record_without_holes_tells_none(recorded: Desk, invoke: Invoke) -> None:
    assert "Not recorded" not in invoke("export", "--until", "2026-11-23T03:00Z").stderr


def test_a_file_is_made_for_its_owner_alone_whatever_the_umask(recorded: Desk) -> None:
    file = recorded.folder / "egress.csv"
    mask = os.umask(0)
    try:
        done = recorded.run("export", "--format", "csv", "-o", str(file))
    finally:
        os.umask(mask)
    assert (done.returncode, done.stdout) == (0, "")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_bytes().startswith(b"id,opened_at,")
    assert file.read_bytes().count(b"\r\n") == 1 + 3


def test_a_symbolic_link_is_not_written_through(recorded: Desk, invoke: Invoke) -> None:
    aim = recorded.folder / "aim"
    aim.write_text("precious")
    link = recorded.folder / "link"
    link.symlink_to(aim)
    result = invoke("export", "-o", str(link))
    assert result.exit_code == 2
    assert "symbolic link" in result.stderr
    assert aim.read_text() == "precious"


def test_a_file_in_a_folder_that_is_not_there_is_a_sentence(recorded: Desk) -> None:
    done = recorded.run("export", "-o", str(recorded.folder / "no" / "egress.csv"))
    assert done.returncode == 2
    assert "cannot write" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("text", "column", "hint"),
    [("host:x hots:y", 8, "host:"), ("host:a port:4x", 13, ""), ('host:"open', 6, ""), ("role:", 6, "value")],
)
def test_a_wrong_filter_is_marked_where_it_is_wrong(recorded: Desk, text: str, column: int, hint: str) -> None:
    done = recorded.run("export", text)
    assert (done.returncode, done.stdout) == (2, "")
    lines = done.stderr.splitlines()
    shown = lines.index(f"  {text}")
    assert lines[shown + 1].index("^") == 2 + column - 1
    assert hint in lines[shown - 1]
    assert f"column {column}" in lines[shown - 1]


def test_hostile_text_of_a_wrong_filter_is_not_echoed_as_it_came(recorded: Desk) -> None:
    done = recorded.run("export", "host:x \x1b[2Jhots:y port:zz")
    assert done.returncode == 2
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize("form", ["table", "csv", "json", "ndjson", "markdown"])
def test_a_hostile_process_title_reaches_no_terminal(desk: Desk, form: str) -> None:
    record(desk.history, [Call(process="\x1b[2J\x1b]0;mine\x07\u202e" + "x" * 4096)])
    done = desk.run("export", "--format", form)
    assert done.returncode == 0
    assert all(char.isprintable() or char in "\r\n" for char in done.stdout)


def test_rows_of_a_record_that_names_no_host_say_so_in_a_table(desk: Desk, invoke: Invoke) -> None:
    record(desk.history, [STRANGER])
    assert " - " in invoke("export").stdout.splitlines()[1]
