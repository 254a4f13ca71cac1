"""The page about a destination says by what its name is known, how sure that is, and where attempts failed."""

from pathlib import Path
from typing import Any

import pytest

from tests.viewer.scene import NOW_US, Scene, Shown, recording
from tests.viewer.test_detail import page
from tui.model.connection import Claim, Evidence, Outcome, Phase, Verdict
from tui.model.times import MINUTE_US, SECOND_US
from tui.viewer.theme import Look
from tui.viewer.words import ASCII

HOST, OWN, OTHER = "api.openai.com", "198.51.100.14", "192.0.2.66"


async def told(scene: Scene, *keys: str, size: tuple[int, int] = (120, 40)) -> str:
    """The page of the first row."""
    scene.recorded(note="")
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=size) as pilot:
            return await page(shown, pilot, "enter", *keys)


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        (Evidence.SNI, "named by the client itself (TLS SNI)"),
        (Evidence.HTTP, "named by the client itself (HTTP Host header)"),
        (Evidence.DNS, "told by DNS to this container before it connected"),
        (Evidence.HOSTS, "by /etc/hosts of the container"),
        (Evidence.FORWARD, "our own look-up of the name gave this address"),
        (Evidence.CONNECT, "the name that the client asked the proxy for (CONNECT)"),
    ],
)
async def test_how_the_name_is_known_is_said_in_plain_words(scene: Scene, evidence: Evidence, words: str) -> None:
    scene.connect(HOST, OWN, evidence=evidence)
    text = await told(scene)
    assert f"The name: {words}." in text
    assert f"{OWN} 1 connection" in text
    assert text.partition("ADDRESSES AND")[2].count(words) == 1


async def test_a_name_that_is_confirmed_says_what_told_so_and_until_when_it_held_then(scene: Scene) -> None:
    scene.container("api").connect(HOST, OWN, evidence=Evidence.SNI, claim=Claim.CONFIRMED, ago_us=2 * MINUTE_US)
    scene.answer(HOST, OWN, evidence=Evidence.DNS, role="api", from_ago_us=3 * MINUTE_US, lasts_us=30 * SECOND_US)
    scene.answer(HOST, OWN, from_ago_us=4 * MINUTE_US)
    scene.answer("other.example.com", OWN, from_ago_us=4 * MINUTE_US)
    text = (await told(scene)).partition("ADDRESSES AND")[2].partition("OUR LOOK-UPS")[0]
    assert "confirmed: the name is known to have this address" in text
    assert "told by DNS to api at 03:09:44Z, good until 03:10:14Z" in text
    assert "by our own look-ups from 03:08:44Z, good until 03:13:44Z" in text
    assert "other.example.com" not in text


async def test_what_an_address_was_called_hours_before_or_after_is_no_reason_for_its_name(scene: Scene) -> None:
    scene.began_us = NOW_US - 20 * 60 * MINUTE_US
    scene.connect(HOST, OWN, evidence=Evidence.SNI, claim=Claim.CONFIRMED, ago_us=10 * 60 * MINUTE_US)
    scene.answer(HOST, OWN, from_ago_us=15 * 60 * MINUTE_US, lasts_us=MINUTE_US)
    scene.answer(HOST, OWN, from_ago_us=5 * 60 * MINUTE_US, lasts_us=MINUTE_US)
    text = (await told(scene)).partition("ADDRESSES AND")[2].partition("OUR LOOK-UPS")[0]
    assert "by our own look-ups" not in text


async def test_the_hosts_file_of_a_container_is_named_with_its_role(scene: Scene) -> None:
    scene.container("api").connect("wh.internal.example", OWN, evidence=Evidence.HOSTS)
    scene.answer("wh.internal.example", OWN, evidence=Evidence.HOSTS, role="api", from_ago_us=4 * MINUTE_US)
    assert "in /etc/hosts of api since 03:08:44Z" in await told(scene)


async def test_a_mismatch_says_what_it_means_and_which_addresses_the_name_had_then(scene: Scene) -> None:
    scene.container("api").connect(
        HOST, OTHER, evidence=Evidence.SNI, claim=Claim.MISMATCH, verdict=Verdict.OFF_ALLOWLIST, ago_us=MINUTE_US
    )
    scene.answer(HOST, OWN, evidence=Evidence.DNS, role="api", from_ago_us=2 * MINUTE_US, lasts_us=5 * MINUTE_US)
    scene.answer(HOST, "203.0.113.9", from_ago_us=200 * MINUTE_US, lasts_us=MINUTE_US)
    text = await told(scene)
    assert "MISMATCH: this name was never known to have this address: the client may hide where it goes." in text
    assert f"then {HOST} had: {OWN}" in text
    assert "203.0.113.9" not in text.partition("then api.openai.com had:")[2].partition("OUR LOOK-UPS")[0]
    assert "Today's list judges otherwise" not in text


