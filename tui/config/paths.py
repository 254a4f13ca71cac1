"""Which configuration files are read. Root: /etc/retool-egress; others: the XDG base directory."""

import os
from pathlib import Path

SYSTEM_DIRECTORY = Path("/etc/retool-egress")


def default_config(environ: dict[str, str], euid: int) -> Path:
    """Where ``config.toml`` is looked for when nobody names one."""
    if euid == 0:
        return SYSTEM_DIRECTORY / "config.toml"
    home = environ.get("XDG_CONFIG_HOME") or os.path.join(environ.get("HOME", "/"), ".config")
    return Path(home) / "retool-egress" / "config.toml"


def allowlist_file(config: Path) -> Path:
    """The operator's allowlist, beside ``config.toml``."""
    return config.with_name("allowlist.toml")


def local_allowlist_file(config: Path) -> Path:
    """Decisions taken in the tool, beside the operator's allowlist and merged with it."""
    return config.with_name("allowlist.local.toml")
