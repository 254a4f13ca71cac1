"""Clients that ask a proxy, a collector that follows its log, and what the record must then say.

with bench.collecting:
    ledger = bench.ledger(bench.make("api", asks), cases)
    bench.settled(len(ledger))
bench.compare(ledger)
"""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tests.collectors import Collecting
from tests.host import RetoolHost, children, first_line
from tests.host.layout import PUBLIC_NAMES
from tests.host.proxies import DENIED
from tests.host.proxy import Ask, Proxy
from tui.history.read import Reader

NAMES = tuple(PUBLIC_NAMES)
REFUSED, UNKNOWN = "refused.example.com", "nowhere.example.com"
"""A name whose address refuses, and one without any."""
ABORTED = "aborted.example.com"
"""What a client asks for that goes in the middle of the answer."""
HOSTS = {"denied": DENIED, "refused": REFUSED, "unknown": UNKNOWN, "aborted": ABORTED}
"""Of each case; all others are allowed."""
_CLIENT = Path(__file__).parent / "host" / "proxy_client.py"
_SETTLED_S = 15.0
_GOT = ("answered", "200")
"""What a client sees of a far side that answers."""
_THROUGH = ("closed", "open", "reset")
_HASTY = (*_THROUGH, "no-reply")
"""Of what a client broke off: the kernel may have forgotten by then that something came."""


class Row(NamedTuple):
    """What is compared of a request and of a row: the multisets are equal, or the record is wrong."""

    host: str
    port: int
    outcome: str
    """`through` for whatever the far side and the client made of it."""
    role: str
    local: tuple[str, int] | None
    """The socket that asked; None where the proxy's lines do not tell."""


class Made(NamedTuple):
    """A request that was made."""

    ask: Ask
    role: str
    local: tuple[str, int]
    saw: str


def ask(proxy: Proxy, case: str, number: int = 0) -> Ask:
    """The request of a case."""
    host = HOSTS.get(case, NAMES[number % len(NAMES)])
    return Ask(proxy.way, host, 443, "abort" if case == "aborted" else "orderly", proxy.end)


@dataclass(frozen=True, slots=True)
class Client:
    """A program that makes requests, in parts."""

    child: "subprocess.Popen[str]"
    role: str
    asks: Sequence[Ask]

    def begin(self) -> None:
        """Let it make the next part."""
        assert self.child.stdin is not None
        self.child.stdin.write("go\n")
        self.child.stdin.flush()

    def end(self) -> None:
        """Wait until that is over."""
        assert first_line(self.child) == "done\n"

    def made(self) -> list[Made]:
        """All that it made; it is over then."""
        told = json.loads(first_line(self.child))
        children.reap(self.child)
        return [
            Made(one, self.role, (each["local_ip"], each["local_port"]), each["saw"])
            for one, each in zip(self.asks, told, strict=True)
        ]


class Bench:
    """Services of Retool that live, a proxy, and a collector that reads its log."""

    def __init__(self, host: RetoolHost, proxy: Proxy, directory: Path, *, wire: bool = False) -> None:
        """:param wire: it also reads names on the wire"""
        self.host, self.proxy, self.directory = host, proxy, directory
        config = f"[names]\nforward = false\nwire = {str(wire).lower()}\n{proxy.config}"
        awaited = {"sockets", f"proxy:{proxy.log}"}
        self.collecting = Collecting(directory, self._start, config, awaited=awaited)

    def _start(self, argv: Sequence[str], **streams: Any) -> "subprocess.Popen[str]":
        return self.host.service("code-executor").popen(argv, visitor=True, **streams)

    def client(self, role: str, asks: Sequence[Ask], threads: int = 1, parts: int = 1) -> Client:
        """One that is about to make these requests."""
        plan = self.directory / f"{role}.json"
        plan.write_text(json.dumps([asdict(one) for one in asks]))
        argv = [sys.executable, "-P", str(_CLIENT), str(plan), str(threads), str(parts)]
        pipe = subprocess.PIPE
        return Client(self.host.service(role).popen(argv, stdin=pipe, stdout=pipe, stderr=pipe), role, asks)

    def make(self, role: str, asks: Sequence[Ask]) -> list[Made]:
        """Requests one after the other."""
        client = self.client(role, asks)
        client.begin()
        client.end()
        return client.made()

    def ledger(self, made: Sequence[Made], cases: Sequence[str]) -> list[Row]:
        """What a record must say of requests of these cases. Each must have gone as it was meant to."""
        rows = []
        for one, case in zip(made, cases, strict=True):
            assert (one.saw in _GOT) == (case in ("allowed", "aborted")), (case, one)
            rows.append(Row(one.ask.host, one.ask.port, self.proxy.outcomes.get(case, "through"), one.role, one.local))
        return rows

    def await_lines(self, count: int) -> None:
        """Wait until the proxy has written so many more."""
        wanted = len(self.proxy.lines()) + count
        self.collecting.wait_for(lambda: len(self.proxy.lines()) >= wanted)

    def rows(self) -> list[dict[str, Any]]:
        """What is recorded of requests that the proxy's log tells of."""
        return self.collecting.export("evidence:proxy")

    def last_lines(self) -> str:
        """Of the proxy's log, for whoever must find out what went wrong."""
        return "\n".join(line.decode("ascii", "backslashreplace") for line in self.proxy.lines()[-60:])

    def compare(self, ledger: Sequence[Row]) -> None:
        """Fail with what differs in the record."""
        found = differences(ledger, self.rows(), has_port=self.proxy.told_port)
        assert not found, f"{found}\n{self.last_lines()}"

    def lag_s(self, role: str, number: int) -> float:
        """Make one request; the time from when the proxy last wrote to when the history has a row more."""
        before = self.count()
        self.make(role, [ask(self.proxy, "allowed", number)])
        ends = time.monotonic() + _SETTLED_S
        while self.count() == before:
            assert time.monotonic() < ends, self.last_lines()
            time.sleep(0.01)
        return max(0.0, time.time() - self.proxy.log.stat().st_mtime)

    def settled(self, count: int) -> None:
        """Wait until so many are recorded, or as many as will be."""
        ends = time.monotonic() + _SETTLED_S
        while time.monotonic() < ends and self.count() < count:
            time.sleep(0.1)

    def count(self) -> int:
        """The rows that a line has told of."""
        reader = Reader(self.collecting.history)
        try:
            [(count,)] = reader.db.execute("SELECT count(*) FROM recorded WHERE evidence = 'proxy'")
            return int(count)
        finally:
            reader.close()


def row_of(row: dict[str, Any], *, has_port: bool) -> Row:
    """What an exported row says."""
    is_through = row["outcome"] in (_HASTY if row["host"] == ABORTED else _THROUGH)
    outcome = "through" if is_through else row["outcome"]
    local = (row["local_ip"], row["local_port"]) if has_port else None
    return Row(row["host"], row["port"], outcome, row["role"], local)


def differences(ledger: Sequence[Row], rows: Sequence[dict[str, Any]], *, has_port: bool) -> str:
    """How the record differs from the ledger, in words; empty for not at all.

    :param has_port: each row is also to be that of the socket that asked
    """
    wanted = Counter(one if has_port else one._replace(local=None) for one in ledger)
    found = Counter(row_of(row, has_port=has_port) for row in rows)
    told = [f"{sum(counts.values())} {which}, {dict(counts)}"
            for which, counts in (("missing", wanted - found), ("too many", found - wanted)) if counts]  # fmt: skip
    return "\n".join(told)
