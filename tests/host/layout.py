"""Who has which address in the host for tests. Values only.

The outside answers for every address of three ranges that are reserved for documentation (RFC 5737, RFC 3849): they
count as public, and no machine has them. The services have private addresses, as containers do.
"""

from typing import Final

PUBLIC_NETWORKS: Final = ("198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")

NAMESERVER: Final = "198.51.100.53"
STRANGER: Final = "203.0.113.77"
"""A public address that no name in the DNS leads to."""

PUBLIC_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "licensing.tryretool.com": ("203.0.113.10", "2001:db8::10"),
    "invites.tryretool.com": ("203.0.113.11", "2001:db8::11"),
    "email-service.retool.com": ("203.0.113.12", "2001:db8::12"),
    "p.tryretool.com": ("198.51.100.13", "2001:db8::13"),
    "api.openai.com": ("198.51.100.14", "2001:db8::14"),
}
TTL_S: Final = 300

GATEWAY_V4: Final = "10.77.0.1"
GATEWAY_V6: Final = "fd00:77::1"
PREFIX_V4: Final = 24
PREFIX_V6: Final = 64

MACHINE_LINKS: Final = "10.78"
"""The first half of the addresses between the services of a linked host and the machine."""

SERVICES: Final[dict[str, tuple[str, str]]] = {
    "api": ("10.77.0.11", "fd00:77::11"),
    "jobs-runner": ("10.77.0.12", "fd00:77::12"),
    "workflows-worker": ("10.77.0.13", "fd00:77::13"),
    "code-executor": ("10.77.0.14", "fd00:77::14"),
}
SERVICE_TYPES: Final[dict[str, str]] = {
    "api": "MAIN_BACKEND,DB_CONNECTOR,DB_SSH_CONNECTOR",
    "jobs-runner": "JOBS_RUNNER",
    "workflows-worker": "WORKFLOW_TEMPORAL_WORKER",
}
"""`SERVICE_TYPE` as Retool's public Compose file sets it; code-executor has none."""
