"""QUIC, end to end: what the record says of clients that speak it, whose sockets the kernel hardly knows."""

import sys
from typing import Any

import pytest

from tests.capture.quic_packets import Client, crypto
from tests.capture.test_quic import hello
from tests.test_names import LICENSING, SHARED_IP, Names, names

__all__ = ["names"]
pytestmark = pytest.mark.root

SEND = """
import socket, sys, time
address, connected, *datagrams = sys.argv[1:]
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
    if connected == "connected":
        sender.connect((address, 443))
    for datagram in map(bytes.fromhex, datagrams):
        sender.send(datagram) if connected == "connected" else sender.sendto(datagram, (address, 443))
    print(sender.getsockname()[1])
    time.sleep(1.5)
"""


def send(names: Names, address: str, how: str, *hosts: str) -> int:
    """The local port from which a client begins a QUIC connection to each of the hosts."""
    datagrams = [Client(keys_of=host.encode()[:8]).sealed(crypto(hello(host)), size=1200).hex() for host in hosts]
    done = names.api.run([sys.executable, "-c", SEND, address, how, *datagrams], timeout_s=20)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def rows(names: Names, port: int, count: int) -> list[dict[str, Any]]:
    """What is recorded of QUIC from a local port."""

    def found() -> list[dict[str, Any]]:
        told = [row for row in names.collecting.export() if (row["protocol"], row["port"]) == ("udp", 443)]
        return [row for row in told if row["local_port"] == port and row["verdict"] != "pending"]

    names.collecting.wait_for(lambda: len(found()) >= count)
    return sorted(found(), key=lambda row: str(row["opened_at"]))


@pytest.mark.parametrize("how", ["connected", "unconnected"])
def test_a_quic_connection_has_the_name_that_its_client_used(names: Names, how: str) -> None:
    with names.collecting:
        port = send(names, SHARED_IP, how, LICENSING)
        (row,) = rows(names, port, 1)
    assert (row["host"], row["host_evidence"], row["ip"], row["role"]) == (LICENSING, "sni", SHARED_IP, "api")
    assert row["verdict"] == "allowed"


def test_two_names_to_one_address_from_one_socket_are_two_connections(names: Names) -> None:
    with names.collecting:
        port = send(names, SHARED_IP, "unconnected", LICENSING, "db.example.com")
        told = rows(names, port, 2)
    assert [(row["host"], row["verdict"]) for row in told] == [
        (LICENSING, "allowed"), ("db.example.com", "off-allowlist"),
    ]  # fmt: skip
