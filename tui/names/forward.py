"""Look names up ahead of time, and again when their TTL ends, so that an address has its name when it is dialled.

One that a client has just named can be looked up at once, to see whether it has the address to which the client went.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from time import monotonic, time_ns

import aiodns
import pycares

from tui.model import lookup_failure
from tui.model.host import is_host
from tui.names.resolver import Resolver, in_words

SHORTEST_S = 5.0
"""A TTL below this is not followed faster: a resolver is no place to hammer."""
LONGEST_S = 3600.0
FIRST_RETRY_S = 2.0
LAST_RETRY_S = 300.0
AT_ONCE = 8
AGAIN_S = 10.0
"""How soon a name may be asked for once more."""
ASKED_PER_S = 10
"""Names that are asked for, in all."""
WAITING_MAX = 100
"""Names that are asked for and have no result yet."""


@dataclass(frozen=True, slots=True)
class Found:
    """The addresses of a name, good for ``ttl_s`` seconds from ``at_us``."""

    host: str
    addresses: tuple[str, ...]
    ttl_s: float
    at_us: int


@dataclass(frozen=True, slots=True)
class Missed:
    """A look-up that gave no address, and why, in words."""

    host: str
    reason: str
    at_us: int


Result = Found | Missed


class Lookups:
    """Keeps every name looked up, and hands each result to ``tell``. Use it on one running event loop."""

    def __init__(
        self, nameservers: Sequence[str], tell: Callable[[Result], None], opened: Callable[[int], None]
    ) -> None:
        """``opened`` is told the descriptor of every socket that a look-up makes, when it is made."""
        self._resolver = Resolver(nameservers, opened)
        self._tell = tell
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._answered: set[str] = set()
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._single: set[asyncio.Task[None]] = set()
        self._asked: dict[str, float] = {}
        self._single_gate = asyncio.Semaphore(AT_ONCE)

    def follow(self, hosts: Iterable[str]) -> None:
        """Look these names up from now on, and no others.

        :raises aiodns.error.DNSError: if the resolver cannot be set up, for instance with a bad name server address
        """
        wanted = set(hosts)
        if wanted:
            self._resolver.open()
        for host in self._tasks.keys() - wanted:
            self._tasks.pop(host).cancel()
            self._answered.discard(host)
        for host in sorted(wanted - self._tasks.keys()):
            self._tasks[host] = asyncio.create_task(self._keep(host), name=f"look up {host}")

    def ask(self, host: str) -> None:
        """Look a name up once now, whether it is followed or not, unless it was asked for just now or too many are.

        What is no host name in lower case is left out.

        :raises aiodns.error.DNSError: as ``follow`` does
        """
        now = monotonic()
        self._asked = {each: at for each, at in self._asked.items() if now - at < AGAIN_S}
        in_last_second = sum(now - at < 1 for at in self._asked.values())
        too_many = in_last_second >= ASKED_PER_S or len(self._single) >= WAITING_MAX
        if host in self._asked or too_many or not is_host(host):
            return
        self._resolver.open()
        self._asked[host] = now
        task = asyncio.create_task(self._look_up_once(host), name=f"look up {host} once")
        self._single.add(task)
        task.add_done_callback(self._single.discard)

    @property
    def settled(self) -> bool:
        """True once every name that is followed has had its first result, good or bad."""
        return self._tasks.keys() <= self._answered

    def quiet(self) -> AbstractContextManager[None]:
        """Begin no look-up meanwhile, so that a look at all sockets does not meet one of ours half made."""
        return self._resolver.quiet()

    async def close(self) -> None:
        """Stop all look-ups and close the resolver."""
        tasks = [*self._tasks.values(), *self._single]
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._resolver.close()

    async def _keep(self, host: str) -> None:
        retry_s = FIRST_RETRY_S
        while True:
            async with self._gate:
                result = await _look_up(self._resolver, host)
            self._answered.add(host)
            self._tell(result)
            if isinstance(result, Found):
                retry_s = FIRST_RETRY_S
                await asyncio.sleep(min(max(result.ttl_s, SHORTEST_S), LONGEST_S))
            else:
                await asyncio.sleep(retry_s)
                retry_s = min(retry_s * 2, LAST_RETRY_S)

    async def _look_up_once(self, host: str) -> None:
        async with self._single_gate, self._resolver.anew() as resolver:
            self._tell(await _look_up(resolver, host))


async def _look_up(resolver: Resolver, host: str) -> Result:
    await resolver.turn()
    at_us = time_ns() // 1000
    answers = await asyncio.gather(_query(resolver, host, "A"), _query(resolver, host, "AAAA"))
    addresses = tuple(dict.fromkeys(ip for found, _, _ in answers for ip in found))
    if addresses:
        return Found(host, addresses, min(ttl for found, ttl, _ in answers if found), at_us)
    reasons = dict.fromkeys(reason for _, _, reason in answers if reason)
    return Missed(host, "; ".join(reasons) or lookup_failure.NO_ADDRESS, at_us)


async def _query(resolver: Resolver, host: str, kind: str) -> tuple[list[str], float, str]:
    try:
        records = await resolver.query(host, kind)
    except aiodns.error.DNSError as error:
        return [], 0, in_words(error)
    wanted = (pycares.ARecordData, pycares.AAAARecordData)
    found = [record.data.addr for record in records if isinstance(record.data, wanted)]
    return found, min((float(record.ttl) for record in records), default=0), ""
