"""A program: the TLS servers of the outside. It answers on port 443 of every address of its namespace, echoes what it
receives and keeps a connection for as long as the client does.

    python tls_server.py CERTIFICATE_FILE

It prints a line once it listens, and ends when its standard input does.
"""

import asyncio
import ssl
import sys
from contextlib import suppress

_PORT = 443
_CHUNK_BYTES = 65_536


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send back what comes until the client closes."""
    with suppress(ConnectionError, ssl.SSLError, asyncio.CancelledError):  # cancelled when the server ends
        while data := await reader.read(_CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
    writer.close()


async def serve(certificate_file: str) -> None:
    """Listen until standard input ends."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate_file)
    context.num_tickets = 0  # a ticket that a client leaves unread would turn its close into a reset
    await asyncio.start_server(echo, ["0.0.0.0", "::"], _PORT, ssl=context, backlog=1024)
    print("listening", flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
