"""The collector's own sockets, which are no part of the record."""

import os
import socket
import sys

from tui.model.connection import Endpoint

_SO_COOKIE = 57


def cookie_of(held: socket.socket) -> int:
    """The kernel's number of a socket (socket(7), SO_COOKIE).

    :raises OSError: if the kernel does not tell it
    """
    return int.from_bytes(held.getsockopt(socket.SOL_SOCKET, _SO_COOKIE, 8), sys.byteorder)


class OwnSockets:
    """Those that are in use, or whose end has not been told yet. Two threads may use it."""

    def __init__(self) -> None:
        self._ports: dict[int, int] = {}
        """By the kernel's number of the socket: its local port."""
        self._ended: set[int] = set()

    def add(self, descriptor: int) -> None:
        """Take in a socket that is ours; something else than a socket is left out."""
        try:
            with socket.socket(fileno=os.dup(descriptor)) as held:
                cookie = cookie_of(held)
                port = held.getsockname()[1]
        except (OSError, ValueError):
            return
        self._ports[cookie] = port

    def __contains__(self, cookie: object) -> bool:
        return cookie in self._ports

    def is_local(self, end: Endpoint) -> bool:
        """True if it is the local end of one of them."""
        return end.port in self._ports.values()

    def ended(self, cookie: int) -> None:
        """The end of one was told. What it sent may not have been read yet."""
        self._ended.add(cookie)

    def forget_ended(self) -> None:
        """All that the ended ones sent was read: their ports may be another's next."""
        for cookie in self._ended:
            self._ports.pop(cookie, None)
        self._ended.clear()
