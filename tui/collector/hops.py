"""Which far ends are proxies, so that what they are asked for counts in the place of their own address. Pure.

Anybody may write ``CONNECT licensing.tryretool.com:443`` to a server of his own, which need be no proxy. So it counts
where the far end lies in an internal network, is named by a proxy variable of a container in that namespace or by the
configuration, or is itself allowed. What is asked of anybody else is only said: the connection goes to whom it goes.
"""

from collections.abc import Iterable

from tui.allowlist.judge import Allowlist
from tui.allowlist.rules import Subject
from tui.collector.scope import Scope
from tui.model.answer import EVERYWHERE
from tui.model.connection import Claim, Connection, Endpoint, Evidence, Name, Phase, Verdict
from tui.model.proxy_variables import Place, variables_of
from tui.model.wire import Flow
from tui.model.workload import Workload
from tui.names.table import NameTable


class Hops:
    """Knows the proxies that environments and the configuration name."""

    def __init__(self, table: NameTable, scope: Scope, known: Iterable[Place] = ()) -> None:
        """``known`` are those of the configuration, which hold everywhere."""
        self._table = table
        self._scope = scope
        self._known = frozenset(known)
        self._named: dict[str, frozenset[Place]] = {}

    def learn(self, workloads: Iterable[Workload]) -> None:
        """Take in what runs now."""
        named = dict[str, frozenset[Place]]()
        for each in workloads:
            if each.is_its_own and (found := variables_of(each.proxy).places):
                named[each.namespace] = named.get(each.namespace, frozenset()) | found
        self._named = named

    def is_proxy(
        self, namespace: str, remote: Endpoint, role: str | None, name: Name, at_us: int, allowlist: Allowlist,
        now_us: int,
    ) -> bool:  # fmt: skip
        """True if it is one as far as anybody knows. ``name`` is what is known for its address."""
        believed = name.claim in (None, Claim.CONFIRMED)
        subject = Subject(name.host, remote.ip, remote.port, role, name.candidates, is_believed=believed)
        itself = allowlist.judge(subject, now_us)
        if itself.verdict is not Verdict.OFF_ALLOWLIST:
            return True
        return itself.rule is None and self._place(namespace, remote, at_us) is not None

    def named(self, connection: Connection) -> Endpoint | None:
        """The proxy that is the far end of a connection, if a variable or the configuration names it; with the port
        that the kernel may have forgotten.

        The name of the far end counts here even where it could not be confirmed: nothing is allowed by this.
        """
        namespace, remote, name = connection.origin.namespace, connection.remote, connection.name
        place = self._place(namespace, remote, connection.opened_us)
        if place is None and name.claim is not Claim.MISMATCH:
            hosts = {name.host, *name.candidates}
            place = next((each for each in self._places(namespace, remote.port) if each.host in hosts), None)
        return None if place is None else Endpoint(remote.ip, remote.port or place.port or 0)

    def _places(self, namespace: str, port: int) -> Iterable[Place]:
        places = self._named.get(namespace, frozenset()) | self._known
        return (place for place in places if not port or place.port in (None, port))

    def _place(self, namespace: str, remote: Endpoint, at_us: int) -> Place | None:
        """What names a far end. Where anybody in a namespace may have said what it was told, what is named there has no
        address by that.
        """
        told = EVERYWHERE if self._scope.is_hearsay(namespace) else namespace
        for place in self._places(namespace, remote.port):
            if place.host == remote.ip or self._table.confirms(told, place.host, remote.ip, at_us):
                return place
        return None


def direct(flow: Flow) -> Flow:
    """The flow without what was asked of a far end that is no proxy."""
    evidence = Evidence.HTTP if flow.inner is None else Evidence.SNI
    phase = None if flow.phase is Phase.PROXY else flow.phase
    return flow._replace(target=None, host=flow.inner, evidence=evidence, inner=None, status=None, phase=phase)
