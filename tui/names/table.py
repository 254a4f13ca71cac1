"""The table of names: which names an address had for a namespace, and when. Pure; asks nobody.

An answer holds from when it was given until its TTL ends (RFC 1035 §3.2.1). Our own look-ups are not those of the
client, which may have asked a little earlier, and any client may keep an address longer than it should (a pool of
connections, a JVM): so each kind of evidence is granted some slack.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from tui.model.answer import EVERYWHERE, Answer
from tui.model.connection import Evidence
from tui.model.times import DAY_US, HOUR_US

EARLIER_US = 5_000_000
"""So long before one of our own look-ups a client may have asked."""
PACKET_US = 1_000
"""So exact is the time of one packet beside that of another."""
LATER_US = 60_000_000
"""So long after its TTL an address may be dialled without a second thought."""
HELD_US = HOUR_US
"""So long after its TTL a client may still hold an address, if nothing newer names it."""
KEPT_US = DAY_US
"""Older answers leave the table; the history keeps them."""

ADDRESSES_MAX = 4_096
"""Of one namespace."""
NAMES_MAX = 16_384
"""Of one namespace: each name of each address for each time that is told apart."""
NAMES_PER_ADDRESS_MAX = 256
TIMES_MAX = 32
"""Times that are told apart of one name of one address."""
ALL_MAX = 200_000
"""Of all namespaces together, counted as in ``NAMES_MAX``."""

_Key = tuple[str, Evidence]
_Spans = list[Answer]
"""Of one name and address, in order of their beginning."""


class Known(NamedTuple):
    """A name that an address had, and how that is known."""

    host: str
    evidence: Evidence


@dataclass(slots=True)
class _Space:
    """What holds in one namespace; the addresses, and the names of each, in the order in which they were learned."""

    by_ip: OrderedDict[str, dict[_Key, _Spans]] = field(default_factory=OrderedDict)
    by_name: dict[_Key, dict[str, _Spans]] = field(default_factory=dict)
    told: OrderedDict[str, int] = field(default_factory=OrderedDict)
    """By host: when an answer with an address last came."""
    size: int = 0

    def spans(self, ip: str, key: _Key) -> _Spans:
        """Those of a name and address, which become the ones that were learned last."""
        held = self.by_ip.setdefault(ip, {})
        self.by_ip.move_to_end(ip)
        spans = held.pop(key, None)
        if spans is None:
            spans = self.by_name.setdefault(key, {})[ip] = []
        held[key] = spans
        return spans

    def drop(self, ip: str, key: _Key) -> None:
        """Forget one name of one address."""
        held, named = self.by_ip[ip], self.by_name[key]
        self.size -= len(held.pop(key))
        del named[ip]
        if not held:
            del self.by_ip[ip]
        if not named:
            del self.by_name[key]

    def oldest(self) -> tuple[str, _Key]:
        """What was learned longest ago."""
        ip, held = next(iter(self.by_ip.items()))
        return ip, next(iter(held))


class NameTable:
    """Answers by namespace and address. Bounded: what was learned longest ago makes room."""

    def __init__(self) -> None:
        self._everywhere = _Space()
        self._spaces = OrderedDict({EVERYWHERE: self._everywhere})
        self._size = 0

    def learn(self, answer: Answer) -> Answer:
        """Take in an answer and return it as it now stands, joined with the one that it continues."""
        space = self._spaces.get(answer.namespace)
        if space is None:
            space = self._spaces[answer.namespace] = _Space()
        self._spaces.move_to_end(answer.namespace)
        if answer.evidence is Evidence.DNS:
            space.told[answer.host] = max(answer.from_us, space.told.get(answer.host, 0))
            space.told.move_to_end(answer.host)
            if len(space.told) > NAMES_MAX:
                space.told.popitem(last=False)
        before = space.size
        spans = space.spans(answer.ip, (answer.host, answer.evidence))
        space.size -= len(spans)
        joined = _join(spans, answer)
        del spans[:-TIMES_MAX]
        space.size += len(spans)
        self._size += space.size - before
        self._make_room(space, answer.ip)
        return joined

    def _make_room(self, space: _Space, ip: str) -> None:
        if len(space.by_ip[ip]) > NAMES_PER_ADDRESS_MAX:
            self._drop(space, ip, next(iter(space.by_ip[ip])))
        while len(space.by_ip) > ADDRESSES_MAX or space.size > NAMES_MAX:
            self._drop(space, *space.oldest())
        while self._size > ALL_MAX:
            quietest = next(each for each in self._spaces.values() if each.size)
            self._drop(quietest, *quietest.oldest())

    def _drop(self, space: _Space, ip: str, key: _Key) -> None:
        before = space.size
        space.drop(ip, key)
        self._size += space.size - before

    def known(self, namespace: str, ip: str, at_us: int) -> tuple[Known, ...]:
        """The names that an address had at that time for a namespace, strongest evidence first, then by alphabet.

        Of what the namespace itself was answered the names that may be kept still hide those that may not.
        """
        found = list[Known]()
        if namespace != EVERYWHERE:
            space = self._spaces.get(namespace)
            held = space.by_ip.get(ip) if space is not None else None
            if held is not None:
                found += _of_namespace(held, at_us)
        ours = self._everywhere.by_ip.get(ip)
        if ours is not None:
            for (host, evidence), spans in ours.items():
                if evidence is Evidence.FORWARD:
                    past_us = _past_us(spans, at_us + EARLIER_US)
                    if past_us is not None and past_us <= EARLIER_US + LATER_US:
                        found.append(Known(host, evidence))
        if len(found) > 1:
            found.sort(key=_strength)
        return tuple(found)

    def confirms(self, namespace: str, host: str, ip: str, at_us: int) -> bool:
        """True if a name is known to have had an address, for a namespace or by our own look-ups."""
        space = self._spaces.get(namespace)
        return (
            (space is not None and _held(space, host, Evidence.DNS, ip, at_us, PACKET_US, HELD_US))
            or (space is not None and _held(space, host, Evidence.HOSTS, ip, at_us, 0, 0))
            or _held(self._everywhere, host, Evidence.FORWARD, ip, at_us, EARLIER_US, HELD_US)
        )

    def has_had(self, namespace: str, host: str, ip: str, at_us: int) -> bool:
        """True if a name is known to have had an address earlier, however long ago, as far back as this table goes."""
        spaces = (self._everywhere, self._spaces.get(namespace))
        found = (space.by_name.get((host, kind), {}).get(ip, ()) for space in spaces if space for kind in _STRENGTH)
        return any(each.from_us <= at_us for spans in found for each in spans)

    def addresses_of(self, host: str, at_us: int) -> frozenset[str]:
        """The addresses of a name by those of our own look-ups that hold at that time; empty where none does."""
        named = self._everywhere.by_name.get((host, Evidence.FORWARD), {})
        ages = ((ip, _past_us(spans, at_us + EARLIER_US)) for ip, spans in named.items())
        return frozenset(ip for ip, past_us in ages if past_us is not None and past_us <= EARLIER_US)

    def rotates(self, host: str) -> bool:
        """True if our own look-ups gave different addresses at different times, so that a lack of one tells nothing."""
        named = self._everywhere.by_name.get((host, Evidence.FORWARD), {})
        return len({tuple((each.from_us, each.until_us) for each in spans) for spans in named.values()}) > 1

    def told_us(self, namespace: str, host: str) -> int:
        """When a namespace was last seen to be told an address of a name; 0: never."""
        space = self._spaces.get(namespace)
        return space.told.get(host, 0) if space is not None else 0

    def forget_namespace(self, namespace: str) -> None:
        """Drop all that one namespace was answered: its name may become another's."""
        space = self._spaces.pop(namespace, None)
        if space is not None:
            self._size -= space.size

    def forget_before(self, at_us: int) -> None:
        """Drop what ended more than a day before a time. Looks at everything."""
        for namespace, space in list(self._spaces.items()):
            for ip, key in list(_ended(space, at_us - KEPT_US)):
                self._drop(space, ip, key)
            if not space.size and namespace != EVERYWHERE:
                del self._spaces[namespace]


