"""Which allowlist is in force: the files while they are sound, else the last good one. Numbers each list it meets."""

import sqlite3
import time

import msgspec

from tui.allowlist.judge import Allowlist, fingerprint
from tui.allowlist.load import decode_rules, encode_rules
from tui.allowlist.policy import Policy
from tui.allowlist.rules import Rule
from tui.config.errors import ConfigError
from tui.history.resume import allowlist_revision, last_allowlist


class RulesInForce:
    """Watches the allowlist files on behalf of one collector."""

    def __init__(self, policy: Policy, db: sqlite3.Connection) -> None:
        self._policy = policy
        self._db = db
        self._signature = policy.signature()

    def first(self) -> tuple[Allowlist, ConfigError | None]:
        """The list to begin with; with an error when the files cannot be used and an older list stands in."""
        try:
            return self._numbered(self._policy.load()), None
        except ConfigError as error:
            return self._numbered(self._policy.allowlist(self._last_good())), error

    def changed(self) -> Allowlist | None:
        """The new list if a file has changed since the last call, else None.

        :raises ConfigError: if the files have changed and cannot be used
        """
        signature = self._policy.signature()
        if signature == self._signature:
            return None
        self._signature = signature
        return self._numbered(self._policy.load())

    def _last_good(self) -> tuple[Rule, ...]:
        last = last_allowlist(self._db)
        if last is None:
            return self._policy.defaults
        try:
            return decode_rules(last[2])
        except (msgspec.MsgspecError, ValueError):
            return self._policy.defaults

    def _numbered(self, allowlist: Allowlist) -> Allowlist:
        rules = allowlist.rules
        number = allowlist_revision(self._db, fingerprint(rules), encode_rules(rules), time.time_ns() // 1000)
        return self._policy.allowlist(rules, number)
