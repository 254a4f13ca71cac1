"""A container engine for tests: it answers on a Unix socket as Docker does, from a list that a test may change."""

import hashlib
import json
import tempfile
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

from tests.host.containers import PROJECT, Container

_VERSION: Final = {"ApiVersion": "1.47", "MinAPIVersion": "1.24", "Version": "27.5.1", "Os": "linux"}
_HANGS_AT_MOST_S: Final = 30.0


@dataclass
class Listed:
    """A container as the engine tells of it; the fields may be changed while it runs."""

    id: str
    name: str
    image: str
    labels: dict[str, str] = field(default_factory=dict)
    state: str = "running"
    created: int = 0
    """Unix time."""

    def as_docker(self) -> dict[str, Any]:
        """Its entry in the answer to `GET /containers/json` (Docker Engine API, ContainerList)."""
        return {
            "Id": self.id,
            "Names": [f"/{self.name}"],
            "Image": self.image,
            "ImageID": f"sha256:{hashlib.sha256(self.image.encode()).hexdigest()}",
            "Command": "docker-entrypoint.sh",
            "Created": self.created,
            "Ports": [],
            "Labels": self.labels,
            "State": self.state,
            "Status": "Up 5 minutes" if self.state == "running" else "Exited (0) 1 second ago",
            "HostConfig": {"NetworkMode": f"{PROJECT}_default"},
            "NetworkSettings": {"Networks": {}},
            "Mounts": [],
        }


def listed(container: Container) -> Listed:
    """A container of the host for tests, as Compose labels it."""
    labels = {
        "com.docker.compose.project": PROJECT,
        "com.docker.compose.service": container.service,
        "com.docker.compose.container-number": "1",
        "com.docker.compose.oneoff": "False",
    }
    return Listed(container.id, container.name, container.image, labels, created=int(time.time()))


class FakeEngine:
    """A context manager: inside the block the socket answers. The product finds it by `environment`."""

    def __init__(self, containers: Iterable[Container]) -> None:
        self.containers = {container.service: listed(container) for container in containers}
        """By Compose service; change what is in it, add, or take away."""
        self.asked: list[str] = []
        """The paths that were asked for."""
        self._answers = threading.Event()
        self._answers.set()

    @property
    def socket(self) -> Path:
        return self._socket

    @property
    def environment(self) -> dict[str, str]:
        """For a program that is to find this engine."""
        return {"DOCKER_HOST": f"unix://{self._socket}"}

    def hang(self) -> None:
        """Take connections and requests, and say nothing until `go_on`."""
        self._answers.clear()

    def go_on(self) -> None:
        """Answer again; also those who still wait."""
        self._answers.set()

    def answer(self, target: str) -> tuple[int, object]:
        """The status and the JSON value for a path, with or without a version before it."""
        self.asked.append(target)
        self._answers.wait(_HANGS_AT_MOST_S)
        asked = urlsplit(target)
        path = "/" + asked.path.lstrip("/").partition("/")[2] if asked.path.startswith("/v1.") else asked.path
        if path == "/_ping":
            return 200, "OK"
        if path == "/version":
            return 200, _VERSION
        if path == "/containers/json":
            everything = parse_qs(asked.query).get("all", ["0"])[0] in ("1", "true", "True")
            shown = [one for one in list(self.containers.values()) if everything or one.state == "running"]
            return 200, [one.as_docker() for one in shown]
        return 404, {"message": "page not found"}

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="engine-")
        self._socket = Path(self._folder.name, "docker.sock")
        self._server = _Server(str(self._socket), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.go_on()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._folder.cleanup()


class _Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away while it waits is no fault."""


def _handler(engine: FakeEngine) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version = "Docker/27.5.1"

        def do_GET(self) -> None:
            status, value = engine.answer(self.path)
            body = value.encode() if isinstance(value, str) else json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain" if isinstance(value, str) else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def address_string(self) -> str:
            return "unix"

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: the engine remembers what was asked."""

    return Handler
