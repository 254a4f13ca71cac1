"""The resolvers that a namespace is set to use, from its resolv.conf (resolv.conf(5)). Asks none of them.

The file is a container's, which may put anything in its place: only a regular file is read, and by a thread of its own,
so that one that never answers (FUSE) holds up nothing. What is not known is then judged like every other destination.
"""

import os
import re
import stat
import threading
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from queue import SimpleQueue

_NAMESERVER = re.compile(r"^[ \t]*nameserver[ \t]+(\S+)", re.MULTILINE)
_BEHIND = re.compile(r"^[ \t]*#[ \t]*ExtServers:[ \t]*\[(.*)\]", re.MULTILINE)
"""Where Docker notes to whom its own resolver, 127.0.0.11, hands on: ``# ExtServers: [host(10.0.0.2) 192.0.2.53]``."""
_WORD = re.compile(r"[0-9A-Fa-f:.]{2,45}")
SIZE_MAX = 65_536
"""As much of a file is read."""
NONE: frozenset[str] = frozenset()
AGE_US = 60_000_000
"""How old an answer may be before the file is read again."""


def read_resolvers(root: str) -> frozenset[str]:
    """The resolvers by the file below a root directory; none where there is no regular file that may be read.

    No link is followed out of another root, and nothing is opened before it is known to be a regular file.
    """
    same = os.path.samestat(os.stat(root), os.stat("/"))
    place = "/etc/resolv.conf" if same else f"{root}/etc/resolv.conf"
    found = os.open(place, os.O_PATH | os.O_CLOEXEC | (0 if same else os.O_NOFOLLOW))
    try:
        if not stat.S_ISREG(os.fstat(found).st_mode):
            return NONE
        descriptor = os.open(f"/proc/self/fd/{found}", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    finally:
        os.close(found)
    try:
        return resolvers_in(os.read(descriptor, SIZE_MAX).decode("utf-8", "replace"))
    finally:
        os.close(descriptor)


class ResolverBook:
    """The resolvers of each namespace, read in the background."""

    def __init__(self, read: Callable[[int], frozenset[str]]) -> None:
        """``read`` is given a pid; it may raise OSError, and it may never come back."""
        self._read = read
        self._wanted: SimpleQueue[tuple[str, int]] = SimpleQueue()
        self._asked: dict[str, int] = {}
        self._known: dict[str, frozenset[str]] = {}
        self._thread: threading.Thread | None = None

    def of(self, places: Mapping[str, int], at_us: int) -> dict[str, frozenset[str]]:
        """What is known by now of these namespaces, each with a process that is in it."""
        for namespace, pid in places.items():
            if not 0 <= at_us - self._asked.get(namespace, -AGE_US) < AGE_US:
                self._asked[namespace] = at_us
                self._wanted.put((namespace, pid))
        self._asked = {namespace: us for namespace, us in self._asked.items() if namespace in places}
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="resolvers", daemon=True)
            self._thread.start()
        return {namespace: self._known[namespace] for namespace in places if namespace in self._known}

    def _work(self) -> None:
        while True:
            namespace, pid = self._wanted.get()
            try:
                self._known[namespace] = self._read(pid)
            except OSError:  # it has ended, or is another user's: its resolvers are not known
                self._known.pop(namespace, None)


def resolvers_in(text: str) -> frozenset[str]:
    """The addresses in a resolv.conf, in their usual text; what is no address is left out."""
    words = _NAMESERVER.findall(text)
    for behind in _BEHIND.findall(text):
        words += _WORD.findall(behind)
    return frozenset(address for word in words if (address := _address(word)))


def _address(word: str) -> str | None:
    try:
        return str(ip_address(word.partition("%")[0]))
    except ValueError:
        return None
