"""Make the services of a `RetoolHost` look like containers: control groups of the shapes that engines give them.

with RetoolHost(linked=True) as host, Containers(host) as containers, FakeEngine(containers.all) as engine:
    host.service("api").popen([...])                  # in the container's namespace and control group
    host.service("api").popen([...], visitor=True)    # in the namespace only, as `nsenter` does it
"""

import hashlib
import os
import select
import signal
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.host.layout import SERVICES
from tests.host.namespaces import unique_prefix
from tests.host.retool_host import RetoolHost

HIERARCHIES: Final = ("", "unified", "memory", "pids")
"""Below /sys/fs/cgroup: version 2 alone, version 2 beside version 1, then version 1."""
_ROOT: Final = Path("/sys/fs/cgroup")
_POD: Final = "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod5a3f1c8e_7d21_4b0a_9c66_0e1f2a3b4c5d.slice"
SHAPES: Final[dict[str, str]] = {
    "docker-systemd": "system.slice/docker-{id}.scope",
    "docker-cgroupfs": "docker/{id}",
    "podman": "machine.slice/libpod-{id}.scope",
    "containerd": f"{_POD}/cri-containerd-{{id}}.scope",
    "crio": f"{_POD}/crio-{{id}}.scope",
}
"""How engines name the control group of a container."""
_EMPTY_WITHIN_S: Final = 5.0
PROJECT: Final = "retool"


@dataclass(frozen=True, slots=True)
class Container:
    """A container by its outside: who it is, and its control group."""

    id: str
    """64 hexadecimal digits."""
    name: str
    service: str
    """The Compose service."""
    image: str
    folder: Path
    """Its control group."""

    def pids(self) -> list[int]:
        """The processes that are in it, those in groups below it included."""
        files = self.folder.glob("**/cgroup.procs")
        return [int(pid) for file in files for pid in file.read_text().split()]


class Containers:
    """A context manager: inside the block what the services start is in a container; after it nothing is left of them.

    Raises OSError where no hierarchy of control groups can be written: ask `refusal()` first.
    """

    def __init__(
        self, host: RetoolHost, shape: str = "docker-systemd", image: str = "tryretool/backend:3.148.2"
    ) -> None:
        self._host = host
        self._image = image
        self._shape = shape
        self._parent = Path()
        self._stack = ExitStack()
        self.all: dict[str, Container] = {}
        """By service."""

    def __enter__(self) -> Self:
        hierarchy = writable_hierarchy()
        if hierarchy is None:
            raise OSError("no hierarchy of control groups can be written here")
        self._parent = hierarchy / self._host.prefix.rstrip("-")
        with ExitStack() as stack:
            stack.callback(self._remove)
            for name in SERVICES:
                self._add(name)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _add(self, name: str) -> None:
        id = hashlib.sha256(f"{self._parent}/{name}".encode()).hexdigest()
        folder = self._parent / SHAPES[self._shape].format(id=id)
        folder.mkdir(parents=True)
        self.all[name] = Container(id, f"{PROJECT}-{name}-1", name, self._image, folder)
        self._host.service(name).cgroup = folder

    def _remove(self) -> None:
        for name, container in self.all.items():
            self._host.service(name).cgroup = None
            _end(container)
        if self._parent.is_dir():
            _remove_groups(self._parent)


def refusal() -> str | None:
    """Why no containers can be made here; None if they can."""
    return None if writable_hierarchy() else "no hierarchy of control groups can be written here"


def writable_hierarchy() -> Path | None:
    """The root of one in which a group can be made and a process put, found by making one."""
    for name in HIERARCHIES:
        root = _ROOT / name
        trial = root / (unique_prefix() + "trial")
        try:
            if not (root / "cgroup.procs").exists():
                continue
            trial.mkdir()
        except OSError:
            continue
        usable = (trial / "cgroup.procs").exists()
        trial.rmdir()
        if usable:
            return root
    return None


def _end(container: Container) -> None:
    """Kill what is left in a container and wait until it is empty."""
    ends = time.monotonic() + _EMPTY_WITHIN_S
    while (pids := container.pids()) and time.monotonic() < ends:
        for pid in pids:
            _kill(pid, container)


def _kill(pid: int, container: Container) -> None:
    with suppress(ProcessLookupError):
        pidfd = os.pidfd_open(pid)
        try:
            if pid in container.pids():  # the descriptor could be of a process that took the pid over
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
                ended = select.poll()
                ended.register(pidfd, select.POLLIN)
                ended.poll(1000)
        finally:
            os.close(pidfd)


def _remove_groups(parent: Path) -> None:
    """Remove a group and those below it; each must be empty, and a killed process takes a moment to leave."""
    ends = time.monotonic() + _EMPTY_WITHIN_S
    for folder in (*sorted((one for one in parent.glob("**/") if one != parent), reverse=True), parent):
        while True:
            try:
                folder.rmdir()
                break
            except OSError:
                if time.monotonic() > ends:
                    raise
                time.sleep(0.02)
