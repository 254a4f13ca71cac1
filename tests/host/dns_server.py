"""A program: the DNS server of the outside (RFC 1035, UDP and TCP). Knows A, AAAA and PTR; other names do not exist.

    python dns_server.py ADDRESS ZONE_FILE [PORT]

The zone file is read at each query: {NAME: {"ttl": SECONDS, "addresses": [...]}}, and as `zone.Record` says. It prints
a line once it listens, and ends when its standard input does.
"""

import asyncio
import itertools
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

_PORT = 53
_VERSIONS = {dns.rdatatype.A: 4, dns.rdatatype.AAAA: 6}
_MAX_TCP_SIZE = 65_535

Answer = Callable[[dns.message.Message], dns.message.Message | None]
_turns = itertools.count()


def answer(query: dns.message.Message, zone_file: Path) -> dns.message.Message | None:
    """The answer as of now, None for none. The zone holds names in lower case, without a final dot."""
    response = dns.message.make_response(query)
    response.flags |= dns.flags.AA
    question = query.question[0]
    zone: dict[str, Any] = json.loads(zone_file.read_text())
    name = question.name
    record = _record(zone, name)
    if record is None:
        response.set_rcode(dns.rcode.NXDOMAIN)
        return response
    if failure := record.get("failure"):
        response.set_rcode(dns.rcode.from_text("SERVFAIL" if failure == "silence" else failure))
        return None if failure == "silence" else response
    while record is not None and (alias := record.get("alias")):
        target = dns.name.from_text(alias)
        response.answer.append(
            dns.rrset.from_text(name, record["ttl"], question.rdclass, dns.rdatatype.CNAME, target.to_text())
        )
        name, record = target, _record(zone, target)
    version = _VERSIONS.get(question.rdtype)
    held = record["addresses"] if record is not None else []
    addresses = [address for address in held if ip_address(address).version == version]
    if record is not None and (shown := record.get("shown")) and addresses:
        first = next(_turns) * shown
        addresses = [addresses[(first + each) % len(addresses)] for each in range(shown)]
    if record is not None and question.rdtype == dns.rdatatype.PTR and "pointer" in record:
        addresses = [f"{record['pointer']}."]
    if record is not None and addresses:
        response.answer.append(
            dns.rrset.from_text_list(name, record["ttl"], question.rdclass, question.rdtype, addresses)
        )
    return response


def _record(zone: dict[str, Any], name: dns.name.Name) -> dict[str, Any] | None:
    found: dict[str, Any] | None = zone.get(name.to_text(omit_final_dot=True).lower())
    return found


class Datagrams(asyncio.DatagramProtocol):
    """Answers over UDP; one that is too long for the client is cut, and says so (TC)."""

    def __init__(self, reply: Answer) -> None:
        self._reply = reply

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        with suppress(dns.exception.DNSException):
            query = dns.message.from_wire(data)
            response = self._reply(query)
            if response is not None:
                size = max(512, query.payload)
                self._transport.sendto(response.to_wire(max_size=size, prefer_truncation=True), addr)


async def answer_stream(reply: Answer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers over TCP until the client closes (RFC 7766)."""
    with suppress(asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError, dns.exception.DNSException):
        while True:
            size = int.from_bytes(await reader.readexactly(2), "big")
            response = reply(dns.message.from_wire(await reader.readexactly(size)))
            if response is not None:
                wire = response.to_wire(max_size=_MAX_TCP_SIZE)
                writer.write(len(wire).to_bytes(2, "big") + wire)
                await writer.drain()
    writer.close()


async def serve(address: str, zone_file: Path, port: int) -> None:
    """Listen on `address` until standard input ends."""

    def reply(query: dns.message.Message) -> dns.message.Message | None:
        return answer(query, zone_file)

    await asyncio.get_running_loop().create_datagram_endpoint(lambda: Datagrams(reply), local_addr=(address, port))
    await asyncio.start_server(lambda reader, writer: answer_stream(reply, reader, writer), address, port)
    print("listening", flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else _PORT))
