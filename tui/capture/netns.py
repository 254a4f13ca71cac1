"""Network namespaces (network_namespaces(7)): which is ours, stepping into another one, the kernel's number of each."""

import contextlib
import ctypes
import errno
import functools
import os
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from tui.capture.netlink import Malformed, attributes, messages, request

_CLONE_NEWNET = 0x40000000
_SO_NETNS_COOKIE = 71
_RTM_NEWNSID, _RTM_DELNSID, _RTM_GETNSID = 88, 89, 90
_RTNLGRP_NSID = 28
_SOL_NETLINK, _ADD_MEMBERSHIP = 270, 1
_NETNSA_NSID, _NETNSA_FD = 1, 3
_NSID = struct.Struct("=i")

Found = TypeVar("Found")

_libc = ctypes.CDLL(None, use_errno=True)


class Astray(RuntimeError):
    """A thread could not come back into its own namespace, so whatever it did next would be done in another."""


def own_namespace() -> str:
    """The network namespace of this process, as the kernel names it (namespaces(7))."""
    return os.readlink("/proc/self/ns/net")


def open_namespace(namespace: str, pid: int, proc: Path = Path("/proc")) -> int:
    """A descriptor of the namespace, through a process that is in it; close it soon, for it keeps the namespace alive.

    :raises OSError: if it cannot be opened, has gone, or the process is now in another one
    """
    descriptor = of_process(lambda path: os.open(path, os.O_RDONLY | os.O_CLOEXEC), pid, proc)
    if f"net:[{os.fstat(descriptor).st_ino}]" != namespace:
        os.close(descriptor)
        raise ProcessLookupError(f"process {pid} is no longer in {namespace}")
    return descriptor


def of_process(use: Callable[[str], Found], pid: int, proc: Path | str = Path("/proc")) -> Found:
    """What ``use`` makes of the namespace of a process; of any thread of it where the first one has ended.

    :raises OSError: if it is hidden, or no thread is left
    """
    try:
        return use(f"{proc}/{pid}/ns/net")
    except FileNotFoundError:
        for thread in os.listdir(f"{proc}/{pid}/task"):
            with contextlib.suppress(FileNotFoundError):
                return use(f"{proc}/{pid}/task/{thread}/ns/net")
        raise


@contextlib.contextmanager
def inside(descriptor: int) -> Iterator[None]:
    """Put the calling thread into a namespace for the block (setns(2)).

    :raises OSError: if the kernel does not permit it
    :raises Astray: if the way back fails
    """
    home = _home()
    _setns(descriptor)
    try:
        yield
    finally:
        try:
            _setns(home)
        except OSError as error:
            raise Astray("the way back into the collector's own network namespace is barred") from error


@functools.cache
def _home() -> int:
    """A descriptor of our own namespace, for the way back."""
    return os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _setns(descriptor: int) -> None:
    if _libc.setns(descriptor, _CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def cookie_of(held: socket.socket) -> int | None:
    """A number of the namespace of a socket that no other one ever has, unlike its inode; None below Linux 5.14."""
    try:
        return int.from_bytes(held.getsockopt(socket.SOL_SOCKET, _SO_NETNS_COOKIE, 8), sys.byteorder)
    except OSError:
        return None


def nsid_of(descriptor: int) -> int | None:
    """The number under which our namespace knows another one (rtnetlink(7), RTM_GETNSID); None if it has none.

    :raises OSError: if the kernel does not answer
    """
    wanted = struct.pack("=BxxxHHI", 0, 8, _NETNSA_FD, descriptor)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as route:
        route.settimeout(1.0)
        route.send(request(_RTM_GETNSID, 0, wanted))
        return parse_nsid(route.recv(4096))


class NumberListener:
    """Hears when the kernel gives a namespace a number, and when it takes one back, which the next one may get."""

    def __init__(self) -> None:
        """:raises OSError: if the kernel refuses"""
        self.socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE
        )
        try:
            self.socket.bind((0, 0))
            self.socket.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, _RTNLGRP_NSID)
        except OSError:
            self.socket.close()
            raise

    def drain(self) -> Iterator[tuple[bool, int] | None]:
        """The numbers that were given (True) and taken back (False) since the last call; None where some were lost."""
        while True:
            try:
                data = self.socket.recv(65536)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno == errno.ENOBUFS:
                    yield None
                    continue
                raise
            yield from parse_numbers(data)

    def close(self) -> None:
        """Close it."""
        self.socket.close()


def parse_numbers(data: bytes) -> Iterator[tuple[bool, int]]:
    """The numbers in the RTM_NEWNSID (True) and RTM_DELNSID (False) messages of a datagram.

    :raises Malformed: if it is no such datagram
    """
    for kind, _, start, end in messages(data):
        if kind in (_RTM_NEWNSID, _RTM_DELNSID):
            for what, value, stop in attributes(data, start + 4, end):
                if what == _NETNSA_NSID and stop - value >= _NSID.size:
                    yield kind == _RTM_NEWNSID, int(_NSID.unpack_from(data, value)[0])


def parse_nsid(data: bytes) -> int | None:
    """The number in an RTM_NEWNSID message (linux/net_namespace.h), None where none is assigned.

    :raises Malformed: if there is no such message
    :raises Refused: if the kernel answered with an error
    """
    for kind, _, start, end in messages(data):
        if kind != _RTM_NEWNSID:
            continue
        for what, value, stop in attributes(data, start + 4, end):
            if what == _NETNSA_NSID and stop - value >= _NSID.size:
                number = int(_NSID.unpack_from(data, value)[0])
                return number if number >= 0 else None
    raise Malformed("no namespace's number in the answer")
