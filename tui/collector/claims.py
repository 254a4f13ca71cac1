"""Whether an address is one that the name, which a client gave for it, is known to have. Pure; asks nobody itself.

A client may write any name into its ClientHello. It counts only where the namespace was told this address for the name
(its own DNS answer, its hosts file) or where our own look-up was. Only where neither could have been missed is the name
called false; else, and where the name had the address once, it is not confirmed.
"""

from collections.abc import Collection

from tui.model.answer import EVERYWHERE
from tui.model.connection import Claim
from tui.model.observation import WireSight
from tui.names.table import NameTable

COVERED_US = 600_000_000
"""A client may keep what it was told before we listened; after so long it is taken to have asked again."""
FRESH_US = 10_000_000
"""How old our own look-up may be to speak against a name."""
HOSTS_MAX = 10_000


class Claims:
    """Knows how long each namespace's look-ups have been heard without a hole, and which names are to be looked up."""

    def __init__(self, table: NameTable) -> None:
        self._table = table
        self._since: dict[str, int] = {}
        self._looked_up: dict[str, tuple[int, bool]] = {}
        self._wanted: set[str] = set()

    def learn(self, sight: WireSight, at_us: int) -> None:
        """Take in where packets are read."""
        self._since = {namespace: self._since.get(namespace, at_us) for namespace in sight.read}

    def missed(self, at_us: int, namespaces: Collection[str] | None = None) -> None:
        """Packets were lost, or nobody listened for a while, in some namespaces or in all."""
        for namespace in self._since if namespaces is None else self._since.keys() & set(namespaces):
            self._since[namespace] = at_us

    def looked_up(self, host: str, at_us: int, *, found: bool) -> None:
        """Take in that a name was looked up by ourselves, and whether it has an address."""
        if len(self._looked_up) >= HOSTS_MAX:
            self._looked_up.clear()
        self._looked_up[host] = (at_us, found)

    def take_wanted(self) -> set[str]:
        """The names whose look-up would tell more."""
        wanted, self._wanted = self._wanted, set()
        return wanted

    def of(self, namespace: str, host: str, ip: str, at_us: int, *, hearsay: bool = False) -> Claim:
        """What there is to say of a name that a client gave for an address at a time.

        ``hearsay`` says that anybody in the namespace may have said what it was told. Then that counts unless a steady
        name has other addresses by our own look-ups.
        """
        table = self._table
        if table.confirms(namespace, host, ip, at_us):
            if not hearsay or not self._contradicts(host, ip, at_us):
                return Claim.CONFIRMED
            self._want(host, at_us)
            return Claim.UNCONFIRMED
        is_old = table.has_had(namespace, host, ip, at_us)  # a client has kept it longer than it should; no lie
        since_us = self._since.get(namespace)
        if (
            since_us is not None
            and (since_us <= table.told_us(namespace, host) <= at_us or at_us - since_us >= COVERED_US)
            and not is_old
        ):
            return Claim.MISMATCH
        looked_up_us, found = self._looked_up.get(host, (0, False))
        self._want(host, at_us)
        if looked_up_us < at_us - FRESH_US:
            return Claim.UNCONFIRMED
        if found and table.addresses_of(host, looked_up_us) and not table.rotates(host) and not is_old:
            return Claim.MISMATCH
        return Claim.UNCONFIRMED

    def _contradicts(self, host: str, ip: str, at_us: int) -> bool:
        """True if our own look-ups, which hold at that time, give others than this address."""
        table = self._table
        steady = bool(table.addresses_of(host, at_us)) and not table.rotates(host)
        return steady and not table.confirms(EVERYWHERE, host, ip, at_us)

    def _want(self, host: str, at_us: int) -> None:
        if self.may_be_settled(host, at_us):
            self._wanted.add(host)

    def may_be_settled(self, host: str, at_us: int) -> bool:
        """True while a look-up of ours may still tell more of a name that was given at that time."""
        return self._looked_up.get(host, (0, False))[0] < at_us
