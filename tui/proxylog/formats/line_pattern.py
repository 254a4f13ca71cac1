"""From the parts of a log line, fixed text and fields, to an expression that reads it in linear time. Pure.

Clients fill most fields with what they like. A field that may hold anything ends where what follows it is first found
whole, and what was found is never taken back, so that a long or twisted line costs no more than its length.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum, auto
from typing import NamedTuple

CUT_MIN = 900
"""Bytes from which a line may have been cut: HAProxy and old syslog end at 1,024 with their own header (RFC 3164 §4.1).
What is behind the cut is not known; what is before it counts."""
_TEXT = b".*?"
_SCHEME = rb"(?>(?:[A-Za-z][A-Za-z0-9+.-]{0,15}://)?)"


class Kind(Enum):
    """What is in a field."""

    CLOSED = auto()
    """What its own expression says."""
    TEXT = auto()
    """Anything."""
    REQUEST = auto()
    """A request line (RFC 9112 §3): its method, and of its target no more than scheme and authority, are found; the
    latter only if it is all there."""
    TARGET = auto()
    """A request target by itself."""


class Field(NamedTuple):
    """A part of a line whose text is not always the same."""

    kind: Kind
    pattern: bytes = b""
    """Of a closed one, whole. Of the others: of what it consists where a quote follows, if the proxy escapes quotes."""
    role: str = ""
    """The name under which it is found; a request has those of its parts."""
    escape: bytes = b""
    """How a byte is written in it that cannot stand for itself, beginning with one that ends a host."""


Part = bytes | Field


class Groups:
    """An expression, and where in it the roles are that are asked for."""

    __slots__ = ("_at", "_match")

    def __init__(self, pattern: bytes, roles: Sequence[str]) -> None:
        """Compile; a role that the line does not have is always None."""
        compiled = re.compile(pattern + rb"(?P<never>(?!))?", re.DOTALL)
        self._match = compiled.match
        never = compiled.groupindex["never"]
        self._at = tuple(compiled.groupindex.get(role, never) for role in roles)

    def find(self, line: bytes) -> tuple[bytes | None, ...] | None:
        """The text of each role; None if the line is another."""
        found = self._match(line)
        return None if found is None else found.group(*self._at)

    def find_before(self, end: int, line: bytes) -> tuple[bytes | None, ...] | None:
        """The same, without what ends where the line ends, of which more may have been there."""
        found = self._match(line)
        if found is None:
            return None
        return tuple(None if found.end(at) == end else found[at] for at in self._at)


class LinePattern:
    """Finds the fields of a line."""

    __slots__ = ("_cut", "_whole")

    def __init__(self, parts: Sequence[Part], roles: Sequence[str]) -> None:
        """Compile the parts of a line.

        :param roles: two at least, in the order in which they are to be found
        :raises ValueError: if a role's text ends nowhere, because another text follows with nothing between
        """
        first, rest = _segments(parts)
        self._whole = Groups(_closed(first) + _whole(rest), roles)
        self._cut = Groups(_closed(first) + _cut(rest), roles) if rest else None

    def find(self, line: bytes) -> tuple[bytes | None, ...] | None:
        """The text of each role, None where there is none; None if this is another line."""
        found = self._whole.find(line)
        if found is None and self._cut is not None and len(line) >= CUT_MIN:
            found = self._cut.find_before(len(line), line)
            if found is not None and not any(found):
                return None
        return found


class _Segment(NamedTuple):
    """A field that may hold anything, and all that is fixed or closed up to the next of its kind."""

    field: Field
    rest: list[Part]


def _segments(parts: Iterable[Part]) -> tuple[list[Part], list[_Segment]]:
    first: list[Part] = []
    segments: list[_Segment] = []
    into = first
    for part in parts:
        if isinstance(part, bytes) or part.kind is Kind.CLOSED:
            into.append(part)
            continue
        if segments and not into:
            before = segments[-1].field
            if not _is_needed(before) and not _is_needed(part):
                continue
            raise ValueError("two fields of any text stand side by side: put something between them")
        segments.append(_Segment(part, []))
        into = segments[-1].rest
    return first, segments


def _is_needed(field: Field) -> bool:
    return bool(field.role) or field.kind is not Kind.TEXT


def _closed(parts: Iterable[Part]) -> bytes:
    return b"".join(re.escape(part) if isinstance(part, bytes) else _named(part.role, part.pattern) for part in parts)


def _named(role: str, pattern: bytes) -> bytes:
    return b"(?P<%s>%s)" % (role.encode(), pattern) if role else b"(?:%s)" % pattern


def _whole(segments: Sequence[_Segment]) -> bytes:
    return b"".join(b"(?>%s%s%s)" % (*_text(s), _end(s, segments)) for s in segments) or rb"\Z"


def _cut(segments: Sequence[_Segment]) -> bytes:
    """The same, or only its beginning."""
    pattern = b""
    for number, segment in reversed(list(enumerate(segments))):
        mark = b"cut%d" % number
        pattern = rb"(?>%s(?:%s%s(?P<%s>)|.*\Z))" % (*_text(segment), _end(segment, segments), mark) + (
            b"(?(%s)%s)" % (mark, pattern) if pattern else b""
        )
    return pattern


def _end(segment: _Segment, segments: Sequence[_Segment]) -> bytes:
    return _closed(segment.rest) + (rb"\Z" if segment is segments[-1] else b"")


def _text(segment: _Segment) -> Iterator[bytes]:
    """How the field begins, then how it goes on until what follows."""
    field = segment.field
    follows = segment.rest[0] if segment.rest and isinstance(segment.rest[0], bytes) else b""
    text = field.pattern if field.pattern and follows.startswith(b'"') else _TEXT
    if field.kind is Kind.TEXT:
        yield b""
        yield _named(field.role, text)
        return
    authority = rb'[^/?# "]'
    if follows and follows[:1] not in b' "/?#':
        authority = b"(?:(?!%s)%s)" % (re.escape(follows), authority)
    target = b"(?P<target>%s(?>%s*(?:%s%s*)*))" % (_SCHEME, authority, field.escape or b"(?!)", authority)
    if field.kind is Kind.REQUEST:
        yield rb'(?>(?:(?P<method>[^ "]{1,32}) (?:%s(?=[/?# ]))?)?)' % target
    else:
        yield target
    yield text
