"""What a proxy's log tells, as connections: joined to the socket that asked, or one of their own. Pure."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache

from tui.collector.askers import KEPT_US, LINES_MAX, Asker, Askers, several
from tui.collector.past import socket_end
from tui.collector.tracked import SOURCE as SOCKETS
from tui.model.address import UNKNOWN, normal
from tui.model.connection import (
    UNRECOGNISED,
    Claim,
    Connection,
    Endpoint,
    Evidence,
    Judgement,
    Label,
    Name,
    Origin,
    Outcome,
    Phase,
    Recorded,
    Verdict,
)
from tui.model.request import Request
from tui.model.source import LOG, log_of

OPEN_MAX = 10_000
"""Requests told as open that are remembered."""
_NOWHERE = Endpoint(UNKNOWN, 0)
_PROXY_SAYS = frozenset({Outcome.DENIED, Outcome.FAILED, Outcome.REFUSED, Outcome.TIMED_OUT})
_THROUGH = frozenset({Outcome.OPEN, Outcome.CLOSED})
_UNKNOWN = Origin("")
_UNDECIDED = Judgement(Verdict.PENDING, None, 0, "")

_Told = tuple[str, Endpoint, int | None, str | None]
"""Log, client, start and host of a request."""


class Proxied:
    """Joins lines and sockets, whichever comes first."""

    def __init__(
        self, hop_of: Callable[[Connection, int], Endpoint | None], take_id: Callable[[], int],
        resident: Callable[[str], Origin],
    ) -> None:  # fmt: skip
        """:param hop_of: gives the proxy that is the far end of a connection
        :param resident: tells what lives in a namespace
        """
        self._hop_of = hop_of
        self._take_id = take_id
        self._resident = resident
        self._askers = Askers()
        self._open: OrderedDict[_Told, int] = OrderedDict()
        """The connections of requests that were told when they began, and go on."""
        self._alone: dict[int, Connection] = {}
        """Of these, the ones that have no socket."""
        self._given_up: list[Connection] = []
        self._strangers: dict[int, tuple[Connection, Request]] = {}
        """Connections of lines of whose client's address nobody knows whose it is."""
        self.knows_addresses = False
        """True if it may be known whose an address is before a socket of it is seen."""

    def resume(self, connections: Iterable[Connection], now_us: int) -> None:
        """Take over what an earlier collector recorded last."""
        for c in connections:
            if c.source == SOCKETS and c.via is not None and c.protocol == "tcp":
                self._askers.seen(c, socket_end(c), now_us)
            elif log_of(c.source) is not None and c.recorded is Recorded.LIVE:
                started_us = c.opened_us if c.opened_exact else None
                request = Request(c.destination, c.remote.port, c.outcome, started_us, c.closed_us, c.local)
                if c.outcome.is_open:
                    self._open[_told_as(request, log_of(c.source) or "")] = c.id
                    self._alone[c.id] = c
                if c.process is None:
                    self._askers.wait(c, request, now_us)

    def learn(self, addresses: Mapping[str, Iterable[str]], host: str) -> list[tuple[Connection, Request]]:
        """Take in the addresses of all namespaces; ``host`` is the one that masks what the others send.

        Gives the connections of lines whose client is known by that, and was not.
        """
        self.knows_addresses = True
        self._askers.learn(addresses, host)
        found = list[tuple[Connection, Request]]()
        for id, (connection, request) in list(self._strangers.items()):
            origin = self._askers.origin_of(connection.local.ip, self._resident)
            if origin is not None:
                del self._strangers[id]
                found.append((replace(connection, origin=origin), request))
        return found

    def forget_old(self, now_us: int) -> None:
        """Drop what was waited for long enough."""
        self._askers.forget_old(now_us)
        for id, (connection, _) in list(self._strangers.items()):
            if abs(now_us - connection.last_seen_us) > KEPT_US:
                del self._strangers[id]

    def socket(self, connection: Connection, now_us: int) -> tuple[Connection, Connection | None]:
        """A socket's connection as it now is, with the proxy that it goes through and with what a line has told of it;
        and that line's own connection, if it had one until now.
        """
        if connection.protocol != "tcp":
            return connection, None
        proxy = self._hop_of(connection, now_us) if connection.via is None else socket_end(connection)
        if proxy is None:
            return connection, None
        if connection.via is None:
            connection = replace(connection, via=str(proxy))
        line = None
        if connection.name.evidence is not Evidence.PROXY:
            line = self._askers.line_of(Asker(connection, proxy))
        if line is not None:
            connection = merged(connection, line.request, proxy)
            if line.connection.origin == connection.origin:  # then it is judged already, and told of
                connection = replace(connection, label=line.connection.label, judgement=line.connection.judgement)
            key = _told_as(line.request, log_of(line.connection.source) or "")
            if self._open.get(key) == line.id:
                self._open[key] = connection.id
            self._alone.pop(line.id, None)
            self._strangers.pop(line.id, None)
        self._askers.seen(connection, proxy, now_us)
        return connection, line.connection if line is not None else None

    def judged(self, connection: Connection) -> None:
        """Take in what was found of a socket's connection: a line that comes later tells nothing of that again."""
        self._askers.renew(connection)

    def line(
        self, request: Request, path: str, now_us: int, held: Callable[[int], Connection | None]
    ) -> Connection | None:
        """What a line makes of the connection that it tells of; None if it tells nothing new.

        :param held: gives a connection that is followed still
        """
        key = _told_as(request, path)
        id = self._open.pop(key, None)
        if request.again or id is not None:
            asker = self._askers.get(id) if id is not None else self._askers.told_before(request)
            if asker is not None:
                return merged(held(asker.connection.id) or asker.connection, request, asker.proxy)
            alone = self._alone.pop(id, None) if id is not None else None
            return None if alone is None else ended(alone, request)
        fits = self._askers.of(request)
        if len(fits) == 1 and not fits[0].is_taken:
            asker = fits[0]
            connection = merged(held(asker.connection.id) or asker.connection, request, asker.proxy)
        else:
            connection = self._as_its_own(request, path, fits, now_us)
        if request.outcome.is_open:
            self._open[key] = connection.id
            if connection.source != SOCKETS:
                self._alone[connection.id] = connection
            while len(self._open) > OPEN_MAX:
                self._give_up(self._open.popitem(last=False)[1])
        return connection

    def _give_up(self, id: int) -> None:
        alone = self._alone.pop(id, None)
        if alone is not None:
            self._strangers.pop(id, None)
            self._given_up.append(replace(alone, outcome=Outcome.UNKNOWN))

    def take_given_up(self) -> list[Connection]:
        """Those without a socket that were told as open and whose end cannot be told any more, since the last call."""
        taken, self._given_up = self._given_up, []
        return taken

    def origin_of(self, ip: str) -> Origin:
        """What lives behind an address, as far as it is known."""
        return self._askers.origin_of(ip, self._resident) or _UNKNOWN

    def decided(self, connection: Connection, request: Request, now_us: int) -> None:
        """Take in what was found of a connection that a line has told of."""
        if connection.source == SOCKETS:
            asker = self._askers.get(connection.id)
            self._askers.seen(connection, asker.proxy if asker is not None else socket_end(connection), now_us)
            return
        if connection.id in self._alone:
            self._alone[connection.id] = connection
        self._strangers.pop(connection.id, None)
        if not connection.origin.namespace and request.client is not None and len(self._strangers) < LINES_MAX:
            self._strangers[connection.id] = (connection, request)
        if connection.process is None and connection.recorded is Recorded.LIVE:
            self._askers.wait(connection, request, now_us)

    def _as_its_own(self, request: Request, path: str, fits: tuple[Asker, ...], now_us: int) -> Connection:
        ip = request.client.ip if request.client is not None else ""
        fits = fits or self._askers.maybe(request)
        origin = several(each.connection.origin for each in fits) or self.origin_of(ip)
        asker = fits[0] if len(fits) == 1 else None
        return alone(self._take_id(), request, path, origin, Label(UNRECOGNISED), _UNDECIDED, now_us, asker=asker)


