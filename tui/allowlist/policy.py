"""Where the rules come from, and whether a source has changed since it was read."""

from dataclasses import dataclass
from pathlib import Path

from tui.allowlist.judge import Allowlist
from tui.allowlist.load import default_rules, load_rules
from tui.allowlist.rules import Rule
from tui.catalog import CLOUD_METADATA, Catalogue
from tui.config.paths import allowlist_file, local_allowlist_file
from tui.config.settings import Settings
from tui.model.address import Networks

Signature = tuple[tuple[int, int, int, int] | None, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """The default rules, the two allowlist files, and the networks that are not judged."""

    defaults: tuple[Rule, ...]
    operator_file: Path
    local_file: Path
    internal: Networks
    never_internal: Networks

    @property
    def files(self) -> tuple[Path, Path]:
        """The files that are merged, the operator's first."""
        return (self.operator_file, self.local_file)

    def load(self) -> Allowlist:
        """The allowlist as the files have it now.

        :raises ConfigError: if one of them is wrong or not to be trusted
        """
        return self.allowlist(load_rules(self.defaults, self.files))

    def allowlist(self, rules: tuple[Rule, ...], revision: int = 0) -> Allowlist:
        """These rules with this policy's networks."""
        return Allowlist(rules, self.internal, self.never_internal, revision)

    def signature(self) -> Signature:
        """A value that changes when a file does (inode, size, time of change, mode)."""
        return tuple(_signature(path) for path in self.files)


def _signature(path: Path) -> tuple[int, int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_ino, found.st_size, found.st_ctime_ns, found.st_mode)


def policy_of(settings: Settings, catalogue: Catalogue) -> Policy:
    """The policy that a configuration and its catalogue give."""
    defaults = default_rules((host, s.ports, s.purpose) for s in catalogue.default_hosts() for host in s.hosts)
    metadata = [n for s in catalogue.services if s.category == CLOUD_METADATA for n in s.networks]
    return Policy(
        defaults,
        allowlist_file(settings.path),
        local_allowlist_file(settings.path),
        Networks(settings.internal.networks),
        Networks(metadata),
    )
