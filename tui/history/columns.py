"""The columns that readers ask for, and the values that their rows become. Asks nothing."""

from collections.abc import Sequence
from typing import Any

import msgspec

from tui.history.batch import KeptWorkload
from tui.history.rows import ConnectionRow, LogRow
from tui.model.address import unpack
from tui.model.alert import Alert, AlertKind, Urgency
from tui.model.answer import Answer
from tui.model.connection import Evidence
from tui.model.workload import Workload, WorkloadKind

ALERT_COLUMNS = (
    "id, kind, cause, urgency, summary, role, destination, port, count, first_us, last_us, resolved_us, resolution"
)
CONNECTION_COLUMNS = (
    "id, opened_us, opened_exact, closed_us, last_seen_us, connect_us, phase, source, protocol, local_ip, local_port, "
    "ip, port, host, evidence, candidates, claim, is_outer, reverse, category, service, verdict, rule, "
    "allowlist_revision, outcome, bytes_sent, bytes_received, pid, process, user, started_us, container, role, "
    "namespace, via, reason, image, recorded, destination_id"
)

ANSWER_COLUMNS = "host, ip, from_us, until_us, namespace, evidence"
WORKLOAD_COLUMNS = (
    "id, namespace, kind, container_id, container, role, image, project, described, pid, proxy, started_us, gone_us"
)
LOG_COLUMNS = "path, marks, reader, read_us, state, formats, lacks, lines, requests, unparsed, last_unparsed, lag"
"""Of ``KeptLog``, in its order."""
LOG_ROW_COLUMNS = "path, read_us, state, formats, lacks, lines, requests, unparsed, last_unparsed, lag"
"""Of ``LogRow``, in its order."""

_NAMES = CONNECTION_COLUMNS.split(", ")
_CANDIDATES = _NAMES.index("candidates")
_FLAGS = (_NAMES.index("opened_exact"), _NAMES.index("is_outer"))
_ADDRESSES = (_NAMES.index("local_ip"), _NAMES.index("ip"))


def alert_from(row: Sequence[Any]) -> Alert:
    """An alert from its ``ALERT_COLUMNS``."""
    id, kind, cause, urgency, *rest = row
    return Alert(id, AlertKind(kind), cause, Urgency(urgency), *rest)


def answer_from(row: Sequence[Any]) -> Answer:
    """An answer from its ``ANSWER_COLUMNS``."""
    host, ip, from_us, until_us, namespace, evidence = row
    return Answer(host, unpack(ip), from_us, until_us, namespace, Evidence(evidence))


def log_from(row: Sequence[Any]) -> LogRow:
    """The log of a proxy from its ``LOG_ROW_COLUMNS``."""
    path, read_us, state, formats, *rest = row
    return LogRow(path, read_us, state, tuple(formats.split()), *rest)


def workload_from(row: Sequence[Any]) -> KeptWorkload:
    """A workload from its ``WORKLOAD_COLUMNS``."""
    id, namespace, kind, container_id, container, role, image, project, described, pid, proxy, started, gone = row
    variables = tuple(msgspec.json.decode(proxy, type=list[tuple[str, str]]))
    told = Workload(namespace, WorkloadKind(kind), container_id, container, role, image, project, bool(described), pid,
                    variables, started)  # fmt: skip
    return KeptWorkload(id, told, gone)


def connection_from(row: Sequence[Any]) -> ConnectionRow:
    """A connection from its ``CONNECTION_COLUMNS``."""
    values = list(row)
    for place in _ADDRESSES:
        values[place] = unpack(values[place])
    for place in _FLAGS:
        values[place] = bool(values[place])
    values[_CANDIDATES] = tuple((values[_CANDIDATES] or "").split())
    return ConnectionRow(*values)
