"""Make, wire and remove network namespaces with iproute2. Knows nothing of Retool, and never touches the machine's own
namespace beyond `/run/netns` and `/etc/netns`, and the links that `linked_to_the_machine` is asked for."""

import functools
import os
import secrets
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_ETC = Path("/etc/netns")
_END_TIMEOUT_MS = 5_000


class NamespaceError(Exception):
    """`ip` refused; the message is what it printed."""


@dataclass(frozen=True, slots=True)
class Namespace:
    """A network namespace with a name under `/run/netns`."""

    name: str

    @property
    def id(self) -> str:
        """As `readlink /proc/PID/ns/net` shows it; good for as long as the namespace lives."""
        return f"net:[{Path('/run/netns', self.name).stat().st_ino}]"

    def argv(self, argv: Sequence[str]) -> list[str]:
        """The command that runs `argv` inside: `ip` becomes it by exec, so the pid started is its pid."""
        return ["ip", "netns", "exec", self.name, *argv]

    def configure(self, commands: Iterable[str]) -> None:
        """Run `ip` commands inside, in order. Raises NamespaceError at the first that fails."""
        _ip("-n", self.name, "-batch", "-", stdin="\n".join(commands))

    def pids(self) -> list[int]:
        """The processes that are inside now."""
        return [int(pid) for pid in _ip("netns", "pids", self.name).split()]

    def end_processes(self) -> None:
        """Kill what is still inside: programs that detached themselves from the child that a test started."""
        for pid in self.pids():
            with suppress(ProcessLookupError):
                self._kill(pid)

    def _kill(self, pid: int) -> None:
        pidfd = os.pidfd_open(pid)
        try:
            if pid in self.pids():  # the descriptor could be of a process that took the pid over
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
                ended = select.poll()
                ended.register(pidfd, select.POLLIN)
                ended.poll(_END_TIMEOUT_MS)
        finally:
            os.close(pidfd)


@contextmanager
def namespace(name: str) -> Iterator[Namespace]:
    """A namespace with its loopback up. At the end its processes are ended and the name is removed."""
    _ip("netns", "add", name)
    made = Namespace(name)
    try:
        made.configure(["link set lo up"])
        yield made
    finally:
        made.end_processes()
        _ip("netns", "delete", name)


@contextmanager
def linked_to_the_machine(inside: Namespace, device: str, here: str, there: str) -> Iterator[None]:
    """A veth between the machine's own namespace, where it is called `device`, and this one, as containers have it:
    only through such a link does the kernel give a namespace an id there. The two addresses reach each other (/31) and
    nothing beyond."""
    _ip("link", "add", device, "type", "veth", "peer", "name", "machine0", "netns", inside.name)
    try:
        _ip("address", "add", f"{here}/31", "dev", device)
        _ip("link", "set", device, "addrgenmode", "none", "up")
        inside.configure([f"address add {there}/31 dev machine0", "link set machine0 addrgenmode none up"])
        yield
    finally:
        with suppress(NamespaceError):  # gone with a namespace that somebody removed
            _ip("link", "delete", device)


@contextmanager
def resolving_through(inside: Namespace, nameserver: str) -> Iterator[None]:
    """Programs that run inside resolve through `nameserver` (ip-netns(8): files of `/etc/netns/NAME` cover `/etc`'s).

    The empty `/etc/netns` stays: another run may be making its own folder there.
    """
    folder = _ETC / inside.name
    folder.mkdir(parents=True)
    try:
        (folder / "resolv.conf").write_text(f"nameserver {nameserver}\noptions timeout:2 attempts:2\n")
        if Path("/etc/nsswitch.conf").exists():  # else a local resolver on a Unix socket would answer
            (folder / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n")
        yield
    finally:
        shutil.rmtree(folder)


def unique_prefix() -> str:
    """A start of names that no other run has, living or dead."""
    return f"retool-{os.getpid()}-{secrets.token_hex(3)}-"


@functools.cache
def refusal() -> str | None:
    """Why namespaces cannot be made here, found by making them; None if they can."""
    if sys.platform != "linux":
        return "network namespaces need Linux"
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "network namespaces need iproute2 (`ip` is not in PATH)"
    try:
        with namespace(unique_prefix() + "trial") as trial:
            trial.configure(
                [
                    "link add bridge type bridge",
                    "link add end-a type veth peer name end-b",
                    "address add fd00:77::1/64 dev end-a",
                ]
            )
    except NamespaceError as error:
        return f"network namespaces are refused here: {error}"
    return None


def _ip(*arguments: str, stdin: str | None = None) -> str:
    done = subprocess.run(["ip", *arguments], input=stdin, capture_output=True, text=True)
    if done.returncode != 0:
        raise NamespaceError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout
