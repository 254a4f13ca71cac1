"""What an alert says where there is one line for it; the detail has the whole sentence. Pure."""

from __future__ import annotations

import re

from tui.model.alert import Alert, AlertKind, is_proxy_down
from tui.model.connection import Endpoint
from tui.viewer.concerns import is_burst, is_unresolved
from tui.viewer.words import Glyphs

_BLOCKED = re.compile(r"(?P<what>.+?) (?:is|are) being blocked: (?P<how>.+?)(?P<rest>, \d+ attempts? .*)?")
_ADDRESS = re.compile(r" \([0-9a-f:.]+\)")
_CODE = re.compile(r"\(the [^()]*\((?P<code>[A-Z]+)\)\)")
"""Why a name does not resolve, with the word that a resolver has for it (RFC 1035 §4.1.1)."""
_UNCONFIRMED = re.compile(
    r".+ connects to (?P<there>\S+) \(.*; it is named (?P<host>\S+), which could not be confirmed.*"
)
_CLAIMED = re.compile(
    r"(?P<who>.+) claims (?P<host>\S+)(?: \([^()]+\))? on (?P<there>\S+), an address that this name was never known.*"
)
_PROXY_DOWN = re.compile(r"(?P<how>proxy .+), (?:\d+ attempts in a row since|1 attempt, at) [^;]*(?P<rest>; .*)?")
_DIRECT = re.compile(
    r"(?P<did>.+ (?:directly|open directly, it seems, before recording began)), although (?P<why>[^;]*)"
)
_WHAT_GOES_OUT = (
    AlertKind.OFF_ALLOWLIST, AlertKind.UPLOAD, AlertKind.NAME_MISMATCH, AlertKind.METADATA, AlertKind.BYPASS,
)  # fmt: skip
_LAST_DAY = " in the last 24 h and got "


def short_summary(alert: Alert, ip: str | None = None) -> str:
    """The words that tell most, first; the age stands beside them. ``ip`` stands in the place of the name."""
    match alert.kind:
        case AlertKind.OFF_ALLOWLIST if is_burst(alert):
            return alert.summary.partition(";")[0].replace(", none on the allowlist", ", none on the list")
        case AlertKind.OFF_ALLOWLIST:
            return _off_list(alert, ip)
        case AlertKind.BLOCKED if is_unresolved(alert):
            return _blocked(alert, None)
        case AlertKind.BLOCKED if is_proxy_down(alert):
            times = f", {alert.count} in a row" if alert.count > 1 else ""
            return _PROXY_DOWN.sub(rf"\g<how>{times}\g<rest>", alert.summary)
        case AlertKind.BLOCKED:
            return _blocked(alert, ip)
        case AlertKind.BYPASS:
            return _at(_direct(alert), alert, ip)
        case AlertKind.UPLOAD:
            return _at(alert.summary.partition(";")[0].replace(_LAST_DAY, ", got "), alert, ip)
        case AlertKind.METADATA:
            return alert.summary.partition(", which ")[0]
        case AlertKind.NAME_MISMATCH:
            return _CLAIMED.sub(r"mismatch: \g<who> claims \g<host> on \g<there>", alert.summary)
        case AlertKind.OVERDUE | AlertKind.COVERAGE:
            return alert.summary


def sign(alert: Alert, glyphs: Glyphs) -> str:
    """The sign before an alert's words."""
    if alert.kind in _WHAT_GOES_OUT:
        return glyphs.off_list
    return glyphs.failing


def _at(said: str, alert: Alert, ip: str | None) -> str:
    """With the address where the words name the destination."""
    if ip is None or alert.destination is None or alert.port is None:
        return said
    return said.replace(str(Endpoint(alert.destination, alert.port)), str(Endpoint(ip, alert.port)))


def _direct(alert: Alert) -> str:
    """What was done, and past which proxy."""
    found = _DIRECT.match(alert.summary)
    if found is None:
        return alert.summary
    _, names, proxy = found["why"].partition(" names ")
    return f"{found['did']}, not through {proxy if names else 'a proxy'}"


def _off_list(alert: Alert, ip: str | None) -> str:
    _, semicolon, why = alert.summary.partition("; ")
    who = alert.role or alert.summary.partition(" connects to ")[0]
    unconfirmed = _UNCONFIRMED.fullmatch(alert.summary)
    if unconfirmed is not None:
        return f"{who} to {unconfirmed['there']} off list; named {unconfirmed['host']}, not confirmed"
    name = ip or alert.destination or ""
    place = f"[{name}]" if ":" in name else name
    brief = why.replace("this public address", "it")
    return f"{who} to {place}:{alert.port or '?'} off list{semicolon}{brief}"


def _blocked(alert: Alert, ip: str | None) -> str:
    found = _BLOCKED.fullmatch(alert.summary)
    if found is None:
        return alert.summary
    how = _at(_CODE.sub(r"(\g<code>)", _ADDRESS.sub("", found["how"])), alert, ip)
    how = how.replace(f":{alert.port}", "", 1) if alert.port == 443 else how
    times = f", {alert.count} in a row" if alert.count > 1 else ""
    change = (found["rest"] or "").partition("; ")[2]
    return f"{found['what']}: {how}{times}" + (f"; {change}" if change else "")
