"""The status says how the logs of proxies are read; rows say by which way they went, and which log told so."""

import pytest

from tests.viewer.scene import Scene, Shown, recording
from tests.viewer.test_detail import page
from tui.model.alert import AlertKind, Urgency
from tui.model.connection import Evidence, Outcome, Verdict
from tui.model.times import MINUTE_US
from tui.viewer.theme import Look
from tui.viewer.words import ASCII

LOG, OTHER = "/var/log/squid/access.log", "/var/log/tinyproxy/tinyproxy.log"
PROXY = "10.0.4.20:3128"
UNREADABLE = f"unreadable: {LOG} is 0640 proxy:proxy; join group proxy"


async def status(scene: Scene, width: int, look: Look = Look()) -> str:  # noqa: B008
    """The second line."""
    scene.recorded(note="")
    with recording(scene.path):
        shown = Shown(scene.path, scene.config, look)
        async with shown.app.run_test(size=(width, 24)):
            return shown.lines[1]


def seeing(scene: Scene) -> Scene:
    """Everything is seen, and three containers run."""
    for role in ("api", "jobs-runner", "workflows-worker"):
        scene.container(role)
    return scene.read().read("api", "jobs-runner", "workflows-worker")


async def test_logs_that_are_read_are_counted(scene: Scene) -> None:
    seeing(scene).log().log(OTHER, formats="tinyproxy")
    assert "names: SNI, DNS, look-ups · 2 proxy logs · no hole in 4 min" in await status(scene, 120)


async def test_one_log_is_one(scene: Scene) -> None:
    seeing(scene).log()
    assert " · 1 proxy log · no hole" in await status(scene, 120)


async def test_where_no_log_is_followed_nothing_is_said_of_logs(scene: Scene) -> None:
    assert "log" not in await status(seeing(scene), 160)


async def test_on_eighty_cells_the_count_gives_way_to_what_is_urgent(scene: Scene) -> None:
    seeing(scene).log().log(OTHER)
    assert "names SNI+DNS · 2 proxy logs · no hole in 4 min" in await status(scene, 80)
    assert "SNI+DNS · 2 logs · no hole in 4 min" in await status(scene, 60)
    scene.blocked().alert("a.example.com").found(AlertKind.OVERDUE, "License checks: due", urgency=Urgency.TODAY)
    line = await status(scene, 80)
    assert line.startswith(" SEES 3 of 3 · names SNI+DNS · no hole in 4 min ")
    assert line.endswith("1 act now · 1 today · 1 review ")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"state": UNREADABLE, "read": ()}, "proxy log NOT READ"),
        ({"state": "waiting for file", "read": ()}, "proxy log not there"),
        ({"formats": "", "unparsed": 9}, "proxy log in no known format"),
        ({"lacks": "set LogLevel Info"}, "proxy log without destinations"),
        ({"lag": 12_000_000}, "proxy log 12.0 MB behind"),
        ({"state": "rotated, waiting", "news_ago_us": 2 * MINUTE_US}, "proxy log rotated away since 03:10Z"),
        ({"read": ((240, 120), (60, 0))}, "proxy log not read 03:10Z-03:11Z"),
    ],
)
async def test_what_is_amiss_with_a_log_is_said_at_every_width(
    scene: Scene, given: dict[str, object], words: str
) -> None:
    seeing(scene).log(**given)  # type: ignore[arg-type]
    line = await status(scene, 140)
    assert f" · {words}" in line
    assert "NOTHING SEEN" not in line
    assert "no hole in 4 min" in line
    scene.blocked().alert("a.example.com").found(AlertKind.OVERDUE, "License checks: due", urgency=Urgency.TODAY)
    narrow = await status(scene, 80)
    assert " · log " in narrow
    assert narrow.startswith(" SEES 3 of 3 · ")
    assert " · no hole in 4 min " in narrow
    assert narrow.endswith("1 act now · 1 today · 1 review ")


