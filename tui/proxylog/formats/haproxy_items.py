"""What stands in HAProxy's ``log-format`` (configuration manual, §8.2.6): fixed text, and items with flags. Pure."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tui.proxylog.formats.log_fields import ADDRESS, DAY

SPEC_MAX = 4096
"""Characters; a longer format is a mistake."""
_ITEM = re.compile(
    r"""%(?:(?P<percent>%)
    |(?:\{(?P<flags>[^{}]*)\})?(?:\([^()]*\))?
     (?:\[(?P<expression>(?:[^\[\]()]|\((?:[^()]|\([^()]*\))*\))*)\]|(?P<alias>[A-Za-z][A-Za-z0-9]*)))""",
    re.VERBOSE,
)
_FLAGS = re.compile(r"[+-]?[QXE](?:[ ,]+[+-]?[QXE])*|")
NUMBER = rb"[+-]?[0-9]{0,18}|-"
HEX = rb"[0-9A-F]{1,32}|-|"
_PORT = rb"[0-9]{0,5}|-"
IP = ADDRESS + rb"|unix|-|"
WORD = rb"[A-Za-z0-9_.:<>~-]{0,255}"
LINE_TEXT = rb'[^"]*+'
ESCAPE = rb"#[0-9A-F]{2}"
_LOCAL = rb"%s\.[0-9]{3}" % DAY
_ZONED = rb"%s [+-][0-9]{4}" % DAY
CLOSED: dict[str, tuple[str, bytes]] = {
    "ci": ("client", IP), "src": ("client", IP), "cp": ("port", _PORT), "src_port": ("port", _PORT),
    "tr": ("local", _LOCAL), "t": ("local", _LOCAL),
    "trg": ("zoned", _ZONED), "trl": ("zoned", _ZONED), "T": ("zoned", _ZONED), "Tl": ("zoned", _ZONED),
    "Ts": ("second", rb"[0-9]{1,11}"), "ms": ("", rb"[0-9]{3}"),
    "Ta": ("taken", NUMBER), "Tt": ("taken", NUMBER), "Tu": ("", NUMBER), "Td": ("", NUMBER),
    "Tw": ("waited", NUMBER), "ST": ("status", rb"-?[0-9]{0,3}"), "status": ("status", rb"-?[0-9]{0,3}"),
    "tsc": ("state", rb"[A-Za-z-]{2,4}"), "ts": ("state", rb"[A-Za-z-]{2}"), "s": ("server", WORD),
    "B": ("received", NUMBER), "bytes_out": ("received", NUMBER),
    "U": ("sent", NUMBER), "bytes_in": ("sent", NUMBER),
    "HM": ("method", rb"[^ \"|]{0,32}"), "capture.req.method": ("method", rb"[^ \"|]{0,32}"),
    "si": ("address", IP), "bc_dst": ("address", IP), "sp": ("to_port", _PORT), "bc_dst_port": ("to_port", _PORT),
    "HV": ("", rb"[^ \"|]{0,16}"), "sslc": ("", WORD), "sslv": ("", WORD), "H": ("", rb"[^ \"|]{0,255}"),
}  # fmt: skip
"""By name: what it tells, best first where several tell it, and how it is written."""
COUNTS = frozenset(
    {"ac", "bc", "bq", "fc", "lc", "rc", "rt", "sc", "sq", "Tc", "Th", "Ti", "Tq", "TR", "Tr", "pid", "bp",
     "fp", "dst_port"}
)  # fmt: skip
ADDRESSES = frozenset({"bi", "fi", "dst"})
_FETCHED = frozenset({"src", "status", "dst"})
"""Names of fetches only, which happen to look like aliases."""
NAMES = frozenset({"b", "f", "ft"})
HEADERS = frozenset({"hr", "hs", "hrl", "hsl"})
_TEXTS = frozenset({"CC", "CS", "HPO", "HQ", "ID"})
TARGETS = ("r", "HU", "HP")
_NAME_KEEPING = re.compile(r"(?:,(?:lower|upper|json(?:\([a-z0-9]*\))?|ltrim\(\.?\)|rtrim\(\.?\)))*")
_CALL = re.compile(r"([a-z0-9_.]+)(?:\(([^()]*)\))?", re.ASCII)


class Item(NamedTuple):
    """One value of a line."""

    name: str
    """An alias, or what an expression fetches."""
    argument: str
    is_quoted: bool
    is_hex: bool
    is_plain: bool
    """The value is as it was fetched, but for its case."""
    label: str
    """The fixed text before it, in lower case."""


def pieces_of(spec: str) -> list[str | Item]:
    """Fixed text and items, in order; text in one piece, with one space where the format has several.

    :raises ValueError: with what is wrong in plain words
    """
    if len(spec) > SPEC_MAX:
        raise ValueError(f"the log-format is longer than {SPEC_MAX} characters")
    pieces = _joined(_pieces(re.sub(r'\\([ "\\])', r"\1", spec)))
    if not any(isinstance(piece, Item) for piece in pieces):
        raise ValueError("the log-format has no %item in it")
    return pieces


def _joined(pieces: Iterable[str | Item]) -> list[str | Item]:
    """Fixed text in one piece, with one space where the format has several, and none before the first item."""
    joined: list[str | Item] = []
    for piece in pieces:
        if isinstance(piece, str) and joined and isinstance(joined[-1], str):
            joined[-1] += piece
        else:
            joined.append(piece)
    return [
        re.sub(" +", " ", piece.lstrip(" ") if number == 0 else piece) if isinstance(piece, str) else piece
        for number, piece in enumerate(joined)
    ]


def _pieces(spec: str) -> Iterator[str | Item]:
    default = frozenset[str]()
    label = ""
    at = 0
    for found in _ITEM.finditer(spec):
        text = spec[at : found.start()]
        at = found.end()
        _refuse_percent(text)
        if text:
            yield text
            label = text.lower()
        if found["percent"]:
            yield "%"
            continue
        flags = _flags(found["flags"] or "", default)
        if found["alias"] == "o":
            default = flags
        else:
            yield _item(found["alias"], found["expression"], flags, label)
    _refuse_percent(spec[at:])
    if spec[at:]:
        yield spec[at:]


def _refuse_percent(text: str) -> None:
    if "%" in text:
        raise ValueError(f"cannot read this of the log-format: {text[text.index('%') :][:20]!r}")


def _flags(text: str, default: frozenset[str]) -> frozenset[str]:
    if not _FLAGS.fullmatch(text):
        raise ValueError(f"cannot read the flags {{{text[:20]}}}: Q, X and E are known")
    flags = set(default)
    for sign, flag in re.findall(r"([+-]?)([QXE])", text):
        (flags.discard if sign == "-" else flags.add)(flag)
    return frozenset(flags)


def _item(alias: str | None, expression: str | None, flags: frozenset[str], label: str) -> Item:
    quoted, is_hex = "Q" in flags, "X" in flags
    if alias is not None:
        known = alias in CLOSED or alias in COUNTS | ADDRESSES | NAMES | HEADERS | _TEXTS or alias in TARGETS
        if not known or alias in _FETCHED:
            raise ValueError(f"%{alias} is nothing that HAProxy logs")
        return Item(alias, "", quoted, is_hex, True, label)
    call = _CALL.match((expression or "").strip())
    if call is None:
        raise ValueError(f"cannot read %[{(expression or '')[:40]}]")
    plain = _NAME_KEEPING.fullmatch((expression or "").strip()[call.end() :].replace(" ", "")) is not None
    return Item(call[1], call[2] or "", quoted, is_hex, plain, label)
