"""The Retool host as a whole: an outside, one namespace for each service, and the bridge between them."""

import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.host import outside, pki
from tests.host.layout import (
    GATEWAY_V4,
    GATEWAY_V6,
    MACHINE_LINKS,
    NAMESERVER,
    PREFIX_V4,
    PREFIX_V6,
    PUBLIC_NAMES,
    SERVICES,
    STRANGER,
)
from tests.host.namespaces import Namespace, linked_to_the_machine, namespace, resolving_through, unique_prefix
from tests.host.service import Service
from tests.host.zone import Zone


class RetoolHost:
    """A context manager; inside the block everything listens, after it nothing is left.

    With `linked` each service also has a link to the machine's own namespace, as the containers of an engine have.
    Raises NamespaceError on entry where namespaces cannot be made: ask `refusal()` first.
    """

    nameserver = NAMESERVER
    stranger = STRANGER
    """A public address that serves and has no name."""
    ca_file: Path
    """The authority (PEM) that signed the servers' certificate."""
    zone: Zone
    outside: Namespace
    """Every public address; for servers of a test's own (`outside.program`)."""

    def __init__(self, *, linked: bool = False) -> None:
        self.prefix = unique_prefix()
        """How the names of all its namespaces start."""
        self._linked = linked
        self._services: dict[str, Service] = {}
        self._stack = ExitStack()

    def service(self, name: str) -> Service:
        """One of `api`, `jobs-runner`, `workflows-worker`, `code-executor`. Raises KeyError for others."""
        return self._services[name]

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._build(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _build(self, stack: ExitStack) -> None:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=self.prefix)))
        certificates = pki.issue(folder, PUBLIC_NAMES, [STRANGER])
        self.ca_file = certificates.ca_file
        self.zone = Zone(folder / "zone.json", PUBLIC_NAMES)
        hub = stack.enter_context(namespace(self.prefix + "hub"))
        hub.configure(["link add bridge type bridge mcast_snooping 0", "link set bridge up"])
        self.outside = world = stack.enter_context(namespace(self.prefix + "outside"))
        self._connect(hub, world, "outside", GATEWAY_V4, GATEWAY_V6)
        world.configure(outside.addressing())
        stack.enter_context(outside.servers(world, certificates.server_file, self.zone.file))
        for name in SERVICES:
            self._services[name] = self._add_service(stack, hub, name)

    def _add_service(self, stack: ExitStack, hub: Namespace, name: str) -> Service:
        inside = stack.enter_context(namespace(self.prefix + name))
        stack.enter_context(resolving_through(inside, NAMESERVER))
        self._connect(hub, inside, name, *SERVICES[name])
        inside.configure([f"route add default via {gateway}" for gateway in (GATEWAY_V4, GATEWAY_V6)])
        if self._linked:
            self._link(stack, inside, list(SERVICES).index(name))
        service = Service(name, inside, self.ca_file)
        stack.callback(service.end_children)
        return service

    def _link(self, stack: ExitStack, inside: Namespace, place: int) -> None:
        """Names and addresses that no other run has, as far as 15 characters and a /16 allow."""
        unique = self.prefix.split("-")[2]
        network = f"{MACHINE_LINKS}.{int(unique[:2], 16)}"
        stack.enter_context(
            linked_to_the_machine(inside, f"rt{unique}-{place}", f"{network}.{2 * place}", f"{network}.{2 * place + 1}")
        )

    @staticmethod
    def _connect(hub: Namespace, inside: Namespace, port: str, address_v4: str, address_v6: str) -> None:
        """A veth from the bridge to `eth0` inside. The bridge's end is named after who is at the other, cut to the 15
        characters that the kernel allows."""
        port = port[:15]
        hub.configure(
            [
                f"link add {port} type veth peer name eth0 netns {inside.name}",
                f"link set {port} master bridge up",
            ]
        )
        inside.configure(
            [
                f"address add {address_v4}/{PREFIX_V4} dev eth0",
                f"address add {address_v6}/{PREFIX_V6} dev eth0 nodad",
                "link set eth0 up",
            ]
        )
