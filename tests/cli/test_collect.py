"""`collect` begins only where it can record, and says why where it cannot."""

import pytest

from tests.cli.program import Desk
from tests.cli.records import BEGAN_US, record
from tui.history.place import Holder, hold


def test_a_second_collector_is_refused_with_who_records(desk: Desk) -> None:
    record(desk.history)
    with hold(desk.history, Holder(4711, "service", "ana", BEGAN_US, None, "0.1.0")):
        done = desk.run("collect", "--for", "1s")
    assert (done.returncode, done.stdout) == (2, "")
    assert "process 4711 (service, ana) already records" in done.stderr
    assert "retool-egress status" in done.stderr


def test_a_recording_for_a_time_ends_well_and_can_be_read(desk: Desk) -> None:
    desk.config.write_text("[names]\nforward = false\n")
    done = desk.run("collect", "--for", "1s")
    assert (done.returncode, done.stdout) == (0, "")
    assert str(desk.history) in done.stderr
    status = desk.run("status")
    assert status.returncode == 0
    assert "Recording   NO" in status.stdout
    assert "nothing is watched now" in status.stdout


@pytest.mark.parametrize("span", ["0s", "soon", "1", "-1s", ""])
def test_a_time_that_is_none_is_refused_before_anything_is_written(desk: Desk, span: str) -> None:
    done = desk.run("collect", "--for", span)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--for" in done.stderr
    assert not desk.history.exists()


def test_a_link_in_the_place_of_the_history_is_not_written_through(desk: Desk) -> None:
    aim = desk.folder / "aim"
    aim.write_text("precious")
    desk.history.symlink_to(aim)
    done = desk.run("collect", "--for", "1s")
    assert done.returncode == 2
    assert "cannot write" in done.stderr
    assert aim.read_text() == "precious"


def test_a_damaged_history_is_kept_and_not_recorded_into(desk: Desk) -> None:
    desk.history.write_bytes(b"this is no database" * 500)
    done = desk.run("collect", "--for", "1s")
    assert (done.returncode, done.stdout) == (2, "")
    assert "not a sound history" in done.stderr
    assert desk.history.read_bytes() == b"this is no database" * 500


def test_a_broken_allowlist_does_not_keep_from_recording_and_is_an_alert(desk: Desk) -> None:
    desk.config.write_text("[names]\nforward = false\n")
    file = desk.folder / "allowlist.toml"
    file.write_text("[[allow]\n")
    file.chmod(0o600)
    assert desk.run("collect", "--for", "1s").returncode == 0
    alerts = desk.run("alerts", "--open", "--exit-code", "--format", "ndjson")
    assert alerts.returncode == 1
    assert '"coverage"' in alerts.stdout
    assert "allowlist.toml:1" in alerts.stdout
