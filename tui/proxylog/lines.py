"""Lines out of pieces of text that end anywhere. Pure, and bounded whatever comes.

A line ends at a line feed and at nothing else; a carriage return before it is no part of it, nor are the NULs before a
line, which a writer leaves whose file was cut behind its back.
"""

from tui.proxylog.format import RAW_MAX


class Lines:
    """Puts the lines of one file together."""

    def __init__(self) -> None:
        self._rest = b""
        self.unfinished = 0
        """Bytes of the line whose end has not come, kept or not."""
        self.cut_lines = 0
        self.cut_bytes = 0
        """Of lines longer than ``RAW_MAX``: how many, and bytes of them that were not kept."""
        self.nuls = 0
        """NULs passed over."""

    def feed(self, text: bytes, into: list[bytes]) -> None:
        """Add the lines that end in this text."""
        pieces = text.split(b"\n")
        rest = pieces.pop()
        if pieces:
            first = self._rest + pieces[0]
            length = self.unfinished + len(pieces[0])
            if not self.unfinished:
                first, length = self._without_nuls(first)
            pieces[0] = self._whole(first, length)
            self._rest, self.unfinished = b"", 0
            if b"\0" in text:
                pieces[1:] = [self._without_nuls(piece)[0] for piece in pieces[1:]]
            if b"\r" in text:
                pieces = [piece[:-1] if piece.endswith(b"\r") else piece for piece in pieces]
            if _may_be_long(text):
                pieces = [self._whole(piece, len(piece)) for piece in pieces]
            into += pieces
        if not self.unfinished:
            rest, _ = self._without_nuls(rest)
        self.unfinished += len(rest)
        # One more than is kept, for a carriage return at the very end.
        self._rest = (self._rest + rest[: RAW_MAX + 1])[: RAW_MAX + 1]

    def finish(self, into: list[bytes]) -> int:
        """Give up waiting for the end of a line, which is added as it is; how many bytes of it had come."""
        size = self.unfinished
        if size:
            into.append(self._whole(self._rest, size))
        self._rest, self.unfinished = b"", 0
        return size

    def _whole(self, line: bytes, length: int) -> bytes:
        if length <= RAW_MAX + 1 and line.endswith(b"\r"):
            return line[:-1]
        if length > RAW_MAX:
            self.cut_lines += 1
            self.cut_bytes += length - RAW_MAX
        return line[:RAW_MAX]

    def _without_nuls(self, line: bytes) -> tuple[bytes, int]:
        stripped = line.lstrip(b"\0")
        self.nuls += len(line) - len(stripped)
        return stripped, len(stripped)


def _may_be_long(text: bytes) -> bool:
    """False if no line in it is longer than ``RAW_MAX``, as every half of that holds a line feed."""
    half = RAW_MAX // 2
    return any(text.find(b"\n", place, place + half) < 0 for place in range(0, len(text) - half, half))
