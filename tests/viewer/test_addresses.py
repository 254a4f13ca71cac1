"""One key puts addresses in the place of names, everywhere, and nothing else on the screen moves."""

from collections.abc import Iterable
from pathlib import Path
from threading import Event

import pytest
from textual.pilot import Pilot

from tests.viewer.scene import NOW_US, Scene, Shown, recording
from tui.history.rows import DestinationRow
from tui.model.alert import Urgency
from tui.model.connection import Claim, Evidence, Outcome, Verdict
from tui.model.times import MINUTE_US, SECOND_US
from tui.viewer.addresses import Places, read_places
from tui.viewer.screens import main
from tui.viewer.theme import Look
from tui.viewer.words import ASCII

BY_ADDRESS = "ADDRESS (d: names)"


async def press(shown: Shown, pilot: Pilot[None], *keys: str) -> None:
    """Press keys and wait for what they ask of the history."""
    for key in keys:
        await pilot.press(key)
        await shown.app.workers.wait_for_complete()
        await pilot.pause()


async def step(shown: Shown, pilot: Pilot[None]) -> None:
    """Let the screen take what was recorded since."""
    shown.feed.step()
    await pilot.pause()
    await shown.app.workers.wait_for_complete()
    await pilot.pause()


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40)])
async def test_d_shows_the_addresses_and_says_so_and_d_again_the_names(shown: Shown, size: tuple[int, int]) -> None:
    async with shown.app.run_test(size=size) as pilot:
        before = shown.lines
        await press(shown, pilot, "d")
        assert shown.line(BY_ADDRESS)
        assert shown.line("198.51.100.40:443")
        assert not shown.line("api.stripe.com")
        await press(shown, pilot, "d")
        assert shown.lines == before


async def test_a_bare_address_stays_as_it_is_without_a_word_on_its_name(shown: Shown) -> None:
    async with shown.app.run_test(size=(80, 24)) as pilot:
        await press(shown, pilot, "d")
        assert shown.line(">203.0.113.77:443")
        assert "(no name)" not in shown.text


async def test_no_row_moves_and_the_cursor_stays_on_its_own(shown: Shown) -> None:
    async with shown.app.run_test(size=(80, 24)) as pilot:
        await press(shown, pilot, "j", "j", "j")
        table = shown.app.main._table
        key, place = table.row and table.row.key, shown.lines.index(shown.line(">"))
        order = [row.key for row in table.on_screen]
        await press(shown, pilot, "d")
        assert (table.row and table.row.key) == key
        assert shown.lines[place].startswith(">")
        assert [row.key for row in table.on_screen] == order


async def test_addresses_stay_through_sorting_filtering_freezing_and_new_rows(scene: Scene) -> None:
    scene.connect("a.example.com", "198.51.100.1").connect("b.example.com", "198.51.100.2").recorded()
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(80, 24)) as pilot:
            await press(shown, pilot, "d", "s")
            assert shown.line("198.51.100.1:443")
            await press(shown, pilot, "slash", *"host:b.example", "enter")
            assert shown.line(BY_ADDRESS)
            assert shown.line("198.51.100.2:443")
            assert not shown.line("198.51.100.1:443")
            await press(shown, pilot, "escape", "space")
            assert shown.line("198.51.100.1:443")
            await press(shown, pilot, "space")
            scene.connect("c.example.com", "198.51.100.3").commit()
            await step(shown, pilot)
            assert shown.line("+198.51.100.3:443")


async def test_the_latest_address_stands_first_with_how_many_others_there_are(scene: Scene) -> None:
    scene.connect("a.example.com", "198.51.100.1").connect("a.example.com", "2001:db8::1").recorded()
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(80, 24)) as pilot:
            await press(shown, pilot, "d")
            assert "[2001:db8::1]:443 +1" in shown.line(">")
            scene.connect("a.example.com", "198.51.100.9").commit()
            await step(shown, pilot)
            assert "198.51.100.9:443 +2" in shown.line(">")


async def test_a_row_shows_where_its_own_role_went(scene: Scene) -> None:
    scene.connect("api.openai.com", "192.0.2.66", role="code-executor", evidence=Evidence.SNI, claim=Claim.MISMATCH)
    scene.connect("api.openai.com", "198.51.100.14", role="workflows-worker", evidence=Evidence.SNI).recorded()
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(80, 24)) as pilot:
            await press(shown, pilot, "d")
            assert "192.0.2.66:443 " in shown.line("code-executor")
            assert "198.51.100.14:443 " in shown.line("workflows-worker")
            assert "+1" not in shown.line("code-executor")


async def test_of_what_went_through_a_proxy_only_the_proxy_is_known(scene: Scene) -> None:
    scene.connect("api.openai.com", "10.0.0.9", evidence=Evidence.CONNECT, via="10.0.0.9:3128").recorded()
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(80, 24)) as pilot:
            await press(shown, pilot, "d")
            assert "via 10.0.0.9:3128" in shown.line(">")


async def test_a_frozen_picture_shows_no_address_of_later(scene: Scene) -> None:
    scene.connect("a.example.com", "198.51.100.1").recorded()
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(80, 24)) as pilot:
            await press(shown, pilot, "space")
            scene.connect("a.example.com", "198.51.100.2", ago_us=-SECOND_US).commit()
            await step(shown, pilot)
            await press(shown, pilot, "d")
            assert "198.51.100.1:443 " in shown.line(">")


