"""What may be wrapped around a line on its way into a file: syslog's prefixes, and containers' logs. Pure."""

import re
from typing import Literal, NamedTuple

import msgspec

from tui.proxylog.format import LINE_MAX

REPEATS_MAX = 1_000
"""So often a line counts at the most that syslog has told as repeated."""

_TIME = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)"
_SPACES = rb" ?(?: (?![ <]))?"
"""Between a prefix and its text: one, and one more where rsyslog has made RFC 5424 of RFC 3164. The others are the
text's: mitmdump indents its answers, which begin with ``<<``."""
_TAG = rb"[\x21-\x39\x3b-\x5a\x5c\x5e-\x7e]{1,128}?(?:\[\d{1,10}\])?:"
"""Program and process: ``haproxy[4542]:``, ``(squid-1)[77]:``."""
_TRADITIONAL = re.compile(
    rb"(?:<\d{1,3}>)?(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|"
    + _TIME
    + rb") (?:[\x21-\x7e]{0,254}[\x21-\x39\x3b-\x7e] )?"
    + _TAG
    + _SPACES
)
"""RFC 3164 §4.1, and as rsyslog writes it with the time of RFC 3339. nginx can leave its host out."""
_STRUCTURED = re.compile(
    rb"(?:<\d{1,3}>)?1 (?:"
    + _TIME
    + rb'|-) \S{1,255} \S{1,128} \S{1,128} \S{1,32} (?:-|(?:\[(?:[^"\]]|"(?:\\.|[^"\\])*")*+\])++)(?: \xef\xbb\xbf|'
    + _SPACES
    + b")"
)
"""RFC 5424 §6."""
_REPEATED = re.compile(rb"message repeated (\d{1,9}) times: \[ ?(.*)\]", re.DOTALL)
_CRI = re.compile(rb"(?:" + _TIME + rb") (stdout|stderr) ([FP])(?::\S*)? ")


class Message(NamedTuple):
    """What a prefix of syslog stands before."""

    text: bytes
    times: int
    """How often it came: several where syslog has put messages that are alike into one line."""


class Part(NamedTuple):
    """What a line of a container's log holds: a line, or a part of one."""

    text: bytes
    is_whole: bool
    """False if another part follows."""
    stream: str
    """``stdout`` or ``stderr``, whose lines come between each other."""


class _Docker(msgspec.Struct):
    """A line of Docker's json-file driver."""

    log: str
    stream: Literal["stdout", "stderr"]
    time: str


_docker = msgspec.json.Decoder(_Docker)


def message_of(line: bytes) -> Message | None:
    """What follows a prefix of syslog; None if there is no prefix."""
    prefix = _TRADITIONAL.match(line) or _STRUCTURED.match(line)
    if prefix is None:
        return None
    text = line[prefix.end() :]
    repeated = _REPEATED.fullmatch(text) if text.startswith(b"message repeated ") else None
    if repeated is not None:
        return Message(repeated[2], min(int(repeated[1]), REPEATS_MAX))
    return Message(text, 1)


def part_of(line: bytes) -> Part | None:
    """What Docker or another container runtime has wrapped; None if it was none of them."""
    if line.startswith(b'{"log":'):
        return _docker_part(line)
    prefix = _CRI.match(line) if line[4:5] == b"-" else None
    return None if prefix is None else Part(line[prefix.end() :], prefix[2] == b"F", prefix[1].decode())


def _docker_part(line: bytes) -> Part | None:
    """The json-file driver ends a line with a line feed, and a part without."""
    try:
        entry = _docker.decode(line)
        text = entry.log.encode("utf-8", "surrogatepass")
    except (msgspec.DecodeError, UnicodeError):
        return None
    return Part(text.removesuffix(b"\n"), text.endswith(b"\n"), entry.stream)


class Joiner:
    """Puts together the lines that a container's runtime has split."""

    def __init__(self, begun: dict[str, bytes]) -> None:
        """``begun`` is what another one had of lines that were not whole yet, by stream."""
        self.begun = begun

    def join(self, part: Part) -> bytes | None:
        """The line that this part ends, cut at ``LINE_MAX``; None if its end is yet to come."""
        text = self.begun.pop(part.stream, b"") + part.text
        if part.is_whole:
            return text[:LINE_MAX]
        self.begun[part.stream] = text[:LINE_MAX]
        return None
