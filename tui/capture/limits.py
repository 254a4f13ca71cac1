"""Which of the kernel's permissions a source has, tried out. Knows no remedy but those that it is given."""

import os
from collections.abc import Iterable

from tui.capture.netlink_sockets import NetlinkSockets
from tui.capture.netns import inside, open_namespace
from tui.capture.remedies import Remedies
from tui.model.diagnosis import Check, Seen, What


def check_limits(source: NetlinkSockets, remedies: Remedies) -> Iterable[Check]:
    """Whether other namespaces may be entered, and whether all are heard at once."""
    yield _check_entering(source, remedies)
    if source.hears_all:
        yield Check(What.ALL_AT_ONCE, "", Seen.YES, "one listener hears every namespace")
        return
    why = "CAP_NET_BROADCAST is missing, so that each namespace needs a listener inside it"
    yield Check(What.ALL_AT_ONCE, "", Seen.PARTLY, why, remedies.privileges)


def _check_entering(source: NetlinkSockets, remedies: Remedies) -> Check:
    """Into our own: the kernel asks for the same permission as for another one (setns(2))."""
    try:
        descriptor = open_namespace(source.namespace, os.getpid())
        try:
            with inside(descriptor):
                pass
        finally:
            os.close(descriptor)
    except OSError as error:
        lacking = not remedies.reach.can("CAP_SYS_ADMIN")
        why = "CAP_SYS_ADMIN is missing" if lacking else str(error.strerror or error)
        return Check(What.ENTERING, "", Seen.NO, f"other namespaces cannot be entered: {why}", remedies.privileges)
    return Check(What.ENTERING, "", Seen.YES, "other namespaces may be entered")
