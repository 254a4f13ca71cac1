"""The main job, end to end on the host for tests: real connections recorded, labelled, judged, shown."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.collectors import Collecting
from tests.host import RetoolHost, Service
from tests.host.firewall import drop

pytestmark = pytest.mark.root

HELD = [
    "licensing.tryretool.com:443",
    "invites.tryretool.com:443",
    "email-service.retool.com:443",
    "p.tryretool.com:443",
    "api.openai.com:443",
    "203.0.113.77:443",
]
RESOLVER = "198.51.100.99"
"""An address at which nobody answers once it is dropped."""
EXPECTED = {
    "licensing.tryretool.com": ("License checks", "allowed"),
    "invites.tryretool.com": ("Inviting users", "allowed"),
    "email-service.retool.com": ("Inviting users", "allowed"),
    "p.tryretool.com": ("Usage reporting", "allowed"),
    "api.openai.com": ("Retool AI", "off-allowlist"),
    None: ("Not recognised", "off-allowlist"),
}


@pytest.fixture
def retool_host() -> Iterator[RetoolHost]:
    """A host of the test's own: sockets that an earlier test left in TIME-WAIT would be recorded too."""
    with RetoolHost() as host:
        yield host


def collecting_by(source: str, host: RetoolHost, folder: Path) -> Collecting:
    api = host.service("api")
    return Collecting(folder, api.popen, config=f'[sockets]\nsource = "{source}"\n', namespace=api.namespace)


@pytest.fixture(params=["netlink", "psutil"])
def collecting(request: pytest.FixtureRequest, retool_host: RetoolHost, tmp_path: Path) -> Collecting:
    """A collector in the namespace of api, not yet begun."""
    return collecting_by(request.param, retool_host, tmp_path)


@pytest.fixture
def alone(retool_host: RetoolHost, tmp_path: Path) -> Collecting:
    """The same, which sees that namespace alone: alerts and answers are of the whole record."""
    return collecting_by("psutil", retool_host, tmp_path)


def held_rows(collecting: Collecting, *words: str) -> list[dict[str, Any]]:
    """What is recorded of TCP; what the look-ups before it do over UDP is another matter."""
    return [row for row in collecting.export(*words) if row["protocol"] == "tcp"]


def labelled(collecting: Collecting) -> dict[str | None, tuple[str, str]]:
    return {row["host"]: (row["category"], row["verdict"]) for row in held_rows(collecting)}


def test_six_held_connections_are_recorded_labelled_and_judged(retool_host: RetoolHost, collecting: Collecting) -> None:
    with collecting, retool_host.service("api").hold(HELD) as held:
        collecting.wait_for(lambda: len(held_rows(collecting)) >= len(HELD))
        rows = {row["local_port"]: row for row in held_rows(collecting)}
        assert labelled(collecting) == EXPECTED
        for connection in held.connections:
            row = rows.pop(connection.local_port)
            assert (row["host"], row["ip"], row["port"]) == (connection.name, connection.ip, 443)
            assert (row["pid"], row["process"], row["role"]) == (held.pid, "node", "api")
            assert (row["outcome"], row["closed_at"], row["recorded"]) == ("open", None, "live")
            if "netlink" in collecting.config:  # the packets were read
                assert row["host_evidence"] == ("sni" if connection.name else None)
                assert (row["opened_at"] is not None, row["opened_before"]) == (True, None)
            else:
                assert row["host_evidence"] == ("forward" if connection.name else None)
                assert (row["opened_at"], row["opened_before"] is not None) == (None, True)
        assert rows == {}
    assert labelled(collecting) == EXPECTED


