"""The catalogue says what is known of Retool's destinations, and nothing of others."""

from datetime import date
from importlib.resources import files
from ipaddress import ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.catalog import (
    CATEGORY_ORDER,
    CLOUD_METADATA,
    Basis,
    Catalogue,
    CatalogueError,
    Service,
    decode_services,
    load_catalogue,
)

CATALOGUE = load_catalogue()
AI = "Retool AI"


def category(host: str, port: int = 443) -> str | None:
    service = CATALOGUE.by_host(host, port)
    return service.category if service else None


def operator(entry: dict[str, object]) -> Service:
    return decode_services([{"id": "mine", "category": "Your resources", **entry}], "config.toml")[0]


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("licensing.tryretool.com", "License checks"),
        ("invites.tryretool.com", "Inviting users"),
        ("email-service.retool.com", "Inviting users"),
        ("p.tryretool.com", "Usage reporting"),
        ("ai-proxy.retool.com", AI),
        ("spb8yl7d3j.execute-api.us-west-2.amazonaws.com", "Retool AI or mobile push"),
        ("specs.tryretool.com", "API specifications"),
        ("telemetry.retool.com", "Telemetry"),
        ("charts.retool.com", "Deployment"),
        ("exceptions.tryretool.com", "Legacy Retool"),
        ("monitoring-service.retool.com", "Legacy Retool"),
        ("api.openai.com", AI),
        ("my-resource.openai.azure.com", AI),
        ("api.anthropic.com", AI),
        ("bedrock-runtime.us-east-1.amazonaws.com", AI),
        ("bedrock-agent-runtime.eu-central-1.amazonaws.com", AI),
        ("generativelanguage.googleapis.com", AI),
        ("us-central1-aiplatform.googleapis.com", AI),
        ("aiplatform.googleapis.com", AI),
        ("api.cohere.com", AI),
        ("api.cohere.ai", AI),
        ("prod.a1b2c.tmprl.cloud", "Workflows and Agents"),
        ("us-west-2.aws.api.temporal.io", "Workflows and Agents"),
        ("registry-1.docker.io", "Image pulls"),
        ("auth.docker.io", "Image pulls"),
        ("production.cloudflare.docker.com", "Image pulls"),
        ("production.cloudfront.docker.com", "Image pulls"),
    ],
)
def test_a_host_that_is_known_gets_its_category(host: str, expected: str) -> None:
    assert category(host) == expected


@pytest.mark.parametrize(
    "host",
    [
        "evil-tryretool.com",
        "tryretool.com",
        "tryretool.com.evil.net",
        "licensing.tryretool.com.evil.net",
        "x.licensing.tryretool.com",
        "xapi.openai.com",
        "api.openai.com.evil.net",
        "openai.azure.com",
        "evilopenai.azure.com",
        "x.openai.azure.com.evil.net",
        "bedrock-runtime.amazonaws.com",
        "bedrock-runtime.us.east.amazonaws.com",
        "bedrock-runtime..amazonaws.com",
        "x.bedrock-runtime.us-east-1.amazonaws.com",
        "-aiplatform.googleapis.com",
        "a.us-aiplatform.googleapis.com",
        "tmprl.cloud",
        "account.tmprl.cloud",
        "api.temporal.io",
        "other.execute-api.us-west-2.amazonaws.com",
        "github.com",
        "",
    ],
)
def test_a_host_that_only_resembles_one_gets_none(host: str) -> None:
    assert category(host) is None


@pytest.mark.parametrize(
    ("ip", "expected"),
    [
        ("35.92.202.168", "Retool service (name unknown)"),
        ("35.92.202.175", "Retool service (name unknown)"),
        ("::ffff:44.211.178.250", "Retool service (name unknown)"),
        ("52.183.123.214", "Legacy Retool"),
        ("51.143.13.244", "Legacy Retool"),
        ("169.254.169.254", CLOUD_METADATA),
        ("169.254.170.2", CLOUD_METADATA),
        ("169.254.170.23", CLOUD_METADATA),
        ("168.63.129.16", CLOUD_METADATA),
        ("100.100.100.200", CLOUD_METADATA),
        ("fd00:ec2::254", CLOUD_METADATA),
        ("fd00:ec2::23", CLOUD_METADATA),
    ],
)
def test_an_address_in_a_documented_range_gets_its_category(ip: str, expected: str) -> None:
    service = CATALOGUE.by_address(ip)
    assert service is not None
    assert service.category == expected


