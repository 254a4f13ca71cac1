"""Ask a name server (aiodns), and say why it gave nothing. Knows no name."""

import asyncio
import contextlib
import weakref
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import aiodns
import pycares

from tui.model import lookup_failure

TIMEOUT_S = 2.0
TRIES = 2


class _Channel(aiodns.DNSResolver):
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


class Resolver:
    """Use it on one running event loop."""

    def __init__(self, nameservers: Sequence[str], opened: Callable[[int], None]) -> None:
        """``opened`` is told the descriptor of every socket that a question makes, when it is made."""
        self._nameservers = list(nameservers)
        self._opened = opened
        self._channel: aiodns.DNSResolver | None = None
        self._may_ask = asyncio.Event()
        self._may_ask.set()

    def open(self) -> None:
        """Be ready to ask.

        :raises aiodns.error.DNSError: if that cannot be, for instance with a bad name server address
        """
        if self._channel is None:
            self._channel = _Channel(
                self._opened, nameservers=self._nameservers or None, timeout=TIMEOUT_S, tries=TRIES, rotate=False
            )

    @contextlib.contextmanager
    def quiet(self) -> Iterator[None]:
        """Begin no look-up meanwhile, so that a look at all sockets does not meet one of ours half made."""
        self._may_ask.clear()
        try:
            yield
        finally:
            self._may_ask.set()

    @contextlib.asynccontextmanager
    async def anew(self) -> AsyncIterator["Resolver"]:
        """Another one that has asked nothing yet: what was asked c-ares answers from memory while its TTL lasts."""
        other = Resolver(self._nameservers, self._opened)
        other._may_ask = self._may_ask
        other.open()
        try:
            yield other
        finally:
            await other.close()

    async def turn(self) -> None:
        """Wait until a look-up may begin."""
        await self._may_ask.wait()

    async def query(self, name: str, kind: str) -> list[pycares.DNSRecord]:
        """The records that answer a question, those of the aliases on the way among them.

        :raises aiodns.error.DNSError: if there are none; ``in_words`` says why
        """
        if self._channel is None:
            raise RuntimeError("the resolver is closed")
        return list((await self._channel.query_dns(name, kind)).answer)

    async def close(self) -> None:
        """Let go of all sockets."""
        if self._channel is not None:
            await self._channel.close()
            self._channel = None


_WORDS = {
    aiodns.error.ARES_ENOTFOUND: lookup_failure.NO_SUCH_NAME,
    aiodns.error.ARES_ENODATA: "",
    aiodns.error.ARES_ESERVFAIL: lookup_failure.RESOLVER_FAILED,
    aiodns.error.ARES_EREFUSED: lookup_failure.RESOLVER_REFUSED,
    aiodns.error.ARES_ETIMEOUT: lookup_failure.NO_ANSWER,
    aiodns.error.ARES_ECONNREFUSED: lookup_failure.UNREACHABLE,
}


def in_words(error: aiodns.error.DNSError) -> str:
    """Why a question was not answered; empty where the name exists and has no such record."""
    code = error.args[0] if error.args else None
    return _WORDS.get(code, f"the look-up failed: {error.args[-1] if error.args else error}")
