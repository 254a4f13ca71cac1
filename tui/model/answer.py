"""One answer of the domain name system, with the time in which it holds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """``host`` had the address ``ip`` from ``from_us`` until ``until_us``."""

    host: str
    ip: str
    from_us: int
    until_us: int
