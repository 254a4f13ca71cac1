"""`catalog show` tells what Retool connects to, and how sure that is."""

import json

from tests.cli.conftest import Invoke
from tests.cli.program import Desk


def test_the_four_hosts_of_the_egress_page_come_with_category_and_basis(invoke: Invoke) -> None:
    rows = {row["destination"]: row for row in json.loads(invoke("catalog", "show", "--format", "json").stdout)}
    categories = {
        "licensing.tryretool.com": "License checks",
        "invites.tryretool.com": "Inviting users",
        "email-service.retool.com": "Inviting users",
        "p.tryretool.com": "Usage reporting",
    }
    for host, category in categories.items():
        assert (rows[host]["category"], rows[host]["basis"], rows[host]["allowed_by_default"]) == (
            category,
            "seed",
            "yes",
        )
    assert sum(row["allowed_by_default"] == "yes" for row in rows.values()) == len(categories)


def test_ai_providers_are_known_and_not_allowed_by_default(invoke: Invoke) -> None:
    rows = {row["destination"]: row for row in json.loads(invoke("catalog", "show", "--format", "json").stdout)}
    assert (rows["api.openai.com"]["category"], rows["api.openai.com"]["allowed_by_default"]) == ("Retool AI", "no")


def test_a_service_of_the_operator_is_listed_as_said_by_the_operator(desk: Desk, invoke: Invoke) -> None:
    desk.config.write_text(
        '[[service]]\nid = "orders-database"\ncategory = "Your resources"\nhosts = ["orders.db.example.com"]\n'
        'ports = [5432]\npurpose = "orders"\n'
    )
    rows = {row["destination"]: row for row in json.loads(invoke("catalog", "show", "--format", "json").stdout)}
    mine = rows["orders.db.example.com"]
    assert (mine["category"], mine["ports"], mine["basis"]) == ("Your resources", "5432", "operator")


def test_a_service_that_could_match_nothing_is_an_error_with_file_and_line(desk: Desk) -> None:
    desk.config.write_text('# mine\n[[service]]\nid = "orders"\ncategory = "Your resources"\n')
    done = desk.run("catalog", "show")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{desk.config}:2:" in done.stderr
    assert "Traceback" not in done.stderr
