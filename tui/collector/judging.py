"""Name, label and judge a connection. Remembers answers, since the same destinations come again and again."""

from dataclasses import dataclass, field

from tui.allowlist.judge import Allowlist
from tui.catalog import Catalogue
from tui.collector.label import Finding, find, name_of
from tui.collector.scope import Scope
from tui.model.connection import Connection, Name, Origin
from tui.names.table import NameTable

REMEMBERED = 20_000
_SECOND_US = 1_000_000


@dataclass(slots=True)
class Judge:
    """The table of names, the catalogue, the allowlist in force and the scope, asked together."""

    table: NameTable
    catalogue: Catalogue
    allowlist: Allowlist
    scope: Scope
    _names: dict[str, Name] = field(default_factory=dict)
    _findings: dict[tuple[Name, str, int, str | None, bool], Finding] = field(default_factory=dict)
    _second: int = 0
    _day: int = 0

    def forget(self) -> None:
        """Ask anew: the table, the list or the scope has changed."""
        self._names.clear()
        self._findings.clear()

    def name(self, ip: str, at_us: int) -> Name:
        """The name that is known for an address at a time."""
        second = at_us // _SECOND_US
        if second != self._second or len(self._names) > REMEMBERED:
            self._second = second
            self._names.clear()
        known = self._names.get(ip)
        if known is None:
            known = self._names[ip] = name_of(self.table, self.catalogue, ip, at_us)
        return known

    def find(self, name: Name, ip: str, port: int, origin: Origin, now_us: int) -> Finding:
        """What a destination is, and what the rules say of it, under a name."""
        day = now_us // (86_400 * _SECOND_US)
        if day != self._day or len(self._findings) > REMEMBERED:
            self._day = day
            self._findings.clear()
        judged = self.scope.judges(origin) and not self.scope.is_resolver(origin.namespace, ip, port)
        key = (name, ip, port, origin.role, judged)
        known = self._findings.get(key)
        if known is None:
            known = find(name, ip, port, origin.role, self.allowlist, self.catalogue, now_us, judged=judged)
            self._findings[key] = known
        return known

    def of(self, connection: Connection, now_us: int) -> Finding:
        """The same for a connection as it stands."""
        remote = connection.remote
        return self.find(connection.name, remote.ip, remote.port, connection.origin, now_us)
