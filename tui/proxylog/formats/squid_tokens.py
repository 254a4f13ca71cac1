"""The tokens of a Squid ``logformat``, and the regular expression that reads the lines they write.

What may hold anything (headers, users, certificates) ends at the first place where what comes next fits, and nothing is
tried twice: a line takes time in proportion to its length, whatever is in it.
"""

import re
from dataclasses import dataclass
from datetime import UTC, tzinfo

from tui.proxylog.formats.strftime import TimePattern

_TOKEN = re.compile(
    r"""%(?P<quote>["'\[#/])?(?P<left>-)?(?P<least>[0-9]+)?(?P<most>\.[0-9]+)?(?:\{(?P<before>[^}]*)\})?"""
    r"(?P<name>%|(?:[a-z]+::)?[<>]?[A-Za-z_]+)?(?:\{(?P<after>[^}]*)\})?"
)
_FIELDS = {
    ">a": "client", "SRC": "client", ">A": "client_name", ">p": "client_port", "SRCPORT": "client_port", "<a": "peer",
    "<p": "server_port", "ts": "seconds", "tu": "subseconds", "tl": "time", "tg": "time", "tS": "began",
    "tr": "elapsed", ">st": "sent", "<st": "received", "Ss": "tag", "Sh": "hierarchy", ">Hs": "status",
    "Hs": "status", "<Hs": "origin_status", ">rm": "method", "rm": "method", "METHOD": "method", ">ru": "url",
    "ru": "url", "URI": "url", "<ru": "url", ">rs": "scheme", "<rs": "scheme", "PROTO": "scheme", ">rd": "host",
    "<rd": "host", "DST": "host", ">rP": "port", "<rP": "port", "PORT": "port", "mt": "mime", "err_code": "error",
    "err_detail": "detail", "ssl::bump_mode": "bump", "ssl::>sni": "sni",
}  # fmt: skip
"""Tokens that are read, and what they are: of two that are the same, the line's first counts."""
_NUMBERS = frozenset(
    {
        ">p", "SRCPORT", ">lp", "lp", "MYPORT", "<p", "<lp", "sn", "ts", "tu", "tr", "dt", "Hs", ">Hs", "<Hs", "st",
        ">st", "<st", ">sh", "<sh", "<sH", "<sS", "<bs", "<pt", "<tt", ">rP", "<rP", "PORT", "master_xaction",
        "request_attempts", "icap::tt", "icap::Hs", "icap::>st", "icap::<st", "icap::<bs", "icap::tr", "icap::tio",
    }
)  # fmt: skip
_WORDS = frozenset(
    {
        ">a", "SRC", "<a", ">A", "<A", ">la", "<la", "la", "MYADDR", "rm", ">rm", "<rm", "METHOD", "ru", ">ru", "<ru",
        "URI", ">rs", "<rs", "PROTO", ">rd", "<rd", "DST", "rv", ">rv", "<rv", "mt", "err_code", ">eui", ">qos",
        "<qos", ">nfmark", "<nfmark", "transport::>connection_id", "ssl::bump_mode", "ssl::>sni", "icap::<A",
        "icap::to", "icap::rm",
    }
)  # fmt: skip
_ANYTHING = frozenset(
    {
        "un", "ul", "LOGIN", "ue", "EXT_USER", "us", "ui", "IDENT", "et", "ea", "EXT_TAG", "EXT_LOG", "TAG",
        "credentials", "note", "err_detail", ">h", "<h", ">ha", "rp", ">rp", "<rp", "PATH", ">handshake",
        "proxy_protocol::>h", "icap::>h", "icap::<h", "icap::ru", "icap::<service_name", "icap::<last_h",
        "adapt::<last_h", "adapt::all_trs", "adapt::sum_trs",
    }
)  # fmt: skip
_PATTERNS = {"Ss": rb"[A-Z_]++", "Sh": rb"[A-Z0-9_]++", "tS": rb"[0-9]{1,11}\.[0-9]{1,6}"}
_NUMBER = rb"(?:-?[0-9]{1,20}+|-)"
_QUOTED = rb"(?:[^\"\\]|\\.)*+"
_HEADERS = rb"(?: \[[^\[\]]*+\] \[[^\[\]]*+\])?"
_NAMES_IT = frozenset({"url", "host", "sni"})
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Layout:
    """How the lines of one format are read."""

    whole: re.Pattern[bytes]
    cut: re.Pattern[bytes] | None
    """Of a line that is too long: as far as the destination's path."""
    fields: frozenset[str]
    escaped: frozenset[str]
    """Fields in which a backslash stands before a quote."""
    is_encoded: bool
    """The URL has ``%`` before two digits for what Squid takes for unsafe."""
    time: TimePattern | None
    zone: tzinfo | None
    """Of the times; None for that of the proxy."""

    def read(self, line: bytes, is_cut: bool) -> dict[str, bytes] | None:
        """The fields of a line, as they were before Squid escaped them; None if it is not in this format."""
        found = self.whole.fullmatch(line)
        if found is None and is_cut and self.cut is not None:
            found = self.cut.match(line)
        if found is None:
            return None
        got = found.groupdict()
        for field in self.escaped:
            if field in got and b"\\" in got[field]:
                got[field] = _ESCAPED.sub(rb"\1", got[field])
        if self.is_encoded:
            got["is_encoded"] = b""
        return got


@dataclass(slots=True)
class _Piece:
    """A literal or a token, as a pattern; a loose one ends where what comes next fits."""

    pattern: bytes
    field: str = ""
    is_loose: bool = False
    text: str = ""


