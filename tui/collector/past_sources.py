"""Which files an import is to read, and in which order: those that cannot be read are found before anything is."""

import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tui.collector.past_logs import PATH_MAX, Family, PastLog
from tui.model.text import clean
from tui.proxylog.format import Format
from tui.proxylog.siblings import log_of
from tui.proxylog.unreadable import why

STDIN = "-"


class Unusable(NamedTuple):
    """A log that cannot be read."""

    what: str
    next_step: str


class Sources(NamedTuple):
    """What is to be read."""

    families: tuple[Family, ...]
    size: int | None
    """Bytes of all files; None where nobody can know."""
    unusable: tuple[Unusable, ...]


class _File(NamedTuple):
    path: Path
    log: Path
    """That it was rotated from, by its name."""
    status: os.stat_result


def sources_of(
    words: Sequence[str], now_us: int, formats: tuple[Format, ...], followed: Mapping[str, tuple[Format, ...]]
) -> Sources:
    """The logs that an operator named.

    :param words: paths, or ``-`` for standard input
    :param formats: of every log that is not among those ``followed``, by path
    """
    files, unusable = list[_File](), list[Unusable]()
    for word in dict.fromkeys(words):
        if word != STDIN:
            path = Path(os.path.abspath(word))
            found = _look(path)
            if isinstance(found, Unusable):
                unusable.append(found)
            elif not any(os.path.samestat(found, file.status) for file in files):
                files.append(_File(path, path.with_name(log_of(path.name)), found))
    families = list[Family]()
    for log in dict.fromkeys(file.log for file in files):
        known = str(log) in followed
        old_first = sorted((file for file in files if file.log == log), key=lambda file: file.status.st_mtime_ns)
        logs = [_past(file, log if known or log.exists() else file.path, now_us) for file in old_first]
        families.append(Family(tuple(logs), followed.get(str(log), formats)))
    if STDIN in words:
        families.append(Family((PastLog("-", STDIN, now_us),), formats))
    is_known = STDIN not in words and all(stat.S_ISREG(file.status.st_mode) for file in files)
    return Sources(tuple(families), _size(files) if is_known else None, tuple(unusable))


def _look(path: Path) -> os.stat_result | Unusable:
    name = clean(str(path), PATH_MAX)
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            return Unusable(f"{name} is a folder", f"Name the logs in it: {name}/access.log*")
        if stat.S_ISREG(status.st_mode):
            path.open("rb").close()
    except FileNotFoundError:
        return Unusable(f"{name} does not exist", f"See what is there: ls -l {clean(str(path.parent), PATH_MAX)}")
    except OSError as error:
        reason = clean(why(os.fsencode(path), error), 400)
        return Unusable(f"{name} cannot be read: {reason}", "Or import it as root, with sudo.")
    return status


def _past(file: _File, log: Path, now_us: int) -> PastLog:
    is_file = stat.S_ISREG(file.status.st_mode)
    return PastLog(file.path, clean(str(log), PATH_MAX), file.status.st_mtime_ns // 1000 if is_file else now_us)


def _size(files: Iterable[_File]) -> int:
    return sum(file.status.st_size for file in files)