@pytest.mark.parametrize(
    "given",
    [{"lag": 20_000}, {"state": "rotated, waiting", "news_ago_us": MINUTE_US // 2}, {"unparsed": 3},
     {"formats": "", "lines": 0, "requests": 0}],
)  # fmt: skip
async def test_what_is_usual_is_no_flaw(scene: Scene, given: dict[str, object]) -> None:
    seeing(scene).log(**given)  # type: ignore[arg-type]
    assert " · 1 proxy log · " in await status(scene, 120)


async def test_of_several_logs_the_worst_is_told_with_how_many(scene: Scene) -> None:
    seeing(scene).log(state=UNREADABLE, read=()).log(OTHER, lacks="set LogLevel Info").log("/third.log")
    assert "3 proxy logs: 1 NOT READ, 1 without destinations (? tells)" in await status(scene, 160)
    assert " · log NOT READ · " in await status(scene, 60)


async def test_what_may_be_lost_of_a_log_is_bytes_and_no_event(scene: Scene) -> None:
    seeing(scene).log().lost(81_200, ago_us=2 * MINUTE_US, source=f"proxy:{LOG}")
    line = await status(scene, 140)
    assert "proxy log may lack up to 81.2 kB, 03:10Z" in line
    assert "event" not in line
    assert "no hole in 4 min" in line


async def test_a_log_that_is_followed_no_more_is_no_matter_of_today(scene: Scene) -> None:
    seeing(scene).log(news_ago_us=10 * MINUTE_US, state=UNREADABLE, read=())
    assert "log" not in await status(scene, 160)


async def test_the_help_tells_of_each_log_in_full(scene: Scene) -> None:
    seeing(scene).log(unparsed=2, last="what is \x1b[2J this", lag=1_200_000)
    scene.log(OTHER, formats="tinyproxy-notice", lacks="set LogLevel Info", read=((240, 120), (60, 0)))
    scene.recorded(note="")
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(120, 40)) as pilot:
            text = await page(shown, pilot, "question_mark")
    assert (
        f"Now: proxy log {LOG}: following; squid; 812 lines in this run, 640 requests; 2 unparsed, the last: " in text
    )
    assert "1.2 MB wait." in text
    assert "this log cannot name destinations: set LogLevel Info; not read 03:10Z-03:11Z." in text
    assert "\x1b" not in text


# Where rows come from


async def told(scene: Scene, *keys: str, size: tuple[int, int] = (120, 40)) -> str:
    """The page of the first row."""
    scene.recorded(note="")
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=size) as pilot:
            return await page(shown, pilot, *keys, "enter")


async def test_a_row_that_only_a_log_tells_names_the_log_and_the_proxy(scene: Scene) -> None:
    scene.connect(
        "api.stripe.com", "198.51.100.22", evidence=Evidence.PROXY, via=PROXY, source=f"proxy:{LOG}",
        verdict=Verdict.OFF_ALLOWLIST,
    )  # fmt: skip
    text = (await told(scene)).partition("ADDRESSES AND")[2]
    assert f"198.51.100.22 1 connection, 03:11:44Z to 03:11:46Z via proxy {PROXY}, told by proxy log {LOG}" in text
    assert "the name that the proxy was asked for, by its log" in text


async def test_a_row_of_a_log_that_tells_no_address_says_so(scene: Scene) -> None:
    scene.connect(
        "api.stripe.com", "0.0.0.0", evidence=Evidence.PROXY, via=f"log {LOG}", source=f"proxy:{LOG}",
        verdict=Verdict.OFF_ALLOWLIST,
    )  # fmt: skip
    text = await told(scene)
    assert f"address not known 1 connection, 03:11:44Z to 03:11:46Z told by proxy log {LOG}" in text
    assert "0.0.0.0" not in text
    assert "via proxy" not in text


