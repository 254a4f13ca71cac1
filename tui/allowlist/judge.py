"""Say of a destination whether it is allowed, by which rule, and why. Pure: time is an argument.

Order: a deny rule, then the internal networks, then an allow rule, else off the allowlist. Of several candidates every
one must be allowed. A host that is not believed can be denied and allows nothing. Through a proxy the host alone
counts.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from tui.allowlist.rules import Rule, Subject
from tui.model.address import Networks
from tui.model.connection import Judgement, Verdict


@dataclass(frozen=True, slots=True)
class Allowlist:
    """The rules in force together with the networks that are not judged."""

    rules: tuple[Rule, ...]
    internal: Networks
    never_internal: Networks
    """Addresses that are judged although they lie in an internal network: cloud metadata."""
    revision: int = 0
    _deny: tuple[Rule, ...] = field(init=False)
    _allow: tuple[Rule, ...] = field(init=False)
    _allow_by_host: dict[str, tuple[Rule, ...]] = field(init=False)
    """By pattern."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "_deny", tuple(rule for rule in self.rules if rule.action == "deny"))
        object.__setattr__(self, "_allow", tuple(rule for rule in self.rules if rule.action == "allow"))
        by_host = dict[str, tuple[Rule, ...]]()
        for rule in self._allow:
            if rule.host is not None:
                by_host[rule.host] = (*by_host.get(rule.host, ()), rule)
        object.__setattr__(self, "_allow_by_host", by_host)

    def is_internal(self, ip: str) -> bool:
        """True if connections to this address are not judged."""
        return ip in self.internal and ip not in self.never_internal

    def allows_host(self, host: str, now_us: int) -> bool:
        """True if an allow rule that is in force names a normalised host, for whatever port and role."""
        labels = host.split(".")
        patterns = [host, *("*." + ".".join(labels[place:]) for place in range(1, len(labels)))]
        return any(rule.in_force(now_us) for each in patterns for rule in self._allow_by_host.get(each, ()))

    def judge(self, subject: Subject, now_us: int) -> Judgement:
        """The verdict on a destination at a time."""
        hosts = _hosts(subject)
        denied = next((r for h in hosts for r in self._deny if r.in_force(now_us) and r.fits(subject, h)), None)
        if denied is not None:
            return self._say(Verdict.OFF_ALLOWLIST, denied, f"a deny rule names it: {denied}")
        if self.is_internal(subject.ip) and not subject.via_proxy:
            return self._say(Verdict.INTERNAL, None, f"{subject.ip} lies in an internal network and is not judged")
        believed = hosts if subject.is_believed else (None,)
        found = [self._allowing(subject, host, now_us) for host in believed]
        rules = [rule for rule in found if rule is not None]
        if len(rules) == len(found):
            which = "every name it may have is allowed" if len(believed) > 1 else "a rule allows it"
            return self._say(Verdict.ALLOWED, rules[0], f"{which}: {rules[0]}")
        return self._say(Verdict.OFF_ALLOWLIST, None, self._why_off(subject, now_us))

    def _allowing(self, subject: Subject, host: str | None, now_us: int) -> Rule | None:
        return next((r for r in self._allow if r.in_force(now_us) and r.fits(subject, host)), None)

    def _say(self, verdict: Verdict, rule: Rule | None, why: str) -> Judgement:
        return Judgement(verdict, str(rule) if rule else None, self.revision, why)

    def _why_off(self, subject: Subject, now_us: int) -> str:
        for host in _hosts(subject):
            if self._allowing(subject, host, now_us) is not None:
                if not subject.is_believed:
                    return f"{host} is claimed by the client, and {subject.ip} is not known to be its address"
                continue
            for rule in self._allow:
                if host is None or rule.host is None:
                    continue
                if not rule.in_force(now_us) and rule.fits(subject, host):
                    return f"the rule that allowed it has expired on {rule.expires}: {rule}"
                anywhere = Subject(host, subject.ip, rule.ports[0], rule.roles[0] if rule.roles else None)
                if rule.in_force(now_us) and rule.fits(anywhere, host):
                    return f"no rule matches port {subject.port} and role {subject.role or 'unknown'}; nearest: {rule}"
        if subject.via_proxy and subject.host is None:
            return "what the proxy was asked for is not known"
        if subject.candidates:
            return f"it may be any of {', '.join(subject.candidates)}, and not all of them are allowed"
        if subject.host is None:
            return "no rule matches, and no name is known for this address"
        return "no rule matches"

    def loud(self, subject: Subject, judgement: Judgement) -> str | None:
        """Why an off-list destination must be looked at first, or None when it can wait for the review."""
        if judgement.rule is not None:
            return "a deny rule names it"
        if subject.via_proxy:
            return None if subject.host else "what the proxy was asked for is not known"
        if subject.ip in self.never_internal:
            return "it is a cloud metadata address"
        if subject.host is None and not subject.candidates:
            return "no name explains this public address"
        return None


def _hosts(subject: Subject) -> tuple[str | None, ...]:
    """The names that count; several names of one address are no names of what a proxy was asked for."""
    return (subject.host,) if subject.host or subject.via_proxy else subject.candidates or (None,)


def fingerprint(rules: Iterable[Rule]) -> str:
    """SHA-256 over what the rules say; the same rules in the same order have the same one."""
    text = "\n".join(
        repr((r.action, r.host, str(r.network), r.ports, r.roles, str(r.expires), r.reason, r.source)) for r in rules
    )
    return hashlib.sha256(text.encode()).hexdigest()
