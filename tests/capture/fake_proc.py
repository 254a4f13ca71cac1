"""A /proc of files for tests: processes with a namespace, a control group, an environment and a start."""

import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

NOW_US = time.time_ns() // 1000
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
OWN, HOST_NS = 900, "net:[1]"
A, B, C = "a" * 64, "b" * 64, "c" * 64


def docker(id: str) -> str:
    """The control group of a Docker container under systemd."""
    return f"0::/system.slice/docker-{id}.scope\n"


class FakeProc:
    """Pid 1 and the reader itself (``OWN``) are there from the beginning, in the host's namespace."""

    def __init__(self, folder: Path) -> None:
        self.root = folder
        (folder / "sys/net/core").mkdir(parents=True)
        (folder / "sys/net/core/netdev_budget").touch()
        self.add(1, HOST_NS, comm="systemd", age_s=5000)
        self.add(OWN, HOST_NS, age_s=1000)

    def add(
        self,
        pid: int,
        namespace: str,
        cgroup: str = "0::/\n",
        environment: Mapping[str, str] | None = None,
        comm: str = "node",
        age_s: float = 100,
        program: int = 1,
    ) -> None:
        """A process, in place of the one that had its pid; ``program`` counts what it has executed."""
        self.remove(pid)
        home = self.root / str(pid)
        (home / "ns").mkdir(parents=True)
        (home / "ns/net").symlink_to(namespace)
        (home / "cgroup").write_text(cgroup)
        (home / "environ").write_text("".join(f"{key}={value}\0" for key, value in (environment or {}).items()))
        (home / "status").write_text("Name:\tx\nUid:\t0\t0\t0\t0\n")
        (home / "cmdline").write_text(comm + "\0")
        ticks = round((time.clock_gettime(time.CLOCK_BOOTTIME) - age_s - self._passed_s()) * TICKS_PER_S)
        (home / "stat").write_text(f"{pid} ({comm}) S " + "1 " * 18 + f"{ticks} " + "0 " * 27 + f"{program} 0 0\n")

    def leave_first_namespace(self) -> None:
        """The reader is not in the network namespace that the machine began with."""
        (self.root / "sys/net/core/netdev_budget").unlink()

    def remove(self, pid: int) -> None:
        """It has ended."""
        shutil.rmtree(self.root / str(pid), ignore_errors=True)

    @staticmethod
    def _passed_s() -> float:
        """Ages count from the moment that tests call now."""
        return time.time() - NOW_US / 1_000_000
