"""The server name in a TLS ClientHello (RFC 8446 §4.1.2, RFC 6066 §3). Pure: bytes to values, never an exception."""

import struct
from enum import Enum
from typing import Final, Literal, NamedTuple

from tui.model.host import host_from_wire

HELLO_MAX = 65_536
"""Bytes; a longer hello is none."""
RECORDS_MAX = 1_024
"""One in more records is none either."""
_HANDSHAKE, _CLIENT_HELLO = 0x16, 1
_SERVER_NAME, _ENCRYPTED_HELLO = 0, 0xFE0D
_HOST_NAME = 0
_HEAD = struct.Struct("!HH")
"""The kind of an extension, and its length."""


class Need(Enum):
    """More bytes are needed."""

    MORE = "more"


MORE: Final = Need.MORE


class Hello(NamedTuple):
    """What a client says of the server that it means."""

    host: str | None
    """None where it names none."""
    is_outer: bool
    """True if there is an encrypted hello inside (ECH, extension 0xfe0d), so that this one may be a front."""


def read_hello(stream: bytes, *, final: bool = False) -> Hello | Literal[Need.MORE] | None:
    """The hello at the start of a TCP stream of TLS records (RFC 8446 §5.1); None if it can be none.

    ``final`` says that no more will come: then what is there must do.
    """
    if len(stream) > 9 and stream[0] == _HANDSHAKE and stream[1] == 3:
        length = stream[3] << 8 | stream[4]
        if 4 <= length <= len(stream) - 5:  # nearly always one record holds all of it
            found = handshake_hello(stream[5 : 5 + length])
            if found is not MORE:
                return found
    handshake, at = bytearray(), 0
    for _ in range(RECORDS_MAX):
        if at >= len(stream):
            break
        if stream[at] != _HANDSHAKE or (at + 1 < len(stream) and stream[at + 1] != 3):
            if not handshake:
                return None
            break
        if at + 5 > len(stream):
            break
        length = stream[at + 3] << 8 | stream[at + 4]
        if not 0 < length <= 1 << 14:
            return None
        handshake += stream[at + 5 : at + 5 + length]
        at += 5 + length
        if handshake and (handshake[0] != _CLIENT_HELLO or len(handshake) > HELLO_MAX):
            return None
    else:
        return None
    return handshake_hello(bytes(handshake), final=final)


def handshake_hello(handshake: bytes, *, final: bool = False) -> Hello | Literal[Need.MORE] | None:
    """The same without the headers of records, as QUIC sends it (RFC 9001 §4)."""
    if not handshake:
        return None if final else MORE
    if handshake[0] != _CLIENT_HELLO:
        return None
    if len(handshake) < 4:
        return None if final else MORE
    length = int.from_bytes(handshake[1:4])
    if not 38 <= length <= HELLO_MAX:
        return None
    body = handshake[4 : 4 + length]
    is_whole = len(body) == length
    if not is_whole and not final:
        return MORE
    return _read_body(body, is_whole=is_whole)


def _read_body(body: bytes, *, is_whole: bool) -> Hello | None:
    """Skip version and random, session, cipher suites and compression; then read the extensions."""
    if len(body) < 35:
        return None
    at = 35 + body[34]
    if at + 2 > len(body):
        return None
    at += 2 + (body[at] << 8 | body[at + 1])
    if at + 1 > len(body):
        return None
    at += 1 + body[at]
    if at > len(body):
        return None
    if at + 2 > len(body):
        return Hello(None, False) if is_whole else None
    end = min(len(body), at + 2 + (body[at] << 8 | body[at + 1]))
    at += 2
    host, has_name, is_outer = None, False, False
    while at + 4 <= end:
        kind, length = _HEAD.unpack_from(body, at)
        at += 4
        if at + length > end:
            break
        if kind == _SERVER_NAME and not has_name:
            has_name, host = True, _server_name(body[at : at + length])
        elif kind == _ENCRYPTED_HELLO:
            is_outer = True
        at += length
    return _make(Hello, (host, is_outer)) if has_name or is_whole else None


def _server_name(data: bytes) -> str | None:
    """The first host_name of a ServerNameList."""
    end, at = min(len(data), 2 + int.from_bytes(data[:2])), 2
    while at + 3 <= end:
        kind, length = data[at], data[at + 1] << 8 | data[at + 2]
        at += 3
        if at + length > end:
            return None
        if kind == _HOST_NAME:
            return host_from_wire(data[at : at + length])
        at += length
    return None


_make = tuple.__new__
"""Makes a named tuple of a tuple; the class called by its name takes three times as long."""
