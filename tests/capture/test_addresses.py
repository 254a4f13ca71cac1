"""The addresses of a namespace, off the kernel's own tables."""

import subprocess
from pathlib import Path

import pytest

from tests.host import RetoolHost, first_line
from tui.capture.addresses import addresses_of, ipv4_in, ipv6_in

TRIE = """\
Local:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 172.18.0.0/16 2 0 2
        +-- 172.18.0.0/30 2 0 2
           |-- 172.18.0.0
              /16 link UNICAST
           |-- 172.18.0.3
              /32 host LOCAL
        |-- 172.18.255.255
           /32 link BROADCAST
"""


def test_only_what_is_local_is_an_address_of_the_namespace() -> None:
    assert ipv4_in(TRIE) == {"172.18.0.3"}
    assert ipv6_in("fd000000000000000000000000000002 04 40 00 82     eth0\n") == {"fd00::2"}


def test_a_namespace_of_which_nothing_can_be_read_has_none(tmp_path: Path) -> None:
    assert addresses_of(str(tmp_path)) == frozenset()


@pytest.mark.root
def test_every_namespace_has_its_own_and_no_loopback() -> None:
    with RetoolHost() as host:
        api = host.service("api")
        shown = api.run(["ip", "-o", "addr", "show", "scope", "global"]).stdout
        expected = {line.split()[3].partition("/")[0] for line in shown.splitlines()}
        child = api.popen(["sh", "-c", "echo there; exec sleep 20"], stdout=subprocess.PIPE)
        first_line(child)
        try:
            found = addresses_of(f"/proc/{child.pid}/net")
        finally:
            child.kill()
            child.wait()
    assert expected
    assert {ip for ip in found if not ip.startswith("fe80")} == expected
