"""The viewer attaches to a collector, starts one where none runs, and stops only what a viewer started."""

import os
import signal
from pathlib import Path

import pytest

from tests.viewer.scene import NOW_US, Scene, recording
from tui.history.errors import HistoryMissing
from tui.history.place import holder_of
from tui.model.times import HOUR_US
from tui.viewer.recording import CannotRecord, attach, command, log_path, started_words, stop


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration with which a collector asks no name server."""
    path = tmp_path / "config.toml"
    path.write_text("[names]\nforward = false\n")
    return path


def test_where_nobody_records_a_detached_collector_starts_and_q_stops_it(tmp_path: Path, config: Path) -> None:
    history = tmp_path / "state" / "history.db"
    attached = attach(history, config, start=True)
    assert attached.started
    assert attached.holder is not None
    try:
        assert attached.holder.kind == "detached"
        assert attached.holder.until_us is not None
        assert abs(attached.holder.until_us - attached.holder.since_us - 12 * HOUR_US) < HOUR_US // 60
        assert os.getsid(attached.holder.pid) == attached.holder.pid
        assert log_path(history).stat().st_mode & 0o777 == 0o600
        again = attach(history, config, start=True)
        assert not again.started
        assert again.holder == attached.holder
    finally:
        told = stop(history)
    assert "Recording stopped" in told
    assert holder_of(history) is None


def test_a_collector_that_cannot_start_says_why(tmp_path: Path, config: Path) -> None:
    config.write_text("[sockets]\nintervall_s = 1\n")
    with pytest.raises(CannotRecord, match="unknown key `intervall_s`"):
        attach(tmp_path / "history.db", config, start=True)


def test_without_a_recording_and_without_the_right_to_start_one_the_past_is_shown(scene: Scene, config: Path) -> None:
    scene.recorded()
    attached = attach(scene.path, config, start=False)
    assert attached.holder is None
    assert not attached.started


def test_where_there_is_nothing_to_show_that_is_an_error(tmp_path: Path, config: Path) -> None:
    with pytest.raises(HistoryMissing):
        attach(tmp_path / "history.db", config, start=False)


@pytest.mark.parametrize(
    ("kind", "how"), [("service", "sudo systemctl stop retool-egress"), ("foreground", "kill 4711")]
)
def test_the_recording_of_somebody_else_goes_on_and_how_to_stop_it_is_told(scene: Scene, kind: str, how: str) -> None:
    sent: list[tuple[int, int]] = []
    with recording(scene.path, kind=kind):
        told = stop(scene.path, lambda pid, number: sent.append((pid, number)))
    assert how in told
    assert "goes on" in told
    assert sent == []


def test_only_the_process_in_the_lock_is_told_to_end(scene: Scene) -> None:
    sent: list[tuple[int, int]] = []

    def gone(pid: int, number: int) -> None:
        sent.append((pid, number))
        raise ProcessLookupError

    with recording(scene.path):
        assert "had ended already" in stop(scene.path, gone)
    assert sent == [(4711, signal.SIGTERM)]


def test_a_detached_recording_of_another_user_is_left_with_a_hint(scene: Scene) -> None:
    def refused(pid: int, number: int) -> None:
        raise PermissionError

    with recording(scene.path):
        assert "sudo kill 4711" in stop(scene.path, refused)


def test_where_nobody_records_nothing_is_stopped(scene: Scene) -> None:
    assert "Nobody records" in stop(scene.path)


def test_the_collector_is_bounded_and_detached(tmp_path: Path) -> None:
    words = command(tmp_path / "h.db", tmp_path / "c.toml")
    assert words[1] == "-P"
    assert words[-4:] == ["collect", "--for", "12h", "--detached"]


def test_a_started_recording_says_until_when_and_which_keys_matter(scene: Scene) -> None:
    with recording(scene.path) as holder:
        assert started_words(holder, NOW_US) == "Recording until 15:08Z: q leaves it on, Q stops it."