def _told_as(request: Request, path: str) -> _Told:
    return path, request.client or _NOWHERE, request.started_us, request.host


def merged(connection: Connection, request: Request, proxy: Endpoint) -> Connection:
    """A socket's connection with what the proxy's log tells of it: where it went, and how that went."""
    says = request.outcome in _PROXY_SAYS
    unheard = connection.outcome is Outcome.NO_REPLY and bool(request.bytes_received)  # it went before it could hear
    return replace(
        connection,
        remote=remote_of(request, proxy),
        name=_claimed(name_of(request.host, request.is_claimed), connection.name.claim),
        outcome=request.outcome if says or unheard else connection.outcome,
        via=str(proxy),
        phase=Phase.PROXY if says else connection.phase,
        reason=_reason(request) or connection.reason,
        bytes_received=_heard(connection.bytes_received, says=says),
    )


def _heard(received: int | None, *, says: bool) -> int | None:
    """What came from the destination: where the proxy did not get there, what came is the proxy's own page."""
    return 0 if says and received is not None else received


def kept(connection: Connection, before: Connection) -> Connection:
    """A socket's connection as it now is, with what a proxy's log has told of it before."""
    if before.name.evidence is not Evidence.PROXY:
        return connection
    says = before.outcome in _PROXY_SAYS and before.phase is Phase.PROXY
    return replace(
        connection,
        remote=before.remote,
        name=before.name,
        reason=before.reason,
        via=before.via,
        outcome=before.outcome if says else connection.outcome,
        phase=before.phase if says else connection.phase,
        bytes_received=_heard(connection.bytes_received, says=says),
    )


