"""Which socket asked a proxy for what a line of its log tells. Pure; holds no file and has no clock.

A line has the client's address, and in some formats its port. With the port it is the one socket that bore it then.
Without, it is the one that began or ended when the request did, got as many bytes, and asked for the same host, as far
as these are known. Either may come first: a socket is seen by a look, or by its end; a line when its proxy writes it.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from tui.model.connection import Connection, Endpoint, Evidence, Origin
from tui.model.request import Request

KEPT_US = 20_000_000
"""How long the end of a socket, or a line of which no socket was seen, is remembered for the other: Envoy writes up to
10 s late."""
SLACK_US = 1_500_000
"""So far a line's time may lie from that of its socket: many formats have whole seconds."""
LOOK_US = 2_500_000
"""The same of a socket whose start fell between two looks."""
LATE_US = 62_000_000
"""So long a socket may be over, in TIME-WAIT, when it is seen for the first time."""
TIDY_US = 1_000_000
SOCKETS_MAX = 50_000
LINES_MAX = 20_000
TRIED_MAX = 1_000
"""Sockets of one client, or lines, that are compared, the latest first."""
ADDRESSES_MAX = 10_000


@dataclass(slots=True)
class Asker:
    """A socket to a proxy, as it was seen last."""

    connection: Connection
    proxy: Endpoint
    forget_us: int | None = None
    """When it is forgotten; None while it is open."""

    @property
    def is_taken(self) -> bool:
        """True if a line has told its destination."""
        return self.connection.name.evidence is Evidence.PROXY


@dataclass(frozen=True, slots=True)
class Line:
    """A request that is a connection of its own, for want of a socket."""

    connection: Connection
    request: Request
    forget_us: int

    @property
    def id(self) -> int:
        """The number of that connection."""
        return self.connection.id


_Key = Endpoint | str | int
"""A client's address and port, its address alone, or its port alone."""


class _ByClient:
    """Ids by what is known of a client, the latest last."""

    def __init__(self) -> None:
        self._ids: dict[_Key, OrderedDict[int, None]] = {}

    def add(self, id: int, end: Endpoint) -> None:
        """Take in one; it is the latest."""
        for key in (end, end.ip, end.port):
            self._ids.setdefault(key, OrderedDict())[id] = None

    def drop(self, id: int, end: Endpoint) -> None:
        """Forget one."""
        for key in (end, end.ip, end.port):
            kept = self._ids.get(key)
            if kept is not None:
                kept.pop(id, None)
                if not kept:
                    del self._ids[key]

    def latest(self, key: _Key) -> Iterator[int]:
        """Those of a client, the latest first, as many as are to be compared."""
        return islice(reversed(self._ids.get(key, _NONE)), TRIED_MAX)


_NONE: OrderedDict[int, None] = OrderedDict()


