"""Ask where an address points to (PTR, RFC 1035 §3.5), slowly: whoever holds the address may answer what he likes.

Such a name is shown where nothing better is known, and never believed.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from ipaddress import ip_address
from typing import NamedTuple

import aiodns
import pycares

from tui.model.host import host_of
from tui.names.resolver import Resolver

SHORTEST_S = 600.0
LONGEST_S = 86_400.0
FAILED_S = 3_600.0
"""How long an address without a name is not asked for again."""
WAITING_MAX = 1_000
KNOWN_MAX = 10_000
AT_ONCE = 4
PAUSE_S = 0.2
"""Between two questions."""


class Pointed(NamedTuple):
    """Where an address points to, None if nowhere, from ``at_us`` until ``until_us`` (the end of its TTL)."""

    ip: str
    host: str | None
    at_us: int
    until_us: int


class Reverse:
    """Looks addresses up when they are asked for, and hands each result to ``tell``. For one running event loop."""

    def __init__(
        self, nameservers: Sequence[str], tell: Callable[[Pointed], None], opened: Callable[[int], None]
    ) -> None:
        """``opened`` is told the descriptor of every socket that a look-up makes, when it is made."""
        self._resolver = Resolver(nameservers, opened)
        self._tell = tell
        self._known = OrderedDict[str, float]()
        """Until when, on the monotonic clock, an address is not asked for again."""
        self._waiting: dict[str, None] = {}
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._worker: asyncio.Task[None] | None = None

    def ask(self, ip: str) -> None:
        """Look an address up soon, unless its last result still holds or too many wait.

        :raises ValueError: if the text is no address
        :raises aiodns.error.DNSError: if the resolver cannot be set up, for instance with a bad name server address
        """
        holds = self._known.get(ip, 0) > time.monotonic()
        if holds or ip in self._waiting or ip in self._under_way or len(self._waiting) >= WAITING_MAX:
            return
        self._resolver.open()
        self._waiting[str(ip_address(ip))] = None
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work(), name="look up addresses")

    def quiet(self) -> AbstractContextManager[None]:
        """Begin no look-up meanwhile, so that a look at all sockets does not meet one of ours half made."""
        return self._resolver.quiet()

    async def close(self) -> None:
        """Stop all look-ups and close the resolver."""
        self._waiting.clear()
        tasks = [*self._under_way.values(), *([self._worker] if self._worker is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._resolver.close()

    async def _work(self) -> None:
        while self._waiting:
            await self._gate.acquire()
            ip = next(iter(self._waiting))
            del self._waiting[ip]
            self._under_way[ip] = asyncio.create_task(self._look_up(ip), name=f"look up {ip}")
            await asyncio.sleep(PAUSE_S)

    async def _look_up(self, ip: str) -> None:
        try:
            await self._resolver.turn()
            at_us = time.time_ns() // 1000
            host, holds_s = await self._query(ip)
            self._known[ip] = time.monotonic() + holds_s
            self._known.move_to_end(ip)
            if len(self._known) > KNOWN_MAX:
                self._known.popitem(last=False)
            self._tell(Pointed(ip, host, at_us, at_us + round(holds_s * 1_000_000)))
        finally:
            del self._under_way[ip]
            self._gate.release()

    async def _query(self, ip: str) -> tuple[str | None, float]:
        """The first name by alphabet that is one, and for how many seconds it holds."""
        try:
            records = await self._resolver.query(ip_address(ip).reverse_pointer, "PTR")
        except aiodns.error.DNSError:
            return None, FAILED_S
        hosts = [host_of(each.data.dname) for each in records if isinstance(each.data, pycares.PTRRecordData)]
        host = min((host for host in hosts if host is not None), default=None)
        ttl_s = min((float(record.ttl) for record in records), default=0)
        return host, min(max(ttl_s, SHORTEST_S), LONGEST_S) if host is not None else FAILED_S
