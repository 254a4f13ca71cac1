"""The look-ups of a collector that runs: none begins during a look, and what is switched off gathers nothing."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import aiodns
import pytest

from tests.collector.build import CATALOGUE, POLICY
from tui.collector import assemble
from tui.collector.assemble import CollectOptions
from tui.collector.loop import Collector
from tui.config.settings import load_settings
from tui.history.batch import Run
from tui.history.place import prepare
from tui.history.write import open_for_writing
from tui.model.observation import Sighting
from tui.names.resolver import Resolver


class Source:
    """Sees nothing, and takes its time."""

    namespace = "net:[1]"

    def __init__(self) -> None:
        self.during: Callable[[], None] = lambda: None

    def fileno(self) -> None:
        return None

    def wait_s(self) -> float:
        return 0.01

    def look(self) -> Sighting:
        self.during()
        return Sighting(time.time_ns() // 1000)

    def close(self) -> None:
        pass


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Source:
    made = Source()
    monkeypatch.setattr(assemble, "open_source", lambda *_, **__: made)
    return made


@pytest.fixture
def collector(source: Source, tmp_path: Path) -> Iterator[Collector]:
    config = tmp_path / "config.toml"
    config.write_text("[names]\nforward = false\nreverse = false\n")
    history = tmp_path / "history.db"
    prepare(history)
    options = CollectOptions(history, load_settings(config, named=True), CATALOGUE, POLICY, "test", 0.5)
    with closing(open_for_writing(history)) as db:
        yield Collector(options, db, Run(0, 1, 1, None, None, "test", 1, "nobody", "0"))


async def test_no_address_is_looked_up_while_sockets_are_looked_at(
    collector: Collector, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, seen_s = list[float](), list[tuple[float, float]]()
    loop = asyncio.get_running_loop()

    async def query(*_: Any) -> list[Any]:
        asked.append(time.monotonic())
        raise aiodns.error.DNSError(aiodns.error.ARES_ENOTFOUND, "")

    def during() -> None:
        began = time.monotonic()
        loop.call_soon_threadsafe(collector._reverse.ask, "203.0.113.9")
        time.sleep(0.1)
        seen_s.append((began, time.monotonic()))

    monkeypatch.setattr(Resolver, "query", query)
    source.during = during
    await collector.run()
    assert len(asked) == 1
    assert not any(began < at < ended for at in asked for began, ended in seen_s)


def test_what_is_never_to_be_looked_up_is_not_gathered(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    gathered = {"licensing.tryretool.com", "203.0.113.9"}

    def take(*_: int) -> set[str]:
        taken = set(gathered)
        gathered.clear()
        return taken

    for name in ("take_wanted", "take_nameless"):
        gathered.add(name)
        with monkeypatch.context() as patch:
            patch.setattr(collector._pipeline, name, take)
            collector._ask()
        assert gathered == set()
