"""What look-ups ahead of time have given: answers for the table, and what cannot be named. Judges nothing."""

from tui.allowlist.judge import Allowlist
from tui.model.address import parse_address
from tui.model.answer import Answer
from tui.model.text import clean
from tui.names.forward import Found, Missed, Result
from tui.names.table import NameTable


class Naming:
    """Fills the table of names, and remembers which names have no address."""

    def __init__(self, table: NameTable) -> None:
        self._table = table
        self._missing: dict[str, str] = {}
        self._found = False

    def learn(self, result: Result) -> list[Answer]:
        """Take in the result of one look-up; the answers as they now stand, to be recorded."""
        if isinstance(result, Missed):
            self._missing[result.host] = clean(result.reason)
            return []
        self._missing.pop(result.host, None)
        self._found = True
        return self._answers(result)

    def _answers(self, found: Found) -> list[Answer]:
        until_us = found.at_us + round(found.ttl_s * 1_000_000)
        addresses = {str(parse_address(ip)) for ip in found.addresses}
        answers = [self._table.learn(Answer(found.host, ip, found.at_us, until_us)) for ip in addresses]
        self._table.forget_before(found.at_us)
        return answers

    def note(self, allowlist: Allowlist) -> str:
        """What cannot be named: every name, or the allowed ones that do not resolve. Others need not exist here."""
        if self._missing and not self._found:
            return f"no name can be looked up: {next(iter(self._missing.values()))}"
        allowed = {rule.host for rule in allowlist.rules if rule.action == "allow"}
        hosts = sorted(host for host in self._missing if host in allowed)
        return f"look-ups of {', '.join(hosts)} fail: {self._missing[hosts[0]]}" if hosts else ""