async def test_a_tunnel_that_carries_another_name_is_told_as_such(scene: Scene) -> None:
    scene.connect(HOST, "10.0.0.9", evidence=Evidence.CONNECT, claim=Claim.MISMATCH, via="10.0.0.9:3128")
    text = await told(scene)
    assert "inside the tunnel the client named another host than it asked the proxy for" in text
    assert f"then {HOST} had" not in text


async def test_a_name_that_is_not_confirmed_says_why_and_what_follows(scene: Scene) -> None:
    local = scene.path.with_name("allowlist.local.toml")
    local.write_text(f'[[allow]]\nhost = "{HOST}"\nreason = "CHG-1"\n')
    local.chmod(0o644)
    scene.connect(HOST, OTHER, evidence=Evidence.SNI, claim=Claim.UNCONFIRMED, verdict=Verdict.OFF_ALLOWLIST)
    text = await told(scene)
    assert "NOT CONFIRMED: no look-up shows whether the name has this address" in text
    assert "it counts as no name of the allowlist" in text
    assert "Today's list judges otherwise" not in text


async def test_the_outer_name_of_an_encrypted_hello_is_said_to_be_that(scene: Scene) -> None:
    scene.connect("cloudflare-ech.com", OWN, evidence=Evidence.SNI, is_outer=True, claim=Claim.CONFIRMED)
    text = await told(scene)
    assert "has an encrypted one inside (ECH): this is the outer name" in text
    assert " sni outer " in text.partition("THE LATEST")[2]


async def test_several_names_are_all_told_with_what_they_rest_on(scene: Scene) -> None:
    names = ("licensing.tryretool.com", "p.tryretool.com")
    scene.container("api").connect(None, "192.0.2.10", candidates=names)
    for name in names:
        scene.answer(name, "192.0.2.10", from_ago_us=4 * MINUTE_US)
    text = await told(scene)
    assert "the same holds for each of licensing.tryretool.com, p.tryretool.com: it may be any of them" in text
    for name in names:
        assert f"{name}: by our own look-ups from 03:08:44Z" in text
    assert "forward 1 of 2" in text.partition("THE LATEST")[2]


async def test_an_address_without_a_name_shows_its_pointer_and_that_it_is_not_judged_by(scene: Scene) -> None:
    scene.read().connect(None, OTHER, verdict=Verdict.OFF_ALLOWLIST)
    scene.answer("vm-66.hosting.example", OTHER, evidence=Evidence.REVERSE)
    text = await told(scene)
    why = "the client sent none that was seen, it was told none by DNS, and no look-up of ours gave this address"
    assert f"No name is known (ptr vm-66.hosting.example, not judged by): {why}." in text
    assert f"{OTHER} (ptr vm-66.hosting.example, not judged by) 1 connection" in text


async def test_a_pointer_is_not_shown_beside_a_name(scene: Scene) -> None:
    scene.connect(HOST, OWN).answer("vm-14.hosting.example", OWN, evidence=Evidence.REVERSE)
    assert "vm-14.hosting.example" not in await told(scene)


async def test_where_packets_were_not_read_no_client_is_said_to_have_sent_no_name(scene: Scene) -> None:
    scene.container("api").read().connect(None, OTHER, verdict=Verdict.OFF_ALLOWLIST)
    text = await told(scene)
    assert "packets could not be read there" in text
    assert "the client sent none" not in text


async def test_the_time_to_connect_is_told_with_its_range(scene: Scene) -> None:
    for place, connect_us in enumerate((400, 12_300, 41_000)):
        scene.connect(HOST, OWN, connect_us=connect_us, ago_us=(place + 1) * SECOND_US)
    assert "Connect 12 ms (in the middle of the latest 3; 0.40 ms to 41 ms)" in await told(scene)


async def test_one_time_to_connect_is_told_alone_and_none_not_at_all(scene: Scene) -> None:
    scene.connect(HOST, OWN, connect_us=12_300)
    assert "Connect 12 ms " in await told(scene)


async def test_where_attempts_failed_is_told_and_those_that_got_through_do_not_count(scene: Scene) -> None:
    scene.connect(HOST, OWN, phase=Phase.CONNECT, outcome=Outcome.TIMED_OUT, times=3, sent=0, received=0)
    scene.connect(HOST, OWN, phase=Phase.TLS, outcome=Outcome.RESET, ago_us=SECOND_US, sent=0, received=0)
    scene.connect(HOST, OWN, sent=9, received=9, ago_us=0)
    text = await told(scene)
    assert "Failed at 3 before anything answered (TCP); 1 in the TLS handshake, of the latest 5" in text


