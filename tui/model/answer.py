"""That a name had an address for a time. Says nothing about which connection used it."""

from dataclasses import dataclass

from tui.model.connection import Evidence

EVERYWHERE = ""
"""The namespace of an answer that no namespace got: one of our own look-ups, good for all of them."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A host had an address from ``from_us`` until ``until_us`` (the end of its TTL)."""

    host: str
    ip: str
    from_us: int
    until_us: int
    namespace: str = EVERYWHERE
    evidence: Evidence = Evidence.FORWARD
    """DNS, HOSTS, FORWARD or REVERSE."""

    @property
    def key(self) -> "AnswerKey":
        """What it is told by: a later one of the same key only holds on for longer."""
        return (self.ip, self.namespace, self.host, self.evidence, self.from_us)


AnswerKey = tuple[str, str, str, Evidence, int]
"""Address, namespace, host, evidence and beginning."""
