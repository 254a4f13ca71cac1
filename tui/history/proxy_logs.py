"""What a history says of the logs of proxies: how they are read, when they were not, and what only they will tell."""

from tui.history.columns import LOG_ROW_COLUMNS, log_from
from tui.history.read import Reader
from tui.history.rows import Hole, LogRow
from tui.history.schema import OPEN
from tui.model.connection import Evidence
from tui.model.source import LOG

_TUNNELS = f"""
SELECT DISTINCT c.destination, o.role FROM connection c JOIN route r ON r.id = c.route
JOIN judgement j ON j.id = c.judgement JOIN origin o ON o.id = c.origin
WHERE c.outcome IN ({OPEN}) AND r.via IS NOT NULL AND coalesce(j.evidence, '') NOT IN (?, ?)
"""  # noqa: S608


def logs(reader: Reader) -> list[LogRow]:
    """The logs that the present collector, or the last one, follows, by their paths."""
    run = reader.last_run()
    rows = reader.db.execute(
        f"SELECT {LOG_ROW_COLUMNS} FROM proxy_log WHERE read_us >= ? ORDER BY path",  # noqa: S608
        (run.started_us if run is not None else 0,),
    )
    return list(map(log_from, rows))


def log_holes(reader: Reader, path: str, from_us: int, to_us: int) -> list[Hole]:
    """When a log could not be read between two times, from when it was first followed on; and what of it may be lost.

    What was written while it could not be read is read later, if any file has it still.
    """
    source = f"{LOG}{path}"
    first_us = reader.db.execute("SELECT min(from_us) FROM coverage WHERE source = ?", (source,)).fetchone()[0]
    run = reader.last_run()
    if first_us is None:
        first_us = run.started_us if run is not None else to_us
    from_us = max(from_us, first_us)
    return reader.holes(source, from_us, to_us) if from_us < to_us else []


def tunnels(reader: Reader) -> frozenset[tuple[int, str | None]]:
    """The destinations, by their ids, that are proxies through which something is open, each with the role; where that
    goes is not known before the proxy logs it, at its end."""
    if reader.db.execute("SELECT 1 FROM route WHERE via IS NOT NULL LIMIT 1").fetchone() is None:
        return frozenset()
    rows = reader.db.execute(_TUNNELS, (Evidence.CONNECT, Evidence.PROXY))
    return frozenset((int(id), role) for id, role in rows)
