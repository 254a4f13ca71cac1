"""One GET over a Unix socket (RFC 9112), with one limit of time and one of size for the whole answer."""

import io
import socket
import time
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from typing_extensions import Buffer

_HEAD_BYTES = 65_536
"""What an answer may have beside its body."""


class TooLargeError(Exception):
    """The answer is longer than it may be."""


class NotHttpError(Exception):
    """What came back is no HTTP."""


def get(path: str, target: str, limit_s: float, size_max: int) -> tuple[int, bytes]:
    """The status and the body.

    :raises TimeoutError: if the answer is not complete after ``limit_s``; BlockingIOError if nobody even accepts
    :raises TooLargeError: if the body has more than ``size_max`` bytes
    :raises NotHttpError: if it cannot be understood
    :raises OSError: if the socket cannot be reached; ValueError if the path cannot be one of a socket
    """
    deadline_s = time.monotonic() + limit_s
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(limit_s)
        connection.connect(path)
        connection.sendall(f"GET {target} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        return _answer(_Stream(connection, deadline_s, size_max + _HEAD_BYTES), size_max)


def _answer(stream: "_Stream", size_max: int) -> tuple[int, bytes]:
    from http.client import HTTPException, HTTPResponse

    # HTTPResponse asks nothing of a socket but a file to read from
    response = HTTPResponse(cast(socket.socket, stream))
    try:
        response.begin()
        body = response.read(size_max + 1)
    except (HTTPException, ValueError) as error:
        raise NotHttpError(str(error)) from error
    finally:
        response.close()
    if len(body) > size_max:
        raise TooLargeError
    return response.status, body


class _Stream(io.RawIOBase):
    """What a socket sends until the time or the bytes are used up."""

    def __init__(self, connection: socket.socket, deadline_s: float, budget: int) -> None:
        self._connection = connection
        self._deadline_s = deadline_s
        self._budget = budget

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "Buffer") -> int:
        left_s = self._deadline_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        self._connection.settimeout(left_s)
        count = self._connection.recv_into(buffer)
        self._budget -= count
        if self._budget < 0:
            raise TooLargeError
        return count
