"""A proxy that a test runs, what is asked of it, and how it is begun and ended. Knows no proxy in particular."""

import gzip
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.host import children
from tests.host.namespaces import Namespace

_LISTENING_S = 10.0

Way = Literal["tunnel", "hello", "get"]
"""``CONNECT``, a ClientHello to a proxy by server name, or an absolute URL."""
End = Literal["orderly", "abort"]
"""The client closes, or resets in the middle of the answer."""
Rotate = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Ask:
    """One request of a client."""

    way: Way
    host: str
    port: int
    end: End
    proxy: tuple[str, int]


@dataclass
class Proxy:
    """One that runs."""

    end: tuple[str, int]
    log: Path
    format: str
    """As the product's configuration names the log's format."""
    way: Way
    outcomes: Mapping[str, str]
    """What a record says of each case, as far as this proxy's lines tell."""
    rotate: Rotate
    """Has its log rotated by its own means, and returns when that is over; it is told how many times that makes."""
    told_port: bool = False
    """Its lines have the client's port."""
    is_idle: bool = False
    """Its log is rotated while nobody asks it: tinyproxy closes it for a moment, and what it is doing then fails."""

    @property
    def config(self) -> str:
        """What a collector is told of it."""
        address = "{}:{}".format(*self.end)
        return f"[proxy]\naddresses = ['{address}']\n[[proxy.log]]\npath = '{self.log}'\nformat = '''{self.format}'''\n"

    def lines(self) -> list[bytes]:
        """All that it has written, in whatever file that now is, in no order."""
        found: list[bytes] = []
        for file in self.log.parent.glob(f"{self.log.name}*"):
            whole = file.read_bytes()
            found += (gzip.decompress(whole) if file.suffix == ".gz" else whole).splitlines()
        return found


@contextmanager
def folder_of(owner: str | None = None) -> Iterator[Path]:
    """Where a proxy that gives its privileges up can write."""
    with tempfile.TemporaryDirectory(prefix="proxy-") as made:
        folder = Path(made)
        folder.chmod(0o755)
        if owner is not None:
            shutil.chown(folder, owner, owner)
        yield folder


@contextmanager
def running(outside: Namespace, argv: Sequence[str], end: tuple[str, int], folder: Path) -> Iterator[int]:
    """A proxy that listens; its pid."""
    said = folder / "said"
    with said.open("wb") as out:
        child = subprocess.Popen(
            outside.argv(argv), stdin=subprocess.DEVNULL, stdout=out, stderr=out, text=True, process_group=0
        )
    try:
        _wait_for_listener(outside, end, child, said)
        yield child.pid
    finally:
        children.end(child)


def _wait_for_listener(outside: Namespace, end: tuple[str, int], child: "subprocess.Popen[str]", said: Path) -> None:
    """Asks the kernel of the outside: a connection would be a line in the log."""
    question = ["ss", "-Hlnt", f"src {end[0]} and sport = :{end[1]}"]
    ends = time.monotonic() + _LISTENING_S
    while not subprocess.run(outside.argv(question), capture_output=True, check=True).stdout:
        assert child.poll() is None, said.read_text()
        assert time.monotonic() < ends, said.read_text()
        time.sleep(0.05)
