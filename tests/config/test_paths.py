"""Which files are read when nobody names one."""

from pathlib import Path

import pytest

from tui.config.paths import allowlist_file, default_config, local_allowlist_file


def test_root_reads_the_systems_configuration_whatever_the_environment_says() -> None:
    assert default_config({"XDG_CONFIG_HOME": "/x", "HOME": "/h"}, 0) == Path("/etc/retool-egress/config.toml")


@pytest.mark.parametrize(
    ("environ", "path"),
    [
        ({"XDG_CONFIG_HOME": "/x", "HOME": "/h"}, "/x/retool-egress/config.toml"),
        ({"XDG_CONFIG_HOME": "", "HOME": "/h"}, "/h/.config/retool-egress/config.toml"),
        ({"HOME": "/h"}, "/h/.config/retool-egress/config.toml"),
        ({}, "/.config/retool-egress/config.toml"),
    ],
)
def test_others_read_their_own(environ: dict[str, str], path: str) -> None:
    assert default_config(environ, 1000) == Path(path)


def test_the_allowlists_stand_beside_the_configuration() -> None:
    assert allowlist_file(Path("/a/my.toml")) == Path("/a/allowlist.toml")
    assert local_allowlist_file(Path("/a/my.toml")) == Path("/a/allowlist.local.toml")
