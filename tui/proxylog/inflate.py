"""What a compressed stream holds, piece by piece: gzip (RFC 1952), xz, Zstandard (RFC 8878), of one part or of many.

Memory is bounded, however far the stream unpacks. One that is cut or spoilt gives all that came before.
"""

import lzma
import sys
import zlib
from typing import Literal, Protocol

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Kind = Literal["gzip", "xz", "zstd"]
MAGIC_SIZE = 6
_XZ_MEMORY = 100 << 20
"""Bytes; ``xz -9`` needs 65 MiB."""


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


def kind_of(first: bytes) -> Kind | None:
    """How a file is compressed, by its first ``MAGIC_SIZE`` bytes; None if it is not, or too little of it is there."""
    if first.startswith(b"\x1f\x8b\x08"):
        return "gzip"
    if first.startswith(b"\xfd7zXZ\0"):
        return "xz"
    if first.startswith(b"\x28\xb5\x2f\xfd") or (first[1:4] == b"\x2a\x4d\x18" and first[0] & 0xF0 == 0x50):
        return "zstd"
    return None


class Inflater:
    """Unpacks what it is fed."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._raw = b""
        self._decoder: _Decoder | None = None
        self._begun = False
        self.fault = ""
        """Why it cannot go on; nothing more comes then."""

    @property
    def is_whole(self) -> bool:
        """True if what was fed ends where an archive may end."""
        return self._begun and self._decoder is None and not self._raw and not self.fault

    def feed(self, raw: bytes) -> None:
        """Take in more of the stream, once ``take`` has given nothing."""
        self._raw += raw

    def take(self, most: int) -> bytes:
        """Up to so many bytes of what is in it; nothing if more must be fed, or if there is a fault."""
        while not self.fault:
            if self._decoder is None:
                if self._begun:
                    self._raw = self._raw.lstrip(b"\0")
                if not self._raw:
                    break
                self._decoder, self._begun = _decoder(self._kind), True
            raw, self._raw = self._raw, b""
            try:
                text = self._decoder.decompress(raw, most)
            except (zlib.error, lzma.LZMAError, zstd.ZstdError, MemoryError) as error:
                self.fault = str(error) or "damaged"
                break
            is_hungry = not self._decoder.eof and self._decoder.needs_input
            if self._decoder.eof:
                self._raw, self._decoder = self._decoder.unused_data, None
            if text:
                return text
            if is_hungry:
                break
        return b""


class _Gunzip:
    """``zlib`` in the words of ``lzma`` and ``zstd``."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(wbits=31)
        self._is_full = False

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def needs_input(self) -> bool:
        return not self._is_full and not self._stream.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        text = self._stream.decompress(self._stream.unconsumed_tail + data, max_length)
        self._is_full = len(text) == max_length
        return text


def _decoder(kind: Kind) -> _Decoder:
    if kind == "gzip":
        return _Gunzip()
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY) if kind == "xz" else zstd.ZstdDecompressor()