async def test_the_addresses_of_such_rows_are_by_the_log(scene: Scene) -> None:
    scene.connect("a.example.com", "0.0.0.0", evidence=Evidence.PROXY, via=f"log {LOG}", source=f"proxy:{LOG}")
    scene.recorded(note="")
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(120, 40)) as pilot:
            await pilot.press("d")
            await shown.app.workers.wait_for_complete()
            await pilot.pause()
            assert shown.line(f"by log {LOG}")
            assert "0.0.0.0" not in shown.text


async def test_a_socket_that_a_line_was_joined_to_is_the_sockets_and_went_through_the_proxy(scene: Scene) -> None:
    scene.connect("api.stripe.com", "10.0.4.20", evidence=Evidence.PROXY, via=PROXY, verdict=Verdict.OFF_ALLOWLIST)
    text = await told(scene)
    assert f"via proxy {PROXY} the name that the proxy was asked for, by its log" in text
    assert "told by proxy log" not in text
    assert "proxy via 10.0.4.20:" in text.partition("THE LATEST")[2]


async def test_a_proxy_that_was_asked_for_an_address_is_not_said_to_know_a_name(scene: Scene) -> None:
    scene.connect(None, "192.0.2.66", via=PROXY, verdict=Verdict.OFF_ALLOWLIST, by=Evidence.PROXY)
    text = await told(scene)
    assert "The proxy was asked for the address itself, which has no name." in text
    assert "The name:" not in text
    assert "it went through the proxy, and no line" not in text


async def test_what_a_log_does_not_tell_is_no_address(scene: Scene) -> None:
    scene.connect(None, "0.0.0.0", via=f"log {LOG}", source=f"proxy:{LOG}", verdict=Verdict.OFF_ALLOWLIST,
                  by=Evidence.PROXY)  # fmt: skip
    scene.recorded(note="")
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(120, 40)) as pilot:
            assert shown.line(">destination not logged")
            text = await page(shown, pilot, "enter")
            assert "destination not logged from api" in shown.lines[0]
            await pilot.press("escape", "d")
            await shown.app.workers.wait_for_complete()
            await pilot.pause()
            assert shown.line(">destination not logged")
    assert "Its log does not tell where the proxy was asked to go." in text
    assert f"told by proxy log {LOG} destination not logged" in text
    assert "0.0.0.0" not in text


async def test_what_went_directly_is_said_to_be_on_no_way(scene: Scene) -> None:
    text = await told(scene.connect("api.stripe.com", "198.51.100.22"))
    assert "via" not in text
    assert "proxy log" not in text


def tunnel(scene: Scene) -> Scene:
    """One that is open, through a proxy whose log is followed."""
    return scene.log().connect(
        None, "10.0.4.20", port=3128, via=PROXY, outcome=Outcome.OPEN, verdict=Verdict.OFF_ALLOWLIST
    )


async def rows(scene: Scene, width: int, look: Look = Look()) -> str:  # noqa: B008
    """The line of the tunnel in the table."""
    scene.recorded(note="")
    with recording(scene.path):
        shown = Shown(scene.path, scene.config, look)
        async with shown.app.run_test(size=(width, 40)):
            return shown.line("10.0.4.20:3128")


@pytest.mark.parametrize(
    ("width", "words"),
    [
        (200, "10.0.4.20:3128 (open through the proxy, which logs it at its end)"),
        (120, "10.0.4.20:3128 (open through the proxy)"),
        (80, "10.0.4.20:3128 (open tunnel)"),
        (70, "10.0.4.20:3128 "),
    ],
)
async def test_a_tunnel_that_is_open_still_is_marked_so_where_it_stands(scene: Scene, width: int, words: str) -> None:
    assert words in await rows(tunnel(scene), width)
    assert words in await rows(scene, width, Look(glyphs=ASCII))


