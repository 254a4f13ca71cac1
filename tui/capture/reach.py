"""How far this process may see: its capabilities, the namespaces that it runs in, and what /proc hides from it."""

import os
from dataclasses import dataclass
from pathlib import Path

CAPABILITIES = {
    "CAP_DAC_OVERRIDE": 1,
    "CAP_DAC_READ_SEARCH": 2,
    "CAP_NET_BROADCAST": 11,
    "CAP_NET_ADMIN": 12,
    "CAP_NET_RAW": 13,
    "CAP_SYS_PTRACE": 19,
    "CAP_SYS_ADMIN": 21,
}
"""Bits of capabilities(7), as far as seeing needs them."""
UNIT = (
    "AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW CAP_SYS_ADMIN CAP_SYS_PTRACE CAP_NET_BROADCAST CAP_DAC_READ_SEARCH"
)
"""What a systemd unit gives a user other than root, so that as much is seen as by root (systemd.exec(5))."""
_FIRST = {"pid": "pid:[4026531836]", "user": "user:[4026531837]"}
"""The machine's own namespaces have fixed numbers (linux/nsfs.h: PID_NS_INIT_INO, USER_NS_INIT_INO)."""
_HIDES_NOTHING = ("0", "off")
_LISTS = ("1", "noaccess")


@dataclass(frozen=True, slots=True)
class Reach:
    """What decides how much of other users and other namespaces is seen."""

    capabilities: frozenset[str]
    """Those in effect, as ``CAPABILITIES`` names them; inside a user namespace they count there only."""
    in_user_namespace: bool
    in_pid_namespace: bool
    """True if /proc shows only the processes of a container."""
    hidepid: str | None
    """The option that /proc was mounted with (proc(5)); None if it hides nothing."""

    def can(self, capability: str) -> bool:
        """True if it counts on the whole machine."""
        return capability in self.capabilities and not self.in_user_namespace

    @property
    def is_hidden_from(self) -> bool:
        """True if ``hidepid`` takes something away: it does not from one who may trace every process."""
        return self.hidepid is not None and not self.can("CAP_SYS_PTRACE")

    @property
    def hides_unseen(self) -> bool:
        """True if there may be processes that are not even listed."""
        return self.in_pid_namespace or (self.is_hidden_from and self.hidepid not in _LISTS)

    @property
    def reads_owners(self) -> bool:
        """True if the descriptors and environments of other users' processes may be read."""
        return self.can("CAP_SYS_PTRACE") and (self.can("CAP_DAC_READ_SEARCH") or self.can("CAP_DAC_OVERRIDE"))


def unseen_others(unreadable: int, reach: Reach) -> str:
    """Why there may be namespaces that cannot even be found; empty if there are none. Changes with no count.

    ``unreadable`` processes are listed and may be in any namespace, for namespaces are found through processes.
    """
    if reach.in_pid_namespace:
        why = "the /proc of a container lists its own processes only"
    elif reach.hides_unseen:
        why = "/proc does not list other users' processes"
    elif unreadable and not reach.can("CAP_SYS_PTRACE"):
        why = "other users' processes may not be read"
    else:
        return ""
    return f"an unknown number of other namespaces is not seen: {why}"


def read_reach(proc: Path = Path("/proc")) -> Reach:
    """That of this process.

    :raises OSError: if /proc cannot be read
    """
    own = proc / "self"
    whole = is_whole((own / "uid_map").read_text())
    return Reach(
        capabilities_of((own / "status").read_text()),
        not whole or os.readlink(own / "ns" / "user") != _FIRST["user"],
        os.readlink(own / "ns" / "pid") != _FIRST["pid"],
        hidepid_of((own / "mountinfo").read_text()),
    )


def capabilities_of(status: str) -> frozenset[str]:
    """The capabilities in effect, from the text of /proc/PID/status; none where it does not tell."""
    for line in status.splitlines():
        name, _, value = line.partition(":")
        if name == "CapEff":
            bits = int(value, 16)
            return frozenset(name for name, bit in CAPABILITIES.items() if bits >> bit & 1)
    return frozenset()


def is_whole(uid_map: str) -> bool:
    """True if the text of /proc/PID/uid_map (user_namespaces(7)) is that of the machine's own user namespace."""
    return uid_map.split() == ["0", "0", "4294967295"]


def hidepid_of(mountinfo: str) -> str | None:
    """The option ``hidepid`` of what is mounted on /proc last, from /proc/PID/mountinfo; None if it hides nothing."""
    found = None
    for line in mountinfo.splitlines():
        mount, _, filesystem = line.partition(" - ")
        fields, kind = mount.split(), filesystem.split()
        if len(fields) > 4 and fields[4] == "/proc" and kind[:1] == ["proc"]:
            options = dict(option.partition("=")[::2] for option in kind[-1].split(","))
            found = options.get("hidepid")
    return None if found in _HIDES_NOTHING else found
