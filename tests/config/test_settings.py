"""What config.toml sets, what stands without it, and what is refused."""

from pathlib import Path

import pytest

from tui.config.errors import ConfigError
from tui.config.settings import load_settings


def settings_problem(tmp_path: Path, text: str) -> ConfigError:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_settings(path, named=True)
    return caught.value


def test_without_a_file_the_documented_defaults_hold(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "config.toml", named=False)
    assert (settings.sockets.source, settings.sockets.interval_s) == ("auto", 1.0)
    assert (settings.names.wire, settings.names.forward, settings.names.reverse) == (True, True, True)
    assert settings.names.nameservers == ()
    assert settings.internal.networks == (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "fc00::/7", "fe80::/10",
        "::1/128",
    )  # fmt: skip
    assert (settings.proxy.places, settings.proxy.required) == ((), False)
    assert settings.services == ()


def test_an_empty_file_gives_the_same_as_none(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    nothing = load_settings(path, named=False)
    path.write_text("")
    assert load_settings(path, named=True) == nothing


def test_a_file_that_was_named_and_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file") as caught:
        load_settings(tmp_path / "config.toml", named=True)
    assert "--config" in caught.value.hint


def test_what_the_file_says_replaces_the_defaults_and_the_rest_stays(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        "[sockets]\ninterval_s = 1\nsource = 'psutil'\n[names]\nwire = false\nforward = false\nreverse = false\n"
        "nameservers = ['10.0.0.2', 'fd00::2']\n[internal]\nnetworks = []\n"
        "[[service]]\nid = 'crm'\ncategory = 'Your resources'\nhosts = ['crm.example.com']\n"
    )
    settings = load_settings(path, named=True)
    assert (settings.sockets.source, settings.sockets.interval_s) == ("psutil", 1.0)
    assert (settings.names.wire, settings.names.forward, settings.names.reverse) == (False, False, False)
    assert settings.names.nameservers == ("10.0.0.2", "fd00::2")
    assert settings.internal.networks == ()
    assert [service.id for service in settings.services] == ["crm"]


@pytest.mark.parametrize("server", ["dns.example.com", "10.0.0.2:53", "", "10.0.0.256"])
def test_a_nameserver_that_is_no_address_is_told_with_its_line(tmp_path: Path, server: str) -> None:
    error = settings_problem(tmp_path, f"# names\n[names]\nforward = true\nnameservers = ['10.0.0.1', '{server}']\n")
    assert error.line == 4
    assert "`nameservers`" in str(error)


@pytest.mark.parametrize(
    "address",
    ["10.0.4.20", "proxy.corp.example", "", ":3128", "10.0.4.20:0", "10.0.4.20:65536", "10.0.4.0/24:3128", "a b:3128",
     "http://10.0.4.20:3128", "fd00::4:3128"],
)  # fmt: skip
def test_a_proxy_without_a_place_or_a_port_is_told_with_its_line(tmp_path: Path, address: str) -> None:
    error = settings_problem(tmp_path, f"[proxy]\nrequired = true\naddresses = ['10.0.4.20:3128', '{address}']\n")
    assert error.line == 3
    assert "`addresses`" in str(error)
    assert "10.0.4.20:3128" in error.hint


@pytest.mark.parametrize("second", ["/var/log/access.log", "/var/log/../log/access.log", "access.log"])
def test_a_log_that_is_followed_twice_or_from_nobody_knows_where_is_told_with_its_line(
    tmp_path: Path, second: str
) -> None:
    logs = "".join(f"[[proxy.log]]\npath = '{each}'\n" for each in ("/var/log/access.log", second))
    error = settings_problem(tmp_path, logs)
    assert error.line == 3
    assert "`path` of a log" in str(error)


def test_the_known_proxies_are_places_by_address_or_name(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[proxy]\nrequired = true\naddresses = ['10.0.4.20:3128', '[fd00::4]:1', 'Proxy.Corp.Example:2']\n")
    proxy = load_settings(path, named=True).proxy
    assert proxy.required
    assert proxy.places == (("10.0.4.20", 3128), ("fd00::4", 1), ("proxy.corp.example", 2))


@pytest.mark.parametrize("network", ["10.0.0.1/8", "10.0.0.0/33", "corp", "10.0.0.0-10.0.0.9"])
def test_a_network_that_is_none_is_told_with_its_line(tmp_path: Path, network: str) -> None:
    error = settings_problem(tmp_path, f"[internal]\nnetworks = ['10.0.0.0/8', '{network}']\n")
    assert error.line == 2
    assert "`networks`" in str(error)
