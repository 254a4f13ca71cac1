"""What is judged: by default the containers of Retool and their siblings. Pure."""

from collections.abc import Iterable
from typing import Literal

from tui.model.connection import Origin
from tui.model.workload import VISITOR, Workload, WorkloadKind

DNS_PORT = 53
_LOOPBACK = ("127.", "::1")
Mode = Literal["retool", "all"]


class Scope:
    """Knows which origins are no part of Retool. What cannot be told apart is judged."""

    def __init__(self, mode: Mode, *, retool_seen: bool) -> None:
        """``retool_seen``: the record has a Retool role. As long as none was seen, everything is judged."""
        self._mode = mode
        self.retool_seen = retool_seen
        """True once a Retool role was seen on this host."""
        self._outside: frozenset[tuple[str, str | None]] = frozenset()
        self._resolvers: dict[str, frozenset[str]] = {}
        self._anybodys = frozenset[str]()

    def learn_resolvers(self, resolvers: dict[str, frozenset[str]]) -> bool:
        """Take in the resolvers that each namespace is set to use; True if that changes what is judged."""
        changed = resolvers != self._resolvers
        self._resolvers = resolvers
        self._anybodys = frozenset[str]().union(*resolvers.values())
        return changed

    def is_resolver(self, namespace: str, ip: str, port: int) -> bool:
        """True if it is the resolver that a namespace is set to use; any other is a destination like all others.

        Of a namespace that ended before its file was read, it is one that another is set to use.
        """
        return port == DNS_PORT and ip in (self._resolvers.get(namespace) or self._anybodys)

    def trusts(self, namespace: str, ip: str) -> bool:
        """True if what a resolver answers counts as evidence: it is one that the namespace is set to use, or nobody
        knows which those are. Whoever runs code in a container may ask a resolver of his own.
        """
        resolvers = self._resolvers.get(namespace)
        return not resolvers or ip in resolvers

    def is_hearsay(self, namespace: str) -> bool:
        """True if what a namespace is told may be said by anybody in it: its resolver has a loopback address, as
        Docker's own has, or nobody knows which it is. To answer from there takes no privilege in a container.
        """
        resolvers = self._resolvers.get(namespace)
        return not resolvers or any(ip.startswith(_LOOPBACK) for ip in resolvers)

    def learn(self, workloads: Iterable[Workload]) -> bool:
        """Take in what runs now; True if that changes what is judged."""
        known = tuple(workloads)
        before = (self.retool_seen, self._outside)
        retool = [workload for workload in known if is_retool(workload.role)]
        projects = {workload.project for workload in retool if workload.project}
        self.retool_seen = self.retool_seen or bool(retool)
        self._outside = frozenset(_place(each) for each in known if _is_outside(each, projects))
        return (self.retool_seen, self._outside) != before

    def judges(self, origin: Origin) -> bool:
        """True if connections of this origin are judged."""
        if self._mode == "all" or not self.retool_seen or origin.role is not None:
            return True
        return (origin.namespace, origin.container) not in self._outside


def is_retool(role: str | None) -> bool:
    """True if it is a role of Retool, and not a visitor's."""
    return role is not None and role != VISITOR


def _is_outside(workload: Workload, projects: set[str]) -> bool:
    if workload.role is not None:
        return False
    if workload.kind is WorkloadKind.HOST:
        return True
    return workload.kind is WorkloadKind.CONTAINER and workload.described and workload.project not in projects


def _place(workload: Workload) -> tuple[str, str | None]:
    return (workload.namespace, workload.container)
