"""The addresses of a network namespace, as /proc shows them to a process in it (proc_pid_net(5)).

``fib_trie`` has the kernel's IPv4 tables, in which a namespace's own addresses are routes of the type ``LOCAL``;
``if_inet6`` has a line for each IPv6 address. The kernel writes both: they are whole, and no container can change them.
"""

import os
from ipaddress import IPv6Address

from tui.model.address import normal

SIZE_MAX = 1 << 20
"""Bytes that are read of a file: the tables of a host with thousands of containers."""


def addresses_of(directory: str) -> frozenset[str]:
    """The addresses of the namespace whose files these are, in their usual text, without those of loopback.

    :param directory: ``/proc/PID/net``
    """
    found = {ip for ip in ipv4_in(_read(f"{directory}/fib_trie")) if not ip.startswith("127.")}
    return frozenset(found | {ip for ip in ipv6_in(_read(f"{directory}/if_inet6")) if ip != "::1"})


def ipv4_in(fib_trie: str) -> set[str]:
    """The local addresses of a ``fib_trie``: a leaf ``|-- 192.0.2.1`` whose first line below is ``/32 host LOCAL``."""
    found, leaf = set[str](), ""
    for line in fib_trie.splitlines():
        words = line.split()
        if words[:1] == ["|--"] and len(words) == 2:
            leaf = words[1]
        elif words == ["/32", "host", "LOCAL"]:
            found.add(normal(leaf))
    return found


def ipv6_in(if_inet6: str) -> set[str]:
    """The addresses of an ``if_inet6``, whose lines begin with one in 32 hexadecimal digits."""
    return {str(IPv6Address(bytes.fromhex(line.split()[0]))) for line in if_inet6.splitlines() if line}


def _read(path: str) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # there is no IPv6, or the process has ended
        return ""
    try:
        parts = list[bytes]()
        while sum(map(len, parts)) < SIZE_MAX and (part := os.read(descriptor, 65_536)):
            parts.append(part)
    except OSError:
        return ""
    finally:
        os.close(descriptor)
    return b"".join(parts).decode("ascii", "replace").rpartition("\n")[0]
