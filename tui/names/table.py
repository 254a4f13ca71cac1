"""The table of names: which address a name had, and when. Pure; asks nobody.

An answer holds from when it was asked until its TTL ends (RFC 1035 §3.2.1). A client may have asked a little earlier
or keep an address a little longer, so a match is granted some slack on both sides.
"""

from dataclasses import replace

from tui.model.answer import Answer

EARLIER_US = 5_000_000
LATER_US = 60_000_000
KEPT_US = 24 * 3600 * 1_000_000
"""Older answers leave the table; the history keeps them."""


class NameTable:
    """Answers by address."""

    def __init__(self) -> None:
        self._by_ip: dict[str, dict[str, list[Answer]]] = {}

    def learn(self, answer: Answer) -> Answer:
        """Take in an answer and return it as it now stands, joined with the one that it continues."""
        held = self._by_ip.setdefault(answer.ip, {}).setdefault(answer.host, [])
        if held and answer.from_us <= held[-1].until_us + LATER_US:
            held[-1] = replace(held[-1], until_us=max(held[-1].until_us, answer.until_us))
        else:
            held.append(answer)
        return held[-1]

    def hosts(self, ip: str, at_us: int) -> tuple[str, ...]:
        """The names that this address had at that time, in alphabetical order."""
        return tuple(
            sorted(
                host
                for host, held in self._by_ip.get(ip, {}).items()
                if any(a.from_us - EARLIER_US <= at_us <= a.until_us + LATER_US for a in held)
            )
        )

    def forget_before(self, at_us: int) -> None:
        """Drop what ended more than a day before a time."""
        for ip, hosts in list(self._by_ip.items()):
            for host, held in list(hosts.items()):
                hosts[host] = [a for a in held if a.until_us >= at_us - KEPT_US]
                if not hosts[host]:
                    del hosts[host]
            if not hosts:
                del self._by_ip[ip]
