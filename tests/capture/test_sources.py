"""Which source of sockets is taken where."""

import errno
from collections.abc import Iterator

import pytest

from tui.capture import sources
from tui.capture.netlink_sockets import NetlinkSockets
from tui.capture.own import OwnSockets
from tui.capture.psutil_sockets import PsutilSockets
from tui.capture.sources import Source, open_source


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that has no sock_diag."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOENT, "No such file or directory")

    monkeypatch.setattr(sources, "NetlinkSockets", refuse)


@pytest.fixture
def opened() -> Iterator[list[Source]]:
    held: list[Source] = []
    yield held
    for source in held:
        source.close()


def test_netlink_is_taken_where_the_kernel_has_it(opened: list[Source]) -> None:
    opened.append(open_source("auto", 1.0, OwnSockets()))
    assert isinstance(opened[0], NetlinkSockets)
    (own,) = [dump for dump in opened[0].look().dumps if dump.namespace == opened[0].namespace]
    assert "psutil" not in own.note


@pytest.mark.usefixtures("refusing")
def test_psutil_stands_in_where_the_kernel_refuses_and_says_what_is_then_missed() -> None:
    source = open_source("auto", 1.0, OwnSockets())
    assert isinstance(source, PsutilSockets)
    (dump,) = source.look().dumps
    assert dump.note.startswith("netlink is refused (No such file or directory): psutil looks every 1 s")
    assert "shorter connections, bytes and other containers are missed" in dump.note


@pytest.mark.usefixtures("refusing")
def test_netlink_that_was_asked_for_and_is_refused_is_an_error() -> None:
    with pytest.raises(OSError, match="No such file"):
        open_source("netlink", 1.0, OwnSockets())


def test_psutil_is_taken_when_it_is_asked_for() -> None:
    source = open_source("psutil", 0.5, OwnSockets())
    assert isinstance(source, PsutilSockets)
    assert source.look().dumps[0].note.startswith("psutil looks every 0.5 s")
