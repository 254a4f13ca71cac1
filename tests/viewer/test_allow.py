"""The dialog writes one rule with its reason, or nothing."""

import tomllib
from pathlib import Path

import pytest

from tests.viewer.scene import NOW_US, Scene, Shown, recording
from tui.model.connection import FALSE_NAME, INTERNAL_CATEGORY, Verdict
from tui.viewer.allowing import Proposal, read_expiry


def written(directory: Path) -> list[dict[str, object]]:
    path = directory / "allowlist.local.toml"
    return list(tomllib.loads(path.read_text())["allow"]) if path.exists() else []


async def test_enter_at_once_cancels(shown: Shown, tmp_path: Path) -> None:
    async with shown.app.run_test(size=(80, 24)) as pilot:
        await pilot.press("A")
        assert shown.app.focused is not None
        assert shown.app.focused.id == "cancel"
        await pilot.press("enter")
        assert "Nothing was allowed" in shown.lines[-1]
    assert written(tmp_path) == []


async def test_a_bare_address_is_allowed_as_one_address_for_this_role_until_a_day(shown: Shown, tmp_path: Path) -> None:
    async with shown.app.run_test(size=(80, 24)) as pilot:
        await pilot.press("A")
        assert "allow 203.0.113.77/32:443 for code-executor" in shown.text
        shown.app.screen.query_one("#reason").focus()
        await pilot.press(*"CHG-4711")
        shown.app.screen.query_one("#allow").focus()
        await pilot.press("enter")
        assert "allowlist.local.toml" in shown.lines[-1] or "Written to" in shown.lines[-1]
    (entry,) = written(tmp_path)
    assert entry["network"] == "203.0.113.77/32"
    assert entry["ports"] == [443]
    assert entry["roles"] == ["code-executor"]
    assert str(entry["expires"]) == "2027-02-21"
    assert entry["reason"] == "CHG-4711"
    assert entry["by"] == "ana"
    assert str(entry["at"]).startswith("2026-11-23T03:12:44")


async def test_the_box_makes_the_rule_one_for_any_role(shown: Shown, tmp_path: Path) -> None:
    async with shown.app.run_test(size=(80, 24)) as pilot:
        await pilot.press("j", "j", "A")
        shown.app.screen.query_one("#role").focus()
        await pilot.press("space")
        assert "allow telemetry.retool.com:443 for any role" in shown.text
        shown.app.screen.query_one("#reason").focus()
        await pilot.press("x")
        shown.app.screen.query_one("#allow").focus()
        await pilot.press("enter")
    (entry,) = written(tmp_path)
    assert entry["host"] == "telemetry.retool.com"
    assert "roles" not in entry


async def test_without_a_reason_nothing_is_written(shown: Shown, tmp_path: Path) -> None:
    async with shown.app.run_test(size=(80, 24)) as pilot:
        await pilot.press("A")
        shown.app.screen.query_one("#allow").focus()
        await pilot.press("enter")
        assert "A reason is required" in shown.text
        assert shown.app.focused is not None
        assert shown.app.focused.id == "reason"
    assert written(tmp_path) == []


async def test_a_fault_of_the_file_is_shown_and_what_was_typed_stays(shown: Shown, tmp_path: Path) -> None:
    async with shown.app.run_test(size=(80, 24)) as pilot:
        await pilot.press("A")
        (tmp_path / "allowlist.local.toml").write_text("[[allow\n")
        shown.app.screen.query_one("#reason").focus()
        await pilot.press(*"CHG-1")
        shown.app.screen.query_one("#allow").focus()
        await pilot.press("enter")
        assert "Nothing was written" in shown.text
        assert "CHG-1" in shown.text


async def test_several_possible_names_are_not_allowed_together(scene: Scene) -> None:
    names = ("licensing.tryretool.com", "p.tryretool.com")
    scene.connect(None, "192.0.2.10", candidates=names, verdict=Verdict.OFF_ALLOWLIST).recorded()
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(120, 24)) as pilot:
            await pilot.press("A")
            assert "It may be any of licensing.tryretool.com, p.tryretool.com" in shown.lines[-1]


@pytest.mark.parametrize(
    ("host", "verdict", "why"),
    [
        ("p.tryretool.com", Verdict.OFF_ALLOWLIST, "It is not p.tryretool.com: no rule for that name allows it"),
        ("licensing.tryretool.com", Verdict.ALLOWED, "Today's list allows it already"),
        ("denied.example.com", Verdict.OFF_ALLOWLIST, "A deny rule names it"),
        ("db.internal", Verdict.INTERNAL, "internal and not judged"),
    ],
)
async def test_where_a_rule_would_change_nothing_that_is_said(
    scene: Scene, host: str, verdict: Verdict, why: str
) -> None:  # fmt: skip
    deny = scene.path.with_name("allowlist.toml")
    deny.write_text('[[deny]]\nhost = "denied.example.com"\n')
    deny.chmod(0o644)
    category = {"db.internal": INTERNAL_CATEGORY, "p.tryretool.com": FALSE_NAME}.get(host, "x")
    scene.connect(host, "198.51.100.9", verdict=verdict, category=category).recorded()
    with recording(scene.path):
        shown = Shown(scene.path, scene.config)
        async with shown.app.run_test(size=(120, 24)) as pilot:
            await pilot.press("slash", *f"verdict:{verdict}", "enter", "A")
            assert why in shown.lines[-1]


def test_an_expiry_that_has_passed_or_is_no_day_is_refused() -> None:
    assert read_expiry("", NOW_US) is None
    assert str(read_expiry("2026-11-23", NOW_US)) == "2026-11-23"
    with pytest.raises(ValueError, match="has passed"):
        read_expiry("2026-11-22", NOW_US)
    with pytest.raises(ValueError, match="Write the last day"):
        read_expiry("soon", NOW_US)


def test_a_role_of_two_services_becomes_both(tmp_path: Path) -> None:
    path = tmp_path / "allowlist.local.toml"
    proposal = Proposal("a.example.com", None, 443, "api+jobs-runner")
    proposal.write(path, only_role=True, expires=None, reason="x", by="ana", now_us=NOW_US)
    (entry,) = written(tmp_path)
    assert entry["roles"] == ["api", "jobs-runner"]
    assert "expires" not in entry
