"""Give a connection its name, its category and its verdict. Pure: the table, the catalogue and the rules are given."""

from dataclasses import dataclass, replace

from tui.allowlist.judge import Allowlist
from tui.allowlist.rules import Subject
from tui.catalog import Catalogue
from tui.model.connection import (
    FALSE_NAME,
    INTERNAL_CATEGORY,
    NO_NAME,
    UNRECOGNISED,
    Claim,
    Evidence,
    Judgement,
    Label,
    Name,
    Verdict,
)
from tui.names.table import NameTable

NOT_JUDGED = "it is no part of Retool, or the resolver that is set there, so it is not judged"
OWN_RESOURCES = "Your resources"
"""The category of what an operator's rule allows and no catalogue entry names."""
_TOLD = (frozenset({Evidence.DNS, Evidence.HOSTS}), frozenset({Evidence.FORWARD}))
"""What a namespace was told counts for more than what our own look-ups were."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a destination is and what the rules say of it."""

    name: Name
    label: Label
    judgement: Judgement
    loud: str | None
    """Why it must be looked at first, if it is off the list and must be."""


def name_of(table: NameTable, catalogue: Catalogue, namespace: str, ip: str, at_us: int) -> Name:
    """The name that is known for an address at a time: one host, several candidates, a documented range, or nothing."""
    known = table.known(namespace, ip, at_us)
    for kinds in _TOLD:
        told = [each for each in known if each.evidence in kinds]
        hosts = sorted({each.host for each in told})
        if hosts:
            evidence = Evidence.DNS if any(each.evidence is Evidence.DNS for each in told) else told[0].evidence
            return Name(hosts[0], evidence) if len(hosts) == 1 else Name(None, evidence, tuple(hosts))
    return Name(None, Evidence.RANGE) if catalogue.by_address(ip) else NO_NAME


def find(
    name: Name, ip: str, port: int, role: str | None, allowlist: Allowlist, catalogue: Catalogue, now_us: int,
    *, judged: bool = True, via_proxy: bool = False,
) -> Finding:  # fmt: skip
    """Label and judge a destination under the name that is known for it.

    What is no part of Retool is not ``judged``, but for a deny rule, a false name and the cloud's metadata, which hold
    everywhere.
    """
    believed = name.claim in (None, Claim.CONFIRMED)
    subject = Subject(name.host, ip, port, role, name.candidates, is_believed=believed, via_proxy=via_proxy)
    judgement = allowlist.judge(subject, now_us)
    false = is_false(name, allowlist, now_us)
    metadata = ip in allowlist.never_internal and not via_proxy
    everywhere = judgement.rule is not None or metadata or false
    if not judged and judgement.verdict is Verdict.OFF_ALLOWLIST and not everywhere:
        judgement = replace(judgement, verdict=Verdict.NOT_JUDGED, why=NOT_JUDGED)
    if false:
        label = Label(FALSE_NAME)
    else:
        label = Label(UNRECOGNISED) if name.claim is Claim.MISMATCH else label_of(name, ip, port, catalogue)
    if label.service is None and judgement.verdict is Verdict.ALLOWED and not name.candidates:
        label = replace(label, category=OWN_RESOURCES)
    if label.category == UNRECOGNISED and judgement.verdict is Verdict.INTERNAL:
        label = replace(label, category=INTERNAL_CATEGORY)
    off = judgement.verdict is Verdict.OFF_ALLOWLIST
    return Finding(name, label, judgement, allowlist.loud(subject, judgement) if off else None)


def is_false(name: Name, allowlist: Allowlist, now_us: int) -> bool:
    """True if a name that is allowed was given for an address that is not its own: to get through, it seems."""
    return name.claim is Claim.MISMATCH and name.host is not None and allowlist.allows_host(name.host, now_us)


def label_of(name: Name, ip: str, port: int, catalogue: Catalogue) -> Label:
    """The category of a name, of several, or of an address that no name is known for."""
    if name.host is not None:
        service = catalogue.by_host(name.host, port)
        return Label(service.category, service.id) if service else Label(UNRECOGNISED)
    if name.candidates:
        return _label_of_several(name.candidates, port, catalogue)
    service = catalogue.by_address(ip)
    return Label(service.category, service.id) if service else Label(UNRECOGNISED)


def _label_of_several(hosts: tuple[str, ...], port: int, catalogue: Catalogue) -> Label:
    services = [catalogue.by_host(host, port) for host in hosts]
    categories = {service.category if service else None for service in services}
    shared = categories.pop() if len(categories) == 1 else None
    if shared is not None:
        return Label(shared)
    what = "Retool service (one of" if all(services) else "One of ("
    return Label(f"{what} {', '.join(hosts)})".replace("( ", "("))
