"""Record an incident on the host for tests, for the pictures: ``python -m tests.record_incident MINUTES FILE``.

Real sockets of real processes, seen by the real collector: Retool's own services at work, an AI provider and telemetry
that nobody allowed, a database inside, and, after a while, licence checks that a firewall drops and a process without
a role that talks to an address without a name. Needs root.
"""

import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.host import RetoolHost
from tests.host.service import Service

ROOT = Path(__file__).resolve().parent.parent
TRAFFIC = Path(__file__).with_name("host") / "traffic.py"
NODE = "retool-prod-1"

ALLOWLIST = """
[[allow]]
host = "api.stripe.com"
reason = "CHG-4600 payments resource"

[[allow]]
host = "github.com"
roles = ["jobs-runner"]
reason = "CHG-4602 source control"
"""

ZONE = {
    "licensing.tryretool.com": ["203.0.113.10"],
    "telemetry.retool.com": ["198.51.100.20"],
    "api.stripe.com": ["198.51.100.21"],
    "github.com": ["198.51.100.22"],
    "api.anthropic.com": ["198.51.100.23"],
}
API = "MAIN_BACKEND,DB_CONNECTOR,DB_SSH_CONNECTOR"
WORKER = "WORKFLOW_TEMPORAL_WORKER"
JOBS = "JOBS_RUNNER"


@dataclass(frozen=True, slots=True)
class Traffic:
    """Connections of one process; it begins and ends at these parts of the whole time."""

    process: str
    service_type: str
    host: str
    every_s: float
    hold_s: float
    begins: float = 0.0
    ends: float = 1.0
    port: int = 443


SCENARIO = (
    Traffic("node", API, "p.tryretool.com", 6, 3),
    Traffic("node", API, "licensing.tryretool.com", 240, 4, ends=0.55),
    Traffic("node", API, "invites.tryretool.com", 400, 3, begins=0.2, ends=0.5),
    Traffic("node", API, "email-service.retool.com", 400, 3, begins=0.2, ends=0.5),
    Traffic("node", API, "api.stripe.com", 9, 2),
    Traffic("node", API, "telemetry.retool.com", 60, 5),
    Traffic("node", WORKER, "api.openai.com", 15, 8),
    Traffic("node", WORKER, "api.anthropic.com", 70, 8, begins=0.3),
    Traffic("node", JOBS, "github.com", 90, 4),
    Traffic("node", API, "licensing.tryretool.com", 30, 1, begins=0.6),
    Traffic("python3", "", "203.0.113.77", 45, 30, begins=0.7),
)


def main(minutes: float, file: Path) -> None:
    """Play the scenario, recorded, and leave the history in ``file``."""
    seconds = minutes * 60
    with RetoolHost() as host, tempfile.TemporaryDirectory() as directory:
        for name, addresses in ZONE.items():
            host.zone.set(name, addresses)
        api = host.service("api")
        history = Path(directory) / "history.db"
        config = history.with_name("config.toml")
        config.touch()
        config.with_name("allowlist.toml").write_text(ALLOWLIST)
        script = f'hostname {NODE}; exec "$@"'
        collect = [sys.executable, "-m", "tui", "--history", str(history), "--config", str(config), "collect"]
        argv = ["unshare", "--uts", "sh", "-c", script, "sh", *collect]
        collector = api.popen(argv, env={"SUDO_USER": "ana"}, cwd=ROOT)
        time.sleep(8)
        play(api, seconds)
        collector.terminate()
        collector.wait(timeout=10)
        file.unlink(missing_ok=True)
        with sqlite3.connect(history) as db:
            db.execute("VACUUM INTO ?", (str(file),))


def play(api: Service, seconds: float) -> None:
    """All traffic of the scenario, each in its own time; licence checks are dropped from the middle on."""
    began, waiting, running = time.monotonic(), sorted(SCENARIO, key=lambda t: t.begins), list[subprocess.Popen[str]]()
    dropped = False
    while (part := (time.monotonic() - began) / seconds) < 1:
        if not dropped and part >= 0.57:
            drop(api, "203.0.113.10")
            dropped = True
        while waiting and waiting[0].begins <= part:
            running.append(start(api, waiting.pop(0), part, seconds))
        time.sleep(0.2)
    for process in running:
        process.wait(timeout=60)


def start(api: Service, traffic: Traffic, part: float, seconds: float) -> subprocess.Popen[str]:
    """Begin one kind of traffic."""
    rest = (traffic.ends - part) * seconds
    argv = [sys.executable, "-P", str(TRAFFIC), traffic.process, traffic.host, str(traffic.port)]
    times = [str(traffic.every_s), str(traffic.hold_s), str(rest)]
    return api.popen([*argv, *times], env={"SERVICE_TYPE": traffic.service_type})


def drop(api: Service, address: str) -> None:
    """From now on nothing answers at this address: what a firewall that drops looks like."""
    device = api.run(["sh", "-c", "ip -o route get 203.0.113.1 | sed 's/.* dev \\([^ ]*\\).*/\\1/'"]).stdout.strip()
    api.run(["ip", "neigh", "add", "10.77.0.250", "lladdr", "02:00:00:00:00:fa", "dev", device])
    api.run(["ip", "route", "add", f"{address}/32", "via", "10.77.0.250"])


if __name__ == "__main__":
    if os.geteuid() != 0:
        sys.exit("This needs root, for network namespaces.")
    main(float(sys.argv[1]), Path(sys.argv[2]))
