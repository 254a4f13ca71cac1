"""Which Retool service a process is, from what Retool's Compose file puts into its environment."""

import pytest

from tui.model.role import COMPOSE_SERVICES, joined, role_of


@pytest.mark.parametrize(
    ("service_type", "queue", "role"),
    [
        ("MAIN_BACKEND,DB_CONNECTOR,DB_SSH_CONNECTOR", None, "api"),
        ("JOBS_RUNNER", None, "jobs-runner"),
        ("WORKFLOW_BACKEND,DB_CONNECTOR,DB_SSH_CONNECTOR", None, "workflows-backend"),
        ("WORKFLOW_TEMPORAL_WORKER", None, "workflows-worker"),
        ("WORKFLOW_TEMPORAL_WORKER", "agent", "agent-worker"),
        ("WORKFLOW_TEMPORAL_WORKER", "other", "workflows-worker"),
        ("AGENT_EVAL_TEMPORAL_WORKER", None, "agent-eval-worker"),
        ("AGENT_EVAL_TEMPORAL_WORKER", "agent", "agent-eval-worker"),
    ],
)
def test_each_service_of_the_compose_file_has_its_role(service_type: str, queue: str | None, role: str) -> None:
    assert role_of(service_type, queue) == role


@pytest.mark.parametrize(
    "service_type", ["JOBS_RUNNER,MAIN_BACKEND", " MAIN_BACKEND , JOBS_RUNNER ", "MAIN_BACKEND,JOBS_RUNNER,"]
)
def test_several_services_in_one_process_are_a_set_in_one_order(service_type: str) -> None:
    assert role_of(service_type) == "api+jobs-runner"


@pytest.mark.parametrize("service_type", ["DB_CONNECTOR", "DB_CONNECTOR,", ",DB_CONNECTOR_SERVICE"])
def test_a_connector_that_stands_alone_has_a_role(service_type: str) -> None:
    assert role_of(service_type) == "db-connector"


@pytest.mark.parametrize("service_type", [None, "", ",", "main_backend", "EVIL\x1b[2J", "api", "MAIN_BACKENDX"])
def test_what_is_not_known_never_becomes_a_role(service_type: str | None) -> None:
    assert role_of(service_type) is None
    assert role_of(service_type, "agent") is None


def test_an_unknown_word_beside_a_known_one_is_left_out() -> None:
    assert role_of("MAIN_BACKEND,NEW_THING") == "api"


@pytest.mark.parametrize(
    ("roles", "role"),
    [
        ([], None),
        ([None, None], None),
        (["jobs-runner", None, "api"], "api+jobs-runner"),
        (["api+jobs-runner", "api"], "api+jobs-runner"),
        (["db-connector", "api"], "api"),
        (["db-ssh-connector", "db-connector"], "db-connector+db-ssh-connector"),
    ],
)
def test_roles_of_several_processes_are_one_set_without_helpers(roles: list[str | None], role: str | None) -> None:
    assert joined(roles) == role


def test_a_compose_service_is_never_a_set() -> None:
    assert not [service for service in COMPOSE_SERVICES if "+" in service]
