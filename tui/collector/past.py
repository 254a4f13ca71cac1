"""Take up where the last collector ended: turn its rows back into what the tracker and the pipeline hold. Pure."""

from collections.abc import Iterable

from tui.collector.track import Tracked
from tui.model.connection import Connection, Outcome
from tui.model.observation import SocketState


def tracked_again(connections: Iterable[Connection]) -> list[Tracked]:
    """What was open, or may still show as TIME-WAIT, as the tracker knows it."""
    return [
        Tracked(
            c.id,
            (c.origin.namespace, c.protocol, c.local, c.remote),
            c.opened_us,
            c.last_seen_us,
            c.closed_us,
            SocketState.ESTABLISHED if c.outcome is Outcome.OPEN else SocketState.ENDED,
            c.process,
            c.origin,
            c.outcome,
            c.recorded,
        )
        for c in sorted(connections, key=lambda c: c.id)
    ]
