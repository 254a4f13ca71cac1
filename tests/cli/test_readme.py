"""The README says what the program does: its keys, its configuration and its commands are compared with the source."""

import re
import subprocess
from pathlib import Path

import msgspec
import pytest

from tests.cli.program import ROOT
from tests.cli.test_help import every_command
from tui.catalog import Service
from tui.config.settings import ConfigFile
from tui.viewer.keys import KEYS

README = (ROOT / "README.md").read_text("utf-8")


def test_the_table_of_keys_is_that_of_the_screen() -> None:
    table = ["| Key | Where | What it does |", "|---|---|---|"]
    table += [f"| `{key.shown}` | {', '.join(key.scopes)} | {key.sentence} |" for key in KEYS]
    assert "\n".join(table) + "\n\n" in README, "Put this table into the README:\n" + "\n".join(table)


def test_every_configuration_key_is_in_the_table_and_no_other() -> None:
    known = set()
    for section in msgspec.structs.fields(ConfigFile):
        nested = section.type if isinstance(section.type, type) and issubclass(section.type, msgspec.Struct) else None
        fields = msgspec.structs.fields(nested) if nested else ()
        known |= {f"{section.encode_name}.{field.encode_name}" for field in fields} or {section.encode_name}
    table = README.partition("| Key | Default | Meaning |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `([a-z_.]+)` \|", table, re.MULTILINE)) == known


def test_the_service_of_the_readme_is_one() -> None:
    block = next(block for block in re.findall(r"```toml\n(.*?)```", README, re.DOTALL) if "[[service]]" in block)
    assert msgspec.toml.decode(block, type=ConfigFile).service[0].category == "Your resources"
    assert isinstance(msgspec.toml.decode(block, type=ConfigFile).service[0], Service)


def test_the_allowlist_of_the_readme_is_read(tmp_path: Path) -> None:
    from tui.allowlist.load import parse_rules

    block = next(block for block in re.findall(r"```toml\n(.*?)```", README, re.DOTALL) if "[[allow]]" in block)
    assert [rule.action for rule in parse_rules(tmp_path / "allowlist.toml", block)] == ["deny", "allow"]


def test_every_command_that_the_readme_names_exists() -> None:
    first = {words[0] for words in every_command()}
    named = re.findall(r"retool-egress(?: --history \S+)? ([a-z]+)(?: ([a-z]+))?", "\n".join(code_of(README)))
    assert named
    assert {word for word, _ in named} <= first
    assert {(word, below) for word, below in named if word == "allowlist" and below} <= set(every_command())


def code_of(text: str) -> list[str]:
    """The blocks and spans of code."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return blocks + re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


def test_the_ci_runs_the_test_command_of_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    found = re.search(r"^    (sed -n '.*') \"\$copy/README\.md\"$", script, re.MULTILINE)
    assert found
    taken = subprocess.run(["sh", "-c", f"{found[1]} README.md"], cwd=ROOT, capture_output=True, text=True, check=True)
    block = re.search(r"<!-- test command -->\n```sh\n(.*?)\n```", README, re.DOTALL)
    assert block
    assert taken.stdout.strip() == block[1]
    assert "pytest" in block[1]


@pytest.mark.parametrize("picture", re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README))
def test_every_picture_of_the_readme_is_there(picture: str) -> None:
    assert (ROOT / picture).is_file()
