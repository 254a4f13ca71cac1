"""The help explains every key and every sign, and says what no monitor on a host can see."""

from tests.viewer.scene import Scene, Shown, recording
from tui.viewer.keys import KEYS
from tui.viewer.widgets.pager import Pager


async def test_the_help_has_every_key_every_sign_and_the_limits(shown: Shown) -> None:
    async with shown.app.run_test(size=(120, 40)) as pilot:
        await pilot.press("question_mark")
        text = " ".join(" ".join(line.plain for line in shown.app.screen.query_one(Pager)._page).split())
        for key in KEYS:
            assert key.shown in text
            assert key.sentence in text
        for word in (
            "ok",
            "BLOCKED",
            "failing",
            "no answer",
            "overdue",
            "OFF LIST",
            "UPLOAD",
            "review",
            "not seen",
            "cannot tell",
            "unjudged",
        ):
            assert word in text
        assert "usage events may also leave from users' browsers, which a host monitor cannot see" in text.lower()


async def test_the_help_tells_in_full_what_the_present_source_cannot_see(scene: Scene) -> None:
    scene.recorded()
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(120, 40)) as pilot:
            await pilot.press("question_mark")
            text = " ".join(" ".join(line.plain for line in shown.app.screen.query_one(Pager)._page).split())
            assert "shorter connections and other containers are missed" in text


async def test_escape_closes_the_help(shown: Shown) -> None:
    async with shown.app.run_test(size=(80, 24)) as pilot:
        await pilot.press("question_mark", "escape")
        assert "DESTINATIONS" in shown.text
