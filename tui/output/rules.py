"""Rules and catalogue entries as rows of a table. Formats nothing."""

from collections.abc import Iterable, Iterator

from tui.allowlist.rules import Rule
from tui.catalog import Service

RULE_COLUMNS = ("action", "target", "roles", "expires", "in_force", "reason", "source")
SERVICE_COLUMNS = (
    "category", "destination", "ports", "allowed_by_default", "basis", "date", "purpose", "sent", "cadence", "source",
    "notes",
)  # fmt: skip
SERVICE_TABLE_COLUMNS = ("category", "destination", "ports", "allowed_by_default", "basis", "purpose")
Row = dict[str, str | None]


def rule_rows(rules: Iterable[Rule], now_us: int) -> Iterator[Row]:
    """Each rule as a mapping of ``RULE_COLUMNS``."""
    for rule in rules:
        yield {
            "action": rule.action,
            "target": rule.target,
            "roles": " ".join(rule.roles) or "any",
            "expires": rule.expires.isoformat() if rule.expires else None,
            "in_force": "yes" if rule.in_force(now_us) else "expired",
            "reason": rule.reason,
            "source": f"{rule.source}:{rule.line}" if rule.line else rule.source,
        }


def service_rows(services: Iterable[Service]) -> Iterator[Row]:
    """Each destination of each service as a mapping of ``SERVICE_COLUMNS``."""
    for service in services:
        for destination in (*service.hosts, *service.networks):
            yield {
                "category": service.category,
                "destination": destination,
                "ports": " ".join(map(str, service.ports)),
                "allowed_by_default": "yes" if service.default else "no",
                "basis": service.basis,
                "date": service.date.isoformat() if service.date else None,
                "purpose": service.purpose,
                "sent": service.sent,
                "cadence": service.cadence,
                "source": service.source,
                "notes": service.notes,
            }
