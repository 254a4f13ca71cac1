"""What stands on the screen, read as text, for a history that the collector's writer wrote."""

from pathlib import Path

import pytest

from tests.viewer.scene import NOW_US, Scene, Shown, recording
from tui.model.alert import AlertKind, Urgency
from tui.model.connection import INTERNAL_CATEGORY, Evidence, Outcome, Verdict
from tui.model.times import HOUR_US, MINUTE_US, SECOND_US
from tui.viewer.theme import Look
from tui.viewer.words import ASCII


async def test_each_service_says_its_state_in_words(shown: Shown) -> None:
    async with shown.app.run_test(size=(80, 24)):
        assert "✕ BLOCKED     since 02:58Z · api · 4 of 4 connects, no answer" in shown.line("License checks")
        assert "○ not seen" in shown.line("Inviting users")
        assert "expected when users are invited" in shown.line("Inviting users")
        assert "● ok          03:12Z · api · 60 conns · 1.9 MB out" in shown.line("Usage reporting")
        assert "? review" in shown.line("Other Retool")
        assert "! OFF LIST" in shown.line("Not recognised")
        assert "since 02:15Z · code-executor · 48.2 MB out" in shown.line("Not recognised")


async def test_the_status_says_who_records_until_when_and_what_is_seen(shown: Shown) -> None:
    async with shown.app.run_test(size=(80, 24)):
        first, second = shown.lines[:2]
        assert "retool-prod-1" in first
        assert "REC 3 d 19 h (detached until 15:08Z)" in first
        assert first.rstrip().endswith("LIVE 03:12:44Z")
        assert "SEES 6 of 6 containers, host" in second
        assert "no hole in 24 h" in second
        assert "3 act now · 1 review" in second


async def test_a_bare_address_is_said_to_have_no_name(shown: Shown) -> None:
    async with shown.app.run_test(size=(80, 24)):
        line = shown.line(">203.0.113.77")
        assert "203.0.113.77:443 (no name)" in line
        assert "! off list" in line


async def test_bytes_that_nobody_counted_are_a_dash_and_not_a_zero(scene: Scene) -> None:
    scene.connect("api.stripe.com", "198.51.100.40", category="Your resources").recorded()
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(80, 24)):
            assert " — " in shown.line("api.stripe.com")
            assert "bytes not known" in shown.line("Your resources")
            assert "0 B" not in shown.text


async def test_bytes_sent_and_received_stand_in_the_table_and_bytes_sent_in_the_panel(shown: Shown) -> None:
    async with shown.app.run_test(size=(120, 40)):
        assert "48.2 MB  61.0 kB" in shown.line(">203.0.113.77")
        assert "9 conns · 48.2 MB out" in shown.line("Not recognised  !")


async def test_internal_destinations_are_counted_and_shown_only_on_demand(shown: Shown) -> None:
    async with shown.app.run_test(size=(80, 24)) as pilot:
        assert "not judged: 2 host, 7 internal" in shown.text
        assert "10.0.0.1" not in shown.text
        await pilot.press("slash", *"verdict:internal", "enter")
        assert "10.0.0.1:5432" in shown.text


async def test_what_is_not_judged_is_counted_and_shown_only_on_demand(shown: Shown) -> None:
    async with shown.app.run_test(size=(80, 24)) as pilot:
        assert "198.51.100.60" not in shown.text
        await pilot.press("slash", *"verdict:not-judged", "enter")
        assert "host             ○ unjudged" in shown.line("198.51.100.60:443")
        assert "10.0.0.1" not in shown.text


async def test_a_filter_that_only_what_is_not_judged_fits_says_how_to_see_it(shown: Shown) -> None:
    async with shown.app.run_test(size=(80, 24)) as pilot:
        await pilot.press("slash", *"ip:198.51.100.60", "enter")
        assert "Only what is not judged fits: 1 row. To see it add verdict:not-judged" in shown.text


async def test_what_is_not_judged_has_no_part_in_the_services(shown: Shown) -> None:
    async with shown.app.run_test(size=(80, 24)):
        assert "31 conns" in shown.line("Other Retool")


async def test_where_other_containers_run_it_is_not_said_that_the_host_connected(scene: Scene) -> None:
    scene.container("api").container(None, name="grafana-1")
    scene.connect(None, "198.51.100.60", role=None, verdict=Verdict.NOT_JUDGED).recorded(note="")
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(80, 24)) as pilot:
            assert "not judged: 1 not Retool" in shown.text
            await pilot.press("slash", *"verdict:not-judged", "enter")
            assert "not Retool" in shown.line("198.51.100.60:443")


