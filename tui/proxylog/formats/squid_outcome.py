"""What the words of a Squid line mean: which destination, and how it went. Pure.

The words are those of Squid 3.5 to 8 (src/LogTags.cc, src/hier_code.h); what each version writes for what is measured.
"""

import re
from enum import IntEnum
from typing import NamedTuple

from tui.model.connection import Outcome
from tui.model.text import clean
from tui.proxylog.formats.log_fields import address_of
from tui.proxylog.target import target_of

REASON_MAX = 64
_UNREACHED_MS = 2_000
"""A refusal is a round trip; what took longer was waited for (``connect_timeout`` is 60 s unless set)."""
_SILENT = frozenset({b"NONE_NONE", b"TAG_NONE", b"NONE"})
"""Squid answered without asking its cache or anyone (5 and later; 3.5 and 4; before)."""
_DIRECT = frozenset({b"HIER_DIRECT", b"DIRECT", b"ORIGINAL_DST", b"PINNED", b"CLOSEST_DIRECT"})
"""The server itself was asked, not a parent proxy."""
_NOBODY = frozenset({b"HIER_NONE", b"NONE"})
_LET_IN = frozenset({b"splice", b"bump", b"server-first", b"client-first"})
_NO_URL = (b"error:", b"/", b"cache_object:", b"internal:")
"""What is no request for a destination: broken ones, ones to Squid itself, and a connection opened and closed."""
_NO_METHOD = frozenset({b"-", b"NONE"})
_ERRORS = {
    b"ERR_ACCESS_DENIED": Outcome.DENIED,
    b"ERR_CACHE_ACCESS_DENIED": Outcome.DENIED,
    b"ERR_FORWARDING_DENIED": Outcome.DENIED,
    b"ERR_CONFLICT_HOST": Outcome.DENIED,
    b"ERR_DNS_FAIL": Outcome.FAILED,
    b"ERR_CANNOT_FORWARD": Outcome.FAILED,
    b"ERR_SECURE_CONNECT_FAIL": Outcome.FAILED,
    b"ERR_ZERO_SIZE_OBJECT": Outcome.FAILED,
    b"ERR_CONNECT_FAIL": Outcome.REFUSED,
    b"ERR_READ_TIMEOUT": Outcome.TIMED_OUT,
    b"ERR_CLIENT_GONE": Outcome.RESET,
    b"ERR_GATEWAY_FAILURE": Outcome.FAILED,
}
_ERRNO = re.compile(rb"(?:.*=)?(\d+)")
_ERRNOS = {b"111": Outcome.REFUSED, b"110": Outcome.TIMED_OUT, b"113": Outcome.FAILED, b"101": Outcome.FAILED}
"""Of Linux: ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH."""


class Words(NamedTuple):
    """What a line says, as it says it; empty where its format does not have it."""

    method: bytes = b""
    url: bytes = b""
    """Its path may be left out."""
    tag: bytes = b""
    """``TCP_MISS`` (%Ss)."""
    status: bytes = b""
    """Of what the client got."""
    hierarchy: bytes = b""
    peer: bytes = b""
    mime: bytes = b""
    origin_status: bytes = b""
    """Of what Squid got."""
    error: bytes = b""
    detail: bytes = b""
    bump: bytes = b""
    sni: bytes = b""


class Part(IntEnum):
    """What a line is of its request."""

    WHOLE = 0
    MAYBE_LAST = 1
    """All of it, or what became of one whose first line was seen."""
    FIRST = 2
    """Squid said yes to a CONNECT, and looks into the TLS in it (``ssl_bump``): denied, unless another line follows."""
    ASKED = 3
    """Denied, unless the client comes again with its password (407)."""
    SAID = 4
    """Denied; the same is said again to what the client asks for within the TLS."""


class Told(NamedTuple):
    """What ``Words`` mean."""

    host: str | None
    port: int | None
    outcome: Outcome
    """REFUSED also where it may have been a time-out: see ``settled``."""
    address: str | None
    reason: str
    part: Part
    tunnel: bool
    is_claimed: bool
    """See ``Request``: an intercepted tunnel, whose name Squid read in it."""


