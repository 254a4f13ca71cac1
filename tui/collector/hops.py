"""Which far ends are proxies, so that what they are asked for counts in the place of their own address. Pure.

Anybody may write ``CONNECT licensing.tryretool.com:443`` to a server of his own, which need be no proxy. So it counts
where the far end lies in an internal network, is named by a proxy variable of a container in that namespace, or is
itself allowed. What is asked of anybody else is only said: the connection goes to whom it goes.
"""

import re
from collections.abc import Iterable

from tui.allowlist.judge import Allowlist
from tui.allowlist.rules import Subject
from tui.model.address import normal
from tui.model.answer import EVERYWHERE
from tui.model.connection import Claim, Endpoint, Evidence, Name, Phase, Verdict
from tui.model.host import host_of
from tui.model.wire import Flow
from tui.model.workload import Workload, WorkloadKind
from tui.names.table import NameTable

_PLACE = re.compile(r"(?:[a-z0-9+.-]+://)?(?:\[([0-9a-fA-F:.]+)\]|([^\s:/\[\]]+))(?::([0-9]+))?/?", re.IGNORECASE)
_PEOPLES = (WorkloadKind.VISITOR, WorkloadKind.HOST)
"""Their environments are those of whoever came in."""

_Place = tuple[str, int | None]
"""Host or address, and port; None: any."""


class Hops:
    """Knows the proxies that environments name."""

    def __init__(self, table: NameTable) -> None:
        self._table = table
        self._named: dict[str, frozenset[_Place]] = {}

    def learn(self, workloads: Iterable[Workload]) -> None:
        """Take in what runs now."""
        named = dict[str, frozenset[_Place]]()
        for each in workloads:
            if each.kind not in _PEOPLES and (found := _places(each.proxy)):
                named[each.namespace] = named.get(each.namespace, frozenset()) | found
        self._named = named

    def is_proxy(
        self, namespace: str, remote: Endpoint, role: str | None, name: Name, at_us: int, allowlist: Allowlist,
        now_us: int, *, hearsay: bool,
    ) -> bool:  # fmt: skip
        """True if it is one as far as anybody knows. ``name`` is what is known for its address, and ``hearsay`` says
        that anybody in the namespace may have said what it was told, so that what a variable names has no address by
        that.
        """
        believed = name.claim in (None, Claim.CONFIRMED)
        subject = Subject(name.host, remote.ip, remote.port, role, name.candidates, is_believed=believed)
        itself = allowlist.judge(subject, now_us)
        if itself.verdict is not Verdict.OFF_ALLOWLIST:
            return True
        told = EVERYWHERE if hearsay else namespace
        return itself.rule is None and any(
            port in (None, remote.port) and (host == remote.ip or self._table.confirms(told, host, remote.ip, at_us))
            for host, port in self._named.get(namespace, ())
        )


def direct(flow: Flow) -> Flow:
    """The flow without what was asked of a far end that is no proxy."""
    evidence = Evidence.HTTP if flow.inner is None else Evidence.SNI
    phase = None if flow.phase is Phase.PROXY else flow.phase
    return flow._replace(target=None, host=flow.inner, evidence=evidence, inner=None, status=None, phase=phase)


def _places(variables: Iterable[tuple[str, str]]) -> frozenset[_Place]:
    found = set[_Place]()
    for name, value in variables:
        place = None if name.upper() == "NO_PROXY" else _PLACE.fullmatch(value)
        host = _host(place[1] or place[2]) if place is not None else None
        if place is not None and host is not None:
            found.add((host, int(place[3]) if place[3] else None))
    return frozenset(found)


def _host(text: str) -> str | None:
    try:
        return normal(text)
    except ValueError:
        return host_of(text)
