"""Notice that one of Retool's services sends much to one destination and gets little back. Pure; has no clock."""

from collections import deque
from collections.abc import Iterable

from tui.model.alert import Alert, AlertKind, Finding, Urgency
from tui.model.connection import Endpoint
from tui.model.size import size_text
from tui.model.times import HOUR_US

LIMIT_BYTES = 25_000_000
RATIO = 10
"""So many times what is received must be sent."""
HOURS = 24
"""The hour that runs, and those before it."""
KEYS_MAX = 20_000

_Key = tuple[str, str, int]
"""Who, destination, port."""


class _Sums:
    """Payload bytes to one destination: by hour, and altogether in the last 24 hours."""

    __slots__ = ("hours", "last_hour", "received", "sent", "told", "untold")

    def __init__(self) -> None:
        self.hours = deque[list[int]]()
        """Hour since the epoch, sent, received; oldest first."""
        self.last_hour = -1
        self.sent = 0
        self.received = 0
        self.told = False
        self.untold = 0
        """Bytes sent since the last finding."""

    def add(self, hour: int, sent: int, received: int) -> None:
        if hour > self.last_hour:
            self.hours.append([hour, 0, 0])
            self.last_hour = hour
            self.drop(hour)
        latest = self.hours[-1]
        latest[1] += sent
        latest[2] += received
        self.sent += sent
        self.received += received
        self.untold += sent

    def drop(self, hour: int) -> None:
        """Forget what is older than 24 hours in this hour."""
        while self.hours and self.hours[0][0] <= hour - HOURS:
            _, sent, received = self.hours.popleft()
            self.sent -= sent
            self.received -= received


class UploadWatch:
    """What everybody has sent to every destination in the last 24 hours."""

    def __init__(self, told: Iterable[Alert] = ()) -> None:
        """``told`` are the alerts of the last 24 hours, ended ones too: what they have told is not told again."""
        self._sums: dict[_Key, _Sums] = {}
        self._told = {alert.cause: alert.last_us for alert in told if alert.kind is AlertKind.UPLOAD}

    def seed(self, who: str, destination: str, port: int, hour: int, sent: int, received: int) -> None:
        """Take in what the record has of one hour (since the epoch); hours of one destination in rising order."""
        key = (who, destination, port)
        sums = self._of(key, hour)
        told_us = self._told.get(_cause(key))
        if told_us is not None:
            sums.told = True
        sums.add(hour, sent, received)
        if told_us is not None and hour <= told_us // HOUR_US:
            sums.untold = 0

    def add(
        self, who: str, role: str | None, destination: str, port: int, sent: int, received: int, at_us: int
    ) -> Finding | None:
        """Take in payload bytes that have been sent and received since the last call, internal ones left out.

        ``who`` is the role, or what stands for it where none is known. Gives a finding when the limit is passed, and
        again for each further 25 MB.
        """
        key, hour = (who, destination, port), at_us // HOUR_US
        sums = self._sums.get(key) or self._of(key, hour)
        sums.add(hour, sent, received)
        if sums.sent < LIMIT_BYTES or (sums.told and sums.untold < LIMIT_BYTES) or sums.sent < RATIO * sums.received:
            return None
        sums.told, sums.untold = True, 0
        return Finding(
            AlertKind.UPLOAD,
            _cause(key),
            Urgency.ACT_NOW,
            f"{who} sent {size_text(sums.sent)} to {Endpoint(destination, port)} in the last 24 h "
            f"and got {size_text(sums.received)} back",
            at_us,
            role,
            destination,
            port,
        )

    def _of(self, key: _Key, hour: int) -> _Sums:
        if key not in self._sums:
            if len(self._sums) >= KEYS_MAX:
                self._make_room(hour)
            self._sums[key] = _Sums()
        return self._sums[key]

    def _make_room(self, hour: int) -> None:
        """Forget what is old; if that is not enough, the quarter with the least sent, so that this is seldom needed."""
        for key, sums in list(self._sums.items()):
            sums.drop(hour)
            if not sums.hours:
                del self._sums[key]
        excess = len(self._sums) - KEYS_MAX * 3 // 4
        if excess > 0:
            for key in sorted(self._sums, key=lambda key: self._sums[key].sent)[:excess]:
                del self._sums[key]


def _cause(key: _Key) -> str:
    return "upload|{}|{}|{}".format(*key)
