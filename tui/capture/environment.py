"""What is kept of a process's environment: its Retool role and its proxies without credentials. Nothing else.

The text is that of /proc/PID/environ (proc_pid_environ(5)): NUL-separated, bytes of any kind, no sure end.
"""

import re
from ipaddress import ip_network
from typing import NamedTuple

from tui.model.role import QUEUE_VARIABLE, SERVICE_VARIABLE, role_of
from tui.model.text import clean

_PROXY_WORDS = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
PROXY_VARIABLES = frozenset({*_PROXY_WORDS, *(word.lower() for word in _PROXY_WORDS)})
_WANTED = PROXY_VARIABLES | {SERVICE_VARIABLE, QUEUE_VARIABLE}
VALUE_LIMIT = 1024
"""Characters kept of a value."""

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
SCHEMES = frozenset({"http://", "https://", "socks://", "socks4://", "socks4a://", "socks5://", "socks5h://"})
_AT = ("@", "＠", "﹫", "%40")
"""Ways to write the end of credentials (RFC 3986 §3.2.1, and what clients forgive)."""
_PLACE = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[^\s:/?#\\\[\]]*)(?P<port>:[0-9]{1,5}(?![0-9]))?")


class Environment(NamedTuple):
    """What one environment tells."""

    role: str | None = None
    proxy: tuple[tuple[str, str], ...] = ()
    """Pairs of variable and value, sorted."""


EMPTY = Environment()


def environment_of(content: bytes) -> Environment:
    """Read an environment. Never raises; of a variable that stands there twice the first counts, as for getenv(3)."""
    found: dict[str, str] = {}
    for word in content.split(b"\0"):
        name, equals, value = word.partition(b"=")
        key = name.decode("ascii", "replace")
        if equals and key in _WANTED:
            found.setdefault(key, value.decode("utf-8", "replace"))
    proxies = {key: plain(key, found[key]) for key in sorted(PROXY_VARIABLES & found.keys())}
    role = role_of(found.get(SERVICE_VARIABLE), found.get(QUEUE_VARIABLE))
    return Environment(role, tuple((key, value) for key, value in proxies.items() if value))


def plain(variable: str, value: str) -> str:
    """A proxy variable's value without credentials, paths and whatever else is no place; inert, perhaps empty."""
    if variable.upper() != "NO_PROXY":
        return clean(_place(value.strip()), VALUE_LIMIT)
    items = re.split(r"[,\s]+", _without_credentials(value)[: 4 * VALUE_LIMIT])
    return clean(",".join(shown for item in items if (shown := _exception(item))), VALUE_LIMIT)


def _place(url: str) -> str:
    """Scheme, host and port; a port that is no number may be half of a malformed ``user:password`` and goes too."""
    match = _SCHEME.match(url)
    scheme = match[0].lower() if match else ""
    found = _PLACE.match(_without_credentials(url[len(scheme) :]))
    place = found[0] if found else ""
    return f"{scheme}{place}" if place and scheme in SCHEMES else place


def _without_credentials(text: str) -> str:
    """What stands behind the last of all ``@``: more than a URL asks, so that nothing of a password is left."""
    for mark in _AT:
        text = text.rpartition(mark)[2]
    return text


def _exception(item: str) -> str:
    """One place that is reached without a proxy: a host, a suffix, an address or a network."""
    try:
        ip_network(item, strict=False)
    except ValueError:
        return _place(item)
    return item