@pytest.mark.parametrize(
    ("outcome", "words", "state"),
    [
        (Outcome.REFUSED, "refused", "refused"),
        (Outcome.TIMED_OUT, "no answer", "no answer"),
        (Outcome.UNANSWERED, "no answer", "no answer"),
        (Outcome.NO_REPLY, "no reply", "no reply"),
        (Outcome.RESET, "cut off", "cut off"),
        (Outcome.UNREACHABLE, "unreachable", "no route"),
    ],
)
async def test_a_service_that_is_blocked_says_since_when_who_how_often_and_how(
    scene: Scene, outcome: Outcome, words: str, state: str
) -> None:
    scene.connect("licensing.tryretool.com", "192.0.2.10", category="License checks", service="licensing", times=4,
                  sent=0, received=0, outcome=outcome).blocked().recorded(note="")  # fmt: skip
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(90, 24)):
            told = f"✕ BLOCKED     since 02:58Z · api · 4 of 4 connects, {words}"
            assert told in shown.line("License checks")
            assert f"✕ {state}" in shown.line(">licensing")


async def test_a_reset_after_an_answer_is_no_failure(scene: Scene) -> None:
    scene.connect("p.tryretool.com", "192.0.2.12", category="Usage reporting", service="usage", sent=10, received=5,
                  outcome=Outcome.RESET).recorded(note="")  # fmt: skip
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(80, 24)):
            assert "● ok" in shown.line("Usage reporting")
            assert "● allowed" in shown.line(">p.tryretool")


async def test_a_failure_without_an_alert_says_when_it_was_last_reached(scene: Scene) -> None:
    scene.connect("api.stripe.com", "198.51.100.40", category="Your resources", ago_us=HOUR_US, received=9)
    scene.connect("api.stripe.com", "198.51.100.40", category="Your resources", outcome=Outcome.REFUSED, times=2)
    scene.recorded(note="")
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(100, 24)):
            assert "✕ failing" in shown.line("Your resources")
            assert "api · 2 of 3 connects, refused" in shown.line("Your resources")


async def test_the_success_that_ends_a_failure_is_green_again(scene: Scene) -> None:
    scene.connect("p.tryretool.com", "192.0.2.12", category="Usage reporting", service="usage", ago_us=3 * MINUTE_US,
                  outcome=Outcome.REFUSED)  # fmt: skip
    scene.connect("p.tryretool.com", "192.0.2.12", category="Usage reporting", service="usage", received=5)
    scene.recorded(note="")
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(80, 24)):
            assert "● ok" in shown.line("Usage reporting")


async def test_a_service_that_is_overdue_says_so_in_as_many_words_as_fit(scene: Scene) -> None:
    summary = (
        "License checks: not seen since 21 Nov 23:11Z (27 h); due at least once in 24 h; the record has no hole in "
        "that time"
    )
    scene.found(AlertKind.OVERDUE, summary, role=None, destination="licensing.tryretool.com", urgency=Urgency.TODAY)
    scene.recorded(note="")
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(80, 24)):
            assert "✕ overdue     not seen since 21 Nov 23:11Z (27 h)" in shown.line("License checks")
            assert "License checks: not seen since" in shown.line("✕ #1")


async def test_a_hole_makes_overdue_a_cannot_tell(scene: Scene) -> None:
    summary = (
        "cannot tell whether License checks are overdue: last seen 21 Nov 23:11Z, but the record has a hole until "
        "02:10Z; due at least once in 24 h"
    )
    scene.found(AlertKind.OVERDUE, summary, role=None, destination="licensing.tryretool.com", urgency=Urgency.REVIEW)
    scene.recorded(note="")
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(120, 24)):
            assert "? cannot tell last seen 21 Nov 23:11Z, but the record has a hole" in shown.line("License checks")
            assert "baseline not reviewed" not in shown.text


async def test_an_upload_to_an_allowed_destination_is_loud(scene: Scene) -> None:
    scene.connect("api.openai.com", "198.51.100.20", role="workflows-worker", category="Retool AI", sent=48_200_000,
                  received=61_000).upload("api.openai.com", "workflows-worker").recorded(note="")  # fmt: skip
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(80, 24)):
            assert "! UPLOAD      since 02:42Z · workflows-worker · 48.2 MB out" in shown.line("Retool AI")
            assert "! upload" in shown.line(">api.openai.com")
            assert "workflows-worker sent 48.2 MB to api.openai.com:443, got 61 kB" in shown.line("! #1")


