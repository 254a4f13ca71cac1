"""A program: servers that send back as many bytes as they are asked for, and some that cut every connection off.

    python world.py PORTS [CUT_OFF_IP ...]

Ports have commas between them. At the addresses named it resets a connection before its first byte, once it got
SIGUSR1: what a filter looks like. It prints a line once it listens, and ends when its standard input does.
"""

import asyncio
import signal
import socket
import struct
import sys
from contextlib import suppress

_HEADER_BYTES = 12


async def serve_one(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cut: frozenset[str], cutting: asyncio.Event
) -> None:
    """Answer one connection."""
    with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
        header = await reader.readexactly(_HEADER_BYTES)
        plain: socket.socket = writer.get_extra_info("socket")
        if plain.getsockname()[0].removeprefix("::ffff:") in cut and cutting.is_set():
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            return
        writer.write(bytes(int(header)))
        await writer.drain()
        while await reader.read(65_536):
            pass
    writer.close()


async def main(ports: str, cut: frozenset[str]) -> None:
    """Listen until standard input ends."""
    cutting = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, cutting.set)
    for port in map(int, ports.split(",")):
        await asyncio.start_server(lambda r, w: serve_one(r, w, cut, cutting), ["0.0.0.0", "::"], port, backlog=1024)
    print("listening", flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], frozenset(sys.argv[2:])))