def tell(words: Words) -> Told | None:
    """What a line means; None if it is no request for a destination."""
    url, tag = words.url, words.tag
    if url.startswith(_NO_URL) or words.method in _NO_METHOD or tag.startswith(b"UDP_"):
        return None
    tunnel = words.method == b"CONNECT" if words.method else bool(url) and b"://" not in url
    status = int(words.status) if words.status.isdigit() else None
    hierarchy = words.hierarchy.removeprefix(b"TIMEOUT_")
    target = target_of(authority_of(url), 443 if tunnel else 80) if url != b"-" else None
    host, port = target or (None, None)
    asked = address_of(host.encode()) if host is not None else None
    part = _part(words, tag, status, tunnel and hierarchy not in _DIRECT, asked is not None)
    if part is Part.FIRST and words.bump in _LET_IN:
        return None
    address = address_of(words.peer) if hierarchy in _DIRECT else None
    if asked is not None and words.sni not in (b"", b"-"):
        named = target_of(words.sni, port or 443)
        host, address = (named.host, address or asked) if named is not None else (host, address)
    outcome = Outcome.DENIED if words.bump == b"terminate" else _outcome(words, tag, status, hierarchy, tunnel)
    is_claimed = tunnel and hierarchy == b"ORIGINAL_DST" and host is not None and address_of(host.encode()) is None
    return Told(host, port, outcome, address, _reason(words, status), part, tunnel, is_claimed)


def settled(outcome: Outcome, elapsed_ms: int | None, received: int | None) -> tuple[Outcome, int | None]:
    """An outcome with what else tells of it, and the bytes that the client got of the far side.

    Squid logs a time-out and a refusal both as 503; how long it took tells them apart. What the client got then was a
    page of Squid's own.
    """
    if outcome is Outcome.REFUSED and (elapsed_ms is None or elapsed_ms >= _UNREACHED_MS):
        outcome = Outcome.FAILED if elapsed_ms is None else Outcome.TIMED_OUT
    return outcome, None if outcome in (Outcome.REFUSED, Outcome.TIMED_OUT) else received


def _part(words: Words, tag: bytes, status: int | None, unreached: bool, is_address: bool) -> Part:
    """:param unreached: a CONNECT for which Squid went nowhere; of an intercepted connection, it is for an address"""
    if tag.startswith(b"TCP_DENIED"):
        if status == 407:
            return Part.ASKED
        return Part.SAID if unreached and status == 200 else Part.MAYBE_LAST
    if unreached and tag in _SILENT and (status == 200 or (status == 0 and is_address)):
        return Part.WHOLE if words.bump == b"terminate" else Part.FIRST
    return Part.WHOLE if tag.removesuffix(b"_ABORTED") in _SILENT and status in (0, 200) else Part.MAYBE_LAST


def _outcome(words: Words, tag: bytes, status: int | None, hierarchy: bytes, tunnel: bool) -> Outcome:
    if tag.startswith((b"TCP_DENIED", b"TCP_REDIRECT")) or status == 407:
        return Outcome.DENIED
    if words.error in _ERRORS:
        number = _ERRNO.fullmatch(words.detail)
        outcome = _ERRORS[words.error]
        return _ERRNOS.get(number[1], outcome) if number and outcome is Outcome.REFUSED else outcome
    if status is None:
        return Outcome.UNKNOWN
    if status >= 500:
        return _broken(words, tag, status, hierarchy, tunnel)
    if status >= 400 and (tunnel or tag.removesuffix(b"_ABORTED") in _SILENT):
        return Outcome.DENIED  # a tunnel has no answers of the far side, and without asking it Squid has none either
    if status == 403 and not tag:
        return Outcome.DENIED if hierarchy in _NOBODY else Outcome.CLOSED if hierarchy else Outcome.UNKNOWN
    if status == 0 and tag.endswith(b"_TIMEDOUT"):
        return Outcome.TIMED_OUT
    return Outcome.RESET if status == 0 or tag.endswith(b"_ABORTED") else Outcome.CLOSED


def _broken(words: Words, tag: bytes, status: int, hierarchy: bytes, tunnel: bool) -> Outcome:
    """An answer of 500 and more: by Squid, whose own pages are HTML, or by the far side."""
    if hierarchy in _NOBODY:
        return Outcome.FAILED
    if tunnel and status in (500, 502) and tag.startswith(b"TCP_TUNNEL"):
        return Outcome.RESET
    if not tunnel and (
        status not in (502, 503, 504) or words.origin_status.strip(b"0-") or words.mime not in (b"", b"-", b"text/html")
    ):
        return Outcome.CLOSED
    if tag.endswith(b"_TIMEDOUT") or status == 504:
        return Outcome.TIMED_OUT
    return Outcome.REFUSED if status == 503 and hierarchy in _DIRECT else Outcome.FAILED


def _reason(words: Words, status: int | None) -> str:
    code = "" if status is None else f"/{status:03d}"
    error = "" if words.error in (b"", b"-") else " " + words.error.decode("ascii", "backslashreplace")
    bump = " terminate" if words.bump == b"terminate" else ""
    return clean(words.tag.decode("ascii", "backslashreplace") + code + error + bump, REASON_MAX).lstrip("/ ")


def authority_of(url: bytes) -> bytes:
    """A URL without its path; what is none stays as it is."""
    scheme, mark, rest = url.partition(b"://")
    return scheme + mark + rest.partition(b"/")[0] if mark else url