async def test_a_burst_makes_the_rows_of_its_role_loud_and_shows_them(scene: Scene) -> None:
    for last, role in ((1, "code-executor"), (2, "code-executor"), (3, "api")):
        scene.connect(None, f"203.0.113.{last}", role=role, verdict=Verdict.OFF_ALLOWLIST)
    scene.burst().recorded(note="")
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(100, 24)) as pilot:
            assert "code-executor connects to 48 new destinations within 10 min" in shown.line("! #1")
            assert "! off list" in shown.line("203.0.113.1:443")
            assert "! off list" in shown.line("203.0.113.2:443")
            assert "? off list" in shown.line("203.0.113.3:443")
            await pilot.press("tab", "enter")
            assert 'filter role:"code-executor" verdict:off-allowlist' in shown.line("DESTINATIONS")
            assert "203.0.113.3:443" not in shown.text


async def test_a_container_that_is_not_seen_is_named(scene: Scene) -> None:
    scene.container("api", watched_ago_us=2 * MINUTE_US).container("jobs-runner").recorded(note="")
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(100, 24)):
            assert "api NOT SEEN since 03:10Z" in shown.lines[1]
            assert "SEES 1 of 2 containers (not api)" in shown.lines[1]
            assert "? cannot tell api cannot be seen" in shown.line("License checks")


async def test_events_that_were_lost_are_counted_on_the_second_line(scene: Scene) -> None:
    scene.container("api").lost(37, "api", ago_us=2 * MINUTE_US).recorded(note="")
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(80, 24)):
            assert "37 events lost 03:10Z" in shown.lines[1]
            assert "SEES 1 of 1 container" in shown.lines[1]


async def test_a_hole_of_one_container_says_in_which(scene: Scene) -> None:
    scene.began_us = NOW_US - 2 * HOUR_US
    scene.container("jobs-runner").container("api", watched_ago_us=HOUR_US)
    scene.watched_again("api", since_ago_us=50 * MINUTE_US).recorded(note="")
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(80, 24)):
            assert "hole 02:12Z-02:22Z in api" in shown.lines[1]
            assert "○ not seen" in shown.line("License checks")


async def test_what_is_blocked_comes_before_what_only_fails(scene: Scene) -> None:
    scene.connect("api.stripe.com", "198.51.100.40", category="Your resources", outcome=Outcome.REFUSED, ago_us=0)
    scene.connect("licensing.tryretool.com", "192.0.2.10", category="License checks", outcome=Outcome.TIMED_OUT)
    scene.blocked().recorded(note="")
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(80, 24)):
            assert shown.line(">licensing.tryretool.com")


async def test_the_last_change_is_told_with_the_alert_that_came_after_it(shown: Shown) -> None:
    async with shown.app.run_test(size=(80, 24)):
        told = "Last change: api image 3.148.4 → 3.196.2 at 22 Nov 21:40Z (5 h before #3)"
        assert told in shown.lines[-2]


async def test_a_low_screen_has_no_line_for_the_last_change(shown: Shown) -> None:
    async with shown.app.run_test(size=(80, 20)):
        assert "Last change" not in shown.text


async def test_the_alert_panel_counts_by_urgency_and_folds_the_review(shown: Shown) -> None:
    async with shown.app.run_test(size=(80, 24)):
        assert "3 act now · 1 to review" in shown.line("ALERTS")
        assert "59 min" in shown.line("! #1 code-executor to 203.0.113.77:443")
        assert "baseline not reviewed: 1 destination waits" in shown.text


async def test_a_filter_says_what_it_is_and_how_many_rows_it_leaves(shown: Shown) -> None:
    async with shown.app.run_test(size=(80, 24)) as pilot:
        await pilot.press("slash", *"host:stripe", "enter")
        assert "1 of 16 in 24 h, filter host:stripe" in shown.line("DESTINATIONS")
        assert "api.openai.com:443" not in shown.text
        await pilot.press("escape")
        assert "api.openai.com:443" in shown.text


