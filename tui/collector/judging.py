"""Name, label and judge a connection. Remembers findings, since the same destinations come again and again."""

from dataclasses import dataclass, field, replace

from tui.allowlist.judge import Allowlist
from tui.catalog import Catalogue
from tui.collector.claims import Claims
from tui.collector.hops import Hops, direct
from tui.collector.label import Finding, find, is_false, name_of
from tui.collector.scope import Scope
from tui.model.address import normal
from tui.model.connection import Claim, Connection, Endpoint, Evidence, Name, Origin
from tui.model.wire import Flow
from tui.names.table import NameTable

REMEMBERED = 20_000
_SECOND_US = 1_000_000
_CLAIMED = frozenset({Evidence.SNI, Evidence.HTTP})
"""What a client says of itself, and may say of any address."""
_HEARD = frozenset({Evidence.DNS, Evidence.HOSTS})
"""What its namespace was told."""


@dataclass(slots=True)
class Judge:
    """The table of names, the catalogue, the allowlist in force and the scope, asked together."""

    table: NameTable
    claims: Claims
    catalogue: Catalogue
    allowlist: Allowlist
    scope: Scope
    hops: Hops
    _findings: dict[tuple[Name, str, int, str | None, bool, bool], Finding] = field(default_factory=dict)
    _day: int = 0

    def believed(self, flow: Flow, origin: Origin, now_us: int) -> Flow:
        """A flow, without what was asked of a far end that is no proxy: see ``tui.collector.hops``."""
        if flow.target is None:
            return flow
        namespace, remote, at_us = flow.namespace, flow.remote, flow.started_us or now_us
        is_proxy = self.hops.is_proxy(
            namespace, remote, origin.role, self.name(namespace, remote.ip, at_us), at_us, self.allowlist, now_us
        )
        return flow if is_proxy else direct(flow)

    def hop_of(self, connection: Connection, now_us: int) -> Endpoint | None:
        """The proxy that is the far end of a connection: one that is named, and believed to be it."""
        named = self.hops.named(connection)
        if named is None:
            return None
        c = connection
        is_proxy = self.hops.is_proxy(
            c.origin.namespace, c.remote, c.origin.role, c.name, c.opened_us, self.allowlist, now_us
        )
        return named if is_proxy else None

    def forget(self) -> None:
        """Ask anew: the list or the scope has changed."""
        self._findings.clear()

    def name(self, namespace: str, ip: str, at_us: int, flow: Flow | None = None) -> Name:
        """The name of what was reached at a time: what the client itself said, else what is known for the address."""
        if flow is not None and flow.host is not None:
            if flow.target is not None:
                false = flow.inner is not None and flow.inner != flow.host
                host = None if _is_address(flow.target.ip) else flow.host
                return Name(host, Evidence.CONNECT, (), Claim.MISMATCH if false and host else None, flow.is_outer)
            return Name(flow.host, flow.evidence, (), self._claim(namespace, flow.host, ip, at_us), flow.is_outer)
        name = name_of(self.table, self.catalogue, namespace, ip, at_us)
        if name.evidence in _HEARD and self.scope.is_hearsay(namespace):
            claims = {self._claim(namespace, host, ip, at_us) for host in name.candidates or (name.host,) if host}
            if claims != {Claim.CONFIRMED}:
                return replace(name, claim=Claim.UNCONFIRMED)
        return name

    def _claim(self, namespace: str, host: str, ip: str, at_us: int) -> Claim:
        return self.claims.of(namespace, host, ip, at_us, hearsay=self.scope.is_hearsay(namespace))

    def renamed(self, connection: Connection) -> Name:
        """The name of a recorded connection by what is known now of the time in which it was opened."""
        name, ip = connection.name, connection.remote.ip
        if name.host is not None and name.evidence in _CLAIMED:
            return replace(name, claim=self._claim(connection.origin.namespace, name.host, ip, connection.opened_us))
        if name.evidence in (Evidence.CONNECT, Evidence.PROXY):
            return name
        return self.name(connection.origin.namespace, ip, connection.opened_us)

    def find(self, connection: Connection, now_us: int) -> Finding:
        """What the destination of a connection is, and what the rules say of it, under the name that it has."""
        return self.find_at(
            connection.origin, connection.name, connection.remote, now_us, via_proxy=connection.is_proxied
        )

    def find_at(self, origin: Origin, name: Name, remote: Endpoint, now_us: int, *, via_proxy: bool) -> Finding:
        """The same, of a connection that is yet to be made up."""
        day = now_us // (86_400 * _SECOND_US)
        if day != self._day or len(self._findings) > REMEMBERED:
            self._day = day
            self._findings.clear()
        ip, port = remote
        via_proxy = via_proxy and name.host is not None
        judged = self.scope.judges(origin) and not self.scope.is_resolver(origin.namespace, ip, port)
        key = (name, ip, port, origin.role, judged, via_proxy)
        known = self._findings.get(key)
        if known is None:
            known = self._findings[key] = find(
                name, ip, port, origin.role, self.allowlist, self.catalogue, now_us, judged=judged, via_proxy=via_proxy
            )
        return known

    def may_be_confirmed(self, connection: Connection, now_us: int) -> bool:
        """True while it may still turn out that the client gave an allowed name rightly, or falsely."""
        name = connection.name
        if name.claim is not Claim.UNCONFIRMED or name.host is None:
            return False
        allowed = self.allowlist.allows_host(name.host, now_us)
        return allowed and self.claims.may_be_settled(name.host, connection.opened_us)

    def is_false(self, connection: Connection, now_us: int) -> bool:
        """True if an allowed name was given for an address that is not its own."""
        return is_false(connection.name, self.allowlist, now_us)


def _is_address(text: str) -> bool:
    try:
        normal(text)
    except ValueError:
        return False
    return True
