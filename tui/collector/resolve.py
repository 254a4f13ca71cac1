"""Whether the cause of an alert has gone. Pure."""

from collections.abc import Iterable

from tui.allowlist.rules import Subject
from tui.allowlist.target import UNNAMED_ADDRESS
from tui.collector.alerts import PREDATES, who
from tui.collector.burst import Burst, is_burst
from tui.collector.judging import Judge
from tui.model.address import parse_address
from tui.model.alert import Alert, AlertKind, Urgency, is_proxy_down
from tui.model.answer import EVERYWHERE
from tui.model.connection import Connection, Judgement, Recorded, Verdict

_JUDGED = (AlertKind.OFF_ALLOWLIST, AlertKind.METADATA, AlertKind.BLOCKED)
"""The kinds that the allowlist decides away."""


class Resolver:
    """Asks of every open alert whether what the allowlist says now ends it."""

    def __init__(self, judge: Judge, held: Iterable[Connection], burst: Burst, now_us: int) -> None:
        """``held`` are the connections that may still change."""
        self._judge = judge
        self._burst = burst
        self._now_us = now_us
        self._waiting = {who(connection) for connection in held if _is_unnamed_before(connection)}

    def gone(self, alert: Alert) -> str | None:
        """Why an alert is over, or None while it is not.

        Off-allowlist and metadata alerts are over when their destination is allowed, blocked ones when it is not any
        more (those for the review never were), the entry of what predates the record when none of it is open and off
        the list.
        """
        if alert.kind not in _JUDGED or is_proxy_down(alert):
            return None
        if alert.cause.startswith(PREDATES):
            waits = alert.cause.removeprefix(PREDATES) in self._waiting
            return None if waits else "none of these connections is open and off the allowlist any more"
        if is_burst(alert.cause):
            return self._of_burst(alert)
        if alert.destination is None or alert.port is None:
            return None
        judgement = self._judgement(alert.destination, alert.port, alert.role)
        revision = self._judge.allowlist.revision
        if alert.kind is AlertKind.BLOCKED:
            gone = judgement.verdict is not Verdict.ALLOWED and alert.urgency is not Urgency.REVIEW
            return f"the allowlist (revision {revision}) does not allow it any more" if gone else None
        if judgement.verdict is Verdict.OFF_ALLOWLIST:
            return None
        return f"the allowlist (revision {revision}) has it: {judgement.why}"

    def _of_burst(self, alert: Alert) -> str | None:
        members = self._burst.members(alert.role)
        if members is None:
            return None
        judged = (self._judgement(destination, port, alert.role) for destination, port in members)
        if any(judgement.verdict is Verdict.OFF_ALLOWLIST for judgement in judged):
            return None
        return f"the allowlist (revision {self._judge.allowlist.revision}) has every destination of it"

    def _judgement(self, destination: str, port: int, role: str | None) -> Judgement:
        return self._judge.allowlist.judge(self._subject(destination, port, role), self._now_us)

    def _subject(self, destination: str, port: int, role: str | None) -> Subject:
        try:
            ip = str(parse_address(destination))
        except ValueError:
            hosts = destination.split(" or ")
            host, candidates = (hosts[0], ()) if len(hosts) == 1 else (None, tuple(hosts))
            return Subject(host, UNNAMED_ADDRESS, port, role, candidates)
        name = self._judge.name(EVERYWHERE, ip, self._now_us)
        return Subject(name.host, ip, port, role, name.candidates)


def _is_unnamed_before(connection: Connection) -> bool:
    """True if it is open, off the list, and was there before recording began, so that no name could be seen."""
    unnamed = connection.name.host is None and not connection.name.candidates
    off = connection.judgement.verdict is Verdict.OFF_ALLOWLIST
    return unnamed and off and connection.outcome.is_open and connection.recorded is Recorded.PREDATES_RECORD
