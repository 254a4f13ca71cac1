"""A look costs what has changed, and faults of the file are part of the answer."""

from pathlib import Path
from threading import Event

from tests.viewer.scene import NOW_US, Scene, recording
from tui.model.connection import Outcome, Verdict
from tui.model.filter import Filter
from tui.model.times import MINUTE_US, SECOND_US
from tui.viewer.feed import ThreadFeed
from tui.viewer.picture import changes_since
from tui.viewer.snapshot import Follower

NO_FILTER = Filter()


def test_where_nothing_has_changed_there_is_nothing_to_show(scene: Scene) -> None:
    scene.recorded()
    follower = Follower(scene.path)
    assert follower.look(NOW_US, NO_FILTER) is not None
    assert follower.look(NOW_US + SECOND_US, NO_FILTER) is None
    follower.close()


def test_a_commit_is_seen_at_the_next_look(scene: Scene) -> None:
    scene.connect("a.example.com", "198.51.100.1").recorded()
    follower = Follower(scene.path)
    first = follower.look(NOW_US, NO_FILTER)
    scene.connect("a.example.com", "198.51.100.1").connect("b.example.com", "198.51.100.2").commit()
    second = follower.look(NOW_US, NO_FILTER)
    follower.close()
    assert first is not None
    assert second is not None
    assert second.revision > first.revision
    assert {row.name: row.connections for row in second.everything} == {"a.example.com": 2, "b.example.com": 1}


def test_what_is_open_was_last_seen_when_its_collector_was_and_counts_as_no_change(scene: Scene) -> None:
    scene.connect("a.example.com", "198.51.100.1", outcome=Outcome.OPEN).recorded()
    follower = Follower(scene.path)
    first = follower.look(NOW_US, NO_FILTER)
    scene.recorded(until_us=NOW_US + 30 * SECOND_US)
    second = follower.look(NOW_US + 30 * SECOND_US, NO_FILTER)
    follower.close()
    assert first is not None
    assert second is not None
    assert [row.last_us for row in second.everything] == [NOW_US + 30 * SECOND_US]
    assert changes_since(first, second) == 0


def test_looking_again_and_again_gives_what_one_look_gives(scene: Scene) -> None:
    followed = Follower(scene.path)
    verdicts = [Verdict.ALLOWED, Verdict.OFF_ALLOWLIST]
    for number in range(12):
        scene.connect(f"h{number % 5}.example.com", "198.51.100.1", verdict=verdicts[number % 2],
                      outcome=[Outcome.CLOSED, Outcome.TIMED_OUT, Outcome.OPEN][number % 3],
                      ago_us=(20 - number) * MINUTE_US)  # fmt: skip
        scene.recorded()
        latest = followed.look(NOW_US, NO_FILTER)
    fresh = Follower(scene.path)
    once = fresh.look(NOW_US, NO_FILTER)
    fresh.close()
    followed.close()
    assert latest is not None
    assert once is not None
    assert sorted(latest.everything, key=str) == sorted(once.everything, key=str)
    assert latest.workloads == once.workloads


def test_another_filter_is_answered_although_nothing_was_written(scene: Scene) -> None:
    scene.connect("a.example.com", "198.51.100.1").connect("b.example.com", "198.51.100.2").recorded()
    follower = Follower(scene.path)
    follower.look(NOW_US, NO_FILTER)
    found = follower.look(NOW_US, Filter.parse("host:b.example"))
    follower.close()
    assert found is not None
    assert [row.name for row in found.matching] == ["b.example.com"]
    assert len(found.everything) == 2


def test_the_end_of_recording_is_seen_although_nothing_was_written(scene: Scene) -> None:
    scene.recorded()
    follower = Follower(scene.path)
    with recording(scene.path):
        first = follower.look(NOW_US, NO_FILTER)
    second = follower.look(NOW_US, NO_FILTER)
    follower.close()
    assert first is not None
    assert second is not None
    assert (first.live, second.live) == (True, False)


def test_a_missing_history_is_told_once_and_found_when_it_comes(tmp_path: Path) -> None:
    follower = Follower(tmp_path / "history.db")
    missing = follower.look(NOW_US, NO_FILTER)
    assert missing is not None
    assert missing.trouble is not None
    assert "nothing has been recorded" in missing.trouble
    assert follower.look(NOW_US, NO_FILTER) is None
    scene = Scene(tmp_path).recorded()
    found = follower.look(NOW_US, NO_FILTER)
    follower.close()
    scene.close()
    assert found is not None
    assert found.trouble is None


def test_the_thread_hands_over_the_latest_and_only_once(scene: Scene) -> None:
    scene.recorded()
    arrived = Event()
    feed = ThreadFeed(scene.path, lambda: NOW_US)
    feed.start(arrived.set)
    assert arrived.wait(10)
    taken = feed.take()
    feed.stop()
    assert taken is not None
    assert taken.revision == 1
    assert feed.take() is None


def test_a_filter_that_takes_too_long_is_said_and_the_next_one_is_answered(scene: Scene) -> None:
    scene.connect(f"{'a' * 60}-x.example.com", "198.51.100.1").recorded()
    follower = Follower(scene.path)
    follower.look(NOW_US, NO_FILTER)
    slow = follower.look(NOW_US, Filter.parse("host:/^(a|aa)+$/"))
    after = follower.look(NOW_US, Filter.parse("host:example"))
    follower.close()
    assert slow is not None
    assert "takes too long" in str(slow.trouble)
    assert after is not None
    assert after.trouble is None
    assert len(after.matching) == 1


def test_a_history_that_goes_away_is_said_in_a_few_words_that_fit(scene: Scene) -> None:
    scene.connect("a.example.com", "198.51.100.1").recorded()
    follower = Follower(scene.path)
    follower.look(NOW_US, NO_FILTER)
    scene.path.rename(scene.path.with_name("moved.db"))
    gone = follower.look(NOW_US + SECOND_US, NO_FILTER)
    follower.close()
    assert gone is not None
    assert gone.trouble == "history.db is gone: what stands below is old."
    assert len(gone.everything) == 1
