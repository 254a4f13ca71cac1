"""By which way a connection went, and which record tells of it, in words. Pure."""

from collections.abc import Iterable

from tui.history.rows import AddressRow, ConnectionRow
from tui.model.address import UNKNOWN
from tui.model.connection import Evidence, Outcome
from tui.model.source import log_of

TUNNEL = "open through the proxy, which logs it at its end"
UNFOLLOWED = "open through a proxy whose log is not followed"
UNLOGGED = "it went through the proxy, and no line of a log has told where to"
NO_ADDRESS = "address not known"
NOT_LOGGED = "destination not logged"
"""Of a row that a log tells of, and not where it went."""
ASKED_ADDRESS = "the proxy was asked for the address itself, which has no name"


def tunnel_words(*, logs: bool) -> str:
    """What is said of what is open through a proxy, and of which nothing has told where it goes.

    :param logs: whether a log of a proxy is followed
    """
    return TUNNEL if logs else UNFOLLOWED


def shown_ip(ip: str) -> str:
    """An address, or that it is not known: many logs of proxies have a name alone."""
    return NO_ADDRESS if ip == UNKNOWN else ip


def route_words(row: AddressRow | ConnectionRow) -> str:
    """`via proxy 10.0.4.20:3128, told by proxy log /var/log/squid/access.log`; empty of what was seen to go
    directly."""
    path = log_of(row.source)
    via = row.via if row.via is not None and not row.via.startswith("log ") else None
    log = "told by a proxy log from standard input" if path == "-" else f"told by proxy log {path}"
    return ", ".join(filter(None, [f"via proxy {via}" if via else "", log if path is not None else ""]))


def is_unlogged(row: AddressRow | ConnectionRow) -> bool:
    """True if it went through a proxy, and nothing has told where to."""
    evidence = row.evidence if isinstance(row, AddressRow) else row.host_evidence
    return row.via is not None and evidence not in (Evidence.CONNECT, Evidence.PROXY)


def asks_address(row: AddressRow | ConnectionRow, *, named: bool) -> bool:
    """True if the proxy is known to have been asked for an address, and not for a name."""
    evidence = row.evidence if isinstance(row, AddressRow) else row.host_evidence
    return not named and evidence in (Evidence.CONNECT, Evidence.PROXY)


def is_tunnel(connection: ConnectionRow) -> bool:
    """True if it is open through a proxy, and nothing has told where to: most proxies log that at the end."""
    return is_unlogged(connection) and Outcome(connection.outcome).is_open


def has_tunnel(connections: Iterable[ConnectionRow], ip: str) -> bool:
    """True if one of those to this address is such a one."""
    return any(each.ip == ip and is_tunnel(each) for each in connections)
