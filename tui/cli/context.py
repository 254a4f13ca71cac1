"""What the commands share: which files they work on, read when first asked for."""

import contextlib
import os
import time
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tui.allowlist.policy import Policy
    from tui.catalog import Catalogue
    from tui.config.settings import Settings
    from tui.history.read import Reader
    from tui.model.filter import Filter


LONGEST_SPAN_US = 3660 * 86_400_000_000


class Context:
    """The files of this call: flags before environment before what is usual for this user."""

    def __init__(self, history: Path | None, config: Path | None) -> None:
        self._history = history
        self._config = config

    @cached_property
    def history(self) -> Path:
        """The history's path, absolute."""
        from tui.history.place import default_history

        return (self._history or default_history(dict(os.environ))).absolute()

    @cached_property
    def config(self) -> Path:
        """The path of ``config.toml``, absolute; there may be no such file."""
        from tui.config.paths import default_config

        return (self._config or default_config(dict(os.environ), os.geteuid())).absolute()

    @cached_property
    def settings(self) -> "Settings":
        """The configuration.

        :raises ConfigError: if it is wrong
        """
        from tui.config.settings import load_settings

        return load_settings(self.config, named=self._config is not None)

    @cached_property
    def catalogue(self) -> "Catalogue":
        """The catalogue with the operator's entries."""
        from tui.catalog import load_catalogue

        return load_catalogue(self.settings.services)

    @cached_property
    def policy(self) -> "Policy":
        """Where the allowlist comes from."""
        from tui.allowlist.policy import policy_of

        return policy_of(self.settings, self.catalogue)

    @contextlib.contextmanager
    def reader(self) -> Iterator["Reader"]:
        """The history, open for reading inside the block.

        :raises HistoryError: if there is none or it cannot be read, also where that shows only inside the block
        """
        import sqlite3

        from tui.history.errors import HistoryCorrupt, HistoryUnreadable
        from tui.history.open import REGEX_FAULT
        from tui.history.read import Reader

        reader = Reader(self.history)
        try:
            yield reader
        except sqlite3.OperationalError as error:
            if str(error) == REGEX_FAULT:
                raise click.UsageError("the regular expression takes too long; write a simpler one") from error
            raise HistoryUnreadable(f"cannot read {self.history}: {error}", "Try again in a moment.") from error
        except sqlite3.DatabaseError as error:
            raise HistoryCorrupt(
                f"{self.history} is damaged: {error}",
                f"The file is kept as it is. Move it away to record again: mv {self.history} {self.history}.damaged",
            ) from error
        finally:
            reader.close()


def now_us() -> int:
    """The time."""
    return time.time_ns() // 1000


def time_option(text: str | None, option: str, now: int) -> int | None:
    """The moment that an option names.

    :raises click.BadParameter: if it names none
    """
    from tui.model.times import host_zone, parse_time

    if text is None:
        return None
    try:
        return parse_time(text, now, host_zone())
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from error


def span_option(text: str, option: str) -> int:
    """The length in microseconds that an option names.

    :raises click.BadParameter: if it names none
    """
    from tui.model.times import parse_span

    try:
        length = parse_span(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from error
    if length > LONGEST_SPAN_US:
        raise click.BadParameter(f"{text} is longer than ten years", param_hint=option)
    return length


def filter_argument(words: tuple[str, ...]) -> "Filter":
    """The filter that the words of a command line make.

    :raises click.UsageError: if they make none, with a mark below the place
    """
    from tui.model.filter import LENGTH_MAX, Filter, FilterError
    from tui.model.text import clean

    text = " ".join(words)
    try:
        return Filter.parse(text)
    except FilterError as error:
        mark = " " * (error.column - 1) + "^"
        told = f"{error}\n  {clean(text, LENGTH_MAX)}\n  {mark}"
        raise click.UsageError(told) from error