async def test_a_wrong_filter_is_marked_at_its_column_and_changes_nothing(shown: Shown) -> None:
    async with shown.app.run_test(size=(80, 24)) as pilot:
        await pilot.press("slash", *"role:api hots:x", "enter")
        typed = next(i for i, line in enumerate(shown.lines) if "role:api hots:x" in line)
        assert shown.lines[typed + 1].index("^") == shown.lines[typed].index("hots")
        assert "column 10: There is no key hots. Did you mean host:?" in shown.lines[typed + 2]
        await pilot.press("escape")
        assert "7 in 24 h" in shown.line("DESTINATIONS")


async def test_while_a_filter_is_typed_no_key_is_named_that_would_be_typed(shown: Shown) -> None:
    async with shown.app.run_test(size=(80, 24)) as pilot:
        await pilot.press("slash")
        assert "q quit" not in shown.text
        assert "Enter applies, Esc leaves it" in shown.text
        await pilot.press("escape")
        assert "q quit" in shown.lines[-1]


async def test_letters_typed_into_the_filter_are_no_commands(shown: Shown) -> None:
    async with shown.app.run_test(size=(80, 24)) as pilot:
        await pilot.press("slash", *"qQAs?")
        assert "qQAs?" in shown.text
        assert shown.app.is_running


async def test_a_frozen_picture_stands_and_counts_what_changes(scene: Scene) -> None:
    scene.connect("p.tryretool.com", "192.0.2.12", category="Usage reporting", service="usage").recorded()
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(80, 24)) as pilot:
            await pilot.press("space")
            scene.connect("api.example.com", "198.51.100.9", verdict=Verdict.OFF_ALLOWLIST).commit()
            shown.clock.now_us += 5 * SECOND_US
            shown.feed.step()
            await pilot.pause()
            for _ in range(5):
                shown.app.main.tick()
            await pilot.pause()
            assert "FROZEN 03:12:44Z, 1 change since" in shown.lines[0]
            assert "api.example.com" not in shown.text
            await pilot.press("space")
            assert "LIVE 03:12:49Z" in shown.lines[0]
            assert "api.example.com:443" in shown.text


async def test_a_new_row_is_marked_and_the_cursor_stays_on_its_row(scene: Scene) -> None:
    scene.connect("b.example.com", "198.51.100.9").connect("c.example.com", "198.51.100.8").recorded()
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(80, 24)) as pilot:
            await pilot.press("s", "s", "j")
            place = shown.lines.index(shown.line(">c.example.com"))
            scene.connect("a.example.com", "198.51.100.7").commit()
            shown.feed.step()
            await pilot.pause()
            assert shown.lines[place].startswith(">c.example.com")
            assert shown.lines[place + 1].startswith("+a.example.com")
            assert "+1 new at the end" in shown.line("DESTINATIONS")


async def test_a_second_viewer_shows_the_same(night: Scene, tmp_path: Path) -> None:
    screens = []
    for name in ("ana", "ben"):
        shown = Shown(night.path, tmp_path / name / "config.toml")
        async with shown.app.run_test(size=(120, 40)):
            screens.append(shown.text)
    assert screens[0] == screens[1]


async def test_while_nobody_records_that_is_loud_and_nothing_is_green(scene: Scene) -> None:
    scene.connect("p.tryretool.com", "192.0.2.12", category="Usage reporting", service="usage").ended(
        NOW_US - MINUTE_US
    )
    shown = Shown(scene.path, scene.config)
    async with shown.app.run_test(size=(80, 24)):
        assert "NOT RECORDING since 03:11:44Z" in shown.lines[0]
        assert "LIVE" not in shown.lines[0]
        assert "sudo retool-egress" in shown.lines[1]
        for service in ("License checks", "Inviting users", "Usage reporting", "Retool AI"):
            assert "? cannot tell" in shown.line(service)
            assert "nobody records" in shown.line(service)


async def test_a_recording_that_has_just_begun_says_how_little_not_seen_means(scene: Scene) -> None:
    scene.recorded()
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(80, 24)):
            assert "○ not seen" in shown.line("License checks")
            assert "since recording began 4 min ago; due within 24 h" in shown.line("License checks")
            assert "●" not in shown.text


