"""What is built is what is needed: the modules, the catalogue, the command and one version."""

import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

import tui

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel of this tree, built by the backend that pyproject names."""
    folder = tmp_path_factory.mktemp("wheel")
    return zipfile.ZipFile(next(iter(WheelBuilder(str(ROOT)).build(directory=str(folder)))))


def entry(wheel: zipfile.ZipFile, name: str) -> str:
    """The text of a file of the wheel's metadata."""
    return wheel.read(next(path for path in wheel.namelist() if path.endswith(f".dist-info/{name}"))).decode()


def test_the_wheel_holds_every_module_and_the_catalogue(wheel: zipfile.ZipFile) -> None:
    ours = {str(path.relative_to(ROOT)) for path in (ROOT / "tui").rglob("*.py")} | {"tui/catalog/retool.toml"}
    assert ours <= set(wheel.namelist())


def test_the_wheel_holds_nothing_but_the_package(wheel: zipfile.ZipFile) -> None:
    names = [name for name in wheel.namelist() if ".dist-info/" not in name]
    assert {name.partition("/")[0] for name in names} == {"tui"}
    assert not [name for name in names if "__pycache__" in name or name.endswith((".db", ".log"))]


def test_the_wheel_makes_the_command(wheel: zipfile.ZipFile) -> None:
    assert "retool-egress = tui.__main__:main" in entry(wheel, "entry_points.txt").splitlines()


def test_the_wheel_carries_the_licence_s_full_text(wheel: zipfile.ZipFile) -> None:
    text = entry(wheel, "licenses/LICENSE")
    assert "Version 2.0, January 2004" in text
    assert "APPENDIX: How to apply the Apache License" in text
    assert "License-Expression: Apache-2.0" in entry(wheel, "METADATA")


def test_there_is_one_version(wheel: zipfile.ZipFile) -> None:
    assert f"Version: {tui.__version__}" in entry(wheel, "METADATA").splitlines()
    assert f"## {tui.__version__} " in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_an_installed_package_has_the_version_and_the_catalogue_of_the_source(tmp_path: Path) -> None:
    try:
        metadata.version("retool-egress")
    except metadata.PackageNotFoundError:
        pytest.skip("retool-egress is not installed here")
    told = "import importlib.metadata as m, tui; print(m.version('retool-egress'), tui.__version__)"
    done = subprocess.run([sys.executable, "-P", "-c", told], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [tui.__version__, tui.__version__]
