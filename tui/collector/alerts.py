"""The book of alerts: one for each cause, counted while it is open. Pure; who reads it does not matter."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from tui.model.alert import Alert, AlertKind, Finding, Urgency
from tui.model.connection import Claim, Connection, Endpoint, Evidence, Recorded
from tui.model.text import clean

_ORDER = list(Urgency)
PREDATES = "predates-record|"
"""How the cause of a role's one entry for connections that predate the record begins."""
LOST = "coverage|lost"
"""The cause of the alert for events that were lost."""
LOST_PACKETS = "coverage|lost packets"
"""The cause of the alert for packets that could not be read."""
LOST_LINES = "coverage|lost|"
"""Before the source of a log."""
METADATA_PORT = 80
"""Where metadata services listen; stands where the kernel has forgotten the port."""


@dataclass(frozen=True, slots=True)
class News:
    """What a watch has to tell the book: first what is over, then what was found."""

    resolved: dict[str, str] = field(default_factory=dict)
    """Resolutions by cause; of a cause that is not open they mean nothing."""
    findings: tuple[Finding, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.resolved or self.findings)


class AlertBook:
    """Open alerts by cause."""

    def __init__(self, open_alerts: Iterable[Alert], next_id: int) -> None:
        self._open = {alert.cause: alert for alert in open_alerts}
        self._next_id = next_id

    @property
    def open(self) -> tuple[Alert, ...]:
        """The alerts whose cause has not gone."""
        return tuple(self._open.values())

    def is_open(self, cause: str) -> bool:
        """True if an alert of this cause is open."""
        return cause in self._open

    def since(self, cause: str) -> int | None:
        """When the open alert of this cause began; None if there is none."""
        known = self._open.get(cause)
        return known.first_us if known is not None else None

    def take(self, news: News, at_us: int) -> list[Alert]:
        """End what is over and count what was found; the alerts that have changed, in that order."""
        ended = [self._open.pop(cause) for cause in news.resolved if cause in self._open]
        over = [replace(alert, resolved_us=at_us, resolution=news.resolved[alert.cause]) for alert in ended]
        return [*over, *(self.raise_(finding) for finding in news.findings)]

    def raise_(self, finding: Finding) -> Alert:
        """Count a finding; the first of its cause opens the alert, and the urgency never sinks while it is open.

        Summary, destination and port are those of the latest finding.
        """
        known = self._open.get(finding.cause)
        if known is None:
            alert = Alert(self._next_id, finding.kind, finding.cause, finding.urgency, finding.summary, finding.role,
                          finding.destination, finding.port, finding.times, finding.at_us, finding.at_us)  # fmt: skip
            self._next_id += 1
        else:
            urgency = min(known.urgency, finding.urgency, key=_ORDER.index)
            last_us = max(known.last_us, finding.at_us)
            alert = replace(known, count=known.count + finding.times, last_us=last_us, urgency=urgency,
                            summary=finding.summary, destination=finding.destination, port=finding.port)  # fmt: skip
        self._open[finding.cause] = alert
        return alert

    def resolve(self, gone: Callable[[Alert], str | None], at_us: int) -> list[Alert]:
        """End the open alerts for which ``gone`` gives a reason."""
        ended = []
        for cause, alert in list(self._open.items()):
            reason = gone(alert)
            if reason is not None:
                ended.append(replace(alert, resolved_us=at_us, resolution=reason))
                del self._open[cause]
        return ended


def who(connection: Connection) -> str:
    """Who made a connection, as alerts name it: the role, else the container, else the process."""
    origin, process = connection.origin, connection.process
    return origin.role or origin.container or (process.name if process else "") or "an unknown process"


def place(connection: Connection) -> str:
    """Where a connection goes, as alerts name it: host, several hosts or address, and the port."""
    name = connection.name
    return str(Endpoint(name.host or " or ".join(name.candidates) or connection.remote.ip, connection.remote.port))


def with_change(finding: Finding, change: str | None) -> Finding:
    """The finding with what changed shortly before: ``api's image changed 5 h before (3.148.4 to 3.196.2)``."""
    return replace(finding, summary=f"{finding.summary}; {change}") if change else finding


def metadata(connection: Connection) -> Finding:
    """What a connection to a cloud metadata address off the allowlist adds to the book: one alert a role."""
    asking, remote = who(connection), connection.remote
    port = remote.port or METADATA_PORT
    denied = "; a deny rule names it" if connection.judgement.rule is not None else ""
    return Finding(
        AlertKind.METADATA,
        f"metadata|{asking}",
        Urgency.ACT_NOW,
        f"{asking} asks the cloud metadata service {Endpoint(remote.ip, port)}, which gives out this machine's "
        f"credentials; allow it by a network rule if it must (IAM roles){denied}",
        connection.opened_us,
        connection.origin.role,
        remote.ip,
        port,
    )


_CLAIMED_BY = {Evidence.SNI: "TLS SNI", Evidence.HTTP: "HTTP Host header"}