class Askers:
    """The sockets by which proxies may be asked, the lines that have none yet, and whose address is whose."""

    def __init__(self) -> None:
        self._sockets: OrderedDict[int, Asker] = OrderedDict()
        self._lines: OrderedDict[int, Line] = OrderedDict()
        self._free = _ByClient()
        """Sockets that no line was joined to."""
        self._taken = _ByClient()
        self._waiting = _ByClient()
        """Lines."""
        self._own: frozenset[str] = frozenset()
        self._at: dict[str, tuple[str, ...]] = {}
        self._origins: OrderedDict[str, Origin] = OrderedDict()
        self._tidied_us = 0

    def learn(self, addresses: Mapping[str, Iterable[str]], host: str) -> None:
        """Take in the addresses of all namespaces; ``host`` is the one that masks what the others send."""
        at = dict[str, list[str]]()
        for namespace, theirs in addresses.items():
            for ip in theirs:
                at.setdefault(ip, []).append(namespace)
        self._at = {ip: tuple(namespaces) for ip, namespaces in at.items()}
        self._own = frozenset(addresses.get(host, ()))

    def seen(self, connection: Connection, proxy: Endpoint, now_us: int) -> None:
        """Take in a TCP connection as it is now; ``proxy`` is the far end of its socket."""
        self.forget(connection.id)
        over = connection.closed_us is not None or not connection.outcome.is_open
        asker = Asker(connection, proxy, now_us + KEPT_US if over else None)
        self._sockets[connection.id] = asker
        (self._taken if asker.is_taken else self._free).add(connection.id, connection.local)
        self._origins[connection.local.ip] = connection.origin
        self._origins.move_to_end(connection.local.ip)
        if len(self._origins) > ADDRESSES_MAX:
            self._origins.popitem(last=False)
        if len(self._sockets) > SOCKETS_MAX:
            self.forget(next(iter(self._sockets)))

    def renew(self, connection: Connection) -> None:
        """Take in what was found of a socket that is known, of which no line has told anything new."""
        asker = self._sockets.get(connection.id)
        if asker is not None and asker.is_taken == (connection.name.evidence is Evidence.PROXY):
            asker.connection = connection

    def forget(self, id: int) -> None:
        """Drop a socket, if it is there."""
        asker = self._sockets.pop(id, None)
        if asker is not None:
            (self._taken if asker.is_taken else self._free).drop(id, asker.connection.local)

    def wait(self, connection: Connection, request: Request, now_us: int) -> None:
        """Remember a line of which no socket was seen yet."""
        if request.client is None:
            return
        self.forget_line(connection.id)
        self._lines[connection.id] = Line(connection, request, now_us + KEPT_US)
        self._waiting.add(connection.id, request.client)
        if len(self._lines) > LINES_MAX:
            self.forget_line(next(iter(self._lines)))

    def forget_line(self, id: int) -> None:
        """Drop a line, if it is there."""
        line = self._lines.pop(id, None)
        if line is not None and line.request.client is not None:
            self._waiting.drop(id, line.request.client)

    def forget_old(self, now_us: int) -> None:
        """Drop what was waited for long enough."""
        if 0 <= now_us - self._tidied_us < TIDY_US:
            return
        self._tidied_us = now_us
        for asker in [each for each in self._sockets.values() if each.forget_us is not None]:
            if asker.forget_us is not None and not 0 <= asker.forget_us - now_us <= KEPT_US:
                self.forget(asker.connection.id)
        for line in list(self._lines.values()):
            if not 0 <= line.forget_us - now_us <= KEPT_US:
                self.forget_line(line.id)

    def of(self, request: Request) -> tuple[Asker, ...]:
        """The sockets that may have made a request: one at most, but for a client that is known by nothing but an
        address of this host's own, behind which every container may be.
        """
        client = request.client
        if client is None:
            return ()
        masked = client.ip in self._own
        if client.port:
            exact = self._spanning(self._free.latest(client), request) or self._spanning(
                self._taken.latest(client), request
            )
            return exact[:1] or (self._spanning(self._free.latest(client.port), request) if masked else ())
        best = self._best(self._free.latest(client.ip), request)[:1]
        return best or (self._best(self._all_latest(), request) if masked else ())

    def maybe(self, request: Request) -> tuple[Asker, ...]:
        """All sockets that were open while a client behind an address of this host's own asked."""
        masked = request.client is not None and request.client.ip in self._own
        return self._spanning(self._all_latest(), request) if masked else ()

    def line_of(self, asker: Asker) -> Line | None:
        """The line that a socket made, if it has come already and has no socket; it waits no longer then."""
        local, fits = asker.connection.local, list[tuple[tuple[int, int], int]]()
        for ip in (local.ip, *self._own):
            for id in (*self._waiting.latest(Endpoint(ip, local.port)), *self._waiting.latest(Endpoint(ip, 0))):
                distance = _distance(asker.connection, self._lines[id].request)
                if distance is not None and (ip == local.ip or distance[0] == 0):
                    fits.append((distance, id))
        if not fits:
            return None
        line = self._lines[min(fits)[1]]
        self.forget_line(line.id)
        return line

    def told_before(self, request: Request) -> Asker | None:
        """The socket of which a line told when the same request began."""
        client = request.client
        if client is None:
            return None
        for id in self._taken.latest(client if client.port else client.ip):
            asker = self._sockets[id]
            if _is_same_host(asker.connection, request) and _may_have_begun(asker.connection, request):
                return asker
        return None

    def get(self, id: int) -> Asker | None:
        """A socket by its number."""
        return self._sockets.get(id)

    def origin_of(self, ip: str, origins: Callable[[str], Origin]) -> Origin | None:
        """What lives behind an address. ``origins`` tells what lives in a namespace."""
        at = self._at.get(ip, ())
        return several(origins(each) for each in at) or self._origins.get(ip)

    def _spanning(self, ids: Iterable[int], request: Request) -> tuple[Asker, ...]:
        found = (self._sockets[id] for id in ids)
        return tuple(each for each in found if _spans(each.connection, request))

    def _best(self, ids: Iterable[int], request: Request) -> tuple[Asker, ...]:
        """Those that fit, of which none fits for better reasons; the nearest in time first."""
        fits = list[tuple[tuple[int, int], Asker]]()
        for id in ids:
            asker = self._sockets[id]
            distance = _distance(asker.connection, request)
            if distance is not None:
                fits.append((distance, asker))
        fits.sort(key=lambda each: each[0])
        return tuple(asker for distance, asker in fits if distance[0] == fits[0][0][0])

    def _all_latest(self) -> list[int]:
        """The sockets of whatever client of which no line has told, the latest first."""
        latest = islice(reversed(self._sockets.values()), TRIED_MAX)
        return [each.connection.id for each in latest if not each.is_taken]


