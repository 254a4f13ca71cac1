"""The page about one destination tells what is known, how it is known, and what is not."""

import shlex
import subprocess

import pytest
from textual.pilot import Pilot

from tests.viewer.scene import NOW_US, Scene, Shown, recording
from tui.model.connection import Outcome, Verdict
from tui.model.times import MINUTE_US, SECOND_US
from tui.viewer.page import shell_lines
from tui.viewer.widgets.pager import Pager


async def page(shown: Shown, pilot: Pilot[None], *keys: str) -> str:
    """The whole page that these keys open, lines joined and spaces folded."""
    await pilot.press(*keys)
    await shown.app.workers.wait_for_complete()
    await pilot.pause()
    pager = shown.app.screen.query_one(Pager)
    return " ".join(" ".join(line.plain for line in pager._page).split())


async def test_a_bare_address_says_why_no_name_is_known(shown: Shown) -> None:
    async with shown.app.run_test(size=(80, 24)) as pilot:
        text = await page(shown, pilot, "enter")
        assert "203.0.113.77:443 (no name) from code-executor" in shown.lines[0]
        assert "! off list: no rule matches, and no name is known for this address" in text
        assert "no look-up of a catalogued or allowed name gave this address" in text
        assert "No entry of the catalogue names it" in text
        assert "#1 act now, open; 9 times" in text
        who = "code-executor: python3 (pid 20417, user 1001) in retool-code-executor-1"
        assert f"{who} (tryretool/backend:3.196.2), 9 connections" in text


async def test_a_catalogued_host_says_what_is_sent_and_how_that_is_known(shown: Shown) -> None:
    async with shown.app.run_test(size=(120, 40)) as pilot:
        text = await page(shown, pilot, "slash", *"host:p.tryretool", "enter", "enter")
        assert 'Purpose product usage, "to inform product decisions"' in text
        assert "page views with the page URL" in text
        assert "stated on Retool's egress page" in text
        assert "2026-11-23" in text
        assert "Cadence per event" in text
        assert "by the rule: allow p.tryretool.com:443 (Retool default); allowlist revision 31" in text
        assert "p.tryretool.com had 192.0.2.12" in text
        assert "our own look-up of the name gave this address" in text


async def test_the_latest_fifty_connections_are_listed_newest_first(shown: Shown) -> None:
    async with shown.app.run_test(size=(120, 40)) as pilot:
        text = await page(shown, pilot, "slash", *"host:p.tryretool", "enter", "enter")
        assert "THE LATEST 50 CONNECTIONS" in text
        listed = text.partition("THE LATEST")[2]
        assert listed.count("192.0.2.12:443") == 50
        assert listed.index("03:12:31Z") < listed.index("03:11:44Z")


async def test_a_destination_that_is_not_reached_says_so_first(shown: Shown) -> None:
    async with shown.app.run_test(size=(120, 40)) as pilot:
        text = await page(shown, pilot, "slash", *"host:licensing", "enter", "enter")
        assert text.startswith("✕ no answer: allowed, yet 4 of 8 attempts in the last 24 h did not get through")


async def test_bytes_are_said_to_be_unknown_and_not_to_be_none(scene: Scene) -> None:
    scene.connect("api.example.com", "198.51.100.9").recorded()
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(120, 40)) as pilot:
            assert "Bytes not known" in await page(shown, pilot, "enter")


async def test_bytes_are_told_in_both_directions(shown: Shown) -> None:
    async with shown.app.run_test(size=(120, 40)) as pilot:
        assert "Bytes 48.2 MB sent, 61.0 kB received" in await page(shown, pilot, "enter")


async def test_failures_are_counted_by_how_they_failed(scene: Scene) -> None:
    ways = ((Outcome.REFUSED, 4), (Outcome.TIMED_OUT, 2), (Outcome.UNANSWERED, 1))
    for place, (outcome, times) in enumerate(ways):
        scene.connect("api.example.com", "198.51.100.9", outcome=outcome, times=times, sent=0, received=0,
                      ago_us=(3 - place) * MINUTE_US)  # fmt: skip
    scene.recorded(note="")
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(120, 40)) as pilot:
            text = await page(shown, pilot, "enter")
            assert "Failed 1 hanging now, 2 no answer, 4 refused; never reached" in text


async def test_what_changed_of_the_role_is_told_with_the_images(shown: Shown) -> None:
    async with shown.app.run_test(size=(120, 40)) as pilot:
        text = await page(shown, pilot, "slash", *"host:licensing", "enter", "enter")
        assert "CHANGES of api in the last 7 days" in text
        assert "22 Nov 21:40Z retool-api-1: image 3.148.4 → 3.196.2" in text


