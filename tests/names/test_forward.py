"""Look-ups ahead of time, against a DNS server on loopback."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import dns.rcode
import pytest

import tui.names.forward as forward
from tests.names.server import Server, serving
from tui.names.forward import Found, Lookups, Missed, Result

HOST = "licensing.tryretool.com"


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
    async with serving() as (server, place):
        asked = Asking(place)
        server.records = {HOST: ("203.0.113.10", "2001:db8::10")}
        try:
            asked.lookups.follow(hosts)
            yield server, asked
        finally:
            await asked.lookups.close()


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


async def test_a_name_that_is_asked_for_is_looked_up_at_once_and_only_then() -> None:
    async with asking() as (server, asked):
        asked.lookups.ask(HOST)
        found = await asked.next()
        assert isinstance(found, Found)
        assert set(found.addresses) == {"203.0.113.10", "2001:db8::10"}
        assert asked.lookups.settled
        asked.lookups.ask("missing.example.net")
        assert isinstance(await asked.next(), Missed)
        assert sorted(server.asked) == [HOST, HOST, "missing.example.net", "missing.example.net"]


async def test_a_name_that_is_followed_is_looked_up_once_more_when_it_is_asked_for() -> None:
    async with asking(HOST) as (server, asked):
        await asked.next()
        server.records = {HOST: ("203.0.113.99",)}
        asked.lookups.ask(HOST)
        found = await asked.next()
        assert isinstance(found, Found)
        assert found.addresses == ("203.0.113.99",)


async def test_whoever_asks_for_names_without_end_is_slowed_down(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(forward, "monotonic", lambda: now[0])
    async with asking() as (server, asked):

        async def results_of(*hosts: str) -> int:
            for host in hosts:
                asked.lookups.ask(host)
            async with asyncio.timeout(8):
                await asyncio.gather(*asked.lookups._single)
            return len([asked.results.get_nowait() for _ in range(asked.results.qsize())])

        made_up = [f"{number}.example.com" for number in range(30)]
        assert await results_of(HOST, HOST, *made_up) == forward.ASKED_PER_S
        now[0] += 0.9
        assert await results_of("late.example.com") == 0
        now[0] += 0.2
        assert await results_of(HOST, "late.example.com") == 1
        now[0] += forward.AGAIN_S
        assert await results_of(HOST) == 1
        assert len(asked.lookups._asked) < forward.AGAIN_S * forward.ASKED_PER_S
        assert server.asked.count(HOST) == 4


@pytest.mark.parametrize(
    "text", ["", "a b.example", "x\0.example", "203.0.113.7", "a." * 200 + "example", "bücher.example"]
)
async def test_what_is_no_host_name_is_not_asked_for(text: str) -> None:
    async with asking() as (_, asked):
        asked.lookups.ask(text)
        assert asked.lookups._single == set()


async def test_no_more_names_wait_than_a_resolver_that_is_dead_may_hold_up(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(forward, "monotonic", lambda: now[0])
    async with asking() as (_, asked):
        with asked.lookups.quiet():
            for number in range(300):
                now[0] += 0.2
                asked.lookups.ask(f"{number}.example.com")
            assert len(asked.lookups._single) == forward.WAITING_MAX
        async with asyncio.timeout(1):
            await asked.lookups.close()
        assert asked.lookups._single == set()
