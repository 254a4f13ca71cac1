"""What whoever trusts the record of a log must know about it, in sentences."""

import os
from typing import Literal, NamedTuple

from tui.proxylog.followed import Followed
from tui.proxylog.format import RAW_MAX
from tui.proxylog.identity import Mark

Kind = Literal["truncated", "gone", "deleted", "long lines", "hole", "unfinished line", "cut archive", "unlistable"]


class Notice(NamedTuple):
    """Something that happened to a log."""

    kind: Kind
    text: str
    """A sentence; file names in it are as they came, and must be cleaned."""
    lost_bytes: int | None = 0
    """Bytes known to have been written that are in no line, or not as whole lines; None if nobody can know."""


def truncated(mark: Mark, waited: int, unseen_s: float, has_copy: bool) -> Notice:
    """A file was cut or written anew.

    :param waited: bytes that were seen in it and not read
    :param unseen_s: how long before that it was last looked at
    """
    if has_copy:
        where = "a copy of it is read on; only what was written between copying and cutting is lost"
    else:
        where = f"{waited} bytes that were seen are lost, and what was written in the {unseen_s:.1f} s before may be"
    return Notice("truncated", f"truncated at offset {mark.offset}: {where}", 0 if has_copy else waited or None)


def gone(mark: Mark) -> Notice:
    """A file could not be found again after a restart, nor a copy of it."""
    text = f"the file that was read up to offset {mark.offset} is gone: what was written to it later is lost"
    return Notice("gone", text, None)


def unlistable(reason: str) -> Notice:
    """The directory cannot be listed."""
    return Notice("unlistable", f"rotated files cannot be found: {reason}", None)


def deleted(followed: Followed) -> Notice:
    """A file that has no name any more grows."""
    return Notice("deleted", f"{_name(followed)} is deleted and its writer still writes: have it reopen its log")


def ended(followed: Followed, unfinished: int) -> list[Notice]:
    """A file is given up that may not be whole.

    :param unfinished: bytes of its last line, which has no end
    """
    notices = []
    if unfinished:
        text = f"{_name(followed)} ends in a line of {unfinished} bytes that was never finished"
        notices.append(Notice("unfinished line", text, unfinished))
    if fault := followed.fault():
        text = f"{_name(followed)} is cut or damaged ({fault}): read to {followed.position} bytes of text"
        notices.append(Notice("cut archive", text, None))
    return notices


def of_lines(followed: Followed) -> list[Notice]:
    """What was left out of the lines that were read since the last time."""
    lines, notices = followed.lines, []
    if lines.cut_lines:
        text = f"{lines.cut_lines} lines are longer than {RAW_MAX} bytes: {lines.cut_bytes} bytes were not kept"
        notices.append(Notice("long lines", text, lines.cut_bytes))
    if lines.nuls:
        text = (
            f"passed over {lines.nuls} NUL bytes in {_name(followed)}: a writer that does not append, after truncation"
        )
        notices.append(Notice("hole", text))
    lines.cut_lines = lines.cut_bytes = lines.nuls = 0
    return notices


def _name(followed: Followed) -> str:
    return os.path.basename(followed.opened.path).decode("utf-8", "replace")
