"""Which allowlist is in force: the files while they are sound, else the last good one. Numbers each list it meets.

Writes nothing itself: a new list is handed over by ``take_new``, to be committed with the verdicts that name it.
"""

import time

import msgspec

from tui.allowlist.judge import Allowlist, fingerprint
from tui.allowlist.load import decode_rules, encode_rules
from tui.allowlist.policy import Policy
from tui.allowlist.rules import Rule
from tui.config.errors import ConfigError
from tui.history.batch import KeptAllowlist


class RulesInForce:
    """Watches the allowlist files on behalf of one collector."""

    def __init__(self, policy: Policy, last: KeptAllowlist | None) -> None:
        """``last`` is the list that the history has as the last one in force."""
        self._policy = policy
        self._last = last
        self._new: list[KeptAllowlist] = []
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

    def take_new(self) -> list[KeptAllowlist]:
        """The lists that have become new since the last call."""
        taken, self._new = self._new, []
        return taken

    def _last_good(self) -> tuple[Rule, ...]:
        if self._last is None:
            return self._policy.defaults
        try:
            return decode_rules(self._last.rules)
        except (msgspec.MsgspecError, ValueError):
            return self._policy.defaults

    def _numbered(self, allowlist: Allowlist) -> Allowlist:
        print_ = fingerprint(allowlist.rules)
        if self._last is None or self._last.fingerprint != print_:
            number = self._last.revision + 1 if self._last else 1
            self._last = KeptAllowlist(number, time.time_ns() // 1000, print_, encode_rules(allowlist.rules))
            self._new.append(self._last)
        return self._policy.allowlist(allowlist.rules, self._last.revision)
