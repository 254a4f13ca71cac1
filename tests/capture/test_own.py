"""Which sockets are the collector's own, and for how long."""

import socket

from tui.capture.own import OwnSockets, cookie_of
from tui.model.connection import Endpoint


def test_a_socket_of_ours_is_known_by_its_end_until_all_that_it_sent_was_read() -> None:
    own = OwnSockets()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
        ours.bind(("127.0.0.1", 0))
        cookie, end = cookie_of(ours), Endpoint(*ours.getsockname())
        own.add(ours.fileno())
    own.forget_ended()
    assert (cookie in own, own.is_local(end)) == (True, True)
    own.ended(cookie)
    assert own.is_local(end)
    own.forget_ended()
    assert (cookie in own, own.is_local(end)) == (False, False)


def test_what_is_no_socket_is_nobodys() -> None:
    own = OwnSockets()
    with open("/dev/null") as file:
        own.add(file.fileno())
    assert not own.is_local(Endpoint("127.0.0.1", 0))