@pytest.mark.parametrize(
    "ip",
    [
        *("35.92.202.167", "35.92.202.176", "44.211.178.247", "44.211.179.0", "52.183.123.215", "169.254.169.253"),
        *("35.90.103.132", "44.208.168.68", "3.77.79.248", "fd00:ec2::255", "::35.92.202.168"),
    ],
)
def test_an_address_beside_a_range_or_of_retool_cloud_gets_none(ip: str) -> None:
    assert CATALOGUE.by_address(ip) is None


def test_the_default_allowlist_is_the_four_hosts_of_the_egress_page_and_nothing_else() -> None:
    services = CATALOGUE.default_hosts()
    assert sorted(host for service in services for host in service.hosts) == [
        "email-service.retool.com",
        "invites.tryretool.com",
        "licensing.tryretool.com",
        "p.tryretool.com",
    ]
    assert {service.basis for service in services} == {Basis.SEED}
    assert {service.ports for service in services} == {(443,)}
    assert not any(service.networks for service in services)


def test_only_the_egress_page_is_named_as_the_authority() -> None:
    assert {service.id for service in CATALOGUE.services if service.basis is Basis.SEED} == {
        service.id for service in CATALOGUE.default_hosts()
    }


@pytest.mark.parametrize("service", CATALOGUE.services, ids=lambda service: service.id)
def test_every_entry_says_how_sure_it_is_where_that_stands_and_since_when(service: Service) -> None:
    assert service.basis is not Basis.OPERATOR
    assert service.source not in ("", Service(id="x", category="x", hosts=("x",)).source)
    assert service.date is not None
    assert service.date <= date(2026, 11, 23)
    assert service.purpose != "not stated"
    assert service.sent
    assert service.cadence


def test_the_licence_check_is_due_once_a_day_and_nothing_else_has_a_stated_cadence() -> None:
    assert {service.id: service.cadence_s for service in CATALOGUE.services if service.cadence_s} == {
        "licensing": 86_400
    }


def test_the_categories_begin_with_the_four_of_the_egress_page() -> None:
    categories = CATALOGUE.categories()
    assert categories[:4] == ("License checks", "Inviting users", "Usage reporting", "Retool AI") == CATEGORY_ORDER
    assert len(set(categories)) == len(categories)
    assert {service.category for service in CATALOGUE.services} == set(categories)


def test_names_to_look_up_ahead_of_time_are_exact_and_stand_once() -> None:
    hosts = CATALOGUE.exact_hosts()
    assert {"licensing.tryretool.com", "api.openai.com", "aiplatform.googleapis.com"} <= set(hosts)
    assert not any("*" in host for host in hosts)
    assert len(set(hosts)) == len(hosts)


def test_a_service_is_found_by_its_id() -> None:
    found = CATALOGUE.service("usage")
    assert found is not None
    assert found.hosts == ("p.tryretool.com",)
    assert CATALOGUE.service("nothing") is None


def test_what_usage_reporting_sends_is_told_in_full() -> None:
    usage = CATALOGUE.service("usage")
    assert usage is not None
    for fact in ("page URL", "query saves and previews", "public IP", "user agent", "the user's email"):
        assert fact in usage.sent


def test_a_known_host_on_an_unusual_port_keeps_its_label() -> None:
    assert category("api.openai.com", 8443) == AI
    assert category("prod.a1b2c.tmprl.cloud", 443) == "Workflows and Agents"


def test_the_data_file_is_part_of_the_package() -> None:
    assert b"licensing.tryretool.com" in files("tui.catalog").joinpath("retool.toml").read_bytes()


def test_an_operators_entry_with_a_known_id_replaces_that_service() -> None:
    mine = operator({"id": "openai", "hosts": ["ai.example.net"], "category": "Our AI gateway"})
    extended = load_catalogue([mine])
    assert extended.by_host("ai.example.net", 443) is mine
    assert extended.by_host("api.openai.com", 443) is None
    assert extended.service("openai") is mine
    assert CATALOGUE.by_host("api.openai.com", 443) is not None


def test_an_operators_entry_for_a_known_host_wins_over_the_packages() -> None:
    mine = operator({"hosts": ["api.openai.com"]})
    assert CATALOGUE.extended([mine]).by_host("api.openai.com", 443) is mine


def test_a_new_category_of_the_operator_comes_last() -> None:
    extended = CATALOGUE.extended([operator({"hosts": ["db.example.net"], "ports": [5432]})])
    assert extended.categories() == (*CATALOGUE.categories(), "Your resources")


