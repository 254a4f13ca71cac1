"""What a line of a proxy's log tells: one request that a client made of it. Values only."""

from typing import NamedTuple

from tui.model.connection import Endpoint, Outcome


class Request(NamedTuple):
    """A request, as its proxy logged it; what the format does not have is None.

    It never holds a path, a query, a header, a user or a password.
    """

    host: str | None
    """What the client asked for, from the request target or the server name (never the Host header): a name in lower
    case as A-labels without trailing dot, or an address in its usual text. None where the line does not name it."""
    port: int | None
    outcome: Outcome
    """CLOSED: it got through (also where the far side answered with an error of its own); OPEN: it got through, and the
    line was written when it began; DENIED: the proxy said no; REFUSED, TIMED_OUT, FAILED (DNS and all else): the proxy
    could not; RESET: an end that a client or the far side broke off, where the format tells; UNKNOWN."""
    started_us: int | None
    """Computed from the end and how long it took, where the line tells these."""
    ended_us: int | None
    """None while it is open, and where the line marks the start and does not tell how long it took."""
    client: Endpoint | None
    """Who asked; port 0 where the line has none. The address may be the last proxy's before this one."""
    address: str | None = None
    """Where the proxy went to reach the host."""
    bytes_sent: int | None = None
    """By the client."""
    bytes_received: int | None = None
    """By the client, the proxy's own words among them where the proxy counts so."""
    reason: str = ""
    """The proxy's own word for how it went: ``TCP_DENIED/403``, ``UF,URX``. Short, printable."""
    is_claimed: bool = False
    """True if the host is only what the client's TLS hello says, and the proxy went to the address that the client had
    dialled, whatever the name: it is as good as the server name of a direct connection."""
    again: bool = False
    """True if it was told before, when it was OPEN."""
