"""DNS as the packets of one namespace tell it: which queries were answered by whom they were sent to, and how."""

from dataclasses import dataclass, field

from tui.capture.dns_message import read_message
from tui.model.connection import Endpoint
from tui.model.lookup_failure import NO_ANSWER, NO_SUCH_NAME
from tui.model.wire import Lookup

QUERIES_MAX = 4_096
"""How many queries may wait for their answers; the oldest is let go first."""
RESOLVERS_MAX = 3
"""How many resolvers one query may go to: so many are used of resolv.conf(5)."""
STREAMS_MAX = 256
"""How many directions of TCP connections are followed."""
SILENCE_US = 5_000_000
"""How long an answer to a query is waited for (resolv.conf(5), timeout)."""
DNS = 53
_TRUNCATED = 0x02
_SIZE = 1 << 32


@dataclass(slots=True)
class Lookups:
    """The look-ups of one namespace. Only an answer to a query that was seen counts, and from whom it was asked."""

    namespace: str
    _queries: dict[tuple[int, int, str, str], tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    """By local port, id, host and kind: when it was first sent, and to whom; musl asks all its resolvers at once."""
    _told: list[Lookup] = field(default_factory=list)
    _streams: dict[tuple[bytes, bool], tuple[int, bytes]] = field(default_factory=dict)
    """By connection and direction (True: ours): the number of the next byte, and what has not come whole yet."""

    @property
    def has_news(self) -> bool:
        """True if ``tell`` has something to tell, or to count as unanswered before long."""
        return bool(self._told or self._queries)

    def tell(self, now_us: int) -> list[Lookup]:
        """What has been answered since the last call, and what will not be any more."""
        for (port, id, host, kind), (at_us, resolvers) in list(self._queries.items()):
            if now_us - at_us < SILENCE_US:
                break
            del self._queries[port, id, host, kind]
            asked = Endpoint(resolvers[0], DNS)
            self._told.append(Lookup(now_us, self.namespace, asked, host, kind, failure=NO_ANSWER))
        told, self._told = self._told, []
        return told

    def asked(self, payload: bytes, resolver: str, port: int, at_us: int) -> bool:
        """Take in what may be a query from a local port; True if it is one."""
        message = read_message(payload)
        if message is None or message.is_answer:
            return False
        key = (port, message.id, message.host, message.kind)
        first_us, resolvers = self._queries.get(key, (at_us, ()))
        if not resolvers and len(self._queries) >= QUERIES_MAX:
            del self._queries[next(iter(self._queries))]
        if resolver not in resolvers and len(resolvers) < RESOLVERS_MAX:  # else it is sent again
            self._queries[key] = (first_us, (*resolvers, resolver))
        return True

    def answered(self, payload: bytes, resolver: str, port: int, at_us: int) -> None:
        """Take in what may be an answer to a local port. One that had no room is no answer: it is asked for again over
        TCP, with another query (RFC 7766 §5)."""
        is_cut = len(payload) > 2 and payload[2] & _TRUNCATED
        message = read_message(payload)
        if message is None or not message.is_answer:
            return
        key = (port, message.id, message.host, message.kind)
        first_us, resolvers = self._queries.get(key, (0, ()))
        if resolver not in resolvers:
            return
        others = tuple(each for each in resolvers if each != resolver)
        if others and message.failure not in (None, NO_SUCH_NAME):  # another may know better
            self._queries[key] = (first_us, others)
        else:
            del self._queries[key]
        if not is_cut:
            asked = Endpoint(resolver, DNS)
            self._told.append(
                Lookup(at_us, self.namespace, asked, message.host, message.kind, message.addresses, message.failure)
            )

    def over_tcp(
        self, connection: bytes, sequence: int, payload: bytes, resolver: str, port: int, at_us: int, *, outgoing: bool
    ) -> None:
        """Take in a segment. Each message has its length before it (RFC 7766 §8); after a gap one is taken to begin."""
        place = (connection, outgoing)
        after, stream = self._streams.pop(place, (sequence, b""))
        if sequence != after:
            if (after - sequence) % _SIZE < _SIZE // 2:  # it is sent again
                self._streams[place] = after, stream
                return
            stream = b""
        stream += payload
        at = 0
        while len(stream) >= at + 2 and len(stream) >= (end := at + 2 + (stream[at] << 8 | stream[at + 1])):
            message, at = stream[at + 2 : end], end
            if outgoing:
                self.asked(message, resolver, port, at_us)
            else:
                self.answered(message, resolver, port, at_us)
        if len(self._streams) >= STREAMS_MAX:
            del self._streams[next(iter(self._streams))]
        self._streams[place] = (sequence + len(payload)) % _SIZE, stream[at:]

    def ended(self, connection: bytes) -> None:
        """A TCP connection is over, or another one begins between its ends."""
        self._streams.pop((connection, True), None)
        self._streams.pop((connection, False), None)
