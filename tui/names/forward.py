"""Look names up ahead of time, and again when their TTL ends, so that an address has its name when it is dialled."""

import asyncio
import contextlib
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import aiodns
import pycares

SHORTEST_S = 5.0
"""A TTL below this is not followed faster: a resolver is no place to hammer."""
LONGEST_S = 3600.0
FIRST_RETRY_S = 2.0
LAST_RETRY_S = 300.0
AT_ONCE = 8
TIMEOUT_S = 2.0
TRIES = 2


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


class _Resolver(aiodns.DNSResolver):
    """Tells of each socket before it is used, which aiodns's own thread for events cannot do."""

    def __init__(self, opened: Callable[[int], None], **options: Any) -> None:
        self._opened = opened
        super().__init__(**options)

    def _make_channel(self, **options: Any) -> tuple[bool, pycares.Channel]:
        myself = weakref.ref(self)

        def changed(descriptor: int, readable: bool, writable: bool) -> None:
            resolver = myself()
            if resolver is not None:
                if readable or writable:
                    resolver._opened(descriptor)
                resolver._sock_state_cb(descriptor, readable, writable)

        return False, pycares.Channel(sock_state_cb=changed, timeout=self._timeout, **options)


class Lookups:
    """Keeps every name looked up, and hands each result to ``tell``. Use it on one running event loop."""

    def __init__(
        self, nameservers: Sequence[str], tell: Callable[[Result], None], opened: Callable[[int], None]
    ) -> None:
        """``opened`` is told the descriptor of every socket that a look-up makes, when it is made."""
        self._nameservers = list(nameservers)
        self._opened = opened
        self._tell = tell
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._answered: set[str] = set()
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._may_ask = asyncio.Event()
        self._may_ask.set()
        self._resolver: aiodns.DNSResolver | None = None

    def follow(self, hosts: Iterable[str]) -> None:
        """Look these names up from now on, and no others.

        :raises aiodns.error.DNSError: if the resolver cannot be set up, for instance with a bad name server address
        """
        wanted = set(hosts)
        if wanted and self._resolver is None:
            self._resolver = _Resolver(
                self._opened, nameservers=self._nameservers or None, timeout=TIMEOUT_S, tries=TRIES, rotate=False
            )
        for host in self._tasks.keys() - wanted:
            self._tasks.pop(host).cancel()
            self._answered.discard(host)
        for host in sorted(wanted - self._tasks.keys()):
            self._tasks[host] = asyncio.create_task(self._keep(host), name=f"look up {host}")

    @property
    def settled(self) -> bool:
        """True once every name has had its first result, good or bad."""
        return self._tasks.keys() <= self._answered

    @contextlib.contextmanager
    def quiet(self) -> Iterator[None]:
        """Begin no look-up meanwhile, so that a look at all sockets does not meet one of ours half made."""
        self._may_ask.clear()
        try:
            yield
        finally:
            self._may_ask.set()

    async def close(self) -> None:
        """Stop all look-ups and close the resolver."""
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._resolver is not None:
            await self._resolver.close()
            self._resolver = None

    async def _keep(self, host: str) -> None:
        retry_s = FIRST_RETRY_S
        while True:
            async with self._gate:
                await self._may_ask.wait()
                result = await self._look_up(host)
            self._answered.add(host)
            self._tell(result)
            if isinstance(result, Found):
                retry_s = FIRST_RETRY_S
                await asyncio.sleep(min(max(result.ttl_s, SHORTEST_S), LONGEST_S))
            else:
                await asyncio.sleep(retry_s)
                retry_s = min(retry_s * 2, LAST_RETRY_S)

    async def _look_up(self, host: str) -> Result:
        at_us = time.time_ns() // 1000
        answers = await asyncio.gather(self._query(host, "A"), self._query(host, "AAAA"))
        addresses = tuple(dict.fromkeys(ip for found, _, _ in answers for ip in found))
        if addresses:
            return Found(host, addresses, min(ttl for found, ttl, _ in answers if found), at_us)
        reasons = dict.fromkeys(reason for _, _, reason in answers if reason)
        return Missed(host, "; ".join(reasons) or "it has no address", at_us)

    async def _query(self, host: str, kind: str) -> tuple[list[str], float, str]:
        if self._resolver is None:
            raise RuntimeError("the resolver is closed")
        try:
            result = await self._resolver.query_dns(host, kind)
        except aiodns.error.DNSError as error:
            return [], 0, _in_words(error)
        wanted = (pycares.ARecordData, pycares.AAAARecordData)
        found = [record.data.addr for record in result.answer if isinstance(record.data, wanted)]
        return found, min((float(record.ttl) for record in result.answer), default=0), ""


_WORDS = {
    aiodns.error.ARES_ENOTFOUND: "the name does not exist (NXDOMAIN)",
    aiodns.error.ARES_ENODATA: "",
    aiodns.error.ARES_ESERVFAIL: "the resolver failed (SERVFAIL)",
    aiodns.error.ARES_EREFUSED: "the resolver refused",
    aiodns.error.ARES_ETIMEOUT: "the resolver did not answer",
    aiodns.error.ARES_ECONNREFUSED: "the resolver could not be reached",
}


def _in_words(error: aiodns.error.DNSError) -> str:
    code = error.args[0] if error.args else None
    return _WORDS.get(code, f"the look-up failed: {error.args[-1] if error.args else error}")
