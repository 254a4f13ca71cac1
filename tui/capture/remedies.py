"""The command that would let more be seen, by who runs the program and where. Pure; each is a line to copy."""

from dataclasses import dataclass

from tui.capture.diag_socket import WANTED_BUFFER
from tui.capture.reach import UNIT, Reach

_ON_THE_HOST = "on the host itself"


@dataclass(frozen=True, slots=True)
class Remedies:
    """For one user of one installation."""

    program: str
    """How this program is started, as a shell takes it."""
    uid: int
    user: str
    is_service: bool
    """True if systemd has started it."""
    reach: Reach

    @property
    def privileges(self) -> str | None:
        """What gives the privileges that are missing; None where all are there."""
        if self.reach.in_user_namespace:
            return f"sudo {self.program}   # {_ON_THE_HOST}, not in a user namespace"
        if self.reach.in_pid_namespace:
            return f"sudo {self.program}   # {_ON_THE_HOST}, or in a container with --pid=host --net=host --privileged"
        if self.is_service:
            return f"{UNIT}   # in the [Service] part of the unit"
        if self.uid != 0:
            return f"sudo {self.program}"
        needed = UNIT.partition("=")[2].split()
        missing = [name for name in needed if not self.reach.can(name)]
        return f"CapabilityBoundingSet={' '.join(needed)}   # in the unit, if it has such a line" if missing else None

    @property
    def buffer(self) -> str | None:
        """What gives the listeners for ends a large buffer without any privilege."""
        if self.reach.in_user_namespace:
            return self.privileges
        sudo = "" if self.uid == 0 else "sudo "
        return f"{sudo}sysctl -w net.core.rmem_max={WANTED_BUFFER}"

    def module(self, name: str) -> str:
        """What gives the kernel a module."""
        sudo = "" if self.uid == 0 else "sudo "
        return f"{sudo}modprobe {name}"