class Asked:
    """What was asked of the history."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names: list[list[str]] = []
        monkeypatch.setattr(main, "read_places", self._read)

    def _read(self, history: Path, rows: Iterable[DestinationRow], until_us: int) -> Places | None:
        asked = list(rows)
        self.names.append([row.name for row in asked])
        return read_places(history, asked, until_us)


async def test_only_rows_on_the_screen_are_asked_for_and_each_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(60):
        scene.connect(f"h{number:02}.example.com", f"198.51.100.{number}", ago_us=number * SECOND_US)
    scene.recorded()
    asked = Asked(monkeypatch)
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(80, 24)) as pilot:
            await press(shown, pilot, "j")
            assert asked.names == []
            await press(shown, pilot, "d")
            window = [row.name for row in shown.app.main._table.on_screen]
            assert asked.names == [window]
            await press(shown, pilot, "d", "d", "j")
            assert asked.names == [window]
            await press(shown, pilot, "pagedown")
            assert set(asked.names[1]) == {row.name for row in shown.app.main._table.on_screen} - set(window)
            assert all(shown.line(f"198.51.100.{int(name[1:3])}:443") for name in asked.names[1])


async def test_a_slow_history_holds_up_no_key(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.connect("a.example.com", "198.51.100.1").connect("b.example.com", "198.51.100.2").recorded()
    goes_on = Event()

    def slow(history: Path, rows: Iterable[DestinationRow], until_us: int) -> Places | None:
        goes_on.wait(20)
        return read_places(history, rows, until_us)

    monkeypatch.setattr(main, "read_places", slow)
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(80, 24)) as pilot:
            await pilot.press("d", "j")
            assert shown.line(BY_ADDRESS)
            assert shown.line("a.example.com:443")
            assert shown.line(">b.example.com:443") or shown.line(">a.example.com:443")
            goes_on.set()
            await press(shown, pilot, "k")
            assert shown.line("198.51.100.1:443")
            assert shown.line("198.51.100.2:443")


async def test_a_history_that_cannot_be_read_leaves_the_names_until_it_can(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.connect("a.example.com", "198.51.100.1").recorded()
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(80, 24)) as pilot:
            with monkeypatch.context() as away:
                away.setattr(main, "read_places", lambda *_: read_places(Path("/nowhere"), (), 0))
                await press(shown, pilot, "d")
                assert shown.line(">a.example.com:443")
            shown.app.main.tick()
            await shown.app.workers.wait_for_complete()
            await pilot.pause()
            assert shown.line(">198.51.100.1:443")


async def test_d_on_the_detail_turns_both_screens(scene: Scene) -> None:
    scene.connect("api.example.com", "198.51.100.8", ago_us=2 * MINUTE_US)
    scene.connect("api.example.com", "198.51.100.9", times=3, every_us=SECOND_US).recorded()
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(80, 24)) as pilot:
            await press(shown, pilot, "enter", "G")
            assert "api.example.com:443 from api" in shown.lines[0]
            await press(shown, pilot, "d")
            assert shown.lines[0].startswith(" 198.51.100.9:443 +1 from api")
            assert shown.lines[0].rstrip().endswith("by address")
            await press(shown, pilot, "escape")
            assert shown.line(">198.51.100.9:443 +1")
            await press(shown, pilot, "enter", "d", "escape")
            assert shown.line(">api.example.com:443")


async def test_alerts_name_the_address_too_but_for_a_name_that_is_the_matter(scene: Scene) -> None:
    scene.connect("evil.example.com", "198.51.100.9", verdict=Verdict.OFF_ALLOWLIST)
    scene.connect("licensing.tryretool.com", "192.0.2.10", outcome=Outcome.TIMED_OUT)
    scene.alert("evil.example.com", urgency=Urgency.ACT_NOW, why="a deny rule names it").blocked()
    scene.unresolved("p.tryretool.com").recorded(note="")
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(120, 24)) as pilot:
            assert "api to evil.example.com:443 off list" in shown.line("#1 ")
            await press(shown, pilot, "d")
            assert "api to 198.51.100.9:443 off list" in shown.line("#1 ")
            assert "License checks: api gets no answer from 192.0.2.10" in shown.line("#2 ")
            assert "p.tryretool.com does not resolve in api" in shown.line("#3 ")


async def test_addresses_need_no_sign_that_ascii_lacks(scene: Scene) -> None:
    for last in range(3):
        scene.connect("a-host-with-quite-a-long-name.example.com", f"2001:db8:1111:2222:3333:4444:5555:{last}")
    scene.recorded()
    with recording(scene.path):
        shown = Shown(scene.path, scene.config, Look(glyphs=ASCII))
        async with shown.app.run_test(size=(80, 24)) as pilot:
            await press(shown, pilot, "d")
            assert shown.text.isascii()
            assert "]:443 +2" in shown.line(">") or ":443 +2" in shown.line(">")
            await press(shown, pilot, "enter")
            assert shown.text.isascii()


async def test_another_history_in_the_same_place_has_its_own_addresses(scene: Scene, tmp_path: Path) -> None:
    scene.connect("a.example.com", "198.51.100.1").recorded()
    directory = tmp_path / "other"
    directory.mkdir()
    other = Scene(directory)
    other.connect("a.example.com", "198.51.100.2").recorded()
    other.close()
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(80, 24)) as pilot:
            await press(shown, pilot, "d")
            assert shown.line(">198.51.100.1:443")
            scene.close()
            for name in ("history.db-wal", "history.db-shm"):
                (tmp_path / name).unlink(missing_ok=True)
            other.path.replace(scene.path)
            shown.clock.now_us = NOW_US + SECOND_US
            await step(shown, pilot)
            assert shown.line(">198.51.100.2:443")
