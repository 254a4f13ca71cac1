"""`doctor` as the real program: what it says as root, as nobody, in a container, and with a kernel's every refusal."""

import grp
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import PROGRAM, ROOT, Desk, run
from tests.collectors import Collecting
from tests.host import RetoolHost, Service, first_line
from tests.host.containers import Containers
from tests.host.containers import refusal as no_containers
from tests.host.engine import FakeEngine
from tests.host.storm import as_user
from tests.proxylog.ledger import LOGS
from tui.capture.diagnosis import look_around
from tui.capture.engine import Engine
from tui.capture.netns import own_namespace
from tui.capture.reach import UNIT, read_reach
from tui.capture.remedies import Remedies

NOBODY = 65534
WAIT = [sys.executable, "-c", "import sys; print('started', flush=True); sys.stdin.read()"]
CAPABILITIES = [name.removeprefix("CAP_").lower() for name in UNIT.partition("=")[2].split()]


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that nobody may enter and write, as the home of whoever runs the program."""
    with tempfile.TemporaryDirectory(prefix="doctor-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o777)
        yield folder


def environment(home: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Nothing of this machine's; no engine unless a test has one."""
    given = {"PATH": os.environ["PATH"], "HOME": str(home), "TZ": "UTC", "PYTHONPATH": str(ROOT)}
    return given | {"DOCKER_HOST": f"unix://{home}/no.sock"} | dict(more or {})


