"""What the files of a namespace say of names: its resolvers (resolv.conf(5)), and hosts(5). Asks no resolver.

The files are a container's, which may put anything in their place: only a regular file is read, and by a thread of its
own, so that one that never answers (FUSE) holds up nothing. What is not known is then judged as if it were not there.
"""

import os
import re
import stat
import threading
import time
from collections.abc import Callable, Mapping
from queue import SimpleQueue
from typing import NamedTuple

from tui.model.address import Address, parse_address
from tui.model.host import host_of
from tui.model.observation import HostsFile

_NAMESERVER = re.compile(r"^[ \t]*nameserver[ \t]+(\S+)", re.MULTILINE)
_BEHIND = re.compile(r"^[ \t]*#[ \t]*ExtServers:[ \t]*\[(.*)\]", re.MULTILINE)
"""Where Docker notes to whom its own resolver, 127.0.0.11, hands on: ``# ExtServers: [host(10.0.0.2) 192.0.2.53]``."""
_WORD = re.compile(r"[0-9A-Fa-f:.]{2,45}")
RESOLV_SIZE_MAX = 65_536
"""As much of a file is read."""
HOSTS_SIZE_MAX = 262_144
HOSTS_MAX = 4_096
"""Names with an address that are taken from one file."""
NONE: frozenset[str] = frozenset()
AGE_US = 10_000_000
"""How old an answer may be before one looks whether a file has changed."""
STUCK_S = 5.0
THREADS_MAX = 4
"""So many files that never answer hold up all others."""
_SETTLED_NS = 2_000_000_000
"""A file that was changed so shortly ago may change again without showing it: clocks of file systems are coarse."""

_Version = tuple[int, ...]
"""What tells one content of a file from another: where it is, its size, and when it was changed."""


class NameFiles(NamedTuple):
    """What the files of one namespace say."""

    resolvers: frozenset[str] = NONE
    hosts: HostsFile = HostsFile()
    resolv_version: _Version | None = None
    hosts_version: _Version | None = None
    addresses: frozenset[str] = NONE
    """Of the namespace itself, in their usual text, without those of loopback."""


def read_name_files(root: str, before: NameFiles) -> NameFiles:
    """The files below a root directory; what has not changed since ``before`` is not read again.

    A file that is missing, is no regular one or may not be read says nothing. No link is followed out of another root,
    and nothing is opened before it is known to be a regular file.

    :raises OSError: if there is no such root, or nothing like ``/etc`` in it
    """
    ours = os.path.samestat(os.stat(root), os.stat("/"))
    flags = os.O_PATH | os.O_CLOEXEC | (0 if ours else os.O_NOFOLLOW)
    etc = os.open(f"{root}/etc", flags | os.O_DIRECTORY)
    try:
        now = before
        version, text, _ = _read(etc, "resolv.conf", flags, before.resolv_version, RESOLV_SIZE_MAX)
        if text is not None:
            now = now._replace(resolvers=resolvers_in(text), resolv_version=version)
        version, text, since_us = _read(etc, "hosts", flags, before.hosts_version, HOSTS_SIZE_MAX)
        if text is not None:
            now = now._replace(hosts=HostsFile(since_us, hosts_in(text)), hosts_version=version)
        return now
    finally:
        os.close(etc)


