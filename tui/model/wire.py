"""What packets tell: the beginning of a connection, the name in it, and look-ups. Values only; no byte of a payload."""

from typing import NamedTuple

from tui.model.connection import Endpoint, Evidence, Phase


class Flow(NamedTuple):
    """What the packets of one connection have told so far. A later one of the same ``key`` says all that this one did.

    A TCP flow begins with our SYN, a UDP one with a DNS query or a QUIC Initial packet that we send.
    """

    namespace: str
    protocol: str
    local: Endpoint
    remote: Endpoint
    started_us: int
    connect_us: int | None = None
    """How long the far side took to answer the SYN; None while it has not."""
    unreachable: bool = False
    """An ICMP message said that the destination cannot be reached (RFC 792, RFC 4443 §3.1)."""
    ended_us: int | None = None
    """When the far side's FIN or RST came."""
    received: int | None = None
    """Payload bytes from the far side, by the sequence number of its FIN."""
    host: str | None = None
    """The name that the client itself used: of a request to a proxy, what that was asked for; else SNI or Host."""
    evidence: Evidence | None = None
    """SNI, HTTP or CONNECT; set without a host where the client was seen to name none."""
    is_outer: bool = False
    """True if the ClientHello had an encrypted one inside (ECH)."""
    target: Endpoint | None = None
    """What a proxy was asked for: the host, or an address as its text, and the port."""
    inner: str | None = None
    """The SNI inside a tunnel through a proxy."""
    phase: Phase | None = None
    """Where it failed, as far as the packets tell: TLS (an alert came), PROXY (it said no)."""
    status: int | None = None
    """With what status a proxy answered CONNECT (RFC 9110 §15)."""
    again: bool = False
    """True if some of it was told before, so that its socket may be recorded, and over, by now."""

    @property
    def key(self) -> "FlowKey":
        """What tells it from the others of its namespace at one time."""
        return (self.protocol, self.local, self.remote)


FlowKey = tuple[str, Endpoint, Endpoint]


class Lookup(NamedTuple):
    """An answer to a DNS query that a namespace was seen to get, or that none came."""

    at_us: int
    namespace: str
    resolver: Endpoint
    host: str
    """As it was asked for: lower case, without the trailing dot."""
    kind: str
    """``A``, ``AAAA``, ``PTR`` …"""
    addresses: tuple[tuple[str, float], ...] = ()
    """Each with the seconds for which it may be kept: the least TTL on the way to it (RFC 1034 §3.6.2)."""
    failure: str | None = None
    """Why there is none, in words; None also where the name exists and has no record of this kind."""
