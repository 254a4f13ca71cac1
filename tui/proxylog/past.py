"""Read a whole log that is over, plain or compressed, as a stream of lines; memory does not grow with it."""

import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO, Literal

from tui.proxylog.inflate import MAGIC_SIZE, Inflater, kind_of
from tui.proxylog.lines import Lines

_PIECE = 262_144


class CutShort(Exception):
    """An archive is cut or damaged; all lines before that were given, the last of them perhaps unfinished."""

    def __init__(self, text_bytes: int, reason: str) -> None:
        super().__init__(f"cut or damaged after {text_bytes} bytes of text: {reason}")
        self.text_bytes = text_bytes
        """How far it was read, unpacked."""


def lines_of(source: Path | Literal["-"], progress: Callable[[int], object]) -> Iterator[list[bytes]]:
    """The lines of a log, many at a time, cut at ``RAW_MAX``; the last one may lack its end.

    :param source: ``-`` is standard input
    :param progress: told how many more bytes of the source were read, as they are stored
    :raises OSError: if it cannot be read
    :raises CutShort: after the last line, if it is an archive that is not whole
    """
    with nullcontext(sys.stdin.buffer) if source == "-" else open(source, "rb") as stream:
        first = stream.read(MAGIC_SIZE)
        kind = kind_of(first)
        inflater = Inflater(kind) if kind else None
        lines, text_bytes, raw = Lines(), 0, first
        while raw:
            progress(len(raw))
            for text in _unpacked(inflater, raw) if inflater else (raw,):
                text_bytes += len(text)
                into: list[bytes] = []
                lines.feed(text, into)
                yield into
            raw = _some(stream)
        lines.finish(into := [])
        yield into
        if inflater and not inflater.is_whole:
            raise CutShort(text_bytes, inflater.fault or "it ends too early")


def _unpacked(inflater: Inflater, raw: bytes) -> Iterator[bytes]:
    inflater.feed(raw)
    while text := inflater.take(_PIECE):
        yield text


def _some(stream: BinaryIO) -> bytes:
    """What is there of a stream, so that the lines of a pipe come as they are written."""
    read = getattr(stream, "read1", stream.read)
    return bytes(read(_PIECE))