def _read(
    etc: int, name: str, flags: int, before: _Version | None, size_max: int
) -> tuple[_Version | None, str | None, int]:
    """The version of a file, its whole lines, None for a text that has not changed, and when it was changed last."""
    try:
        found = os.open(name, flags, dir_fd=etc)
    except OSError:
        return None, "", 0
    try:
        told = os.fstat(found)
        if not stat.S_ISREG(told.st_mode):
            return None, "", 0
        version = (told.st_dev, told.st_ino, told.st_size, told.st_mtime_ns, told.st_ctime_ns)
        changed_ns = max(told.st_mtime_ns, told.st_ctime_ns)
        if version == before:
            return version, None, changed_ns // 1000
        settled = abs(time.time_ns() - changed_ns) > _SETTLED_NS
        descriptor = os.open(f"/proc/self/fd/{found}", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            content = os.read(descriptor, size_max)
        finally:
            os.close(descriptor)
    except OSError:
        return None, "", 0
    finally:
        os.close(found)
    whole = content if len(content) < size_max else content[: content.rfind(b"\n") + 1]
    return version if settled else None, whole.decode("utf-8", "replace"), changed_ns // 1000


class NameBook:
    """What the files of each namespace say, read in the background."""

    def __init__(self, read: Callable[[int, NameFiles], NameFiles]) -> None:
        """``read`` is given a pid and what it gave before; it may raise OSError, and it may never come back."""
        self._read = read
        self._wanted: SimpleQueue[tuple[str, int]] = SimpleQueue()
        self._waiting: set[str] = set()
        self._asked: dict[str, tuple[int, int]] = {}
        """By namespace: when, and the pid."""
        self._known: dict[str, NameFiles] = {}
        self._busy: dict[int, float | None] = {}
        """By thread: since when it reads what it reads, on the monotonic clock; None while it waits."""

    def of(self, places: Mapping[str, int], at_us: int) -> dict[str, NameFiles]:
        """What is known by now of these namespaces, each with a process that is in it."""
        for namespace, pid in places.items():
            asked_us, asked_pid = self._asked.get(namespace, (-AGE_US, 0))
            due = pid != asked_pid or not 0 <= at_us - asked_us < AGE_US
            if due and namespace not in self._waiting:
                self._asked[namespace] = (at_us, pid)
                self._waiting.add(namespace)
                self._wanted.put((namespace, pid))
        self._asked = {namespace: asked for namespace, asked in self._asked.items() if namespace in places}
        for namespace in self._known.keys() - places.keys():
            self._known.pop(namespace, None)
        self._begin_thread()
        return {namespace: self._known[namespace] for namespace in places if namespace in self._known}

    def _begin_thread(self) -> None:
        """Another thread where all that there are have been held up for long, or there is none."""
        now = time.monotonic()
        held_up = [since is not None and now - since > STUCK_S for since in list(self._busy.values())]
        if all(held_up) and len(held_up) < THREADS_MAX:
            number = len(held_up)
            self._busy[number] = None
            threading.Thread(target=self._work, args=(number,), name=f"name files {number}", daemon=True).start()

    def _work(self, number: int) -> None:
        while True:
            self._busy[number] = None
            namespace, pid = self._wanted.get()
            self._busy[number] = time.monotonic()
            try:
                self._known[namespace] = self._read(pid, self._known.get(namespace, NameFiles()))
            except OSError:  # it has ended, or is another user's: what was read of the namespace before still holds
                self._known.setdefault(namespace, NameFiles())
            self._waiting.discard(namespace)


def resolvers_in(text: str) -> frozenset[str]:
    """The addresses in a resolv.conf, in their usual text; what is no address is left out."""
    words = _NAMESERVER.findall(text)
    for behind in _BEHIND.findall(text):
        words += _WORD.findall(behind)
    return frozenset(str(address) for word in words if (address := _address(word)) is not None)


def hosts_in(text: str) -> tuple[tuple[str, str], ...]:
    """The names in a hosts file, each with its address; those of this machine, of none and of groups are left out."""
    found: dict[tuple[str, str], None] = {}
    for line in text.split("\n"):
        words = line.partition("#")[0].split()
        address = _address(words[0]) if len(words) > 1 else None
        if address is None or address.is_loopback or address.is_unspecified or address.is_multicast:
            continue
        for word in words[1:]:
            host = host_of(word)
            if host is not None:
                found[host, str(address)] = None
            if len(found) >= HOSTS_MAX:
                return tuple(found)
    return tuple(found)


def _address(word: str) -> Address | None:
    try:
        return parse_address(word)
    except ValueError:
        return None
