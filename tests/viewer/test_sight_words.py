"""The status says by what destinations can be named, and a hole in that hides no hole in what was connected."""

from tests.viewer.scene import NOW_US, Scene, Shown, recording
from tests.viewer.test_detail import page
from tui.model.alert import AlertKind, Urgency
from tui.model.filter import Filter
from tui.model.times import HOUR_US, MINUTE_US
from tui.viewer.snapshot import Follower


async def status(scene: Scene, width: int) -> str:
    """The second line."""
    scene.recorded(note="")
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(width, 24)):
            return shown.lines[1]


async def test_where_all_packets_are_read_and_names_looked_up_that_is_said_as_far_as_there_is_room(
    scene: Scene,
) -> None:
    scene.container("api").read().read("api")
    assert "SEES 1 of 1 container · names: SNI, DNS, look-ups · no hole" in await status(scene, 120)


async def test_a_narrow_screen_says_it_in_a_word(scene: Scene) -> None:
    scene.container("api").read().read("api")
    assert "SEES 1 of 1 container · SNI+DNS · no hole in 4 min" in await status(scene, 55)


async def test_on_eighty_cells_it_stands_beside_alerts_where_the_word_container_has_no_room_any_more(
    scene: Scene,
) -> None:
    for role in ("api", "jobs-runner", "workflows-worker"):
        scene.container(role)
    scene.read().read("api", "jobs-runner", "workflows-worker")
    scene.blocked().alert("a.example.com").found(AlertKind.OVERDUE, "License checks: due", urgency=Urgency.TODAY)
    line = await status(scene, 80)
    assert line.startswith(" SEES 3 of 3 · names SNI+DNS · no hole in 4 min ")
    assert line.endswith("1 act now · 1 today · 1 review ")


async def test_without_packets_only_look_ups_are_left_and_nothing_is_said_to_be_unseen(scene: Scene) -> None:
    scene.container("api")
    line = await status(scene, 120)
    assert "names: look-ups only" in line
    assert "no hole in 4 min" in line


async def test_that_packets_are_not_read_is_said_on_a_narrow_screen_too(scene: Scene) -> None:
    scene.container("api")
    assert "no SNI" in await status(scene, 60)


async def test_a_namespace_whose_packets_are_not_read_is_counted(scene: Scene) -> None:
    scene.container("api").container("jobs-runner").read().read("api")
    assert "names: SNI, DNS, look-ups; in 2 of 3" in await status(scene, 140)


async def test_a_time_in_which_packets_were_not_read_is_told_with_where_and_hides_no_hole(scene: Scene) -> None:
    scene.began_us = NOW_US - 3 * HOUR_US
    scene.container("api").container("jobs-runner", watched_ago_us=HOUR_US)
    scene.watched_again("jobs-runner", since_ago_us=50 * MINUTE_US)
    scene.read().read("jobs-runner").read("api", ended_ago_us=2 * HOUR_US).read("api", begins_ago_us=100 * MINUTE_US)
    line = await status(scene, 160)
    assert "not 01:12Z-01:32Z in api" in line
    assert "hole 02:12Z-02:22Z in jobs-runner" in line


async def test_while_nothing_was_recorded_at_all_only_that_hole_is_told(scene: Scene) -> None:
    scene.container("api", watched_ago_us=2 * MINUTE_US)
    scene.began_us = NOW_US - 3 * HOUR_US
    scene.container("jobs-runner", watched_ago_us=HOUR_US).watched_again("jobs-runner", since_ago_us=50 * MINUTE_US)
    scene.read().read("api").read("jobs-runner", ended_ago_us=HOUR_US)
    scene.read("jobs-runner", begins_ago_us=50 * MINUTE_US)
    line = await status(scene, 200)
    assert "names: SNI, DNS, look-ups" in line
    assert "look-ups;" not in line


async def test_packets_that_were_lost_are_counted_apart_from_ends_of_sockets(scene: Scene) -> None:
    scene.container("api").read().read("api")
    scene.lost(37, "api", ago_us=2 * MINUTE_US, source="wire")
    line = await status(scene, 140)
    assert "names: SNI, DNS, look-ups; 37 packets lost" in line
    assert "events lost" not in line
    assert "no hole in 4 min" in line


async def test_the_services_and_the_plot_know_no_blindness_where_only_packets_were_not_read(scene: Scene) -> None:
    scene.connect("p.tryretool.com", "192.0.2.12", category="Usage reporting", service="usage", received=5)
    scene.read(ended_ago_us=MINUTE_US).recorded(note="")
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(80, 24)):
            assert "● ok" in shown.line("Usage reporting")
            assert "NOTHING SEEN" not in shown.text
    follower = Follower(scene.path)
    snapshot = follower.look(NOW_US, Filter())
    follower.close()
    assert snapshot is not None
    assert snapshot.holes == ()


async def test_the_help_says_it_in_full_and_who_tells_the_reason(scene: Scene) -> None:
    scene.container("api").recorded(note="")
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(120, 40)) as pilot:
            text = await page(shown, pilot, "question_mark")
            assert "Now: destinations are named by: SNI and DNS not read; own look-ups and ranges only." in text
            assert "Why not in all: retool-egress doctor" in text
            for word in ("sni", "dns", "hosts", "forward", "connect", "unconfirmed", "MISMATCH"):
                assert word in text.partition("HOW A NAME IS KNOWN")[2]
