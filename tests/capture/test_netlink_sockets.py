"""The source of all namespaces: what its first look finds, and what it says of losses."""

import itertools
import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.host import RetoolHost, first_line
from tui.capture.diag_socket import EndListener
from tui.capture.name_files import hosts_in
from tui.capture.netlink_sockets import NetlinkSockets
from tui.capture.own import OwnSockets
from tui.capture.population import Population
from tui.model.observation import Sighting

WAIT = [sys.executable, "-c", "import sys; print('started', flush=True); sys.stdin.read()"]


def look_once() -> tuple[NetlinkSockets, Sighting]:
    source = NetlinkSockets(Population(), 1.0, OwnSockets(), wire=False)
    try:
        return source, source.look()
    finally:
        source.close()


def test_the_first_look_already_searches_every_process_for_the_owners() -> None:
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        client = stack.enter_context(socket.create_connection(server.getsockname()))
        stack.enter_context(server.accept()[0])
        port = client.getsockname()[1]
        source, sighting = look_once()
        dump = next(dump for dump in sighting.dumps if dump.namespace == source.namespace)
        assert next(s.pid for s in dump.sockets if s.local.port == port) is not None


def test_soon_it_is_told_which_names_the_hosts_file_of_a_namespace_has() -> None:
    source = NetlinkSockets(Population(), 1.0, OwnSockets(), wire=False)
    deadline, hosts = time.monotonic() + 20, None
    try:
        while not hosts or source.namespace not in hosts:
            assert time.monotonic() < deadline
            time.sleep(source.wait_s())
            hosts = source.look().hosts
    finally:
        source.close()
    assert hosts[source.namespace].lines == hosts_in(Path("/etc/hosts").read_text())


@pytest.mark.root
def test_a_loss_names_every_namespace_that_the_one_listener_hears_also_that_of_number_0(
    monkeypatch: pytest.MonkeyPatch, retool_host: RetoolHost
) -> None:
    numbers = itertools.count()
    monkeypatch.setattr("tui.capture.hearing.nsid_of", lambda _: next(numbers))
    monkeypatch.setattr(EndListener, "lost", lambda _: 7)
    with retool_host.service("api").popen(WAIT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        first_line(child)
        namespace = os.readlink(f"/proc/{child.pid}/ns/net")
        _, sighting = look_once()
    (loss,) = sighting.losses
    assert namespace in loss.namespaces
