"""The test to run for a destination that is blocked: a command line made of what is recorded. Runs nothing."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence

from tui.history.batch import KeptWorkload
from tui.model.alert import Alert, AlertKind, is_proxy_down, proxy_address
from tui.model.connection import Endpoint
from tui.model.workload import Workload, WorkloadKind

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LIMIT_S = 5
HTTPS_PORT, HTTP_PORT = 443, 80


def place_of(alert: Alert, workloads: Iterable[KeptWorkload], namespaces: Sequence[str] = ()) -> Workload | None:
    """Where the test is to be run: what runs now of the one that was blocked, in the first of these namespaces if it
    does; None if no process of it is known."""
    whose = alert.role or _who(alert)
    there = [
        kept.workload
        for kept in workloads
        if kept.gone_us is None and kept.workload.pid > 0 and kept.workload.kind is not WorkloadKind.VISITOR
    ]
    own = [each for each in there if whose in (each.role, each.container)]
    preferred = (each for namespace in namespaces for each in own if each.namespace == namespace)
    return next(preferred, max(own, key=lambda each: each.started_us, default=None))


def test_command(alert: Alert, workload: Workload) -> str:
    """`sudo nsenter -t PID -n curl -sv -m 5 https://…`, with the proxy variables of that workload if it has any.

    For a name that does not resolve `getent hosts NAME`, among the container's own files: they name its resolver. For a
    proxy that cannot be reached a request to that itself: whatever it says to it, it answers.
    """
    words = ["sudo", "nsenter", "-t", str(workload.pid), "-n"]
    if alert.cause.endswith("|dns"):
        return shlex.join([*words, "-m", "getent", "hosts", alert.destination or ""])
    if is_proxy_down(alert):
        url = f"http://{Endpoint(proxy_address(alert), alert.port or 0)}"
        return shlex.join([*words, "curl", "-sv", "-m", str(_LIMIT_S), "--noproxy", "*", url])
    variables = [f"{name}={value}" for name, value in workload.proxy if _VARIABLE.fullmatch(name)]
    words += ["env", *variables] if variables else []
    words += ["curl", "-sv", "-m", str(_LIMIT_S), *_urls(alert)]
    return shlex.join(words)


def test_of(alert: Alert, workloads: Iterable[KeptWorkload]) -> str | None:
    """The command for an alert; None where there is nothing to test, or no process to test from."""
    if not is_testable(alert):
        return None
    workload = place_of(alert, workloads)
    return test_command(alert, workload) if workload is not None else None


def is_testable(alert: Alert) -> bool:
    """Whether an alert says that a destination is not reached now."""
    return alert.kind is AlertKind.BLOCKED and alert.is_open and alert.destination is not None


def _urls(alert: Alert) -> list[str]:
    """One URL, or one for each of several names that fit equally well."""
    port = alert.port or HTTPS_PORT
    scheme = "http" if port == HTTP_PORT else "https"
    tail = "" if port in (HTTP_PORT, HTTPS_PORT) else f":{port}"
    hosts = (alert.destination or "").split(" or ")
    return [f"{scheme}://{f'[{host}]' if ':' in host else host}{tail}" for host in hosts]


def _who(alert: Alert) -> str | None:
    """The container that a cause names: `blocked|WHO|HOST|PORT`, or `…|dns`."""
    parts = alert.cause.split("|")
    return parts[1] if len(parts) >= 4 else None