def ended(connection: Connection, request: Request) -> Connection:
    """A connection of a log's own, with what its last line tells."""
    return replace(
        connection,
        outcome=request.outcome,
        closed_us=request.ended_us,
        last_seen_us=max(connection.last_seen_us, request.ended_us or 0),
        bytes_sent=request.bytes_sent if request.bytes_sent is not None else connection.bytes_sent,
        bytes_received=request.bytes_received if request.bytes_received is not None else connection.bytes_received,
        phase=Phase.PROXY if request.outcome in _PROXY_SAYS else None,
        reason=_reason(request) or connection.reason,
    )


def alone(
    id: int, request: Request, path: str, origin: Origin, label: Label, judgement: Judgement, at_us: int, *,
    asker: Asker | None = None, recorded: Recorded = Recorded.LIVE,
) -> Connection:  # fmt: skip
    """A request as a connection of its own: no socket of it was seen, or that has one already."""
    opened_us = request.started_us if request.started_us is not None else request.ended_us or at_us
    ended_us = request.ended_us
    proxy = asker.proxy if asker is not None else _NOWHERE
    sent, received = request.bytes_sent, request.bytes_received
    if asker is not None and asker.is_taken:
        sent = received = None  # they are among those of the socket
    return Connection(
        id, opened_us, request.started_us is not None, ended_us, max(ended_us or opened_us, opened_us),
        f"{LOG}{path}", "tcp", request.client or _NOWHERE, remote_of(request, proxy), origin,
        asker.connection.process if asker is not None else None, name_of(request.host, request.is_claimed), label,
        judgement, request.outcome, sent, received,
        str(proxy) if asker is not None else f"log {path}", recorded, None,
        Phase.PROXY if request.outcome in _PROXY_SAYS else None, _reason(request),
    )  # fmt: skip


def _reason(request: Request) -> str | None:
    """Of what got through, the proxy's word tells nothing more."""
    return None if request.outcome in _THROUGH else request.reason or None


@lru_cache(maxsize=8_192)
def name_of(host: str | None, is_claimed: bool = False) -> Name:
    """The name by which a proxy was asked for a host; none of an address. What the client alone claims is yet to be
    compared with the address to which the proxy went."""
    if host is None or _is_address(host):
        return Name(None, Evidence.PROXY)
    return Name(host, Evidence.SNI, (), Claim.UNCONFIRMED) if is_claimed else Name(host, Evidence.PROXY)


def _claimed(name: Name, claim: Claim | None) -> Name:
    """A name within the tunnel that was another stays false."""
    return replace(name, claim=claim) if claim is Claim.MISMATCH and name.host is not None else name


def remote_of(request: Request, proxy: Endpoint = _NOWHERE) -> Endpoint:
    """Where the proxy went, or was asked to go; the proxy's own address where neither is one."""
    port = request.port or 443
    if request.host is not None and _is_address(request.host):
        return Endpoint(request.host, port)
    return Endpoint(request.address or proxy.ip, port)


def _is_address(host: str) -> bool:
    """True for an address as it is usually written, and not for all that ends in digits or is no name either."""
    return (":" in host or host[-1:].isdigit()) and _is_written_address(host)


@lru_cache(maxsize=8_192)
def _is_written_address(text: str) -> bool:
    try:
        return normal(text) == text
    except ValueError:
        return False
