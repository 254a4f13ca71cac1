"""The pictures of the README: made from a recorded history at a fixed moment, the same byte for byte on every run.

python -m tests.viewer.pictures      writes screenshots/*.svg
"""

from __future__ import annotations

import asyncio
import os
import re
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from shutil import copyfile

from tests.viewer.scene import HOLDER, NOW_US, Shown, incident, recording
from tui.allowlist.judge import Allowlist
from tui.allowlist.policy import Policy
from tui.history.migrations import migrate
from tui.history.read import Reader
from tui.model.times import HOUR_US, SECOND_US
from tui.viewer.theme import Look
from tui.viewer.words import ASCII

SCREENSHOTS = Path(__file__).parents[2] / "screenshots"
RECORDED = Path(__file__).parents[1] / "data" / "incident.db"
"""Recorded by the collector; as long as there is none, the pictures show the incident of the tests."""

_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


FULL = Look()


class Unread(Policy):
    """The default rules alone: a picture must not depend on the allowlist of the host that draws it."""

    def load(self) -> Allowlist:
        return self.allowlist(self.defaults)


@dataclass(frozen=True, slots=True)
class Picture:
    """What is pressed, at which size, on which terminal."""

    size: tuple[int, int]
    keys: Sequence[str] = ()
    look: Look = FULL
    no_color: bool = False


_FILTER_ERROR = ("slash", *"role:api hots:openai", "enter")
PICTURES: Mapping[str, Picture] = {
    "main-80x24": Picture((80, 24)),
    "main-120x40": Picture((120, 40)),
    "main-60x20": Picture((60, 20)),
    "main-200x60": Picture((200, 60)),
    "main-16-colours": Picture((80, 24), look=Look(sixteen=True)),
    "main-no-colour": Picture((80, 24), look=Look(sixteen=True), no_color=True),
    "main-ascii": Picture((120, 40), look=Look(glyphs=ASCII)),
    "detail-80x24": Picture((80, 24), ("enter",)),
    "detail-120x40": Picture((120, 40), ("slash", *"host:p.tryretool", "enter", "enter")),
    "blocked-80x24": Picture((80, 24), ("slash", *"host:licensing", "enter", "enter", "G")),
    "addresses-80x24": Picture((80, 24), ("d",)),
    "mismatch-120x40": Picture((120, 40), ("slash", *"host:api.openai.com role:code-executor", "enter", "enter")),
    "unresolved-80x24": Picture((80, 24), ("slash", *"host:email-service", "enter", "enter")),
    "not-judged": Picture((80, 24), ("slash", *"verdict:not-judged", "enter")),
    "allow": Picture((80, 24), ("A",)),
    "help": Picture((120, 75), ("question_mark",)),
    "filter-error": Picture((80, 24), _FILTER_ERROR),
    "frozen": Picture((80, 24), ("space",)),
}


@contextmanager
def night() -> Iterator[tuple[Path, Path, int]]:
    """A recorded history that is being recorded, its configuration, and the moment of the picture."""
    with tempfile.TemporaryDirectory(prefix="retool-egress-") as name:
        directory = Path(name)
        if RECORDED.exists():
            path, moment_us = directory / "history.db", 0
            copyfile(RECORDED, path)
            with closing(sqlite3.connect(path)) as db:
                migrate(db)
            reader = Reader(path)
            run = reader.last_run()
            reader.close()
            if run is None:
                raise ValueError(f"{RECORDED} has no run")
            moment_us = run.seen_us + SECOND_US
            since_us, until_us, kind = run.started_us, run.until_us, run.kind
        else:
            scene = incident(directory)
            scene.close()
            path, moment_us, since_us, until_us = scene.path, NOW_US, NOW_US - 91 * HOUR_US, HOLDER.until_us
            kind = HOLDER.kind
        with recording(path, since_us=since_us, until_us=until_us, kind=kind):
            yield path, Path("/etc/retool-egress/config.toml"), moment_us


async def draw(picture: Picture) -> str:
    """One picture as SVG, without the fonts that a browser would fetch."""
    with night() as (path, config, moment_us), _environment(picture.no_color):
        shown = Shown(path, config, picture.look, moment_us)
        policy = shown.app.options.policy
        unread = Unread(*(getattr(policy, field.name) for field in fields(policy)))
        shown.app.options = replace(shown.app.options, policy=unread)
        async with shown.app.run_test(size=picture.size) as pilot:
            for key in picture.keys:
                await pilot.press(key)
                await shown.app.workers.wait_for_complete()
                await pilot.pause()
            return _FONTS.sub("", shown.app.export_screenshot())


@contextmanager
def _environment(no_color: bool) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.pop("NO_COLOR", None)
    os.environ.update({"NO_COLOR": "1"} if no_color else {})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def pictures() -> dict[str, Callable[[], str]]:
    """Every picture by the name of its file, to be drawn when it is wanted."""

    def drawing(picture: Picture) -> Callable[[], str]:
        return lambda: asyncio.run(draw(picture))

    return {f"{name}.svg": drawing(picture) for name, picture in PICTURES.items()}


def main() -> None:
    """Write them all."""
    SCREENSHOTS.mkdir(exist_ok=True)
    for name, drawn in pictures().items():
        (SCREENSHOTS / name).write_text(drawn(), encoding="utf-8")
        print(SCREENSHOTS / name)


if __name__ == "__main__":
    main()
