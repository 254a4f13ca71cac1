"""A desk for each test of the command line."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.cli.program import Desk
from tui.cli.app import command

Invoke = Callable[..., Result]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A folder with an empty configuration; nothing of this machine's environment says where files are."""
    for name in ("RETOOL_EGRESS_HISTORY", "RETOOL_EGRESS_CONFIG", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TZ", "UTC")
    made = Desk(tmp_path)
    made.config.touch(mode=0o600)
    return made


@pytest.fixture
def invoke(desk: Desk) -> Invoke:
    """Run a command on the desk's files in this process."""

    def invoked(*words: str) -> Result:
        line = ["--history", str(desk.history), "--config", str(desk.config), *words]
        return CliRunner().invoke(command, line, prog_name="retool-egress")

    return invoked