async def test_a_held_connection_is_seen_and_called_ok_only_once_it_must_have_been_answered(scene: Scene) -> None:
    scene.connect("p.tryretool.com", "192.0.2.12", category="Usage reporting", service="usage", ago_us=MINUTE_US,
                  outcome=Outcome.OPEN).recorded()  # fmt: skip
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(80, 24)) as pilot:
            assert "● seen" in shown.line("Usage reporting")
            shown.clock.now_us += 3 * MINUTE_US
            scene.recorded(shown.clock.now_us)
            shown.feed.step()
            await pilot.pause()
            assert "● ok" in shown.line("Usage reporting")


async def test_a_collector_that_lives_and_sees_nothing_is_loud(scene: Scene) -> None:
    scene.recorded().saw_nothing_since(NOW_US - 2 * MINUTE_US)
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(80, 24)):
            assert "NOTHING SEEN since 03:10Z" in shown.lines[1]
            assert "? cannot tell" in shown.line("License checks")


async def test_a_collector_that_holds_the_history_and_writes_nothing_is_loud_as_soon_as_it_is_late(
    scene: Scene,
) -> None:
    scene.recorded()
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(80, 24)) as pilot:
            assert "LIVE" in shown.lines[0]
            shown.clock.now_us += 30 * SECOND_US
            shown.feed.step()
            await pilot.pause()
            assert "NOTHING WRITTEN since 03:12:44Z" in shown.lines[0]
            assert "LIVE" not in shown.lines[0]
            assert "hangs or cannot write" in shown.lines[1]
            assert "? cannot tell" in shown.line("License checks")
            scene.recorded(shown.clock.now_us)
            shown.feed.step()
            await pilot.pause()
            assert "LIVE" in shown.lines[0]


async def test_several_names_that_fit_equally_well_are_all_shown(scene: Scene) -> None:
    names = ("licensing.tryretool.com", "p.tryretool.com")
    scene.connect(None, "192.0.2.10", candidates=names, category="Retool service (one of licensing, p)").recorded()
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(80, 24)):
            assert "licensing or p:443" in shown.text


async def test_an_alert_about_coverage_is_said_in_full_on_demand(scene: Scene) -> None:
    summary = "the allowlist cannot be used, the last good one stays in force: line 3 is wrong"
    scene.recorded().fault(summary).commit()
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(100, 24)) as pilot:
            await pilot.press("tab", "enter")
            assert summary in shown.lines[-1]


HOSTILE = {
    "escape": "evil\x1b[2Jname\x1b]0;title\x07",
    "markup": "python[/]",
    "bold": "[bold]x[/bold]",
    "wide": "数据" * 30,
    "long": "x" * 10_000,
    "bidi": "a\u202eb",
}


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())
async def test_a_hostile_name_is_shown_inert(scene: Scene, name: str) -> None:
    scene.connect(name, "198.51.100.9", role=name, process=name, verdict=Verdict.OFF_ALLOWLIST, category=name)
    scene.alert(name, name, urgency=Urgency.ACT_NOW).recorded()
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(120, 40)) as pilot:
            for key in ("enter", "A", "escape", "escape", "tab", "enter", "escape", "question_mark"):
                assert shown.text.replace("\n", "").isprintable()
                await pilot.press(key)
                await shown.app.workers.wait_for_complete()
                await pilot.pause()


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (100, 30), (120, 40), (200, 60), (40, 12), (20, 5)])
async def test_every_size_shows_how_to_leave_and_survives_every_screen(shown: Shown, size: tuple[int, int]) -> None:
    async with shown.app.run_test(size=size) as pilot:
        if size[0] >= 60:
            assert "q quit" in shown.lines[-1]
            assert "? help" in shown.lines[-1]
        for key in (
            "enter",
            "G",
            "A",
            "escape",
            "escape",
            "slash",
            "x",
            "escape",
            "question_mark",
            "pagedown",
            "escape",
        ):
            await pilot.press(key)
            await shown.app.workers.wait_for_complete()
            await pilot.pause()
            assert len(shown.lines) == size[1]


async def test_without_utf8_the_whole_screen_is_ascii(night: Scene, tmp_path: Path) -> None:
    shown = Shown(night.path, tmp_path / "config.toml", Look(glyphs=ASCII))
    async with shown.app.run_test(size=(120, 40)) as pilot:
        assert shown.text.isascii()
        assert "x BLOCKED" in shown.line("License checks")
        for key in ("enter", "escape", "question_mark", "escape"):
            await pilot.press(key)
            await shown.app.workers.wait_for_complete()
            await pilot.pause()
            assert shown.text.isascii(), key


