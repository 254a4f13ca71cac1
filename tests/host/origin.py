"""A program: a web server at port 80 of every address. Its answer to `/abort` stops halfway until the client goes.

It prints a line once it listens, and ends when its standard input does.
"""

import asyncio
import sys
from contextlib import suppress

_PORT = 80
_BODY = b"hello\n"


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one request."""
    with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
        request = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\nConnection: close\r\n\r\n")
        writer.write(_BODY)
        await writer.drain()
        if request.startswith(b"GET /abort "):
            await reader.read()
        else:
            writer.write(_BODY)
            await writer.drain()
    writer.close()


async def serve() -> None:
    """Listen until standard input ends."""
    await asyncio.start_server(answer, ["0.0.0.0", "::"], _PORT, backlog=1024)
    print("listening", flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())
