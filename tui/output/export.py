"""Recorded connections under the column names that scripts depend on. Formats nothing."""

from collections.abc import Iterable, Iterator

from tui.history.rows import ConnectionRow
from tui.model.address import UNKNOWN
from tui.model.connection import Evidence
from tui.model.times import iso_utc

COLUMNS = (
    "id", "opened_at", "opened_before", "closed_at", "last_seen_at", "source", "protocol", "local_ip", "local_port",
    "ip", "port", "host", "host_evidence", "host_candidates", "category", "verdict", "rule", "allowlist_revision",
    "outcome", "bytes_sent", "bytes_received", "pid", "process", "user", "container", "role", "namespace", "via",
    "image", "recorded", "node", "history_id",
)  # fmt: skip
TABLE_COLUMNS = (
    "opened_before",
    "role",
    "process",
    "host",
    "host_evidence",
    "ip",
    "port",
    "category",
    "verdict",
    "outcome",
)
"""What fits a terminal; the other formats have every column."""

_AS_THEY_ARE = tuple(
    column
    for column in COLUMNS
    if column not in {"opened_at", "opened_before", "closed_at", "last_seen_at", "node", "history_id"}
)
Cell = str | int | None | tuple[str, ...]


def export_rows(rows: Iterable[ConnectionRow], node: str, history_id: str) -> Iterator[dict[str, Cell]]:
    """Each connection as a mapping of ``COLUMNS``; what is not known is null, so also the port 0
    that stands for a port which the kernel has forgotten, the address of what a log has a name of alone, and
    ``opened_at`` where only ``opened_before`` is known.

    Where nothing else is known, a PTR name stands as ``host`` with the ``host_evidence`` ``reverse``.
    """
    for row in rows:
        opened = iso_utc(row.opened_us)
        yield {
            **{column: getattr(row, column) for column in _AS_THEY_ARE},
            **({"host": row.reverse, "host_evidence": Evidence.REVERSE.value} if row.reverse is not None else {}),
            "local_ip": None if row.local_ip == UNKNOWN else row.local_ip,
            "local_port": row.local_port or None,
            "ip": None if row.ip == UNKNOWN else row.ip,
            "port": row.port or None,
            "opened_at": opened if row.opened_exact else None,
            "opened_before": None if row.opened_exact else opened,
            "closed_at": iso_utc(row.closed_us) if row.closed_us is not None else None,
            "last_seen_at": iso_utc(row.last_seen_us),
            "node": node,
            "history_id": history_id,
        }
