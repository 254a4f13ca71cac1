"""A history to write into, and places that every user can reach."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.history.sample import Recorder


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "history.db"


@pytest.fixture
def recorder(path: Path) -> Iterator[Recorder]:
    recorder = Recorder(path)
    yield recorder
    recorder.close()


@pytest.fixture
def public() -> Iterator[Path]:
    """A directory that other users can enter and not write."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)
