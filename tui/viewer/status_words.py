"""What the status says: who records, what is seen, since when not. Pure; two lines at any width."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from tui.history.changes import changes
from tui.history.rows import Hole, Recording
from tui.model.alert import Alert, Urgency
from tui.model.times import DAY_US, HOUR_US, MINUTE_US, SECOND_US, ago, short_utc
from tui.output.holes import names_of
from tui.output.sight import sight
from tui.viewer.log_words import log_words
from tui.viewer.picture import Picture
from tui.viewer.seen import unseen_now, whole
from tui.viewer.sight_words import sight_words, span_words
from tui.viewer.snapshot import Snapshot
from tui.viewer.words import UNICODE, Glyphs, clock, joined, plural, when

Part = tuple[str, str]
"""Style name and text."""
Said = tuple[str, tuple[str, ...]]
"""Style name, and the same in fewer and fewer words."""


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
    holes, seen = _holes(snapshot, recording, now_us), _seen(snapshot, recording)
    said = [holes, seen] if holes[0] == "alarm" else [seen, holes]
    named = sight_words(snapshot, now_us)
    if named is not None:
        said.insert(said.index(seen) + 1, named)
    logged = log_words(snapshot, now_us)
    if logged is not None:
        said.insert(said.index(named or seen) + 1, logged)
    if recording.notes:
        notes = ("; ".join(recording.notes), "not everything (? tells)", "not all (see ?)", "not all: ?")
        said.append(("review", notes))
    spare = [each for each in (logged, named) if each is not None and each[0] == "text"]
    separator = ("quiet", f" {glyphs.separator} ")
    shown = fitting(said, [*spare, *said[-1:]] if recording.notes else spare, room)
    return tuple(piece for part in shown for piece in (separator, part))[1:]


def fitting(said: Sequence[Said], spare: Sequence[Said], room: int) -> list[Part]:
    """In as many words as there is room for, those that stand first before the others; where even the fewest of all
    have none, without as few of those that can be spared as need be, the first of them sooner."""
    without = [left_out for number in range(len(spare) + 1) for left_out in combinations(spare, number)]
    kept = [[each for each in said if each not in left_out] for left_out in without]
    fits = next((each for each in kept if _least(each) <= room), kept[-1])
    room -= _least(fits)
    parts = list[Part]()
    for style, variants in fits:
        words = next(each for each in variants if len(each) <= len(variants[-1]) + max(0, room))
        room -= len(words) - len(variants[-1])
        parts.append((style, words))
    return parts


def _least(said: Sequence[Said]) -> int:
    return sum(len(variants[-1]) for _, variants in said) + 3 * (len(said) - 1)


def _seen(snapshot: Snapshot, recording: Recording) -> Said:
    """`SEES 6 of 6 containers, host`; where no containers are known, only that something is seen."""
    found = sight(snapshot.workloads, snapshot.watched)
    if not found.containers and found.host is None:
        return ("text", ("SEES sockets",)) if "sockets" in recording.sources else ("alarm", ("SEES nothing yet",))
    rest = f" (not {found.unseen[0]})" if len(found.unseen) == 1 else ""
    rest += ", host" if found.host else ", not the host" if found.host is False else ""
    style = "review" if found.unseen or found.host is False else "text"
    if not found.containers:
        return style, (f"SEES no container{rest}",)
    whole = (plural(found.containers, "container"), str(found.containers))
    return style, tuple(f"SEES {found.seen} of {each}{rest}" for each in whole)


def _holes(snapshot: Snapshot, recording: Recording, now_us: int) -> Said:
    sockets = snapshot.holes
    blind = [hole for hole in whole(sockets) if hole.to_us >= now_us]
    if blind:
        return "alarm", (f"NOTHING SEEN since {when(blind[-1].from_us, now_us)}",)
    unseen = unseen_now(snapshot)
    if unseen:
        who = unseen[0] if len(unseen) == 1 else f"{len(unseen)} namespaces"
        since = min(hole.from_us for hole in sockets if hole.namespaces and hole.to_us >= snapshot.at_us - 1)
        return "alarm", (f"{who} NOT SEEN since {when(since, now_us)}",)
    if not sockets:
        first_us = recording.first_us or now_us
        length = "24 h" if now_us - first_us > 24 * 60 * MINUTE_US else ago(first_us, now_us)
        return "text", ("no hole" if length == "now" else f"no hole in {length}",)
    return "review", (", ".join(_told(sockets, snapshot, now_us)),)


def _told(holes: Sequence[Hole], snapshot: Snapshot, now_us: int) -> list[str]:
    """The latest hole with how many there are, then the events that were lost."""
    names, told = names_of(snapshot.workloads), list[str]()
    gaps = [hole for hole in holes if hole.lost is None]
    if gaps:
        last = max(gaps, key=lambda hole: hole.to_us)
        words = span_words(last, names, now_us)
        told.append(f"hole {words}" if len(gaps) == 1 else f"{len(gaps)} holes in 24 h, last {words}")
    losses = [hole for hole in holes if hole.lost is not None]
    if losses:
        last = max(losses, key=lambda hole: hole.to_us)
        lost = sum(hole.lost or 0 for hole in losses)
        at = f"{'' if len(losses) == 1 else 'last '}{when(last.to_us, now_us)}"
        told.append(f"{plural(lost, 'event')} lost {at}")
    return told


def alert_counts(alerts: Sequence[Alert], *, short: bool = False) -> tuple[Part, ...]:
    """How many alerts are open, by urgency; the words are those of the panel's header."""
    urgencies = ((Urgency.ACT_NOW, "act now", "alarm"), (Urgency.TODAY, "today", "review"))
    found = [(style, word, sum(a.urgency is urgency for a in alerts)) for urgency, word, style in urgencies]
    found.append(("review", "review" if short else "to review", sum(a.urgency is Urgency.REVIEW for a in alerts)))
    return tuple((style, f"{number} {word}") for style, word, number in found if number)


CHANGES_US = 7 * DAY_US
"""How long a change is worth telling."""


def last_change(snapshot: Snapshot, now_us: int) -> str:
    """`Last change: api image 3.148.4 → 3.196.2 at 22 Nov 21:40Z (5 h before #41)`; empty where there was none."""
    latest = next((change for change in changes(snapshot.workloads) if now_us - change.at_us <= CHANGES_US), None)
    if latest is None:
        return ""
    urgent = [a for a in snapshot.alerts if a.urgency is Urgency.ACT_NOW and a.role == latest.role]
    first = min((a for a in urgent if a.first_us >= latest.at_us), key=lambda a: a.first_us, default=None)
    before = f" ({_length(first.first_us - latest.at_us)} before #{first.id})" if first else ""
    return f"Last change: {latest.who} {latest.what} at {short_utc(latest.at_us, now_us)}{before}"


def _length(us: int) -> str:
    """In its largest unit: `5 h`, `12 min`, `40 s`."""
    for unit_us, unit in ((DAY_US, "d"), (HOUR_US, "h"), (MINUTE_US, "min")):
        if us >= unit_us:
            return f"{us // unit_us} {unit}"
    return f"{us // SECOND_US} s"


def sentence(parts: Sequence[Part]) -> str:
    """The parts without their styles."""
    return joined(text for _, text in parts)
