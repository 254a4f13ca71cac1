"""Print measurements as a table, with their ratio to a peer of the same run."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measured:
    """One figure of one tool; ``unit`` tells whether it is better small or large."""

    tool: str
    what: str
    value: float
    unit: str


def print_table(rows: Sequence[Measured], peer: str) -> None:
    """One line a figure, with how many times the peer's figure it is."""
    peers = {row.what: row.value for row in rows if row.tool == peer}
    print(f"{'TOOL':28} {'WHAT':40} {'VALUE':>12} {'UNIT':10} RATIO TO {peer}")
    for row in rows:
        base = peers.get(row.what)
        ratio = f"{row.value / base:.2f}" if base else "-"
        print(f"{row.tool:28} {row.what:40} {row.value:12,.2f} {row.unit:10} {ratio}")
