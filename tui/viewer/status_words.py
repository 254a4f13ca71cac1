"""What the status says: who records, what is seen, since when not. Pure; two lines at any width."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from tui.history.rows import Hole, Recording
from tui.model.alert import Alert, Urgency
from tui.model.times import MINUTE_US, ago, short_utc
from tui.viewer.picture import Picture
from tui.viewer.snapshot import Snapshot
from tui.viewer.words import UNICODE, Glyphs, clock, joined, plural, when

Part = tuple[str, str]
"""Style name and text."""


def recorder(snapshot: Snapshot, now_us: int) -> tuple[Part, tuple[Part, ...]]:
    """The host, and who records in fewer and fewer words."""
    recording, holder = snapshot.recording, snapshot.holder
    node = ("strong", recording.node if recording else "this host")
    if holder is None:
        run = recording.run if recording else None
        ended = (run.ended_us or run.seen_us) if run else None
        since = f" since {short_utc(ended, now_us)}" if ended else ""
        return node, (("banner", f" NOT RECORDING{since} "), ("banner", " NOT RECORDING "))
    if snapshot.silent_since_us is not None:
        since = short_utc(snapshot.silent_since_us, now_us)
        return node, (("banner", f" NOTHING WRITTEN since {since} "), ("banner", " NOTHING WRITTEN "))
    if holder.kind == "starting":
        return node, (("text", "recording starts"),)
    until = f" until {when(holder.until_us, now_us)}" if holder.until_us else ""
    by = {"service": "systemd", "foreground": f"collect by {holder.user}"}.get(holder.kind, f"detached{until}")
    lasts = ago(holder.since_us, now_us)
    rec = f"REC {'0 s' if lasts == 'now' else lasts}"
    return node, (("text", f"{rec} ({by})"), ("text", f"{rec} ({by.partition(' ')[0]})"), ("text", rec))


def moment(picture: Picture) -> Part:
    """What time the picture shows, and whether it moves."""
    if not picture.frozen:
        live = picture.snapshot.live and picture.snapshot.trouble is None
        return ("ok", f"LIVE {clock(picture.now_us)}") if live else ("quiet", f"now {clock(picture.now_us)}")
    return "frozen", f" FROZEN {clock(picture.now_us)}, {plural(picture.changes, 'change')} since "


def coverage(snapshot: Snapshot, now_us: int, room: int, glyphs: Glyphs = UNICODE) -> tuple[Part, ...]:
    """What is seen and what is not, the worst first; what has no room in these cells stands in the help."""
    if snapshot.trouble is not None:
        return (("alarm", snapshot.trouble),)
    recording = snapshot.recording
    if recording is None or recording.first_us is None:
        return (("alarm", "Nothing has been recorded yet."),)
    if snapshot.silent_since_us is not None and snapshot.holder is not None:
        return (("alarm", f"Process {snapshot.holder.pid} records, but hangs or cannot write: is the disk full?"),)
    if not snapshot.live:
        return (("alarm", "Nothing new is seen. To record: sudo retool-egress"),)
    parts: list[Part] = [_holes(snapshot.holes, recording, now_us)]
    seen = " + ".join(_SOURCES.get(source, source) for source in recording.sources)
    parts.append(("text", f"SEES {seen}") if seen else ("alarm", "SEES nothing yet"))
    order = parts if parts[0][0] == "alarm" else [parts[1], parts[0]]
    if recording.notes:
        room -= sum(len(text) + 3 for _, text in order)
        said = ("; ".join(recording.notes), "not everything (? tells)", "not all (see ?)", "not all: ?")
        order.append(("review", next((words for words in said if len(words) <= room), said[-1])))
    separator = ("quiet", f" {glyphs.separator} ")
    return tuple(piece for part in order for piece in (separator, part))[1:]


_SOURCES = {"sockets": "sockets", "names": "names"}


def _holes(holes: Sequence[Hole], recording: Recording, now_us: int) -> Part:
    sockets = [hole for hole in holes if hole.source == "sockets"]
    if not sockets:
        first_us = recording.first_us or now_us
        whole = "24 h" if now_us - first_us > 24 * 60 * MINUTE_US else ago(first_us, now_us)
        return "text", "no hole" if whole == "now" else f"no hole in {whole}"
    last = sockets[-1]
    if last.to_us >= now_us:
        return "alarm", f"NOTHING SEEN since {when(last.from_us, now_us)}"
    brief = last.to_us - last.from_us < 2 * MINUTE_US or when(last.to_us, now_us) == "now"
    tell = clock if brief else partial(when, now_us=now_us)
    span = f"{tell(last.from_us)}-{tell(last.to_us)}"
    return "review", f"hole {span}" if len(sockets) == 1 else f"{len(sockets)} holes in 24 h, last {span}"


def alert_counts(alerts: Sequence[Alert], *, short: bool = False) -> tuple[Part, ...]:
    """How many alerts are open, by urgency; the words are those of the panel's header."""
    urgencies = ((Urgency.ACT_NOW, "act now", "alarm"), (Urgency.TODAY, "today", "review"))
    found = [(style, word, sum(a.urgency is urgency for a in alerts)) for urgency, word, style in urgencies]
    found.append(("review", "review" if short else "to review", sum(a.urgency is Urgency.REVIEW for a in alerts)))
    return tuple((style, f"{number} {word}") for style, word, number in found if number)


def sentence(parts: Sequence[Part]) -> str:
    """The parts without their styles."""
    return joined(text for _, text in parts)
