"""The rule that would allow a destination, or why there can be none. Writes it to the local allowlist, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

from tui.allowlist.edit import add_rule
from tui.allowlist.judge import Allowlist
from tui.allowlist.rules import Subject
from tui.history.rows import DestinationRow
from tui.model.connection import Verdict
from tui.model.times import iso_utc

EXPIRES_DAYS = 90


@dataclass(frozen=True, slots=True)
class Proposal:
    """An allow rule for one destination."""

    host: str | None
    network: str | None
    port: int
    role: str | None

    def rule(self, *, only_role: bool) -> str:
        """The rule in words."""
        name = self.host or self.network or ""
        target = f"[{name}]:{self.port}" if ":" in name else f"{name}:{self.port}"
        return f"allow {target} for {self.role if only_role and self.role else 'any role'}"

    def write(
        self, path: Path, *, only_role: bool, expires: date | None, reason: str, by: str, now_us: int
    ) -> None:  # fmt: skip
        """Append the rule to the allowlist file at ``path``.

        :raises ConfigError: if the file cannot be written, or would be wrong afterwards
        """
        add_rule(
            path,
            action="allow",
            host=self.host,
            network=self.network,
            ports=(self.port,),
            roles=tuple(self.role.split("+")) if only_role and self.role else (),
            expires=expires,
            reason=reason,
            by=by,
            at=iso_utc(now_us),
        )


def propose(
    row: DestinationRow, candidates: Sequence[str], allowlist: Allowlist | None, now_us: int
) -> Proposal | str:  # fmt: skip
    """The rule for a row, or the sentence that says why none is offered."""
    if candidates:
        return f"It may be any of {', '.join(candidates)}: allow each by its name with `allowlist add`."
    if row.is_false:
        return f"It is not {row.name}: no rule for that name allows it. Its address (d) could be, by `allowlist add`."
    if row.verdict is Verdict.INTERNAL:
        return f"{row.name} is internal and not judged: it needs no rule."
    if allowlist is not None:
        host, ip = (row.name, "192.0.2.0") if row.named else (None, row.name)
        judged = allowlist.judge(Subject(host, ip, row.port, row.role), now_us)
        if judged.verdict is Verdict.ALLOWED:
            return f"Today's list allows it already: {judged.rule}"
        if judged.rule is not None:
            return f"A deny rule names it, and wins over every allow rule: {judged.rule}"
    network = None if row.named else str(ip_network(row.name))
    return Proposal(row.name if row.named else None, network, row.port, row.role)


def proposed_expiry(now_us: int) -> date:
    """The last day on which a rule made today holds, unless the person says otherwise."""
    return _today(now_us) + timedelta(days=EXPIRES_DAYS)


def read_expiry(text: str, now_us: int) -> date | None:
    """The day that was typed, None for no end.

    :raises ValueError: if it is no day, or has passed, in a sentence
    """
    if not text.strip():
        return None
    try:
        day = date.fromisoformat(text.strip())
    except ValueError as error:
        raise ValueError("Write the last day as 2027-02-21, or leave it empty for no end.") from error
    if day < _today(now_us):
        raise ValueError(f"{day} has passed: such a rule would allow nothing.")
    return day


def _today(now_us: int) -> date:
    return datetime.fromtimestamp(now_us / 1_000_000, UTC).date()
