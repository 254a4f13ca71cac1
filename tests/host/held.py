"""TLS connections that one child process in a service's namespace holds open."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.host import children

_CLIENT = Path(__file__).with_name("client.py")

Target = str | tuple[str, str]
"""`"host:port"`, `"203.0.113.77:443"` or `"[2001:db8::77]:443"`; or a pair of that and the address to use instead of
asking the DNS: `("licensing.tryretool.com:443", "203.0.113.77")`."""

Start = Callable[[Sequence[str]], subprocess.Popen[str]]
"""Starts a program in the service's namespace, its three streams piped."""


class HoldError(Exception):
    """A connection could not be made; the message is what the client printed."""


@dataclass(frozen=True, slots=True)
class HeldConnection:
    """A connection whose handshake is done, as its client sees it."""

    name: str | None
    """The SNI that was sent."""
    ip: str
    port: int
    local_ip: str
    local_port: int


class HeldConnections:
    """A context manager: inside the block all connections are established, after it all are closed."""

    pid: int
    connections: tuple[HeldConnection, ...]

    def __init__(self, start: Start, ca_file: Path, targets: Iterable[Target]) -> None:
        self._start = start
        self._argv = [sys.executable, "-P", str(_CLIENT), str(ca_file), json.dumps([_parse(one) for one in targets])]

    def __enter__(self) -> Self:
        self._client = self._start(self._argv)
        self.pid = self._client.pid
        try:
            line = children.first_line(self._client)
        except children.EndedError as error:
            raise HoldError(str(error)) from None
        self.connections = tuple(HeldConnection(**fields) for fields in json.loads(line))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections and wait for the client's end. Closing twice is fine."""
        children.release(self._client)


def _parse(target: Target) -> dict[str, str | int | None]:
    wanted, given = target if isinstance(target, tuple) else (target, None)
    host, _, port = wanted.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        address: str | None = str(ip_address(host))
    except ValueError:
        return {"name": host, "ip": given, "port": int(port)}
    return {"name": None, "ip": given or address, "port": int(port)}
