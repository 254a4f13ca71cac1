"""Times that a log writes by strftime(3), read back. English names; no locale."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

_MONTHS = (b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec")
_SHORT = {"T": "%H:%M:%S", "R": "%H:%M", "F": "%Y-%m-%d", "D": "%m/%d/%y"}
_PATTERNS = {
    "Y": rb"[0-9]{4}",
    "y": rb"[0-9]{2}",
    "m": rb"[0-9]{2}",
    "d": rb"[0-9]{2}",
    "e": rb"[ 0-9][0-9]",
    "b": rb"[A-Za-z]{3}",
    "B": rb"[A-Za-z]{3,9}",
    "H": rb"[0-9]{2}",
    "M": rb"[0-9]{2}",
    "S": rb"[0-9]{2}",
    "s": rb"[0-9]{1,11}",
    "z": rb"[+-][0-9]{2}:?[0-9]{2}",
    "a": rb"[A-Za-z]{3}",
    "A": rb"[A-Za-z]{6,9}",
    "Z": rb"[A-Za-z0-9+-]{1,8}",
    "f": rb"[0-9]{1,9}",
}
_SAME = {"e": "d", "B": "b", "A": "a"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class TimePattern:
    """Reads what one strftime format writes."""

    def __init__(self, form: str) -> None:
        """:raises ValueError: with a sentence, if the format has no day or time, or a conversion that is not known"""
        for short, long in _SHORT.items():
            form = form.replace(f"%{short}", long)
        self.pattern = b""
        """A regular expression without groups."""
        grouped, seen = b"", set[str]()
        for text, letter in re.findall(r"([^%]+)|%[1-9]?(.)", form):
            if text or letter == "%":
                self.pattern += re.escape((text or letter).encode())
                grouped += re.escape((text or letter).encode())
                continue
            if letter not in _PATTERNS:
                raise ValueError(f"%{letter} in a time format is not understood")
            name = _SAME.get(letter, letter)
            self.pattern += _PATTERNS[letter]
            grouped += _PATTERNS[letter] if name in seen else b"(?P<%b>%b)" % (name.encode(), _PATTERNS[letter])
            seen.add(name)
        day = {"d"} <= seen and bool(seen & {"m", "b"}) and bool(seen & {"Y", "y"})
        if "s" not in seen and not (day and "H" in seen and "M" in seen):
            raise ValueError(f"the time format {form!r} lacks the year, the day or the time of day")
        self._grouped = re.compile(grouped)

    def read(self, raw: bytes, zone: tzinfo, now_us: int) -> int:
        """Microseconds since the epoch.

        :param zone: of a time that bears none
        :param now_us: of two times that a change of the clock makes look the same, the later one that is not after this
        :raises ValueError: if these bytes are no such time
        """
        found = self._grouped.fullmatch(raw)
        if found is None:
            raise ValueError("no such time")
        got = found.groupdict()
        micros = int(got.get("f", b"0").ljust(6, b"0")[:6])
        if "s" in got:
            return int(got["s"]) * 1_000_000 + micros
        month = _MONTHS.index(got["b"][:3].lower()) + 1 if "b" in got else int(got["m"])
        year = int(got["Y"]) if "Y" in got else 2000 + int(got["y"])
        if not 1970 <= year < 9000:
            raise ValueError("no such year")
        second = min(int(got.get("S", b"0")), 59)  # a leap second
        moment = datetime(year, month, int(got["d"]), int(got["H"]), int(got["M"]), second, micros)  # noqa: DTZ001
        if "z" in got:
            sign = -1 if got["z"].startswith(b"-") else 1
            there = timezone(sign * timedelta(hours=int(got["z"][1:3]), minutes=int(got["z"][-2:])))
            return _since_epoch(moment.replace(tzinfo=there))
        later = _since_epoch(moment.replace(tzinfo=zone, fold=1))
        return later if later <= now_us else _since_epoch(moment.replace(tzinfo=zone))


def _since_epoch(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND
