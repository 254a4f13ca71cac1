"""What ``doctor`` says: one mapping for JSON, and lines for a person, what is missing on top. Finds nothing out."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TypedDict

from tui.model.diagnosis import Check, Diagnosis, Seen, What
from tui.model.text import clean

TEXT_MAX = 2_000
TITLES = {
    What.SOURCE: "sockets",
    What.NAMESPACE: "namespace",
    What.OTHER_NAMESPACES: "other namespaces",
    What.ENTERING: "entering namespaces",
    What.ALL_AT_ONCE: "all ends at once",
    What.USER_NAMESPACE: "user namespace",
    What.PID_NAMESPACE: "process list",
    What.HIDEPID: "hidepid",
    What.TCP: "TCP",
    What.UDP: "UDP with a peer",
    What.ENDS: "ends of sockets",
    What.BYTES: "bytes",
    What.BUFFER: "bursts",
    What.OWNERS: "who it was",
    What.CONTAINERS: "container names",
    What.WIRE: "names on the wire",
    What.NAMES: "names ahead of time",
    What.PROXY_LOG: "proxy log",
    What.PROXY_LINES: "lines of it",
    What.HISTORY: "history",
    What.CONFIGURATION: "configuration",
}
STATES = {Seen.NO: "✕ not seen", Seen.PARTLY: "? partly", Seen.YES: "● seen"}
"""The most important first."""
NEVER = (
    "where UDP goes that is sent without a connected peer",
    "ICMP and raw sockets",
    "what is sent (content)",
    "what users' browsers send to Retool themselves",
)
"""What no permission makes this version see."""
_BY_PRIVILEGE = (What.OTHER_NAMESPACES, What.ENTERING, What.ALL_AT_ONCE, What.OWNERS)
_PLACED = (What.NAMESPACE, What.PROXY_LOG, What.PROXY_LINES)
"""There may be several of these, which only the place tells apart."""
_TITLE_MAX = 26
_NARROWEST = 20
_GAP, _INDENT = "  ", "    "


class Told(TypedDict):
    """One check of ``doctor --json``."""

    what: str
    where: str
    seen: str
    reason: str
    remedy: str | None
    workloads: list[str]


class Report(TypedDict):
    """The answer of ``doctor --json``."""

    node: str
    user: str
    uid: int
    source: str
    complete: bool
    checks: list[Told]
    never_seen: list[str]
    systemd_unit: str


def doctor_report(diagnosis: Diagnosis) -> Report:
    """The answer for programs, checks in the order in which they were made."""
    return Report(
        node=_text(diagnosis.node),
        user=_text(diagnosis.user),
        uid=diagnosis.uid,
        source=diagnosis.source,
        complete=diagnosis.complete,
        checks=[
            Told(
                what=check.what.value,
                where=_text(check.where),
                seen=check.seen.value,
                reason=_text(check.reason),
                remedy="\n".join(_copied(check.remedy)) if check.remedy is not None else None,
                workloads=[_text(workload) for workload in check.workloads],
            )
            for check in diagnosis.checks
        ],
        never_seen=list(NEVER),
        systemd_unit=diagnosis.unit,
    )


def doctor_lines(diagnosis: Diagnosis, width: int | None = None) -> list[str]:
    """The answer for a person; ``width`` is that of the terminal in cells, without it no reason is broken."""
    who = diagnosis.user if diagnosis.user == str(diagnosis.uid) else f"{diagnosis.user} (uid {diagnosis.uid})"
    by = {"netlink": ", by sock_diag", "psutil": ", by psutil"}.get(diagnosis.source, "")
    head = f"{diagnosis.node}: what a collector would see here that is started by {who}{by}"
    lines = _broken(head, width)
    if diagnosis.complete:
        lines += _broken(f"Everything that this version can see is seen ({len(diagnosis.checks)} checks).", width)
    else:
        lines += _broken(f"NOT EVERYTHING IS SEEN: {_counts(diagnosis.checks)}", width)
        if any(check.remedy is not None for check in diagnosis.checks):
            lines += _broken("Under misses stands, indented, the command that mends them.", width)
    columns = _Columns.of(diagnosis.checks, width)
    for remedy, group in _groups(diagnosis.checks):
        lines += ["", *(line for check in group for line in columns.row(check))]
        lines += [_INDENT + line for line in _copied(remedy)] if remedy is not None else []
    lines += ["", *_broken(f"Never seen by this version: {'; '.join(NEVER)}.", width)]
    if not diagnosis.complete:
        if diagnosis.uid != 0 and any(c.what in _BY_PRIVILEGE and c.seen is not Seen.YES for c in diagnosis.checks):
            lines += _broken("A systemd unit whose user is not root needs:", width)
            lines += [_INDENT + diagnosis.unit]
        lines += ["", *_broken(f"{_counts(diagnosis.checks)}. What is missing stands on top.", width)]
    return lines


def _counts(checks: Sequence[Check]) -> str:
    numbers = Counter(check.seen for check in checks)
    return ", ".join(f"{numbers[seen]} {word.partition(' ')[2]}" for seen, word in STATES.items() if numbers[seen])


def _groups(checks: Sequence[Check]) -> list[tuple[str | None, list[Check]]]:
    """The misses of one remedy together, the worst group on top; then those that nothing mends, then what is seen."""
    order = list(STATES)
    ranked = sorted(checks, key=lambda check: order.index(check.seen))
    misses = [check for check in ranked if check.seen is not Seen.YES]
    mended = dict.fromkeys(check.remedy for check in misses if check.remedy is not None)
    groups: list[tuple[str | None, list[Check]]] = [
        (remedy, [check for check in misses if check.remedy == remedy]) for remedy in mended
    ]
    groups.append((None, [check for check in misses if check.remedy is None]))
    groups.append((None, [check for check in ranked if check.seen is Seen.YES]))
    return [(remedy, group) for remedy, group in groups if group]


@dataclass(frozen=True, slots=True)
class _Columns:
    """State, title and reason side by side."""

    state: int
    title: int
    reason: int | None

    @classmethod
    def of(cls, checks: Sequence[Check], width: int | None) -> "_Columns":
        state = max(map(_cells, STATES.values()))
        widest = _TITLE_MAX if width is None else min(_TITLE_MAX, width // 3)
        title = min(max((_cells(_title(check)) for check in checks), default=0), widest)
        return cls(state, title, None if width is None else max(_NARROWEST, width - state - title - 2 * len(_GAP)))

    def row(self, check: Check) -> Iterator[str]:
        reason = f"{check.where}: {check.reason}" if check.what in _PLACED else check.reason
        cells = zip_longest([STATES[check.seen]], _broken(_title(check), self.title), _broken(reason, self.reason))
        for state, title, told in cells:
            line = _padded(state or "", self.state), _padded(title or "", self.title), told or ""
            yield _GAP.join(line).rstrip()


def _title(check: Check) -> str:
    return _text(", ".join(check.workloads)) or TITLES[check.what]


def _broken(text: str, width: int | None) -> list[str]:
    """The text in lines of so many cells at most, broken between words where that can be."""
    from rich.cells import chop_cells

    text = _text(text)
    if width is None:
        return [text]
    lines, line = list[str](), ""
    for word in text.split():
        if line and _cells(line) + 1 + _cells(word) <= width:
            line += f" {word}"
            continue
        if line:
            lines.append(line)
        *whole, line = chop_cells(word, width) or [""]
        lines += whole
    return [*lines, line]


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _cells(text))


def _cells(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)


def _copied(remedy: str) -> list[str]:
    return [_text(line) for line in remedy.split("\n")]


def _text(value: str) -> str:
    return clean(value, TEXT_MAX)
