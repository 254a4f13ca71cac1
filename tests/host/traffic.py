"""A program: connect to one destination again and again, as a process of a given name, until a time is over.

    python traffic.py NAME_OF_PROCESS HOST IP PORT EVERY_S HOLD_S SEND_BYTES RECEIVE_BYTES FOR_S

HOST is resolved, and sent as the TLS server name on port 443; where an IP stands beside it, that is connected to all
the same. Either may be `-`. Each connection asks a server of `world.py` for so many bytes, sends its own over the time
that it is held, and is closed in order. One that is not answered is given up after five seconds, as a client with a
time limit does.
"""

import asyncio
import random
import socket
import ssl
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

GIVE_UP_S = 5.0
HEADER_BYTES = 12
PARTS = 20
"""In so many parts what a connection sends is spread over the time that it is held."""
TLS_PORT = 443
KEPT_S = 60.0
"""How long an answer is kept, as a client with a cache does."""
NONE = "-"


@dataclass(slots=True)
class Client:
    """Where it connects to, and what it was told of it."""

    host: str
    ip: str
    port: int
    _told: str = ""
    _told_s: float = 0.0

    async def connect_once(self, hold_s: float, send: int, receive: int) -> None:
        """One connection from beginning to end; a failed one is the record's business."""
        with suppress(OSError, ssl.SSLError, asyncio.IncompleteReadError, TimeoutError):
            ip = await self._address()
            async with asyncio.timeout(GIVE_UP_S):
                context, sni = self._tls()
                reader, writer = await asyncio.open_connection(ip, self.port, ssl=context, server_hostname=sni)
            writer.write(f"{receive:0{HEADER_BYTES}}".encode())
            reading, sent = asyncio.create_task(reader.readexactly(receive)), 0
            for part in range(1, PARTS + 1):
                writer.write(bytes(send * part // PARTS - sent))
                sent = send * part // PARTS
                await asyncio.sleep(hold_s / PARTS)
            await writer.drain()
            async with asyncio.timeout(GIVE_UP_S):
                await reading
            writer.close()
            await writer.wait_closed()

    async def _address(self) -> str:
        """Where to connect to; a name is looked up even where the address is given. Raises OSError."""
        if self.host != NONE and time.monotonic() - self._told_s > KEPT_S:
            family = socket.AF_INET6 if ":" in self.ip else socket.AF_INET
            loop = asyncio.get_running_loop()
            found = await loop.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM, family=family)
            self._told, self._told_s = str(found[0][4][0]), time.monotonic()
        return self._told if self.ip == NONE else self.ip

    def _tls(self) -> tuple[ssl.SSLContext | None, str | None]:
        """With what it shakes hands; an empty name is not sent."""
        if self.port != TLS_PORT:
            return None, None
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context, "" if self.host == NONE else self.host


async def main(client: Client, every_s: float, hold_s: float, send: int, receive: int, for_s: float) -> None:
    """Keep connecting at uneven times, ``every_s`` apart on average, with uneven numbers of bytes."""
    end = time.monotonic() + for_s
    async with asyncio.TaskGroup() as group:
        while time.monotonic() < end:
            size = random.uniform(0.6, 1.4)
            group.create_task(
                client.connect_once(hold_s * random.uniform(0.5, 1.5), int(send * size), int(receive * size))
            )
            await asyncio.sleep(min(random.uniform(0.4, 1.6) * every_s, max(0.0, end - time.monotonic())))


if __name__ == "__main__":
    Path("/proc/self/comm").write_text(sys.argv[1])
    asyncio.run(
        main(
            Client(sys.argv[2], sys.argv[3], int(sys.argv[4])), float(sys.argv[5]), float(sys.argv[6]),
            int(sys.argv[7]), int(sys.argv[8]), float(sys.argv[9]),
        )
    )  # fmt: skip
