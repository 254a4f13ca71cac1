"""Whether the logs of proxies could be followed here and now, and what they tell. Reads no more than their ends."""

import os
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tui.capture.remedies import Remedies
from tui.config.settings import ProxyLog
from tui.model.diagnosis import Check, Seen, What
from tui.model.proxy_variables import Place
from tui.model.text import clean
from tui.model.times import host_zone
from tui.proxylog.advice import PORT_IN, advice_for
from tui.proxylog.catalogue import AUTO, formats_for
from tui.proxylog.format import Clock, Format
from tui.proxylog.glance import Glance, glance
from tui.proxylog.unreadable import refusal

USUAL = (
    "/var/log/squid/access.log", "/var/log/tinyproxy/tinyproxy.log", "/var/log/tinyproxy.log",
    "/var/log/smokescreen.log", "/var/log/envoy/access.log", "/var/log/haproxy.log", "/var/log/nginx/access.log",
)  # fmt: skip
"""Where proxies log as they are packaged, or as their documentation has it."""
_PATH_MAX = 1_000
_AUTO = 'format = "auto"   # for this path in [[proxy.log]] of config.toml'
_OWN_WORDS = 'format = "PROXY: ITS FORMAT"   # for this path in [[proxy.log]] of config.toml, in the words of the proxy'


def check_logs(
    logs: Sequence[ProxyLog], remedies: Remedies, proxies: Mapping[Place, tuple[str, ...]], usual: Sequence[str] = USUAL
) -> Iterator[Check]:
    """A check or two of each log that is configured; without any, one of each proxy whose log could be.

    :param proxies: those on this host that environments name, with the roles
    """
    for log in logs:
        yield from _check(log, remedies)
    if logs:
        return
    there = next((path for path in usual if os.path.exists(path)), None)
    for place, roles in proxies.items():
        who = f"{', '.join(roles)} {'goes' if len(roles) == 1 else 'go'} through this proxy, which is on this host"
        seen = f", perhaps {there}" if there is not None else ""
        why = f"{who}: follow its log{seen}, as it may name what cannot be seen otherwise, and says what it denies"
        path = there or "/PATH/OF/ITS/access.log"
        remedy = f'log = [{{ path = "{path}" }}]   # in [proxy] of config.toml'
        yield Check(What.PROXY_LOG, clean(str(place)), Seen.PARTLY, clean(why, _PATH_MAX), remedy)


def _check(log: ProxyLog, remedies: Remedies) -> Iterator[Check]:
    where = clean(log.path, _PATH_MAX)
    path = os.fsencode(os.path.abspath(Path(log.path)))
    try:
        formats = formats_for(log.format)
    except ValueError as error:
        yield Check(What.PROXY_LOG, where, Seen.NO, clean(f"`format`: {error}. Collect does not start", 2_000), _AUTO)
        return
    try:
        found = glance(path, formats, Clock(time.time_ns() // 1000, host_zone()))
    except (FileNotFoundError, NotADirectoryError):
        yield _missing(where, path)
    except OSError as error:
        yield _refused(where, path, error, remedies)
    else:
        yield _named(where, log.format, formats, found)
        if found.requests and not found.lacks:
            yield _detailed(where, log.format, found)


def _missing(where: str, path: bytes) -> Check:
    directory = os.path.dirname(path)
    there = os.path.isdir(directory)
    shown = clean(os.fsdecode(directory), _PATH_MAX)
    why = "there is no such file yet; collect waits for it" if there else f"there is no {shown}; collect waits for it"
    look = shlex.quote(shown) if there else "/var/log"
    return Check(What.PROXY_LOG, where, Seen.NO, why, f"ls -l {look}   # is it there under another name?")


def _refused(where: str, path: bytes, error: OSError, remedies: Remedies) -> Check:
    refused = refusal(path, error)
    remedy = None
    if refused.group is not None and remedies.is_service:
        remedy = f"SupplementaryGroups={refused.group}   # in the [Service] part of the unit"
    elif refused.group is not None and remedies.uid != 0:
        remedy = f"sudo usermod -aG {shlex.quote(refused.group)} {remedies.user}   # then log in again"
    elif isinstance(error, PermissionError) and remedies.uid != 0:
        remedy = f"sudo {remedies.program}"
    return Check(What.PROXY_LOG, where, Seen.NO, f"unreadable: {clean(refused.reason, _PATH_MAX)}", remedy)


def _named(where: str, word: str, formats: Sequence[Format], found: Glance) -> Check:
    """Whether it can be read, and names destinations."""
    if found.is_packed:
        why = "it is an archive, to which no proxy writes; name the file that its proxy writes to"
        return Check(What.PROXY_LOG, where, Seen.NO, why)
    if not found.lines:
        only = formats[0] if len(formats) == 1 else None
        if only is None:
            return Check(What.PROXY_LOG, where, Seen.PARTLY, "it has no line yet, so its format is not known")
        if only.lacks:
            return _nameless(where, only.name, only.lacks, found)
        return Check(What.PROXY_LOG, where, Seen.YES, f"it may be read and has no line yet; {only.name}")
    last = f"the last of them: {found.last_unparsed}"
    if found.unparsed == found.lines:
        whose = "a format that is known" if word == AUTO else "the format that is given for it"
        why = f"none of its last {found.lines} lines is in {whose}; {last}"
        return Check(What.PROXY_LOG, where, Seen.NO, why, _OWN_WORDS if word == AUTO else _AUTO)
    names = " and ".join(each.name for each in found.formats)
    if found.lacks:
        return _nameless(where, found.formats[0].name, found.lacks, found)
    told = f"it may be read; {names}, which names destinations"
    if not found.unparsed:
        return Check(What.PROXY_LOG, where, Seen.YES, told)
    many = found.unparsed * 2 > found.lines
    told += f"; {found.unparsed} of its last {found.lines} lines are in no known format, {last}"
    return Check(What.PROXY_LOG, where, Seen.PARTLY if many else Seen.YES, told, _OWN_WORDS if many else None)


def _nameless(where: str, format: str, lacks: str, found: Glance) -> Check:
    advice = advice_for(format, is_bumped=found.is_bumped)
    why = f"{format}: this log cannot name destinations: {lacks}"
    return Check(What.PROXY_LOG, where, Seen.NO, why, advice.lines if advice is not None else None)


def _detailed(where: str, word: str, found: Glance) -> Check:
    """Whether its lines have the client with its port, and what else they should have."""
    format = found.formats[0].name
    is_blind = found.is_bumped and "ssl::bump_mode" not in word
    missing = list[str]()
    if not found.has_client:
        missing.append("they do not name the client, so that nobody knows whose they are")
    elif not found.has_port:
        missing.append(
            "they lack the client's port: which socket asked is told by time alone, and several that fit are a set"
        )
    if is_blind:
        missing.append(
            "Squid looks into TLS, and without %ssl::bump_mode what it denies looks like a tunnel for up to 5 s"
        )
    if not missing:
        return Check(What.PROXY_LINES, where, Seen.YES, "its lines have the client with its port")
    advice = advice_for(format, is_bumped=found.is_bumped)
    if advice is None:
        missing.append(f"write {PORT_IN[format]}" if format in PORT_IN else f"no format of {format} has it")
    remedy = advice.lines if advice is not None else None
    return Check(What.PROXY_LINES, where, Seen.PARTLY, "; ".join(missing), remedy)