def doctor(
    home: Path, before: Sequence[str] = (), options: Sequence[str] = (), env: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What ``doctor --json`` says; ``before`` is put before the program."""
    argv = [*before, *PROGRAM, "--history", str(home / "history.db"), *options, "doctor", "--json"]
    done = run(argv, environment(home, env))
    assert done.stderr == ""
    report: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (0 if report["complete"] else 1)
    return report


def as_nobody(home: Path) -> list[str]:
    """What makes the program run as nobody; skips where nobody may not read it."""
    before = as_user(NOBODY)
    if run([*before, sys.executable, "-c", "import tui"], environment(home)).returncode != 0:
        pytest.skip("nobody may not read the program here")
    return before


def checked(report: Mapping[str, Any], what: str, where: str | None = None) -> dict[str, Any]:
    """The one check of what and where."""
    (found,) = [c for c in report["checks"] if c["what"] == what and where in (None, c["where"])]
    return dict(found)


@contextmanager
def living_in(service: Service, *, visitor: bool = False, env: Mapping[str, str] | None = None) -> Iterator[str]:
    """A process that waits there; gives its namespace, as the kernel names it."""
    with service.popen(WAIT, visitor=visitor, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        first_line(child)
        yield os.readlink(f"/proc/{child.pid}/ns/net")


def own(report: Mapping[str, Any]) -> dict[str, Any]:
    return checked(report, "namespace", own_namespace())


def test_the_own_namespace_is_seen_by_whoever_asks(home: Path) -> None:
    found = own(doctor(home))
    assert found["seen"] == "yes"
    assert "looked at, ends heard" in found["reason"]


def test_nothing_is_written_and_no_history_is_opened(home: Path) -> None:
    doctor(home)
    assert list(home.rglob("*")) == []
    history = home / "history.db"
    history.write_bytes(b"not a database")
    before = history.stat()
    report = doctor(home)
    assert [path.name for path in home.rglob("*")] == ["history.db"]
    assert (history.stat().st_mtime_ns, history.read_bytes()) == (before.st_mtime_ns, b"not a database")
    assert checked(report, "history")["seen"] == "yes"


def test_a_look_around_leaves_no_descriptor_and_this_thread_at_home(home: Path) -> None:
    remedies = Remedies("retool-egress", os.geteuid(), "x", False, read_reach())
    look_around("auto", remedies, Engine([str(home / "no.sock")]))
    before, place = set(os.listdir("/proc/self/fd")), own_namespace()
    for _ in range(3):
        look_around("auto", remedies, Engine([str(home / "no.sock")]))
    assert set(os.listdir("/proc/self/fd")) == before
    assert own_namespace() == place


def test_a_broken_configuration_is_a_finding_and_no_crash(home: Path) -> None:
    config = home / "config.toml"
    config.write_text("[sockets]\nsourcee = 1\n")
    config.chmod(0o600)
    found = checked(doctor(home, options=["--config", str(config)]), "configuration")
    assert found["seen"] == "no"
    assert "sourcee" in found["reason"]


def test_a_configuration_that_others_may_write_is_told_with_its_command(home: Path) -> None:
    config = home / "config.toml"
    config.touch()
    config.chmod(0o666)
    found = checked(doctor(home, options=["--config", str(config)]), "configuration")
    assert (found["seen"], found["remedy"]) == ("no", f"chmod go-w {config}")


def test_what_is_switched_off_is_not_seen(home: Path) -> None:
    config = home / "config.toml"
    config.write_text('[sockets]\nsource = "psutil"\n[names]\nwire = false\nforward = false\n')
    config.chmod(0o600)
    report = doctor(home, options=["--config", str(config)])
    assert report["source"] == "psutil"
    assert checked(report, "source")["remedy"].startswith('source = "auto"')
    assert checked(report, "ends")["seen"] == checked(report, "bytes")["seen"] == "no"
    assert checked(report, "names")["remedy"].startswith("forward = true")
    assert checked(report, "names")["reason"] == "switched off: nothing gives destinations a name"
    assert checked(report, "wire")["seen"] == "no"
    assert checked(report, "wire")["reason"] == "switched off; what is left: ranges only"
    assert checked(report, "wire")["remedy"].startswith("wire = true")


def configured(home: Path, *logs: Path) -> list[str]:
    """A configuration that names these logs, as options."""
    config = home / "config.toml"
    config.write_text("".join(f'[[proxy.log]]\npath = "{log}"\n' for log in logs))
    config.chmod(0o644)
    return ["--config", str(config)]


def test_each_log_of_a_proxy_is_looked_at_and_nothing_of_it_is_changed(home: Path) -> None:
    known, missing = home / "access.log", home / "missing.log"
    known.write_bytes((LOGS / "squid/squid.log").read_bytes())
    before = known.stat()
    report = doctor(home, options=configured(home, known, missing))
    assert checked(report, "proxy-log", str(known))["reason"] == "it may be read; squid, which names destinations"
    lines = checked(report, "proxy-lines", str(known))
    assert lines["seen"] == "partly"
    format_ = "%ts.%03tu %6tr %>a:%>p %Ss/%03>Hs %<st %rm %ru %un %Sh/%<a %mt"
    first, second = lines["remedy"].splitlines()
    assert first.startswith(f"logformat retool_egress {format_}   # in squid.conf")
    assert second.startswith(f'format = "squid: logformat retool_egress {format_}"   # ')
    assert checked(report, "proxy-log", str(missing))["seen"] == "no"
    assert (known.stat().st_mtime_ns, known.stat().st_size) == (before.st_mtime_ns, before.st_size)
    assert sorted(path.name for path in home.iterdir()) == ["access.log", "config.toml"]


@pytest.mark.root
def test_nobody_is_told_which_group_may_read_a_log(home: Path) -> None:
    log = home / "access.log"
    log.write_bytes((LOGS / "squid/squid.log").read_bytes())
    os.chown(log, 0, 4)
    log.chmod(0o640)
    group = grp.getgrgid(4).gr_name
    options = configured(home, log)
    found = checked(doctor(home, as_nobody(home), options), "proxy-log")
    assert (found["seen"], found["where"]) == ("no", str(log))
    assert found["reason"] == f"unreadable: {log} is 0640 root:{group}; join group {group}"
    assert found["remedy"] == f"sudo usermod -aG {group} nobody   # then log in again"
    assert checked(doctor(home, options=options), "proxy-log")["seen"] == "yes"


@pytest.mark.root
def test_a_proxy_on_this_host_whose_log_nobody_follows_is_told(retool_host: RetoolHost, home: Path) -> None:
    api = retool_host.service("api")
    environment_of_api = {"SERVICE_TYPE": "MAIN_BACKEND", "HTTPS_PROXY": "http://127.0.0.1:3128"}
    with living_in(api, env=environment_of_api):
        report = doctor(home)
        found = [check for check in report["checks"] if check["what"] == "proxy-log"]
        log = home / "access.log"
        log.touch()
        followed = doctor(home, options=configured(home, log))
    assert [(check["where"], check["seen"]) for check in found] == [("127.0.0.1:3128", "partly")]
    assert "which is on this host: follow its log" in found[0]["reason"]
    assert [check["where"] for check in followed["checks"] if check["what"] == "proxy-log"] == [str(log)]


@pytest.mark.root
def test_without_look_ups_names_come_from_packets_alone(home: Path) -> None:
    config = home / "config.toml"
    config.write_text("[names]\nforward = false\n")
    config.chmod(0o600)
    report = doctor(home, options=["--config", str(config)])
    assert (checked(report, "wire")["seen"], checked(report, "wire")["remedy"]) == ("yes", None)
    assert checked(report, "names")["reason"] == "switched off: names come from packets alone"


def test_a_history_that_cannot_be_written_is_told(home: Path) -> None:
    (home / "history.db").symlink_to(home / "elsewhere")
    found = checked(doctor(home), "history")
    assert found["seen"] == "no"
    assert "not a regular file" in found["reason"]


def test_it_works_beside_a_collector_and_says_who_records(desk: Desk) -> None:
    with Collecting(desk.folder, config="[names]\nforward = false\n") as collecting:
        done = desk.run("doctor", "--json")
        pid = collecting.process.pid
    assert f"process {pid} (foreground, " in checked(json.loads(done.stdout), "history")["reason"]


def test_people_get_a_table_with_the_misses_on_top_and_the_exit_code_says_so(home: Path) -> None:
    (home / "history.db").symlink_to(home / "elsewhere")
    done = run([*PROGRAM, "--history", str(home / "history.db"), "doctor"], environment(home))
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[1].startswith("NOT EVERYTHING IS SEEN: ")
    assert next(line for line in lines if line.startswith(("✕", "?", "●"))).startswith("✕ not seen")
    assert "Never seen by this version: " in done.stdout


@pytest.mark.root
@pytest.mark.skipif(no_containers() is not None, reason=str(no_containers()))
@pytest.mark.parametrize("linked", [True, False])
def test_root_is_told_each_container_by_name_and_that_it_is_looked_at_and_heard(home: Path, linked: bool) -> None:
    with ExitStack() as stack:
        host = stack.enter_context(RetoolHost(linked=linked))
        containers = stack.enter_context(Containers(host))
        engine = stack.enter_context(FakeEngine(containers.all.values()))
        namespace = stack.enter_context(living_in(host.service("api")))
        stack.enter_context(living_in(host.service("api"), visitor=True))
        report = doctor(home, env=engine.environment)
    found = checked(report, "namespace", namespace)
    assert found["workloads"] == ["retool-api-1 (api)", "visitor of retool-api-1"]
    assert (found["seen"], found["remedy"]) == ("yes", None)
    assert found["reason"].endswith("ends heard" if linked else "ends heard from inside")
    for what in ("entering", "all-at-once", "buffer", "owners", "wire"):
        assert checked(report, what)["seen"] == "yes"


@pytest.mark.root
@pytest.mark.skipif(no_containers() is not None, reason=str(no_containers()))
def test_an_engine_that_hangs_is_told_and_not_waited_for(home: Path, retool_host: RetoolHost) -> None:
    with ExitStack() as stack:
        containers = stack.enter_context(Containers(retool_host))
        engine = stack.enter_context(FakeEngine(containers.all.values()))
        namespace = stack.enter_context(living_in(retool_host.service("api")))
        engine.hang()
        began = time.monotonic()
        report = doctor(home, env=engine.environment)
        took_s = time.monotonic() - began
        short = containers.all["api"].id[:12]
    found = checked(report, "namespace", namespace)
    told = checked(report, "containers")
    assert took_s < 5
    assert (told["seen"], told["reason"].rpartition(": ")[2]) == (
        "partly",
        f"{engine.socket} did not answer within 200 ms",
    )
    assert str(engine.socket) in told["remedy"]
    assert f"{short} (api)" in found["workloads"]


@pytest.mark.root
def test_nobody_sees_its_own_namespace_and_is_told_that_others_cannot_even_be_counted(
    home: Path, retool_host: RetoolHost
) -> None:
    with living_in(retool_host.service("api")) as namespace:
        report = doctor(home, as_nobody(home))
    others = checked(report, "other-namespaces")
    assert others["seen"] == "no"
    assert "an unknown number of other namespaces" in others["reason"]
    assert others["remedy"].startswith("sudo ")
    assert own(report)["seen"] == "yes"
    assert namespace not in [c["where"] for c in report["checks"]]
    assert checked(report, "entering")["seen"] == "no"
    assert checked(report, "all-at-once")["seen"] == "partly"
    assert report["systemd_unit"] == UNIT


@pytest.mark.root
def test_nobody_with_the_capabilities_of_the_unit_sees_as_much_as_root(home: Path, retool_host: RetoolHost) -> None:
    given = ",".join(f"+{name}" for name in CAPABILITIES)
    as_nobody(home)
    before = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
    with living_in(retool_host.service("api")) as namespace:
        report = doctor(home, [*before, "--inh-caps", given, "--ambient-caps", given])
    assert checked(report, "namespace", namespace)["seen"] == "yes"
    for what in ("entering", "all-at-once", "buffer", "owners", "wire"):
        assert checked(report, what)["seen"] == "yes"
    assert checked(report, "other-namespaces")["seen"] != "no"


@pytest.mark.root
@pytest.mark.parametrize(
    ("without", "what", "seen"),
    [
        ("sys_admin", "entering", "no"),
        ("net_broadcast", "all-at-once", "partly"),
        ("sys_ptrace", "other-namespaces", "no"),
        ("dac_read_search", "owners", "partly"),
        ("net_admin", "buffer", "partly"),
        ("net_raw", "wire", "no"),
    ],
)
def test_each_capability_of_the_unit_is_needed(home: Path, without: str, what: str, seen: str) -> None:
    if without == "net_admin" and int(Path("/proc/sys/net/core/rmem_max").read_text()) >= 32 << 20:
        pytest.skip("this machine allows everybody a large buffer")
    given = ",".join(f"+{name}" for name in CAPABILITIES if name != without)
    as_nobody(home)
    before = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
    found = checked(doctor(home, [*before, "--inh-caps", given, "--ambient-caps", given]), what)
    assert found["seen"] == seen
    assert found["remedy"]


@pytest.mark.root
def test_a_namespace_that_may_not_be_entered_is_not_seen_and_says_which_capability_is_missing(
    home: Path, retool_host: RetoolHost
) -> None:
    with living_in(retool_host.service("api")) as namespace:
        report = doctor(home, ["setpriv", "--bounding-set", "-sys_admin"])
    found = checked(report, "namespace", namespace)
    assert found["seen"] == "no"
    assert "CAP_SYS_ADMIN is missing" in found["reason"]
    assert found["remedy"].startswith("CapabilityBoundingSet=")


@pytest.mark.root
def test_inside_a_container_s_namespace_the_own_one_is_seen(home: Path, retool_host: RetoolHost) -> None:
    argv = [*PROGRAM, "--history", str(home / "history.db"), "doctor", "--json"]
    done = retool_host.service("api").run(argv, env=environment(home))
    inside = (Path("/run/netns") / retool_host.service("api").netns).stat().st_ino
    assert checked(json.loads(done.stdout), "namespace", f"net:[{inside}]")["seen"] == "yes"


@pytest.mark.root
def test_hidepid_hides_from_nobody_that_there_is_anything_hidden_and_is_told(home: Path) -> None:
    mounted = ["unshare", "-m", "sh", "-c", 'mount -t proc -o hidepid=2 proc /proc && exec "$@"', "sh"]
    report = doctor(home, [*mounted, *as_nobody(home)])
    assert "hidepid=" in checked(report, "hidepid")["reason"]
    assert (checked(report, "hidepid")["seen"], checked(report, "other-namespaces")["seen"]) == ("no", "no")
    assert checked(report, "hidepid")["remedy"].startswith("sudo ")
    assert checked(doctor(home, mounted), "hidepid")["seen"] == "yes"


@pytest.mark.root
def test_a_user_namespace_is_told_and_not_taken_for_root(home: Path) -> None:
    report = doctor(home, ["unshare", "-Ur"])
    assert report["uid"] == 0
    assert checked(report, "user-namespace")["seen"] == "no"
    assert checked(report, "entering")["seen"] == "no"
    assert "on the host itself" in checked(report, "user-namespace")["remedy"]
    assert "CAP_NET_RAW is missing" in checked(report, "wire")["reason"]
    assert "on the host itself" in checked(report, "wire")["remedy"]


@pytest.mark.root
def test_a_container_s_own_list_of_processes_is_told(home: Path) -> None:
    report = doctor(home, ["unshare", "-pf", "--mount-proc"])
    assert checked(report, "pid-namespace")["seen"] == checked(report, "other-namespaces")["seen"] == "no"
    assert "--pid=host" in checked(report, "pid-namespace")["remedy"]


@pytest.mark.root
def test_a_collector_of_nobody_says_that_other_namespaces_are_not_seen(home: Path) -> None:
    before = as_nobody(home)
    base = [*before, *PROGRAM, "--history", str(home / "history.db")]
    env = environment(home)
    with subprocess.Popen([*base, "collect", "--for", "20s"], env=env, stderr=subprocess.PIPE, text=True) as collector:
        try:
            ends = time.monotonic() + 15
            notes: list[str] = []
            while not notes and time.monotonic() < ends:
                time.sleep(0.2)
                done = run([*base, "status", "--json"], env)
                notes = [n for n in json.loads(done.stdout or "{}").get("notes", []) if "unknown number" in n]
        finally:
            collector.terminate()
            collector.communicate()
    assert notes
    assert "retool-egress doctor" in notes[0]
