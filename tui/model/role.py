"""Which Retool service a process is, told by the environment and the service name of Retool's Compose file."""

from collections.abc import Iterable

QUEUE_VARIABLE = "WORKER_TEMPORAL_TASKQUEUE"
SERVICE_VARIABLE = "SERVICE_TYPE"

_HELPERS = frozenset({"DB_CONNECTOR", "DB_SSH_CONNECTOR", "DB_CONNECTOR_SERVICE", "DB_SSH_CONNECTOR_SERVICE"})
"""Run inside another service in the usual deployment, and name a role only when they stand alone."""

_ROLES = {
    "MAIN_BACKEND": "api",
    "API_SERVICE": "api",
    "JOBS_RUNNER": "jobs-runner",
    "WORKFLOW_BACKEND": "workflows-backend",
    "WORKFLOW_TEMPORAL_WORKER": "workflows-worker",
    "AGENT_EVAL_TEMPORAL_WORKER": "agent-eval-worker",
    "R2_AGENT_TEMPORAL_WORKER": "r2-agent-worker",
    "RR_GIT_SERVER": "git-server",
    "MCP_SERVER": "mcp-server",
    "MULTIPLAYER_SERVICE": "multiplayer",
    "JAVA_DBCONNECTOR": "java-dbconnector",
    "DB_CONNECTOR": "db-connector",
    "DB_CONNECTOR_SERVICE": "db-connector",
    "DB_SSH_CONNECTOR": "db-ssh-connector",
    "DB_SSH_CONNECTOR_SERVICE": "db-ssh-connector",
}

COMPOSE_SERVICES = frozenset(
    {
        "api",
        "jobs-runner",
        "workflows-backend",
        "workflows-worker",
        "agent-worker",
        "agent-eval-worker",
        "code-executor",
        "postgres",
        "retooldb-postgres",
        "https-portal",
        "temporal",
    }
)
"""The services of Retool's Compose file; such a name is a role where the environment tells none."""

_HELPER_ROLES = frozenset(_ROLES[word] for word in _HELPERS)


def joined(roles: Iterable[str | None]) -> str | None:
    """One role of several processes that are one service; a connector names it only where nothing else does."""
    words = {word for role in roles if role for word in role.split("+")}
    return "+".join(sorted(words - _HELPER_ROLES or words)) or None


def role_of(service_type: str | None, queue: str | None = None) -> str | None:
    """The role that ``SERVICE_TYPE`` (a comma-joined set) and the Temporal queue tell; several are joined by ``+``.

    Unknown words name no role, so that outside text never becomes one. None where nothing is told.
    """
    words = {word.strip() for word in (service_type or "").split(",")} - {""}
    if words - _HELPERS:
        words -= _HELPERS
    roles = {_ROLES[word] for word in words if word in _ROLES}
    if queue == "agent" and "workflows-worker" in roles:
        roles = (roles - {"workflows-worker"}) | {"agent-worker"}
    return "+".join(sorted(roles)) or None
