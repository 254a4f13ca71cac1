"""Which source of sockets there is to be had here: sock_diag, or psutil where the kernel refuses it."""

from typing import Literal, Protocol

from tui.capture.engine import Engine
from tui.capture.netlink_sockets import NetlinkSockets
from tui.capture.own import OwnSockets
from tui.capture.population import Population
from tui.capture.psutil_sockets import PsutilSockets
from tui.model.observation import Sighting


class Source(Protocol):
    """Something that looks at sockets. One thread at a time."""

    namespace: str
    """Our own."""

    def fileno(self) -> int | None:
        """A descriptor that can be read once there is something to look at; None where nothing tells."""

    def wait_s(self) -> float:
        """Seconds until a look is due although nothing told of anything."""

    def look(self) -> Sighting:
        """Take in what there is.

        :raises OSError: if nothing can be seen any more
        """

    def close(self) -> None:
        """Let go of everything."""


def open_source(
    wanted: Literal["auto", "netlink", "psutil"],
    interval_s: float,
    own: OwnSockets,
    population: Population | None = None,
    *,
    wire: bool = True,
) -> Source:
    """The source that was asked for; with ``auto`` the better one that works.

    ``wire`` tells whether names are read off packets, which takes sock_diag's source.
    ``population`` is one that is at hand, or that knows more than an ordinary one.

    :raises OSError: if sock_diag was asked for and the kernel refuses it
    """
    if wanted == "psutil":
        return PsutilSockets(interval_s)
    try:
        return NetlinkSockets(population or Population(engine=Engine()), interval_s, own, wire=wire)
    except OSError as error:
        if wanted == "netlink":
            raise OSError(str(error)) from error
        reason = error.strerror or str(error)
        return PsutilSockets(interval_s, f"netlink is refused ({reason}): ")
