"""What an alert says where there is one line for it; the detail has the whole sentence. Pure."""

from __future__ import annotations

import re

from tui.model.alert import Alert, AlertKind
from tui.viewer.concerns import is_burst
from tui.viewer.words import Glyphs

_BLOCKED = re.compile(r"(?P<what>.+?) (?:is|are) being blocked: (?P<how>.+?)(?P<rest>, \d+ attempts? .*)?")
_ADDRESS = re.compile(r" \([0-9a-f:.]+\)")
_LAST_DAY = " in the last 24 h and got "


def short_summary(alert: Alert) -> str:
    """The words that tell most, first; the age stands beside them."""
    match alert.kind:
        case AlertKind.OFF_ALLOWLIST if is_burst(alert):
            return alert.summary.partition(";")[0].replace(", none on the allowlist", ", none on the list")
        case AlertKind.OFF_ALLOWLIST:
            return _off_list(alert)
        case AlertKind.BLOCKED:
            return _blocked(alert)
        case AlertKind.UPLOAD:
            return alert.summary.partition(";")[0].replace(_LAST_DAY, ", got ")
        case AlertKind.METADATA:
            return alert.summary.partition(", which ")[0]
        case AlertKind.OVERDUE | AlertKind.COVERAGE:
            return alert.summary


def sign(alert: Alert, glyphs: Glyphs) -> str:
    """The sign before an alert's words."""
    if alert.kind in (AlertKind.OFF_ALLOWLIST, AlertKind.UPLOAD, AlertKind.METADATA):
        return glyphs.off_list
    return glyphs.failing


def _off_list(alert: Alert) -> str:
    _, semicolon, why = alert.summary.partition("; ")
    name = alert.destination or ""
    place = f"[{name}]" if ":" in name else name
    who = alert.role or alert.summary.partition(" connects to ")[0]
    brief = why.replace("this public address", "it")
    return f"{who} to {place}:{alert.port or '?'} off list{semicolon}{brief}"


def _blocked(alert: Alert) -> str:
    found = _BLOCKED.fullmatch(alert.summary)
    if found is None:
        return alert.summary
    how = _ADDRESS.sub("", found["how"]).replace(f":{alert.port}", "", 1) if alert.port == 443 else found["how"]
    times = f", {alert.count} in a row" if alert.count > 1 else ""
    change = (found["rest"] or "").partition("; ")[2]
    return f"{found['what']}: {how}{times}" + (f"; {change}" if change else "")
