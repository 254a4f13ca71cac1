"""A program: servers that send back as many bytes as they are asked for, and some that cut every connection off.

    python world.py PORTS [CERTIFICATE_FILE [CUT_OFF_IP ...]]

Ports have commas between them; port 443 is TLS. At the addresses named it resets a connection when its first bytes have
come, before it answers, once it got SIGUSR1: what a filter that reads names looks like. It prints a line once it
listens, and ends when its standard input does.
"""

import asyncio
import signal
import socket
import ssl
import struct
import sys
from contextlib import suppress

_HEADER_BYTES = 12
_TLS_PORT = 443
_CHUNK_BYTES = 65_536


class World:
    """What all servers share."""

    def __init__(self, certificate_file: str | None, cut: frozenset[str]) -> None:
        self._cut = cut
        self.cutting = asyncio.Event()
        self._context: ssl.SSLContext | None = None
        if certificate_file is not None:
            self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self._context.load_cert_chain(certificate_file)
            self._context.num_tickets = 0  # a ticket that a client leaves unread would turn its close into a reset

    async def serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection."""
        ip, port, *_ = writer.get_extra_info("sockname")
        with suppress(OSError, ssl.SSLError, asyncio.IncompleteReadError, asyncio.CancelledError):
            if self.cutting.is_set() and ip.removeprefix("::ffff:") in self._cut:
                await reader.read(_CHUNK_BYTES)
                plain: socket.socket = writer.get_extra_info("socket")
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
                return
            if port == _TLS_PORT and self._context is not None:
                await writer.start_tls(self._context)
            header = await reader.readexactly(_HEADER_BYTES)
            writer.write(bytes(int(header)))
            await writer.drain()
            while await reader.read(_CHUNK_BYTES):
                pass
        writer.close()


async def main(ports: str, certificate_file: str | None, cut: frozenset[str]) -> None:
    """Listen until standard input ends."""
    world = World(certificate_file, cut)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, world.cutting.set)
    for port in map(int, ports.split(",")):
        await asyncio.start_server(world.serve_one, ["0.0.0.0", "::"], port, backlog=1024)
    print("listening", flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None, frozenset(sys.argv[3:])))
