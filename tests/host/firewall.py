"""What a firewall does, made inside the namespace of one service."""

from tests.host.service import Service


def drop(service: Service, address: str) -> None:
    """From now on nothing answers at this address: what a firewall that drops looks like."""
    find = "ip -o route get 203.0.113.1 | sed 's/.* dev \\([^ ]*\\).*/\\1/'"
    device = service.run(["sh", "-c", find]).stdout.strip()
    service.run(["ip", "neigh", "add", "10.77.0.250", "lladdr", "02:00:00:00:00:fa", "dev", device])
    service.run(["ip", "route", "add", f"{address}/32", "via", "10.77.0.250"])
