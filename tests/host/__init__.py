"""A Retool host for tests, in network namespaces of its own. Needs root and iproute2: `refusal()` says what is missing.

    with RetoolHost() as host, host.service("api").hold(["licensing.tryretool.com:443"]) as held:
        held.pid, held.connections

It stands apart from the machine: nothing here has an interface in, or a route to, the machine's own network. With
`RetoolHost(linked=True)` each service has a link to the machine, with no route beyond it.
"""

from tests.host.children import EndedError, first_line
from tests.host.held import HeldConnection, HeldConnections, HoldError, Target
from tests.host.namespaces import NamespaceError, refusal
from tests.host.retool_host import RetoolHost
from tests.host.service import Service
from tests.host.zone import Zone

__all__ = [
    "EndedError",
    "HeldConnection",
    "HeldConnections",
    "HoldError",
    "NamespaceError",
    "RetoolHost",
    "Service",
    "Target",
    "Zone",
    "first_line",
    "refusal",
]
