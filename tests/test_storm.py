"""Every connection of every container, with its bytes and its end: storms of short ones against what is recorded."""

import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import pytest

from tests.collectors import ROOT, Collecting
from tests.host import RetoolHost
from tests.host.containers import Containers
from tests.host.containers import refusal as no_containers
from tests.host.engine import FakeEngine
from tests.host.layout import SERVICES
from tests.host.ledger import Entry, compare
from tests.host.storm import KINDS, PORTS, Storm, StormServer, as_user

pytestmark = pytest.mark.root

NOBODY = 65534
QUIET = "[names]\nforward = false\n"
SETTLED_S = 15.0
"""How long the last of a storm may take to be recorded."""


@pytest.fixture
def own_host() -> Iterator[RetoolHost]:
    """A host of the test's own: an earlier storm's TIME-WAIT is on the shared one."""
    with RetoolHost() as host:
        yield host


@pytest.fixture
def folder_of_nobody() -> Iterator[Path]:
    """A folder that nobody may write, with no folder above it that nobody may not enter."""
    with tempfile.TemporaryDirectory(prefix="storm-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        own = folder / "own"
        own.mkdir(mode=0o700)
        subprocess.run(["chown", f"{NOBODY}:{NOBODY}", own], check=True)
        yield own


def _awaits_its_end(row: dict[str, Any]) -> bool:
    """A look found it gone, and the kernel's word on how it ended is a moment late."""
    return bool(row["protocol"] == "tcp" and row["outcome"] == "unknown")


def settled(collecting: Collecting, wanted: Sequence[Entry], namespaces: set[str]) -> list[dict[str, Any]]:
    """What is recorded of these namespaces once it is as much as happened, or when that takes too long. Another host
    for tests may be running on the machine, with the same addresses in namespaces of its own."""
    ends = time.monotonic() + SETTLED_S
    while True:
        rows = [row for row in collecting.export() if row["namespace"] in namespaces]
        unsure = [row for row in rows if row["outcome"] in ("open", "unanswered") or _awaits_its_end(row)]
        over = len(rows) >= len(wanted) and not unsure
        if over or time.monotonic() > ends:
            return rows
        time.sleep(0.5)


def troubles(entries: Sequence[Entry]) -> Mapping[tuple[str, str], int]:
    """What went otherwise than the storm wanted, by kind."""
    return Counter((entry.kind, entry.trouble) for entry in entries if entry.trouble)


def test_a_storm_goes_as_planned_and_its_server_counts_the_same(retool_host: RetoolHost, tmp_path: Path) -> None:
    with StormServer(retool_host) as server:
        entries = Storm([retool_host.service("api")], tmp_path, count=2000).run()
    assert troubles(entries) == {}
    assert len({entry.key for entry in entries}) == len(entries) == 2000
    assert {entry.kind for entry in entries} == set(KINDS)
    reached = Counter(entry.key[4] for entry in entries if entry.kind not in ("refused", "dropped"))
    assert server.accepted == {what: sum(reached[port] for port in ports) for what, ports in PORTS.items()}


@pytest.mark.skipif(no_containers() is not None, reason=str(no_containers()))
@pytest.mark.parametrize(("linked", "count"), [(True, 5000), (False, 1000)])
def test_every_connection_of_four_containers_is_recorded_once_with_its_role_bytes_and_end(
    tmp_path: Path, linked: bool, count: int
) -> None:
    with ExitStack() as stack:
        host = stack.enter_context(RetoolHost(linked=linked))
        engine = stack.enter_context(FakeEngine(stack.enter_context(Containers(host)).all.values()))
        stack.enter_context(StormServer(host))
        storm = Storm([host.service(name) for name in SERVICES], tmp_path, count=count, rate=800)
        storm.prepare()
        collecting = stack.enter_context(Collecting(tmp_path, config=QUIET, env=engine.environment))
        entries = storm.play()
        rows = settled(collecting, entries, {host.outside.id, *(host.service(name).namespace for name in SERVICES)})
    assert troubles(entries) == {}
    assert len(entries) == count * len(SERVICES)
    found = compare(entries, rows)
    assert found.none, str(found)


def test_nobody_in_one_namespace_records_every_connection_at_two_thousand_a_second(
    own_host: RetoolHost, folder_of_nobody: Path
) -> None:
    api = own_host.service("api")
    if api.run([*as_user(NOBODY), sys.executable, "-c", "import tui"], cwd=ROOT).returncode != 0:
        pytest.skip("nobody may not read the program here")

    def start_as_nobody(
        argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, stdout: IO[str] | int, stderr: IO[str] | int
    ) -> "subprocess.Popen[str]":
        home = {"HOME": str(folder_of_nobody)}
        return api.popen([*as_user(NOBODY), *argv], env=home | dict(env), cwd=cwd, stdout=stdout, stderr=stderr)

    with StormServer(own_host):
        storm = Storm([api], folder_of_nobody, count=8000, rate=2000, user=NOBODY)
        storm.prepare()
        with Collecting(folder_of_nobody, start_as_nobody, config=QUIET) as collecting:
            entries = storm.play()
            rows = settled(collecting, entries, {api.namespace})
    assert troubles(entries) == {}
    found = compare(entries, rows)
    assert found.none, str(found)