async def test_a_history_that_is_replaced_is_read_again(scene: Scene, tmp_path: Path) -> None:
    scene.recorded()
    other_directory = tmp_path / "other"
    other_directory.mkdir()
    other = Scene(other_directory)
    other.connect("after.example.com", "198.51.100.9").recorded()
    other.close()
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(80, 24)) as pilot:
            scene.close()
            for name in ("history.db-wal", "history.db-shm"):
                (tmp_path / name).unlink(missing_ok=True)
            scene.path.write_bytes(b"no database at all" * 400)
            shown.feed.step()
            await pilot.pause()
            assert "not a sound history" in shown.lines[1]
            assert "? cannot tell" in shown.line("License checks")
            other.path.replace(scene.path)
            shown.feed.step()
            await pilot.pause()
            assert "after.example.com:443" in shown.text
            assert "SEES" in shown.lines[1]


async def test_what_was_seen_before_the_last_day_is_told_with_its_day(scene: Scene) -> None:
    scene.began_us = NOW_US - 100 * HOUR_US
    scene.connect("invites.tryretool.com", "192.0.2.11", category="Inviting users", service="invites",
                  ago_us=90 * HOUR_US).recorded()  # fmt: skip
    scene.connect(None, "10.0.0.5", category=INTERNAL_CATEGORY, verdict=Verdict.INTERNAL).commit()
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(80, 24)):
            assert "since 19 Nov; expected when users are invited" in shown.line("Inviting users")


async def test_ctrl_c_and_q_leave_and_capital_q_asks_to_stop(shown: Shown) -> None:
    async with shown.app.run_test(size=(80, 24)) as pilot:
        await pilot.press("slash", "x", "ctrl+c")
    assert not shown.app.stop_recording
    assert shown.app.return_code == 0


async def test_capital_q_leaves_and_has_the_recording_stopped(shown: Shown) -> None:
    async with shown.app.run_test(size=(80, 24)) as pilot:
        await pilot.press("Q")
    assert shown.app.stop_recording


async def test_a_second_that_passes_while_the_screen_closes_does_no_harm(shown: Shown) -> None:
    async with shown.app.run_test(size=(80, 24)) as pilot:
        await shown.app.main.remove_children()
        shown.app.main.tick()
        await pilot.pause()
        assert shown.app.is_running


async def test_a_hole_that_has_just_ended_has_an_end(scene: Scene) -> None:
    scene.ended(NOW_US - 3 * MINUTE_US).resumed(NOW_US - 5 * SECOND_US)
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(100, 24)):
            assert "hole 03:09:44Z-03:12:39Z" in shown.lines[1]
            assert "LIVE" in shown.lines[0]


async def test_a_service_whose_name_does_not_resolve_says_so_and_who_asked(scene: Scene) -> None:
    scene.unresolved("p.tryretool.com").recorded(note="")
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(98, 24)):
            told = "✕ BLOCKED     since 02:58Z · api · name does not resolve · 4 look-ups in vain"
            assert told in shown.line("Usage reporting")
            assert "p.tryretool.com does not resolve in api (NXDOMAIN), 4 in a row" in shown.line("✕ #1")


async def test_a_row_whose_name_does_not_resolve_any_more_is_green_no_longer(scene: Scene) -> None:
    for role in ("api", "jobs-runner"):
        scene.connect("p.tryretool.com", "192.0.2.12", role=role, category="Usage reporting", sent=9, received=9)
    scene.unresolved("p.tryretool.com").recorded(note="")
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(80, 24)) as pilot:
            assert "✕ no DNS" in shown.line(" api  ")
            assert "● allowed" in shown.line(" jobs-runner  ")
            await pilot.press("tab", "enter")
            await shown.app.workers.wait_for_complete()
            await pilot.pause()
            assert shown.line("✕ no DNS: allowed, yet the name does not resolve now")


async def test_look_ups_in_vain_are_not_counted_among_connections(scene: Scene) -> None:
    scene.connect("licensing.tryretool.com", "192.0.2.10", category="License checks", service="licensing", times=3,
                  sent=0, received=0, outcome=Outcome.TIMED_OUT).blocked(count=3)  # fmt: skip
    scene.unresolved("licensing.tryretool.com", category="License checks", count=9).recorded(note="")
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(90, 24)):
            assert "api · 3 of 3 connects, no answer" in shown.line("License checks")


