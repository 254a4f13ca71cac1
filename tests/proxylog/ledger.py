"""What was really asked of a proxy, beside what a reader made of its log: one row for every case of a ledger."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tui.model.connection import Outcome
from tui.model.request import Request

LOGS = Path(__file__).parent / "logs"
Entry = Mapping[str, Any]

_THROUGH = frozenset({Outcome.CLOSED, Outcome.OPEN})
_FAILED = frozenset({Outcome.REFUSED, Outcome.TIMED_OUT, Outcome.FAILED})
_DENIED = frozenset({Outcome.DENIED})
_BY_CASE = {
    "dns_nxdomain": frozenset({Outcome.FAILED}),
    "dns_servfail": frozenset({Outcome.FAILED}),
    "dns_timeout": frozenset({Outcome.FAILED}),
    "plain_nxdomain": frozenset({Outcome.FAILED}),
    "tcp_refused": frozenset({Outcome.REFUSED}),
    "plain_refused": frozenset({Outcome.REFUSED}),
    "connect_port_8443": frozenset({Outcome.REFUSED}),
    "tcp_timeout": frozenset({Outcome.TIMED_OUT}),
    "plain_timeout": frozenset({Outcome.TIMED_OUT}),
    "connect_port_80": _THROUGH | _DENIED,
    "connect_pg_5432": _THROUGH | frozenset({Outcome.RESET}),
    "peer_reset": frozenset({Outcome.RESET, Outcome.FAILED}),
    "plain_reset": frozenset({Outcome.RESET, Outcome.FAILED}),
}
_MANY = frozenset({"keepalive_3_in_1"})
"""One action of the client, several requests."""


class Row(NamedTuple):
    """How a case came out, in actions of the client."""

    case: str
    right: int
    wrong: int
    impossible: str
    """Why this format cannot tell; empty where it can."""
    why: str = ""
    """The first that is wrong."""


def load(path: Path) -> list[Entry]:
    """The actions of a ledger, in order."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def compare(
    requests: Iterable[Request], ledger: Sequence[Entry], impossible: Mapping[str, str], within_s: float = 0.05
) -> list[Row]:
    """A row for each case: an action is right if it has one request with its host, its port and its outcome.

    A request that nobody made is the case ``(nobody)``.

    :param impossible: cases that the format cannot tell, and why
    :param within_s: how far a time in the log may be from the action: 1 where the log has seconds
    """
    left = list(requests)
    right: dict[str, int] = {}
    wrong: dict[str, list[str]] = {}
    for entry in ledger:
        case = entry["case"]
        right.setdefault(case, 0)
        found = _find(left, entry, within_s)
        for request in found:
            left.remove(request)
        why = _why_wrong(entry, found)
        if why:
            wrong.setdefault(case, []).append(why)
        else:
            right[case] += 1
    rows = [
        Row(case, right[case], len(wrong.get(case, ())), impossible.get(case, ""), wrong.get(case, [""])[0])
        for case in right
    ]
    if left:
        rows.append(Row("(nobody)", 0, len(left), impossible.get("(nobody)", ""), str(left[0])))
    return rows


def mistakes(rows: Iterable[Row]) -> list[str]:
    """What is wrong and need not be, and what is called impossible and is right."""
    return [
        f"{row.case}: {row.why or 'right, though called impossible'}"
        for row in rows
        if bool(row.wrong) != bool(row.impossible)
    ]


def _find(requests: list[Request], entry: Entry, within_s: float) -> list[Request]:
    fits = [request for request in requests if _is_of(request, entry) and _apart(request, entry) <= within_s]
    return fits if entry["case"] in _MANY else fits[:1]


def _is_of(request: Request, entry: Entry) -> bool:
    if request.client is not None and request.client.ip != entry["client"]:
        return False
    if entry["host"] is None:  # a broken request: what is left of its target is seen, and is no name
        raw = entry.get("raw", "")
        return bool(raw) and (request.host is None or request.host.startswith("\\") or request.host in raw)
    return request.host == _host(entry) and request.port in (entry["port"], None)


def _apart(request: Request, entry: Entry) -> float:
    """Seconds between the request and the action; 0 where they overlap."""
    end = request.ended_us if request.ended_us is not None else request.started_us
    start = request.started_us if request.started_us is not None else end
    if start is None or end is None:
        return 0.0
    return max(0.0, float(entry["t0"]) - end / 1e6, start / 1e6 - float(entry["t1"]))


def _why_wrong(entry: Entry, found: Sequence[Request]) -> str:
    if not found:
        return "" if _may_be_missing(entry) else f"{entry['host']} is not recorded"
    outcomes = _truth(entry)
    for request in found:
        if entry["host"] is not None and request.port is None:
            return f"no port, not {entry['port']}"
        if request.outcome not in outcomes:
            return f"{request.outcome}, not {' or '.join(sorted(outcomes))}: {request}"
    return ""


def _may_be_missing(entry: Entry) -> bool:
    """What names no destination, or was so broken that the proxy would not read it."""
    return entry["host"] is None or _reply(entry) in (400, 431)


def _reply(entry: Entry) -> int | None:
    words = (entry.get("reply") or "").split(" ", 2)
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else None


def _host(entry: Entry) -> str:
    host: str = entry["host"].lower().removesuffix(f":{entry['port']}").removesuffix(".")
    return host.removeprefix("::ffff:")


def _truth(entry: Entry) -> frozenset[Outcome]:
    """What may be said of an action: by what its client was told, else by what the case is made for."""
    expected, plain = entry["expect"], entry.get("scheme") == "http"
    code = _reply(entry) or entry.get("http_connect") or (entry.get("http_code") if plain else None)
    if entry["host"] is None:
        return _DENIED | _FAILED | {Outcome.RESET}
    if entry["case"] in _BY_CASE:
        return _BY_CASE[entry["case"]]
    if expected == "abort":
        return _THROUGH | {Outcome.RESET, Outcome.TIMED_OUT}
    if code in (400, 403, 407, 431) and not (expected == "ok" and plain):
        return _DENIED | _FAILED if code in (400, 431) else _DENIED
    if "raw" in entry:  # these clients leave after half a second, whatever they are told
        return _FAILED if code is not None and code >= 500 else _THROUGH | {Outcome.RESET}
    if plain and expected == "deny" and code:
        return _FAILED if code >= 500 else _THROUGH
    return {"ok": _THROUGH, "deny": _DENIED}.get(expected, _FAILED)
