"""Every case that real clients tried at real proxies, as it is read from their logs: ``pytest -rP`` shows the table."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from typing import NamedTuple

import pytest

from tests.proxylog import impossible
from tests.proxylog.ledger import LOGS, Entry, Row, compare, load, mistakes
from tests.proxylog.reading import latest, lines_of, us
from tests.proxylog.samples import SAMPLES
from tui.model.connection import Endpoint
from tui.model.request import Request
from tui.proxylog.catalogue import formats_for
from tui.proxylog.format import Clock
from tui.proxylog.reading import Reading

CLOCK = Clock(us("2026-11-23T11:00:00Z"), UTC)
LATER_US = us("2027-06-01T00:00:00Z")
WORDS = {sample.file: sample.word for sample in SAMPLES}
NO_NAMES = "the format has no destination"


def _as_they_are(requests: list[Request]) -> list[Request]:
    return requests


def _named(requests: list[Request]) -> list[Request]:
    return [request for request in requests if request.host is not None]


def _without_ftp(requests: list[Request]) -> list[Request]:
    """The ledger has another port for the one of this client, whose scheme Smokescreen does not log."""
    return [request for request in requests if request.client != Endpoint("172.18.0.6", 41675)]


class Case(NamedTuple):
    """A log beside its ledger."""

    column: str
    log: str
    ledger: str
    impossible: Mapping[str, str]
    within_s: float = 0.05
    """How far a time in the log may be from the client's."""
    looked_at: Callable[[list[Request]], list[Request]] = _as_they_are
    begin_only: bool = False
    """Without a client in the log, only the start tells requests apart."""

    def actions(self) -> Sequence[Entry]:
        """What clients did."""
        entries = load(LOGS / self.ledger)
        if self.begin_only:
            return [{**entry, "t1": min(entry["t1"], entry["t0"] + 0.1)} for entry in entries]
        return entries

    def rows(self) -> list[Row]:
        """What is read of it: found by ``auto``, or in its proxy's own words."""
        reading = Reading(formats_for(WORDS[self.log]))
        requests = latest([*reading.read(lines_of(LOGS / self.log), CLOCK), *reading.settle(LATER_US)])
        assert reading.counts.unparsed == 0
        return compare(self.looked_at(requests), self.actions(), self.impossible, self.within_s)


def _nameless(ledger: str) -> dict[str, str]:
    named = {entry["case"] for entry in load(LOGS / ledger) if entry["host"] is not None}
    return dict.fromkeys((*named, "(nobody)"), NO_NAMES)


CASES = (
    Case("squid", "squid/squid.log", "squid/ledger.jsonl", impossible.SQUID),
    Case(
        "combined", "squid/combined.log", "squid/ledger.jsonl",
        impossible.SQUID_COMBINED, 1.01,
    ),
    Case("logformat", "squid/custom_iso.log", "squid/ledger.jsonl", impossible.SQUID, 1.01),
    Case("ssl_bump", "squid/sslbump_splice_squid.log", "squid/sslbump_splice.ledger.jsonl", impossible.SQUID_SPLICED),
    Case("bump_sni", "squid/sslbump_splice_sni.log", "squid/sslbump_splice.ledger.jsonl", impossible.SQUID_SPLICED),
    Case(
        "smokescr", "smokescreen/report.log", "smokescreen/report.ledger.jsonl", impossible.SMOKESCREEN, 0.0005,
        _without_ftp,
    ),
    Case(
        "envoy", "envoy/http_default.log", "envoy/http.ledger.jsonl", impossible.ENVOY, 0.0005, _named,
        begin_only=True,
    ),
    Case(
        "istio", "envoy/sni_istio_json.log", "envoy/sni.ledger.jsonl", impossible.ISTIO, 0.0005, _named,
        begin_only=True,
    ),
    Case(
        "nginx", "nginx/connect_module_combined.log", "nginx/connect_module.ledger.jsonl",
        impossible.NGINX, 1.2,
    ),
    Case("stream", "nginx/stream_sni.log", "nginx/stream.ledger.jsonl", impossible.NGINX_STREAM, 1.2),
    Case("httplog", "haproxy/httplog_raw.log", "haproxy/httplog_raw.ledger.jsonl", impossible.HAPROXY),
    Case(
        "tcplog", "haproxy/syslog_tcplog_rfc3339.log", "haproxy/syslog_tcplog.ledger.jsonl",
        _nameless("haproxy/syslog_tcplog.ledger.jsonl"),
    ),
    Case("tinyprox", "tinyproxy/info.log", "tinyproxy/info.ledger.jsonl", impossible.TINYPROXY, 0.002),
    Case(
        "mitmdump", "mitmdump/default_fd1.log", "mitmdump/default_fd1.ledger.jsonl", impossible.MITMDUMP, 0.005,
        _named,
    ),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.column)
def test_every_case_is_recorded_as_it_was_or_is_impossible_for_its_format(case: Case) -> None:
    assert mistakes(case.rows()) == []


def test_the_table_of_cases_and_proxies() -> None:
    table = {case.column: {row.case: row for row in case.rows()} for case in CASES}
    cases = list(dict.fromkeys(name for rows in table.values() for name in rows))
    print("\nRight, of so many actions; what is not right is impossible, as is said below.\n")
    print(f"{'':<26}" + "".join(f"{column:>10}" for column in table))
    for name in cases:
        print(f"{name:<26}" + "".join(f"{_cell(rows.get(name)):>10}" for rows in table.values()))
    print()
    for column, rows in table.items():
        for row in rows.values():
            if row.impossible:
                print(f"  {column:<9} {row.case:<26} {row.impossible}")
    wrong = [(column, row.case) for column, rows in table.items() for row in rows.values() if row.wrong]
    assert all(table[column][name].impossible for column, name in wrong)
    right = sum(row.right for rows in table.values() for row in rows.values())
    assert right > 1_500
    assert len(cases) > 60


def _cell(row: Row | None) -> str:
    return "" if row is None else f"{row.right}/{row.right + row.wrong}"