async def test_a_blocked_destination_ends_with_a_test_that_can_be_run(shown: Shown) -> None:
    async with shown.app.run_test(size=(120, 40)) as pilot:
        text = await page(shown, pilot, "slash", *"host:licensing", "enter", "enter")
        assert text.endswith("sudo nsenter -t 20417 -n curl -sv -m 5 https://licensing.tryretool.com")
        assert "A test to run, filled in, stands at the end of this page" in text


async def test_a_test_goes_the_way_that_the_role_goes(scene: Scene) -> None:
    scene.container("api", pid=777, proxy=(("HTTPS_PROXY", "http://proxy:3128"), ("NO_PROXY", "a b,.internal")))
    scene.connect("licensing.tryretool.com", "192.0.2.10", outcome=Outcome.TIMED_OUT).blocked().recorded(note="")
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(200, 60)) as pilot:
            text = await page(shown, pilot, "enter")
            assert "nsenter -t 777 -n env HTTPS_PROXY=http://proxy:3128 'NO_PROXY=a b,.internal' curl -sv" in text
            assert "user and password of the proxy are not recorded" in text


async def test_where_nothing_of_the_role_runs_the_test_says_so(scene: Scene) -> None:
    scene.container("api", gone_ago_us=MINUTE_US)
    scene.connect("licensing.tryretool.com", "192.0.2.10", outcome=Outcome.TIMED_OUT).blocked().recorded(note="")
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(120, 40)) as pilot:
            text = await page(shown, pilot, "enter")
            assert text.endswith("No process of api is known to run now, so there is none to test from.")


@pytest.mark.parametrize("width", [40, 60, 80])
@pytest.mark.parametrize("value", ["a b " * 40, "x" * 300, "it's'; rm -rf /; '" * 9, "plain"])
def test_a_command_that_is_copied_from_several_lines_is_the_same_to_a_shell(width: int, value: str) -> None:
    command = shlex.join(["printf", "%s|", f"NO_PROXY={value}", "https://[2001:db8::1]:8443"])
    lines = shell_lines(command, width)
    assert max(map(len, lines)) <= width
    ran = subprocess.run(["sh", "-c", "\n".join(lines)], capture_output=True, text=True, check=True)
    assert ran.stdout == f"NO_PROXY={value}|https://[2001:db8::1]:8443|"


async def test_a_list_that_has_changed_since_is_told(scene: Scene) -> None:
    scene.connect("api.example.com", "198.51.100.9", verdict=Verdict.OFF_ALLOWLIST).recorded()
    local = scene.path.with_name("allowlist.local.toml")
    local.write_text('[[allow]]\nhost = "api.example.com"\nreason = "CHG-1"\n')
    local.chmod(0o644)
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(80, 24)) as pilot:
            text = await page(shown, pilot, "enter")
            assert "Recorded as off-allowlist, by no rule" in text
            assert "Today's list judges otherwise, allowed: a rule allows it" in text


async def test_escape_returns_to_the_same_row(shown: Shown) -> None:
    async with shown.app.run_test(size=(80, 24)) as pilot:
        await pilot.press("j", "j")
        before = shown.line(">")
        await page(shown, pilot, "enter", "G")
        await pilot.press("escape")
        assert shown.line(">") == before


async def test_an_alert_opens_the_detail_of_its_destination(shown: Shown) -> None:
    async with shown.app.run_test(size=(80, 24)) as pilot:
        await page(shown, pilot, "j", "j", "tab", "enter")
        assert "203.0.113.77:443 (no name) from code-executor" in shown.lines[0]


async def test_the_folded_review_shows_what_waits(shown: Shown) -> None:
    async with shown.app.run_test(size=(80, 24)) as pilot:
        await pilot.press("tab", "G", "enter")
        assert "filter verdict:off-allowlist" in shown.line("DESTINATIONS")
        assert "telemetry.retool.com:443" in shown.text
        assert "api.stripe.com:443" not in shown.text


async def test_the_page_follows_what_is_recorded_while_it_is_open(scene: Scene) -> None:
    scene.connect("api.example.com", "198.51.100.9").recorded()
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(80, 24)) as pilot:
            assert "1 connection, 0 open now" in await page(shown, pilot, "enter")
            scene.connect("api.example.com", "198.51.100.9", ago_us=SECOND_US).commit()
            shown.clock.now_us = NOW_US + SECOND_US
            shown.feed.step()
            await pilot.pause()
            assert "2 connections, 0 open now" in await page(shown, pilot)