async def test_a_tunnel_to_a_proxy_that_has_a_name_is_marked_too(scene: Scene) -> None:
    scene.log().connect(
        "proxy.corp", "10.0.4.20", port=3128, via=PROXY, outcome=Outcome.OPEN, verdict=Verdict.INTERNAL
    ).connect("a.example.com", "10.0.4.20", via=PROXY, outcome=Outcome.OPEN, evidence=Evidence.CONNECT)
    scene.recorded(note="")
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(200, 40)) as pilot:
            assert "(" not in shown.line("a.example.com:443")
            await pilot.press("slash", *"verdict:internal", "enter")
            await pilot.pause()
            assert "proxy.corp:3128 (open through the proxy, which logs it at its end)" in shown.text


async def test_where_no_log_is_followed_nobody_will_tell_where_a_tunnel_goes(scene: Scene) -> None:
    scene.connect(None, "10.0.4.20", port=3128, via=PROXY, outcome=Outcome.OPEN, verdict=Verdict.OFF_ALLOWLIST)
    assert "10.0.4.20:3128 (open through a proxy whose log is not followed)" in await rows(scene, 200)
    assert "Where it goes is not known yet: open through a proxy whose log is not followed" in await told(scene)


async def test_what_has_ended_is_no_tunnel_any_more(scene: Scene) -> None:
    scene.connect(None, "10.0.4.20", port=3128, via=PROXY, verdict=Verdict.OFF_ALLOWLIST)
    assert "10.0.4.20:3128 (no name)" in await rows(scene, 120)


async def test_a_server_that_is_no_proxy_is_no_tunnel(scene: Scene) -> None:
    scene.connect(None, "10.0.4.20", port=3128, outcome=Outcome.OPEN, verdict=Verdict.OFF_ALLOWLIST)
    assert "10.0.4.20:3128 (no name)" in await rows(scene, 120)


async def test_another_role_s_tunnel_is_that_role_s_alone(scene: Scene) -> None:
    tunnel(scene).connect(None, "10.0.4.20", port=3128, role="jobs-runner", outcome=Outcome.OPEN)
    scene.recorded(note="")
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(120, 40)):
            found = [line for line in shown.lines if "10.0.4.20:3128" in line]
    assert sorted("open through" in line for line in found) == [False, True]


async def test_the_page_of_a_tunnel_says_when_it_will_be_known(scene: Scene) -> None:
    text = await told(tunnel(scene))
    assert "Where it goes is not known yet: open through the proxy, which logs it at its end (10.0.4.20:3128)." in text
    addresses = text.partition("ADDRESSES AND")[2].partition("WHO CONNECTED")[0]
    assert f"via proxy {PROXY} open through the proxy, which logs it at its end" in addresses
    assert "open tunnel" in text.partition("THE LATEST")[2]


async def test_one_that_no_line_told_of_says_that(scene: Scene) -> None:
    scene.connect(None, "10.0.4.20", port=3128, via=PROXY, verdict=Verdict.OFF_ALLOWLIST)
    assert "it went through the proxy, and no line of a log has told where to" in await told(scene)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_hostile_paths_and_lines_are_inert_everywhere(scene: Scene, size: tuple[int, int]) -> None:
    evil = "/tmp/\x1b[2J\u202e[red]\n\x9b5m"
    seeing(scene).log(evil, state=f"unreadable: {evil}", last=evil, unparsed=2, lacks=evil)
    scene.connect(
        "api.stripe.com", "0.0.0.0", evidence=Evidence.PROXY, via=f"log {evil}", source=f"proxy:{evil}",
        verdict=Verdict.OFF_ALLOWLIST,
    )  # fmt: skip
    scene.recorded(note="")
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=size) as pilot:
            texts = [shown.text, await page(shown, pilot, "enter"), shown.text]
            await pilot.press("escape", "d")
            await shown.app.workers.wait_for_complete()
            await pilot.pause()
            texts += [shown.text, await page(shown, pilot, "question_mark"), shown.text]
    for text in texts:
        assert not set(text) & set("\x1b\u202e\x9b")
