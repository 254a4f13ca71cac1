"""Where addresses point to, against a DNS server on loopback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import dns.rcode
import pytest

import tui.names.reverse as reverse
from tests.names.server import Server, serving
from tui.names.reverse import Pointed, Reverse

IP, SIX = "203.0.113.7", "2001:db8::7"
AT = "7.113.0.203.in-addr.arpa"
AT_SIX = f"7.{'0.' * 23}8.b.d.0.1.0.0.2.ip6.arpa"
HOUR_US, DAY_US = 3_600_000_000, 86_400_000_000


class Asking:
    """Look-ups that note their results, and what waits for one."""

    def __init__(self, server: str) -> None:
        self.results: asyncio.Queue[Pointed] = asyncio.Queue()
        self.made: list[int] = []
        self.reverse = Reverse([server], self.results.put_nowait, self.made.append)

    async def next(self) -> Pointed:
        async with asyncio.timeout(8):
            return await self.results.get()


@asynccontextmanager
async def asking(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Server, Asking]]:
    monkeypatch.setattr(reverse, "PAUSE_S", 0.001)
    async with serving() as (server, place):
        asked = Asking(place)
        try:
            yield server, asked
        finally:
            await asked.reverse.close()


@pytest.mark.parametrize(("ip", "at"), [(IP, AT), (SIX, AT_SIX)])
async def test_an_address_points_to_its_name(monkeypatch: pytest.MonkeyPatch, ip: str, at: str) -> None:
    async with asking(monkeypatch) as (server, asked):
        server.records, server.ttl = {at: ("Host-7.Example.NET",)}, 1200
        asked.reverse.ask(ip)
        found = await asked.next()
        assert (found.ip, found.host, found.until_us - found.at_us) == (ip, "host-7.example.net", 1_200_000_000)
        assert asked.made


@pytest.mark.parametrize(("ttl", "held_us"), [(0, HOUR_US // 6), (10**6, DAY_US)])
async def test_a_name_is_kept_for_ten_minutes_at_least_and_a_day_at_most(
    monkeypatch: pytest.MonkeyPatch, ttl: int, held_us: int
) -> None:
    async with asking(monkeypatch) as (server, asked):
        server.records, server.ttl = {AT: ("host.example.net",)}, ttl
        asked.reverse.ask(IP)
        found = await asked.next()
        assert found.until_us - found.at_us == held_us


@pytest.mark.parametrize("rcode", [dns.rcode.NXDOMAIN, dns.rcode.SERVFAIL])
async def test_an_address_that_points_nowhere_is_not_asked_for_again_within_an_hour(
    monkeypatch: pytest.MonkeyPatch, rcode: dns.rcode.Rcode
) -> None:
    async with asking(monkeypatch) as (server, asked):
        server.rcode = rcode
        asked.reverse.ask(IP)
        found = await asked.next()
        assert (found.host, found.until_us - found.at_us) == (None, HOUR_US)
        before = len(server.asked)
        asked.reverse.ask(IP)
        await asyncio.sleep(0.02)
        assert len(server.asked) == before


@pytest.mark.parametrize(
    "text", ["203.0.113.7", "-x.example", "a\\007b.example", "\\255.example", "a\\|b.example", "*"]
)
async def test_what_is_no_host_name_is_none(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    async with asking(monkeypatch) as (server, asked):
        server.records = {AT: (text,)}
        asked.reverse.ask(IP)
        assert (await asked.next()).host is None


async def test_of_several_names_the_first_by_alphabet_that_is_one_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async with asking(monkeypatch) as (server, asked):
        server.records = {AT: ("b.example", "*", "a.example")}
        asked.reverse.ask(IP)
        assert (await asked.next()).host == "a.example"


async def test_an_address_is_asked_for_once_while_its_name_holds_and_again_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with asking(monkeypatch) as (server, asked):
        server.records = {AT: ("host.example.net",)}
        for _ in range(3):
            asked.reverse.ask(IP)
        await asked.next()
        asked.reverse.ask(IP)
        asked.reverse.ask("203.0.113.8")
        assert (await asked.next()).ip == "203.0.113.8"
        assert server.asked.count(AT) == 1
        asked.reverse._known[IP] = 0  # its time is over
        asked.reverse.ask(IP)
        assert (await asked.next()).ip == IP


async def test_no_more_than_four_at_once_and_a_thousand_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    async with asking(monkeypatch) as (server, asked):
        with asked.reverse.quiet():
            for number in range(1_500):
                asked.reverse.ask(f"10.0.{number // 250}.{number % 250}")
            assert len(asked.reverse._waiting) == 1_000
            await asyncio.sleep(0.05)
            assert len(asked.reverse._under_way) == 4
            assert server.asked == []


async def test_five_a_second_are_asked_for() -> None:
    async with serving() as (server, place):
        asked = Asking(place)
        for number in range(20):
            asked.reverse.ask(f"203.0.113.{number}")
        await asyncio.sleep(0.5)
        assert 1 <= len(server.asked) <= 3
        await asked.reverse.close()


async def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reverse, "KNOWN_MAX", 3)
    async with asking(monkeypatch) as (_, asked):
        for number in range(9):
            asked.reverse.ask(f"203.0.113.{number}")
            await asked.next()
        assert list(asked.reverse._known) == ["203.0.113.6", "203.0.113.7", "203.0.113.8"]


async def test_what_is_no_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async with asking(monkeypatch) as (_, asked):
        with pytest.raises(ValueError, match="does not appear"):
            asked.reverse.ask("licensing.tryretool.com")


async def test_closing_does_not_wait_for_an_answer_that_never_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    async with asking(monkeypatch) as (server, asked):
        server.records = {AT: None}
        asked.reverse.ask(IP)
        async with asyncio.timeout(8):
            await server.was_asked.wait()
        async with asyncio.timeout(1):
            await asked.reverse.close()
