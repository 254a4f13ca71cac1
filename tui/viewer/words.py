"""Numbers, times and states as the few characters that a table has room for. Pure; reads no clock and no history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.cells import cell_len, set_cell_size

from tui.model.connection import Outcome, Verdict
from tui.model.size import size_text
from tui.model.text import clean
from tui.model.times import DAY_US, NOW_US

UNKNOWN = "—"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The signs beside the words; a word always says the same."""

    ok: str = "●"
    failing: str = "✕"
    off_list: str = "!"
    review: str = "?"
    unseen: str = "○"
    waiting: str = "…"
    levels: str = "▁▂▃▄▅▆▇█"
    none: str = "·"
    cursor: str = ">"
    new: str = "+"
    separator: str = "·"
    dash: str = UNKNOWN
    cut: str = "…"
    down: str = "▾"


UNICODE = Glyphs()
ASCII = Glyphs("*", "x", "!", "?", "o", "~", "12345678", ".", ">", "+", "-", "-", "~", "v")


def plain(text: str, glyphs: Glyphs) -> str:
    """The text as this terminal can show it: without UTF-8, what is not ASCII becomes its nearest sign or `?`."""
    if glyphs is UNICODE or text.isascii():
        return text
    known = text.translate({ord("—"): "-", ord("–"): "-", ord("·"): "-", ord("…"): "~", ord("→"): ">", ord("✕"): "x"})
    return known.encode("ascii", "replace").decode()


def fit(text: str, width: int, glyphs: Glyphs = UNICODE) -> str:
    """The text in exactly so many cells: padded, or cut with a sign that it was."""
    if width <= 0:
        return ""
    safe = plain(clean(text, 4096) if text else "", glyphs)
    if cell_len(safe) <= width:
        return safe + " " * (width - cell_len(safe))
    return set_cell_size(set_cell_size(safe, width - 1).rstrip() + glyphs.cut, width)


def fit_middle(name: str, port: int, width: int, glyphs: Glyphs = UNICODE) -> str:
    """`name:port` in so many cells; a long name loses its middle, so that the domain and the port stay."""
    shown, tail = plain(clean(name, 4096), glyphs), f":{port}"
    if ":" in shown and shown.replace(":", "").isalnum():
        shown = f"[{shown}]"
    room = width - len(tail)
    if cell_len(shown) > room and cell_len(shown) == len(shown) and room > 8:
        keep = room - 1
        head = keep // 3
        shown = shown[:head] + glyphs.cut + shown[len(shown) - (keep - head) :]
    return fit(shown + tail, width, glyphs)


def size(count: int | None, glyphs: Glyphs = UNICODE) -> str:
    """Bytes in decimal units and three digits at most: `512 B`, `2.1 kB`, `48.2 MB`; a dash where not known."""
    return glyphs.dash if count is None else size_text(count)


def count(number: int) -> str:
    """A count in five characters at most: `612`, `99999`, `120k`, `1.2M`."""
    if number < 100_000:
        return str(number)
    if number < 1_000_000:
        return f"{number // 1000}k"
    return f"{number // 1_000_000}M" if number >= 10_000_000 else f"{number // 100_000 / 10}M"


def when(us: int, now_us: int) -> str:
    """When, in six characters: `now`, `03:11Z` within a day, then `19 Nov`, then the year. UTC."""
    if abs(now_us - us) < NOW_US:
        return "now"
    moment = datetime.fromtimestamp(us / 1_000_000, UTC)
    if abs(now_us - us) < DAY_US:
        return f"{moment:%H:%M}Z"
    if moment.year != datetime.fromtimestamp(now_us / 1_000_000, UTC).year:
        return str(moment.year)
    return f"{moment.day} {_MONTHS[moment.month - 1]}"


def clock(us: int) -> str:
    """The time of day, UTC: `03:12:44Z`."""
    return f"{datetime.fromtimestamp(us // 1_000_000, UTC):%H:%M:%S}Z"


def spark(counts: Sequence[int | None], glyphs: Glyphs = UNICODE) -> str:
    """One character a step, the highest step full; none opened is a dot, not recorded (None) is a blank."""
    highest = max((c for c in counts if c), default=0)
    steps = len(glyphs.levels)
    return "".join(
        " " if c is None else glyphs.none if c <= 0 else glyphs.levels[min(steps - 1, (c * steps - 1) // highest)]
        for c in counts
    )


HOW: Mapping[Outcome, str] = {
    Outcome.REFUSED: "refused",
    Outcome.TIMED_OUT: "no answer",
    Outcome.UNANSWERED: "no answer",
    Outcome.UNREACHABLE: "unreachable",
    Outcome.NO_REPLY: "no reply",
    Outcome.RESET: "cut off",
    Outcome.DENIED: "denied",
    Outcome.FAILED: "failed",
}
"""How an attempt failed, in the operator's words; one that hangs has no answer either."""
_BRIEF = {Outcome.UNREACHABLE: "no route"}
STATE_WIDTH = 11


def how(failures: Sequence[tuple[Outcome, int]]) -> str:
    """How the latest attempt failed."""
    return HOW.get(failures[0][0], failures[0][0].value) if failures else "failing"


def counted(failures: Sequence[tuple[Outcome, int]]) -> str:
    """`4 refused, 2 no answer, 1 hangs now`; those that hang are told apart, since they may yet be answered."""
    words = {
        Outcome.UNANSWERED: "hanging now",
        Outcome.DENIED: "denied by the proxy",
        Outcome.FAILED: "failed at the proxy",
    }
    return ", ".join(f"{number} {words.get(each) or HOW.get(each, each.value)}" for each, number in failures)


def verdict_words(
    verdict: Verdict,
    *,
    failures: Sequence[tuple[Outcome, int]] | None = None,
    loud: bool,
    false: bool = False,
    unresolved: bool = False,
    direct: bool = False,
    glyphs: Glyphs = UNICODE,
) -> tuple[str, str]:
    """The style's name and the words of a destination's state, sign first; ``failures`` None: it is reached.

    ``false``: its name is one that the address never had; ``unresolved``: its name does not resolve now; ``direct``: it
    is reached past a proxy.
    """
    match verdict:
        case Verdict.OFF_ALLOWLIST if false:
            return "alarm", f"{glyphs.off_list} mismatch"
        case Verdict.OFF_ALLOWLIST:
            return ("alarm", f"{glyphs.off_list} off list") if loud else ("review", f"{glyphs.review} off list")
        case Verdict.ALLOWED if unresolved:
            return "alarm", f"{glyphs.failing} no DNS"
        case Verdict.ALLOWED if failures is not None:
            brief = _BRIEF.get(failures[0][0]) if failures else None
            return "alarm", f"{glyphs.failing} {brief or how(failures)}"
        case Verdict.ALLOWED if loud:
            return "alarm", f"{glyphs.off_list} upload"
        case Verdict.ALLOWED if direct:
            return "review", f"{glyphs.off_list} direct"
        case Verdict.ALLOWED:
            return "ok", f"{glyphs.ok} allowed"
        case Verdict.INTERNAL:
            return "quiet", f"{glyphs.unseen} internal"
        case Verdict.NOT_JUDGED:
            return "quiet", f"{glyphs.unseen} unjudged"
        case Verdict.PENDING:
            return "quiet", f"{glyphs.waiting} pending"


def plural(number: int, one: str, many: str = "") -> str:
    """`1 change`, `14 changes`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def joined(parts: Iterable[str], glyphs: Glyphs = UNICODE) -> str:
    """The parts that are not empty, with a dot between them."""
    return f" {glyphs.separator} ".join(part for part in parts if part)
