"""One Retool service: a namespace with the environment of its container, and what a test runs in it."""

import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO

from tests.host import children
from tests.host.held import HeldConnections, Target
from tests.host.layout import SERVICE_TYPES, SERVICES
from tests.host.namespaces import Namespace

_JOIN = 'echo $$ > "$0/cgroup.procs" && exec "$@"'

Stream = int | IO[str] | None
"""As subprocess takes it: None is this process's own."""


class Service:
    """Runs programs inside. What is still running when the host goes is ended."""

    def __init__(self, name: str, inside: Namespace, ca_file: Path) -> None:
        self.name = name
        self.address, self.address_v6 = SERVICES[name]
        self.environment = _environment(name)
        self.cgroup: Path | None = None
        """The control group that programs are started in; None: that of the tests."""
        self._inside = inside
        self._ca_file = ca_file
        self._children: list[subprocess.Popen[str]] = []

    @property
    def netns(self) -> str:
        """The namespace's name, as `ip netns exec` takes it."""
        return self._inside.name

    @property
    def namespace(self) -> str:
        """As a record names it: `net:[…]`."""
        return self._inside.id

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        visitor: bool = False,
        timeout_s: float = 30.0,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end, its output captured; `env` adds to the container's environment. A visitor is in the
        namespace and not in the control group.

        Raises subprocess.TimeoutExpired, with the program killed. The exit status is the caller's to judge.
        """
        return subprocess.run(
            self._argv(argv, visitor),
            env=self.environment | dict(env or {}),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )

    def popen(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        visitor: bool = False,
        stdin: Stream = subprocess.DEVNULL,
        stdout: Stream = None,
        stderr: Stream = None,
    ) -> subprocess.Popen[str]:
        """Start a program; `env` adds to the container's environment. A visitor is in the namespace and not in the
        control group.

        The pid is the program's, and enters the namespace a moment after this returns: wait for something that the
        program prints (`first_line`) before looking at it.
        """
        child = subprocess.Popen(
            self._argv(argv, visitor),
            env=self.environment | dict(env or {}),
            cwd=cwd,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            text=True,
        )
        self._children.append(child)
        return child

    def hold(self, targets: Iterable[Target]) -> HeldConnections:
        """TLS connections of one process, held for as long as the returned context manager is entered."""
        return HeldConnections(self._popen_piped, self._ca_file, targets)

    def end_children(self) -> None:
        """End every program that `popen` and `hold` started and that still runs."""
        for child in self._children:
            children.end(child)

    def _argv(self, argv: Sequence[str], visitor: bool) -> list[str]:
        """The control group comes first: `ip netns exec` covers /sys by that of the namespace."""
        inside = self._inside.argv(argv)
        return inside if self.cgroup is None or visitor else ["sh", "-c", _JOIN, str(self.cgroup), *inside]

    def _popen_piped(self, argv: Sequence[str]) -> subprocess.Popen[str]:
        return self.popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def _environment(name: str) -> dict[str, str]:
    """The container's, not ours: a proxy variable of whoever runs the tests has no place in it."""
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    if name in SERVICE_TYPES:
        environment["SERVICE_TYPE"] = SERVICE_TYPES[name]
    return environment
