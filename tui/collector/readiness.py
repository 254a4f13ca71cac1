"""What a collector started here and now would see, of everything that it uses. Opens no history and writes nothing."""

import os
import shlex
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tui.capture.diagnosis import Found, look_around
from tui.capture.kernel import check_wire
from tui.capture.reach import UNIT, Reach, read_reach
from tui.capture.remedies import Remedies
from tui.collector.log_checks import check_logs
from tui.config.errors import ConfigError
from tui.config.settings import Internal, Names, Proxy, Scope, Settings, Sockets
from tui.history.place import default_history, holder_of, refusal
from tui.model.diagnosis import Check, Diagnosis, Seen, What
from tui.model.person import user_name
from tui.model.text import clean


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks, and with which files."""

    history: Path
    settings: Callable[[], Settings]
    """Raises ConfigError if the configuration is wrong."""
    config: Path
    """Where that is read from."""
    environ: Mapping[str, str]
    program: str


def diagnose(asking: Asking) -> Diagnosis:
    """Find out all of it; takes about as long as one look."""
    settings, configuration = _configuration(asking)
    uid, user = os.geteuid(), user_name(os.geteuid())
    try:
        reach = read_reach()
        remedies = Remedies(asking.program, uid, user, "INVOCATION_ID" in asking.environ, reach)
        found = look_around(settings.sockets.source, remedies)
    except OSError as error:
        remedies = Remedies(asking.program, uid, user, False, Reach(frozenset(), False, False, None))
        why = f"nothing can be seen: {error}"
        found = Found("none", (Check(What.SOURCE, "", Seen.NO, clean(why), "mount -t proc proc /proc"),))
    wire = _wire(settings, remedies)
    logs = check_logs(settings.proxy.log, remedies, found.proxies)
    checks = (*found.checks, wire, _names(settings, wire), *logs, _history(asking, remedies), configuration)
    return Diagnosis(clean(socket.gethostname()), user, uid, found.source, checks, UNIT)


def _configuration(asking: Asking) -> tuple[Settings, Check]:
    path = str(asking.config)
    try:
        settings = asking.settings()
    except ConfigError as error:
        command = error.hint.removeprefix("Run: ")
        mended = command if command != error.hint else None
        why = f"{error}. {'' if mended else error.hint + ' '}Collect does not start; the rest here is by the defaults"
        defaults = Settings(asking.config, Sockets(), Names(), Scope(), Internal(), Proxy(), ())
        return defaults, Check(What.CONFIGURATION, path, Seen.NO, clean(why, 2000), mended)
    try:
        there = settings.path.exists()
    except OSError:
        there = False
    told = f"{path} is sound" if there else f"no {path}: the defaults count"
    return settings, Check(What.CONFIGURATION, path, Seen.YES, told)


def _wire(settings: Settings, remedies: Remedies) -> Check:
    left = "own look-ups and ranges only" if settings.names.forward else "ranges only"
    if settings.names.wire:
        return check_wire(remedies, left)
    return Check(
        What.WIRE, "", Seen.NO, f"switched off; what is left: {left}", "wire = true   # in [names] of config.toml"
    )


def _names(settings: Settings, wire: Check) -> Check:
    if settings.names.forward:
        others = "" if wire.seen is Seen.YES else "; others have an address alone"
        return Check(What.NAMES, "", Seen.YES, f"known and allowed names are looked up ahead of time{others}")
    left = "names come from packets alone" if wire.seen is Seen.YES else "nothing gives destinations a name"
    why = f"switched off: {left}"
    return Check(What.NAMES, "", Seen.NO, why, "forward = true   # in [names] of config.toml")


def _history(asking: Asking, remedies: Remedies) -> Check:
    path = asking.history
    where = clean(str(path), 1000)
    holder = holder_of(path)
    if holder is not None:
        told = f"process {holder.pid} ({holder.kind}, {holder.user}) records into {where} now"
        return Check(What.HISTORY, where, Seen.YES, clean(told, 1000))
    why = refusal(path)
    if why is None:
        return Check(What.HISTORY, where, Seen.YES, f"{where} may be written; nobody records now")
    remedy = f"{remedies.program} --history FILE   # with a FILE that you may write"
    if remedies.uid != 0:
        usual = path == default_history(dict(asking.environ))
        remedy = f"sudo {remedies.program}" + ("" if usual else f" --history {shlex.quote(where)}")
    return Check(What.HISTORY, where, Seen.NO, f"a record cannot be begun: {clean(why, 1000)}", remedy)
