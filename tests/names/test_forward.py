"""Look-ups ahead of time, against a DNS server on loopback."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

import tui.names.forward as forward
from tui.names.forward import Found, Lookups, Missed, Result

HOST = "licensing.tryretool.com"


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
        wanted = [a for a in addresses if (":" in a) == (question.rdtype == dns.rdatatype.AAAA)]
        kind = dns.rdatatype.to_text(question.rdtype)
        for address in wanted:
            answer.answer.append(dns.rrset.from_text((target or name) + ".", self.ttl, "IN", kind, address))
        self.transport.sendto(answer.to_wire(), addr)


class Asking:
    """Look-ups that note their results, and what waits for one."""

    def __init__(self, server: str) -> None:
        self.results: asyncio.Queue[Result] = asyncio.Queue()
        self.made: list[int] = []
        self.lookups = Lookups([server], self.results.put_nowait, self.made.append)

    async def next(self) -> Result:
        async with asyncio.timeout(8):
            return await self.results.get()


@asynccontextmanager
async def asking(*hosts: str) -> AsyncIterator[tuple[Server, Asking]]:
    listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listening.bind(("127.0.0.1", 0))
    listening.setblocking(False)
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(Server, sock=listening)
    asked = Asking(f"127.0.0.1:{listening.getsockname()[1]}")
    server.records = {HOST: ("203.0.113.10", "2001:db8::10")}
    try:
        asked.lookups.follow(hosts)
        yield server, asked
    finally:
        await asked.lookups.close()
        transport.close()


async def test_all_addresses_of_both_families_are_found_with_their_ttl() -> None:
    async with asking(HOST) as (_, asked):
        found = await asked.next()
    assert isinstance(found, Found)
    assert (found.host, set(found.addresses), found.ttl_s) == (HOST, {"203.0.113.10", "2001:db8::10"}, 300)


async def test_an_alias_leads_to_the_name_that_was_asked_and_the_shortest_ttl_counts() -> None:
    async with asking() as (server, asked):
        server.alias = {HOST: "edge.example.net"}
        asked.lookups.follow([HOST])
        found = await asked.next()
    assert isinstance(found, Found)
    assert (found.host, found.ttl_s) == (HOST, 30)


async def test_a_name_that_does_not_exist_is_missed_in_words() -> None:
    async with asking("ai-proxy.retool.com") as (_, asked):
        missed = await asked.next()
    assert isinstance(missed, Missed)
    assert "NXDOMAIN" in missed.reason


async def test_a_resolver_that_fails_is_told_apart() -> None:
    async with asking() as (server, asked):
        server.rcode = dns.rcode.SERVFAIL
        asked.lookups.follow(["ai-proxy.retool.com"])
        missed = await asked.next()
    assert isinstance(missed, Missed)
    assert "SERVFAIL" in missed.reason


async def test_names_are_asked_again_when_their_ttl_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward, "SHORTEST_S", 0.01)
    async with asking() as (server, asked):
        server.ttl = 0
        asked.lookups.follow([HOST])
        await asked.next()
        server.records = {HOST: ("203.0.113.99",)}
        while (found := await asked.next()) and isinstance(found, Found) and found.addresses != ("203.0.113.99",):
            continue
    assert isinstance(found, Found)


async def test_failures_are_asked_again_at_growing_distances(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    real_sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        waited.append(seconds)
        await real_sleep(0)

    monkeypatch.setattr(asyncio, "sleep", note)
    async with asking("missing.example.net") as (_, asked):
        for _ in range(10):
            await asked.next()
    assert waited[:4] == [2, 4, 8, 16]
    assert max(waited) == 300


async def test_every_socket_that_asks_has_been_told_when_its_question_arrives() -> None:
    async with asking() as (server, asked):
        server.records = {HOST: None}
        asked.lookups.follow([HOST])
        async with asyncio.timeout(8):
            await server.was_asked.wait()
        assert server.came_from
        assert server.came_from <= {port_of(descriptor) for descriptor in asked.made}


def port_of(descriptor: int) -> int:
    with socket.socket(fileno=os.dup(descriptor)) as held:
        port: int = held.getsockname()[1]
    return port


async def test_it_is_settled_once_every_name_has_had_a_result() -> None:
    async with asking(HOST, "missing.example.net") as (_, asked):
        assert not asked.lookups.settled
        await asked.next()
        await asked.next()
        assert asked.lookups.settled


async def test_no_look_up_begins_while_the_sockets_are_looked_at() -> None:
    async with asking() as (server, asked):
        with asked.lookups.quiet():
            asked.lookups.follow([HOST])
            for _ in range(20):
                await asyncio.sleep(0)
            assert server.asked == []
        await asked.next()
        assert HOST in server.asked


async def test_a_name_that_is_no_longer_wanted_is_no_longer_asked() -> None:
    async with asking(HOST) as (_, asked):
        await asked.next()
        asked.lookups.follow([])
        assert asked.lookups.settled


async def test_closing_does_not_wait_for_an_answer_that_never_comes() -> None:
    async with asking() as (server, asked):
        server.records = {HOST: None}
        asked.lookups.follow([HOST])
        async with asyncio.timeout(8):
            await server.was_asked.wait()
        async with asyncio.timeout(1):
            await asked.lookups.close()
