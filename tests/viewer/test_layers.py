"""The viewer reads; what captures, collects or looks names up is never even imported with it."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def imported_by(statement: str) -> set[str]:
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_whole_viewer_loads_nothing_of_the_collectors_side() -> None:
    loaded = imported_by("import tui.viewer, tui.viewer.session, tui.viewer.screens.allow")
    assert "textual.app" in loaded
    foreign = ("tui.capture", "tui.collector", "tui.names", "psutil", "aiodns")
    assert [name for name in loaded if name.startswith(foreign)] == []


def test_the_package_alone_loads_no_textual_so_that_the_terminal_can_be_set_up_first() -> None:
    assert not any(name.startswith("textual") for name in imported_by("import tui.viewer, tui.viewer.terminal"))
