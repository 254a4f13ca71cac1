"""The filter of the command line and the filter in SQL say the same of every row."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.history.sample import START_US, Recorder, connection, judged
from tui.history.batch import Batch
from tui.history.filter_sql import HOUR_COLUMNS, sums_answer, where
from tui.history.read import Reader
from tui.history.rows import ConnectionRow
from tui.model.answer import Answer
from tui.model.connection import Endpoint, Evidence, Label, Name, Origin, Outcome, Process, Recorded, Verdict
from tui.model.filter import Filter, FilterError

HOSTS = ("api.OpenAI.com", "a_b%c.example", "ÄPFEL.example", "x'y", "licensing.tryretool.com")
IPS = ("10.1.2.3", "203.0.113.7", "2001:db8::1", "::1", "a01:203::4")


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    recorder = Recorder(tmp_path_factory.mktemp("filter") / "history.db")
    for id in range(1, 61):
        host = HOSTS[id % 7] if id % 7 < len(HOSTS) else None
        recorder.write(
            connection(
                id,
                opened_us=START_US + id,
                name=Name(host, Evidence.SNI if id % 2 else Evidence.FORWARD) if host else Name(),
                remote=Endpoint(IPS[id % 5], (443, 80, 7233)[id % 3]),
                local=Endpoint(IPS[(id + 1) % 5], 40000 + id),
                origin=Origin("4026532288", (None, "api", "jobs-runner")[id % 3], (None, "c\x00d")[id % 2], "img:1"),
                process=Process(100 + id % 5, ("node", "my app", "python[/]")[id % 3], "retool", 5) if id % 5 else None,
                label=Label(("Retool AI", "License checks", "Not recognised")[id % 3]),
                judgement=judged(list(Verdict)[id % 4], (None, "deny x:any (f)")[id % 2]),
                outcome=list(Outcome)[id % 10],
                recorded=list(Recorded)[id % 3],
                via=("10.0.0.9:3128", None)[id % 2],
                protocol=("tcp", "udp")[id % 2],
            )
        )
    ptr = Answer("ptr.openai.com", IPS[1], START_US, START_US + 9, evidence=Evidence.REVERSE)
    recorder.writer.commit(Batch(answers={ptr.key: ptr}))
    reader = Reader(recorder.path)
    yield reader
    reader.close()
    recorder.close()


def mapping(row: ConnectionRow) -> dict[str, object]:
    """By the columns of an export, but that a PTR name is no host."""
    found = {name: getattr(row, name) for name in ConnectionRow.__dataclass_fields__}
    return found | ({"host_evidence": "reverse"} if row.reverse else {})


texts = st.sampled_from(
    ["openai", "OPENAI", "a_b", "a%c", "äpfel", "ÄPFEL", "x'y", "node", "my app", "[/]", "10.1", "::1", "api", "-", "e",
     "deny", "retool", "\x00", "c\x00d", "'; DROP TABLE connection; --", "x" * 900]
) | st.text(min_size=1, max_size=5)  # fmt: skip
quoted = texts.map(lambda t: '"' + t.replace("\\", "\\\\").replace('"', '\\"') + '"')
values = {
    **dict.fromkeys(("host", "category", "role", "process", "user", "container"), quoted),
    **dict.fromkeys(("namespace", "image", "rule", "source", "via"), quoted),
    "verdict": st.sampled_from(list(Verdict)).map(str),
    "outcome": st.sampled_from(list(Outcome)).map(str),
    "evidence": st.sampled_from(list(Evidence)).map(str),
    "protocol": st.sampled_from(["tcp", "udp"]),
    "recorded": st.sampled_from(list(Recorded)).map(str),
    "port": st.sampled_from(["443", "1-100", "0-65535", "7233"]),
    "local_port": st.sampled_from(["40001", "40010-40020"]),
    "pid": st.sampled_from(["101", "0-102"]),
    "ip": st.sampled_from(["10.0.0.0/8", "203.0.113.7", "2001:db8::/32", "::/0", "::ffff:10.0.0.0/104", "/^10/"]),
    "local_ip": st.sampled_from(["10.0.0.0/8", "::1"]),
}  # fmt: skip
keyed = st.sampled_from(sorted(values)).flatmap(
    lambda key: st.lists(values[key], min_size=1, max_size=3).map(lambda found: f"{key}:{','.join(found)}")
)
regexes = st.sampled_from(["host:/^api/", "process:/NODE|app/", "/open.*com/", "role:/^$/", "container:/d/"])
words = st.tuples(st.sampled_from(["", "-"]), keyed | quoted | regexes).map("".join)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(words, max_size=4).map(" ".join))
def test_sql_and_python_choose_the_same_rows(reader: Reader, text: str) -> None:
    try:
        filter = Filter.parse(text)
    except FilterError:
        return
    everything = list(reader.connections(Filter(), 0, 2**62))
    assert len(everything) == 60
    expected = [row.id for row in everything if filter.matches(mapping(row))]
    assert [row.id for row in reader.connections(filter, 0, 2**62)] == expected


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(words, max_size=3).map(" ".join))
def test_the_hourly_sums_choose_what_python_chooses_where_they_can(reader: Reader, text: str) -> None:
    try:
        filter = Filter.parse(text)
    except FilterError:
        return
    if not sums_answer(filter):
        return
    condition, given = where(filter, HOUR_COLUMNS)
    (found,) = reader.db.execute(
        "SELECT coalesce(sum(h.connections), 0) FROM hour h JOIN facet f ON f.id = h.facet "
        f"JOIN destination d ON d.id = h.destination WHERE {condition}",
        given,
    ).fetchone()
    assert found == sum(filter.matches(mapping(row)) for row in reader.connections(Filter(), 0, 2**62))


@pytest.mark.parametrize("text", ["openai", "process:node", "ip:10.0.0.0/8", "pid:1", "role:api pid:1"])
def test_what_only_the_rows_know_is_asked_of_the_rows(text: str) -> None:
    assert not sums_answer(Filter.parse(text))


def test_the_longest_filter_is_within_what_sqlite_takes(reader: Reader) -> None:
    for word in ("a", "-a", "host:a", "ip:::1"):
        filter = Filter.parse(" ".join([word] * (1500 // (len(word) + 1))))
        assert isinstance(list(reader.connections(filter, 0, 2**62)), list)


def test_a_reader_cannot_write(reader: Reader, tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.db.execute("DELETE FROM connection")