def layout_of(spec: str, has_headers: bool) -> Layout:
    """Compiles a format.

    :param has_headers: two fields in brackets may follow (``log_mime_hdrs``)
    :raises ValueError: with a sentence that names the token that cannot be read
    """
    compiler = _Compiler(spec)
    pieces = compiler.pieces
    if not any(piece.field for piece in pieces):
        raise ValueError("The format has no token that is read here: add %ts.%03tu, %>a, %Ss, %>Hs, %rm and %ru.")
    end = _HEADERS if has_headers else b""
    return Layout(
        re.compile(_joined(pieces, end, end + rb"\Z"), re.DOTALL),
        _cut(pieces),
        frozenset(piece.field for piece in pieces if piece.field),
        frozenset(compiler.escaped),
        compiler.is_encoded,
        compiler.time,
        compiler.zone,
    )


def _joined(pieces: list[_Piece], end: bytes, then: bytes) -> bytes:
    """:param then: what a loose piece at the end is followed by"""
    whole = end
    for piece in reversed(pieces):
        pattern = piece.pattern
        if piece.is_loose:
            if not then:
                raise ValueError(
                    f"Nothing stands between {piece.text} and the next token: put a space or a quote there."
                )
            pattern = rb"(?>%b*?(?=%b))" % (pattern, then)
            then = b""
        else:
            then = pattern + then
        whole = (rb"(?P<%b>%b)" % (piece.field.encode(), pattern) if piece.field else pattern) + whole
    return whole


def _cut(pieces: list[_Piece]) -> re.Pattern[bytes] | None:
    """As far as the authority of a URL that a path follows."""
    at = next((index for index, piece in enumerate(pieces) if piece.field == "url"), None)
    if at is None:
        return None
    authority = rb"[A-Za-z][A-Za-z0-9+.-]*+://[^/\s\"]++"
    return re.compile(_joined(pieces[:at], rb"(?P<url>%b)/" % authority, authority), re.DOTALL)


class _Compiler:
    """Goes through a format from the left, as Squid does: quotes and brackets of its text escape its tokens."""

    def __init__(self, spec: str) -> None:
        self.pieces: list[_Piece] = []
        self.escaped: set[str] = set()
        self.is_encoded = False
        self.time: TimePattern | None = None
        self.zone: tzinfo | None = None
        self._spec = spec
        self._quoting = ""
        at = 0
        while at < len(spec):
            if spec[at] == "%":
                at = self._token(at)
            else:
                end = spec.find("%", at)
                end = len(spec) if end < 0 else end
                self._text(spec[at:end])
                at = end

    def _text(self, text: str) -> None:
        for char in text:
            if char == '"' and self._quoting in ("", '"'):
                self._quoting = '"' if not self._quoting else ""
            elif char == "[" and not self._quoting:
                self._quoting = "["
            elif char == "]" and self._quoting == "[":
                self._quoting = ""
        self.pieces.append(_Piece(re.escape(text.encode())))

    def _token(self, at: int) -> int:
        found = _TOKEN.match(self._spec, at)
        name = _known(found["name"]) if found is not None and found["name"] else ""
        if found is None or not name:
            token = self._spec[at:].split(" ", 1)[0]
            raise ValueError(f"{token} is no token of a Squid logformat that is known here.")
        if name == "%":
            self._text("%")
            return found.end("name")
        text = found[0]
        end = found.end()
        excess = len(found["name"]) - len(_spelled(found["name"], name))
        if excess:  # the name went on into the text after it
            end = found.end("name") - excess
            text = self._spec[at:end]
        field = _FIELDS.get(name, "")
        if found["most"] and field in _NAMES_IT:
            raise ValueError(f"{text} cuts the destination off: write %{name}.")
        if any(piece.field == field for piece in self.pieces):
            field = ""
        argument = found["before"] or (found["after"] if not excess else None) or ""
        self.pieces.append(self._piece(name, field, found["quote"] or self._quoting, argument, text, self._spec[end:]))
        if found["least"]:
            at_piece = len(self.pieces) - (0 if found["left"] else 1)
            self.pieces.insert(at_piece, _Piece(rb" *+" if not found["left"] else rb" *"))
        return end

    def _piece(self, name: str, field: str, quote: str, argument: str, text: str, rest: str) -> _Piece:
        if name in ("tl", "tg"):
            pattern = TimePattern(argument or "%d/%b/%Y:%H:%M:%S %z")
            if field:
                self.time, self.zone = pattern, UTC if name == "tg" else None
            return _Piece(pattern.pattern, field)
        if name in _NUMBERS:
            return _Piece(_NUMBER, field)
        if name in _PATTERNS:
            return _Piece(_PATTERNS[name], field)
        if quote in ('"', "/"):
            self.escaped.add(field)
        if field == "url" and (quote in ("#", "[") or (name in (">ru", "URI") and not quote)):
            self.is_encoded = True
        if quote == '"' and rest.startswith('"'):
            return _Piece(_QUOTED, field)
        if quote == "[" and rest.startswith("]"):
            return _Piece(rb"[^\]]*+", field)
        if name in _ANYTHING:
            return _Piece(rb".", field, is_loose=True, text=text)
        if not rest or rest.startswith((" ", "\t")):
            return _Piece(rb"\S++", field)
        return _Piece(rb"\S", field, is_loose=True, text=text)


def _known(name: str) -> str:
    """The token with which this begins, the longest one; empty if there is none."""
    bare = name.removeprefix("http::").replace("tls::", "ssl::", 1)
    for end in range(len(bare), 0, -1):
        head = bare[:end]
        if head in _ANYTHING or head in _WORDS or head in _NUMBERS or head in _FIELDS or head == "%":
            return head
        if head.startswith("ssl::") and end == len(bare):
            return head
    return ""


def _spelled(name: str, known: str) -> str:
    """As much of a name as is the token."""
    return name[: len(known) + (len("http::") if name.startswith("http::") else 0)]
