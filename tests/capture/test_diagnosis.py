"""What is said when sock_diag is refused: which source is left, and what that costs."""

import errno
from pathlib import Path

import pytest

from tests.capture.test_reach import ROOT, remedies
from tui.capture.diagnosis import Found, look_around
from tui.capture.engine import Engine
from tui.capture.netlink import Malformed, Refused
from tui.model.diagnosis import Check, Seen, What


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """None is there."""
    return Engine([str(tmp_path / "no.sock")])


def refuse(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Let the kernel refuse what recording opens."""

    def refused(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("tui.capture.sources.NetlinkSockets", refused)


def one(found: Found, what: What) -> Check:
    (check,) = [check for check in found.checks if check.what is what]
    return check


def test_where_sock_diag_is_refused_psutil_is_left_and_what_is_missed_is_told(
    monkeypatch: pytest.MonkeyPatch, engine: Engine
) -> None:
    refuse(monkeypatch, Refused(errno.ENOENT, "the kernel refused a netlink request"))
    found = look_around("auto", remedies(ROOT, uid=0), engine)
    assert found.source == "psutil"
    assert one(found, What.SOURCE).seen is Seen.PARTLY
    assert "netlink is refused" in one(found, What.SOURCE).reason
    assert (one(found, What.ENDS).seen, one(found, What.BYTES).seen) == (Seen.NO, Seen.NO)
    namespaces = [check for check in found.checks if check.what is What.NAMESPACE]
    assert namespaces[0].seen is Seen.PARTLY
    assert {check.seen for check in namespaces[1:]} <= {Seen.NO}


@pytest.mark.parametrize("error", [PermissionError(errno.EPERM, "not permitted"), Malformed("3 bytes")])
def test_where_only_sock_diag_is_wanted_and_refused_nothing_is_seen_and_collect_does_not_start(
    monkeypatch: pytest.MonkeyPatch, engine: Engine, error: Exception
) -> None:
    refuse(monkeypatch, error)
    found = look_around("netlink", remedies(ROOT, uid=0), engine)
    assert found.source == "none"
    assert "collect does not start" in one(found, What.SOURCE).reason
    assert str(one(found, What.SOURCE).remedy).startswith('source = "auto"')
    assert not [check for check in found.checks if check.what is What.NAMESPACE]


def test_psutil_that_was_asked_for_is_a_choice_that_can_be_taken_back(engine: Engine) -> None:
    found = look_around("psutil", remedies(ROOT, uid=0), engine)
    assert str(one(found, What.SOURCE).remedy).startswith('source = "auto"')