def test_of_six_held_connections_the_two_off_the_list_raise_an_alert_each(
    retool_host: RetoolHost, alone: Collecting
) -> None:
    with alone, retool_host.service("api").hold(HELD):
        alone.wait_for(lambda: len(alone.export()) >= len(HELD) and labelled(alone) == EXPECTED)
        alerts = {alert["destination"]: alert for alert in alone.alerts("--open")}
        assert set(alerts) == {"api.openai.com", "203.0.113.77"}
        assert {alert["count"] for alert in alerts.values()} == {1}
        assert alerts["203.0.113.77"]["urgency"] == "act now"
        assert alerts["api.openai.com"]["urgency"] == "review"


def test_held_connections_are_the_same_after_a_restart_and_after_a_crash(
    retool_host: RetoolHost, collecting: Collecting
) -> None:
    with collecting, retool_host.service("api").hold(HELD):
        collecting.wait_for(lambda: len(held_rows(collecting)) == len(HELD))
        ids = [row["id"] for row in held_rows(collecting)]
        collecting.stop()
        collecting.begin()
        collecting.stop(9)
        collecting.begin()
        seen = held_rows(collecting)
        assert [row["id"] for row in seen] == ids
        assert {row["outcome"] for row in seen} == {"open"}


def test_a_restart_and_a_crash_count_no_alert_again(retool_host: RetoolHost, alone: Collecting) -> None:
    with alone, retool_host.service("api").hold(HELD):
        alone.wait_for(lambda: len(alone.alerts()) == 2)
        alone.stop()
        alone.begin()
        alone.stop(9)
        alone.begin()
        assert [alert["count"] for alert in alone.alerts()] == [1, 1]


def test_closed_connections_are_closed_once_and_stay_so_over_a_restart_within_their_time_wait(
    retool_host: RetoolHost, collecting: Collecting
) -> None:
    with collecting:
        with retool_host.service("api").hold(HELD[:2]):
            collecting.wait_for(lambda: len(held_rows(collecting)) == 2)
        collecting.wait_for(lambda: {row["outcome"] for row in held_rows(collecting)} == {"closed"})
        collecting.stop()
        collecting.begin()
        rows = held_rows(collecting)
        assert [row["outcome"] for row in rows] == ["closed", "closed"]
        assert all(row["closed_at"] is not None for row in rows)


def test_connections_that_were_open_before_recording_began_say_so(
    retool_host: RetoolHost, collecting: Collecting
) -> None:
    with retool_host.service("api").hold(HELD), collecting:
        rows = collecting.wait_for(lambda: [row for row in collecting.export() if row["verdict"] != "pending"])
        collecting.wait_for(lambda: labelled(collecting) == EXPECTED)
        assert {row["recorded"] for row in rows} == {"predates-record"}


def test_the_collectors_own_look_ups_are_not_in_the_record(retool_host: RetoolHost, collecting: Collecting) -> None:
    api = retool_host.service("api")
    drop(api, RESOLVER)
    collecting.config += f'interval_s = 0.05\n[names]\nnameservers = ["{RESOLVER}"]\n'
    collecting.awaited = {"sockets"}
    with collecting:
        collecting.wait_for(lambda: own_look_ups(api))
        with api.hold(["203.0.113.77:443"]):
            collecting.wait_for(lambda: collecting.export("ip:203.0.113.77"))
        assert own_look_ups(api)
        assert {row["ip"] for row in collecting.export()} == {"203.0.113.77"}


def own_look_ups(api: Service) -> int:
    """How many sockets ask the resolver at this moment."""
    return api.run(["ss", "-uanH"]).stdout.count(f"{RESOLVER}:53")


def test_an_address_that_a_name_moves_to_is_known_when_the_ttl_has_ended(
    retool_host: RetoolHost, collecting: Collecting
) -> None:
    retool_host.zone.set("api.openai.com", ["198.51.100.14"], ttl=1)
    with collecting:
        retool_host.zone.set("api.openai.com", ["198.51.100.114"], ttl=1)
        with_name = [("api.openai.com:443", "198.51.100.114")]

        def named() -> bool:
            with retool_host.service("api").hold(with_name):
                return any(row["host"] == "api.openai.com" for row in collecting.export("ip:198.51.100.114"))

        collecting.wait_for(named)


