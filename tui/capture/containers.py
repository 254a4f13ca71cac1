"""Which container a process is in, told by the control groups that its engine puts it into. Pure functions from text.

The text is that of /proc/PID/cgroup (cgroups(7)), of version 1, of version 2 or of both. Paths are made by Docker
(``docker/ID``, ``docker-ID.scope``), containerd and Kubernetes (``cri-containerd-ID.scope``, ``kubepods/…/podUID/ID``),
nerdctl, CRI-O (``crio-ID.scope``) and Podman (``libpod-ID.scope``). A container in a container is part of the outer
one, so the first name on the way from the root counts. conmon, which looks after a container, is not in it.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

_ENGINES = {
    "docker": "docker",
    "cri-containerd": "containerd",
    "nerdctl": "containerd",
    "crio": "cri-o",
    "libpod": "podman",
    "libpod-payload": "podman",
}
_ID = "[0-9a-f]{64}"
_PREFIX = "|".join(sorted(_ENGINES, key=len, reverse=True))
_NAMED = re.compile(rf"(?P<engine>{_PREFIX})-(?P<id>{_ID})(?:\.scope)?")
_IN_SLICE = re.compile(rf"(?P<slice>[^:]*):(?P<engine>{_PREFIX}):(?P<id>{_ID})")
"""What containerd makes of a systemd path while it does not use systemd itself."""
_BARE = re.compile(_ID)
_POD = re.compile(r"(?:.*-)?pod(?P<uid>[0-9a-fA-F]{8}(?:[-_]?[0-9a-fA-F]{4}){3}[-_]?[0-9a-fA-F]{12})(?:\.slice)?")
_PODMAN_POD = re.compile(rf"(?:.*-)?libpod_pod_(?P<uid>{_ID})(?:\.slice)?")
_PODMAN_PARENT = "libpod_parent"
"""Below it a bare number is a pod, not a container."""
_PARENTS = {"docker": "docker", "default": "containerd", "k8s.io": "containerd"}
_DELETED = " (deleted)"


class ContainerId(NamedTuple):
    """A container as its control group names it."""

    id: str
    """64 hexadecimal digits."""
    engine: str
    """docker, containerd, cri-o or podman; ``unknown`` where a path of the operator's own holds a bare number."""
    pod: str | None = None
    """The uid of its Kubernetes pod (with dashes, as Kubernetes writes it), or the number of its Podman pod."""


def container_of(text: str) -> ContainerId | None:
    """The outermost container that the text of /proc/PID/cgroup names; None if there is none. Never raises."""
    for line in text.split("\n"):
        fields = line.split(":", 2)
        if len(fields) == 3 and (found := _in_path(fields[2].removesuffix(_DELETED))) is not None:
            return found
    return None


def _in_path(path: str) -> ContainerId | None:
    pod = None
    for parent, name in _steps(path):
        if match := _IN_SLICE.fullmatch(name):
            return ContainerId(match["id"], _ENGINES[match["engine"]], _pod(match["slice"]) or pod)
        if match := _NAMED.fullmatch(name):
            return ContainerId(match["id"], _ENGINES[match["engine"]], pod)
        if _BARE.fullmatch(name):
            if parent != _PODMAN_PARENT:
                return ContainerId(name, _PARENTS.get(parent, "containerd" if pod else "unknown"), pod)
            pod = name
        else:
            pod = _pod(name) or pod
    return None


def _steps(path: str) -> Iterator[tuple[str, str]]:
    """Each name of a path with the one before it; ``..`` leads out of the reader's own control group."""
    parent = ""
    for name in path.split("/"):
        if name and name != "..":
            yield parent, name
            parent = name


def _pod(name: str) -> str | None:
    match = _POD.fullmatch(name) or _PODMAN_POD.fullmatch(name)
    return match["uid"].replace("_", "-") if match else None