def name_mismatch(connection: Connection, inner: str | None = None) -> Finding:
    """What a connection whose name cannot be right adds to the book: one alert for each role, host and address.

    ``inner`` is the name inside a tunnel through a proxy that disagrees with what the proxy was asked for; None where
    there is no tunnel, or where it is not known any more: the record does not keep it.
    """
    claiming, remote, host = who(connection), connection.remote, connection.destination
    if connection.name.evidence is Evidence.CONNECT:
        asked = f"proxy {connection.via} for {place(connection)}"
        said = f"{claiming} asked {asked} and then named {inner or 'another host'} inside the tunnel"
    else:
        by = _CLAIMED_BY.get(connection.name.evidence) if connection.name.evidence else None
        said = f"{claiming} claims {host}{f' ({by})' if by else ''} on {remote}, an address that this name was never "
        said += "known to have"
    return Finding(
        AlertKind.NAME_MISMATCH,
        f"name-mismatch|{connection.origin.role or ''}|{host}|{remote.ip}",
        Urgency.ACT_NOW,
        said,
        connection.opened_us,
        connection.origin.role,
        host,
        remote.port,
    )


def cause_of(connection: Connection) -> str:
    """The cause of an off-allowlist alert: what one role reaches at one destination and port."""
    return f"off-allowlist|{connection.origin.role or ''}|{connection.destination}|{connection.remote.port}"


_UNSEEN = "no look-up shows whether that name has this address"


def off_allowlist(connection: Connection, loud: str | None) -> Finding:
    """What a connection off the allowlist adds to the book; one to a metadata address is for ``metadata``.

    One that was open before recording began, and that no name explains, could not have been named: all such of one
    role are one entry for the review. Of a name that could not be confirmed the address comes first.
    """
    connecting, there, port = who(connection), place(connection), connection.remote.port
    named = connection.name.host or connection.name.candidates
    unnamed_before = connection.recorded is Recorded.PREDATES_RECORD and not named and connection.judgement.rule is None
    if unnamed_before:
        return Finding(
            AlertKind.OFF_ALLOWLIST,
            f"{PREDATES}{connecting}",
            Urgency.REVIEW,
            f"{connecting} had connections open before recording began, so no name could be seen; the latest: {there}",
            connection.opened_us,
            connection.origin.role,
            connection.destination,
            port,
        )
    why = f"; {loud}" if loud else ""
    if connection.name.claim is Claim.UNCONFIRMED:
        there = str(connection.remote)
        why = f"; it is named {connection.name.host}, which could not be confirmed ({_UNSEEN}){why}"
    return Finding(
        AlertKind.OFF_ALLOWLIST,
        cause_of(connection),
        Urgency.ACT_NOW if loud else Urgency.REVIEW,
        f"{connecting} connects to {there} ({connection.label.category}), which is not on the allowlist{why}",
        connection.opened_us,
        connection.origin.role,
        connection.destination,
        port,
    )


def broken_allowlist(message: str, hint: str, at_us: int) -> Finding:
    """The allowlist files cannot be used, so the last good list stays in force."""
    return Finding(
        AlertKind.COVERAGE,
        "coverage|allowlist",
        Urgency.TODAY,
        f"the allowlist cannot be used, the last good one stays in force: {message} {hint}",
        at_us,
    )


def stopped_source(source: str, message: str, at_us: int) -> Finding:
    """A source of observations does not work."""
    return Finding(
        AlertKind.COVERAGE, f"coverage|{source}", Urgency.TODAY, f"{source} cannot be seen: {message}", at_us
    )


def log_fault(cause: str, path: str, why: str, at_us: int) -> Finding:
    """The log of a proxy does not tell what it is followed for."""
    text = f"the proxy log {clean(path)} {why}. What would help: retool-egress doctor"
    return Finding(AlertKind.COVERAGE, cause, Urgency.TODAY, text, at_us)


def lost_lines(source: str, path: str, said: str, at_us: int) -> Finding:
    """Something of a proxy's log may be missing."""
    return Finding(
        AlertKind.COVERAGE, f"{LOST_LINES}{source}", Urgency.TODAY, f"proxy log {clean(path)}: {said}", at_us
    )


def unseen_namespace(namespace: str, whose: str, reason: str, at_us: int) -> Finding:
    """A namespace is there and its sockets cannot be seen."""
    text = f"the sockets of {whose} ({namespace}) cannot be seen: {reason}. What is missing: retool-egress doctor"
    return Finding(AlertKind.COVERAGE, f"coverage|{namespace}", Urgency.TODAY, text, at_us)


def lost_events(whose: str, events: int, at_us: int) -> Finding:
    """The kernel had no room for so many ends of sockets."""
    ends = "1 end of a socket was" if events == 1 else f"{events} ends of sockets were"
    text = f"{ends} lost in {whose}: more ended at once than the kernel's buffer holds; the record has a hole there"
    return Finding(AlertKind.COVERAGE, LOST, Urgency.TODAY, text, at_us)


def lost_packets(whose: str, packets: int, at_us: int) -> Finding:
    """The kernel had no room for so many packets, off which names would have been read."""
    what = "1 packet was" if packets == 1 else f"{packets} packets were"
    text = f"{what} lost in {whose}: names that the client used may be missing there; no connection is"
    return Finding(AlertKind.COVERAGE, LOST_PACKETS, Urgency.TODAY, text, at_us)