async def test_what_goes_to_the_resolver_that_is_set_is_counted_apart_from_the_host(scene: Scene) -> None:
    scene.connect(None, "10.0.0.2", port=53, verdict=Verdict.NOT_JUDGED)
    scene.connect(None, "198.51.100.60", role=None, verdict=Verdict.NOT_JUDGED).recorded(note="")
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(80, 24)) as pilot:
            assert "not judged: 1 host, 1 DNS" in shown.text
            await pilot.press("slash", *"verdict:not-judged port:53", "enter", "enter")
            await shown.app.workers.wait_for_complete()
            await pilot.pause()
            assert "since it is the resolver that is set there" in shown.text


async def test_a_row_whose_name_is_false_says_so_in_its_state(scene: Scene) -> None:
    for role, ip in (("code-executor", "192.0.2.66"), ("jobs-runner", "192.0.2.67")):
        scene.connect("api.openai.com", ip, role=role, verdict=Verdict.OFF_ALLOWLIST)
    summary = "code-executor claims api.openai.com (TLS SNI) on 192.0.2.66:443, an address that this name was never "
    summary += "known to have"
    scene.found(AlertKind.NAME_MISMATCH, summary, destination="api.openai.com", role="code-executor")
    scene.recorded(note="")
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(80, 24)):
            assert "! mismatch" in shown.line("code-executor    ")
            assert "off list" in shown.line("jobs-runner  ")
            assert "! #1 mismatch: code-executor claims api.openai.com on 192.0.2.66:443" in shown.text


async def test_what_is_reached_past_a_proxy_says_so_in_its_state_and_in_its_detail(scene: Scene) -> None:
    scene.connect("hooks.slack.com", "203.0.113.50")
    scene.connect("hooks.slack.com", "203.0.113.50", role="jobs-runner")
    summary = "api reached hooks.slack.com:443 directly, although its HTTPS_PROXY names proxy.corp.example:3128"
    scene.found(AlertKind.BYPASS, summary, destination="hooks.slack.com", urgency=Urgency.TODAY).recorded(note="")
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(100, 24)) as pilot:
            assert "api reached hooks.slack.com:443 directly, not through proxy.corp.example:3128" in shown.text
            assert "! direct" in next(line for line in shown.lines if "slack" in line and " api " in line)
            assert "allowed" in next(line for line in shown.lines if "slack" in line and " jobs-runner " in line)
            await pilot.press("tab", "enter")
            await shown.app.workers.wait_for_complete()
            await pilot.pause()
            assert "! direct" in shown.text
            assert "although its HTTPS_PROXY names" in shown.text


async def test_the_alert_about_many_that_go_past_a_proxy_leads_to_them(scene: Scene) -> None:
    scene.connect("hooks.slack.com", "203.0.113.50")
    scene.connect("api.stripe.com", "203.0.113.51", role="jobs-runner")
    scene.connect("api.openai.com", "10.0.4.20", via="10.0.4.20:3128", evidence=Evidence.CONNECT)
    summary = (
        "api reaches more than 20 destinations directly, although its HTTPS_PROXY names proxy:3128; the latest: a:1"
    )
    scene.found(AlertKind.BYPASS, summary, port=None, urgency=Urgency.TODAY).recorded(note="")
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(100, 24)) as pilot:
            await pilot.press("tab", "enter")
            await shown.app.workers.wait_for_complete()
            await pilot.pause()
            assert "hooks.slack.com" in shown.text
            assert "api.stripe.com" not in shown.text
            assert "api.openai.com" not in shown.text


async def test_a_proxy_that_is_down_has_a_line_among_the_services(scene: Scene) -> None:
    scene.connect(None, "10.0.4.20", port=3128, verdict=Verdict.INTERNAL, outcome=Outcome.REFUSED, times=4)
    summary = "proxy 10.0.4.20:3128 refuses api: 7 services affected, 4 attempts in a row since 03:08:44Z"
    scene.found(
        AlertKind.BLOCKED, summary, destination="10.0.4.20", port=3128, count=4, cause="blocked-proxy|10.0.4.20|3128"
    )
    scene.recorded(note="")
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(130, 24)):
            assert "BLOCKED" in shown.line("Your proxy")
            assert "api · 4 of 4 connects, refused" in shown.line("Your proxy")
            assert "proxy 10.0.4.20:3128 refuses api: 7 services affected, 4 in a row" in shown.text
