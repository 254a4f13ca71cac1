"""The server name in a QUIC client's first packets (RFC 9000 §17.2, RFC 9001 §4, RFC 9369). Pure: bytes to values,
never an exception.

``cryptography`` is loaded when the first packet comes: most hosts see none, and it takes 6 MB.
"""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from tui.capture.client_hello import MORE, Hello, handshake_hello

if TYPE_CHECKING:
    from tui.capture.quic_keys import InitialKeys

CRYPTO_MAX = 8_192
"""Bytes of a hello that are put together; a server need not take more than 4,096 (RFC 9000 §7.5)."""
CONNECTIONS_MAX = 4
"""How many connections are told apart that one socket begins to one peer."""
TRIES_MAX = 64
"""Packets that are opened in search of one hello."""
_FRAMES_MAX, _PACKETS_MAX = 512, 32
"""More than find room in a packet of 1,500 bytes; and in a datagram, or several that are sent as one."""
_LONG, _TYPE = 0x80, 0x30
_ID_MAX = 20


class _Version(NamedTuple):
    """What tells the versions of QUIC apart, as far as Initial packets go."""

    initial: int
    """The bits of an Initial packet's type."""
    salt: bytes
    label: bytes


_VERSIONS = {
    0x00000001: _Version(0x00, bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a"), b"quic "),
    0x6B3343CF: _Version(0x10, bytes.fromhex("0dede3def700a6db819381be6e269dcbf9bd2ed9"), b"quicv2 "),
}


class _Packet(NamedTuple):
    """Where in a datagram an Initial packet stands."""

    start: int
    number_at: int
    end: int


def may_begin(datagram: bytes) -> bool:
    """True if a packet of any version of QUIC may stand here that begins a connection (RFC 8999 §5.1)."""
    if len(datagram) < 7 or not datagram[0] & _LONG or datagram[1:5] == b"\0\0\0\0":
        return False
    source_at = 6 + datagram[5]
    return len(datagram) > source_at and len(datagram) > source_at + datagram[source_at]


class Initials:
    """The Initial packets that one address and port sends to another.

    Their keys come from the connection ID by which the client calls the server first. Later it calls it by one that the
    server has chosen, with the same keys; after a Retry packet with new ones, from that ID.
    """

    def __init__(self) -> None:
        self._connections: dict[bytes, _Connection] = {}
        """By version and the server's first ID, the oldest first."""
        self._tries = 0

    def take(self, datagram: bytes) -> Hello | None:
        """Take in what was sent; a hello that has come whole with it, which is told once.

        :param datagram: several of them in one, as a network card is left to cut them, do as well
        """
        version = _VERSIONS.get(int.from_bytes(datagram[1:5]))
        if version is None or self._tries >= TRIES_MAX:
            return None
        packets = _initials(datagram, version.initial)
        if not packets:
            return None
        name = datagram[1 : 6 + datagram[5]]
        connection = self._connections.get(name)
        if connection is not None and connection.is_over:
            return None
        self._tries += 1
        opened = connection.opened(datagram, packets) if connection is not None else []
        if connection is None:
            connection, opened = self._whose(name, datagram, packets)
        hello = connection.read(opened) if connection is not None else None
        if hello is not None:
            self._tries = 0
        return hello

    def _whose(
        self, name: bytes, datagram: bytes, packets: Sequence[_Packet]
    ) -> tuple["_Connection | None", list[bytes]]:
        """The connection whose packets these are, a known one or a new one, and what they carry."""
        for known in reversed(self._connections.values()):
            if opened := known.opened(datagram, packets):
                return known, opened
        connection = _Connection(name)
        opened = connection.opened(datagram, packets)
        if not opened:
            return None, opened
        if len(self._connections) >= CONNECTIONS_MAX:
            del self._connections[next(iter(self._connections))]
        self._connections[name] = connection
        return connection, opened

    def give_up(self) -> Hello | None:
        """What has come must do: the hello of a connection of which not all has come."""
        found = (each.give_up() for each in self._connections.values() if not each.is_over)
        return next((hello for hello in found if hello is not None), None)


class _Connection:
    """One that a client begins."""

    __slots__ = ("_data", "_has", "_keys", "is_over")

    def __init__(self, name: bytes) -> None:
        self._keys = _keys(name)
        self._data, self._has = bytearray(), bytearray()
        """What has come of the stream of the handshake; and of each byte, whether it has."""
        self.is_over = False
        """True once no more is to be expected."""

    def opened(self, datagram: bytes, packets: Sequence[_Packet]) -> list[bytes]:
        """What those of the packets carry that belong to it."""
        found = (self._keys.opened(datagram, *packet) for packet in packets)
        return [payload for payload in found if payload is not None]

    def read(self, payloads: Sequence[bytes]) -> Hello | None:
        """Take in what packets carry; the hello, if it has come whole with it."""
        if self.is_over:
            return None
        for payload in payloads:
            for offset, part in _crypto(payload):
                self._put(offset, part)
        return self._found(final=False)

    def _put(self, offset: int, part: bytes) -> None:
        end = offset + len(part)
        if end > CRYPTO_MAX:
            return
        if end > len(self._data):
            more = bytes(end - len(self._data))
            self._data += more
            self._has += more
        self._data[offset:end] = part
        self._has[offset:end] = b"\x01" * len(part)

    def give_up(self) -> Hello | None:
        """The hello as far as it has come."""
        return self._found(final=True)

    def _found(self, *, final: bool) -> Hello | None:
        gap = self._has.find(0)
        hello = handshake_hello(bytes(self._data if gap < 0 else self._data[:gap]), final=final)
        if hello is MORE:
            return None
        self.is_over = True
        self._data, self._has = bytearray(), bytearray()
        return hello


def _keys(name: bytes) -> "InitialKeys":
    from tui.capture.quic_keys import InitialKeys

    version = _VERSIONS[int.from_bytes(name[:4])]
    return InitialKeys(version.salt, version.label, name[5:])


def _initials(datagram: bytes, initial: int) -> list[_Packet]:
    """The Initial packets of a datagram, which packets of one version to one ID may share (RFC 9000 §12.2)."""
    packets, at, name = list[_Packet](), 0, datagram[1 : 6 + datagram[5]] if len(datagram) > 5 else b""
    try:
        while len(packets) < _PACKETS_MAX and len(name) > 4 and name[4] <= _ID_MAX and datagram[at] & _LONG:
            if datagram[at + 1 : at + 1 + len(name)] != name:
                break
            is_initial = datagram[at] & _TYPE == initial
            field = at + 1 + len(name)
            field += 1 + datagram[field]
            if is_initial:
                token, field = _number(datagram, field)
                field += token
            length, field = _number(datagram, field)
            if is_initial:
                packets.append(_Packet(at, field, field + length))
            at = field + length
    except IndexError:
        pass
    return packets


_NEITHER_PADDING_NOR_PING = re.compile(rb"[^\x00\x01]")
_ACK, _ACK_ECN, _CRYPTO = 2, 3, 6


def _crypto(payload: bytes) -> Iterator[tuple[int, bytes]]:
    """The parts of the handshake in a packet, each with its offset. Another frame than a client may send beside them
    (RFC 9000 §12.4, table 3) ends it."""
    at = 0
    try:
        for _ in range(_FRAMES_MAX):
            frame = _NEITHER_PADDING_NOR_PING.search(payload, at)
            if frame is None:
                return
            kind, at = payload[frame.start()], frame.end()
            if kind == _CRYPTO:
                offset, at = _number(payload, at)
                length, at = _number(payload, at)
                if length > len(payload) - at:
                    return
                yield offset, payload[at : at + length]
                at += length
            elif kind in (_ACK, _ACK_ECN):
                for _ in range(2):
                    _, at = _number(payload, at)
                ranges, at = _number(payload, at)
                for _ in range(1 + 2 * ranges + (3 if kind == _ACK_ECN else 0)):
                    _, at = _number(payload, at)
            else:
                return
    except IndexError:
        return


def _number(data: bytes, at: int) -> tuple[int, int]:
    """An integer of variable length and where it ends (RFC 9000 §16).

    :raises IndexError: if it is cut short
    """
    size = 1 << (data[at] >> 6)
    if at + size > len(data):
        raise IndexError
    return int.from_bytes(data[at : at + size]) & (1 << 8 * size - 2) - 1, at + size
