"""Many short connections of many endings, made inside the services of a `RetoolHost`, with a ledger of them all.

with StormServer(host) as server:
    storm = Storm([host.service("api")], folder, count=5000, rate=1000)
    entries = storm.run()
    assert compare(entries, collecting.export()).none
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.host import children
from tests.host.ledger import Entry
from tests.host.outside import program
from tests.host.retool_host import RetoolHost
from tests.host.service import Service
from tests.host.storm_client import Plan

_CLIENT: Final = Path(__file__).with_name("storm_client.py")
_SERVER: Final = Path(__file__).with_name("storm_server.py")
_PATIENCE_S: Final = 120.0

PORTS: Final[dict[str, list[int]]] = {
    "answer": [9001, 9002, 9003, 9004],
    "answer-and-close": [9011, 9012, 9013, 9014],
    "answer-at-end": [9021, 9022, 9023, 9024],
    "answer-and-reset": [9031, 9032, 9033, 9034],
    "cut": [9041, 9042, 9043, 9044],
    "silent": [9051, 9052, 9053, 9054],
    "echo": [9061, 9062, 9063, 9064],
}
"""Where the outside does what."""
NOBODY_LISTENS: Final = [9071, 9072, 9073, 9074]


@dataclass(frozen=True, slots=True)
class Kind:
    """One ending: where the client goes, what a record must say, and what the client sees if all went as planned."""

    ports: Sequence[int]
    outcome: str | None
    saw: str
    answered: bool = True
    """The client gets all that it asked for."""


KINDS: Final[dict[str, Kind]] = {
    "client-first": Kind(PORTS["answer"], "closed", "answered"),
    "server-first": Kind(PORTS["answer-and-close"], "closed", "answered"),
    "half-close": Kind(PORTS["answer-at-end"], "closed", "answered"),
    "refused": Kind(NOBODY_LISTENS, "refused", "ECONNREFUSED", answered=False),
    "dropped": Kind(PORTS["answer"], "timed-out", "silence", answered=False),
    "reset": Kind(PORTS["answer-and-reset"], "reset", "ECONNRESET"),
    "cut": Kind(PORTS["cut"], "reset", "ECONNRESET", answered=False),
    "no-reply": Kind(PORTS["silent"], "no-reply", "silence", answered=False),
    "udp": Kind(PORTS["echo"], None, "answered"),
}
MIX: Final[dict[str, float]] = {
    "client-first": 20, "server-first": 50, "half-close": 5, "refused": 8, "dropped": 3, "reset": 5, "cut": 3,
    "no-reply": 2, "udp": 4,
}  # fmt: skip
"""Half closed by the server first; in percent."""
PLAIN: Final[dict[str, float]] = {"client-first": 50, "server-first": 50}
"""Nothing that waits for a time: for the highest rates."""

_ADDRESSES: Final = [f"{net}.{last}" for net in ("198.51.100", "203.0.113") for last in range(1, 255)]
_DROPPED: Final = [f"203.0.113.{last}" for last in range(240, 255)]
_DROPPED_V4, _DROPPED_V6 = "203.0.113.240/28", "2001:db8:dead::/48"
_NOBODY_V4, _NOBODY_V6, _NOBODY_MAC = "10.77.0.250", "fd00:77::fa", "02:00:00:00:00:fa"


class StormServer:
    """The far side: inside the block it listens in the outside of a host; `accepted` is known after it."""

    accepted: Mapping[str, int]
    """How many connections each behaviour of `PORTS` accepted; datagrams of `echo`."""

    def __init__(self, host: RetoolHost) -> None:
        self._host = host
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        argv = [str(_SERVER), json.dumps(PORTS)]
        self._server = self._stack.enter_context(program(self._host.outside, argv))
        children.first_line(self._server)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.close()
        self.accepted = json.loads(self._server.stdout.readline() or "{}")
        self._stack.close()

    @property
    def pid(self) -> int:
        return self._server.pid


@dataclass
class Storm:
    """Connections of some services at the same time, the same number from each."""

    services: Sequence[Service]
    folder: Path
    """Where the ledgers lie."""
    count: int
    """Of each service."""
    rate: float = 0
    """Begun a second, of each service; 0: as fast as it goes."""
    roles: Mapping[str, str | None] = field(default_factory=dict)
    """By service; the service's own name where none is given."""
    mix: Mapping[str, float] = field(default_factory=lambda: MIX)
    user: int | None = None
    """The user id that the clients run as; it must be able to write into the folder."""
    seed: int = 1
    at_once: int = 1000
    ipv6_share: float = 0.25
    large_share: float = 0.03
    give_up_s: float = 1.5
    no_reply_s: float = 0.2
    rates: dict[str, float] = field(default_factory=dict)
    """What each service reached, once it has run."""
    clients: dict[str, "subprocess.Popen[str]"] = field(default_factory=dict)

    def run(self) -> list[Entry]:
        """Make all connections and give back what must be recorded of them."""
        self.prepare()
        return self.play()

    def prepare(self) -> None:
        """Start the clients, up to where they wait for the word."""
        for place, service in enumerate(self.services):
            if self.mix.get("dropped"):
                drop_ranges(service)
            argv = [*as_user(self.user), sys.executable, "-P", str(_CLIENT), json.dumps(self._plan(service, place))]
            self.clients[service.name] = service.popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for client in self.clients.values():
            children.first_line(client)

    def play(self) -> list[Entry]:
        """Let the clients go, and wait for their ends."""
        for client in self.clients.values():
            assert client.stdin is not None
            client.stdin.write("go\n")
            client.stdin.flush()
        entries = []
        for service in self.services:
            told = json.loads(children.first_line(self.clients[service.name]))
            self.rates[service.name] = self.count / told["seconds"]
            children.release(self.clients[service.name])
            role = self.roles.get(service.name, service.name)
            with self._ledger(service).open() as lines:
                entries += [entry_of(json.loads(line), role) for line in lines]
        return entries

    def _ledger(self, service: Service) -> Path:
        return self.folder / f"{service.name}.ledger"

    def _plan(self, service: Service, place: int) -> dict[str, object]:
        plan = Plan(
            count=self.count,
            rate=self.rate,
            at_once=self.at_once,
            seed=self.seed + place,
            weights=dict(self.mix),
            ports={name: list(kind.ports) for name, kind in KINDS.items()},
            ipv6_share=self.ipv6_share,
            addresses_v4=[address for address in _ADDRESSES if address not in _DROPPED],
            network_v6="2001:db8:1::",
            dropped_v4=_DROPPED,
            dropped_network_v6="2001:db8:dead::",
            large_share=self.large_share,
            give_up_s=self.give_up_s,
            no_reply_s=self.no_reply_s,
            ledger=str(self._ledger(service)),
        )
        return {name: getattr(plan, name) for name in Plan.__slots__}