def test_a_destination_that_is_allowed_while_recording_turns_allowed_and_its_alert_is_resolved(
    retool_host: RetoolHost, alone: Collecting
) -> None:
    with alone, retool_host.service("api").hold(["api.openai.com:443"]):
        alone.wait_for(lambda: alone.alerts("--open"))
        added = alone.run("allowlist", "add", "api.openai.com", "--reason", "CHG-4711", "--role", "api")
        assert added.returncode == 0, added.stderr
        alone.wait_for(lambda: not alone.alerts("--open"))
        (row,) = alone.export()
        assert (row["verdict"], row["allowlist_revision"]) == ("allowed", 2)
        assert "allowlist.local.toml" in row["rule"]
        (alert,) = alone.alerts()
        assert "CHG-4711" in alone.run("allowlist", "show").stdout
        assert alert["state"] == "resolved"


@pytest.mark.parametrize("fault", ["not TOML [", "writable"])
def test_an_allowlist_that_breaks_while_recording_leaves_the_last_good_one_in_force(
    retool_host: RetoolHost, alone: Collecting, fault: str
) -> None:
    alone.allowlist.write_text('[[allow]]\nhost = "api.openai.com"\nreason = "CHG-1"\n')
    with alone, retool_host.service("api").hold(["api.openai.com:443"]):
        alone.wait_for(lambda: alone.export())
        if fault == "writable":
            alone.allowlist.chmod(0o666)
        else:
            alone.allowlist.write_text(fault)
        (alert,) = alone.wait_for(lambda: alone.alerts("--open"))
        assert alert["kind"] == "coverage"
        assert "allowlist.toml" in alert["summary"]
        (row,) = alone.export()
        assert (row["verdict"], row["allowlist_revision"]) == ("allowed", 1)
        alone.allowlist.chmod(0o600)
        alone.allowlist.write_text('[[allow]]\nhost = "api.openai.com"\nreason = "CHG-1"\n')
        alone.wait_for(lambda: not alone.alerts("--open"))


def test_with_the_resolver_dead_a_connection_is_recorded_and_judged_after_three_seconds(
    retool_host: RetoolHost, collecting: Collecting
) -> None:
    collecting.config += '[names]\nnameservers = ["198.51.100.99"]\n'
    with retool_host.service("api").hold(HELD[:1]), collecting:
        (row,) = collecting.wait_for(lambda: collecting.export("verdict:off-allowlist"))
        assert row["host"] is None
        assert "no name can be looked up" in collecting.run("status").stdout


def test_a_name_that_nobody_looked_up_cannot_be_told_while_addresses_have_no_name(
    retool_host: RetoolHost, alone: Collecting
) -> None:
    with alone:
        assert alone.run("find", "db.evil-corp.example").returncode == 1
        with retool_host.service("api").hold([("db.evil-corp.example:443", "203.0.113.77")]):
            alone.wait_for(lambda: alone.export())
        asked = alone.run("find", "db.evil-corp.example")
        assert asked.returncode == 3
        assert "nobody looked this name up, and 1 connection went to an address" in asked.stdout
        assert alone.run("find", "licensing.tryretool.com").returncode == 1
        assert alone.run("find", "203.0.113.77").returncode == 0


def test_the_addresses_that_a_look_up_tries_without_sending_anything_are_no_connections(
    retool_host: RetoolHost, tmp_path: Path
) -> None:
    collecting = collecting_by("netlink", retool_host, tmp_path)
    with collecting, retool_host.service("api").hold(HELD[:1]):
        collecting.wait_for(lambda: held_rows(collecting))
        (held,) = held_rows(collecting)
        collecting.wait_for(lambda: [row for row in collecting.export("port:53") if row["protocol"] == "udp"])
        assert [row["protocol"] for row in collecting.export(f"ip:{held['ip']} port:443")] == ["tcp"]