def test_of_two_services_on_one_host_the_port_decides() -> None:
    web = operator({"id": "web", "hosts": ["x.example.net"], "ports": [443]})
    database = operator({"id": "database", "hosts": ["x.example.net"], "ports": [5432]})
    both = Catalogue((web, database))
    assert both.by_host("x.example.net", 443) is web
    assert both.by_host("x.example.net", 5432) is database
    assert both.by_host("x.example.net", 22) is database


def test_an_exact_name_comes_before_a_pattern_and_a_closer_pattern_before_a_wider_one() -> None:
    wide = operator({"id": "wide", "hosts": ["*.example.net"]})
    close = operator({"id": "close", "hosts": ["*.db.example.net"], "ports": [5432]})
    exact = operator({"id": "exact", "hosts": ["a.db.example.net"], "ports": [1]})
    for services in ((wide, close, exact), (exact, close, wide)):
        catalogue = Catalogue(services)
        assert catalogue.by_host("a.db.example.net", 443) is exact
        assert catalogue.by_host("b.db.example.net", 443) is close
        assert catalogue.by_host("db.example.net", 443) is wide
        assert catalogue.by_host("x.y.db.example.net", 443) is close
        assert catalogue.by_host("example.net", 443) is None


def test_of_two_networks_the_narrower_one_wins() -> None:
    wide = operator({"id": "wide", "networks": ["198.51.100.0/24"]})
    narrow = operator({"id": "narrow", "networks": ["198.51.100.64/26"]})
    for services in ((wide, narrow), (narrow, wide)):
        assert Catalogue(services).by_address("198.51.100.70") is narrow
        assert Catalogue(services).by_address("198.51.100.1") is wide


def test_two_services_may_not_share_an_id() -> None:
    with pytest.raises(CatalogueError, match='Two services have the id "mine"'):
        Catalogue((operator({"hosts": ["a.net"]}), operator({"hosts": ["b.net"]})))


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"hosts": ["a.net"], "zzz": 1}, "unknown field `zzz`"),
        ({}, "neither hosts nor networks"),
        ({"hosts": "a.net"}, "Expected `array`"),
        ({"hosts": ["A.net"]}, "lower case"),
        ({"hosts": ["a.net."]}, "trailing dot"),
        ({"hosts": ["https://a.net"]}, "without scheme"),
        ({"hosts": ["a.net:443"]}, "port"),
        ({"hosts": ["größe.net"]}, "xn--"),
        ({"hosts": ["*"]}, "not a host name"),
        ({"hosts": ["a..net"]}, "not a host name"),
        ({"hosts": ["**.net"]}, "not a host name"),
        ({"hosts": [f"{'a.' * 130}net"]}, "not a host name"),
        ({"hosts": ["\x1b]0;x\x07"]}, "not a host name"),
        ({"networks": ["10.0.0.1/8"]}, "has host bits set"),
        ({"networks": ["ten"]}, "'ten'"),
        ({"hosts": ["a.net"], "ports": []}, "at least one"),
        ({"hosts": ["a.net"], "ports": [70_000]}, "from 1 to 65535"),
        ({"hosts": ["a.net"], "ports": ["443"]}, "Expected `int`"),
        ({"hosts": ["a.net"], "cadence_s": 0}, "cadence_s must be at least 1"),
        ({"hosts": ["a.net"], "basis": "rumour"}, "rumour"),
        ({"hosts": ["a.net"], "id": "No Slug"}, "lower-case letters"),
        ({"hosts": ["a.net"], "category": " "}, "category is empty"),
        ({"hosts": ["a.net"], "category": "a\x1bb"}, "cannot be shown"),
    ],
)
def test_a_wrong_entry_is_refused_with_its_place_and_the_reason(entry: dict[str, object], says: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        operator(entry)
    assert str(caught.value).startswith("config.toml: ")
    assert says in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("entry", ["x", 7, []])
def test_an_entry_that_is_no_table_is_refused(entry: object) -> None:
    with pytest.raises(CatalogueError, match="Expected `object`"):
        decode_services([entry], "config.toml")


@settings(deadline=None)
@given(st.text(max_size=80), st.integers(0, 65_535))
def test_any_text_can_be_asked_for(host: str, port: int) -> None:
    service = CATALOGUE.by_host(host, port)
    assert service is None or service in CATALOGUE.services


@settings(deadline=None)
@given(st.ip_addresses())
def test_an_address_has_a_label_exactly_when_a_network_holds_it(address: object) -> None:
    holding = {
        service.id
        for service in CATALOGUE.services
        for network in map(ip_network, service.networks)
        if address in network
    }
    found = CATALOGUE.by_address(str(address))
    assert ({found.id} if found else set()) == holding
