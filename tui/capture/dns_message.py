"""DNS messages (RFC 1035 §4), their names read by dnspython. Pure: bytes to values, never an exception.

Whoever answers decides what is in a message, so that the work for one is bounded: of an answer the question and the
first 128 records are read, and neither authority nor additional records.
"""

import struct
from functools import lru_cache
from typing import NamedTuple

import dns.exception
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype

from tui.model import lookup_failure
from tui.model.address import unpack
from tui.model.host import host_from_wire

CHAIN_MAX = 16
"""How many CNAME records are followed."""
RECORDS_MAX = 128
"""What comes after these in an answer is not seen. The dearest names that there are make 20 ms of them."""
_TTL_MAX = 1 << 31
_MESSAGE_MIN, _MESSAGE_MAX = 17, 65_535
_REMEMBERED_MAX = 1_232
"""Bytes; longer messages come over TCP, and are rare."""
_HEAD = struct.Struct("!xxHHH4x")
"""Flags, how many questions, how many answers."""
_QUESTION, _RECORD = struct.Struct("!HH"), struct.Struct("!HHIH")
_ANSWER, _OPCODE, _CUT, _RCODE = 0x8000, 0x7800, 0x0200, 0x000F
_SIZES = {dns.rdatatype.A: 4, dns.rdatatype.AAAA: 16}

Addresses = tuple[tuple[str, float], ...]
_Told = tuple[bool, str, str, Addresses, str | None]
_Labels = tuple[bytes, ...]
"""In lower case. dnspython's own names would do, but can be chosen so that all have the same hash."""


class Message(NamedTuple):
    """A query or an answer with one question."""

    id: int
    is_answer: bool
    host: str
    kind: str
    """``A``, ``AAAA`` …"""
    addresses: Addresses
    """With the seconds for which each may be kept; none in an answer that is cut short (TC), for the client must ask
    again over TCP."""
    failure: str | None
    """Why there is none, in words; None also where the name exists and has no record of this kind."""


def read_message(data: bytes) -> Message | None:
    """The message; None if it is none, or asks no single question of the internet's class."""
    if not _MESSAGE_MIN <= len(data) <= _MESSAGE_MAX:
        return None
    read = (_remembered if len(data) <= _REMEMBERED_MAX else _read)(data[2:])
    return None if read is None else Message(data[0] << 8 | data[1], *read)


def _read(rest: bytes) -> _Told | None:
    """All but the id."""
    try:
        return _told(b"\0\0" + rest)
    except (dns.exception.DNSException, struct.error, ValueError):
        return None


_remembered = lru_cache(maxsize=2048)(_read)
"""Resolvers give the same answer again and again."""


def _told(data: bytes) -> _Told | None:
    flags, questions, answers = _HEAD.unpack_from(data)
    if questions != 1 or flags & _OPCODE:
        return None
    labels, at = _name(data, _HEAD.size)
    number, group = _QUESTION.unpack_from(data, at)
    host = _text(labels)
    if host is None or group != dns.rdataclass.IN:
        return None
    kind = dns.rdatatype.to_text(number)
    if not flags & _ANSWER:
        return False, host, kind, (), None
    addresses: Addresses = ()
    if number in _SIZES and not flags & _CUT:
        addresses = _addresses(data, at + _QUESTION.size, answers, labels, number)
    return True, host, kind, addresses, _failure(flags & _RCODE)


def _name(data: bytes, at: int) -> tuple[_Labels, int]:
    """The name at a place, and the place after it. dnspython follows 16 pointers at the most."""
    name, size = dns.name.from_wire(data, at)
    return tuple(map(bytes.lower, name.labels)), at + size


def _addresses(data: bytes, at: int, count: int, name: _Labels, kind: int) -> Addresses:
    """Follow the chain from the name that was asked for; records of other names count for nothing (RFC 1034 §3.6.2)."""
    found, aliases = dict[_Labels, dict[str, float]](), dict[_Labels, tuple[_Labels, float]]()
    for _ in range(min(count, RECORDS_MAX)):
        owner, at = _name(data, at)
        of_kind, group, seconds, length = _RECORD.unpack_from(data, at)
        at += _RECORD.size
        if at + length > len(data):
            break
        ttl = float(seconds) if seconds < _TTL_MAX else 0.0  # RFC 2181 §8
        if group != dns.rdataclass.IN:
            pass
        elif of_kind == kind and length == _SIZES[dns.rdatatype.RdataType(kind)]:
            found.setdefault(owner, {})[unpack(data[at : at + length])] = ttl
        elif of_kind == dns.rdatatype.CNAME:
            aliases.setdefault(owner, (_name(data, at)[0], ttl))
        at += length
    ttl = float(_TTL_MAX)
    for _ in range(CHAIN_MAX):
        if name in found:
            ttl = min(ttl, *found[name].values())
            return tuple((address, ttl) for address in found[name])
        if name not in aliases:
            break
        name, of_alias = aliases[name]
        ttl = min(ttl, of_alias)
    return ()


def _failure(code: int) -> str | None:
    if code == dns.rcode.NOERROR:
        return None
    return _WORDS.get(code) or f"the resolver answered {dns.rcode.to_text(dns.rcode.Rcode(code))}"


_WORDS: dict[int, str] = {
    dns.rcode.NXDOMAIN: lookup_failure.NO_SUCH_NAME,
    dns.rcode.SERVFAIL: lookup_failure.RESOLVER_FAILED,
    dns.rcode.REFUSED: lookup_failure.RESOLVER_REFUSED,
}


def _text(labels: _Labels) -> str | None:
    """Its labels as they are; a dot in a label is no border, so that the whole is made unmistakable."""
    raw = b".".join(labels[:-1])
    return host_from_wire(b"\\" + raw if any(b"." in label for label in labels) else raw)
