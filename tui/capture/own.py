"""The collector's own sockets, which are no part of the record."""

import os
import socket
import sys

_SO_COOKIE = 57


def cookie_of_descriptor(descriptor: int) -> int | None:
    """The kernel's number of a socket (socket(7), SO_COOKIE), None if it is none."""
    try:
        with socket.socket(fileno=os.dup(descriptor)) as held:
            return int.from_bytes(held.getsockopt(socket.SOL_SOCKET, _SO_COOKIE, 8), sys.byteorder)
    except OSError:
        return None