def entry_of(told: Mapping[str, str | int], role: str | None) -> Entry:
    """An entry of the ledger from a line of a client."""
    kind = KINDS[str(told["kind"])]
    udp = told["protocol"] == "udp"
    return Entry(
        str(told["kind"]),
        (
            str(told["protocol"]), str(told["local_ip"]), int(told["local_port"]), str(told["address"]),
            int(told["port"]),
        ),
        kind.outcome,
        role,
        None if udp else int(told["sent"]),
        None if udp else int(told["received"]),
        _trouble(kind, told),
    )  # fmt: skip


def _trouble(kind: Kind, told: Mapping[str, str | int]) -> str:
    if told["saw"] != kind.saw and not (told["kind"] == "cut" and told["saw"] == "EPIPE"):
        return f"saw {told['saw']}"
    wanted = int(told["wanted"]) if kind.answered and told["kind"] != "udp" else 0
    if told["kind"] != "udp" and told["received"] != wanted:
        return f"received {told['received']} of {wanted}"
    return ""


def as_user(user: int | None) -> list[str]:
    """What to put before a program so that it runs as this user, in no other group and with no capability."""
    if user is None:
        return []
    return ["setpriv", "--reuid", str(user), "--regid", str(user), "--clear-groups", "--bounding-set", "-all"]


def drop_ranges(service: Service) -> None:
    """Nothing answers at `_DROPPED_V4` and `_DROPPED_V6` from now on: what a firewall that drops looks like."""
    for family, nobody, network in (("-4", _NOBODY_V4, _DROPPED_V4), ("-6", _NOBODY_V6, _DROPPED_V6)):
        service.run(
            ["ip", family, "neigh", "replace", nobody, "lladdr", _NOBODY_MAC, "dev", "eth0", "nud", "permanent"]
        )
        service.run(["ip", family, "route", "replace", network, "via", nobody])