def several(origins: Iterable[Origin]) -> Origin | None:
    """All that a request may have come from, as one that can be shown: a guess is none of them."""
    found = list(dict.fromkeys(origins))
    if not found:
        return None
    if len(found) == 1:
        return found[0]
    roles = {each.role for each in found}
    names = sorted({each.role or each.container or each.namespace for each in found})
    namespaces = {each.namespace for each in found}
    return Origin(
        namespaces.pop() if len(namespaces) == 1 else "", roles.pop() if len(roles) == 1 else None, " or ".join(names)
    )


def _spans(connection: Connection, request: Request) -> bool:
    """True if the request may have been made while the connection was open."""
    begun = request.started_us if request.started_us is not None else request.ended_us
    if begun is None:
        return True
    ended = request.ended_us if request.ended_us is not None else begun
    closed = connection.closed_us
    early = SLACK_US if _is_start_known(connection) else LATE_US
    return connection.opened_us - early <= ended and (closed is None or begun <= closed + SLACK_US)


def _distance(connection: Connection, request: Request) -> tuple[int, int] | None:
    """How ill a request fits a connection that is not known to have made it: first by what tells for sure, then by
    microseconds; None if it does not fit.
    """
    if not _spans(connection, request):
        return None
    if connection.name.evidence is Evidence.CONNECT:
        return (0, 0) if _is_same_host(connection, request) else None
    exact_port = bool(request.client and request.client.port)
    if exact_port:
        return (0, 0)
    if connection.outcome.is_open and request.ended_us is not None and not request.outcome.is_open:
        return None  # its end will tell
    begun = _begun(connection, request, SLACK_US if connection.opened_exact else LOOK_US)
    ended, over_us = None, request.ended_us
    if over_us is None and not _is_start_known(connection):
        over_us = request.started_us  # no look saw it, so it was short
    if connection.closed_us is not None and over_us is not None:
        apart = abs(connection.closed_us - over_us)
        ended = apart if apart <= SLACK_US else None
    if begun is None and ended is None:
        return None
    same = request.bytes_received is not None and request.bytes_received == connection.bytes_received
    return (0 if same else 1, min(each for each in (begun, ended) if each is not None))


def _begun(connection: Connection, request: Request, slack_us: int) -> int | None:
    """How far apart they began; None if too far, or if that is not known."""
    if request.started_us is None or not _is_start_known(connection):
        return None
    apart = abs(connection.opened_us - request.started_us)
    return apart if apart <= slack_us else None


def _may_have_begun(connection: Connection, request: Request) -> bool:
    """True if a request that was told before may be that of a connection, by its start; of a short one, by its end."""
    if _is_start_known(connection) or request.started_us is None or connection.closed_us is None:
        return _begun(connection, request, LOOK_US) is not None
    return abs(connection.closed_us - request.started_us) <= LOOK_US


def _is_start_known(connection: Connection) -> bool:
    """False of what was over when it was first heard of, and whose packets nobody read."""
    return connection.opened_exact or connection.opened_us != connection.closed_us


def _is_same_host(connection: Connection, request: Request) -> bool:
    return connection.destination == request.host and request.port in (None, connection.remote.port)
