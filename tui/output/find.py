"""The answer to "did this host talk to that": yes, no, or cannot tell, never a guess."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC

from tui.allowlist.hosts import normalise_host
from tui.history.read import Reader
from tui.history.rows import ConnectionRow, Hole
from tui.model.address import UNKNOWN, parse_address
from tui.model.size import size_text
from tui.model.source import log_of
from tui.model.text import clean
from tui.model.times import echo_both, host_zone
from tui.output.holes import hole_words, names_of
from tui.output.log_sight import log_sights
from tui.output.route import is_tunnel, route_words, shown_ip, tunnel_words

SHOWN = 20
NAMES_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """What the record says of one address or name in one span."""

    what: str
    from_us: int
    to_us: int
    count: int
    shown: tuple[ConnectionRow, ...]
    """The latest of them."""
    holes: tuple[Hole, ...]
    names: Mapping[str, str]
    """What is in the namespaces that the holes name."""
    notes: tuple[str, ...]
    ahead: bool
    """True if the span lies before the record begins."""
    known: tuple[tuple[str, str], ...]
    """Names that an address had in the span, each with its evidence; none for a name."""
    unnamed: int
    """Connections in the span that may have been to this name, since nobody looked the name up; 0 for an address."""
    veiled: int
    """Connections in the span that went through a proxy, of which nothing has told where to; 0 for an address."""
    logs: bool
    """Whether the log of a proxy is followed."""
    behind: tuple[str, ...]
    """Of which logs how much waits to be read."""

    @property
    def exit_code(self) -> int:
        """0 yes, 1 no, 3 cannot tell."""
        if self.count:
            return 0
        return 3 if self.holes or self.ahead or self.unnamed or self.veiled or self.behind else 1


def look_for(reader: Reader, what: str, span: tuple[int, int] | None, now_us: int) -> Answer:
    """Look for connections to an address or a name; ``span`` None means the whole record.

    :raises ValueError: if ``what`` is neither an address nor a host name
    """
    ip, host = _address_or_host(what)
    recording = reader.recording()
    first_us = recording.first_us or now_us
    from_us, to_us = span or (_beginning(reader, ip, host, first_us, now_us), now_us)
    rows = list(reader.connections_to(ip, host, from_us, to_us, SHOWN))
    holes = reader.holes("sockets", from_us, to_us) if from_us < to_us else []
    logs = log_sights(reader, from_us, to_us, holes)
    return Answer(
        host or ip or what,
        from_us,
        to_us,
        reader.count_connections_to(ip, host, from_us, to_us),
        tuple(rows),
        (*holes, *(hole for log in logs for hole in log.holes)),
        names_of(reader.workloads()),
        (*recording.notes, *(f"of the proxy log {log.log.path}: {log.lacks_words}" for log in logs if log.log.lacks)),
        to_us < first_us or recording.first_us is None,
        tuple(dict.fromkeys((a.host, a.evidence.value) for a in reader.names_of([ip] if ip else [], from_us, to_us))),
        0 if host is None or reader.is_looked_up(host) else reader.count_unnamed(from_us, to_us),
        0 if host is None else reader.count_veiled(from_us, to_us),
        bool(logs),
        tuple(f"{size_text(log.log.lag)} of the proxy log {log.log.path}" for log in logs if log.is_behind),
    )


def _beginning(reader: Reader, ip: str | None, host: str | None, first_us: int, now_us: int) -> int:
    """Since when the whole record is looked through: from before anybody recorded, if an import tells of it then."""
    earliest_us = reader.earliest_us()
    if earliest_us is None or earliest_us >= first_us:
        return first_us
    is_earlier = reader.count_connections_to(ip, host, earliest_us, first_us)
    return earliest_us if is_earlier else first_us


def _address_or_host(what: str) -> tuple[str | None, str | None]:
    try:
        return str(parse_address(what.strip("[]"))), None
    except ValueError:
        return None, normalise_host(what)


def answer_lines(answer: Answer) -> list[str]:
    """The answer for a person, in its first word; then what it rests on."""
    span = f"between {_both(answer.from_us)} and {_both(answer.to_us)}"
    holes = ", ".join(hole_words(hole, answer.names, _clock) for hole in answer.holes)
    if answer.count:
        lines = [
            f"Yes: {_counted(answer.count)} to {answer.what} {span}.",
            *(_line(row, logs=answer.logs) for row in answer.shown),
        ]
        if answer.count > len(answer.shown):
            lines.append(f"  and {answer.count - len(answer.shown)} earlier ones; see retool-egress export")
    elif answer.ahead:
        lines = [f"Cannot tell: nothing was recorded yet {span}."]
    elif holes:
        lines = [f"Cannot tell: nothing to {answer.what} is recorded {span}, but not recorded {holes}."]
    elif answer.unnamed:
        lines = [
            f"Cannot tell: nothing is recorded under the name {answer.what} {span}, but nobody looked this name up, "
            f"and {_counted(answer.unnamed)} went to an address whose name is not known."
        ]
    elif answer.veiled:
        lines = [
            f"Cannot tell: nothing is recorded under the name {answer.what} {span}, but {_counted(answer.veiled)} went "
            "through a proxy, and nothing has told where to."
        ]
    elif answer.behind:
        lines = [
            f"Cannot tell: nothing to {answer.what} is recorded {span}, but not read yet: {', '.join(answer.behind)}."
        ]
    else:
        lines = [f"No: nothing to {answer.what} {span}, and no hole in that span."]
    if answer.count and holes:
        lines.append(f"Not recorded in that span: {holes}.")
    if answer.known:
        more = f" and {len(answer.known) - NAMES_SHOWN} more" if len(answer.known) > NAMES_SHOWN else ""
        told = ", ".join(f"{host} ({evidence})" for host, evidence in answer.known[:NAMES_SHOWN])
        lines.append(f"Names of {answer.what} in that span: {told}{more}.")
    return [clean(line, 400) for line in lines + [f"Note: {note}." for note in answer.notes]]


def _counted(connections: int) -> str:
    return "1 connection" if connections == 1 else f"{connections} connections"


def _both(us: int) -> str:
    return echo_both(us, host_zone()).removesuffix(" (local time is UTC)")


def _clock(us: int) -> str:
    return echo_both(us, UTC).split(" (")[0].replace(" ", "T")


def _line(row: ConnectionRow, *, logs: bool) -> str:
    who = row.role or row.process or _client(row)
    unnamed = f"(no name; its PTR record says {row.reverse})" if row.reverse else "(no name)"
    place = f"{row.host or ' or '.join(row.host_candidates) or unnamed} {shown_ip(row.ip)} port {row.port or '?'}"
    route = f"  {route_words(row)}" if route_words(row) else ""
    route += f"  ({tunnel_words(logs=logs)})" if is_tunnel(row) else ""
    began = "" if row.opened_exact else "before "
    return f"  {began}{_clock(row.opened_us)}  {who}  {place}  {row.category}  {row.verdict}  {row.outcome}{route}"


def _client(row: ConnectionRow) -> str:
    if log_of(row.source) is None:
        return "a process that could not be read"
    return "a client of the proxy" if row.local_ip == UNKNOWN else f"a client of the proxy, {row.local_ip}"
