"""A DNS server on loopback for tests, on a port that anybody may take."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset


class Server(asyncio.DatagramProtocol):
    """Answers from ``records``; a name that is not there does not exist, one that is None is never answered."""

    def __init__(self) -> None:
        self.records: dict[str, tuple[str, ...] | None] = {}
        self.ttl = 300
        self.alias: dict[str, str] = {}
        self.rcode = dns.rcode.NXDOMAIN
        self.asked: list[str] = []
        self.was_asked = asyncio.Event()
        self.came_from: set[int] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True)
        self.asked.append(name)
        self.came_from.add(addr[1])
        self.was_asked.set()
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        addresses = self.records.get(name, ())
        if addresses is None:
            return
        if name not in self.records:
            answer.set_rcode(self.rcode)
        target = self.alias.get(name)
        if target:
            answer.answer.append(dns.rrset.from_text(question.name, 30, "IN", "CNAME", target + "."))
        kind = dns.rdatatype.to_text(question.rdtype)
        wanted = addresses if kind == "PTR" else [a for a in addresses if (":" in a) == (kind == "AAAA")]
        for address in [f"{each}." for each in wanted] if kind == "PTR" else wanted:
            answer.answer.append(dns.rrset.from_text((target or name) + ".", self.ttl, "IN", kind, address))
        self.transport.sendto(answer.to_wire(), addr)


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[Server, str]]:
    """A server, and where it is, as aiodns wants it."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listening.bind(("127.0.0.1", 0))
    listening.setblocking(False)
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(Server, sock=listening)
    try:
        yield server, f"127.0.0.1:{listening.getsockname()[1]}"
    finally:
        transport.close()
