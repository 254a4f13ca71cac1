"""What is recorded or about to be is known while others are taken; what cannot be written stays known."""

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.collector import build
from tui.collector.commits import Commits
from tui.collector.pipeline import Pipeline
from tui.history.write import open_for_writing
from tui.proxylog.keys import RequestKey

FIRST, SECOND, THIRD = (1, 1), (1, 2), (1, 3)


class Place:
    """A history with what writes it; ``blocked`` has every write refused."""

    def __init__(self, history: Path) -> None:
        self.db = open_for_writing(history)
        self.pipeline: Pipeline = build.pipeline()
        self.commits = Commits(self.db, history, self.pipeline)

    def block(self, *, blocked: bool) -> None:
        self.db.execute(f"PRAGMA query_only = {int(blocked)}")

    async def known(self, *keys: RequestKey) -> set[RequestKey]:
        async with self.commits.knowing(keys) as known:
            return set(known) & set(keys)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path / "history.db")
    yield made
    made.commits.close(wait=True)
    made.db.close()


def test_requests_are_known_from_when_they_are_taken_on_whether_they_can_be_written_or_not(place: Place) -> None:
    async def record() -> None:
        place.pipeline.batch.requests[FIRST] = None
        assert await place.known(FIRST, SECOND) == {FIRST}
        place.block(blocked=True)
        await place.commits.commit()
        assert place.commits.failing
        place.pipeline.batch.requests[SECOND] = None
        assert await place.known(FIRST, SECOND, THIRD) == {FIRST, SECOND}
        place.block(blocked=False)
        await place.commits.commit()
        assert not place.commits.failing
        assert await place.known(FIRST, SECOND, THIRD) == {FIRST, SECOND}

    asyncio.run(record())
    stored = place.db.execute("SELECT count(*) FROM request").fetchone()
    assert stored == (2,)


def test_nothing_is_committed_while_others_are_compared_with_what_is_known(place: Place) -> None:
    async def record() -> None:
        place.pipeline.batch.requests[FIRST] = None
        async with place.commits.knowing([FIRST]) as known:
            commit = asyncio.create_task(place.commits.commit())
            await asyncio.sleep(0)
            assert FIRST in known
            assert FIRST in place.pipeline.batch.requests
        await commit
        assert not place.pipeline.batch.requests

    asyncio.run(record())


def test_a_history_that_cannot_be_read_is_the_caller_s_to_answer(place: Place) -> None:
    place.db.execute("DROP TABLE request")
    with pytest.raises(sqlite3.Error):
        asyncio.run(place.known(FIRST))
