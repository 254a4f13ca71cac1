"""Record what an import hands over. Done by whoever holds the history: a collector, or else the import itself."""

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tui.collector.assemble import CollectOptions, pipeline_of
from tui.collector.chunks import Answer, Chunk, Told
from tui.collector.narration import now_us, say
from tui.collector.past import cadence_hosts
from tui.collector.pipeline import Pipeline
from tui.collector.rules_in_force import RulesInForce
from tui.collector.spool import AHEAD, Spool, Strange, spool_path
from tui.history.batch import Batch
from tui.history.errors import HistoryCorrupt, HistoryUnwritable
from tui.history.place import Holder, hold, prepare
from tui.history.resume import read_past
from tui.history.write import Writer, open_for_writing
from tui.proxylog.keys import RequestKey

LOCKED_S = 20.0
"""How long the import itself waits for a history that another program locks."""

Known = Mapping[RequestKey, int | None]
"""Requests that are recorded, each with the connection that an import has made of it; None where a collector did."""


class Importing:
    """The folder of one history, and what was said of it."""

    def __init__(self, history: Path) -> None:
        self._history = history
        self._said = ""

    def next(self, after: int = 0) -> Chunk | None:
        """The oldest chunk that waits, of those that came after one; None if there is none.

        Reads files, and raises for nothing that they are.
        """
        try:
            spool = Spool.find(self._history)
            if spool is None:
                return None
            try:
                return self._sound(spool, after)
            finally:
                spool.close()
        except OSError as error:
            self._say(f"nothing can be imported from {spool_path(self._history)}: {error.strerror or error}")
            return None

    def _sound(self, spool: Spool, after: int) -> Chunk | None:
        while True:
            try:
                return spool.first(after)
            except Strange as strange:
                spool.refuse(strange)
                self._say(str(strange))

    def done(self, chunk: Chunk, answer: Answer) -> None:
        """Say that a chunk is committed. One that cannot be removed is taken again, and all of it is known then."""
        try:
            spool = Spool.find(self._history)
            if spool is not None:
                try:
                    spool.answer(chunk.number, answer)
                finally:
                    spool.close()
        except OSError as error:
            self._say(f"what was imported cannot be removed from {spool_path(self._history)}: {error.strerror}")

    def _say(self, text: str) -> None:
        if text != self._said:
            self._said = text
            say(text)


def keys_of(chunk: Chunk) -> list[RequestKey]:
    """All that is to be looked up of a chunk."""
    return [key for told in chunk.told for key in (told.key, told.opened) if key is not None]


def take(chunk: Chunk, known: Known, pipeline: Pipeline, now_us: int) -> Answer:
    """Give the pipeline what is new in a chunk; it stands in its batch then.

    :param known: of ``keys_of`` those that are recorded or about to be
    """
    requests, fresh, again = pipeline.batch.requests, dict[RequestKey, Told](), dict[int, int]()
    for told in chunk.told:
        if told.key in known or told.key in requests or told.key in fresh:
            continue
        opened = told.opened
        if opened is not None and (opened in known or opened in requests):
            connection = known[opened] if opened in known else requests[opened]
            if connection is None:
                continue  # A collector has seen it begin, and tells its end itself.
            again[len(fresh)] = connection
        fresh[told.key] = told
    ids = pipeline.imported(chunk.path, [told.request for told in fresh.values()], now_us, again)
    for (key, told), id in zip(fresh.items(), ids, strict=True):
        pipeline.batch.requests |= {each: id for each in (key, told.opened) if each is not None}
    return Answer(len(fresh), len(chunk.told) - len(fresh))


@contextmanager
def recorder(options: CollectOptions, holder: Holder) -> Iterator[Callable[[], bool]]:
    """Hold a history that no collector holds; yields what records the chunks that wait in one commit.

    It says whether any did.

    :raises HistoryError: if the history cannot be written, or is held by now
    :raises ConfigError: if the allowlist cannot be used
    """
    history = options.history
    prepare(history)
    with hold(history, holder):
        db = open_for_writing(history)
        try:
            began_us = now_us()
            past = read_past(db, began_us, cadence_hosts(options.catalogue))
            rules = RulesInForce(options.policy, past.allowlist)
            allowlist, error = rules.first()
            if error is not None:
                raise error
            pipeline = pipeline_of(past, options, allowlist, began_us, lambda: True)
            pipeline.keep(rules.take_new())
            writer, importing = Writer(db), Importing(history)

            def record() -> bool:
                taken = list[tuple[Chunk, Answer]]()
                chunk = importing.next()
                while chunk is not None:
                    taken.append((chunk, take(chunk, writer.known(keys_of(chunk)), pipeline, now_us())))
                    chunk = importing.next(chunk.number) if len(taken) < AHEAD else None
                _commit(writer, pipeline.take(), history)
                for each, answer in taken:
                    importing.done(each, answer)
                return bool(taken)

            yield record
        finally:
            db.close()


def _commit(writer: Writer, batch: Batch, history: Path) -> None:
    ends = time.monotonic() + LOCKED_S
    while True:
        try:
            writer.commit(batch)
            return
        except sqlite3.OperationalError as error:
            if time.monotonic() >= ends:
                raise HistoryUnwritable(
                    f"the history {history} cannot be written: {error}",
                    "Free the disk or end the program that locks the file, and import again: nothing is doubled.",
                ) from error
            time.sleep(0.2)
        except sqlite3.DatabaseError as error:
            raise HistoryCorrupt(
                f"{history} has become unsound: {error}",
                f"Move it away and import again: mv {history} {history}.damaged",
            ) from error
