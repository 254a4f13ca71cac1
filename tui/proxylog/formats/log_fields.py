"""What the fields of a log line say: times, counts, addresses. Pure; what cannot be read is None."""

import re
from datetime import UTC, datetime, tzinfo
from functools import lru_cache

from tui.model.address import ADDRESS_MAX, normal
from tui.model.connection import Endpoint
from tui.model.remembered import remembered

DAY = rb"[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2}"
"""``23/Nov/2026:10:29:29``, as the Common Log Format has it."""
ADDRESS = rb"[0-9A-Fa-f.:]{2,45}"
SECOND_US = 1_000_000
_MONTHS = {name: number for number, name in enumerate(
    (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"), 1
)}  # fmt: skip
_PLACE = re.compile(rb"(?:\[([0-9A-Fa-f.:]{2,45})\]|([0-9.]{7,15})):([0-9]{1,5})")


@lru_cache(maxsize=1024)
def zoned_us(raw: bytes) -> int | None:
    """Of ``23/Nov/2026:10:29:29 +0000``."""
    day = _day(raw[:20])
    if day is None:
        return None
    try:
        offset = int(raw[21:24]) * 3600 + int(raw[21:22] + raw[24:26]) * 60
    except ValueError:
        return None
    return _since_1970(int(day.replace(tzinfo=UTC).timestamp()) - offset)


@lru_cache(maxsize=1024)
def iso_us(raw: bytes) -> int | None:
    """Of ``2026-11-23T10:29:29+00:00`` (ISO 8601), to the second."""
    try:
        moment = datetime.fromisoformat(raw.decode("ascii"))
        return _since_1970(int(moment.timestamp())) if moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def local_us(raw: bytes, zone: tzinfo, now_us: int) -> int | None:
    """Of ``23/Nov/2026:10:29:29`` without a zone. An hour that comes twice is the later one unless that is to come."""
    earlier, later = _local(raw, zone)
    return earlier if later is None or later > now_us else later


@lru_cache(maxsize=1024)
def _local(raw: bytes, zone: tzinfo) -> tuple[int | None, int | None]:
    day = _day(raw)
    if day is None:
        return None, None
    try:
        both = sorted(int(day.replace(tzinfo=zone, fold=fold).timestamp()) for fold in (0, 1))
    except (ValueError, OverflowError):
        return None, None
    return _since_1970(both[0]), _since_1970(both[1])


def _day(raw: bytes) -> datetime | None:
    try:
        return datetime(  # noqa: DTZ001 - its zone is the caller's
            int(raw[7:11]), _MONTHS[raw[3:6]], int(raw[:2]), int(raw[12:14]), int(raw[15:17]), min(int(raw[18:20]), 59)
        )
    except (KeyError, ValueError):
        return None


def _since_1970(seconds: int) -> int | None:
    return seconds * SECOND_US if seconds >= 0 else None


def seconds_us(raw: bytes | None) -> int | None:
    """Of seconds with three decimals."""
    whole, point, thousandths = (raw or b"").partition(b".")
    if not point or len(thousandths) != 3 or not (whole + thousandths).isdigit():
        return None
    return int(whole + thousandths) * 1000


def count_of(raw: bytes | None) -> int | None:
    """Of a count of bytes."""
    return int(raw) if raw is not None and raw.isdigit() else None


@remembered
def address_of(raw: bytes) -> str | None:
    """An address in its usual text."""
    try:
        return normal(raw.decode("ascii")) if len(raw) <= ADDRESS_MAX else None
    except ValueError:
        return None


def endpoint_of(address: bytes | None, port: bytes | None) -> Endpoint | None:
    """Who asked; port 0 where there is none."""
    ip = address_of(address) if address else None
    if ip is None:
        return None
    number = int(port) if port and port.isdigit() else 0
    return Endpoint(ip, number if number < 65_536 else 0)


@remembered
def place_of(raw: bytes) -> Endpoint | None:
    """Of ``198.51.100.26:443`` or ``[2001:db8::20]:443``."""
    found = _PLACE.fullmatch(raw)
    if found is None:
        return None
    return endpoint_of(found[1] or found[2], found[3])