def _join(spans: _Spans, answer: Answer) -> Answer:
    """Put an answer to the one that it continues or that it touches; one that comes late stands where it belongs."""
    last = spans[-1] if spans else None
    if last is not None and last.from_us - LATER_US <= answer.until_us and answer.from_us <= last.until_us + LATER_US:
        spans[-1] = answer = last if answer.until_us <= last.until_us else replace(last, until_us=answer.until_us)
        return answer
    spans.append(answer)
    if last is not None and answer.from_us < last.from_us:
        spans.sort(key=lambda each: each.from_us)
    return answer


def _past_us(spans: _Spans, at_us: int) -> int | None:
    """How long before a time the last of those that had begun ended, below 0 while it holds; None if none had."""
    for each in reversed(spans):
        if each.from_us <= at_us:
            return at_us - each.until_us
    return None


def _of_namespace(held: dict[_Key, _Spans], at_us: int) -> list[Known]:
    fresh, stale, written = list[Known](), list[Known](), list[Known]()
    for (host, evidence), spans in held.items():
        if evidence is Evidence.DNS:
            past_us = _past_us(spans, at_us + PACKET_US)
            if past_us is not None and past_us <= PACKET_US + HELD_US:
                (fresh if past_us <= PACKET_US + LATER_US else stale).append(Known(host, evidence))
        elif evidence is Evidence.HOSTS:
            past_us = _past_us(spans, at_us)
            if past_us is not None and past_us <= 0:
                written.append(Known(host, evidence))
    return (fresh or stale) + written


def _held(
    space: _Space, host: str, evidence: Evidence, ip: str, at_us: int, earlier_us: int, later_us: int
) -> bool:  # fmt: skip
    spans = space.by_name.get((host, evidence), {}).get(ip)
    past_us = _past_us(spans, at_us + earlier_us) if spans else None
    return past_us is not None and past_us <= earlier_us + later_us


def _ended(space: _Space, before_us: int) -> Iterator[tuple[str, _Key]]:
    for ip, held in space.by_ip.items():
        for key, spans in held.items():
            if spans[-1].until_us < before_us:
                yield ip, key


_STRENGTH = {Evidence.DNS: 0, Evidence.HOSTS: 1, Evidence.FORWARD: 2}


def _strength(known: Known) -> tuple[int, str]:
    return _STRENGTH[known.evidence], known.host