@pytest.mark.parametrize(("width", "has_time"), [(80, False), (120, True)])
async def test_each_connection_says_how_it_is_known_and_where_it_went(scene: Scene, width: int, has_time: bool) -> None:
    scene.connect(HOST, OWN, evidence=Evidence.SNI, claim=Claim.CONFIRMED, connect_us=12_300)
    listed = (await told(scene, size=(width, 40))).partition("THE LATEST")[2]
    assert f"sni confirmed {OWN}:443" in listed
    assert ("12 ms" in listed) == has_time


async def test_a_page_is_about_one_role_and_tells_which_others_there_are(scene: Scene) -> None:
    scene.container("api").container("code-executor")
    scene.connect(HOST, OTHER, role="code-executor", evidence=Evidence.SNI, claim=Claim.MISMATCH,
                  verdict=Verdict.OFF_ALLOWLIST, ago_us=MINUTE_US)  # fmt: skip
    scene.connect(HOST, OWN, role="api", evidence=Evidence.SNI, claim=Claim.CONFIRMED, times=60, ago_us=0)
    scene.answer(HOST, OWN, evidence=Evidence.DNS, role="api", from_ago_us=2 * MINUTE_US, lasts_us=5 * MINUTE_US)
    text = await told(scene)
    assert "from code-executor" in text or text.startswith("! mismatch")
    assert "confirmed:" not in text
    assert "THE LATEST 1 CONNECTION" in text
    assert "Also reached by: api" in text
    assert "what it is for and what it is sent is not known" in text


async def test_the_words_on_names_need_no_sign_that_ascii_lacks(scene: Scene) -> None:
    values: dict[str, Any] = {"evidence": Evidence.SNI, "claim": Claim.MISMATCH, "is_outer": True, "connect_us": 1}
    scene.connect(HOST, OTHER, **values).recorded(note="")
    with recording(scene.path):
        shown = Shown(scene.path, scene.config, Look(glyphs=ASCII))
        async with shown.app.run_test(size=(160, 60)) as pilot:
            await page(shown, pilot, "enter")
            assert shown.text.isascii()


# What was never connected to


async def test_an_alert_on_a_name_that_does_not_resolve_opens_a_page_although_nothing_was_connected(
    scene: Scene,
) -> None:
    scene.container("api", pid=777).unresolved("p.tryretool.com").recorded(note="")
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(80, 24)) as pilot:
            text = await page(shown, pilot, "tab", "enter")
            assert "p.tryretool.com:443 from api" in shown.lines[0]
            assert text.startswith("✕ does not resolve, so there was nothing to connect to")
            assert "Today's list judges it allowed" in text
            assert "the name does not exist (NXDOMAIN)" in text
            assert "Opened no connection was seen Failed at the name does not resolve (DNS)" in text
            assert 'Purpose product usage, "to inform product decisions"' in text
            assert text.endswith("sudo nsenter -t 777 -n -m getent hosts p.tryretool.com")
            await pilot.press("d")
            assert "p.tryretool.com:443 from api" in shown.lines[0]


async def test_it_shows_the_connections_of_earlier_days_too(scene: Scene) -> None:
    scene.began_us = NOW_US - 80 * 60 * MINUTE_US
    scene.container("api").connect("p.tryretool.com", "192.0.2.12", ago_us=70 * 60 * MINUTE_US)
    scene.unresolved("p.tryretool.com").recorded(note="")
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(120, 24)) as pilot:
            assert "192.0.2.12:443" in (await page(shown, pilot, "tab", "enter")).partition("THE LATEST 1")[2]


async def test_an_alert_of_a_name_that_is_only_allowed_has_no_port_and_finds_its_row(scene: Scene) -> None:
    scene.connect("db.example.com", "198.51.100.9", port=5432)
    scene.unresolved("db.example.com", category="Your resources", port=None).recorded(note="")
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(80, 24)) as pilot:
            text = await page(shown, pilot, "tab", "enter")
            assert "db.example.com:5432 from api" in shown.lines[0]
            assert "Failed at the name does not resolve (DNS)" in text
            assert "getent hosts db.example.com" in text or "No process of api is known" in text


@pytest.mark.parametrize("host", ["\\x1b[2J", "a" * 300, "x..y", "192.0.2.1"])
async def test_a_hostile_name_in_an_alert_opens_no_page_and_breaks_none(
    scene: Scene, host: str, tmp_path: Path
) -> None:
    scene.unresolved(host).recorded(note="")
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(80, 24)) as pilot:
            await pilot.press("tab", "enter")
            await shown.app.workers.wait_for_complete()
            await pilot.pause()
            assert "#1: Usage reporting is being blocked" in shown.lines[-1]
