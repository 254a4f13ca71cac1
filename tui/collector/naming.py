"""What our own look-ups, those of the namespaces and hosts files give: answers for the table, to be recorded; and what
cannot be named. Judges nothing."""

from tui.allowlist.judge import Allowlist
from tui.model.address import parse_address
from tui.model.answer import Answer
from tui.model.connection import Evidence
from tui.model.observation import HostsFile
from tui.model.text import clean
from tui.model.times import MINUTE_US
from tui.model.wire import Lookup
from tui.names.forward import Found, Missed, Result
from tui.names.table import NameTable

TTL_MAX_S = 604_800.0
"""A TTL beyond a week counts as one (RFC 8767 §4)."""
EARLIER_US = 60_000_000
"""So long before it was first read a line of a hosts file counts, if the file is that old."""
ENDED_MAX = 1_000
"""Namespaces that have ended are remembered, for their last connections may be told late."""
HOSTS_US = 600_000_000
"""So long a line of a hosts file counts after it was last seen to stand there; it is recorded anew before that."""


class Naming:
    """Fills the table of names, and remembers which names have no address."""

    def __init__(self, table: NameTable) -> None:
        self._table = table
        self._missing: dict[str, str] = {}
        self._found = False
        self._hosts: dict[str, tuple[HostsFile, int]] = {}
        """By namespace: what its file says, and until when that counts."""
        self._ended: dict[str, None] = {}
        self._tidied_us = 0

    def learn(self, result: Result) -> list[Answer]:
        """Take in the result of one look-up; the answers as they now stand, to be recorded."""
        if isinstance(result, Missed):
            self._missing[result.host] = clean(result.reason)
            return []
        self._missing.pop(result.host, None)
        self._found = True
        return self._answers(result)

    def _answers(self, found: Found) -> list[Answer]:
        until_us = found.at_us + _ttl_us(found.ttl_s)
        addresses = {str(parse_address(ip)) for ip in found.addresses}
        return [self._table.learn(Answer(found.host, ip, found.at_us, until_us)) for ip in addresses]

    def tidy(self, now_us: int) -> None:
        """Drop what is too old, now and then: it takes a look at the whole table."""
        if abs(now_us - self._tidied_us) >= MINUTE_US:
            self._tidied_us = now_us
            self._table.forget_before(now_us)

    def told(self, lookup: Lookup) -> list[Answer]:
        """Take in what a namespace was told; the answers as they now stand."""
        return [
            self._table.learn(
                Answer(lookup.host, ip, lookup.at_us, lookup.at_us + _ttl_us(ttl_s), lookup.namespace,
                       Evidence.DNS)
            )
            for ip, ttl_s in lookup.addresses
        ]  # fmt: skip

    def has_read(self, namespace: str) -> bool:
        """True once it is known what a namespace's hosts file says, or that nobody will ever know."""
        return namespace in self._hosts or namespace in self._ended

    def hosts(self, namespace: str, file: HostsFile, at_us: int) -> list[Answer]:
        """Take in what a namespace's hosts file says; its answers if it has changed, or they had to be renewed."""
        known, until_us = self._hosts.get(namespace, (None, 0))
        if file == known and at_us < until_us - HOSTS_US // 2:
            return []
        from_us, until_us = min(max(file.since_us, at_us - EARLIER_US), at_us), at_us + HOSTS_US
        self._hosts[namespace] = (file, until_us)
        self._ended.pop(namespace, None)
        return [
            self._table.learn(Answer(host, ip, from_us, until_us, namespace, Evidence.HOSTS)) for host, ip in file.lines
        ]

    def forget(self, namespace: str) -> None:
        """A namespace has ended; the next one may get its name."""
        self._hosts.pop(namespace, None)
        self._ended[namespace] = None
        if len(self._ended) > ENDED_MAX:
            del self._ended[next(iter(self._ended))]
        self._table.forget_namespace(namespace)

    def note(self, allowlist: Allowlist) -> str:
        """What cannot be named: every name, or the allowed ones that do not resolve. Others need not exist here."""
        if self._missing and not self._found:
            return f"no name can be looked up: {next(iter(self._missing.values()))}"
        allowed = {rule.host for rule in allowlist.rules if rule.action == "allow"}
        hosts = sorted(host for host in self._missing if host in allowed)
        return f"look-ups of {', '.join(hosts)} fail: {self._missing[hosts[0]]}" if hosts else ""


def _ttl_us(ttl_s: float) -> int:
    return round(min(ttl_s, TTL_MAX_S) * 1_000_000)
