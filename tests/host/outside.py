"""The outside: a namespace that is every public address there is, with the TLS servers and the DNS server."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.host import children
from tests.host.layout import NAMESERVER, PUBLIC_NETWORKS
from tests.host.namespaces import Namespace

_TLS_SERVER = Path(__file__).with_name("tls_server.py")
_DNS_SERVER = Path(__file__).with_name("dns_server.py")


def addressing() -> list[str]:
    """`ip` commands that make all public addresses local here: whole networks, so that a name can move in them."""
    return [f"route add local {network} dev lo" for network in PUBLIC_NETWORKS]


@contextmanager
def servers(outside: Namespace, server_file: Path, zone_file: Path) -> Iterator[None]:
    """Both servers listen inside the block; they also end when this process does."""
    with ExitStack() as stack:
        started = [
            stack.enter_context(program(outside, [str(_TLS_SERVER), str(server_file)])),
            stack.enter_context(program(outside, [str(_DNS_SERVER), NAMESERVER, str(zone_file)])),
        ]
        for server in started:
            children.first_line(server)
        yield


@contextmanager
def program(
    inside: Namespace, argv: Sequence[str], env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A Python program inside for as long as the block; it ends when its standard input does."""
    child = subprocess.Popen(
        inside.argv([sys.executable, "-P", *argv]),
        env=os.environ | dict(env or {}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,  # Ctrl+C is for the tests
    )
    try:
        yield child
    finally:
        children.release(child)
