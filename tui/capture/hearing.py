"""Hear the ends of sockets in every network namespace: through one listener where the kernel has a number for the
namespace, inside it otherwise (netlink(7), NETLINK_LISTEN_ALL_NSID).

The kernel may give a number again to the next namespace as soon as one has ended. What is told of a number whose
namespace is not known yet waits for it.
"""

import os
import select
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from tui.capture.diag_socket import EndListener
from tui.capture.inet_diag import local_port, parse_end
from tui.capture.netns import NumberListener, inside, nsid_of, open_namespace
from tui.capture.own import OwnSockets
from tui.model.observation import Loss, SocketEnd

STRANGER_S = 3.0
"""How long the ends of a namespace that has a number and no known process wait for one."""


@dataclass(slots=True)
class _Stranger:
    """Ends that were told of a namespace whose processes are not known yet."""

    since: float
    ends: list[tuple[bytes, int]] = field(default_factory=list)


@dataclass(slots=True)
class _Heard:
    """A namespace that is heard."""

    nsid: int | None = None
    inside: EndListener | None = None
    """None: it is heard through the listener for all."""


class Hearing:
    """All listeners. Give it to one thread at a time: it steps into other namespaces."""

    def __init__(self, own: str, own_sockets: OwnSockets, served: Callable[[str], Collection[int]]) -> None:
        """``own`` is our namespace, ``own_sockets`` has the sockets that the collector itself makes, and ``served``
        tells the ports of a namespace whose ends are of no interest, because they came in.

        :raises OSError: if the kernel refuses sock_diag
        """
        self._own = own
        self._own_sockets = own_sockets
        self._served = served
        self.poll = select.epoll()
        """Readable once something was told."""
        self._numbers: NumberListener | None = None
        self._shared = self._listen_to_all()
        self._heard: dict[str, _Heard] = {}
        self._by_nsid: dict[int, str | None] = {}
        """None: its ends are heard inside it."""
        self._strangers: dict[int, _Stranger] = {}
        self._numbers_given = False
        self._malformed = 0
        self._drained_us = time.time_ns() // 1000
        self._late_losses: list[Loss] = []
        self._last_words: list[SocketEnd] = []
        """What was told inside namespaces that have ended, and not read before."""

    def _listen_to_all(self) -> EndListener:
        """Of all namespaces with a number where that is permitted, else of our own alone."""
        try:
            self._numbers = NumberListener()
            shared = EndListener(all_namespaces=True)
        except OSError:  # an old kernel, or no permission
            if self._numbers is not None:
                self._numbers.close()
                self._numbers = None
            shared = EndListener()
        self.poll.register(shared.socket, select.EPOLLIN)
        return shared

    @property
    def hears_all(self) -> bool:
        """True if one listener hears every namespace that has a number."""
        return self._numbers is not None

    @property
    def shared(self) -> EndListener:
        """The listener of our own namespace, and of the others where it hears all."""
        return self._shared

    def listeners(self) -> dict[str, EndListener]:
        """What hears the ends in each namespace."""
        return {namespace: heard.inside or self._shared for namespace, heard in self._heard.items()}

    def begin(self, namespace: str, pid: int) -> None:
        """Hear a namespace, entered through a process that is in it.

        :raises OSError: if it cannot be entered, or has gone
        """
        heard = _Heard()
        if namespace != self._own:
            descriptor = open_namespace(namespace, pid)
            try:
                heard.nsid = nsid_of(descriptor) if self.hears_all else None
                if heard.nsid is None:
                    with inside(descriptor):
                        heard.inside = EndListener()
            finally:
                os.close(descriptor)
        if heard.nsid is not None:
            self._by_nsid[heard.nsid] = namespace
        if heard.inside is not None:
            self.poll.register(heard.inside.socket, select.EPOLLIN)
        self._heard[namespace] = heard

    def end(self, namespace: str, at_us: int) -> None:
        """A namespace has no process any more: hold nothing of it. Its number stays its own until it is taken back."""
        heard = self._heard.pop(namespace, None)
        if heard is not None and heard.inside is not None:
            for data, _ in heard.inside.drain():
                self._last_words.extend(self._read(data, at_us, namespace))
            lost = heard.inside.lost()
            if lost:
                self._late_losses.append(Loss(self._drained_us, at_us, (namespace,), lost))
            self.poll.unregister(heard.inside.socket)
            heard.inside.close()

    def drain(self, at_us: int) -> Iterator[SocketEnd]:
        """All that was told since the last call."""
        for data, nsid in self._shared.drain():
            if nsid is not None and nsid not in self._by_nsid:
                self._strangers.setdefault(nsid, _Stranger(time.monotonic())).ends.append((data, at_us))
                continue
            namespace = self._own if nsid is None else self._by_nsid[nsid]
            if namespace is not None:
                yield from self._read(data, at_us, namespace)
        for namespace, heard in self._heard.items():
            if heard.inside is not None:
                for data, _ in heard.inside.drain():
                    yield from self._read(data, at_us, namespace)
        if self._numbers is not None:
            for told in self._numbers.drain():
                self._take_number(told)

    def _take_number(self, told: tuple[bool, int] | None) -> None:
        """A number was given or taken back; None: nobody knows which, so that all are asked for again."""
        if told is None:
            self._by_nsid.clear()
            self._numbers_given = True
        elif told[0]:
            self._numbers_given = True
        else:
            self._by_nsid.pop(told[1], None)

    def _read(self, data: bytes, at_us: int, namespace: str) -> Iterator[SocketEnd]:
        served = local_port(data) in self._served(namespace)
        try:
            end = parse_end(data, at_us, namespace)
        except OSError:
            self._malformed += 1
            return
        if served and end is not None and _came_in(end):
            return
        if end is not None and end.cookie not in self._own_sockets:
            yield end
        elif end is not None:
            self._own_sockets.ended(end.cookie)

    def introduce(self) -> Iterator[SocketEnd]:
        """Hand on what strangers had to say, once they are known or are not to be known any more, and last words."""
        last, self._last_words = self._last_words, []
        yield from last
        for nsid, stranger in list(self._strangers.items()):
            known = nsid in self._by_nsid
            if not known and time.monotonic() < stranger.since + STRANGER_S:
                continue
            del self._strangers[nsid]
            namespace = self._by_nsid[nsid] if known else f"nsid:{nsid}"
            if namespace is not None:
                for data, heard_us in stranger.ends:
                    yield from self._read(data, heard_us, namespace)

    def renumber(self, pids: dict[str, int]) -> None:
        """What is heard inside and has been given a number since then must not be heard twice.

        ``pids`` has a process of each namespace.
        """
        if not self._numbers_given:
            return
        self._numbers_given = False
        for namespace, heard in self._heard.items():
            if namespace == self._own or namespace not in pids or heard.nsid in self._by_nsid:
                continue
            try:
                descriptor = open_namespace(namespace, pids[namespace])
            except OSError:  # it has just ended: the next scan will not find it
                continue
            try:
                heard.nsid = nsid_of(descriptor)
            finally:
                os.close(descriptor)
            if heard.nsid is not None:
                self._by_nsid[heard.nsid] = None if heard.inside is not None else namespace
                if heard.inside is not None:
                    self._strangers.pop(heard.nsid, None)

    def losses(self, now_us: int) -> Iterator[Loss]:
        """What could not be told since the last call, exactly counted."""
        since_us, self._drained_us = self._drained_us, now_us
        late, self._late_losses = self._late_losses, []
        yield from late
        lost, self._malformed = self._shared.lost() + self._malformed, 0
        if lost:
            shared = [self._own, *(name for name, heard in self._heard.items() if heard.inside is None)]
            yield Loss(since_us, now_us, tuple(dict.fromkeys(shared)), lost)
        for namespace, heard in self._heard.items():
            if heard.inside is not None and (lost := heard.inside.lost()):
                yield Loss(since_us, now_us, (namespace,), lost)

    def close(self) -> None:
        """Let go of every namespace."""
        for heard in self._heard.values():
            if heard.inside is not None:
                heard.inside.close()
        self._shared.close()
        if self._numbers is not None:
            self._numbers.close()
        self.poll.close()


def _came_in(end: SocketEnd) -> bool:
    """True of a TCP connection on a port that listens, unless its counters prove that we called from there."""
    return end.counters is not None and not end.counters.shows_our_syn(our_fin=True)
