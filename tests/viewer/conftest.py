"""Fixtures of the viewer's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.viewer.scene import NOW_US, Scene, Shown, incident, recording
from tui.model.times import HOUR_US


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """The incident, recorded into one file for the tests of a module that only read it."""
    scene = incident(tmp_path_factory.mktemp("night"))
    with recording(scene.path, since_us=NOW_US - 91 * HOUR_US):
        yield scene
    scene.close()


@pytest.fixture
def shown(night: Scene, tmp_path: Path) -> Shown:
    """The incident on a screen, with a configuration of its own."""
    return Shown(night.path, tmp_path / "config.toml")


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """An empty history whose recording began four minutes ago; nobody holds it."""
    made = Scene(tmp_path)
    yield made
    made.close()
