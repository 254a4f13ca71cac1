"""How a host is known, how sure that is, and where an attempt failed, in plain words. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from tui.history.rows import AddressRow, ConnectionRow
from tui.model.answer import EVERYWHERE, Answer
from tui.model.connection import Claim, Evidence, Phase
from tui.model.times import HOUR_US, short_utc
from tui.output.route import is_tunnel

HELD_US = HOUR_US
"""So long after its TTL an answer may still be what a client goes by."""
NO_NAME = "no name is known"
PREDATES = "it was open before recording began, so that none could be seen"
UNREAD = "packets could not be read there, and no look-up of a catalogued or allowed name gave this address"
UNNAMED = "the client sent none that was seen, it was told none by DNS, and no look-up of ours gave this address"
EVIDENCE: Mapping[Evidence, str] = {
    Evidence.PROXY: "the name that the proxy was asked for, by its log",
    Evidence.CONNECT: "the name that the client asked the proxy for (CONNECT)",
    Evidence.SNI: "named by the client itself (TLS SNI)",
    Evidence.HTTP: "named by the client itself (HTTP Host header)",
    Evidence.DNS: "told by DNS to this container before it connected",
    Evidence.HOSTS: "by /etc/hosts of the container",
    Evidence.FORWARD: "our own look-up of the name gave this address",
    Evidence.RANGE: "in a range that Retool documents; no name is known",
    Evidence.REVERSE: "a PTR record names it: shown, never judged by",
}
"""Strongest first."""
OUTER = (
    "the ClientHello has an encrypted one inside (ECH): this is the outer name, which may be that of a provider in "
    "front; whether there is another host behind it cannot be seen"
)
_BRIEF_CLAIM = {Claim.CONFIRMED: "confirmed", Claim.UNCONFIRMED: "unconfirmed", Claim.MISMATCH: "MISMATCH"}
PHASE: Mapping[Phase, str] = {
    Phase.CONNECT: "before anything answered (TCP)",
    Phase.TLS: "in the TLS handshake",
    Phase.PROXY: "at the proxy",
}


def claim_words(claim: str | None, evidence: str | None) -> tuple[str, str]:
    """The style, and whether the name that a client gave is believed; no words for what it did not give itself."""
    match claim:
        case Claim.CONFIRMED:
            return "quiet", "confirmed: the name is known to have this address"
        case Claim.UNCONFIRMED:
            told = "no look-up shows whether the name has this address, so it counts as no name of the allowlist"
            return "review", f"NOT CONFIRMED: {told}"
        case Claim.MISMATCH if evidence == Evidence.CONNECT:
            return "alarm", "MISMATCH: inside the tunnel the client named another host than it asked the proxy for"
        case Claim.MISMATCH:
            told = "this name was never known to have this address: the client may hide where it goes"
            return "alarm", f"MISMATCH: {told}"
        case _:
            return "quiet", ""


def known_by(row: AddressRow | ConnectionRow) -> str:
    """How the host of an address or a connection is known, as a sentence without its end."""
    evidence = row.evidence if isinstance(row, AddressRow) else row.host_evidence
    candidates = row.candidates if isinstance(row, AddressRow) else row.host_candidates
    if evidence is None:
        return NO_NAME
    told = EVIDENCE[Evidence(evidence)]
    if candidates:
        told += f", and the same holds for each of {', '.join(candidates)}: it may be any of them"
    return f"{told}; {OUTER}" if row.is_outer else told


def brief_known_by(c: ConnectionRow) -> str:
    """The same for a column: `sni confirmed`, `dns`, `forward 1 of 2`, `no name`; the first word is the filter's."""
    if is_tunnel(c):
        return "open tunnel"
    if c.host_evidence is None:
        return "no name"
    if c.host_candidates:
        return f"{c.host_evidence} 1 of {len(c.host_candidates)}"
    claim = _BRIEF_CLAIM[Claim(c.claim)] if c.claim else ""
    return f"{c.host_evidence} {'outer' if c.is_outer and c.claim != Claim.MISMATCH else claim}".rstrip()


def answers_behind(
    row: AddressRow, hosts: Collection[str], namespaces: Collection[str], told: Collection[Answer]
) -> list[Answer]:  # fmt: skip
    """What says that one of the hosts had this address while it was used, the latest of each kind and namespace: what
    these namespaces were told, and our own look-ups."""
    found: dict[tuple[str, str, Evidence], Answer] = {}
    for answer in told:
        fits = answer.ip == row.ip and answer.host in hosts and answer.evidence is not Evidence.REVERSE
        fits = fits and answer.namespace in (EVERYWHERE, *namespaces)
        if fits and answer.from_us <= row.last_us and answer.until_us >= row.first_us - HELD_US:
            known = found.setdefault((answer.host, answer.namespace, answer.evidence), answer)
            if known.until_us < answer.until_us:
                found[answer.host, answer.namespace, answer.evidence] = answer
    order = list(Evidence)
    return sorted(found.values(), key=lambda a: (order.index(a.evidence), -a.until_us))


def answer_words(answer: Answer, names: Mapping[str, str], now_us: int) -> str:
    """`told by DNS to api at 02:12:58Z, good until 02:17:58Z`; ``names`` says what lives in the namespaces."""
    whose = "us" if answer.namespace == EVERYWHERE else names.get(answer.namespace, answer.namespace)
    began, until = short_utc(answer.from_us, now_us), short_utc(answer.until_us, now_us)
    if answer.evidence is Evidence.HOSTS:
        return f"in /etc/hosts of {whose} since {began}"
    if answer.evidence is Evidence.FORWARD:
        return f"by our own look-ups from {began}, good until {until}"
    return f"told by DNS to {whose} at {began}, good until {until}"
