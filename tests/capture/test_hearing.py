"""What is heard of namespaces that come and go."""

import select
import socket

from tui.capture.diag_socket import EndListener
from tui.capture.hearing import Hearing, _Heard
from tui.capture.netns import own_namespace
from tui.capture.own import OwnSockets

DISCARD = ("127.0.0.1", 9)


def test_what_is_told_inside_a_namespace_right_before_it_is_let_go_is_not_lost() -> None:
    """Its last process ends, and with it its sockets, just before the scan that does not find it any more."""
    hearing = Hearing(own_namespace(), OwnSockets(), lambda _: ())
    try:
        inside = EndListener()
        hearing._heard["net:[7]"] = _Heard(inside=inside)
        hearing.poll.register(inside.socket, select.EPOLLIN)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flow:
            flow.connect(DISCARD)
            local = flow.getsockname()
        select.select([inside.socket], [], [], 5)
        hearing.end("net:[7]", 1)
        assert local in [end.local for end in hearing.introduce()]
    finally:
        hearing.close()
