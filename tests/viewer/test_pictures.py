"""The pictures in screenshots/ are what the screen shows today."""

import pytest

from tests.viewer.pictures import PICTURES, SCREENSHOTS, draw

AGAIN = "The screen looks otherwise now. Look at it, then: python -m tests.viewer.pictures"


@pytest.mark.parametrize("name", PICTURES)
async def test_the_picture_is_what_the_screen_shows(name: str) -> None:
    drawn = await draw(PICTURES[name])
    assert (SCREENSHOTS / f"{name}.svg").read_text(encoding="utf-8") == drawn, AGAIN


def test_there_is_no_picture_that_nobody_draws() -> None:
    assert {path.stem for path in SCREENSHOTS.glob("*.svg")} == set(PICTURES)


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_fetches_nothing(name: str) -> None:
    drawn = (SCREENSHOTS / f"{name}.svg").read_text(encoding="utf-8")
    assert "url(http" not in drawn.replace("url(#", "")
    assert "@font-face" not in drawn
