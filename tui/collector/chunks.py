"""What an import hands over: requests of a past log with what they are known by, as bytes, and what became of them."""

from collections.abc import Iterable
from typing import Annotated, NamedTuple, Self

import msgspec
from msgspec import Meta

from tui.model.address import ADDRESS_MAX, pack
from tui.model.connection import Endpoint, Outcome
from tui.model.request import Request
from tui.model.times import LAST_US
from tui.proxylog.keys import RequestKey
from tui.proxylog.reading import BYTES_MAX

VERSION = 1
_Us = Annotated[int, Meta(ge=0, lt=LAST_US)]
_Bytes = Annotated[int, Meta(ge=0, le=BYTES_MAX)]
_Port = Annotated[int, Meta(ge=0, le=65_535)]
_Ip = Annotated[str, Meta(max_length=ADDRESS_MAX)]
_Key = tuple[
    Annotated[int, Meta(ge=0, lt=LAST_US)], Annotated[int, Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
]  # fmt: skip


class Told(NamedTuple):
    """A request that a past log tells, and what it is known by."""

    request: Request
    key: RequestKey
    opened: RequestKey | None
    """What it was known by while it was open, if a line told so before."""


class Chunk(NamedTuple):
    """Some requests of one log."""

    number: int
    path: str
    told: tuple[Told, ...]


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """What became of a chunk."""

    new: int
    """Requests that are recorded with it."""
    known: int
    """Requests that were recorded before."""
    fault: str = ""
    """Why it was refused."""

    def encode(self) -> bytes:
        """As bytes."""
        return msgspec.msgpack.encode(self)

    @classmethod
    def decode(cls, content: bytes) -> Self:
        """What ``encode`` made.

        :raises ValueError: if it is anything else
        """
        return msgspec.msgpack.decode(content, type=cls)


class _Line(msgspec.Struct, array_like=True, gc=False):
    """A request in a chunk."""

    key: _Key
    opened: _Key | None
    host: Annotated[str, Meta(min_length=1, max_length=255)] | None
    port: _Port | None
    outcome: Outcome
    started_us: _Us | None
    ended_us: _Us | None
    client: tuple[_Ip, _Port] | None
    address: _Ip | None
    bytes_sent: _Bytes | None
    bytes_received: _Bytes | None
    reason: Annotated[str, Meta(max_length=255)]
    is_claimed: bool


class _File(msgspec.Struct, array_like=True):
    version: int
    path: Annotated[str, Meta(max_length=4096)]
    lines: list[_Line]


_encode = msgspec.msgpack.Encoder().encode
_file_of = msgspec.msgpack.Decoder(_File).decode


def encode_chunk(path: str, told: Iterable[Told]) -> bytes:
    """Some requests of the log at ``path``."""
    return _encode(_File(VERSION, path, [_line(each) for each in told]))


def decode_chunk(number: int, content: bytes) -> Chunk:
    """What ``encode_chunk`` made.

    :raises ValueError: if it is anything else, or holds what no log's line can tell
    """
    file = _file_of(content)
    if file.version != VERSION:
        raise ValueError("another version of this program wrote it")
    return Chunk(number, file.path, tuple(map(_told, file.lines)))


def _line(told: Told) -> _Line:
    r = told.request
    return _Line(
        told.key, told.opened, r.host, r.port, r.outcome, r.started_us, r.ended_us, r.client, r.address, r.bytes_sent,
        r.bytes_received, r.reason, r.is_claimed,
    )  # fmt: skip


def _told(line: _Line) -> Told:
    """:raises ValueError: if an address is none, or a text is not printable"""
    client = Endpoint(*line.client) if line.client is not None else None
    for ip in (client.ip if client is not None else None, line.address):
        if ip is not None:
            pack(ip)
    if not (line.host or "").isprintable() or not line.reason.isprintable():
        raise ValueError("a text in it is not printable")
    return Told(
        Request(
            line.host, line.port, line.outcome, line.started_us, line.ended_us, client, line.address, line.bytes_sent,
            line.bytes_received, line.reason, line.is_claimed,
        ),
        line.key,
        line.opened,
    )  # fmt: skip
