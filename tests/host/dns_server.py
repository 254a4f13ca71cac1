"""A program: the DNS server of the outside (RFC 1035, UDP and TCP). Knows A and AAAA; other names do not exist.

    python dns_server.py ADDRESS ZONE_FILE

The zone file is read at each query: {NAME: {"ttl": SECONDS, "addresses": [...]}}. It prints a line once it
listens, and ends when its standard input does.
"""

import asyncio
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

_PORT = 53
_VERSIONS = {dns.rdatatype.A: 4, dns.rdatatype.AAAA: 6}
_MAX_TCP_SIZE = 65_535

Answer = Callable[[dns.message.Message], dns.message.Message]


def answer(query: dns.message.Message, zone_file: Path) -> dns.message.Message:
    """The answer as of now. The zone holds names in lower case, without a final dot."""
    response = dns.message.make_response(query)
    response.flags |= dns.flags.AA
    question = query.question[0]
    record = json.loads(zone_file.read_text()).get(question.name.to_text(omit_final_dot=True).lower())
    if record is None:
        response.set_rcode(dns.rcode.NXDOMAIN)
        return response
    version = _VERSIONS.get(question.rdtype)
    addresses = [address for address in record["addresses"] if ip_address(address).version == version]
    if addresses:
        response.answer.append(
            dns.rrset.from_text_list(question.name, record["ttl"], question.rdclass, question.rdtype, addresses)
        )
    return response


class Datagrams(asyncio.DatagramProtocol):
    """Answers over UDP; one that is too long for the client is cut, and says so (TC)."""

    def __init__(self, reply: Answer) -> None:
        self._reply = reply

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        with suppress(dns.exception.DNSException):
            query = dns.message.from_wire(data)
            wire = self._reply(query).to_wire(max_size=max(512, query.payload), prefer_truncation=True)
            self._transport.sendto(wire, addr)


async def answer_stream(reply: Answer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers over TCP until the client closes (RFC 7766)."""
    with suppress(asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError, dns.exception.DNSException):
        while True:
            size = int.from_bytes(await reader.readexactly(2), "big")
            wire = reply(dns.message.from_wire(await reader.readexactly(size))).to_wire(max_size=_MAX_TCP_SIZE)
            writer.write(len(wire).to_bytes(2, "big") + wire)
            await writer.drain()
    writer.close()


async def serve(address: str, zone_file: Path) -> None:
    """Listen on `address` until standard input ends."""

    def reply(query: dns.message.Message) -> dns.message.Message:
        return answer(query, zone_file)

    await asyncio.get_running_loop().create_datagram_endpoint(lambda: Datagrams(reply), local_addr=(address, _PORT))
    await asyncio.start_server(lambda reader, writer: answer_stream(reply, reader, writer), address, _PORT)
    print("listening", flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], Path(sys.argv[2])))
