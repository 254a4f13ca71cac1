"""The two sides stay apart and heavy libraries stay where they are used: read off fresh interpreters and the source."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "tui"
COLLECTORS = {"tui.capture", "tui.collector", "tui.names", "psutil", "aiodns", "pycares"}
"""What belongs to the side that writes."""
SCREENS = {"tui.viewer", "textual"}
"""What belongs to the side that paints."""
HOME = {"aiodns": {"names"}, "pycares": {"names"}, "sqlite_utils": {"history"}, "textual": {"viewer"},
        "psutil": {"capture"}, "cryptography": {"capture"}}  # fmt: skip
"""The folders that may import a library."""


def loaded(code: str) -> set[str]:
    """The modules, and the packages above them, that a fresh interpreter has loaded after some code."""
    told = code + "\nimport sys\nprint(*sys.modules, sep='\\n', file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", told], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


def modules(folder: str = "") -> list[str]:
    """The names of all modules below a folder of the package."""
    paths = sorted((PACKAGE / folder).rglob("*.py"))
    return [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in paths]


def imports(path: Path) -> Iterator[str]:
    """The modules that a file names in any import, also inside functions and under TYPE_CHECKING."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def folder_of(path: Path) -> str:
    """The folder of the package that a file stands in; empty for the top."""
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else ""


def every_import() -> list[tuple[Path, str]]:
    """Each file of the package with each module that it names."""
    return [(path, name) for path in sorted(PACKAGE.rglob("*.py")) for name in imports(path)]


def test_the_viewer_loads_nothing_of_the_collector() -> None:
    found = loaded("".join(f"import {name}\n" for name in modules("viewer")))
    assert "tui.viewer.app" in found
    assert "textual" in found
    assert not found & COLLECTORS


def test_the_collector_loads_nothing_of_the_screen() -> None:
    found = loaded("".join(f"import {name}\n" for name in modules("collector")))
    assert "tui.collector.loop" in found
    assert not found & SCREENS


def test_the_collector_loads_cryptography_for_quic_alone_and_only_when_that_comes() -> None:
    assert "cryptography" not in loaded("import tui.collector.loop, tui.capture.flows")


def test_what_leaves_for_files_and_pipes_needs_neither_side() -> None:
    found = loaded("".join(f"import {name}\n" for name in modules("output")))
    assert not found & (COLLECTORS | SCREENS)


def test_the_version_is_told_without_any_heavy_library() -> None:
    code = "import sys\nsys.argv = ['retool-egress', '--version']\nfrom tui.cli import main\n"
    found = loaded(code + "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code")
    heavy = {"sqlite_utils", "sqlite3", "msgspec", "tomlkit", "idna", "asyncio", "rich"}
    assert "click" in found
    assert not found & (COLLECTORS | SCREENS | heavy)


def test_the_model_needs_the_standard_library_and_itself_only() -> None:
    named = {name for path in sorted((PACKAGE / "model").rglob("*.py")) for name in imports(path)}
    foreign = {name for name in named if name.split(".")[0] not in sys.stdlib_module_names}
    assert {name for name in foreign if not (name + ".").startswith("tui.model.")} == set()


@pytest.mark.parametrize("library", HOME)
def test_a_library_is_imported_in_its_own_folder_only(library: str) -> None:
    places = {folder_of(path) for path, name in every_import() if name.split(".")[0] == library}
    assert places <= HOME[library]


@pytest.mark.parametrize("folder", ["capture", "names"])
def test_what_observes_knows_the_model_only(folder: str) -> None:
    own = {name for path, name in every_import() if folder_of(path) == folder and name.startswith("tui.")}
    assert {name for name in own if not name.startswith(("tui.model", f"tui.{folder}"))} == set()


@pytest.mark.parametrize("folder", ["viewer", "output", "history", "allowlist", "catalog", "config", "model"])
def test_nothing_but_the_collector_and_the_command_line_names_the_collector_s_side(folder: str) -> None:
    sides = ("tui.collector", "tui.capture", "tui.names")
    assert [name for path, name in every_import() if folder_of(path) == folder and name.startswith(sides)] == []


def test_the_screen_is_named_by_the_command_line_alone() -> None:
    naming = {folder_of(path) for path, name in every_import() if (name + ".").startswith("tui.viewer.")}
    assert naming <= {"viewer", "cli"}


def test_observations_are_written_by_the_collector_alone() -> None:
    writing = {folder_of(path) for path, name in every_import() if (name + ".").startswith("tui.history.write.")}
    assert writing <= {"collector", "history"}
